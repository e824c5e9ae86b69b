// How long this browser holds pictures back before it shows them. Over a line that loses or jitters the server has it do so;
// voices then have to wait as long, or a word is heard before the lips move.

/** What the browser counts of one stream, as `getStats` gives it: seconds of all frames together, and how many they were. */
export interface Held {
  readonly jitterBufferDelay?: number;
  readonly jitterBufferEmittedCount?: number;
}

/** What sound is held back anyway; less than that is not worth a word. */
const LEAST_MS = 50;
/** Longer than this it is none of the server's doing: the picture stands. */
const MOST_MS = 500;
/** Of fewer pictures the mean says little. */
const FEWEST = 10;

export class HeldPictures {
  #before = new Map<string, { delay_s: number; count: number }>();

  /**
   * Takes what is counted of every stream of pictures now; gives how long those since the last time were held back, the
   * least of all streams, in milliseconds. All are to be held back alike, and what one had to wait for besides, at a
   * keyframe that was late or lost, is none of the voices' business. Null where it is too little to matter.
   */
  note(streams: Iterable<readonly [id: string, held: Held]>): number | null {
    let least_ms = Infinity;
    const now = new Map<string, { delay_s: number; count: number }>();
    for (const [id, { jitterBufferDelay: delay_s = 0, jitterBufferEmittedCount: count = 0 }] of streams) {
      now.set(id, { delay_s, count });
      const before = this.#before.get(id);
      if (before === undefined || count < before.count + FEWEST) continue;
      least_ms = Math.min(least_ms, ((delay_s - before.delay_s) / (count - before.count)) * 1_000);
    }
    this.#before = now;
    return least_ms < LEAST_MS || least_ms > MOST_MS ? null : Math.round(least_ms);
  }
}
