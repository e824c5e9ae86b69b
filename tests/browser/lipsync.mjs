// Measures how far a voice is from its picture, and how far two feeds of a site are from each other, where pictures are
// held back: in the web client as it is, and in one that leaves voices alone. Prints the rows of
// benches/results/DATE-playout.md. Usage: harness/alone node lipsync.mjs [RUNS]

import { open } from "./harness/browser.mjs";
import { median, quantile, since } from "./harness/figures.mjs";
import { farNamespace } from "./harness/namespace.mjs";
import { Server } from "./harness/server.mjs";
import { voiceAfterPicture } from "./harness/skew.mjs";
import { until } from "./harness/until.mjs";
import { Member } from "./pages/member.mjs";
import { Surgeon } from "./pages/surgeon.mjs";

const room = "room-lips";
const lines = { "clean, 50 ms there and back": { delay_ms: 25 }, "5 % lost, 100 ms there and back": { delay_ms: 50, loss: 0.05 } };
const [runs = "2"] = process.argv.slice(2);

/** The server's word on how long an expert's pictures are held back. */
const told_ms = async (server) => 1000 * (await server.metrics()).sum("consilium_member_playout_delay_seconds", 'role="expert"');

function leaveVoicesAlone() {
  Object.defineProperty(RTCRtpReceiver.prototype, "jitterBufferTarget", { get: () => null, set: () => undefined });
}

async function measure(line, prepare) {
  const office = await farNamespace(`office${Math.round(performance.now())}`, line);
  const server = await Server.start({ host: "10.77.0.1" });
  const camera = { site: 0, kinds: [0, 1], clock: true, flashes: true };
  const surgeon = new Surgeon(await open({ trusted: server.url, camera, tone_hz: 440 }));
  const expert = new Member(await open({ namespace: office.name, trusted: server.url }));
  try {
    if (prepare) await expert.page.evaluateOnNewDocument(prepare);
    await surgeon.enter(await server.link({ room, role: "surgeon", site: "site-a" }));
    await surgeon.publish(["endoscope", "ultrasound"]);
    await expert.enter(await server.link({ room, role: "expert" }));
    await expert.truePictures(2, "side");
    const decoded = () => expert.page.evaluate(async () => Math.max(...(await probe.inbound()).map((row) => row.framesDecoded)));
    await until("a quarter of a minute of it", async () => (await decoded()) > 450, { within_ms: 60_000 });
    const before_ms = await told_ms(server);
    const { heard, hold_ms } = await voiceAfterPicture(expert, surgeon, 24);
    const followed = await expert.page.evaluate(() => probe.followAges(document.querySelectorAll('[data-testid="side"]'), 150));
    const [one, other] = followed.map(({ frames }) => frames.filter((row) => row.mark));
    const nearest = (row) => other.reduce((a, b) => (Math.abs(a.shown_ms - row.shown_ms) <= Math.abs(b.shown_ms - row.shown_ms) ? a : b));
    const apart = one.map((row) => Math.abs(since(row.mark, row.shown_ms) - since(nearest(row).mark, nearest(row).shown_ms)));
    const ages = one.map((row) => since(row.mark, row.shown_ms));
    const late = heard.map(Math.abs);
    return [before_ms, await told_ms(server), median(ages), median(heard), quantile(late, 0.95), hold_ms, median(apart), quantile(apart, 0.95)].map((value) => Math.round(value));
  } finally {
    await Promise.all([surgeon, expert].map((member) => member.page.end()));
    await server.stop();
    await office.link.stop();
  }
}

console.log("| line | voices | held back before, ms | after | age p50 | voice after picture p50 | its distance p95 | voice held | feeds apart p50 | p95 |");
for (let run = 1; run <= Number(runs); run++) {
  for (const [name, line] of Object.entries(lines)) {
    for (const [voices, prepare] of Object.entries({ "left alone": leaveVoicesAlone, "held with pictures": undefined })) {
      console.log(`| ${[name, voices, ...(await measure(line, prepare))].join(" | ")} |`);
    }
  }
}
