// The surgeon's page: what I send, who attends, and a microphone. Everything else is hidden; every target is large
// enough for a glove.

import { Mic, MicOff, TriangleAlert } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import type { Consultation, Snapshot } from "../consultation.ts";
import { type DeviceTrouble, openMicrophone, troubleOf } from "../devices.ts";
import { useSpeech } from "../language.tsx";
import { AddSource } from "../parts/AddSource.tsx";
import { Level } from "../parts/Level.tsx";
import { Members, Speaking } from "../parts/Members.tsx";
import { Notice, Notices } from "../parts/Notices.tsx";
import { Picture } from "../parts/Picture.tsx";
import { RoomBar } from "../parts/RoomBar.tsx";
import { useSound } from "../parts/Sound.tsx";
import { SourceTile } from "../parts/SourceTile.tsx";
import { PLACES, useSources } from "../parts/useSources.ts";
import { useSnapshot } from "../parts/useSnapshot.ts";
import { Refused } from "../signaling.ts";
import { inOrder } from "../slots.ts";
import { publisherOf } from "./ExpertPage.tsx";
import "./SurgeonPage.css";

const PANEL_SLOTS = 2;

export function SurgeonPage({ consultation }: { readonly consultation: Consultation }) {
  const { t } = useSpeech();
  const snapshot = useSnapshot(consultation);
  const { session, downlink } = snapshot;
  const sound = useSound(downlink.voices);
  const sources = useSources(consultation);
  return (
    <div className="surgeon" data-testid="surgeon-page">
      <RoomBar consultation={consultation} session={session} />
      <Notices consultation={consultation} snapshot={snapshot} sound={sound} />
      <main className="surgeon-main">
        <section className="surgeon-send">
          <h2>{t("surgeon.send")} <span className="count">{session.published.length}/{PLACES}</span></h2>
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
                  key={source.key} source={source} sources={sources} site={session.you?.site ?? null}
                  published={source.wanted && published !== undefined} feed={session.feeds.find((feed) => feed.id === published?.feed)}
                  hold={(held) => published !== undefined && consultation.muteFeed(published.feed, held)}
                />
              );
            })}
            {sources.list.length < PLACES && <AddSource sources={sources} />}
          </ul>
        </section>
        <aside className="surgeon-panel">
          <Microphone consultation={consultation} snapshot={snapshot} />
          <PanelPictures consultation={consultation} snapshot={snapshot} />
          <Speaking session={session} />
          <section>
            <h2>{t("surgeon.hear")}</h2>
            {session.members.some((member) => member.role === "lead" || member.role === "expert")
              ? <Members session={session} roles={["lead", "expert"]} />
              : <p className="surgeon-empty">{t("surgeon.nobody")}</p>}
          </section>
        </aside>
      </main>
      {sound.elements}
    </div>
  );
}

/** What the panel shows of itself: a face, a screen. */
function PanelPictures({ consultation, snapshot }: { readonly consultation: Consultation; readonly snapshot: Snapshot }) {
  const { t } = useSpeech();
  const { session, downlink } = snapshot;
  const way_ms = useMemo(() => () => consultation.way_ms, [consultation]);
  const feeds = inOrder(session.feeds.filter((feed) => feed.site === null)).slice(0, PANEL_SLOTS);
  useEffect(() => {
    consultation.watch(Array.from({ length: PANEL_SLOTS }, (_, slot) => {
      const feed = feeds[slot];
      return feed === undefined ? null : { feed: feed.id };
    }));
  });
  if (feeds.length === 0) return <p className="surgeon-empty">{t("surgeon.no_panel_feed")}</p>;
  return (
    <ul className="surgeon-pictures">
      {feeds.map((feed, slot) => (
        <li key={feed.id}>
          <Picture
            stream={downlink.slots[slot]} feed={feed} publisher={publisherOf(session, feed)} slot={slot} size="thumb" way_ms={way_ms}
            pending={session.slots[slot]?.feed !== feed.id} vacant={session.slots[slot]?.vacant ?? null} testId="panel-picture"
          />
        </li>
      ))}
    </ul>
  );
}

/** The surgeon has no hand free to push to talk: the microphone is open from its start until it is held back. */
function Microphone({ consultation, snapshot }: { readonly consultation: Consultation; readonly snapshot: Snapshot }) {
  const { t } = useSpeech();
  const [trouble, setTrouble] = useState<DeviceTrouble | null>(null);
  const { microphone, talking, heard } = snapshot;
  const start = () => {
    openMicrophone(null).then((track) => consultation.setMicrophone(track, true)).then(() => setTrouble(null), (error: unknown) => {
      if (!(error instanceof Refused)) setTrouble(troubleOf(error));
    });
  };
  return (
    <section className="microphone" data-testid="microphone" data-state={microphone === null ? "off" : heard ? "on" : talking ? "waiting" : "held"}>
      <h2>{t("surgeon.microphone")}</h2>
      {microphone === null
        ? (
          <button className="button button-main button-gloves" type="button" data-testid="start-microphone" onClick={start}>
            <Mic aria-hidden size={22} />{t("talk.turn_on")}
          </button>
        )
        : (
          <>
            <div className="microphone-level">
              {talking ? <Mic aria-hidden size={22} /> : <MicOff aria-hidden size={22} />}
              <span>{t(heard ? "voice.on" : talking ? "talk.not_heard" : "voice.muted")}</span>
              <Level track={microphone} />
            </div>
            <button className="button button-gloves" type="button" data-testid="mute" aria-pressed={!talking} onClick={() => consultation.talk(!talking)}>
              {talking ? <MicOff aria-hidden size={22} /> : <Mic aria-hidden size={22} />}{t(talking ? "surgeon.mute" : "surgeon.unmute")}
            </button>
          </>
        )}
      {trouble !== null && (
        <Notice level="attention" testId="microphone-trouble" icon={<TriangleAlert aria-hidden size={20} />} close={() => setTrouble(null)}>
          {t("trouble.microphone", { why: t(`trouble.${trouble}`) })}
        </Notice>
      )}
    </section>
  );
}
