// A capture box is killed in the middle of an operation and publishes again a moment later, long before the server has given
// up what it sent first. Nobody at any page has to do anything, and what is old is never taken for what is new (hazards H1
// and H2). How long there was no picture is printed, not judged.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { open } from "../harness/browser.mjs";
import { Server } from "../harness/server.mjs";
import { until } from "../harness/until.mjs";
import { framesSince, KINDS } from "../strip.mjs";
import { isTrue, Member } from "../pages/member.mjs";
import { ffmpegPublisher } from "../publishers/ffmpeg.mjs";

const where = { room: "operation", site: "site-a" };
const feed = "endoscope";

let server, token, box, twin, expert, killed;

before(async () => {
  server = await Server.start();
  token = await server.token({ ...where, role: "device", name: "Capture box" });
  expert = new Member(await open({ size: [1280, 800] }));
});

after(async () => {
  await expert?.page.end();
  await Promise.all([box, twin].map((each) => each?.stop("SIGKILL")));
  await server?.stop();
});

const publish = () => ffmpegPublisher({ endpoint: `${server.url}/whip/${where.room}?feed=${feed}`, token, site: 0, kind: KINDS.indexOf(feed) });

/** What the page says of each of its pictures. */
const cards = () => expert.page.evaluate(() =>
  [...document.querySelectorAll('[data-testid="large"], [data-testid="side"]')].map((figure) => ({
    ...figure.dataset,
    says: [...figure.querySelectorAll("figcaption > *:not([hidden])")].filter((part) => part.checkVisibility()).map((part) => part.textContent.trim()),
  })));

/** Waits until the large picture is one of now, moves, and is what the page says; gives it. */
async function live(what) {
  const [first] = await expert.truePictures(1, "large");
  return await until(what, async () => {
    const now = await expert.large();
    return now?.level === "live" && now.feed === first.feed && now.mark && isTrue(now) && framesSince(first.mark, now.mark) >= 30 && now;
  }, { seen: cards });
}

test("the picture of a box that was killed says that it is old", async () => {
  await expert.enter(await server.link({ ...where, site: undefined, role: "expert" }));
  box = publish();
  killed = await live("the first picture is live");
  assert.equal(await box.stop("SIGKILL"), "SIGKILL");
  killed.at_ms = performance.now();
  const old = async () => (await cards()).filter((card) => card.feed === killed.feed && card.level === "frozen").length === 2;
  await until("both its pictures, the large and the small one, are marked as frozen", old, { every_ms: 20, seen: cards });
});

test("what it sends when it is back is shown by itself, and says what it is", async () => {
  box = publish();
  const levels = new Set();
  const anew = async () => {
    const large = await expert.large();
    if (large?.feed === undefined || large.feed === killed.feed || large.mark === null) return false;
    levels.add(large.level);
    return large.level === "live" && large;
  };
  // Until then the page may show it small; large is what was there first, as long as it may still come.
  const first = await until("a new picture is large", anew, { every_ms: 20, seen: cards });
  console.log(`killed, published again: ${(performance.now() - killed.at_ms).toFixed(0)} ms until the large picture was live again`);
  assert.ok(isTrue(first));
  assert.ok(!levels.has("old") && !levels.has("frozen"), `what is new was never called old: ${[...levels]}`);
  const now = await live("it is live");
  assert.equal(now.feed, first.feed);
  const side = await until("one small picture is left, of the new feed, and it is live", async () => {
    const sides = (await cards()).filter((card) => card.testid === "side");
    return sides.length === 1 && sides[0].feed === first.feed && sides[0].level === "live" && sides[0];
  }, { seen: cards });
  const large = (await cards()).find((card) => card.testid === "large");
  for (const card of [large, side]) {
    assert.ok(card.says.some((part) => part.startsWith("Sent anew")), `nobody chose it, so it is said: ${JSON.stringify(card)}`);
  }
});

test("when the server has given the first one up, nothing changes but that", async () => {
  const before = await expert.large();
  await until("nothing is left to be said of the first", async () => {
    const all = await cards();
    return all.length === 2 && all.every((card) => !card.says.some((part) => part.startsWith("Sent anew")));
  }, { within_ms: 60_000, every_ms: 500, seen: cards });
  const now = await live("it is live");
  assert.equal(now.feed, before.feed);
  assert.deepEqual(expert.page.complaints, []);
});

test("a second camera of the same name takes nobody's place", async () => {
  // It is the same box's, and has no name either: to a page they are alike.
  twin = publish();
  const sides = async () => (await cards()).filter((card) => card.testid === "side");
  await until("two of one name are live", async () => (await sides()).filter((card) => card.level === "live").length === 2, { seen: cards });
  const chosen = (await sides())[0].feed;
  await expert.page.click(`[data-testid="choose-feed"][data-feed="${chosen}"]`);
  await until("the chosen one is large", async () => (await expert.large()).feed === chosen && (await expert.large()).level === "live", { seen: cards });
  process.kill(box.pid, "SIGSTOP");
  const silent = (card) => card.level === "frozen" && card.says.some((part) => part.startsWith("Nothing arrives"));
  await until("the chosen one is known to be silent", async () => silent((await cards()).find((card) => card.testid === "large")), { seen: cards });
  const all = await cards();
  assert.equal(all[0].feed, chosen, JSON.stringify(all));
  assert.equal(all.length, 3, "both are there");
  assert.ok(!all.some((card) => card.says.some((part) => part.startsWith("Sent anew"))), JSON.stringify(all));
  process.kill(box.pid, "SIGCONT");
});
