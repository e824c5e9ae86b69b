// The microphone of somebody who has no hand free to push to talk, or has been given the floor: open from its start until it
// is held back.

import { Mic, MicOff, TriangleAlert } from "lucide-react";
import { type ReactNode, useCallback, useEffect, useRef, useState } from "react";
import type { Consultation, Snapshot } from "../consultation.ts";
import { type DeviceTrouble, openMicrophone, troubleOf } from "../devices.ts";
import { useSpeech } from "../language.tsx";
import { Refused } from "../signaling.ts";
import { Level } from "./Level.tsx";
import { Notice } from "./Notices.tsx";
import "./Microphone.css";

interface MicrophoneProps {
  readonly consultation: Consultation;
  readonly snapshot: Snapshot;
  readonly title: string;
  /** Asks for the microphone without being tapped: the person has said that it wants to speak. */
  readonly atOnce?: boolean;
  readonly children?: ReactNode;
}

export function Microphone({ consultation, snapshot, title, atOnce = false, children }: MicrophoneProps) {
  const { t } = useSpeech();
  const [trouble, setTrouble] = useState<DeviceTrouble | null>(null);
  const { microphone, talking, heard, session } = snapshot;
  const silenced = session.you?.silenced === true;
  const start = useCallback(() => {
    openMicrophone(null).then((track) => consultation.setMicrophone(track, true)).then(() => setTrouble(null), (error: unknown) => {
      if (!(error instanceof Refused)) setTrouble(troubleOf(error));
    });
  }, [consultation]);
  const asked = useRef(false);
  useEffect(() => {
    if (!atOnce || asked.current) return;
    asked.current = true;
    start();
  }, [atOnce, start]);
  return (
    <section className="microphone" data-testid="microphone" data-state={microphone === null ? "off" : heard ? "on" : talking ? "waiting" : "held"}>
      <h2>{title}</h2>
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
              <span>{t(silenced ? "talk.silenced" : heard ? "voice.on" : talking ? "talk.not_heard" : "voice.muted")}</span>
              <Level track={microphone} />
            </div>
            <button className="button button-gloves" type="button" data-testid="mute" aria-pressed={!talking} onClick={() => consultation.talk(!talking)}>
              {talking ? <MicOff aria-hidden size={22} /> : <Mic aria-hidden size={22} />}{t(talking ? "surgeon.mute" : "surgeon.unmute")}
            </button>
          </>
        )}
      {children}
      {trouble !== null && (
        <Notice level="attention" testId="microphone-trouble" icon={<TriangleAlert aria-hidden size={20} />} close={() => setTrouble(null)}>
          {t("trouble.microphone", { why: t(`trouble.${trouble}`) })}
        </Notice>
      )}
    </section>
  );
}
