// The audience: what the lead shows, or, in an open room, what a tap chooses; a hand, a question, and the floor when it is
// given. Made for a phone held upright, first.

import { useEffect, useMemo } from "react";
import type { Feed, FeedChoice } from "../../../signaling/messages.ts";
import type { Consultation, Snapshot } from "../consultation.ts";
import { useSpeech } from "../language.tsx";
import { AskPanel } from "../parts/AskPanel.tsx";
import { FloorBar } from "../parts/FloorBar.tsx";
import { Speaking } from "../parts/Members.tsx";
import { Notices } from "../parts/Notices.tsx";
import { siteName } from "../parts/names.ts";
import { Picture } from "../parts/Picture.tsx";
import { RoomBar } from "../parts/RoomBar.tsx";
import { useSound } from "../parts/Sound.tsx";
import { useChosen } from "../parts/useChosen.ts";
import { useSnapshot } from "../parts/useSnapshot.ts";
import { feedIn, publisherOf } from "../session.ts";
import { bySite, replacesOther, withoutReplaced } from "../slots.ts";
import type { Word } from "../words.ts";
import "./TraineePage.css";

/** Both slots follow the programme by themselves; while it is dark they go on doing so. */
const FOLLOWED: readonly FeedChoice[] = [{ programme: "feed" }, { programme: "speaker" }];

export function TraineePage({ consultation }: { readonly consultation: Consultation }) {
  const { t } = useSpeech();
  const snapshot = useSnapshot(consultation);
  const { session, downlink } = snapshot;
  const sound = useSound(downlink.voices);
  const feeds = useMemo(() => withoutReplaced(session.feeds), [session.feeds]);
  const [chosen, choose] = useChosen(feeds);
  const { programme } = session;
  const isOpen = programme === "open";

  useEffect(() => {
    consultation.watch(isOpen ? [chosen === undefined ? null : { feed: chosen.id }, null] : FOLLOWED);
  });

  const slot = session.slots[0];
  const feed = isOpen ? chosen : programme === "dark" ? undefined : feedIn(session, 0);
  const nothing: Word = session.line !== "joined" ? "vacant.reconnecting" : programme === "dark" ? "trainee.dark"
    : !isOpen ? "trainee.no_feed" : feeds.length === 0 ? "trainee.empty" : "vacant.no_feed";
  return (
    <div className="trainee" data-testid="trainee-page" data-programme={typeof programme === "string" ? programme : "shown"}>
      <RoomBar consultation={consultation} session={session} />
      <Notices consultation={consultation} snapshot={snapshot} sound={sound} />
      <main className="trainee-main">
        <section className="trainee-stage">
          <Picture
            stream={downlink.slots[0]} feed={feed} publisher={publisherOf(session, feed)} slot={0} size="large" ages={consultation.ages} sizes={consultation.sizes}
            pending={feed === undefined || slot?.feed !== feed.id} vacant={slot?.vacant ?? null}
            replaces={feed !== undefined && replacesOther(feed, session.feeds)} testId="large" empty={t(nothing)}
          />
        </section>
        <div className="trainee-caption">
          <Speaker consultation={consultation} snapshot={snapshot} />
          <div className="trainee-words">
            <Speaking session={session} />
            {!isOpen && <p className="trainee-programme">{t("trainee.programme")}</p>}
          </div>
        </div>
        <section className="trainee-feeds">
          <FloorBar consultation={consultation} snapshot={snapshot} />
          {isOpen && <Feeds feeds={feeds} chosen={chosen} choose={choose} />}
          <AskPanel consultation={consultation} session={session} />
        </section>
      </main>
      {sound.elements}
    </div>
  );
}

/** The face of who of the panel speaks, beside the picture and never on it. */
function Speaker({ consultation, snapshot: { session, downlink } }: { readonly consultation: Consultation; readonly snapshot: Snapshot }) {
  const { programme } = session;
  const feed = feedIn(session, 1);
  if (typeof programme === "string" || !programme.shown.with_speaker || feed === undefined) return null;
  return (
    <div className="trainee-speaker">
      <Picture
        stream={downlink.slots[1]} feed={feed} publisher={publisherOf(session, feed)} slot={1} size="thumb" ages={consultation.ages} sizes={consultation.sizes}
        vacant={session.slots[1]?.vacant ?? null} testId="panel-picture"
      />
    </div>
  );
}

function Feeds({ feeds, chosen, choose }: { readonly feeds: readonly Feed[]; readonly chosen: Feed | undefined; readonly choose: (feed: Feed) => void }) {
  const speech = useSpeech();
  const { t } = speech;
  return bySite(feeds).map(([site, list]) => (
    <div key={site ?? ""} className="trainee-site" role="group" aria-label={`${t("trainee.choose")} ${site === null ? t("panel") : siteName(speech, site)}`}>
      <h2>{site === null ? t("panel") : siteName(speech, site)}</h2>
      <ul>
        {list.map((each) => (
          <li key={each.id}>
            <button
              className="button button-gloves trainee-feed" type="button" data-testid="choose-feed" data-feed={each.id}
              data-site={each.site ?? undefined} data-kind={each.kind} aria-pressed={each.id === chosen?.id}
              onClick={() => choose(each)}
            >
              <span>{t(`kind.${each.kind}`)}</span>
              {each.label !== "" && <span className="trainee-label">{each.label}</span>}
            </button>
          </li>
        ))}
      </ul>
    </div>
  ));
}
