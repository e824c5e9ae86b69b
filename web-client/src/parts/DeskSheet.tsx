// The lead's desk: who waits at the door, hands and floor, what the audience sees, the order of the room, and its end.

import { DoorOpen, Hand, Mic2 } from "lucide-react";
import { useState } from "react";
import type { Member, SiteId } from "../../../signaling/messages.ts";
import type { Consultation } from "../consultation.ts";
import { useSpeech } from "../language.tsx";
import type { Session } from "../session.ts";
import { sitesOf } from "../talk.ts";
import { memberName, siteName } from "./names.ts";
import { EndRoom, PolicyForm } from "./PolicyForm.tsx";
import { ProgrammeForm, type ProgrammeFormProps } from "./ProgrammeForm.tsx";
import { Sheet } from "./Sheet.tsx";
import type { Toasts } from "./useToasts.ts";
import "./DeskSheet.css";

interface DeskSheetProps extends ProgrammeFormProps {
  readonly close: () => void;
}

/** What waits for a lead: at the door, and with a raised hand. */
export function deskCount(session: Session): number {
  return session.waiting.length + session.members.filter((member) => member.hand === true).length;
}

export function DeskSheet({ close, ...programme }: DeskSheetProps) {
  const { t } = useSpeech();
  const { consultation, snapshot: { session }, toasts } = programme;
  return (
    <Sheet name="desk" title={t("desk")} close={close}>
      <div className="sheet-body">
        <Door consultation={consultation} session={session} toasts={toasts} />
        <Floor consultation={consultation} session={session} toasts={toasts} />
        <ProgrammeForm {...programme} />
        <PolicyForm consultation={consultation} session={session} />
        <EndRoom consultation={consultation} />
      </div>
    </Sheet>
  );
}

interface SectionProps {
  readonly consultation: Consultation;
  readonly session: Session;
  readonly toasts: Toasts;
}

function Door({ consultation, session, toasts }: SectionProps) {
  const speech = useSpeech();
  const { t } = speech;
  const decide = async (member: Member, admitted: boolean) => {
    const done = await consultation.request({ type: admitted ? "admit" : "turn_away", member: member.id });
    if (done) toasts.show(t(admitted ? "toast.admitted" : "toast.turned_away", { name: memberName(speech, member) }));
  };
  return (
    <section data-testid="door">
      <h3>{t("door")} {session.waiting.length > 0 && <span className="badge">{session.waiting.length}</span>}</h3>
      {session.waiting.length === 0 && <p className="sheet-empty">{t("door.empty")}</p>}
      <ul className="sheet-cards">
        {session.waiting.map((member) => (
          <li key={member.id} className="sheet-card" data-testid="waiter" data-member={member.id}>
            <p>
              <strong>{memberName(speech, member)}</strong>{" "}
              <span className="member-role">{t(`role.${member.role}`)}{member.site !== null && ` · ${siteName(speech, member.site)}`}</span>
            </p>
            <div className="sheet-verbs">
              <button className="button button-main" type="button" data-testid="admit" onClick={() => void decide(member, true)}>
                <DoorOpen aria-hidden size={18} />{t("door.admit")}
              </button>
              <button className="button" type="button" data-testid="turn-away" onClick={() => void decide(member, false)}>{t("door.turn_away")}</button>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Floor({ consultation, session, toasts }: SectionProps) {
  const { t } = useSpeech();
  const members = session.members.filter((member) => member.hand === true || member.floor !== undefined);
  return (
    <section data-testid="floor">
      <h3>{t("floor")}</h3>
      {members.length === 0 && <p className="sheet-empty">{t("floor.empty")}</p>}
      <ul className="sheet-cards">
        {members.map((member) => member.floor === undefined
          ? <GiveFloor key={member.id} member={member} consultation={consultation} session={session} toasts={toasts} />
          : <TakeFloor key={member.id} member={member} sites={member.floor} consultation={consultation} toasts={toasts} />)}
      </ul>
    </section>
  );
}

function GiveFloor({ member, consultation, session, toasts }: SectionProps & { readonly member: Member }) {
  const speech = useSpeech();
  const { t } = speech;
  const [chosen, choose] = useState<readonly SiteId[]>([]);
  const name = memberName(speech, member);
  const sites = sitesOf(session);
  const give = async () => {
    const heardAt = chosen.filter((site) => sites.includes(site));
    const done = await consultation.request({ type: "give_floor", member: member.id, sites: heardAt });
    if (done) toasts.show(t("toast.floor_given", { name }), () => void consultation.request({ type: "take_floor", member: member.id }));
  };
  return (
    <li className="sheet-card" data-testid="hand" data-member={member.id}>
      <p className="desk-person"><Hand aria-hidden size={18} /><strong>{name}</strong></p>
      {sites.length > 0 && (
        <fieldset className="checks">
          <legend>{t("floor.heard_at")}</legend>
          {sites.map((site) => (
            <label key={site} className="check">
              <input
                type="checkbox" checked={chosen.includes(site)} data-testid="floor-site" data-site={site}
                onChange={(event) => choose(event.target.checked ? [...chosen, site] : chosen.filter((each) => each !== site))}
              />
              {siteName(speech, site)}
            </label>
          ))}
        </fieldset>
      )}
      <button className="button button-main" type="button" data-testid="give-floor" onClick={() => void give()}>
        <Mic2 aria-hidden size={18} />{t("floor.give")}
      </button>
    </li>
  );
}

function TakeFloor({ member, sites, consultation, toasts }: Omit<SectionProps, "session"> & { readonly member: Member; readonly sites: readonly SiteId[] }) {
  const speech = useSpeech();
  const { t } = speech;
  const name = memberName(speech, member);
  const where = [t("floor.panel_audience"), ...sites.map((site) => siteName(speech, site))].join(t("list.comma"));
  const take = async () => {
    const done = await consultation.request({ type: "take_floor", member: member.id });
    const back = () => void consultation.request({ type: "give_floor", member: member.id, sites: [...sites] });
    if (done) toasts.show(t("toast.floor_taken", { name }), back);
  };
  return (
    <li className="sheet-card" data-testid="has-floor" data-member={member.id}>
      <p className="desk-person"><Mic2 aria-hidden size={18} /><strong>{name}</strong><span className="chip" data-on-air="true">{t("people.floor")}</span></p>
      <p className="member-role desk-where">{t("floor.is_heard", { where })}</p>
      <button className="button" type="button" data-testid="take-floor" onClick={() => void take()}>{t("floor.take")}</button>
    </li>
  );
}
