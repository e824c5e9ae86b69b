// The room as this client knows it: a pure fold over what the server said. No socket, no clock, no DOM, so that the
// dialogues in `signaling/` can be replayed through it.

import type {
  Call, CallOutcome, CloseReason, Connection, Feed, FeedId, LineCondition, Member, MemberId, Policy, Programme, PublishedFeed,
  Question, RefusalCode, RoomId, RoomKind, Said, ServerMessage, Slot, VacantReason, Voice, VoiceId,
} from "../../signaling/messages.ts";
import { callOver, change, changeMember, floorTaken, put, questionChanged } from "./talk.ts";

/** How the signaling connection is; `waiting` is at the door. `ended` does not come back by itself. */
export type Line = "idle" | "connecting" | "waiting" | "joined" | "reconnecting" | "ended";

/** What one slot shows, as the server said last. */
export interface SlotState {
  readonly feed: FeedId | null;
  readonly vacant: VacantReason | null;
}

/** How one member's line is, towards the server (`publish`) or from it. */
export interface MemberLine {
  readonly member: MemberId;
  readonly connection: Connection;
  readonly condition: LineCondition;
}

/** Something that was asked for and not done. `serial` tells two equal refusals apart. */
export interface RefusalSeen {
  readonly serial: number;
  readonly code: RefusalCode;
  readonly message: string;
}

/** A call that is over. */
export interface CallSeen {
  readonly call: Call;
  readonly outcome: CallOutcome;
  /** Who answered. */
  readonly by: MemberId | null;
}

export interface Session {
  readonly line: Line;
  readonly room: RoomId | null;
  readonly kind: RoomKind | null;
  readonly you: Member | null;
  readonly members: readonly Member[];
  readonly feeds: readonly Feed[];
  readonly voices: readonly Voice[];
  readonly slots: Readonly<Record<Slot, SlotState>>;
  /** The lines of members that are not good, as far as this client hears of them. */
  readonly lines: readonly MemberLine[];
  /** Loudest first. */
  readonly speaking: readonly VoiceId[];
  /** What this client itself publishes, by m-line. */
  readonly published: readonly PublishedFeed[];
  readonly voice: VoiceId | null;
  /** What the server holds back of it: its own voice and feeds are not always in the lists above. */
  readonly voiceMuted: boolean;
  readonly policy: Policy;
  readonly programme: Programme;
  /** What was said in text, in the order for everybody. */
  readonly said: readonly Said[];
  readonly questions: readonly Question[];
  /** Calls that are not over. */
  readonly calls: readonly Call[];
  /** The last call that ended. */
  readonly lastCall: CallSeen | null;
  /** Who waits at the door; leads alone know. */
  readonly waiting: readonly Member[];
  readonly refusals: readonly RefusalSeen[];
  /** Why the room's door stayed shut, if it did. */
  readonly doorRefusal: RefusalSeen | null;
  readonly closed: CloseReason | null;
}

/** What happens on this side of the wire. */
export type LocalAction =
  | { readonly type: "connecting" }
  | { readonly type: "connection_lost" }
  | { readonly type: "ended" }
  | { readonly type: "refusal_seen"; readonly serial: number };

/** Until the room says its own. */
const NO_POLICY: Policy = { speak: [], wait: [], history: [], locked: false, sites_joined: false };

export const EMPTY: Session = {
  line: "idle", room: null, kind: null, you: null, members: [], feeds: [], voices: [], slots: {}, lines: [], speaking: [],
  published: [], voice: null, voiceMuted: false, policy: NO_POLICY, programme: "open", said: [], questions: [], calls: [],
  lastCall: null, waiting: [], refusals: [], doorRefusal: null, closed: null,
};

/** As many as the server keeps for who comes later (rule X2). */
const SAID_KEPT = 200;

/** Refusals kept for the screen; older ones go. */
const REFUSALS_SHOWN = 4;

/** Refusals of `join` after which trying again with the same token cannot help. */
const FINAL: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  "wrong_version", "bad_token", "token_expired", "token_not_yet_valid", "wrong_room", "unknown_room", "not_allowed",
  "site_required", "too_many_sites", "room_locked",
]);

/** What an end is not tried to be undone after: a person decided it. */
const DECIDED: ReadonlySet<CloseReason> = new Set<CloseReason>(["left", "turned_away", "removed", "ended", "replaced"]);

function isFinal(code: RefusalCode): boolean {
  return FINAL.has(code);
}

/** Applies one message from the server. */
export function hear(session: Session, message: ServerMessage): Session {
  switch (message.type) {
    case "joined":
      return {
        ...EMPTY, line: "joined", room: message.room, kind: message.kind, you: message.you,
        members: message.members, feeds: message.feeds, voices: message.voices, policy: message.policy,
        programme: message.programme, said: message.said, questions: message.questions, calls: message.calls,
        waiting: message.waiting, refusals: session.refusals,
      };
    case "waiting":
      return { ...EMPTY, line: "waiting", room: message.room };
    case "entered":
      return { ...session, members: put(session.members, message.member) };
    case "left":
      return memberGone(session, message.member);
    case "published":
      return {
        ...session, published: message.feeds, voice: message.voice,
        voiceMuted: message.voice !== null && message.voice === session.voice && session.voiceMuted,
      };
    case "received":
      return session;
    case "feed_published":
      return { ...session, feeds: put(session.feeds, message.feed) };
    case "feed_unpublished":
      return feedGone(session, message.feed);
    case "feed_muted":
      return { ...session, feeds: change(session.feeds, message.feed, { muted: message.muted }) };
    case "feed_faulted":
      return { ...session, feeds: change(session.feeds, message.feed, { fault: message.fault }) };
    case "layers_watched":
      return session;
    case "voice_published":
      return { ...session, voices: put(session.voices, message.voice) };
    case "voice_unpublished":
      return voiceGone(session, message.voice);
    case "voice_muted":
      return {
        ...session,
        voices: change(session.voices, message.voice, { muted: message.muted }),
        voiceMuted: message.voice === session.voice ? message.muted : session.voiceMuted,
      };
    case "watched":
      return {
        ...session,
        slots: { ...session.slots, [message.slot]: { feed: message.feed, vacant: message.vacant } },
      };
    case "line_changed":
      return lineChanged(session, message);
    case "speaking":
      return { ...session, speaking: message.voices };
    case "ponged":
      return session;
    case "attended":
      return changeMember(session, message.member, { attends: message.sites });
    case "voice_directed":
      return changeMember(session, message.member, { speaks_to: message.to });
    case "duty_set":
      return changeMember(session, message.member, { duty: message.duty ?? undefined });
    case "hand_raised":
      return changeMember(session, message.member, { hand: message.raised });
    case "floor_given":
      return changeMember(session, message.member, { floor: message.sites, hand: false });
    case "floor_taken":
      return floorTaken(session, message.member);
    case "member_silenced":
      return changeMember(session, message.member, { silenced: message.silenced });
    case "moved":
      return changeMember(session, message.member.id, message.member, true);
    case "called":
      return { ...session, calls: put(session.calls, message.call) };
    case "call_over":
      return callOver(session, message);
    case "said":
      return { ...session, said: [...session.said, message.said].slice(-SAID_KEPT) };
    case "asked":
      return { ...session, questions: put(session.questions, message.question) };
    case "question_changed":
      return questionChanged(session, message.question);
    case "programme_shown":
      return { ...session, programme: message.programme };
    case "policy_set":
      return { ...session, policy: message.policy };
    case "knocked":
      return { ...session, waiting: put(session.waiting, message.member) };
    case "knock_over":
      return { ...session, waiting: session.waiting.filter((each) => each.id !== message.member) };
    case "refused":
      return refused(session, message.code, message.message);
    case "disconnected":
      return message.connection === "publish" ? publishingGone(session) : session;
    case "closed":
      return { ...session, closed: message.reason, line: comesBack(session, message.reason) ? session.line : "ended" };
    default:
      return never(message, session);
  }
}

/** Applies something that happened on this side. */
export function act(session: Session, action: LocalAction): Session {
  switch (action.type) {
    case "connecting":
      return { ...session, line: session.you === null ? "connecting" : "reconnecting", doorRefusal: null, closed: null };
    case "connection_lost":
      // Who was there stays on screen, marked as reconnecting by `line`; nobody is known to speak.
      return session.line === "ended" ? session : {
        ...session, line: session.you === null ? "connecting" : "reconnecting", lines: [], speaking: [], published: [],
        voice: null,
      };
    case "ended":
      return { ...session, line: "ended", speaking: [] };
    case "refusal_seen":
      return { ...session, refusals: session.refusals.filter((refusal) => refusal.serial !== action.serial) };
    default:
      return never(action, session);
  }
}

/** Whether a connection that ended so is tried again without being asked. */
function comesBack(session: Session, reason: CloseReason): boolean {
  if (reason === "refused") return session.doorRefusal !== null && !isFinal(session.doorRefusal.code);
  return !DECIDED.has(reason);
}

/** How the lines of these members are, the worst of them. */
export function lineOf(session: Session, connection: Connection, members: readonly Member[]): LineCondition {
  const lines = session.lines.filter((line) => line.connection === connection && members.some((each) => each.id === line.member));
  if (lines.some((line) => line.condition === "poor")) return "poor";
  return lines.length === 0 ? "good" : "reduced";
}

/** The member who speaks with this voice. */
export function speakerOf(session: Session, voice: VoiceId): Member | undefined {
  const member = session.voices.find((each) => each.id === voice)?.member;
  return session.members.find((each) => each.id === member);
}

export function publisherOf(session: Session, feed: Feed | undefined): Member | undefined {
  return session.members.find((member) => member.id === feed?.member);
}

export function feedIn(session: Session, slot: Slot): Feed | undefined {
  const id = session.slots[slot]?.feed;
  return session.feeds.find((feed) => feed.id === id);
}

function refused(session: Session, code: RefusalCode, message: string): Session {
  const last = session.refusals.at(-1)?.serial ?? session.doorRefusal?.serial ?? 0;
  const refusal = { serial: last + 1, code, message };
  if (session.line === "joined") {
    // The same answer again takes the place of the one before it.
    const others = session.refusals.filter((each) => each.code !== code);
    return { ...session, refusals: [...others, refusal].slice(-REFUSALS_SHOWN) };
  }
  return { ...session, doorRefusal: refusal, line: isFinal(code) ? "ended" : session.line };
}

function lineChanged(session: Session, { member, connection, condition }: MemberLine): Session {
  const others = session.lines.filter((line) => line.member !== member || line.connection !== connection);
  return { ...session, lines: condition === "good" ? others : [...others, { member, connection, condition }] };
}

function memberGone(session: Session, member: MemberId): Session {
  const feeds = session.feeds.filter((feed) => feed.member === member);
  const voices = session.voices.filter((voice) => voice.member === member);
  let next: Session = {
    ...session, members: session.members.filter((each) => each.id !== member),
    lines: session.lines.filter((line) => line.member !== member),
  };
  for (const feed of feeds) next = feedGone(next, feed.id);
  for (const voice of voices) next = voiceGone(next, voice.id);
  return next;
}

function feedGone(session: Session, feed: FeedId): Session {
  const slots: Record<Slot, SlotState> = {};
  for (const [slot, shown] of Object.entries(session.slots)) {
    slots[Number(slot)] = shown.feed === feed ? { feed: null, vacant: "no_feed" } : shown;
  }
  return {
    ...session, slots,
    feeds: session.feeds.filter((each) => each.id !== feed),
    published: session.published.filter((each) => each.feed !== feed),
  };
}

function voiceGone(session: Session, voice: VoiceId): Session {
  const own = session.voice === voice;
  return {
    ...session,
    voices: session.voices.filter((each) => each.id !== voice),
    speaking: session.speaking.filter((each) => each !== voice),
    voice: own ? null : session.voice,
    voiceMuted: own ? false : session.voiceMuted,
  };
}

/** Said twice of one connection (when it falls silent, and when it is given up), it changes something once. */
function publishingGone(session: Session): Session {
  const nothing = session.published.length === 0 && session.voice === null && !session.voiceMuted;
  return nothing ? session : { ...session, published: [], voice: null, voiceMuted: false };
}

/** The arm that must not exist; a message from a newer server changes nothing. */
function never<T>(_: never, otherwise: T): T {
  return otherwise;
}
