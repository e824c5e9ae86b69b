// What a viewer sees over a bad line: how long its picture stands, and how old it is. Every frame carries the time.

import { open } from "./browser.mjs";
import { quantile, since } from "./figures.mjs";
import { farNamespace } from "./namespace.mjs";
import { shown } from "./picture.mjs";
import { Server } from "./server.mjs";
import { until } from "./until.mjs";
import { pictureStats, playPlainly, publishPlainly } from "../pages/plain.mjs";

const room = "room-smooth";
const camera = { site: 4, kind: 0, width: 640, height: 360, clock: true };

/** Lines between the server and a viewer in another town: 50 ms there and back. */
const FAR = { delay_ms: 25 };
export const LINES = {
  "clean": FAR,
  "60 ms of jitter": { ...FAR, delay_ms: 55, jitter_ms: 30 },
  "3 % lost, both ways": { ...FAR, loss: 0.03 },
  "5 % lost, both ways": { ...FAR, loss: 0.05 },
  "bursts of 100 ms every 4 s": { ...FAR, outage_ms: 100, outage_every_s: 4 },
  "10 % lost, both ways": { ...FAR, loss: 0.1 },
};

let count = 0;

/** Follows so many frames over a line, by a server with these flags. */
export async function measureSmoothness(line, flags, frames) {
  const far = await farNamespace(`far${++count}`, line);
  const server = await Server.start({ host: "10.77.0.1", flags });
  const [publisher, viewer] = [await open({ trusted: server.url }), await open({ namespace: far.name, trusted: server.url })];
  try {
    const where = { url: server.url, room, feed: "endoscope" };
    const [device, expert] = await Promise.all([server.token({ room, role: "device", site: "site-a" }), server.token({ room, role: "expert" })]);
    await publishPlainly(publisher, { ...where, token: device, codec: "H264", camera, tone_hz: 440 });
    await playPlainly(viewer, { ...where, token: expert, site: "site-a" });
    await shown(viewer, camera);
    await until("ten seconds of it", async () => (await pictureStats(viewer)).framesDecoded > 300, { within_ms: 60_000 });
    const held_ms = [];
    const note = setInterval(async () => held_ms.push(1000 * (await server.metrics()).sum("consilium_member_playout_delay_seconds")), 500);
    const first = await pictureStats(viewer);
    const rows = await viewer.evaluate((count) => probe.frames(document.querySelector("video"), count), frames);
    const last = await pictureStats(viewer);
    clearInterval(note);
    return figures(rows, held_ms, (name) => last[name] - first[name]);
  } finally {
    await Promise.all([publisher.end(), viewer.end()]);
    await server.stop();
    await far.link.stop();
  }
}

function figures(rows, held_ms, more) {
  const gaps_ms = rows.slice(1).map((row, index) => row.shown_ms - rows[index].shown_ms);
  const ages_ms = rows.filter((row) => row.mark).map((row) => since(row.mark, row.shown_ms));
  const seconds = (rows.at(-1).shown_ms - rows[0].shown_ms) / 1000;
  const rounded = (value) => Math.round(value * 10) / 10;
  return {
    held_p50_ms: rounded(quantile(held_ms, 0.5)),
    held_most_ms: rounded(quantile(held_ms, 1)),
    browser_held_ms: rounded((1000 * more("jitterBufferDelay")) / more("jitterBufferEmittedCount")),
    age_p50_ms: rounded(quantile(ages_ms, 0.5)),
    age_p95_ms: rounded(quantile(ages_ms, 0.95)),
    gap_p95_ms: rounded(quantile(gaps_ms, 0.95)),
    gap_most_ms: rounded(quantile(gaps_ms, 1)),
    gaps_over_200_ms: gaps_ms.filter((gap_ms) => gap_ms > 200).length,
    freezes: more("freezeCount"),
    frozen_s: rounded(more("totalFreezesDuration")),
    shown_fps: rounded(rows.length / seconds),
    decoded_fps: rounded(more("framesDecoded") / seconds),
    lost: more("packetsLost"),
    sent_again: more("retransmittedPacketsReceived"),
    seconds: rounded(seconds),
  };
}
