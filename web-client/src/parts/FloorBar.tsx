// A trainee's hand, and the floor when it is given: the microphone, its level, and the way back.

import { Hand, Undo2 } from "lucide-react";
import { useState } from "react";
import type { Consultation, Snapshot } from "../consultation.ts";
import { useSpeech } from "../language.tsx";
import { maySpeak } from "../talk.ts";
import { Microphone } from "./Microphone.tsx";
import { siteName } from "./names.ts";
import "./DeskSheet.css";

export function FloorBar({ consultation, snapshot }: { readonly consultation: Consultation; readonly snapshot: Snapshot }) {
  const speech = useSpeech();
  const { t } = speech;
  const you = snapshot.session.you;
  // Who has raised a hand has said that it wants to be heard; anybody else is asked first.
  const [wants, setWants] = useState(false);
  if (you === null) return null;
  const { floor, hand = false } = you;
  if (floor !== undefined) {
    const where = [t("floor.panel_audience"), ...floor.map((site) => siteName(speech, site))].join(t("list.comma"));
    const giveBack = () => {
      setWants(false);
      void consultation.request({ type: "take_floor", member: you.id });
    };
    return (
      <div className="floor-bar" data-testid="own-floor">
        <Microphone consultation={consultation} snapshot={snapshot} title={t("floor.yours")} atOnce={wants}>
          <p className="member-role desk-where">{t("floor.is_heard", { where })}</p>
          <button className="button button-gloves" type="button" data-testid="give-floor-back" onClick={giveBack}>
            <Undo2 aria-hidden size={22} />{t("floor.give_back")}
          </button>
        </Microphone>
      </div>
    );
  }
  if (maySpeak(snapshot.session)) {
    return <div className="floor-bar"><Microphone consultation={consultation} snapshot={snapshot} title={t("surgeon.microphone")} /></div>;
  }
  const raise = () => {
    setWants(!hand);
    void consultation.request({ type: "raise_hand", raised: !hand });
  };
  return (
    <div className="floor-bar">
      <button className="button button-gloves floor-hand" type="button" data-testid="raise-hand" aria-pressed={hand} onClick={raise}>
        <Hand aria-hidden size={22} />{t(hand ? "hand.lower" : "hand.raise")}
      </button>
      <p role="status" className="member-role desk-where">{hand && t("hand.raised")}</p>
    </div>
  );
}
