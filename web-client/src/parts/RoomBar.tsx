// The line above every page but the display: which room, who you are, how the line is, and the way out.

import { Languages, LogOut } from "lucide-react";
import type { Connection, Member } from "../../../signaling/messages.ts";
import { type ReactNode, useEffect, useState } from "react";
import type { Consultation } from "../consultation.ts";
import { useSpeech } from "../language.tsx";
import { lineOf, type Session } from "../session.ts";
import { LineMark } from "./LineMark.tsx";
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
      {you !== null && <Condition session={session} connection="publish" members={ofSite(session, you)} />}
      {you !== null && <Condition session={session} connection="receive" members={[you]} />}
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

/** Who sends what this client's site sends. */
function ofSite(session: Session, you: Member): readonly Member[] {
  return you.site === null ? [you] : session.members.filter((member) => member.site === you.site);
}

/** That a line is not good; nothing while it is. Always in the page, so that a reader of the screen hears of a change. */
function Condition({ session, connection, members }: {
  readonly session: Session; readonly connection: Connection; readonly members: readonly Member[];
}) {
  const { t } = useSpeech();
  const condition = lineOf(session, connection, members);
  return (
    <p className="room-condition" role="status" data-testid={`line-${connection}`} data-condition={condition}>
      {condition !== "good" && <LineMark condition={condition} title={t(`line.${connection}.${condition}`)} />}
      {condition !== "good" && <span>{t(`line.${connection}.${condition}`)}</span>}
    </p>
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
