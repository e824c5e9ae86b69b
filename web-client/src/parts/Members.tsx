// Who is in the room, and who speaks.

import { MicOff, Volume2 } from "lucide-react";
import type { Member, Role } from "../../../signaling/messages.ts";
import { useSpeech } from "../language.tsx";
import { type Session, speakerOf } from "../session.ts";
import { ROLES } from "../check.ts";
import "./Members.css";

export function Members({ session, roles = ROLES }: { readonly session: Session; readonly roles?: readonly Role[] }) {
  const { t } = useSpeech();
  const order = (member: Member) => ROLES.indexOf(member.role);
  const members = session.members.filter((member) => roles.includes(member.role))
    .sort((a, b) => order(a) - order(b) || (a.site ?? "").localeCompare(b.site ?? "") || a.id - b.id);
  return (
    <ul className="members" data-testid="members">
      {members.map((member) => {
        const voice = session.voices.find((each) => each.member === member.id);
        const speaks = voice !== undefined && session.speaking.includes(voice.id);
        return (
          <li key={member.id} className="member" data-testid="member" data-member={member.id} data-role={member.role} data-speaking={speaks}>
            <span className="member-name">{member.name}{member.id === session.you?.id && ` (${t("you")})`}</span>
            <span className="member-role">{t(`role.${member.role}`)}{member.site !== null && ` · ${member.site}`}</span>
            {speaks
              ? <Volume2 className="member-speaks" size={18} aria-label={t("speaking")} />
              : voice?.muted === true && <MicOff className="member-muted" size={18} aria-label={t("voice.muted")} />}
          </li>
        );
      })}
    </ul>
  );
}

/** One line: who speaks now. Always there, so that nothing jumps when somebody does. */
export function Speaking({ session }: { readonly session: Session }) {
  const { t } = useSpeech();
  const names = session.speaking.map((voice) => speakerOf(session, voice)).filter((member) => member !== undefined);
  return (
    <p className="speaking" data-testid="speaking" data-anybody={names.length > 0}>
      <Volume2 aria-hidden size="1.2em" />
      <span>
        {names.length === 0
          ? t("speaking.nobody")
          : `${t("speaking")}: ${names.map((member) => (member.site === null ? member.name : `${member.name} (${member.site})`)).join(", ")}`}
      </span>
    </p>
  );
}
