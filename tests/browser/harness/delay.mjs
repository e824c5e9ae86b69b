// From glass to glass: a camera whose every frame carries the time, through the server and directly between the same
// two browsers, as a viewer's page sees it.

import { open } from "./browser.mjs";
import { shown } from "./picture.mjs";
import { Server } from "./server.mjs";
import { until } from "./until.mjs";
import { endSession, playPlainly, publishPlainly } from "../pages/plain.mjs";

const camera = { site: 4, kind: 0, width: 1280, height: 720, clock: true };

/** Rows of `{path, p50_ms, p95_ms, frames, unreadable, without_capture_time}`, for the two paths. */
export async function measureDelay(frames) {
  const server = await Server.start();
  const [publisher, viewer] = [await open(), await open()];
  try {
    return [await throughServer(server, publisher, viewer, frames), await directly(server, publisher, viewer, frames)];
  } finally {
    await Promise.all([publisher.end(), viewer.end()]);
    await server.stop();
  }
}

async function throughServer(server, publisher, viewer, frames) {
  const where = { url: server.url, room: "room-delay", feed: "endoscope" };
  const [device, expert] = [await server.token({ room: where.room, role: "device", site: "site-a" }), await server.token({ room: where.room, role: "expert" })];
  const session = await publishPlainly(publisher, { ...where, token: device, codec: "H264", camera, tone_hz: 440 });
  await playPlainly(viewer, { ...where, token: expert, site: "site-a" });
  const row = await measure("through the server", viewer, frames);
  await endSession(session, device);
  return row;
}

async function directly(server, publisher, viewer, frames) {
  for (const page of [publisher, viewer]) await page.goto(`${server.url}/healthz`);
  const offer = await publisher.evaluate((camera) => probe.offerCamera((window.peer = new RTCPeerConnection()), camera, 440), camera);
  const answer = await viewer.evaluate(async (offer) => {
    const peer = new RTCPeerConnection();
    peer.ontrack = ({ track }) => {
      document.body.append(Object.assign(document.createElement(track.kind), { autoplay: true, srcObject: new MediaStream([track]) }));
    };
    await peer.setRemoteDescription(offer);
    for (const transceiver of peer.getTransceivers()) probe.offerExtensions(transceiver);
    return await probe.gathered(peer);
  }, offer);
  await publisher.evaluate((answer) => peer.setRemoteDescription(answer), answer);
  return await measure("directly", viewer, frames);
}

async function measure(path, viewer, frames) {
  await shown(viewer, camera);
  // The bandwidth estimate begins low, and the encoder with it.
  await until("the full rate", async () => {
    const [row] = await viewer.evaluate(() => probe.inbound());
    return row?.frameHeight === camera.height && row.framesPerSecond >= 28 && row.framesDecoded > 240;
  });
  const take = (count) => viewer.evaluate((count) => probe.frames(document.querySelector("video"), count), count);
  // Chromium knows a frame's capture time from its second sender report and round trip on.
  await until("capture times", async () => (await take(10)).every((row) => row.captureTime !== undefined), { within_ms: 30_000 });
  const rows = await take(frames);
  const read = rows.filter((row) => row.mark);
  const ages_ms = read.map((row) => (row.at_ms - row.mark.frame + 65_536 * 1e9) % 65_536).sort((a, b) => a - b);
  const at = (share) => Math.round(ages_ms[Math.floor(ages_ms.length * share)] * 10) / 10;
  return {
    path,
    p50_ms: at(0.5),
    p95_ms: at(0.95),
    frames: rows.length,
    unreadable: rows.length - read.length,
    without_capture_time: rows.filter((row) => row.captureTime === undefined).length,
  };
}
