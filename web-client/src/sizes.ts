// How large each slot's picture is on this screen, so that nothing larger is sent (rule S3). A page says what it draws;
// the server is told when that has changed and has been so for a moment.

import type { Slot } from "../../signaling/messages.ts";

/** A window that is being dragged larger changes with every frame. */
const SETTLED_AFTER_MS = 200;
/** The most that can be said. */
const MOST_PX = 65_535;

/** Device pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

export class Sizes {
  readonly #say: (slot: Slot, size: Size) => void;
  /** A slot may be drawn twice; then the larger counts. */
  readonly #drawn = new Map<Slot, Map<object, Size>>();
  readonly #said = new Map<Slot, Size>();
  #open = false;
  #settling: ReturnType<typeof setTimeout> | undefined;

  constructor(say: (slot: Slot, size: Size) => void) {
    this.#say = say;
  }

  /** `who` draws a slot this large, or no more. */
  draw(slot: Slot, who: object, size: Size | null): void {
    const drawn = this.#drawn.get(slot) ?? new Map<object, Size>();
    if (size === null) drawn.delete(who);
    else drawn.set(who, size);
    this.#drawn.set(slot, drawn);
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#tell(), SETTLED_AFTER_MS);
  }

  /** The server has slots, and knows nothing of them yet: it is told at once. */
  open(): void {
    this.#open = true;
    this.#said.clear();
    this.#tell();
  }

  /** It has none any more. */
  close(): void {
    this.#open = false;
  }

  #tell(): void {
    if (!this.#open) return;
    for (const [slot, drawn] of this.#drawn) {
      if (drawn.size === 0) continue;
      const most = (side: keyof Size) => Math.min(MOST_PX, Math.max(...[...drawn.values()].map((size) => Math.round(size[side]))));
      const size = { width: most("width"), height: most("height") };
      const said = this.#said.get(slot);
      if (said?.width === size.width && said.height === size.height) continue;
      this.#said.set(slot, size);
      this.#say(slot, size);
    }
  }
}
