// A browser that sends AV1 in several spatial layers is seen: every picture comes, in order, in full size, by who is there
// and by who comes later, and after a switch there and back. Who shows it small is sent less, and so is a page that cannot
// tell the layers apart. How many pictures there are is the encoder's matter: this machine encodes and decodes everything
// itself.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { open } from "../harness/browser.mjs";
import { Server } from "../harness/server.mjs";
import { until } from "../harness/until.mjs";
import { framesSince, KINDS } from "../strip.mjs";
import { Member } from "../pages/member.mjs";
import { endSession, pictureStats, playPlainly, publishPlainly, readEvery } from "../pages/plain.mjs";

const site = "site-a";
/** A quarter of it can still be read, in which encoders begin. */
const size = { width: 960, height: 540 };

let server;
let surgeon;
let box;
let viewer;
let expert;

before(async () => {
  server = await Server.start();
  [surgeon, box, viewer] = await Promise.all([open(), open(), open()]);
  expert = new Member(await open({ size: [1280, 800] }));
});

after(async () => {
  await Promise.all([surgeon, box, viewer, expert?.page].map((page) => page?.end()));
  await server?.stop();
});

async function publish(page, { room, feed, mode, codec = "AV1" }) {
  const token = await server.token({ room, role: "device", site });
  const layers = [{ scalabilityMode: mode, maxBitrate: 2_000_000 }];
  await publishPlainly(page, { url: server.url, room, feed, token, codec, camera: { kind: KINDS.indexOf(feed), ...size }, layers });
}

/** Plays, and reads the pictures until so many have come in full size: all are right, and none is older than the one before. */
async function plays(where, kind, pictures, width = size.width) {
  const { session, first_picture_ms } = await playPlainly(viewer, where);
  const read = await readEvery(viewer);
  await until(`pictures ${width} wide`, async () => (await pictureStats(viewer)).frameWidth === width, { within_ms: 60_000, seen: () => pictureStats(surgeon) });
  // What the cache replayed is decoded as fast as may be, and not all of it.
  const live = (await read.count()) + 30;
  await until("live pictures", async () => (await read.count()) >= live, { seen: () => pictureStats(viewer) });
  const [from, before] = [await read.count(), await pictureStats(viewer)];
  await until(`${pictures} pictures`, async () => (await read.count()) >= from + pictures, { seen: () => pictureStats(viewer) });
  const [rows, after] = [await read.rows(), await pictureStats(viewer)];
  const marks = rows.map((row) => row.mark).filter(Boolean);
  const steps = marks.slice(1).map((mark, index) => framesSince(marks[index], mark));
  const legible = rows.slice(from).filter((row) => row.mark).length / (rows.length - from);
  const [received, decoded] = ["framesReceived", "framesDecoded"].map((count) => after[count] - before[count]);
  console.log(`first picture ${first_picture_ms.toFixed(0)} ms, then decoded ${decoded} of ${received}, ${(legible * 100).toFixed(0)} % read; asked ${after.pliCount}, frozen ${after.freezeCount}`);
  assert.ok(legible > 0.9, `${legible} of ${rows.length - from} can be read`);
  assert.ok(marks.every((mark) => mark.site === 0 && mark.kind === kind), "another feed");
  assert.ok(steps.every((step) => step >= 1 && step < 300), `never backwards: ${steps}`);
  assert.ok(decoded >= received - 10, `decoded ${decoded} of ${received}`);
  assert.equal(after.frameWidth, width);
  return session;
}

const modes = [["AV1", "L2T2"], ["AV1", "L3T3_KEY"], ["AV1", "L3T3"], ["VP9", "L2T2"]];

for (const [number, [codec, mode]] of modes.entries()) {
  test(`${codec} ${mode} is seen by who is there and by who comes late`, async () => {
    const where = { url: server.url, room: `room-${number}`, site, feed: "endoscope" };
    where.token = await server.token({ room: where.room, role: "expert" });
    await publish(surgeon, { ...where, mode, codec });
    for (let time = 0; time < 3; time += 1) {
      const session = await plays(where, KINDS.indexOf(where.feed), 60);
      assert.equal(await endSession(session, where.token), 200);
    }
    const sent = await pictureStats(surgeon);
    assert.match(sent.scalabilityMode, new RegExp(`^L[23]${mode.slice(2)}$`));
  });
}

test("AV1 L2T2 is seen small by a page that offers no descriptor", async () => {
  const where = { url: server.url, room: "room-plain", site, feed: "endoscope" };
  where.token = await server.token({ room: where.room, role: "expert" });
  await publish(surgeon, { ...where, mode: "L2T2" });
  await until("the sender's full size", async () => (await pictureStats(surgeon)).frameWidth === size.width, { within_ms: 60_000, seen: () => pictureStats(surgeon) });
  await viewer.evaluateOnNewDocument(() => (RTCRtpTransceiver.prototype.setHeaderExtensionsToNegotiate = () => {}));
  await plays(where, KINDS.indexOf(where.feed), 60, size.width / 2);
});

describe("the web client", () => {
  const room = "room-switch";

  before(async () => {
    await publish(surgeon, { room, feed: "endoscope", mode: "L2T2" });
    await publish(box, { room, feed: "ultrasound", mode: "L3T3_KEY" });
    await expert.enter(await server.link({ room, role: "expert" }));
    await expert.truePictures(2, "side");
  });

  test("switches there and back", async () => {
    const feeds = Object.fromEntries((await expert.pictures("side")).map(({ kind, feed }) => [kind, feed]));
    for (const kind of ["ultrasound", "endoscope", "ultrasound", "endoscope"]) {
      const took_ms = await expert.choose({ feed: feeds[kind], site, kind });
      const [{ mark }] = await expert.truePictures(1, "large");
      await until("thirty frames more", async () => {
        const large = await expert.large();
        return large.mark && large.kind === kind && framesSince(mark, large.mark) > 30;
      });
      console.log(`${kind} after ${took_ms.toFixed(0)} ms`);
    }
  });

  /** The video of the large picture: its width, and what has come for it. */
  const large = () => expert.page.evaluate(async () => {
    const video = document.querySelector('[data-testid="large"] video');
    const { id } = video.srcObject.getVideoTracks()[0];
    const row = (await probe.inbound()).find((row) => row.trackIdentifier === id);
    return { width: video.videoWidth, bytes: row.bytesReceived, frames: row.framesReceived, freezes: row.freezeCount };
  });

  /** What it costs over sixty pictures of this width, in bits each. */
  async function bits(width) {
    const first = await until(`a picture ${width} wide`, async () => {
      const now = await large();
      return now.width === width && now;
    }, { within_ms: 60_000, seen: large });
    const last = await until("sixty pictures", async () => {
      const now = await large();
      return now.frames >= first.frames + 60 && now;
    }, { within_ms: 60_000, seen: large });
    assert.equal(last.width, width);
    return ((last.bytes - first.bytes) * 8) / (last.frames - first.frames);
  }

  test("is sent the lower layers for a small picture, and the whole again for a large one", async () => {
    const asked = async () => (await server.metrics()).sum("consilium_room_keyframe_requests_upstream_total", `room="${room}"`);
    const whole = await bits(size.width);
    await expert.page.evaluate(() => probe.follow(document.querySelector('[data-testid="large"] video')));
    await expert.page.setViewport({ width: 420, height: 420 });
    const lower = await bits(size.width / 2);
    const [before, { freezes }] = [await asked(), await large()];
    await expert.page.setViewport({ width: 1280, height: 800 });
    const again = await bits(size.width);
    const rows = (await expert.page.evaluate(() => probe.followed())).filter((row) => row.mark);
    const steps = rows.slice(1).map((row, index) => framesSince(rows[index].mark, row.mark));
    const [pauses_ms, more] = [rows.slice(1).map((row, index) => row.at_ms - rows[index].at_ms), (await asked()) - before];
    console.log(`bits a picture: ${[whole, lower, again].map((each) => each.toFixed(0))}; longest pause ${Math.max(...pauses_ms).toFixed(0)} ms, freezes ${freezes} and ${(await large()).freezes}; ${more} keyframe requests`);
    assert.ok(lower < 0.8 * Math.min(whole, again), `${lower} of ${whole} and ${again} bits a picture`);
    assert.ok(steps.every((step) => step < 300), `never backwards: ${steps}`);
    assert.ok(rows.length > 60, `${rows.length} pictures`);
  });
});
