// The panel's page: one large picture, the others in a strip per site, keys 1 to 9, and a voice.

import { Maximize } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import type { Feed, FeedId, Member } from "../../../signaling/messages.ts";
import type { Consultation } from "../consultation.ts";
import { useSpeech } from "../language.tsx";
import { Members } from "../parts/Members.tsx";
import { Notices } from "../parts/Notices.tsx";
import { Picture, pictureName, siteName } from "../parts/Picture.tsx";
import { RoomBar } from "../parts/RoomBar.tsx";
import { useSound } from "../parts/Sound.tsx";
import { TalkBar } from "../parts/TalkBar.tsx";
import { useChosen } from "../parts/useChosen.ts";
import { useSnapshot } from "../parts/useSnapshot.ts";
import { type Session } from "../session.ts";
import { allot, bySite, inOrder } from "../slots.ts";
import "./ExpertPage.css";

const SIDE_SLOTS = 12;
const NO_SLOTS: readonly (FeedId | null)[] = [];

export function ExpertPage({ consultation }: { readonly consultation: Consultation }) {
  const { t } = useSpeech();
  const snapshot = useSnapshot(consultation);
  const { session, downlink } = snapshot;
  const sound = useSound(downlink.voices);
  const way_ms = useMemo(() => () => consultation.way_ms, [consultation]);
  const stage = useRef<HTMLElement>(null);

  // One's own camera is not watched through the server.
  const feeds = useMemo(() => session.feeds.filter((feed) => feed.member !== session.you?.id), [session.feeds, session.you]);
  const [large, choose] = useChosen(feeds);
  const sides = useSides(feeds);

  useEffect(() => {
    const choice = (feed: FeedId | null | undefined) => (feed === null || feed === undefined ? null : { feed });
    consultation.watch([choice(large?.id), ...sides.map(choice)]);
  });
  useFeedKeys(feeds, choose);

  const inLarge = session.slots[0];
  const shown = large !== undefined && inLarge?.feed === large.id;
  return (
    <div className="expert" data-testid="expert-page">
      <RoomBar consultation={consultation} session={session} />
      <Notices consultation={consultation} snapshot={snapshot} sound={sound} />
      <main className="expert-main">
        <section className="expert-stage" ref={stage} aria-label={t("expert.choose")}>
          <Picture
            stream={downlink.slots[0]} feed={large} publisher={publisherOf(session, large)} slot={0} size="large" way_ms={way_ms}
            pending={!shown} vacant={inLarge?.vacant ?? null} testId="large"
            empty={t(feeds.length === 0 ? "expert.empty" : "vacant.no_feed")}
          />
          <button
            className="button button-plain expert-full" type="button" aria-label={t("fullscreen")} title={t("fullscreen")}
            onClick={() => void toggleFullScreen(stage.current)}
          >
            <Maximize aria-hidden size={20} />
          </button>
        </section>
        <aside className="expert-side">
          <Strips consultation={consultation} feeds={feeds} sides={sides} chosen={large?.id ?? null} choose={choose} />
          <section className="expert-members">
            <h2>{t("members")} <span className="count">{session.members.length}</span></h2>
            <Members session={session} />
          </section>
        </aside>
      </main>
      <TalkBar consultation={consultation} snapshot={snapshot} />
      {sound.elements}
    </div>
  );
}

interface StripsProps {
  readonly consultation: Consultation;
  readonly feeds: readonly Feed[];
  readonly sides: readonly (FeedId | null)[];
  readonly chosen: FeedId | null;
  readonly choose: (feed: Feed) => void;
}

function Strips({ consultation, feeds, sides, chosen, choose }: StripsProps) {
  const speech = useSpeech();
  const { t } = speech;
  const { session, downlink } = useSnapshot(consultation);
  const way_ms = useMemo(() => () => consultation.way_ms, [consultation]);
  const order = inOrder(feeds);
  return bySite(feeds).map(([site, list]) => (
    <section key={site ?? ""} className="strip" data-testid="strip" data-site={site ?? undefined}>
      <h2>{site === null ? t("panel") : siteName(speech, site)} <span className="count">{list.length}</span></h2>
      <ul className="strip-feeds">
        {list.map((feed) => {
          const side = sides.indexOf(feed.id);
          const slot = side < 0 ? null : side + 1;
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
                  way_ms={way_ms} pending={slot === null || session.slots[slot]?.feed !== feed.id}
                  vacant={slot === null ? null : session.slots[slot]?.vacant ?? null} testId="side"
                />
                {key <= 9 && <span className="side-key" aria-hidden>{key}</span>}
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  ));
}

/** Side slots that stay with their feeds while others come and go. */
function useSides(feeds: readonly Feed[]): readonly (FeedId | null)[] {
  const [kept, setKept] = useState(NO_SLOTS);
  const sides = useMemo(() => allot(kept, feeds, SIDE_SLOTS), [kept, feeds]);
  if (sides.some((feed, slot) => feed !== (kept[slot] ?? null))) setKept(sides);
  return sides;
}

function useFeedKeys(feeds: readonly Feed[], choose: (feed: Feed) => void): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      if (event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement) return;
      const feed = /^[1-9]$/.test(event.key) ? inOrder(feeds)[Number(event.key) - 1] : undefined;
      if (feed !== undefined) choose(feed);
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  });
}

export function publisherOf(session: Session, feed: Feed | undefined): Member | undefined {
  return session.members.find((member) => member.id === feed?.member);
}

async function toggleFullScreen(element: HTMLElement | null): Promise<void> {
  // Absent on iPhones; refused without a tap. Then nothing happens, and nothing is lost.
  try {
    if (document.fullscreenElement !== null) await document.exitFullscreen();
    else await element?.requestFullscreen();
  } catch {
    return;
  }
}
