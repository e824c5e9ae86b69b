// One feed and its voice over a line that loses, read from the pictures by the machine. Machines are
// busy: some stretch of several has to be as good as it should be.

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

for (const [line, how, least_frames] of [
  ["80 ms there and back, 2 % lost, 20 Mb/s", { delay_ms: 40, loss: 0.02, down_mbps: 20 }, 25],
]) {
  test(`one feed and its voice over ${line}`, async () => {
    const rows = [];
    const is_good = (row) => row.frames_a_second >= least_frames && row.made_up_share <= 0.05;
    while (rows.length < STRETCHES && !rows.some(is_good)) {
      rows.push(await playOver(subject, server.url, `office${++places}`, how, SECONDS));
      console.log(`${line}: ${JSON.stringify(rows.at(-1))}`);
    }
    assert.ok(rows.some(is_good), `${least_frames} frames a second and a whole voice`);
  });
}
