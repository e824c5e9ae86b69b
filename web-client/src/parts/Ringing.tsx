// A site calls: seen, heard, and answered or declined with one tap; the page gives it a key each.

import { PhoneCall, PhoneOff } from "lucide-react";
import type { CallId } from "../../../signaling/messages.ts";
import { useSpeech } from "../language.tsx";
import type { Session } from "../session.ts";
import { ringing } from "../talk.ts";
import { memberName, siteName } from "./names.ts";
import { useRingTone } from "./useRingTone.ts";
import "./Ringing.css";

interface RingingProps {
  readonly session: Session;
  readonly answer: (call: CallId) => void;
  readonly decline: (call: CallId) => void;
}

export function Ringing({ session, answer, decline }: RingingProps) {
  const speech = useSpeech();
  const { t } = speech;
  const calls = ringing(session);
  useRingTone(calls.length > 0);
  return calls.map((call, place) => {
    const caller = session.members.find((member) => member.id === call.by);
    const name = caller === undefined ? "" : memberName(speech, caller);
    return (
      <section key={call.id} className="ringing" role="alert" data-testid="ringing" data-site={call.site}>
        <PhoneCall className="ringing-sign" aria-hidden size={24} />
        <p>
          <strong>{t("call.rings", { site: siteName(speech, call.site), name })}</strong>
          {call.duty !== null && <span> {t("call.by_duty", { duty: call.duty })}</span>}
        </p>
        <button className="button button-gloves button-main" type="button" data-testid="answer-call" onClick={() => answer(call.id)}>
          <PhoneCall aria-hidden size={22} />{t("call.answer")}{place === 0 && <kbd aria-hidden>{t("key.enter")}</kbd>}
        </button>
        <button className="button button-gloves" type="button" data-testid="decline-call" onClick={() => decline(call.id)}>
          <PhoneOff aria-hidden size={22} />{t("call.decline")}{place === 0 && <kbd aria-hidden>{t("key.backspace")}</kbd>}
        </button>
      </section>
    );
  });
}
