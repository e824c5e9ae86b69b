// One panel and three sites of four feeds, as the demo makes them: everything moves, everybody is heard who should be,
// and nobody publishes who may not.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { open } from "../harness/browser.mjs";
import { heard } from "../harness/picture.mjs";
import { Server } from "../harness/server.mjs";
import { until } from "../harness/until.mjs";
import { isTrue, Member, siteIndex } from "../pages/member.mjs";
import { offer } from "../publishers/stranger.mjs";

const source_fps = 25;
const site_pitch_hz = { "site-a": 110, "site-b": 147, "site-c": 196 };
const expert_tone_hz = 622;

const percent = (share) => `${(share * 100).toFixed(1)} %`;

let server;
const links = {};
const pages = {};

before(async () => {
  server = await Server.start({ command: "demo" });
  await server.process.line(/^ready$/, 180_000);
  for (const [, role, link] of server.process.said.matchAll(/^(\w+) (http\S+)$/gm)) links[role] = link;
  pages.expert = await open({ tone_hz: expert_tone_hz, size: [1920, 1080] });
  pages.trainee = await open({ size: [390, 844] });
  pages.display = await open();
});

after(async () => {
  await Promise.all(Object.values(pages).map((page) => page.end()));
  await server?.stop();
});

test("within ten seconds of opening the expert's link all twelve feeds move", async () => {
  const expert = await new Member(pages.expert).enter(links.expert);
  const first = await expert.truePictures(12, "side", 10_000);
  assert.equal(new Set(first.map((picture) => `${picture.site} ${picture.kind}`)).size, 12);
  assert.deepEqual([...new Set(first.map((picture) => picture.site))].sort(), ["site-a", "site-b", "site-c"]);
  for (const picture of first) {
    await until(`${picture.site} ${picture.kind} moves`, async () => {
      const now = (await expert.pictures("side")).find((other) => other.feed === picture.feed);
      return now.mark && now.mark.frame !== picture.mark.frame;
    });
  }
});

test("for a minute every picture is the right one and moves at the rate of its source, for all three", async () => {
  for (const role of ["trainee", "display"]) await new Member(pages[role]).enter(links[role]);
  const members = ["expert", "trainee", "display"].map((role) => [role, new Member(pages[role])]);
  for (const [, member] of members) await member.truePictures(1, "large");
  await Promise.all(members.map(([role]) => pages[role].evaluate(() => probe.count())));
  const counted = await until("a minute of pictures", async () => {
    const rows = await pages.expert.evaluate(() => probe.counted());
    return rows.every((row) => row.seconds >= 60) && rows;
  }, { within_ms: 120_000, every_ms: 1000 });
  assert.equal(counted.length, 13, "twelve feeds, and one of them large");
  for (const [role] of members) {
    for (const row of await pages[role].evaluate(() => probe.counted())) {
      const what = `${role}: ${row.site} ${row.kind} ${row.size}`;
      const share = row.frames / (row.seconds * source_fps);
      const decoded_share = row.decoded_fps / source_fps;
      console.log(`${what}: ${percent(share)} of the frames in ${row.seconds.toFixed(1)} s, ${percent(decoded_share)} decoded`);
      assert.deepEqual(row.wrong, [], what);
      assert.ok(row.marks.every((mark) => isTrue({ ...row, mark })), what);
      assert.ok(share >= 0.95, what);
      assert.ok(decoded_share >= 0.95, `${what}: ${row.decoded_fps} decoded a second`);
    }
  }
});

test("the panel and the sites hear each other", async () => {
  const expert = new Member(pages.expert);
  await expert.talk();
  await heard(pages.display, expert_tone_hz);
  await heard(pages.trainee, expert_tone_hz);
  for (const hz of Object.values(site_pitch_hz)) await heard(pages.expert, hz, 60_000);
});

test("a trainee cannot publish, neither in the room nor by WHIP", async () => {
  const token = new URL(links.trainee).hash.slice("#token=".length);
  const refusal = await pages.trainee.evaluate(
    (token, sdp) => probe.reply(token, { type: "publish", sdp, feeds: [{ kind: "face" }], voice: null }),
    token,
    offer(),
  );
  assert.deepEqual([refusal.type, refusal.code], ["refused", "not_allowed"]);
  const room = JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"))).room;
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/sdp" };
  const response = await fetch(`${server.url}/whip/${room}?feed=face`, { method: "POST", headers, body: offer() });
  assert.equal(response.status, 403);
  assert.equal((await response.json()).code, "not_allowed");
});

test("a switch shows the new picture at once and asks no surgeon's encoder for anything", async () => {
  const expert = new Member(pages.expert);
  const count = async (what) => (await server.metrics()).sum(`consilium_room_${what}_total`);
  const [asked, served] = [await count("keyframe_requests_upstream"), await count("keyframes_served")];
  const sides = await expert.pictures("side");
  const times_ms = [];
  for (let index = 0; index < 24; index++) {
    const side = sides[((index + 1) * 5) % sides.length]; // another site each time, and never the one that is large
    times_ms.push(await expert.choose(side));
    const large = await expert.large();
    assert.deepEqual([large.site, large.kind], [side.site, side.kind]);
    assert.ok(isTrue(large));
  }
  times_ms.sort((a, b) => a - b);
  const [p50_ms, p95_ms] = [times_ms[12], times_ms[22]];
  console.log(`switch to first picture: p50 ${p50_ms.toFixed(0)} ms, p95 ${p95_ms.toFixed(0)} ms, worst ${times_ms[23].toFixed(0)} ms`);
  // The median: how long the slowest take on a machine that decodes everything itself is for the bench to say.
  assert.ok(p50_ms < 300, `${p50_ms} ms`);
  await until("the server's count of all these switches", async () => (await count("keyframes_served")) >= served + 24);
  assert.equal(await count("keyframe_requests_upstream"), asked, "no keyframe was asked for upstream");
});

test("no page has complained", () => {
  for (const [role, page] of Object.entries(pages)) assert.deepEqual(page.complaints, [], role);
});
