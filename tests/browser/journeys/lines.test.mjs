// One feed and its voice over a line that loses and over one that is narrow, read from the pictures by the machine. Machines are
// busy: some stretch of several has to be as good as it should be, as far as the camera's own browser encodes so many frames.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { playOver, publishBy, Whip } from "../harness/lines.mjs";
import { Server } from "../harness/server.mjs";

const room = "room-lines";
const where = `${room}?feed=endoscope`;
/** As the web client sends a camera. */
const layers = [
  { rid: "h", maxBitrate: 2_500_000 },
  { rid: "m", maxBitrate: 600_000, scaleResolutionDownBy: 2 },
  { rid: "l", maxBitrate: 150_000, scaleResolutionDownBy: 4 },
];
const STRETCHES = 5;
const SECONDS = 6;

let server;
let subject;
let publisher;
let places = 0;

before(async () => {
  server = await Server.start({ host: "10.77.0.1" });
  const [device, trainee] = await Promise.all([server.token({ room, role: "device", site: "site-a" }), server.token({ room, role: "trainee" })]);
  const doors = { publish: `${server.url}/whip/${where}`, play: `${server.url}/whep/${where}&site=site-a` };
  subject = new Whip("Consilium", { ...doors, publishToken: device, playToken: trainee });
  publisher = await publishBy(subject, server.url, layers);
});

after(async () => {
  await publisher?.end();
  await server?.stop();
});

/** How many frames a second the camera's browser encodes now of this size: of noise it leaves some out to keep to its rate. */
async function encoded(height) {
  const rows = await publisher.evaluate(() => probe.outbound());
  return rows.find((row) => row.frameHeight === height)?.framesPerSecond ?? 0;
}

for (const [line, how, least_frames] of [
  ["80 ms there and back, 2 % lost, 20 Mb/s", { delay_ms: 40, loss: 0.02, down_mbps: 20 }, 25],
  ["1 Mb/s", { delay_ms: 20, down_mbps: 1 }, 15],
]) {
  test(`one feed and its voice over ${line}`, async () => {
    const rows = [];
    const is_good = (row) => row.frames_a_second >= Math.min(least_frames, 0.85 * row.encoded) && row.made_up_share <= 0.05;
    while (rows.length < STRETCHES && !rows.some(is_good)) {
      // Who comes late comes to a long cache, which such a line does not carry.
      const row = await playOver(subject, server.url, `office${++places}`, how, SECONDS);
      rows.push({ ...row, encoded: await encoded(row.height) });
      console.log(`${line}: ${JSON.stringify(rows.at(-1))}`);
      assert.ok(rows.at(-1).age_p95_ms < 3000, "nobody is shown the past (hazard H1)");
    }
    assert.ok(rows.some(is_good), `${least_frames} frames a second and a whole voice`);
  });
}
