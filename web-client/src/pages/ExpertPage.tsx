// The panel's page: one large picture, the others in a strip per site, a key for each, and a voice.

import { Keyboard, Maximize } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import type { Feed, FeedId, Member } from "../../../signaling/messages.ts";
import { type Consultation, SLOTS } from "../consultation.ts";
import { feedByKey } from "../keys.ts";
import { useSpeech } from "../language.tsx";
import { KeyList } from "../parts/KeyList.tsx";
import { Members } from "../parts/Members.tsx";
import { Notices } from "../parts/Notices.tsx";
import { pictureName, siteName } from "../parts/names.ts";
import { Picture } from "../parts/Picture.tsx";
import { RoomBar } from "../parts/RoomBar.tsx";
import { useSound } from "../parts/Sound.tsx";
import { TalkBar } from "../parts/TalkBar.tsx";
import { choiceOf, useAllotted } from "../parts/useAllotted.ts";
import { useChosen } from "../parts/useChosen.ts";
import { useSnapshot } from "../parts/useSnapshot.ts";
import { type Session } from "../session.ts";
import { bySite, inOrder, replacesOther, withoutReplaced } from "../slots.ts";
import "./ExpertPage.css";

/** Slot 0 is the large picture's. */
const SIDE_SLOTS = SLOTS.expert - 1;

export function ExpertPage({ consultation }: { readonly consultation: Consultation }) {
  const { t } = useSpeech();
  const snapshot = useSnapshot(consultation);
  const { session, downlink } = snapshot;
  const sound = useSound(downlink.voices);
  const stage = useRef<HTMLElement>(null);

  // One's own camera is not watched through the server.
  const feeds = useMemo(() => withoutReplaced(session.feeds).filter((feed) => feed.member !== session.you?.id), [session.feeds, session.you]);
  const [large, choose] = useChosen(feeds);
  const sides = useAllotted(feeds, SIDE_SLOTS);
  const [keysShown, setKeysShown] = useState(false);

  useEffect(() => {
    consultation.watch([choiceOf(large?.id), ...sides.map(choiceOf)]);
  });
  useKeys((key) => {
    const feed = feedByKey(key, feeds, large?.id ?? null);
    if (feed !== undefined) choose(feed);
    if (key === "?") setKeysShown(!keysShown);
    if (key === "Escape") {
      setKeysShown(false);
      void leaveFullScreen();
    }
    return feed !== undefined || key === "?";
  });

  const inLarge = session.slots[0];
  const shown = large !== undefined && inLarge?.feed === large.id;
  return (
    <div className="expert" data-testid="expert-page">
      <RoomBar consultation={consultation} session={session}>
        <button
          className="button button-plain keys-button" type="button" data-testid="show-keys" aria-expanded={keysShown} aria-controls="keys"
          title={t(keysShown ? "keys.hide" : "keys.show")} onClick={() => setKeysShown(!keysShown)}
        >
          <Keyboard aria-hidden size={18} /><span className="room-word">{t("keys")}</span>
        </button>
      </RoomBar>
      <Notices consultation={consultation} snapshot={snapshot} sound={sound} />
      <main className="expert-main" data-side={keysShown || feeds.length > 0}>
        <section className="expert-stage" ref={stage} aria-label={t("expert.large")}>
          <Picture
            stream={downlink.slots[0]} feed={large} publisher={publisherOf(session, large)} slot={0} size="large" ages={consultation.ages} sizes={consultation.sizes}
            pending={!shown} vacant={inLarge?.vacant ?? null} replaces={large !== undefined && replacesOther(large, session.feeds)} testId="large"
            empty={t(session.line !== "joined" ? "vacant.reconnecting" : feeds.length === 0 ? "expert.empty" : "vacant.no_feed")}
          />
          <button
            className="button button-plain expert-full" type="button" aria-label={t("fullscreen")} title={t("fullscreen")}
            onClick={() => void toggleFullScreen(stage.current)}
          >
            <Maximize aria-hidden size={20} />
          </button>
        </section>
        <section className="expert-members" tabIndex={0} aria-labelledby="members-heading">
          <h2 id="members-heading">{t("members")} <span className="count">{session.members.length}</span></h2>
          <Members session={session} />
        </section>
        <aside className="expert-side">
          {keysShown && <KeyList />}
          <Strips consultation={consultation} feeds={feeds} sides={sides} chosen={large?.id ?? null} choose={choose} />
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
          <h2>{site === null ? t("panel") : siteName(speech, site)} <span className="count">{list.length}</span></h2>
          <ul className="strip-feeds">{list.map(side)}</ul>
        </section>
      ))}
      {more > 0 && <p className="strips-more" data-testid="slots-full">{t("slots.full", { count: SIDE_SLOTS, more })}</p>}
    </div>
  );
}

/** Keys of the page, not those of a text field or with a modifier. `pressed` says whether the key was its own. */
function useKeys(pressed: (key: string) => boolean): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      if (event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement) return;
      if (pressed(event.key)) event.preventDefault();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  });
}

export function publisherOf(session: Session, feed: Feed | undefined): Member | undefined {
  return session.members.find((member) => member.id === feed?.member);
}

async function toggleFullScreen(element: HTMLElement | null): Promise<void> {
  if (document.fullscreenElement !== null) return leaveFullScreen();
  // Absent on iPhones; refused without a tap. Then nothing happens, and nothing is lost.
  if (element !== null && "requestFullscreen" in element) await element.requestFullscreen().catch(() => undefined);
}

async function leaveFullScreen(): Promise<void> {
  if (document.fullscreenElement !== null) await document.exitFullscreen().catch(() => undefined);
}
