// The keys of the panel's page: what each does, and the list of them that the page shows. One table, so that the list
// cannot name a key that does nothing. Space is followed while it is down, in `parts/useTalk.ts`.

import type { Feed, FeedId } from "../../signaling/messages.ts";
import { inOrder } from "./slots.ts";
import type { Word } from "./words.ts";

export const KEYS: readonly { readonly keys: readonly (string | { readonly word: Word })[]; readonly does: Word }[] = [
  { keys: ["1", "…", "9"], does: "keys.choose" },
  { keys: ["←", "→"], does: "keys.step" },
  { keys: [{ word: "talk.key" }], does: "keys.talk" },
  { keys: ["?"], does: "keys.list" },
  { keys: ["Esc"], does: "keys.escape" },
];

/** The feed that a key chooses, while `large` is the large one; none for any other key. */
export function feedByKey(key: string, feeds: readonly Feed[], large: FeedId | null): Feed | undefined {
  const order = inOrder(feeds);
  if (/^[1-9]$/.test(key)) return order[Number(key) - 1];
  const step = key === "ArrowRight" ? 1 : key === "ArrowLeft" ? -1 : 0;
  if (step === 0) return undefined;
  const at = order.findIndex((feed) => feed.id === large);
  // With nothing large, or at an end, it goes round.
  return order.at(at < 0 ? Math.min(step, 0) : (at + step) % order.length);
}
