// The audience: one large picture, a tap chooses another. Made for a phone held upright, first.

import { useEffect, useMemo } from "react";
import type { Consultation } from "../consultation.ts";
import { useSpeech } from "../language.tsx";
import { Speaking } from "../parts/Members.tsx";
import { Notices } from "../parts/Notices.tsx";
import { siteName } from "../parts/names.ts";
import { Picture } from "../parts/Picture.tsx";
import { RoomBar } from "../parts/RoomBar.tsx";
import { useSound } from "../parts/Sound.tsx";
import { useChosen } from "../parts/useChosen.ts";
import { useSnapshot } from "../parts/useSnapshot.ts";
import { bySite, replacesOther, withoutReplaced } from "../slots.ts";
import { publisherOf } from "./ExpertPage.tsx";
import "./TraineePage.css";

export function TraineePage({ consultation }: { readonly consultation: Consultation }) {
  const speech = useSpeech();
  const { t } = speech;
  const snapshot = useSnapshot(consultation);
  const { session, downlink } = snapshot;
  const sound = useSound(downlink.voices);
  const feeds = useMemo(() => withoutReplaced(session.feeds), [session.feeds]);
  const [feed, choose] = useChosen(feeds);

  useEffect(() => {
    consultation.watch([feed === undefined ? null : { feed: feed.id }]);
  });

  const slot = session.slots[0];
  return (
    <div className="trainee" data-testid="trainee-page">
      <RoomBar consultation={consultation} session={session} />
      <Notices consultation={consultation} snapshot={snapshot} sound={sound} />
      <main className="trainee-main">
        <section className="trainee-stage">
          <Picture
            stream={downlink.slots[0]} feed={feed} publisher={publisherOf(session, feed)} slot={0} size="large" ages={consultation.ages} sizes={consultation.sizes}
            pending={feed === undefined || slot?.feed !== feed.id} vacant={slot?.vacant ?? null}
            replaces={feed !== undefined && replacesOther(feed, session.feeds)} testId="large"
            empty={t(session.line !== "joined" ? "vacant.reconnecting" : feeds.length === 0 ? "trainee.empty" : "vacant.no_feed")}
          />
        </section>
        <div className="trainee-caption"><Speaking session={session} /></div>
        <section className="trainee-feeds" aria-label={t("trainee.choose")}>
          {bySite(feeds).map(([site, list]) => (
            <div key={site ?? ""} className="trainee-site">
              <h2>{site === null ? t("panel") : siteName(speech, site)}</h2>
              <ul>
                {list.map((each) => (
                  <li key={each.id}>
                    <button
                      className="button button-gloves trainee-feed" type="button" data-testid="choose-feed" data-feed={each.id}
                      data-site={each.site ?? undefined} data-kind={each.kind} aria-pressed={each.id === feed?.id}
                      onClick={() => choose(each)}
                    >
                      <span>{t(`kind.${each.kind}`)}</span>
                      {each.label !== "" && <span className="trainee-label">{each.label}</span>}
                    </button>
                  </li>
                ))}
              </ul>
            </div>
          ))}
        </section>
      </main>
      {sound.elements}
    </div>
  );
}
