// The panel's page: one large picture, the others in a strip per site, who attends which site, and a voice. What is read and
// written beside it (people, text, questions, the lead's desk) opens in a sheet at the side.

import { Keyboard, Maximize } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import type { CallId } from "../../../signaling/messages.ts";
import type { Consultation } from "../consultation.ts";
import { directionByKey, feedByKey, siteByKey } from "../keys.ts";
import { useSpeech } from "../language.tsx";
import { ChatSheet } from "../parts/ChatSheet.tsx";
import { DeskSheet } from "../parts/DeskSheet.tsx";
import { KeyList } from "../parts/KeyList.tsx";
import { Members } from "../parts/Members.tsx";
import { Notices } from "../parts/Notices.tsx";
import { PeopleSheet } from "../parts/PeopleSheet.tsx";
import { Picture } from "../parts/Picture.tsx";
import { QuestionsSheet } from "../parts/QuestionsSheet.tsx";
import { Ringing } from "../parts/Ringing.tsx";
import { RoomBar } from "../parts/RoomBar.tsx";
import { SheetButtons, type SheetName } from "../parts/SheetButtons.tsx";
import { useSound } from "../parts/Sound.tsx";
import { SIDE_SLOTS, Strips } from "../parts/Strips.tsx";
import { TalkBar } from "../parts/TalkBar.tsx";
import { ToastList } from "../parts/ToastList.tsx";
import { choiceOf, useAllotted } from "../parts/useAllotted.ts";
import { useAttending } from "../parts/useAttending.ts";
import { useChosen } from "../parts/useChosen.ts";
import { useSnapshot } from "../parts/useSnapshot.ts";
import { useToasts } from "../parts/useToasts.ts";
import { publisherOf } from "../session.ts";
import { replacesOther, withoutReplaced } from "../slots.ts";
import { ringing } from "../talk.ts";
import "./ExpertPage.css";

export function ExpertPage({ consultation }: { readonly consultation: Consultation }) {
  const { t } = useSpeech();
  const snapshot = useSnapshot(consultation);
  const { session, downlink } = snapshot;
  const sound = useSound(downlink.voices);
  const stage = useRef<HTMLElement>(null);
  const attending = useAttending(consultation, session);
  const toasts = useToasts();
  const [sheet, setSheet] = useState<SheetName | null>(null);

  // One's own camera is not watched through the server.
  const feeds = useMemo(() => withoutReplaced(session.feeds).filter((feed) => feed.member !== session.you?.id), [session.feeds, session.you]);
  const [large, choose] = useChosen(feeds);
  const sides = useAllotted(feeds, SIDE_SLOTS);
  const [keysShown, setKeysShown] = useState(false);
  const showKeys = (shown: boolean) => {
    setKeysShown(shown);
    // The list stands in the column that a sheet may take.
    if (shown) setSheet(null);
  };
  const answer = (id: CallId) => {
    const call = session.calls.find((each) => each.id === id);
    if (call !== undefined) attending.add(call.site);
    void consultation.request({ type: "answer_call", call: id });
  };
  const decline = (id: CallId) => void consultation.request({ type: "end_call", call: id });

  useEffect(() => {
    consultation.watch([choiceOf(large?.id), ...sides.map(choiceOf)]);
  });
  useKeys((key) => {
    const feed = feedByKey(key, feeds, large?.id ?? null);
    const [site, to] = [siteByKey(key, attending.sites), directionByKey(key)];
    const call = key === "Enter" || key === "Backspace" ? ringing(session)[0] : undefined;
    if (feed !== undefined) choose(feed);
    if (site !== undefined) attending.toggle(site);
    if (to !== undefined) attending.direct(to);
    if (call !== undefined) (key === "Enter" ? answer : decline)(call.id);
    if (key === "?") showKeys(!keysShown);
    if (key === "Escape") {
      setKeysShown(false);
      setSheet(null);
      void leaveFullScreen();
    }
    return key === "?" || [feed, site, to, call].some((each) => each !== undefined);
  });

  const inLarge = session.slots[0];
  const shown = large !== undefined && inLarge?.feed === large.id;
  const close = () => setSheet(null);
  const own = { consultation, session, toasts, close };
  const slotOf = (feed: number) => {
    const side = sides.indexOf(feed);
    return side >= 0 ? side + 1 : feed === large?.id ? 0 : null;
  };
  return (
    <div className="expert" data-testid="expert-page">
      <RoomBar consultation={consultation} session={session}>
        <SheetButtons session={session} open={sheet} choose={setSheet} />
        <button
          className="button button-plain keys-button" type="button" data-testid="show-keys" aria-expanded={keysShown} aria-controls="keys"
          title={t(keysShown ? "keys.hide" : "keys.show")} onClick={() => showKeys(!keysShown)}
        >
          <Keyboard aria-hidden size={18} /><span className="room-word">{t("keys")}</span>
        </button>
      </RoomBar>
      <Notices consultation={consultation} snapshot={snapshot} sound={sound}>
        <Ringing session={session} answer={answer} decline={decline} />
        <ToastList toasts={toasts} />
      </Notices>
      <main className="expert-main" data-side={keysShown || feeds.length > 0} data-sheet={sheet !== null}>
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
        {sheet === "people" && <PeopleSheet {...own} />}
        {sheet === "chat" && <ChatSheet {...own} />}
        {sheet === "questions" && <QuestionsSheet {...own} />}
        {sheet === "desk" && session.you?.role === "lead" && <DeskSheet consultation={consultation} snapshot={snapshot} toasts={toasts} slotOf={slotOf} close={close} />}
      </main>
      <TalkBar consultation={consultation} snapshot={snapshot} attending={attending} />
      {sound.elements}
    </div>
  );
}

/** Keys of the page, not those of a text field or with a modifier. `pressed` says whether the key was its own. */
function useKeys(pressed: (key: string) => boolean): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      if (event.target instanceof Element && event.target.matches("input, select, textarea")) return;
      // A button that was reached by keyboard is pressed with Enter itself.
      if (event.key === "Enter" && event.target instanceof Element && event.target.matches("button, a")) return;
      if (pressed(event.key)) event.preventDefault();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  });
}

async function toggleFullScreen(element: HTMLElement | null): Promise<void> {
  if (document.fullscreenElement !== null) return leaveFullScreen();
  // Absent on iPhones; refused without a tap. Then nothing happens, and nothing is lost.
  if (element !== null && "requestFullscreen" in element) await element.requestFullscreen().catch(() => undefined);
}

async function leaveFullScreen(): Promise<void> {
  if (document.fullscreenElement !== null) await document.exitFullscreen().catch(() => undefined);
}
