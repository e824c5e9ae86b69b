// Bad input harms nobody: while strangers do their worst, a viewer's picture goes on without a stutter,
// and everything they left behind is gone in the end.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { open } from "../harness/browser.mjs";
import { shown } from "../harness/picture.mjs";
import { Server } from "../harness/server.mjs";
import { until } from "../harness/until.mjs";
import { framesSince } from "../strip.mjs";
import { playPlainly, publishPlainly } from "../pages/plain.mjs";
import { ffmpegPublisher } from "../publishers/ffmpeg.mjs";
import { dtlsHello, half, noise, stun } from "../publishers/stranger.mjs";

const room = "room-hostile";
const mark = { site: 1, kind: 0 };
let server;
let viewer;
let ffmpeg;

before(async () => {
  server = await Server.start();
  const token = await server.token({ room, role: "device", site: "site-a" });
  ffmpeg = ffmpegPublisher({ endpoint: `${server.url}/whip/${room}?feed=endoscope`, token, ...mark });
  viewer = await open();
  const expert = await server.token({ room, role: "expert" });
  await playPlainly(viewer, { url: server.url, room, token: expert, site: "site-a", feed: "endoscope" });
  await shown(viewer, mark);
});

after(async () => {
  await viewer?.end();
  await ffmpeg?.stop("SIGINT");
  await server?.stop();
});

/** Does something, and the viewer's picture must never be what the product calls frozen meanwhile. Packets that a
 * crowded kernel buffer drops are sent again, so they are not counted. */
async function withoutStutter(act) {
  await viewer.evaluate(() => probe.follow(document.querySelector("video")));
  const result = await act();
  const already = await viewer.evaluate(() => probe.followed().length);
  const rows = await until("half a second of pictures since", async () => {
    const seen = await viewer.evaluate(() => probe.followed());
    return seen.length > already + 15 && seen;
  });
  await viewer.evaluate(() => probe.unfollow());
  for (const [index, row] of rows.slice(1).entries()) {
    assert.deepEqual([row.mark?.site, row.mark?.kind], [mark.site, mark.kind]);
    const step = framesSince(rows[index].mark, row.mark);
    assert.ok(step < 300, "never backwards");
    assert.ok(row.at_ms - rows[index].at_ms < 500, `a pause of ${row.at_ms - rows[index].at_ms} ms`);
  }
  return result;
}

const sessions = async () => (await server.metrics()).sum("consilium_sessions");

test("noise on the media port", async () => {
  await withoutStutter(() => noise(server.media, 20_000));
  const drops = (await server.metrics()).sum("consilium_dropped_datagrams_total", 'reason="stranger"');
  assert.ok(drops > 10_000, `the noise is counted: ${drops}`);
});

test("peers that vanish after the offer, after STUN and in the DTLS handshake", async () => {
  const before = await sessions();
  await withoutStutter(async () => {
    for (const site of ["site-b", "site-c"]) {
      for (const state of ["offered", "checked", "greeted"]) {
        const token = await server.token({ room, role: "device", site });
        const peer = await half(`${server.url}/whip/${room}?feed=room`, token);
        assert.equal(peer.status, 201);
        if (state === "offered") continue;
        const socket = await stun(peer);
        if (state === "greeted") await dtlsHello(peer, socket);
        socket.close();
      }
    }
  });
  await until("all of them are forgotten", async () => (await sessions()) === before, { within_ms: 90_000, seen: sessions });
});

test("a browser that is killed while it publishes", async () => {
  const before = await sessions();
  const publisher = await open();
  const token = await server.token({ room, role: "surgeon", site: "site-c" });
  const camera = { site: 2, kind: 5 };
  await publishPlainly(publisher, { url: server.url, room, token, feed: "room", codec: "VP8", camera, tone_hz: 440 });
  await until("it publishes", async () => (await sessions()) > before);
  await withoutStutter(async () => publisher.browser().process().kill("SIGKILL"));
  await until("it is forgotten", async () => (await sessions()) === before, { within_ms: 90_000, seen: sessions });
});

test("a fifth feed of a site", async () => {
  const before = await sessions();
  await withoutStutter(async () => {
    const token = await server.token({ room, role: "device", site: "site-b" });
    const peers = [];
    for (const feed of ["endoscope", "ultrasound", "ct", "room"]) peers.push(await half(`${server.url}/whip/${room}?feed=${feed}`, token));
    assert.deepEqual(peers.map((peer) => peer.status), [201, 201, 201, 201]);
    const fifth = await half(`${server.url}/whip/${room}?feed=monitor`, token);
    assert.equal(fifth.problem.code, "too_many_feeds");
    assert.ok(fifth.status >= 400 && fifth.status < 500, `${fifth.status}`);
    const headers = { Authorization: `Bearer ${token}` };
    for (const peer of peers) assert.equal((await fetch(peer.session, { method: "DELETE", headers })).status, 200);
  });
  await until("they are gone", async () => (await sessions()) === before, { seen: sessions });
});
