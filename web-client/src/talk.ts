// What the talk of a room changes in the state: who attends whom, calls, questions, the floor; and lists of anything that has an
// identifier. Pure, as the reducer that uses it.

import type { CallId, CallOutcome, Direction, Member, MemberId, Question, SiteId } from "../../signaling/messages.ts";
import type { Session } from "./session.ts";

export function put<T extends { readonly id: number }>(list: readonly T[], item: T): readonly T[] {
  const known = list.some((each) => each.id === item.id);
  return known ? list.map((each) => (each.id === item.id ? item : each)) : [...list, item];
}

export function change<T extends { readonly id: number }>(list: readonly T[], id: number, fields: Partial<T>): readonly T[] {
  return list.map((each) => (each.id === id ? { ...each, ...fields } : each));
}

/** Fields of a member; one that is `undefined` is taken away. */
type MemberChange = { readonly [Field in keyof Member]?: Member[Field] | undefined };

/** Changes one member, the client's own as well where it is that one; or puts it anew, with nothing of before. */
export function changeMember(session: Session, id: MemberId, fields: MemberChange, anew = false): Session {
  const changed = (member: Member): Member => {
    if (member.id !== id) return member;
    const all = Object.entries({ ...(anew ? {} : member), ...fields });
    return Object.fromEntries(all.filter(([, value]) => value !== undefined)) as unknown as Member;
  };
  return { ...session, members: session.members.map(changed), you: session.you === null ? null : changed(session.you) };
}

/** The floor is taken: the voice goes with it, unless the policy lets all of this role speak. */
export function floorTaken(session: Session, member: MemberId): Session {
  const next = changeMember(session, member, { floor: undefined });
  return member !== session.you?.id || maySpeak(next) ? next : { ...next, voice: null, voiceMuted: false };
}

export function callOver(session: Session, { call, outcome, by }: {
  readonly call: CallId; readonly outcome: CallOutcome; readonly by: MemberId | null;
}): Session {
  const over = session.calls.find((each) => each.id === call);
  if (over === undefined) return session;
  return { ...session, calls: session.calls.filter((each) => each.id !== call), lastCall: { call: over, outcome, by } };
}

/** Somebody else's question that is on air no more is none of the audience's (rule X3). */
export function questionChanged(session: Session, question: Question): Session {
  const mayKnow = isPanel(session.you) || question.on_air || question.member === session.you?.id;
  if (mayKnow) return { ...session, questions: put(session.questions, question) };
  return { ...session, questions: session.questions.filter((each) => each.id !== question.id) };
}

export function isPanel(member: Member | null): boolean {
  return member?.role === "lead" || member?.role === "expert";
}

/** Whether the client's own member may be heard now, as far as role, floor and policy go. */
export function maySpeak({ you, policy }: Session): boolean {
  return you !== null && (you.floor !== undefined || policy.speak.includes(you.role));
}

/** The sites of the room, in the order of the page. */
export function sitesOf({ members, feeds }: Session): readonly SiteId[] {
  const sites = [...members, ...feeds].map((each) => each.site).filter((site) => site !== null);
  return [...new Set(sites)].sort((a, b) => a.localeCompare(b));
}

/** Whom the voice of somebody of the panel is for. */
export function directionOf(member: Member): Direction {
  return member.speaks_to ?? "attended";
}

/** At which sites it is heard when it speaks. */
export function airedAt(member: Member, sites: readonly SiteId[]): readonly SiteId[] {
  const direction = directionOf(member);
  if (direction === "panel") return [];
  return direction === "all" ? sites : sites.filter((site) => member.attends?.includes(site));
}

/** The calls in which the client's own member is rung, the oldest first. */
export function ringing({ calls, you }: Session) {
  return calls.filter((call) => you !== null && call.to.includes(you.id));
}

/** What somebody of the panel can be called by, as far as anybody has it. */
export function dutiesOf(members: readonly Member[]): readonly string[] {
  return [...new Set(members.filter(isPanel).map((member) => member.duty).filter((duty) => duty !== undefined))].sort();
}
