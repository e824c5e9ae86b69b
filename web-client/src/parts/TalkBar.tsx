// The panel's voice: hold to talk, or keep the microphone open; and its own camera and screen.

import { Mic, MicOff, Monitor, Radio, TriangleAlert, Video } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import type { Consultation, Snapshot } from "../consultation.ts";
import { canShareScreen, type DeviceTrouble, openCamera, openScreen, troubleOf } from "../devices.ts";
import { type Speech, useSpeech } from "../language.tsx";
import { Refused } from "../signaling.ts";
import { airedAt } from "../talk.ts";
import { AttendBar } from "./AttendBar.tsx";
import { Level } from "./Level.tsx";
import { Speaking } from "./Members.tsx";
import { siteName } from "./names.ts";
import { Notice } from "./Notices.tsx";
import type { Attending } from "./useAttending.ts";
import { useTalk } from "./useTalk.ts";
import "./TalkBar.css";

interface TalkBarProps {
  readonly consultation: Consultation;
  readonly snapshot: Snapshot;
  readonly attending: Attending;
}

export function TalkBar({ consultation, snapshot, attending }: TalkBarProps) {
  const speech = useSpeech();
  const { t } = speech;
  const talk = useTalk(consultation, snapshot);
  const [shareTrouble, setShareTrouble] = useState<ShareTrouble | null>(null);
  return (
    <footer className="talk-area">
      {shareTrouble !== null && (
        <Notice level="attention" testId="share-trouble" icon={<TriangleAlert aria-hidden size={20} />} close={() => setShareTrouble(null)}>
          {t(`trouble.${shareTrouble.what}`, { why: t(`trouble.${shareTrouble.why}`) })}
        </Notice>
      )}
      {talk.trouble !== null && (
        <Notice level="attention" testId="microphone-trouble" icon={<TriangleAlert aria-hidden size={20} />} close={talk.troubleSeen}>
          {t("trouble.microphone", { why: t(`trouble.${talk.trouble}`) })}
        </Notice>
      )}
      <div className="talk-bar">
        <AttendBar attending={attending} snapshot={snapshot} />
        <button
          className="button button-gloves talk-button" type="button" data-talk data-testid="talk" aria-pressed={talk.talking} data-heard={talk.heard}
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
            talk.hold(true);
          }}
          onPointerUp={() => talk.hold(false)} onPointerCancel={() => talk.hold(false)}
          onContextMenu={(event) => event.preventDefault()}
          onKeyDown={(event) => event.key === "Enter" && talk.hold(true)} onKeyUp={(event) => event.key === "Enter" && talk.hold(false)}
        >
          {talk.ready ? <Mic aria-hidden size={22} /> : <MicOff aria-hidden size={22} />}
          <span className="talk-words">{talkWords(speech, snapshot, attending)}</span>
          <kbd>{t("talk.key")}</kbd>
        </button>
        <button
          className="button button-gloves" type="button" role="switch" data-testid="open-microphone" aria-checked={talk.open} aria-label={t("talk.open")} title={t("talk.open")}
          onClick={() => talk.setOpen(!talk.open)}
        >
          <Radio aria-hidden size={20} /><span className="open-word">{t("talk.open")}</span><span className="switch" aria-hidden />
        </button>
        {talk.ready && <Level track={snapshot.microphone} />}
        <Speaking session={snapshot.session} />
        <Share consultation={consultation} what="camera" onTrouble={setShareTrouble} />
        {canShareScreen() && <Share consultation={consultation} what="screen" onTrouble={setShareTrouble} />}
      </div>
    </footer>
  );
}

/** Whether one is heard, and where: the word that must never be wrong. */
function talkWords(speech: Speech, { session, talking, heard }: Snapshot, { sites, direction }: Attending): string {
  const { t } = speech;
  if (session.you?.silenced === true) return t("talk.silenced");
  if (!heard || session.you === null) return t(talking ? "talk.not_heard" : "talk.hold");
  const at = airedAt(session.you, sites);
  const isAll = direction === "all" && at.length > 1;
  const where = at.length === 0 ? t("talk.heard_panel") : isAll ? t("talk.heard_all") : at.map((site) => siteName(speech, site)).join(t("list.comma"));
  return t("talk.heard_at", { where });
}

interface ShareTrouble {
  readonly what: "camera" | "screen";
  readonly why: DeviceTrouble;
}

interface ShareProps {
  readonly consultation: Consultation;
  readonly what: "camera" | "screen";
  readonly onTrouble: (trouble: ShareTrouble | null) => void;
}

/** One button that publishes the member's own camera or screen, and ends it. */
function Share({ consultation, what, onTrouble }: ShareProps) {
  const { t } = useSpeech();
  const [track, setTrack] = useState<MediaStreamTrack | null>(null);
  const key = `own-${what}`;
  const live = useRef<MediaStreamTrack | null>(null);

  const stop = () => {
    live.current?.stop();
    live.current = null;
    setTrack(null);
    consultation.unpublish(key).catch(() => undefined);
  };
  const start = async () => {
    try {
      const opened = await (what === "camera" ? openCamera(null) : openScreen());
      live.current = opened;
      opened.onended = stop;
      setTrack(opened);
      onTrouble(null);
      await consultation.publish({ key, kind: what === "camera" ? "face" : "screen", label: "", track: opened });
    } catch (error) {
      live.current?.stop();
      live.current = null;
      setTrack(null);
      if (!(error instanceof Refused)) onTrouble({ what, why: troubleOf(error) });
    }
  };
  useEffect(() => () => live.current?.stop(), []);

  const word = t(track === null ? `expert.share_${what}` : `expert.stop_${what}`);
  const Icon = what === "camera" ? Video : Monitor;
  return (
    <button
      className="button button-gloves share" type="button" data-testid={`share-${what}`} aria-pressed={track !== null}
      aria-label={word} title={word} onClick={() => (track === null ? void start() : stop())}
    >
      <Icon aria-hidden size={20} />
      <span className="share-word">{word}</span>
    </button>
  );
}
