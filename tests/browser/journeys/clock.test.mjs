// One clock: what a viewer is told of the age of a picture is true, the feeds of a site are shown together, and its voice
// reaches the viewer with its picture. Every frame of the cameras here carries the time of the machine that all browsers
// run on, in whole milliseconds, so that all of it is read from what is shown. An age counts until the browser expects the
// frame on the screen, as the page's own does; that is on the grid of 60 Hz, where two feeds may differ by 17 ms although
// they come together, so feeds are compared where they are handed to the screen, to a millisecond or two. Medians are
// judged, because single frames are the machine's: it encodes and decodes everything itself.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { open } from "../harness/browser.mjs";
import { median, since, spread } from "../harness/figures.mjs";
import { farNamespace } from "../harness/namespace.mjs";
import { Server } from "../harness/server.mjs";
import { voiceAfterPicture } from "../harness/skew.mjs";
import { until } from "../harness/until.mjs";
import { KINDS } from "../strip.mjs";
import { isTrue, Member } from "../pages/member.mjs";
import { publishPlainly } from "../pages/plain.mjs";
import { Surgeon } from "../pages/surgeon.mjs";

const room = "room-clock";
const site = "site-a";
const line = { delay_ms: 25, jitter_ms: 5, loss: 0.03 };
const AGE_MS = 20;
const BETWEEN_FEEDS_MS = 20;
const VOICE_MS = 40;

for (const way of ["directly", "over lines that lose 3 %"]) {
  describe(way, () => {
    const far = [];
    let server;
    let surgeon;
    let box;
    let expert;
    let followed;

    before(async () => {
      if (way !== "directly") far.push(await farNamespace("hospital", line), await farNamespace("office", { ...line, seed: 2 }));
      const [hospital, office] = far.map((place) => place.name);
      server = await Server.start({ host: "10.77.0.1" });
      const trusted = server.url;
      const camera = { site: 0, kinds: [0, 1], clock: true, flashes: true };
      surgeon = new Surgeon(await open({ namespace: hospital, trusted, camera, tone_hz: 440 }));
      box = await open({ namespace: hospital, trusted });
      expert = new Member(await open({ namespace: office, trusted }));
      await surgeon.enter(await server.link({ room, role: "surgeon", site }));
      await surgeon.publish(["endoscope", "ultrasound"]);
      const token = await server.token({ room, role: "device", site });
      await publishPlainly(box, { url: server.url, room, token, feed: "room", codec: "H264", camera: { site: 0, kind: KINDS.indexOf("room"), clock: true } });
      await expert.enter(await server.link({ room, role: "expert" }));
      await expert.truePictures(3, "side");
      await until("an exact age on every picture", () =>
        expert.page.evaluate(() => [...document.querySelectorAll('[data-testid="side"]')].every((side) => side.dataset.ageExact === "true")),
      );
      followed = await expert.page.evaluate(() => probe.followAges(document.querySelectorAll('[data-testid="side"]'), 300));
    });

    after(async () => {
      await Promise.all([surgeon?.page, box, expert?.page].map((page) => page?.end()));
      await server?.stop();
      await Promise.all(far.map(({ link }) => link.stop()));
    });

    const age_ms = ({ mark, shown_ms }) => since(mark, shown_ms);

    test("the age that a picture is given is its age", () => {
      for (const { kind, frames, told } of followed) {
        const errors = [];
        for (const [index, { at_ms, age_ms: said_ms, exact }] of told.slice(1).entries()) {
          // What is told is the worst of the frames since it was last told; a pause counts on, and is left out here.
          const shown = frames.filter((row) => row.at_ms > told[index].at_ms && row.at_ms <= at_ms);
          if (!exact || shown.length === 0 || shown.some((row) => !row.mark) || at_ms - shown.at(-1).at_ms > 100) continue;
          errors.push(said_ms - Math.max(...shown.map(age_ms)));
        }
        const ages = frames.filter((row) => row.mark).map(age_ms);
        console.log(`${way}: ${kind} ${spread(ages)}; told too much by ${spread(errors)}`);
        assert.ok(errors.length >= 8, `${kind}: ${errors.length} ages were told`);
        assert.ok(Math.abs(median(errors)) <= AGE_MS, `${kind}: ${spread(errors)}`);
      }
    });

    test("the server knows the path to the viewer, and how old its pictures are", async () => {
      // The page tells it every five seconds.
      const seconds = async (name, at) => {
        const labels = ['role="expert"', ...(at ? [`at="${at}"`] : [])];
        return await until(`${name} ${at ?? ""}`, async () => (await server.metrics()).sum(name, ...labels) || false);
      };
      const path_ms = (await seconds("consilium_member_path_seconds")) * 1000;
      const stages = ["departure", "arrival", "screen"];
      const [left_ms, came_ms, shown_ms] = await Promise.all(stages.map(async (at) => (await seconds("consilium_member_age_seconds", at)) * 1000));
      const ages = followed.flatMap(({ frames }) => frames.filter((row) => row.mark).map(age_ms));
      console.log(`${way}: path ${path_ms.toFixed(1)} ms; the oldest picture ${left_ms.toFixed(0)} ms when it left, ${came_ms.toFixed(0)} ms when it came, ${shown_ms.toFixed(0)} ms on the screen; in truth ${spread(ages)}`);
      // A line that jitters, with packets that keep their order, is slower than its mean; and so are two busy browsers.
      const line_ms = way === "directly" ? 0 : line.delay_ms;
      assert.ok(path_ms >= line_ms * 0.8 && path_ms < line_ms + 50, `${path_ms} ms`);
      assert.ok(came_ms > left_ms && shown_ms > left_ms, "a picture grows older on its way");
      // The oldest of three pictures at its worst of half a second, against all that was seen.
      assert.ok(shown_ms >= Math.min(...ages) - AGE_MS && shown_ms <= Math.max(...ages) + 200, spread(ages));
    });

    for (const [what, kinds] of Object.entries({ "one publisher": ["endoscope", "ultrasound"], "two publishers": ["endoscope", "room"] })) {
      test(`two feeds of ${what} of the site are shown together`, () => {
        const [one, other] = kinds.map((kind) => followed.find((each) => each.kind === kind).frames.filter((row) => row.mark));
        // By how much the one lags behind the other in capture time when both are shown.
        const skews = (when) => {
          const nearest = (row) => other.reduce((a, b) => (Math.abs(a[when] - row[when]) <= Math.abs(b[when] - row[when]) ? a : b));
          return one.map((row) => [row, nearest(row)].map(({ mark, [when]: at_ms }) => since(mark, at_ms))).map(([a, b]) => a - b);
        };
        const presented = skews("presented_ms");
        console.log(`${way}: ${kinds.join(" behind ")} by ${spread(presented)}; on the screen's grid by ${spread(skews("shown_ms"))}`);
        assert.ok(Math.abs(median(presented)) <= BETWEEN_FEEDS_MS, spread(presented));
      });
    }

    test("a voice reaches the viewer with its picture", async () => {
      const { heard, arrived, hold_ms, microphone_ms } = await voiceAfterPicture(expert, surgeon, 16);
      // What the server answers for is judged: where both arrive. How long the browser then holds sound grows with the
      // unrest of the machine, while pictures are shown as they come; the sum is printed.
      console.log(`${way}: voice after picture, where they arrive: ${spread(arrived)}; played and shown: ${spread(heard)}; the browser holds sound for ${hold_ms.toFixed(0)} ms; microphone ${microphone_ms.toFixed(0)} ms`);
      assert.ok(Math.abs(median(arrived)) <= VOICE_MS, spread(arrived));
    });

    test("no old picture is shown as live after a switch", async () => {
      const sides = await expert.pictures("side");
      const waits = [];
      const old = [];
      for (let index = 1; index <= 6; index++) {
        const side = sides[index % sides.length];
        await expert.page.evaluate(() => probe.follow(document.querySelector('[data-testid="large"] video')));
        const first_ms = await expert.choose(side);
        // What the page hides while it waits is seen by nobody.
        const seen = async () => (await expert.page.evaluate(() => probe.followed())).filter(({ mark }) => mark && isTrue({ ...side, mark }));
        const isVisible = ({ level }) => level !== "waiting";
        const rows = await until("a second of it", async () => {
          const rows = await seen();
          return rows.filter(isVisible).length >= 30 && rows;
        }, { seen: async () => (await seen()).slice(-3) });
        await expert.page.evaluate(() => probe.unfollow());
        const visible = rows.filter(isVisible);
        waits.push(first_ms + visible[0].at_ms - rows[0].at_ms);
        old.push(Math.max(...visible.map(age_ms)));
      }
      console.log(`${way}: a switch takes ${spread(waits)}; oldest picture then shown ${spread(old)}`);
      assert.ok(Math.max(...old) < 1000, spread(old));
    });
  });
}
