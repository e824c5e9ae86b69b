// What must be true of a picture that a page shows.

import assert from "node:assert/strict";

import { framesSince } from "../strip.mjs";
import { until } from "./until.mjs";

/** Waits until a page shows the picture of this site and kind, and gives its mark. */
export async function shown(page, { site, kind }, within_ms = 20_000) {
  const look = async () => (await page.evaluate(() => probe.pictures())).map((picture) => picture.mark);
  const find = async () => (await look()).find((mark) => mark?.site === site && mark?.kind === kind);
  return await until(`picture ${site}/${kind}`, find, { within_ms, seen: () => page.evaluate(() => probe.pictures()) });
}

/**
 * Follows the page's only picture over so many presented frames: always the right one, never backwards, and moving at
 * no less than 95 % of the source's rate in some stretch of them (a machine that is busy elsewhere fails nothing, a
 * picture that never keeps up does).
 */
export async function moves(page, { site, kind }, { count = 60, fps = 30, share = 0.95, readable = 0.95 } = {}) {
  const frames = (count) => page.evaluate((count) => probe.frames(document.querySelector("video"), count), count);
  // A browser's encoder begins with a guess of its line, and blurs until it knows better.
  await until("a second that is clear", async () => (await frames(fps)).every((row) => row.mark), { within_ms: 20_000 });
  const slow = [];
  return await until(`${count} frames at their rate`, async () => {
    const rows = await frames(count);
    const read = rows.filter((row) => row.mark);
    for (const { mark } of read) assert.deepEqual([mark.site, mark.kind], [site, kind], "every frame is the right picture");
    const steps = read.slice(1).map((row, index) => framesSince(read[index].mark, row.mark));
    assert.ok(steps.every((step) => step < 300), `never backwards: ${steps}`);
    const advance = steps.reduce((sum, step) => sum + step, 0);
    const seconds = (read.at(-1)?.at_ms - read[0]?.at_ms) / 1000;
    // A strip that the encoder blurred is refused by its reader, never guessed.
    if (read.length >= rows.length * readable && advance >= seconds * fps * share) return rows;
    slow.push(`${advance} frames in ${seconds.toFixed(2)} s, ${read.length} of ${rows.length} can be read`);
    return null;
  }, { seen: () => slow });
}

/** Waits until the page plays a tone of this frequency. */
export async function heard(page, hz, within_ms = 20_000) {
  const find = async () => (await tones(page)).some((peaks) => peaks.some((peak) => Math.abs(peak.hz - hz) < 8));
  await until(`a tone of ${hz} Hz`, find, { within_ms, seen: () => tones(page) });
}

const tones = async (page) => (await page.evaluate(() => probe.tones())).map((track) => track.peaks);
