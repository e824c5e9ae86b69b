// ICE begins anew in the middle of a session, as it must when a participant's network has changed: pictures go on, in the
// same session. How long that takes is printed, not judged.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { open } from "../harness/browser.mjs";
import { changeAddress, dropUdp, namespace } from "../harness/namespace.mjs";
import { shown } from "../harness/picture.mjs";
import { Server } from "../harness/server.mjs";
import { until } from "../harness/until.mjs";
import { framesSince } from "../strip.mjs";
import { endSession, pictureStats, playPlainly, publishPlainly, readEvery, restartIce, selectedPair } from "../pages/plain.mjs";

const fps = 30;
const mark = { site: 0, kind: 0 };
/** In which direction a member's pictures go. */
const direction = { viewer: "received", publisher: "sent" };

let server;

before(async () => {
  server = await Server.start({ host: "10.77.0.1" });
});

after(async () => {
  await server?.stop();
});

/** A publisher and a viewer of a room of their own, each with a page, a token and a session; `far` says who is where. */
async function meet(room, far = {}) {
  const where = { url: server.url, room, site: "site-a", feed: "endoscope" };
  const member = async (name, who) => ({
    page: await open({ trusted: server.url, namespace: far[name] }),
    token: await server.token({ room, ...who }),
  });
  const publisher = await member("publisher", { role: "device", site: where.site });
  const viewer = await member("viewer", { role: "expert" });
  publisher.session = await publishPlainly(publisher.page, { ...where, token: publisher.token, codec: "H264", camera: mark });
  viewer.session = (await playPlainly(viewer.page, { ...where, token: viewer.token })).session;
  await shown(viewer.page, mark);
  const pictures = await readEvery(viewer.page);
  const end = () => Promise.all([publisher, viewer].map(({ page }) => page.end()));
  return { publisher, viewer, pictures, end };
}

/** Waits for so many pictures more than there were. */
const more = (pictures, count, since) => until(`${count} pictures`, async () => (await pictures.count()) >= since + count, { every_ms: 20, seen: pictures.count });

/** Waits until a member's connection uses a pair of the restarted ICE session. */
async function newPair({ page }, { before, after }) {
  assert.notEqual(before, after);
  const find = async () => {
    const pair = await selectedPair(page);
    return pair?.ufrag === after && pair;
  };
  return await until("the new pair", find, { every_ms: 20, seen: () => selectedPair(page) });
}

/** Frame numbers count to 65 536 and begin again. */
function isLater(before, mark) {
  const step = framesSince(before, mark);
  return step > 0 && step < 32_768;
}

/** Every picture is the right one and later than the one before. */
function runOn(rows) {
  const marks = rows.map((row) => row.mark).filter(Boolean);
  for (const [index, { site, kind, frame }] of marks.entries()) {
    assert.deepEqual({ site, kind }, mark);
    assert.ok(index === 0 || isLater(marks[index - 1], marks[index]), `${marks[index - 1]?.frame} to ${frame}`);
  }
}

describe("over a clean line", () => {
  let met;

  before(async () => {
    met = await meet("room-restart");
  });

  after(async () => {
    await met?.end();
  });

  /**
   * Closes the camera's shutter; when nothing is under way any more, gives how many pictures were sent and read, and how
   * often packets were asked for again on both ways.
   */
  async function still() {
    await met.publisher.page.evaluate(() => probe.setShutter(false));
    let before;
    return await until("that nothing is under way", async () => {
      const [up, down] = await Promise.all([met.publisher, met.viewer].map(({ page }) => pictureStats(page)));
      const now = { sent: up.framesSent, read: await met.pictures.count(), asked: up.nackCount + down.nackCount };
      const isStill = now.sent === before?.sent && now.read === before?.read;
      before = now;
      return isStill && now;
    }, { every_ms: 500 });
  }

  for (const name of ["viewer", "publisher"]) {
    test(`no picture is missing while the ${name} restarts ICE`, async () => {
      const { [name]: member, pictures } = met;
      const first = await still();
      await met.publisher.page.evaluate(() => probe.setShutter(true));
      await more(pictures, fps, first.read);
      const restarted = await restartIce(member.page, member.session, member.token);
      const pair = await newPair(member, restarted);
      await more(pictures, 3 * fps, await pictures.count());
      const now = await newPair(member, restarted);
      const packets = now[direction[name]] - pair[direction[name]];
      assert.ok(packets >= 3 * fps, `they came by the new pair: ${packets} packets`);
      const last = await still();
      const rows = await pictures.rows(first.read);
      const pauses_ms = rows.slice(1).map((row, index) => row.at_ms - rows[index].at_ms);
      const [sent, read] = [last.sent - first.sent, last.read - first.read];
      console.log(`${name}: answered in ${restarted.answered_ms.toFixed(0)} ms; of ${sent} pictures ${read} are read; longest pause ${Math.max(...pauses_ms).toFixed(0)} ms`);
      assert.equal(read, sent);
      assert.equal(last.asked, first.asked, "and nothing had to be sent twice");
      runOn(rows);
    });
  }
});

const changes = {
  "has another address": (place) => ({ protocol: "udp", address: changeAddress(place) }),
  "lets no UDP through any more": (place) => {
    dropUdp(place);
    return { protocol: "tcp", address: place.there };
  },
};

for (const [change, happen] of Object.entries(changes)) {
  for (const name of ["viewer", "publisher"]) {
    test(`a ${name} whose network ${change} restarts ICE, and pictures go on`, async () => {
      const place = namespace(`${name}-${Object.keys(changes).indexOf(change)}`);
      const met = await meet(`room-${place.name}`, { [name]: place.name });
      try {
        const { [name]: member, pictures } = met;
        await more(pictures, fps, 0);
        assert.equal((await selectedPair(member.page)).protocol, "udp");
        const expected = happen(place);
        // As any client would, it waits until its browser has noticed; which sometimes finds the other way by itself.
        const state = () => member.page.evaluate(() => probe.connections.at(-1).connectionState);
        const hasMoved = async () => (await selectedPair(member.page))?.protocol !== "udp" && expected.protocol !== "udp";
        await until("that the line is gone", async () => (await state()) === "disconnected" || (await hasMoved()), { every_ms: 20, seen: state });
        const gone = await pictures.count();
        const last = (await pictures.rows(gone - 1))[0];
        const restarted = await until("an answer", () => restartIce(member.page, member.session, member.token).catch(() => null));
        const begin_ms = await member.page.evaluate(() => performance.timeOrigin + performance.now());
        const { protocol, address } = await newPair(member, restarted);
        assert.deepEqual({ protocol, address }, expected);
        /** What came later and is later, too: while the publisher is away the cache is shown again to whoever asks. */
        const fresh = async () => (await pictures.rows(gone)).filter((row) => row.mark && isLater(last.mark, row.mark));
        const rows = await until("three seconds of new pictures", async () => {
          const rows = await fresh();
          return rows.length >= 3 * fps && rows;
        });
        const old = (await pictures.rows(gone)).filter((row) => row.mark && !isLater(last.mark, row.mark)).length;
        console.log(`${name}, ${change}: a new picture came ${(rows[0].at_ms - begin_ms).toFixed(0)} ms after the answer, ${(rows[0].at_ms - last.at_ms).toFixed(0)} ms after the last one; in between ${old} old ones`);
        if (name === "viewer") assert.equal(old, 0, "nothing is shown again");
        runOn(rows);
        assert.equal(await endSession(member.session, member.token), 200, "it is the same session");
      } finally {
        await met.end();
      }
    });
  }
}
