// The panel as a site sees it: who attends it now, and a call to anybody by name or by duty.

import { CircleCheck, PhoneCall, PhoneOff, Volume2 } from "lucide-react";
import { useState } from "react";
import type { Call, Member } from "../../../signaling/messages.ts";
import type { Consultation } from "../consultation.ts";
import { type Speech, useSpeech } from "../language.tsx";
import type { CallSeen, Session } from "../session.ts";
import { dutiesOf, isPanel } from "../talk.ts";
import { memberName } from "./names.ts";
import { Notice } from "./Notices.tsx";
import "./PanelCalls.css";

export function PanelCalls({ consultation, session }: { readonly consultation: Consultation; readonly session: Session }) {
  const speech = useSpeech();
  const { t } = speech;
  const panel = session.members.filter(isPanel);
  const attending = attendersOf(session);
  const others = panel.filter((member) => !attending.includes(member));
  const calls = session.calls.filter((call) => call.site === session.you?.site);
  const duties = dutiesOf(panel);
  const call = (member: number | null, duty: string | null) => void consultation.request({ type: "call", member, duty });
  return (
    <section className="panel-calls">
      <h2>{t("surgeon.hear")}</h2>
      {session.line !== "joined"
        ? <p className="surgeon-empty">{t("speaking.unknown")}</p>
        : (
          <p className="panel-attended" data-testid="attended-by" data-count={attending.length}>
            {attending.length > 0 && <CircleCheck aria-hidden size={24} />}
            <span>
              {panel.length === 0 ? t("surgeon.nobody") : attending.length === 0 ? t("attends.nobody")
                : t("attends.names", { names: attending.map((member) => memberName(speech, member)).join(t("list.comma")) })}
            </span>
          </p>
        )}
      <div aria-live="polite">
        {calls.map((each) => (
          <div key={each.id} className="panel-ringing" data-testid="calling">
            <PhoneCall className="ringing-sign" aria-hidden size={24} />
            <p>{t("call.calling", { whom: whomOf(speech, session, each) })}</p>
            {each.by === session.you?.id && (
              <button className="button button-gloves" type="button" data-testid="withdraw-call" onClick={() => void consultation.request({ type: "end_call", call: each.id })}>
                <PhoneOff aria-hidden size={22} />{t("call.withdraw")}
              </button>
            )}
          </div>
        ))}
        {session.lastCall !== null && calls.length === 0 && <Outcome key={session.lastCall.call.id} seen={session.lastCall} session={session} />}
      </div>
      <ul className="members panel-people" data-testid="members">
        {[...attending, ...others].map((member) => (
          <Expert key={member.id} member={member} session={session} attends={attending.includes(member)} call={() => call(member.id, null)} />
        ))}
      </ul>
      {duties.length > 0 && (
        <div className="panel-duties" role="group" aria-label={t("call.expert")}>
          {duties.map((duty) => (
            <button key={duty} className="button button-gloves" type="button" data-testid="call-duty" data-duty={duty} onClick={() => call(null, duty)}>
              <PhoneCall aria-hidden size={22} /><span>{t("call.member", { name: duty })}</span>
            </button>
          ))}
        </div>
      )}
    </section>
  );
}

/** Who of the panel attends the client's own site. */
export function attendersOf({ members, you }: Session): readonly Member[] {
  const site = you?.site ?? null;
  return site === null ? [] : members.filter((member) => isPanel(member) && member.attends?.includes(site));
}

function Expert({ member, session, attends, call }: {
  readonly member: Member; readonly session: Session; readonly attends: boolean; readonly call: () => void;
}) {
  const speech = useSpeech();
  const { t } = speech;
  const name = memberName(speech, member);
  const voice = session.voices.find((each) => each.member === member.id);
  const speaks = voice !== undefined && session.speaking.includes(voice.id);
  return (
    <li className="member panel-expert" data-testid="member" data-member={member.id} data-role={member.role} data-speaking={speaks} data-attends={attends}>
      <span className="panel-who">
        <span className="member-name">{name}</span>
        <span className="member-role">{[t(`role.${member.role}`), ...(member.duty === undefined ? [] : [member.duty])].join(" · ")}</span>
      </span>
      {speaks ? <Volume2 className="member-speaks" size={22} aria-label={t("speaking")} />
        : attends && <CircleCheck className="panel-attends" size={22} aria-label={t("attends")} />}
      <button className="button button-gloves" type="button" data-testid="call-member" aria-label={t("call.member", { name })} title={t("call.member", { name })} onClick={call}>
        <PhoneCall aria-hidden size={22} />{t("call")}
      </button>
    </li>
  );
}

/** Whom a call is for: the duty, or the name. */
function whomOf(speech: Speech, { members }: Session, call: Call): string {
  if (call.duty !== null) return call.duty;
  const rung = members.filter((member) => call.to.includes(member.id));
  return rung.map((member) => memberName(speech, member)).join(speech.t("list.comma"));
}

function Outcome({ seen: { call, outcome, by }, session }: { readonly seen: CallSeen; readonly session: Session }) {
  const speech = useSpeech();
  const { t } = speech;
  const [closed, setClosed] = useState(false);
  if (closed || call.site !== session.you?.site) return null;
  const who = session.members.find((member) => member.id === by);
  const text = outcome === "answered" ? t("call.answered", { name: who === undefined ? call.duty ?? "" : memberName(speech, who) })
    : outcome === "withdrawn" ? t("call.withdrawn") : t(`call.${outcome}`, { whom: whomOf(speech, session, call) });
  const level = outcome === "answered" || outcome === "withdrawn" ? "information" : "attention";
  const Icon = level === "attention" ? PhoneOff : PhoneCall;
  return <Notice level={level} testId="call-outcome" icon={<Icon aria-hidden size={20} />} close={() => setClosed(true)}><span data-outcome={outcome}>{text}</span></Notice>;
}
