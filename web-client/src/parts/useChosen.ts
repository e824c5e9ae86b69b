// The feed in the large picture. Nobody has to choose: the first feed is shown, and stays when others come. What a
// person chose stays chosen even when it ends, for another picture in its place could be taken for it (hazard H2).

import { useCallback, useState } from "react";
import type { Feed } from "../../../signaling/messages.ts";
import { type Chosen, chosenOf, findChosen, inOrder } from "../slots.ts";

export function useChosen(feeds: readonly Feed[]): readonly [Feed | undefined, (feed: Feed) => void] {
  const [choice, setChoice] = useState<{ readonly chosen: Chosen | null; readonly byHand: boolean }>({ chosen: null, byHand: false });
  const shown = findChosen(feeds, choice.chosen) ?? (choice.byHand ? undefined : inOrder(feeds)[0]);
  if (shown !== undefined && !choice.byHand && shown.id !== choice.chosen?.id) {
    setChoice({ chosen: chosenOf(shown), byHand: false });
  }
  const choose = useCallback((feed: Feed) => setChoice({ chosen: chosenOf(feed), byHand: true }), []);
  return [shown, choose];
}
