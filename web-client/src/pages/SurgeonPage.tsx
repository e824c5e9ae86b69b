// The surgeon's page: what the site sends, whoever publishes it, who attends, and a microphone. Everything else is hidden; every target is large
// enough for a glove.

import { TriangleAlert } from "lucide-react";
import { useEffect, useMemo } from "react";
import type { Feed } from "../../../signaling/messages.ts";
import type { ShownAges } from "../ages.ts";
import { type Consultation, SLOTS, type Snapshot } from "../consultation.ts";
import { useSpeech } from "../language.tsx";
import { AddSource, AddVerbs } from "../parts/AddSource.tsx";
import { ChatForm, ChatLines } from "../parts/Chat.tsx";
import { Speaking } from "../parts/Members.tsx";
import { Microphone } from "../parts/Microphone.tsx";
import { sentBy } from "../parts/names.ts";
import { Notice, Notices } from "../parts/Notices.tsx";
import { PanelCalls } from "../parts/PanelCalls.tsx";
import { Picture } from "../parts/Picture.tsx";
import { RoomBar } from "../parts/RoomBar.tsx";
import { useSound } from "../parts/Sound.tsx";
import { SiteFeedTile } from "../parts/SiteFeedTile.tsx";
import { SourceTile } from "../parts/SourceTile.tsx";
import { choiceOf, useAllotted } from "../parts/useAllotted.ts";
import { PLACES, useSources } from "../parts/useSources.ts";
import { useSnapshot } from "../parts/useSnapshot.ts";
import { publisherOf, type Session } from "../session.ts";
import type { Sizes } from "../sizes.ts";
import { inOrder, replacesOther, withoutReplaced } from "../slots.ts";
import "./SurgeonPage.css";

/** Slots 0 to 3 are for feeds of the site that others publish; the panel's come after them. */
const PANEL_SLOTS = SLOTS.surgeon - PLACES;

export function SurgeonPage({ consultation }: { readonly consultation: Consultation }) {
  const speech = useSpeech();
  const { t } = speech;
  const snapshot = useSnapshot(consultation);
  const { session, downlink } = snapshot;
  const sound = useSound(downlink.voices);
  const sources = useSources(consultation);
  const [others, panel] = useMemo(() => [othersOfSite(session), inOrder(session.feeds.filter((feed) => feed.site === null))], [session]);
  const slots = useAllotted(others, PLACES);
  useEffect(() => {
    const shown = Array.from({ length: PANEL_SLOTS }, (_, place) => panel[place]?.id);
    consultation.watch([...slots, ...shown].map(choiceOf));
  });

  const sent = others.length + session.published.length;
  const free = PLACES - others.length - sources.list.length;
  const full = free > 0 ? null : t("surgeon.full", { who: sentBy(speech, others.map((feed) => publisherOf(session, feed)), sources.list.length) });
  return (
    <div className="surgeon" data-testid="surgeon-page">
      <RoomBar consultation={consultation} session={session} />
      <Notices consultation={consultation} snapshot={snapshot} sound={sound} />
      <main className="surgeon-main">
        <section className="surgeon-send">
          <header className="surgeon-head">
            <h2>{t("surgeon.send")} <span className="count" data-testid="sent-count">{session.line === "joined" ? sent : "–"}/{PLACES}</span></h2>
            {full !== null && (
              <>
                <p id="places-full" data-testid="places-full">{full}</p>
                <AddVerbs sources={sources} whyNot="places-full" />
              </>
            )}
          </header>
          {sources.trouble !== null && (
            <Notice level="attention" testId="camera-trouble" icon={<TriangleAlert aria-hidden size={20} />} close={sources.troubleSeen}>
              {t(`trouble.${sources.trouble.what}`, { why: t(`trouble.${sources.trouble.why}`) })}
            </Notice>
          )}
          <ul className="surgeon-tiles">
            {sources.list.map((source) => {
              const mid = consultation.publishing.midOf(source.key);
              const published = session.published.find((each) => mid !== null && each.mid === mid);
              return (
                <SourceTile
                  key={source.key} source={source} sources={sources} site={session.you?.site ?? null} hasPlace={sent < PLACES}
                  published={source.wanted && published !== undefined} feed={session.feeds.find((feed) => feed.id === published?.feed)}
                  hold={(held) => published !== undefined && consultation.muteFeed(published.feed, held)}
                />
              );
            })}
            {others.map((feed) => {
              const slot = slots.indexOf(feed.id);
              return (
                <SiteFeedTile key={feed.id} sender={publisherOf(session, feed)} muted={feed.muted} silent={feed.fault === "silent"}>
                  <Picture
                    stream={downlink.slots[slot]} feed={feed} publisher={publisherOf(session, feed)} slot={slot} size="thumb" ages={consultation.ages} sizes={consultation.sizes}
                    pending={session.slots[slot]?.feed !== feed.id} vacant={session.slots[slot]?.vacant ?? null}
                    replaces={replacesOther(feed, session.feeds)} testId="site-picture"
                  />
                </SiteFeedTile>
              );
            })}
            {free > 0 && <AddSource sources={sources} />}
          </ul>
        </section>
        <aside className="surgeon-panel">
          <Microphone consultation={consultation} snapshot={snapshot} title={t("surgeon.microphone")} />
          <PanelCalls consultation={consultation} session={session} />
          <PanelPictures feeds={panel} snapshot={snapshot} ages={consultation.ages} sizes={consultation.sizes} />
          <Speaking session={session} />
          {session.you !== null && session.you.site !== null && (
            <section className="surgeon-chat" data-testid="site-chat">
              <h2>{t("chat.site")}</h2>
              <ChatLines session={session} />
              <ChatForm consultation={consultation} to={{ site: session.you.site }} gloves />
            </section>
          )}
        </aside>
      </main>
      {sound.elements}
    </div>
  );
}

/** What the capture box, or another person of this site, publishes for it. */
function othersOfSite({ feeds, you }: Session): readonly Feed[] {
  return inOrder(withoutReplaced(feeds).filter((feed) => feed.site !== null && feed.site === you?.site && feed.member !== you.id));
}

interface PanelPicturesProps {
  readonly feeds: readonly Feed[];
  readonly snapshot: Snapshot;
  readonly ages: ShownAges;
  /** Where it is said how large the slot is drawn. */
  readonly sizes?: Sizes | undefined;
}

/** What the panel shows of itself: a face, a screen. */
function PanelPictures({ feeds, snapshot: { session, downlink }, ages, sizes }: PanelPicturesProps) {
  const { t } = useSpeech();
  if (feeds.length === 0) return <p className="surgeon-empty">{t("surgeon.no_panel_feed")}</p>;
  const more = feeds.length - PANEL_SLOTS;
  return (
    <ul className="surgeon-pictures">
      {feeds.slice(0, PANEL_SLOTS).map((feed, place) => {
        const slot = PLACES + place;
        return (
          <li key={feed.id} className="surgeon-picture">
            <Picture
              stream={downlink.slots[slot]} feed={feed} publisher={publisherOf(session, feed)} slot={slot} size="thumb" ages={ages} sizes={sizes}
              pending={session.slots[slot]?.feed !== feed.id} vacant={session.slots[slot]?.vacant ?? null} testId="panel-picture"
            />
          </li>
        );
      })}
      {more > 0 && <li className="surgeon-empty" data-testid="panel-more">{t("panel.more", { more })}</li>}
    </ul>
  );
}
