// Whoever joins late has a picture at once, out of the server's cache: the publisher is not asked for anything, or once
// for all where the cache has grown long; what is shown is soon of now, and from then on no frame is missing. How long a
// first picture takes is printed, not judged: the machine decodes everybody's pictures. Switching is in clock.test.mjs,
// where every frame tells its age.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { open } from "../harness/browser.mjs";
import { median, spread } from "../harness/figures.mjs";
import { farNamespace } from "../harness/namespace.mjs";
import { shown } from "../harness/picture.mjs";
import { Server } from "../harness/server.mjs";
import { until } from "../harness/until.mjs";
import { framesSince, KINDS } from "../strip.mjs";
import { endSession, playAtOnce, playPlainly, publishPlainly } from "../pages/plain.mjs";
import { ffmpegPublisher } from "../publishers/ffmpeg.mjs";

/** How far behind a live picture may be on a busy machine: what the product calls frozen is later. */
const LIVE_MS = 500;

const counted = async (server, what, ...labels) => (await server.metrics()).sum(`consilium_${what}_total`, ...labels);

/** What a page has followed so far (see probe.js), without frames that an encoder blurred. */
const followed = async (page) => (await page.evaluate(() => probe.followed())).filter((row) => row.mark);

/** Every picture is the right one and later than the one before. */
function runsOn(rows, { site, kind }) {
  for (const [index, { mark }] of rows.entries()) {
    assert.deepEqual([mark.site, mark.kind], [site, kind]);
    const step = index === 0 ? 0 : framesSince(rows[index - 1].mark, mark);
    assert.ok(step < 300 || step < mark.loopFrames / 2, `never backwards: ${rows[index - 1]?.mark.frame} to ${mark.frame}`);
  }
}

/** Between two moments, no fewer frames are decoded than the publisher has numbered: none is missing. */
async function missesNothing(page) {
  const look = () =>
    page.evaluate(async () => {
      const [row] = await probe.inbound();
      return { decoded: row.framesDecoded, mark: probe.readMark(document.querySelector("video")) };
    });
  const first = await look();
  const last = await until("thirty frames more", async () => {
    const now = await look();
    return now.mark && framesSince(first.mark, now.mark) >= 30 && now;
  });
  const [decoded, numbered] = [last.decoded - first.decoded, framesSince(first.mark, last.mark)];
  // What is decoded is on the screen a little later.
  assert.ok(decoded >= numbered - 5, `${decoded} of ${numbered} frames`);
}

describe("a publisher with ten seconds between its keyframes, who answers no request", () => {
  const fps = 30;
  const where = { room: "room-joining", site: "site-a", feed: "endoscope" };
  const mark = { site: 0, kind: 0 };
  const viewers = {};
  let server, link, ffmpeg, early;

  before(async () => {
    const far = await farNamespace("office", { delay_ms: 25, jitter_ms: 5, loss: 0.03 });
    link = far.link;
    server = await Server.start({ host: "10.77.0.1" });
    Object.assign(where, { url: server.url, token: await server.token({ room: where.room, role: "expert" }) });
    early = await open({ trusted: server.url });
    viewers["directly"] = await open({ trusted: server.url });
    viewers["over a line that loses 3 %"] = await open({ trusted: server.url, namespace: far.name });
    const token = await server.token({ room: where.room, role: "device", site: where.site });
    ffmpeg = ffmpegPublisher({ endpoint: `${server.url}/whip/${where.room}?feed=${where.feed}`, token, ...mark, gop_frames: 10 * fps });
    await playPlainly(early, { ...where, follow: true });
  });

  after(async () => {
    await Promise.all([early, ...Object.values(viewers)].map((page) => page?.end()));
    await ffmpeg?.stop("SIGINT");
    await server?.stop();
    await link?.stop();
  });

  /** When the viewer who was there before saw frame 0, by its pictures of the last two seconds. */
  async function beginning_ms() {
    const rows = (await followed(early)).slice(-2 * fps);
    return median(rows.map((row) => row.at_ms - (row.mark.frame * 1000) / fps));
  }

  // Early in a group, later in it when the cache has grown long, and in the next group.
  for (const frame of [45, 200, 480]) {
    test(`whoever comes when frame ${frame} is shown`, async () => {
      await until(`frame ${frame}`, async () => (await shown(early, mark)).frame >= frame);
      for (const [way, page] of Object.entries(viewers)) {
        const { session, first_picture_ms } = await playPlainly(page, { ...where, follow: true });
        const begin_ms = await beginning_ms();
        const behind_ms = (row) => row.at_ms - begin_ms - (row.mark.frame * 1000) / fps;
        const isLive = (row) => behind_ms(row) < LIVE_MS;
        const rows = await until("two seconds of live pictures", async () => {
          const rows = await followed(page);
          return rows.filter(isLive).length >= 2 * fps && rows;
        }, { seen: async () => (await followed(page)).slice(-3) });
        const live = rows.findIndex(isLive);
        console.log(`${way}, at frame ${frame}: a picture after ${first_picture_ms.toFixed(0)} ms, ${behind_ms(rows[0]).toFixed(0)} ms old; live ${(rows[live].at_ms - rows[0].at_ms).toFixed(0)} ms later`);
        runsOn(rows, mark);
        await missesNothing(page);
        assert.equal(await endSession(session, where.token), 200);
      }
    });
  }

  test("it was asked for a keyframe rarely, and only when its cache had grown long", async () => {
    await until("the count of all joins", async () => (await counted(server, "room_keyframes_served")) >= 7);
    const asked = await counted(server, "room_keyframe_requests_upstream");
    console.log(`${asked} keyframe requests upstream`);
    // Once for the long cache, and more and more rarely again as long as nothing comes: after 1, 2 and 4 seconds.
    assert.ok(asked <= 4, `${asked}`);
  });
});

describe("a browser, which sends a keyframe only when it is asked", () => {
  const where = { room: "room-storm", site: "site-a", feed: "endoscope" };
  const viewers = 16;
  let server, publisher, crowd;

  before(async () => {
    server = await Server.start();
    Object.assign(where, { url: server.url, token: await server.token({ room: where.room, role: "expert" }) });
    [publisher, crowd] = [await open(), await open()];
    const token = await server.token({ room: where.room, role: "device", site: where.site });
    await publishPlainly(publisher, { ...where, token, codec: "H264", camera: { noisy: true } });
    await crowd.goto(`${server.url}/healthz`);
  });

  after(async () => {
    await Promise.all([publisher, crowd].map((page) => page?.end()));
    await server?.stop();
  });

  for (const cache of ["short", "long"]) {
    test(`${viewers} viewers at once, when the cache is ${cache}`, async () => {
      const bytes = () => counted(server, "feed_bytes");
      const enough = cache === "long" ? (await bytes()) + 800_000 : 1;
      await until(`a ${cache} cache`, async () => (await bytes()) >= enough, { seen: bytes, within_ms: 60_000 });
      const [asked, served] = await Promise.all(["room_keyframe_requests_upstream", "room_keyframes_served"].map((what) => counted(server, what)));
      const plays = await playAtOnce(crowd, where, viewers);
      console.log(`${viewers} at once, ${cache} cache: first picture ${spread(plays.map((play) => play.first_picture_ms))}`);
      await until("the count of all of them", async () => (await counted(server, "room_keyframes_served")) >= served + viewers);
      const more = (await counted(server, "room_keyframe_requests_upstream")) - asked;
      console.log(`${more} keyframe requests upstream`);
      assert.ok(more <= 2, `${more} requests`);
      for (const { session } of plays) assert.equal(await endSession(session, where.token), 200);
    });
  }
});

describe("the demo, with a second between its keyframes", () => {
  const fps = 25;
  const where = { room: "demo", site: "site-b", feed: "ct" };
  const mark = { site: 1, kind: KINDS.indexOf("ct") };
  let server;
  let viewer;

  before(async () => {
    server = await Server.start({ command: "demo" });
    await server.process.line(/^ready$/, 180_000);
    const [, link] = await server.process.line(/^expert (.*)$/);
    Object.assign(where, { url: server.url, token: new URL(link).hash.slice("#token=".length) });
    viewer = await open();
  });

  after(async () => {
    await viewer?.end();
    await server?.stop();
  });

  test("whoever comes has a picture of this second, and nobody is asked", async () => {
    const labels = [`site="${where.site}"`, `kind="${where.feed}"`];
    await until("the feed's first second", async () => (await counted(server, "feed_frames", ...labels)) > fps);
    const [asked, served] = [await counted(server, "feed_keyframe_requests", ...labels), await counted(server, "room_keyframes_served")];
    const [times_ms, old_ms] = [[], []];
    const joins = 8;
    for (let join = 0; join < joins; join++) {
      const { session, first_picture_ms } = await playPlainly(viewer, { ...where, follow: true });
      const rows = await until("a second of pictures", async () => {
        const rows = await followed(viewer);
        return rows.length >= fps && rows;
      });
      runsOn(rows, mark);
      // Against its own later pictures, which come as they are made.
      const begins_ms = rows.map((row) => row.at_ms - (framesSince(rows[0].mark, row.mark) * 1000) / fps);
      times_ms.push(first_picture_ms);
      old_ms.push(begins_ms[0] - median(begins_ms.slice(-10)));
      assert.equal(await endSession(session, where.token), 200);
    }
    console.log(`demo: first picture ${spread(times_ms)}; it is behind by ${spread(old_ms)}`);
    assert.ok(median(old_ms) < 1000, spread(old_ms));
    await until("the count of all joins", async () => (await counted(server, "room_keyframes_served")) >= served + joins);
    assert.equal(await counted(server, "feed_keyframe_requests", ...labels), asked, "no keyframe was asked for upstream");
  });
});
