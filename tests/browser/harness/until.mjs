// Waiting for a condition, never for a time.

import { setTimeout as pause } from "node:timers/promises";

/**
 * Asks again and again until the answer is truthy, and gives that answer.
 * The deadline only ends a wait that would be a failure anyhow; it is wide, so that a busy machine fails nothing.
 *
 * @template T
 * @param {string} what is awaited, for the error: "all twelve feeds move"
 * @param {() => T | Promise<T>} ask
 * @param {{ within_ms?: number, every_ms?: number, seen?: () => unknown }} [bounds] `seen` says in the error how far it came
 * @returns {Promise<NonNullable<T>>}
 */
export async function until(what, ask, { within_ms = 30_000, every_ms = 50, seen } = {}) {
  const end = performance.now() + within_ms;
  let last;
  for (;;) {
    last = await ask();
    if (last) return last;
    if (performance.now() > end) break;
    await pause(every_ms);
  }
  const found = seen ? await seen() : last;
  throw new Error(`not within ${within_ms} ms: ${what} (last: ${JSON.stringify(found)})`);
}
