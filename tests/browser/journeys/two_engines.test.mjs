// A surgeon in one browser engine and an expert in the other see and hear each other, with the real web client.
// Here Firefox has no H.264, which it fetches as a plugin at run time; VP8 and AV1 are its own.
// For the same reason it only hears the demo, which sends H.264.

import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { open } from "../harness/browser.mjs";
import { heard } from "../harness/picture.mjs";
import { Process } from "../harness/process.mjs";
import { binary, demoCache, Server } from "../harness/server.mjs";
import { until } from "../harness/until.mjs";
import { isTrue, Member } from "../pages/member.mjs";
import { Surgeon } from "../pages/surgeon.mjs";

let server;

before(async () => {
  // Firefox sends no media to a server on loopback.
  server = await Server.start({ host: "10.77.0.1" });
});

after(() => server?.stop());

const pairs = [
  ["chromium", "firefox", "VP8"],
  ["chromium", "firefox", "AV1"],
  ["firefox", "chromium", "VP8"],
  ["firefox", "chromium", "AV1"],
];

for (const [theirs, ours, codec] of pairs) {
  test(`a surgeon in ${theirs} with ${codec}, an expert in ${ours}`, async () => {
    const room = `room-${theirs}-${codec}`;
    const trusted = server.url;
    const surgeon = new Surgeon(await open({ engine: theirs, trusted, camera: { site: 0, kinds: [0] }, tone_hz: 330 }));
    const expert = new Member(await open({ engine: ours, trusted, camera: { site: 7, kinds: [8] }, tone_hz: 550 }));
    try {
      await surgeon.enter(await server.link({ room, role: "surgeon", site: "site-a" }, codec));
      await surgeon.publish(["endoscope"]);
      await expert.enter(await server.link({ room, role: "expert" }, codec));
      await expert.talk();
      await expert.shareCamera();

      const [first] = await expert.truePictures(1, "large");
      await until("sixty more frames", async () => {
        const large = await expert.large();
        return large.mark && isTrue(large) && large.mark.frame > first.mark.frame + 60;
      });
      const inbound = await expert.page.evaluate(() => probe.inbound());
      const codecs = inbound.filter((row) => row.framesDecoded > 0).map((row) => row.codec);
      assert.ok(codecs.length > 0 && codecs.every((each) => each === `video/${codec}`), `${codecs}`);
      await surgeon.seesFace(7);
      await heard(expert.page, 330);
      await heard(surgeon.page, 550);
    } finally {
      await Promise.all([surgeon.page.end(), expert.page.end()]);
    }
  });
}

test("the demo as it starts by itself, an expert in Firefox", async () => {
  const data = await mkdtemp(join(tmpdir(), "consilium-"));
  const demo = new Process(binary, ["demo", "--data", data], { env: demoCache });
  await demo.line(/^ready$/, 180_000);
  const [, link] = await demo.line(/^expert (.*)$/);
  const expert = new Member(await open({ engine: "firefox" }));
  try {
    await expert.enter(link);
    const voices = async () => (await expert.page.evaluate(() => probe.inbound("audio"))).filter((row) => row.packetsReceived > 50);
    await until("three voices", async () => (await voices()).length >= 3, { within_ms: 30_000, seen: voices });
  } finally {
    await expert.page.end();
    await demo.stop();
  }
});
