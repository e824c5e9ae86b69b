// The monitor in the operating room: full screen, nothing to click, comes back by itself.

import { CircleCheck, CloudOff, MessageSquare, VolumeX } from "lucide-react";
import { useEffect, useState } from "react";
import type { Feed, Said } from "../../../signaling/messages.ts";
import type { Consultation } from "../consultation.ts";
import { useSpeech } from "../language.tsx";
import { Speaking } from "../parts/Members.tsx";
import { useLineTrouble } from "../parts/Notices.tsx";
import { memberName, siteName } from "../parts/names.ts";
import { attendersOf } from "../parts/PanelCalls.tsx";
import { Picture } from "../parts/Picture.tsx";
import { useSound } from "../parts/Sound.tsx";
import { useSnapshot } from "../parts/useSnapshot.ts";
import { feedIn, publisherOf } from "../session.ts";
import { choiceOfSite, inOrder, replacesOther } from "../slots.ts";
import "./DisplayPage.css";

/** Slot 0 is the site's picture; the others are for faces and screens of the panel. */
const PANEL_SLOTS = [1, 2] as const;

export function DisplayPage({ consultation }: { readonly consultation: Consultation }) {
  const speech = useSpeech();
  const { t } = speech;
  const snapshot = useSnapshot(consultation);
  const { session, downlink } = snapshot;
  const sound = useSound(downlink.voices);
  const trouble = useLineTrouble(snapshot);
  useWakeLock();
  const lines = useRecent(session.said);
  const attending = attendersOf(session).map((member) => memberName(speech, member));

  const site = session.you?.site ?? null;
  const [panel, more] = panelFeeds(session.feeds);
  useEffect(() => {
    consultation.watch([choiceOfSite(session.feeds, site), ...panel.map(({ id }) => ({ feed: id }))]);
  });

  const main = feedIn(session, 0);
  const nothing = session.line !== "joined" ? t("vacant.reconnecting")
    : session.slots[0]?.vacant === "no_common_codec" ? t("vacant.no_common_codec", { codec: "?" })
      : t("display.empty", { site: siteName(speech, site ?? "") });
  return (
    <main className="display" data-testid="display-page">
      <h1 className="hidden-visually">{t("room", { room: session.room ?? "" })}</h1>
      <Picture
        stream={downlink.slots[0]} feed={main} publisher={publisherOf(session, main)} slot={0} size="wall" ages={consultation.ages} sizes={consultation.sizes}
        vacant={session.slots[0]?.vacant ?? null} replaces={main !== undefined && replacesOther(main, session.feeds)} testId="large"
        empty={nothing}
      />
      {panel.length > 0 && (
        <div className="display-panel">
          {PANEL_SLOTS.slice(0, panel.length).map((slot) => {
            const feed = panel[slot - 1];
            return (
              <div key={slot} className="display-inset">
                <Picture
                  stream={downlink.slots[slot]} feed={feed} publisher={publisherOf(session, feed)} slot={slot} size="wall" ages={consultation.ages} sizes={consultation.sizes}
                  pending={feed === undefined || session.slots[slot]?.feed !== feed.id} testId="panel-picture"
                />
              </div>
            );
          })}
        </div>
      )}
      <footer className="display-foot">
        {lines.map((said) => (
          <p key={said.number} className="display-said" data-testid="display-said">
            <MessageSquare aria-hidden size="1.2em" /><span><strong>{said.name}</strong> {said.text}</span>
          </p>
        ))}
        {session.line === "joined" && (
          <p className="display-attended" data-testid="attended-by" data-count={attending.length}>
            {attending.length > 0 && <CircleCheck aria-hidden size="1.2em" />}
            {attending.length === 0 ? t("attends.nobody") : t("attends.names", { names: attending.join(t("list.comma")) })}
          </p>
        )}
        {session.line === "joined" && <Speaking session={session} />}
        {more > 0 && <p data-testid="panel-more">{t("panel.more", { more })}</p>}
        {trouble !== null && <p className="display-trouble" data-testid="reconnecting"><CloudOff aria-hidden size="1.2em" />{t(trouble)}</p>}
        {sound.blocked && <p className="display-sound" data-testid="sound-blocked"><VolumeX aria-hidden size="1.2em" />{t("sound.blocked_display")}</p>}
      </footer>
      {sound.elements}
    </main>
  );
}

/** Long enough to be read from two metres by somebody who looks up late. */
const SAID_SHOWN_MS = 30_000;
const SAID_SHOWN = 3;

/** The last lines of the chat, for a while after the newest; what was said before this page came is not shown. */
function useRecent(said: readonly Said[]): readonly Said[] {
  const last = said.at(-1)?.number ?? 0;
  const [over, setOver] = useState(last);
  // Numbers begin anew in a room that is made anew.
  if (over > last) setOver(last);
  useEffect(() => {
    const timer = setTimeout(() => setOver(last), SAID_SHOWN_MS);
    return () => clearTimeout(timer);
  }, [last]);
  return said.filter((each) => each.number > over).slice(-SAID_SHOWN);
}

/** Pictures of the panel itself, what it points at on its screen before its faces; and how many more there are. */
function panelFeeds(feeds: readonly Feed[]): readonly [readonly Feed[], number] {
  const panel = inOrder(feeds.filter((feed) => feed.site === null));
  return [panel.slice(0, PANEL_SLOTS.length), Math.max(0, panel.length - PANEL_SLOTS.length)];
}

/** Keeps the monitor from going dark; asked for again whenever the page comes to the front. */
function useWakeLock(): void {
  useEffect(() => {
    if (!("wakeLock" in navigator)) return undefined;
    let lock: WakeLockSentinel | null = null;
    const ask = () => {
      if (document.hidden) return;
      navigator.wakeLock.request("screen").then((got) => (lock = got), () => undefined);
    };
    ask();
    document.addEventListener("visibilitychange", ask);
    return () => {
      document.removeEventListener("visibilitychange", ask);
      lock?.release().catch(() => undefined);
    };
  }, []);
}
