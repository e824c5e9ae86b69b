// At the door: a lead has seen that somebody is here, and lets in or turns away.

import { Hourglass, LogOut } from "lucide-react";
import type { Consultation } from "../consultation.ts";
import { useSpeech } from "../language.tsx";
import { LanguageSwitch } from "../parts/RoomBar.tsx";
import type { Session } from "../session.ts";
import "./StartPage.css";

export function WaitingPage({ consultation, session }: { readonly consultation: Consultation; readonly session: Session }) {
  const { t } = useSpeech();
  return (
    <main className="plain" data-testid="waiting-page">
      <div className="plain-language"><LanguageSwitch /></div>
      <div className="plain-card">
        <h1 className="plain-line"><Hourglass aria-hidden size={28} />{t("waiting.title")}</h1>
        <p>{t("room", { room: session.room ?? "" })}</p>
        <p role="status" className="plain-more">{t("waiting.what")}</p>
        <div className="plain-verbs">
          <button className="button button-gloves" type="button" data-testid="leave" onClick={() => consultation.leave()}><LogOut aria-hidden size={22} />{t("leave")}</button>
        </div>
      </div>
    </main>
  );
}
