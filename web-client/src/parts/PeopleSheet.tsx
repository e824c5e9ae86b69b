// Who is in the room and with which duty; a lead moves, silences and sends out here.

import { Hand, MicOff, Mic2, ChevronDown, DoorOpen } from "lucide-react";
import { useState } from "react";
import type { Member, Role } from "../../../signaling/messages.ts";
import { ROLES } from "../check.ts";
import type { Consultation } from "../consultation.ts";
import { useSpeech } from "../language.tsx";
import type { Session } from "../session.ts";
import { isPanel, sitesOf } from "../talk.ts";
import { memberName, siteName } from "./names.ts";
import { Sheet } from "./Sheet.tsx";
import type { Toasts } from "./useToasts.ts";
import "./PeopleSheet.css";

interface PeopleSheetProps {
  readonly consultation: Consultation;
  readonly session: Session;
  readonly toasts: Toasts;
  readonly close: () => void;
}

export function PeopleSheet({ consultation, session, toasts, close }: PeopleSheetProps) {
  const { t } = useSpeech();
  const order = (member: Member) => ROLES.indexOf(member.role);
  const members = [...session.members].sort((a, b) => order(a) - order(b) || (a.site ?? "").localeCompare(b.site ?? "") || a.id - b.id);
  return (
    <Sheet name="people" title={`${t("people")} ${session.members.length}`} close={close}>
      <div className="sheet-body">
        {session.you !== null && <OwnDuty key={session.you.duty} consultation={consultation} you={session.you} />}
        <ul className="sheet-cards">
          {members.map((member) => <Person key={member.id} member={member} consultation={consultation} session={session} toasts={toasts} />)}
        </ul>
      </div>
    </Sheet>
  );
}

/** What a duty has at most: 40 bytes, and a Chinese letter has three. */
const MOST_LETTERS = 13;

function OwnDuty({ consultation, you }: { readonly consultation: Consultation; readonly you: Member }) {
  const { t } = useSpeech();
  const [duty, setDuty] = useState(you.duty ?? "");
  return (
    <form
      className="line-form"
      onSubmit={(event) => {
        event.preventDefault();
        void consultation.request({ type: "set_duty", member: you.id, duty: duty.trim() || null });
      }}
    >
      <label className="field">
        {t("duty.own")}
        <input value={duty} maxLength={MOST_LETTERS} placeholder={t("duty.hint")} data-testid="own-duty" onChange={(event) => setDuty(event.target.value)} />
      </label>
      <button className="button" type="submit" data-testid="set-duty" disabled={duty.trim() === (you.duty ?? "")}>{t("duty.set")}</button>
    </form>
  );
}

interface PersonProps {
  readonly member: Member;
  readonly consultation: Consultation;
  readonly session: Session;
  readonly toasts: Toasts;
}

function Person({ member, consultation, session, toasts }: PersonProps) {
  const speech = useSpeech();
  const { t } = speech;
  const [open, setOpen] = useState(false);
  const name = memberName(speech, member);
  const isYou = member.id === session.you?.id;
  const attends = (member.attends ?? []).map((site) => siteName(speech, site)).join(t("list.comma"));
  const isLead = session.you?.role === "lead" && !isYou;
  return (
    <li className="sheet-card person" data-testid="person" data-member={member.id} data-role={member.role}>
      <div className="person-head">
        <p className="person-what">
          <strong>{name}{isYou && ` (${t("you")})`}</strong>
          <span className="member-role">{t(`role.${member.role}`)}{member.site !== null && ` · ${siteName(speech, member.site)}`}</span>
          {member.duty !== undefined && <span className="chip" data-testid="duty">{member.duty}</span>}
          {isPanel(member) && attends !== "" && <span className="chip">{t("attends.sites", { sites: attends })}</span>}
          {member.hand === true && <span className="chip"><Hand aria-hidden size={14} />{t("people.hand")}</span>}
          {member.floor !== undefined && <span className="chip" data-on-air="true">{t("people.floor")}</span>}
          {member.silenced === true && <span className="chip"><MicOff aria-hidden size={14} />{t("silenced")}</span>}
        </p>
        {isLead && (
          <button
            className="button button-plain person-open" type="button" data-testid="member-verbs" aria-expanded={open}
            aria-label={t("people.verbs", { name })} title={t("people.verbs", { name })} onClick={() => setOpen(!open)}
          >
            <ChevronDown aria-hidden size={20} />
          </button>
        )}
      </div>
      {isLead && open && <Verbs member={member} name={name} consultation={consultation} session={session} toasts={toasts} />}
    </li>
  );
}

function Verbs({ member, name, consultation, session, toasts }: PersonProps & { readonly name: string }) {
  const { t } = useSpeech();
  const silence = async (silenced: boolean) => {
    const request = (to: boolean) => consultation.request({ type: "silence_member", member: member.id, silenced: to });
    if (await request(silenced)) toasts.show(t(silenced ? "toast.silenced" : "toast.unsilenced", { name }), () => void request(!silenced));
  };
  const remove = async () => {
    if (await consultation.request({ type: "remove_member", member: member.id })) toasts.show(t("toast.removed", { name }));
  };
  const giveFloor = async () => {
    const done = await consultation.request({ type: "give_floor", member: member.id, sites: [] });
    if (done) toasts.show(t("toast.floor_given", { name }), () => void consultation.request({ type: "take_floor", member: member.id }));
  };
  const silenced = member.silenced === true;
  return (
    <>
      <div className="sheet-verbs">
        {member.role === "trainee" && member.floor === undefined && (
          <button className="button" type="button" data-testid="person-floor" onClick={() => void giveFloor()}>
            <Mic2 aria-hidden size={18} />{t("floor.give")}
          </button>
        )}
        <button className="button" type="button" data-testid="silence" aria-pressed={silenced} onClick={() => void silence(!silenced)}>
          <MicOff aria-hidden size={18} />{t(silenced ? "people.unsilence" : "people.silence")}
        </button>
        <button className="button" type="button" data-testid="remove-member" onClick={() => void remove()}>
          <DoorOpen aria-hidden size={18} />{t("people.remove")}
        </button>
      </div>
      <Move member={member} name={name} consultation={consultation} session={session} toasts={toasts} />
    </>
  );
}

const OF_SITE: readonly Role[] = ["surgeon", "display", "device"];
const MOVED_TO: readonly Role[] = ["lead", "expert", "surgeon", "trainee", "display"];

/** To another role or another site; what the member published is over then. */
function Move({ member, name, consultation, session, toasts }: PersonProps & { readonly name: string }) {
  const speech = useSpeech();
  const { t } = speech;
  const sites = sitesOf(session);
  const [role, setRole] = useState(member.role);
  const [site, setSite] = useState(member.site ?? sites[0] ?? "");
  const needsSite = OF_SITE.includes(role);
  const to = { role, site: needsSite ? site : null };
  const isSame = to.role === member.role && to.site === member.site;
  const move = async () => {
    const before = { role: member.role, site: member.site };
    const request = (where: typeof before) => consultation.request({ type: "move_member", member: member.id, ...where });
    if (await request(to)) toasts.show(t("toast.moved", { name, role: t(`role.${to.role}`) }), () => void request(before));
  };
  return (
    <div className="line-form">
      <label className="field">
        {t("people.role")}
        <select value={role} data-testid="move-role" onChange={(event) => setRole(event.target.value as Role)}>
          {(MOVED_TO.includes(member.role) ? MOVED_TO : [member.role, ...MOVED_TO]).map((each) => <option key={each} value={each}>{t(`role.${each}`)}</option>)}
        </select>
      </label>
      <label className="field">
        {t("people.site")}
        <select value={needsSite ? site : ""} disabled={!needsSite} data-testid="move-site" onChange={(event) => setSite(event.target.value)}>
          {!needsSite && <option value="">{t("people.no_site")}</option>}
          {sites.map((each) => <option key={each} value={each}>{siteName(speech, each)}</option>)}
        </select>
      </label>
      <button className="button" type="button" data-testid="move" disabled={isSame || (needsSite && site === "")} onClick={() => void move()}>
        {t("people.move")}
      </button>
    </div>
  );
}
