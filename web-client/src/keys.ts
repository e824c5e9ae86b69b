// The keys of the panel's page: what each does, and the list of them that the page shows. One table, so that the list
// cannot name a key that does nothing. Space is followed while it is down, in `parts/useTalk.ts`.

import type { Direction, Feed, FeedId, SiteId } from "../../signaling/messages.ts";
import { inOrder } from "./slots.ts";
import type { Word } from "./words.ts";

export const KEYS: readonly { readonly keys: readonly (string | { readonly word: Word })[]; readonly does: Word }[] = [
  { keys: ["1", "…", "9"], does: "keys.choose" },
  { keys: ["←", "→"], does: "keys.step" },
  { keys: [{ word: "talk.key" }], does: "keys.talk" },
  { keys: ["Q", "W", "E"], does: "keys.attend" },
  { keys: ["Z", "X", "C"], does: "keys.direct" },
  { keys: [{ word: "key.enter" }], does: "keys.answer" },
  { keys: [{ word: "key.backspace" }], does: "keys.decline" },
  { keys: ["?"], does: "keys.list" },
  { keys: ["Esc"], does: "keys.escape" },
];

/** In the order of the sites. */
export const ATTEND_KEYS: readonly string[] = ["q", "w", "e"];
export const DIRECT_KEYS: Readonly<Record<Direction, string>> = { attended: "z", all: "x", panel: "c" };

/** The site that a key attends, or leaves. */
export function siteByKey(key: string, sites: readonly SiteId[]): SiteId | undefined {
  return sites[ATTEND_KEYS.indexOf(key.toLowerCase())];
}

/** Whom the voice is for after a key. */
export function directionByKey(key: string): Direction | undefined {
  return (["attended", "all", "panel"] as const).find((to) => DIRECT_KEYS[to] === key.toLowerCase());
}

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
