// Every feed small, in a strip per site: a tap or a key shows it large. Beside the site's name, who attends it.

import { Radio } from "lucide-react";
import { useEffect, useRef } from "react";
import type { Feed, FeedId, SiteId } from "../../../signaling/messages.ts";
import { type Consultation, SLOTS, type Snapshot } from "../consultation.ts";
import { useSpeech } from "../language.tsx";
import { publisherOf } from "../session.ts";
import { bySite, inOrder, replacesOther } from "../slots.ts";
import { airedAt, isPanel } from "../talk.ts";
import { memberName, pictureName, siteName } from "./names.ts";
import { Picture } from "./Picture.tsx";
import { useSnapshot } from "./useSnapshot.ts";
import "./Sheet.css";
import "./Strips.css";

/** Slot 0 is the large picture's. */
export const SIDE_SLOTS = SLOTS.expert - 1;

interface StripsProps {
  readonly consultation: Consultation;
  readonly feeds: readonly Feed[];
  readonly sides: readonly (FeedId | null)[];
  readonly chosen: FeedId | null;
  readonly choose: (feed: Feed) => void;
}

export function Strips({ consultation, feeds, sides, chosen, choose }: StripsProps) {
  const speech = useSpeech();
  const { t } = speech;
  const snapshot = useSnapshot(consultation);
  const { session, downlink } = snapshot;
  const order = inOrder(feeds);
  const more = feeds.length - SIDE_SLOTS;
  const strips = useRef<HTMLDivElement>(null);
  // A feed chosen by key may be scrolled out of sight.
  useEffect(() => {
    strips.current?.querySelector("[aria-pressed=true]")?.scrollIntoView({ block: "nearest" });
  }, [chosen]);

  const side = (feed: Feed) => {
    const allotted = sides.indexOf(feed.id);
    // Without a slot of its own, the chosen one still moves: it is in the large picture's.
    const slot = allotted >= 0 ? allotted + 1 : feed.id === chosen ? 0 : null;
    const key = order.indexOf(feed) + 1;
    const publisher = publisherOf(session, feed);
    const name = pictureName(speech, feed, publisher);
    const label = key <= 9 ? t("picture.choose_key", { name, key }) : t("picture.choose", { name });
    return (
      <li key={feed.id}>
        <button
          className="side" type="button" data-testid="choose-feed" data-feed={feed.id} aria-pressed={feed.id === chosen}
          title={label} onClick={() => choose(feed)}
        >
          <Picture
            stream={slot === null ? undefined : downlink.slots[slot]} feed={feed} publisher={publisher} slot={slot} size="thumb"
            ages={consultation.ages} sizes={consultation.sizes} pending={slot === null || session.slots[slot]?.feed !== feed.id}
            vacant={slot === null ? null : session.slots[slot]?.vacant ?? null} replaces={replacesOther(feed, session.feeds)} testId="side"
          />
          {key <= 9 && <span className="side-key" aria-hidden>{key}</span>}
        </button>
      </li>
    );
  };
  return (
    <div className="strips" ref={strips}>
      {bySite(feeds).map(([site, list]) => (
        <section key={site ?? ""} className="strip" data-testid="strip" data-site={site ?? undefined}>
          <h2>
            {site === null ? t("panel") : siteName(speech, site)} <span className="count">{list.length}</span>
            {site !== null && <Attended snapshot={snapshot} site={site} />}
          </h2>
          <ul className="strip-feeds">{list.map(side)}</ul>
        </section>
      ))}
      {more > 0 && <p className="strips-more" data-testid="slots-full">{t("slots.full", { count: SIDE_SLOTS, more })}</p>}
    </div>
  );
}


/** Who of the panel attends a site, and whether one's own voice goes there now. */
function Attended({ snapshot, site }: { readonly snapshot: Snapshot; readonly site: SiteId }) {
  const speech = useSpeech();
  const { t } = speech;
  const { session: { members, you }, heard } = snapshot;
  const names = members.filter((member) => isPanel(member) && member.attends?.includes(site)).map((member) => memberName(speech, member));
  const onAir = heard && you !== null && airedAt(you, [site]).length > 0;
  const title = names.length === 0 ? t("attends.nobody") : t("attends.names", { names: names.join(t("list.comma")) });
  return (
    <span className="strip-attended" data-testid="attended-by" data-site={site} data-count={names.length} title={title}>
      {onAir && <span className="chip" data-on-air="true"><Radio aria-hidden size={14} />{t("attend.on_air")}</span>}
      <span className="strip-names">{title}</span>
    </span>
  );
}
