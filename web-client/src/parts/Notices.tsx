// What went wrong and what is being done, in a line of its own between bar and pictures: never over a picture.

import { CloudOff, Info, TriangleAlert, Volume2, X } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import type { Consultation, Snapshot } from "../consultation.ts";
import { useSpeech } from "../language.tsx";
import type { Sound } from "./Sound.tsx";
import "./Notices.css";

interface NoticesProps {
  readonly consultation: Consultation;
  readonly snapshot: Snapshot;
  readonly sound: Sound;
  /** Notices of this page alone. */
  readonly children?: ReactNode;
}

export function Notices({ consultation, snapshot, sound, children }: NoticesProps) {
  const { t } = useSpeech();
  const line = useLineTrouble(snapshot);
  return (
    <div className="notices" aria-live="polite">
      {line !== null && (
        <Notice level="attention" testId="reconnecting" icon={<CloudOff aria-hidden size={20} />}>{t(line)}</Notice>
      )}
      {sound.blocked && (
        <Notice level="information" testId="sound-blocked" icon={<Info aria-hidden size={20} />}>
          <span>{t("sound.blocked")}</span>
          <button className="button button-main button-gloves" type="button" data-testid="start-sound" onClick={sound.start}>
            <Volume2 aria-hidden size={20} />{t("sound.start")}
          </button>
        </Notice>
      )}
      {snapshot.session.refusals.map((refusal) => (
        <Notice
          key={refusal.serial} level="attention" testId="refusal" icon={<TriangleAlert aria-hidden size={20} />}
          close={() => consultation.refusalSeen(refusal.serial)}
        >
          {t(`refusal.${refusal.code}`)}
        </Notice>
      ))}
      {children}
    </div>
  );
}

interface NoticeProps {
  readonly level: "attention" | "information";
  readonly testId: string;
  readonly icon: ReactNode;
  readonly close?: () => void;
  readonly children: ReactNode;
}

export function Notice({ level, testId, icon, close, children }: NoticeProps) {
  const { t } = useSpeech();
  return (
    <div className="notice" role="status" data-level={level} data-testid={testId}>
      {icon}
      <div className="notice-text">{children}</div>
      {close !== undefined && (
        <button className="button button-plain" type="button" onClick={close} aria-label={t("toast.close")} title={t("toast.close")}>
          <X aria-hidden size={18} />
        </button>
      )}
    </div>
  );
}

type LineTrouble = "banner.offline" | "banner.reconnecting" | "banner.media" | "banner.publishing";

/** Media takes a moment to connect at first; only after that it is worth a word. */
const MEDIA_PATIENCE_MS = 2_500;

export function useLineTrouble(snapshot: Snapshot): LineTrouble | null {
  const offline = useOffline();
  const { session, receiving, publishing } = snapshot;
  const receivingBad = useLasting(receiving !== "connected" && snapshot.downlink.slots.length > 0, MEDIA_PATIENCE_MS);
  const sends = session.published.length > 0 || snapshot.microphone !== null;
  const publishingBad = useLasting(sends && publishing !== "connected", MEDIA_PATIENCE_MS);
  if (session.line === "reconnecting") return offline ? "banner.offline" : "banner.reconnecting";
  if (receivingBad) return "banner.media";
  return publishingBad ? "banner.publishing" : null;
}

function useOffline(): boolean {
  const [offline, setOffline] = useState(!navigator.onLine);
  useEffect(() => {
    const look = () => setOffline(!navigator.onLine);
    window.addEventListener("online", look);
    window.addEventListener("offline", look);
    return () => {
      window.removeEventListener("online", look);
      window.removeEventListener("offline", look);
    };
  }, []);
  return offline;
}

/** True once `condition` has held for a while. */
function useLasting(condition: boolean, while_ms: number): boolean {
  const [lasted, setLasted] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLasted(condition), condition ? while_ms : 0);
    return () => clearTimeout(timer);
  }, [condition, while_ms]);
  return condition && lasted;
}
