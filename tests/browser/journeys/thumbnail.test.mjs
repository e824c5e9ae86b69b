// One layer is all that FFmpeg sends. Who shows it small is sent a small one that the server makes, and only while
// somebody does.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { open } from "../harness/browser.mjs";
import { Server } from "../harness/server.mjs";
import { until } from "../harness/until.mjs";
import { framesSince, KINDS } from "../strip.mjs";
import { Member } from "../pages/member.mjs";
import { coloured, ffmpegPublisher } from "../publishers/ffmpeg.mjs";

const room = "small";
const [large_px, small_px] = [1280, 320];

let server;
let ffmpeg;
let expert;

before(async () => {
  server = await Server.start();
  expert = new Member(await open({ size: [1280, 800] }));
});

after(async () => {
  await expert?.page.end();
  await ffmpeg?.stop("SIGINT");
  await server?.stop();
});

async function publish({ where = room, filter = "scale=1280:720", ...how } = {}) {
  const token = await server.token({ room: where, role: "device", name: "Capture box", site: "site-a" });
  const endpoint = `${server.url}/whip/${where}?feed=endoscope`;
  return ffmpegPublisher({ endpoint, token, site: 0, kind: KINDS.indexOf("endoscope"), filter, ...how });
}

/** Width of the video in each picture of the page. */
const widths = () => expert.page.evaluate(() =>
  Object.fromEntries([...document.querySelectorAll('[data-testid="large"], [data-testid="side"]')]
    .map((figure) => [figure.dataset.testid, figure.querySelector("video").videoWidth])));

const pictures = async (what) => (await server.metrics()).sum("consilium_thumbnail_pictures_total", `what="${what}"`);
const feeds = async () => (await server.metrics()).sum("consilium_thumbnail_feeds");

async function bothSizes() {
  await until("both sizes", async () => {
    const { large, side } = await widths();
    return large === large_px && side === small_px;
  }, { within_ms: 30_000, seen: widths });
}

test("nobody watches, and nothing is decoded", async () => {
  ffmpeg = await publish();
  const frames = async () => (await server.metrics()).sum("consilium_feed_frames_total", `room="${room}"`);
  await until("a hundred frames have come", async () => (await frames()) > 100, { seen: frames });
  assert.deepEqual([await feeds(), await pictures("decoded")], [0, 0]);
});

test("the strip shows a thumbnail, the large picture the feed, and both the same moment", async () => {
  await expert.enter(await server.link({ room, role: "expert" }));
  await expert.truePictures(2, "large side");
  await bothSizes();
  await expert.truePictures(2, "large side");
  const apart = async () => {
    const both = Object.fromEntries((await expert.pictures("large side")).map((picture) => [picture.testid, picture.mark]));
    return both.large && both.side ? framesSince(both.side, both.large) : null;
  };
  // Ten a second are 0 to 3 frames behind thirty a second, and the server takes its time to make them.
  await until("the thumbnail is of the same moment", async () => {
    const frames = await apart();
    return frames !== null && frames <= 9;
  }, { seen: apart });
  const side = expert.page.evaluate(() => probe.frames(document.querySelector('[data-testid="side"] video'), 40));
  const rows = (await side).filter((row) => row.mark);
  assert.ok(rows.length >= 36, `${rows.length} of 40 frames can be read`);
  const steps = rows.slice(1).map((row, index) => framesSince(rows[index].mark, row.mark));
  assert.ok(steps.every((step) => step < 300), `never backwards: ${steps}`);
  const seconds = (rows.at(-1).at_ms - rows[0].at_ms) / 1000;
  console.log(`thumbnail: ${((rows.length - 1) / seconds).toFixed(1)} frames a second, steps ${steps}`);
  assert.ok(rows.length / seconds < 15, "not thirty a second");
});

test("who comes back is shown small again", async () => {
  await ffmpeg.stop("SIGKILL");
  ffmpeg = await publish();
  const before = await pictures("made");
  await until("it is made again", async () => (await pictures("made")) > before + 20, { within_ms: 60_000, seen: () => pictures("made") });
  await bothSizes();
  await expert.truePictures(2, "large side");
});

test("when the last one has gone, nothing more is decoded", async () => {
  await expert.page.goto(`${server.url}/healthz`);
  await until("no thumbnail is made", async () => (await feeds()) === 0, { within_ms: 30_000, seen: feeds });
  const before = await pictures("decoded");
  const frames = async () => (await server.metrics()).sum("consilium_feed_frames_total", `room="${room}"`);
  const more = (await frames()) + 60;
  await until("two more seconds have come", async () => (await frames()) > more, { seen: frames });
  assert.equal(await pictures("decoded"), before);
});

/** How far the colours of the thumbnail are from those of the large picture, at most, of 255. */
const coloursApart = () => expert.page.evaluate(() => {
  const [large, side] = ["large", "side"].map((id) => probe.quadrants(document.querySelector(`[data-testid="${id}"] video`)));
  return Math.max(...large.flat().map((value, at) => Math.abs(value - side.flat()[at])));
});

for (const [index, [said, colour]] of [
  ["BT.601", coloured("smpte170m", "tv")],
  ["BT.709", coloured("bt709", "tv")],
  ["BT.709 in full range", coloured("bt709", "pc")],
  ["full range alone", ["-color_range", "pc"]],
  ["nothing", []],
].entries()) {
  test(`where the encoder says ${said} of its colours, the thumbnail has the same as the feed`, async () => {
    await ffmpeg.stop("SIGKILL");
    const where = `colours-${index}`;
    ffmpeg = await publish({ where, colour });
    await expert.page.goto(`${server.url}/healthz`);
    await expert.enter(await server.link({ room: where, role: "expert" }));
    await bothSizes();
    // The first pictures are coarse.
    await until("the same colours", async () => (await coloursApart()) <= 5, { seen: coloursApart });
    console.log(`${said}: ${await coloursApart()} of 255 apart`);
  });
}

test("of a feed that takes too much memory to decode none is made, and it is said why", async () => {
  await ffmpeg.stop("SIGKILL");
  const where = "huge";
  const refused = async () => (await server.metrics()).sum("consilium_thumbnail_feeds_out_of_reach_total");
  assert.equal(await refused(), 0);
  ffmpeg = await publish({ where, filter: "fps=2,scale=4096:2304", gop_frames: 2 });
  await expert.page.goto(`${server.url}/healthz`);
  await expert.enter(await server.link({ room: where, role: "expert" }));
  await until("both are the feed itself", async () => {
    const { large, side } = await widths();
    return large === 4096 && side === 4096;
  }, { within_ms: 30_000, seen: widths });
  await until("it is counted", async () => (await refused()) === 1, { seen: refused });
  const lines = server.process.said.split("\n").filter((line) => line.includes("no thumbnail is made") && line.includes(where));
  assert.equal(lines.length, 1, server.process.said);
  await until("the thumbnail of the feed before is no longer made", async () => (await feeds()) === 0, { within_ms: 30_000, seen: feeds });
});
