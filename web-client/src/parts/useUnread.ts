import { useState } from "react";
import type { Session } from "../session.ts";

/** How many lines of the chat others have said since it was last `open`; what was said before one came is history. */
export function useUnread({ said, you }: Session, open: boolean): number {
  const last = said.at(-1)?.number ?? 0;
  const [read, setRead] = useState(last);
  // Numbers begin anew in a room that is made anew.
  if ((open && read !== last) || read > last) setRead(last);
  return said.filter((each) => each.number > read && each.member !== you?.id).length;
}
