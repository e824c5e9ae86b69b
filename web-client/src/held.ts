// How long this browser holds pictures back before it shows them. Over a line that loses or jitters the server has it do so;
// voices then have to wait as long, or a word is heard before the lips move.

/** What the browser counts of one stream, as `getStats` gives it: seconds of all frames together, and how many they were. */
export interface Held {
  readonly jitterBufferDelay?: number;
  readonly jitterBufferEmittedCount?: number;
}

/** What sound is held back anyway; less than that is not worth a word. */
const LEAST_MS = 50;

export class HeldPictures {
  #before = new Map<string, { delay_s: number; count: number }>();

  /**
   * Takes what is counted of every stream of pictures now; gives how long those since the last time were held back, the
   * longest of all streams, in milliseconds. Null where that is too little to matter.
   */
  note(streams: Iterable<readonly [id: string, held: Held]>): number | null {
    let most_ms = 0;
    const now = new Map<string, { delay_s: number; count: number }>();
    for (const [id, { jitterBufferDelay: delay_s = 0, jitterBufferEmittedCount: count = 0 }] of streams) {
      now.set(id, { delay_s, count });
      const before = this.#before.get(id);
      if (before === undefined || count <= before.count) continue;
      most_ms = Math.max(most_ms, ((delay_s - before.delay_s) / (count - before.count)) * 1_000);
    }
    this.#before = now;
    return most_ms < LEAST_MS ? null : Math.round(most_ms);
  }
}
