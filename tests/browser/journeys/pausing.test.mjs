// A surgeon's browser can send each camera in three sizes. It encodes those that somebody watches, and who looks closer has
// the large one at once.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { open } from "../harness/browser.mjs";
import { Server } from "../harness/server.mjs";
import { until } from "../harness/until.mjs";
import { framesSince } from "../strip.mjs";
import { Member } from "../pages/member.mjs";
import { Surgeon } from "../pages/surgeon.mjs";

const room = "room-pausing";
const kinds = ["endoscope", "ultrasound"];
const widths_px = { full: 1280, half: 640, small: 320 };

let server;
let surgeon;
let expert;

before(async () => {
  server = await Server.start();
  surgeon = new Surgeon(await open({ camera: { site: 0, kinds: [0, 1], width: 1280, height: 720 }, tone_hz: 330, size: [1280, 800] }));
  expert = new Member(await open({ size: [1280, 800] }));
});

after(async () => {
  await Promise.all([surgeon, expert].map((member) => member?.page.end()));
  await server?.stop();
});

/** The sizes that the surgeon's browser encodes of each camera, by their m-line. */
async function encoded() {
  const sizes = {};
  for (const row of await surgeon.page.evaluate(() => probe.outbound())) {
    if (row.framesPerSecond > 0) (sizes[row.mid] ??= []).push(row.rid);
  }
  return Object.values(sizes).map((rids) => rids.sort().join());
}

const encodes = (wanted) => until(`only ${wanted} are encoded`, async () => {
  const sizes = await encoded();
  return JSON.stringify(sizes) === JSON.stringify(wanted);
}, { within_ms: 120_000, seen: encoded });

const shownWidth = (which) => expert.page.evaluate((which) => document.querySelector(`[data-testid="${which}"] video`).videoWidth, which);

test("while nobody watches, the small sizes come, and the surgeon's page says why", async () => {
  await surgeon.enter(await server.link({ room, role: "surgeon", site: "site-a" }));
  await surgeon.publish(kinds);
  await encodes(["small", "small"]);
  await surgeon.page.waitForSelector('[data-testid="unwatched"]', { timeout: 60_000 });
  assert.match(await surgeon.page.$eval('[data-testid="sending"]', (line) => line.textContent), /320 × 180/);
});

test("who comes has a picture at once and the large one soon; what is only seen small stays small", async () => {
  await expert.enter(await server.link({ room, role: "expert" }));
  await expert.truePictures(1, "large");
  await until("the large size", async () => (await shownWidth("large")) === widths_px.full, { seen: () => shownWidth("large") });
  await expert.truePictures(2, "side");
  await encodes(["full,small", "small"]);
});

test("who chooses the other feed has its large size at once, and never an old picture", async () => {
  const chosen = (await expert.pictures("side")).find((picture) => picture.kind === "ultrasound");
  await expert.page.evaluate(() => probe.follow(document.querySelector('[data-testid="large"] video')));
  const begin_ms = await expert.page.evaluate(() => performance.timeOrigin + performance.now());
  const shown_ms = await expert.choose(chosen);
  await until("the large size", async () => (await shownWidth("large")) === widths_px.full, { seen: () => shownWidth("large") });
  await encodes(["small", "full,small"]);
  const rows = await expert.page.evaluate(() => (probe.unfollow(), probe.followed()));
  const seen = rows.filter((row) => row.mark?.kind === 1);
  const large = seen.find((row) => row.width === widths_px.full);
  console.log(`first picture after ${shown_ms.toFixed(0)} ms, the large size after ${(large.at_ms - begin_ms).toFixed(0)} ms`);
  const steps = seen.slice(1).map((row, index) => framesSince(seen[index].mark, row.mark));
  // Of one moment the larger size takes longer to encode and to send.
  const back = steps.map((step) => (step > 0x8000 ? 0x10000 - step : 0));
  assert.ok(Math.max(...back) <= 2, `not back to what was before: ${steps}`);
  // That the small size goes on, frame by frame, until the large one is there is judged in virtual time, where nothing else holds frames
  // back (crates/media/tests/pausing.rs). Here it is what browsers and machine make of it: 67 ms, of pictures of 33 ms, in a run of
  // all journeys, 135 to 747 ms on a machine that was busy.
  const longest_ms = Math.max(...seen.slice(1).map((row, index) => row.at_ms - seen[index].at_ms));
  console.log(`longest time between two pictures: ${longest_ms.toFixed(0)} ms`);
  assert.deepEqual([...surgeon.page.complaints, ...expert.page.complaints], []);
});

test("a camera that takes the place of another comes in all sizes again", async () => {
  await surgeon.page.click('[data-testid="source"]:nth-of-type(1) [data-testid="remove"]');
  await until("one feed", async () => (await expert.pictures("side")).length === 1);
  await surgeon.page.click('[data-testid="add-camera"]');
  await surgeon.page.click('[data-testid="source"]:nth-of-type(2) [data-testid="publish"]');
  const side = await until("the new one", async () => {
    const pictures = await expert.pictures("side");
    return pictures.length === 2 && pictures.find((picture) => picture.feed !== pictures[0].feed);
  }, { seen: () => expert.pictures("side") });
  await expert.page.click(`[data-testid="choose-feed"][data-feed="${side.feed}"]`);
  await until("its large size", async () => (await expert.large())?.feed === side.feed && (await shownWidth("large")) === widths_px.full, { seen: () => shownWidth("large") });
});
