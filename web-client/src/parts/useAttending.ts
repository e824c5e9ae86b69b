// Which sites somebody of the panel attends, and whom the voice is for: what was chosen here is said to the server, and said
// again when a site or the connection comes back.

import { useEffect, useState } from "react";
import type { Direction, SiteId } from "../../../signaling/messages.ts";
import type { Consultation } from "../consultation.ts";
import type { Session } from "../session.ts";
import { directionOf, sitesOf } from "../talk.ts";

export interface Attending {
  readonly sites: readonly SiteId[];
  /** As the server says. */
  readonly attends: readonly SiteId[];
  readonly direction: Direction;
  /** Attends a site, or no more. */
  readonly toggle: (site: SiteId) => void;
  readonly add: (site: SiteId) => void;
  readonly direct: (to: Direction) => void;
}

const NONE: readonly SiteId[] = [];

export function useAttending(consultation: Consultation, session: Session): Attending {
  const [wanted, setWanted] = useState<readonly SiteId[] | null>(null);
  const [wantedTo, setWantedTo] = useState<Direction | null>(null);
  const { you, line } = session;
  const sites = sitesOf(session);
  const attends = you?.attends ?? NONE;
  const direction = you === null ? "attended" : directionOf(you);
  const isJoined = line === "joined";

  if (wanted === null && isJoined) {
    // Nobody has to choose where there is no choice: the only site is attended by itself, once.
    if (attends.length > 0) setWanted(attends);
    else if (sites.length === 1) setWanted(sites);
  }
  // A site that is away for a moment is attended again when it is back.
  const target = JSON.stringify(wanted === null ? attends : sites.filter((site) => wanted.includes(site)));
  const current = JSON.stringify(sites.filter((site) => attends.includes(site)));
  useEffect(() => {
    if (!isJoined || wanted === null || target === current) return;
    void consultation.request({ type: "attend", sites: JSON.parse(target) as SiteId[] });
  }, [consultation, isJoined, wanted, target, current]);
  useEffect(() => {
    if (isJoined && wantedTo !== null && wantedTo !== direction) void consultation.request({ type: "direct_voice", to: wantedTo });
  }, [consultation, isJoined, wantedTo, direction]);

  const chosen = wanted ?? attends;
  return {
    sites, attends, direction, direct: setWantedTo,
    toggle: (site) => setWanted(chosen.includes(site) ? chosen.filter((each) => each !== site) : [...chosen, site]),
    add: (site) => setWanted(chosen.includes(site) ? chosen : [...chosen, site]),
  };
}
