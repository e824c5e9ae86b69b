// The line above every page but the display: which room, who you are, how the line is, and the way out.

import { Languages, LogOut } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import type { Consultation } from "../consultation.ts";
import { useSpeech } from "../language.tsx";
import type { Session } from "../session.ts";
import { memberName, siteName } from "./names.ts";
import "./RoomBar.css";

interface RoomBarProps {
  readonly consultation: Consultation;
  readonly session: Session;
  /** Verbs of this page alone. */
  readonly children?: ReactNode;
}

export function RoomBar({ consultation, session, children }: RoomBarProps) {
  const speech = useSpeech();
  const { t } = speech;
  const you = session.you;
  return (
    <header className="room-bar">
      <h1 className="room-name" data-testid="room">{t("room", { room: session.room ?? "" })}</h1>
      {you !== null && (
        <p className="room-you" data-testid="you" data-role={you.role}>
          <span>{memberName(speech, you)}</span>
          <span className="room-role">{t(`role.${you.role}`)}{you.site !== null && ` · ${siteName(speech, you.site)}`}</span>
        </p>
      )}
      <Line consultation={consultation} session={session} />
      {children}
      <LanguageSwitch />
      <button className="button button-plain" type="button" data-testid="leave" onClick={() => consultation.leave()} title={t("leave")}>
        <LogOut aria-hidden size={18} /><span className="room-word">{t("leave")}</span>
      </button>
    </header>
  );
}

export function LanguageSwitch() {
  const { t, language, choose } = useSpeech();
  return (
    <button
      className="button button-plain" type="button" data-testid="language" lang={language === "en" ? "zh-CN" : "en"}
      onClick={() => choose(language === "en" ? "zh" : "en")} title={t("language.switch")}
    >
      <Languages aria-hidden size={18} /><span className="room-word">{t("language")}</span>
    </button>
  );
}

const LINE_EVERY_MS = 2_000;

function Line({ consultation, session }: { readonly consultation: Consultation; readonly session: Session }) {
  const { t } = useSpeech();
  const [round_trip_ms, setRoundTrip] = useState<number | null>(null);
  useEffect(() => {
    const timer = setInterval(() => setRoundTrip(consultation.signaling.clock.round_trip_ms), LINE_EVERY_MS);
    return () => clearInterval(timer);
  }, [consultation]);
  if (session.line !== "joined" || round_trip_ms === null) return null;
  return (
    <p className="room-line" data-testid="line" title={t("line.explain")}>
      {t("line", { ms: Math.max(1, Math.round(round_trip_ms)) })}
    </p>
  );
}
