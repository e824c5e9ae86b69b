// A voice over a line that loses a tenth of everything: each packet carries the one before it once more, so that hardly
// any sound is made up by the browser.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { open } from "../harness/browser.mjs";
import { farNamespace } from "../harness/namespace.mjs";
import { heard } from "../harness/picture.mjs";
import { Server } from "../harness/server.mjs";
import { until } from "../harness/until.mjs";
import { Member } from "../pages/member.mjs";
import { Surgeon } from "../pages/surgeon.mjs";

const LOSS = 0.1;
/** Ten seconds at 48 kHz. */
const SAMPLES = 480_000;

let server;
let surgeon;
let trainee;
let line;

before(async () => {
  line = await farNamespace("home", { delay_ms: 20, loss: LOSS });
  server = await Server.start({ host: "10.77.0.1" });
  surgeon = new Surgeon(await open({ trusted: server.url, camera: { site: 0, kinds: [0] }, tone_hz: 440 }));
  trainee = new Member(await open({ namespace: line.name, trusted: server.url }));
});

after(async () => {
  await Promise.all([surgeon, trainee].map((member) => member?.page.end()));
  await server?.stop();
  await line?.link.stop();
});

test("little of a voice is made up where a tenth of its packets is lost", async () => {
  await surgeon.enter(await server.link({ role: "surgeon", site: "site-a" }));
  await surgeon.publish(["endoscope"]);
  await trainee.enter(await server.link({ role: "trainee" }));
  await heard(trainee.page, 440);
  const count = () => trainee.page.evaluate(async () => (await probe.inbound("audio")).find((row) => row.packetsReceived > 50));
  const first = await until("a voice that flows", count);
  const since = (row, name) => row[name] - first[name];
  const last = await until("ten seconds of sound", async () => {
    const row = await count();
    return since(row, "totalSamplesReceived") > SAMPLES && row;
  });
  const lost = since(last, "packetsLost") / (since(last, "packetsLost") + since(last, "packetsReceived"));
  const madeUp = since(last, "concealedSamples") / since(last, "totalSamplesReceived");
  console.log(`lost ${(lost * 100).toFixed(1)} %, made up ${(madeUp * 100).toFixed(1)} % of the sound`);
  assert.ok(lost > LOSS / 2, "the line does lose");
  assert.ok(madeUp < lost / 2, "most of what is lost is there all the same");
});
