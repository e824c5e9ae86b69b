// How far a voice is from its picture at a viewer, by flashes that are heard (see `flashes` in devices.js).

import { median, since } from "./figures.mjs";

/**
 * By how much each of so many beeps comes after its flash: `arrived` where both arrive, `heard` where they are played and
 * shown; what the publisher's microphone takes is left out of both, for it is none of the server's doing.
 * @param {import("../pages/member.mjs").Member} expert who watches the surgeon's endoscope small
 * @param {import("../pages/surgeon.mjs").Surgeon} surgeon
 */
export async function voiceAfterPicture(expert, surgeon, count) {
  const [{ flashes, beeps, hold_ms }, own] = await Promise.all([
    expert.page.evaluate(async (count) => {
      const { track, row } = await probe.voice();
      const video = document.querySelector('[data-testid="side"][data-kind="endoscope"] video');
      const [flashes, beeps] = await Promise.all([probe.flashes(video, count), probe.beeps(track, count)]);
      const { row: last } = await probe.voice();
      const held_s = last.jitterBufferDelay - row.jitterBufferDelay;
      return { flashes, beeps, hold_ms: (held_s * 1000) / (last.jitterBufferEmittedCount - row.jitterBufferEmittedCount) };
    }, count),
    surgeon.page.evaluate((count) => probe.beeps(probe.tonesPublished()[0], count), count),
  ]);
  // Flashes come every half second, so that the nearest is the one that belongs to a beep.
  const nearest = (at_ms, times) => times.reduce((a, b) => (Math.abs(a - at_ms) <= Math.abs(b - at_ms) ? a : b));
  const after = (beeps, times) => beeps.map((at_ms) => at_ms - nearest(at_ms, times));
  const microphone_ms = median(after(own, flashes.map(({ mark, shown_ms }) => shown_ms - since(mark, shown_ms))));
  const heard = after(beeps, flashes.map((flash) => flash.shown_ms)).map((late_ms) => late_ms - microphone_ms);
  const arrived = after(beeps.map((at_ms) => at_ms - hold_ms), flashes.map((flash) => flash.received_ms)).map((late_ms) => late_ms - microphone_ms);
  return { heard, arrived, hold_ms, microphone_ms };
}
