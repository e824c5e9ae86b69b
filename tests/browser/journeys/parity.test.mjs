// A viewer far away, on a line that loses packets: to ask for them again takes too long, and what is sent with the picture to
// mend it does not.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { open } from "../harness/browser.mjs";
import { farNamespace } from "../harness/namespace.mjs";
import { shown } from "../harness/picture.mjs";
import { Server } from "../harness/server.mjs";
import { until } from "../harness/until.mjs";
import { playPlainly } from "../pages/plain.mjs";
import { ffmpegPublisher } from "../publishers/ffmpeg.mjs";
import { KINDS } from "../strip.mjs";

const room = "room-parity";
const site = "site-a";
const feed = "endoscope";
const mark = { site: 0, kind: KINDS.indexOf(feed) };
const SECONDS = 20;
/** Between two pictures; 33 is usual. */
const PAUSE_MS = 200;

let line;
let server;
let ffmpeg;
let viewers;

before(async () => {
  line = await farNamespace("far", { delay_ms: 140, loss: 0.02 });
  // Nothing is held back, so that what comes late is seen.
  server = await Server.start({ host: "10.77.0.1", flags: ["--max-playout-delay-ms", "0"] });
  const token = await server.token({ room, role: "device", site });
  ffmpeg = ffmpegPublisher({ endpoint: `${server.url}/whip/${room}?feed=${feed}`, token, ...mark, gop_frames: 60 });
  viewers = await Promise.all([0, 1].map(() => open({ namespace: line.name, trusted: server.url })));
});

after(async () => {
  await Promise.all((viewers ?? []).map((page) => page.end()));
  await ffmpeg?.stop("SIGINT");
  await server?.stop();
  await line?.link.stop();
});

/** Gives parity a name that nobody knows in all that the page offers. */
function offerNoParity() {
  const fetch = window.fetch;
  window.fetch = (url, how) => fetch(url, typeof how?.body === "string" ? { ...how, body: how.body.replaceAll(" flexfec-03/", " nothing/") } : how);
}

test("who takes parity has its pictures in time, and who does not waits for what is sent again", async () => {
  const [with_parity, without] = viewers;
  await without.evaluateOnNewDocument(offerNoParity);
  for (const page of viewers) {
    await playPlainly(page, { url: server.url, room, token: await server.token({ room, role: "expert" }), site, feed });
    await shown(page, mark);
  }
  const received = async (page) => (await page.evaluate(() => probe.inbound()))[0].fecPacketsReceived ?? 0;
  await until("parity", async () => (await received(with_parity)) > 100, { seen: () => received(with_parity) });
  assert.equal(await received(without), 0);
  const pauses = await Promise.all(viewers.map((page) => page.evaluate(async (seconds) => {
    probe.follow(document.querySelector("video"));
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    probe.unfollow();
    const at_ms = probe.followed().map((row) => row.at_ms);
    return at_ms.slice(1).map((at, index) => at - at_ms[index]);
  }, SECONDS)));
  const long = pauses.map((gaps) => gaps.filter((gap) => gap > PAUSE_MS).length);
  const longest = pauses.map((gaps) => Math.max(...gaps).toFixed(0));
  console.log(`pauses over ${PAUSE_MS} ms in ${SECONDS} s: ${long[0]} with parity (the longest ${longest[0]} ms), ${long[1]} without (${longest[1]} ms)`);
  assert.ok(long[1] > 8, "the line does lose");
  assert.ok(long[0] < long[1] / 2, "most of it is there in time");
  const sent = (await server.metrics()).sum("consilium_room_parity_packets_total", `room="${room}"`);
  assert.ok(sent > 100, `${sent}`);
});
