// Who is in the room, and who speaks.

import { MicOff, Volume2 } from "lucide-react";
import type { Member, Role, VoiceId } from "../../../signaling/messages.ts";
import { type Speech, useSpeech } from "../language.tsx";
import { lineOf, type Session, speakerOf } from "../session.ts";
import { ROLES } from "../check.ts";
import { LineMark } from "./LineMark.tsx";
import { memberName, memberOfSite, siteName } from "./names.ts";
import "./Members.css";

export function Members({ session, roles = ROLES }: { readonly session: Session; readonly roles?: readonly Role[] }) {
  const speech = useSpeech();
  const { t } = speech;
  const order = (member: Member) => ROLES.indexOf(member.role);
  const members = session.members.filter((member) => roles.includes(member.role))
    .sort((a, b) => order(a) - order(b) || (a.site ?? "").localeCompare(b.site ?? "") || a.id - b.id);
  return (
    <ul className="members" data-testid="members">
      {members.map((member) => {
        const voice = session.voices.find((each) => each.member === member.id);
        const named = member.name.trim() !== "";
        const speaks = voice !== undefined && session.speaking.includes(voice.id);
        return (
          <li key={member.id} className="member" data-testid="member" data-member={member.id} data-role={member.role} data-speaking={speaks}>
            <span className="member-name">{memberName(speech, member)}{member.id === session.you?.id && ` (${t("you")})`}</span>
            {named && <span className="member-role">{t(`role.${member.role}`)}{member.site !== null && ` · ${siteName(speech, member.site)}`}</span>}
            <Lines session={session} member={member} />
            {speaks
              ? <Volume2 className="member-speaks" size={18} aria-label={t("speaking")} />
              : voice?.muted === true && <MicOff className="member-muted" size={18} aria-label={t("voice.muted")} />}
          </li>
        );
      })}
    </ul>
  );
}

/** The lines of a member that are not good. */
function Lines({ session, member }: { readonly session: Session; readonly member: Member }) {
  const { t } = useSpeech();
  return (["publish", "receive"] as const).map((connection) => {
    const condition = lineOf(session, connection, [member]);
    const label = condition === "good" ? "" : t(`member.line.${connection}.${condition}`);
    return condition !== "good" && (
      <span key={connection} className="member-line" data-testid="member-line" data-connection={connection} data-condition={condition}>
        <LineMark condition={condition} title={label} /><span className="hidden-visually">{label}</span>
      </span>
    );
  });
}

/** One line: who speaks now. Always there, so that nothing jumps when somebody does. */
export function Speaking({ session }: { readonly session: Session }) {
  const speech = useSpeech();
  const { t } = speech;
  const names = session.speaking.map((voice) => speakerName(speech, session, voice)).filter((name) => name !== undefined);
  const nobody = t(session.line === "joined" ? "speaking.nobody" : "speaking.unknown");
  const line = names.length === 0 ? nobody : t("speaking.names", { names: names.join(t("list.comma")) });
  return (
    <p className="speaking" data-testid="speaking" data-anybody={names.length > 0} title={line}>
      <Volume2 aria-hidden size="1.2em" />
      <span>{line}</span>
    </p>
  );
}

/** A trainee hears a capture box without knowing of it: then its site speaks. */
function speakerName(speech: Speech, session: Session, voice: VoiceId): string | undefined {
  const member = speakerOf(session, voice);
  if (member !== undefined) return memberOfSite(speech, member);
  const site = session.voices.find((each) => each.id === voice)?.site ?? null;
  return site === null ? undefined : siteName(speech, site);
}
