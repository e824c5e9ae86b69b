import { useMemo, useState } from "react";
import type { Feed, FeedChoice, FeedId } from "../../../signaling/messages.ts";
import { allot } from "../slots.ts";

const NO_SLOTS: readonly (FeedId | null)[] = [];

/** Slots that stay with their feeds while others come and go. */
export function useAllotted(feeds: readonly Feed[], count: number): readonly (FeedId | null)[] {
  const [kept, setKept] = useState(NO_SLOTS);
  const slots = useMemo(() => allot(kept, feeds, count), [kept, feeds, count]);
  if (slots.some((feed, slot) => feed !== (kept[slot] ?? null))) setKept(slots);
  return slots;
}

/** A slot's feed as `watch` takes it. */
export function choiceOf(feed: FeedId | null | undefined): FeedChoice | null {
  return feed === null || feed === undefined ? null : { feed };
}
