// The order of the room, as a lead sets it: a tap each, at once. And its end, the one thing that asks first.

import { Power } from "lucide-react";
import { useState } from "react";
import type { Policy, Role } from "../../../signaling/messages.ts";
import type { Consultation } from "../consultation.ts";
import { useSpeech } from "../language.tsx";
import type { Session } from "../session.ts";

/** Who can be made to wait. */
const WAITERS: readonly Role[] = ["expert", "surgeon", "trainee", "display"];

export function PolicyForm({ consultation, session }: { readonly consultation: Consultation; readonly session: Session }) {
  const { t } = useSpeech();
  const { policy } = session;
  const set = (fields: Partial<Policy>) => void consultation.request({ type: "set_policy", policy: { ...policy, ...fields } });
  const withRole = (roles: readonly Role[], role: Role, on: boolean) => [...roles.filter((each) => each !== role), ...(on ? [role] : [])];
  const check = (name: string, label: string, checked: boolean, change: (on: boolean) => void) => (
    <label className="check" key={name}>
      <input type="checkbox" checked={checked} data-testid={`policy-${name}`} onChange={(event) => change(event.target.checked)} />
      {label}
    </label>
  );
  return (
    <section data-testid="policy">
      <h3>{t("policy")}</h3>
      <div>
        {check("locked", t("policy.locked"), policy.locked, (locked) => set({ locked }))}
        {check("sites-joined", t("policy.sites_joined"), policy.sites_joined, (sites_joined) => set({ sites_joined }))}
        {check("speak", t("policy.speak"), policy.speak.includes("trainee"), (on) => set({ speak: withRole(policy.speak, "trainee", on) }))}
        {check("history", t("policy.history"), policy.history.includes("trainee"), (on) => set({ history: withRole(policy.history, "trainee", on) }))}
      </div>
      <fieldset className="checks">
        <legend>{t("policy.wait")}</legend>
        {WAITERS.map((role) => check(`wait-${role}`, t(`role.${role}`), policy.wait.includes(role), (on) => set({ wait: withRole(policy.wait, role, on) })))}
      </fieldset>
    </section>
  );
}

export function EndRoom({ consultation }: { readonly consultation: Consultation }) {
  const { t } = useSpeech();
  const [asks, setAsks] = useState(false);
  if (!asks) {
    return (
      <section className="desk-end">
        <button className="button" type="button" data-testid="end-room" onClick={() => setAsks(true)}><Power aria-hidden size={18} />{t("end_room")}</button>
      </section>
    );
  }
  return (
    <section className="desk-end" role="group" aria-label={t("end_room")}>
      <p>{t("end_room.ask")}</p>
      <div className="sheet-verbs">
        <button className="button button-main" type="button" data-testid="end-room-yes" onClick={() => consultation.signaling.say({ type: "end_room" })}>
          <Power aria-hidden size={18} />{t("end_room.yes")}
        </button>
        <button className="button" type="button" autoFocus data-testid="end-room-no" onClick={() => setAsks(false)}>{t("end_room.no")}</button>
      </div>
    </section>
  );
}
