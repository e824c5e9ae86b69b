// After leaving, or before a door that stayed shut: what happened in plain words, and what to do.

import { CircleSlash, DoorOpen } from "lucide-react";
import { useSpeech } from "../language.tsx";
import { LanguageSwitch } from "../parts/RoomBar.tsx";
import type { Session } from "../session.ts";
import "./StartPage.css";

interface EndPageProps {
  readonly session: Session;
  readonly again: () => void;
  readonly other: () => void;
}

export function EndPage({ session, again, other }: EndPageProps) {
  const { t } = useSpeech();
  const refusal = session.doorRefusal;
  return (
    <main className="plain" data-testid="end-page" data-code={refusal?.code} data-reason={session.closed ?? undefined}>
      <div className="plain-language"><LanguageSwitch /></div>
      <div className="plain-card">
        <h1 className="plain-line">
          {refusal === null ? <DoorOpen aria-hidden size={28} /> : <CircleSlash aria-hidden size={28} />}
          {t(refusal === null ? "end.left" : "end.refused")}
        </h1>
        <p role="alert" className="plain-more">{refusal === null ? t("end.left_more") : t(`refusal.${refusal.code}`)}</p>
        <div className="plain-verbs">
          <button className={`button button-gloves ${refusal === null ? "button-main" : ""}`} type="button" data-testid="join-again" onClick={again}>{t("end.again")}</button>
          <button className={`button button-gloves ${refusal === null ? "" : "button-main"}`} type="button" data-testid="other-link" onClick={other}>{t("end.other")}</button>
        </div>
      </div>
    </main>
  );
}
