// The server's first step where it has no room for all is to leave out frames that no other needs: the web client sends
// such frames, every second one, with every codec.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { open } from "../harness/browser.mjs";
import { Server } from "../harness/server.mjs";
import { until } from "../harness/until.mjs";
import { Surgeon } from "../pages/surgeon.mjs";
import { pictureStats } from "../pages/plain.mjs";

let server;
let surgeon;

before(async () => {
  server = await Server.start();
  surgeon = new Surgeon(await open({ camera: { site: 0, kinds: [0] }, tone_hz: 330 }));
});

after(async () => {
  await surgeon?.page.end();
  await server?.stop();
});

for (const codec of ["H264", "VP8", "VP9", "AV1"]) {
  test(`${codec}: every second frame of a surgeon's feed is needed by no other`, async () => {
    const room = `room-${codec}`;
    await surgeon.page.goto(`${server.url}/healthz`);
    await surgeon.enter(await server.link({ room, role: "surgeon", site: "site-a" }, codec));
    await surgeon.publish(["endoscope"]);
    const counted = async () => {
      const metrics = await server.metrics();
      const [all, upper] = ["frames", "upper_frames"].map((what) => metrics.sum(`consilium_feed_${what}_total`, `room="${room}"`));
      return { all, upper };
    };
    await until("frames", async () => (await counted()).all > 30, { seen: counted });
    const before = await counted();
    await until("ninety more", async () => (await counted()).all >= before.all + 90, { seen: counted });
    const { all, upper } = await counted();
    const share = (upper - before.upper) / (all - before.all);
    const { scalabilityMode } = await pictureStats(surgeon.page);
    console.log(`${codec}: ${scalabilityMode}, ${share.toFixed(2)} of the frames`);
    assert.equal(scalabilityMode, "L1T2");
    assert.ok(share > 0.4 && share < 0.6, `${share}`);
  });
}
