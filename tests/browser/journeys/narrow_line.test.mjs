// An expert whose line does not carry all that is watched: the large picture stays whole, small ones are left out and say
// why, and come back when the line is wide again. One-layer feeds too small for thumbnails: there is nothing to send less of.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { open } from "../harness/browser.mjs";
import { farNamespace } from "../harness/namespace.mjs";
import { Server } from "../harness/server.mjs";
import { until } from "../harness/until.mjs";
import { KINDS } from "../strip.mjs";
import { Member } from "../pages/member.mjs";
import { ffmpegPublisher } from "../publishers/ffmpeg.mjs";

const room = "room-narrow";
const site = "site-a";
const kinds = ["endoscope", "ultrasound", "ct", "room"];
/** FFmpeg sends about 1 Mb/s of each feed. */
const [wide_mbps, narrow_mbps] = [20, 2.4];

let server;
let office;
let expert;
let lead;
const publishers = [];

before(async () => {
  office = await farNamespace("office", { delay_ms: 20, down_mbps: wide_mbps });
  server = await Server.start({ host: "10.77.0.1" });
  const token = await server.token({ room, role: "device", site });
  for (const kind of kinds) {
    publishers.push(ffmpegPublisher({ endpoint: `${server.url}/whip/${room}?feed=${kind}`, token, site: 0, kind: KINDS.indexOf(kind) }));
  }
  expert = new Member(await open({ namespace: office.name, trusted: server.url, size: [1280, 800] }));
  await expert.enter(await server.link({ room, role: "expert" }));
  lead = new Member(await open({ trusted: server.url, size: [1280, 800] }));
  await lead.enter(await server.link({ room, role: "lead" }));
});

after(async () => {
  await Promise.all([expert, lead].map((member) => member?.page.end()));
  await Promise.all(publishers.map((publisher) => publisher.stop("SIGINT")));
  await server?.stop();
  await office?.link.stop();
});

const vacant = async (which) => (await expert.pictures(which)).map((picture) => picture.vacant ?? null);
/** How the expert's line is, as the expert's own page says, and as the lead's does. */
const called = async () => [await expert.ownLine("receive"), await lead.lineOf("expert", "receive")];
const leftOut = async () => (await vacant("side")).filter((why) => why === "line").length;

test("a wide line carries all four", async () => {
  await expert.truePictures(kinds.length, "side");
  await expert.truePictures(1, "large");
  assert.deepEqual(await vacant("large side"), Array(kinds.length + 1).fill(null));
  assert.deepEqual(await called(), ["good", "good"]);
});

test("on a narrow one small pictures are left out, and the large one goes on", async () => {
  office.widen({ down_mbps: narrow_mbps });
  await until("small pictures that wait for the line", async () => (await leftOut()) >= 2, { seen: () => vacant("side") });
  const seen = async () => (await expert.large()).mark?.frame;
  // The queue of the line is to empty first.
  const start = await until("a large picture", async () => (await seen()) ?? false);
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  const frames = (await seen()) - start;
  const [row] = await expert.page.evaluate(async () => (await probe.inbound()).map((row) => [row.freezeCount, row.packetsLost]));
  console.log(`large: ${frames} frames passed in 10 s, freezes and packets lost so far ${row}; small: ${await vacant("side")}`);
  assert.ok(frames > 240, `${frames} frames in 10 s`);
  assert.deepEqual(await vacant("large"), [null]);
  assert.deepEqual(await called(), ["poor", "poor"], "voice and the large picture only, and the lead knows");
});

test("when the line is wide again they come back", async () => {
  office.widen({ down_mbps: wide_mbps });
  await until("all small pictures", async () => (await leftOut()) === 0, { within_ms: 60_000, seen: () => vacant("side") });
  await expert.truePictures(kinds.length, "side");
  await until("a good line", async () => (await called()).every((condition) => condition === "good"), { seen: called });
  assert.deepEqual(expert.page.complaints, []);
});
