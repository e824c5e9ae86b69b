// How old the pictures are that this page shows, slot by slot: what the server is told of it (rule S3).

import type { ShownAge, Slot } from "../../signaling/messages.ts";
import type { Age } from "./age.ts";

/** No age on the wire is greater. */
const MOST_MS = 0xffff_ffff;

export class ShownAges {
  /** One-way time from the server in milliseconds, 0 when unknown. */
  readonly way_ms: () => number;
  #ages_ms = new Map<Slot, number>();

  constructor(way_ms: () => number) {
    this.way_ms = way_ms;
  }

  /** What a picture says of its age; a lower bound is none. */
  note(slot: Slot, age: Age): void {
    if (age.age_ms === null || !age.exact) this.#ages_ms.delete(slot);
    else this.#ages_ms.set(slot, Math.min(Math.round(age.age_ms), MOST_MS));
  }

  /** The latest of each slot, once: a picture that is gone says nothing more. */
  take(): ShownAge[] {
    const ages = [...this.#ages_ms].map(([slot, age_ms]) => ({ slot, age_ms }));
    this.#ages_ms.clear();
    return ages;
  }
}
