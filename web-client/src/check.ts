// What arrives over the network is checked before anything believes it. The types come from the server's own;
// `Schema<T>` ties each check to its type, so that tsc fails when the two part.
//
// The client is lenient where the contract says so (rule E3): unknown fields are dropped, unknown messages are
// ignored. A known message of a wrong shape is not passed on.

import * as v from "valibot";
import type {
  Call, CallOutcome, CloseReason, Connection, Direction, Feed, FeedChoice, FeedFault, FeedKind, LineCondition, Member, Policy,
  Programme, Question, RefusalCode, Role, RoomKind, Said, SayTo, ServerMessage, VacantReason, Voice,
} from "../../signaling/messages.ts";

type Schema<T> = v.GenericSchema<unknown, T>;

const id = v.pipe(v.number(), v.integer(), v.minValue(0));
const name = v.string();
const re = v.nullish(id, null);

export const ROLES = ["lead", "expert", "surgeon", "trainee", "display", "device", "service"] as const;
export const FEED_KINDS = [
  "endoscope", "ultrasound", "ct", "fluoroscopy", "microscope", "room", "monitor", "screen", "face",
] as const;
const ROOM_KINDS = ["guidance", "consultation", "teaching", "meeting"] as const;
const FAULTS = ["b_frames", "no_keyframe", "silent"] as const;
const VACANT = ["chosen", "no_feed", "no_common_codec", "capacity", "line"] as const;
const CONDITIONS = ["good", "reduced", "poor"] as const;
const CLOSE = [
  "left", "slow_consumer", "timed_out", "refused", "shutting_down", "internal", "turned_away", "removed", "ended",
  "replaced",
] as const;
const DIRECTIONS = ["attended", "all", "panel"] as const;
const OUTCOMES = ["answered", "declined", "withdrawn", "unanswered"] as const;
const REFUSALS = [
  "bad_message", "too_large", "too_many", "wrong_version", "not_joined", "already_joined", "bad_token",
  "token_expired", "token_not_yet_valid", "wrong_room", "unknown_room", "unknown_session", "unknown_feed",
  "unknown_slot", "unknown_member", "unknown_site", "unknown_call", "unknown_question", "not_allowed", "room_locked",
  "site_required", "too_many_feeds", "too_many_sites", "too_many_slots", "too_many_tracks", "bad_label", "bad_text",
  "bad_sdp", "no_media", "no_codec", "bad_candidate", "wrong_etag", "wrong_content_type", "wrong_method", "not_found",
  "internal", "at_capacity", "shutting_down",
] as const;

const role: Schema<Role> = v.picklist(ROLES);
const roomKind: Schema<RoomKind> = v.picklist(ROOM_KINDS);
const feedKind: Schema<FeedKind> = v.picklist(FEED_KINDS);
const fault: Schema<FeedFault> = v.picklist(FAULTS);
const vacant: Schema<VacantReason> = v.picklist(VACANT);
const condition: Schema<LineCondition> = v.picklist(CONDITIONS);
const closeReason: Schema<CloseReason> = v.picklist(CLOSE);
// A code of a newer server must not swallow the refusal itself: it becomes `internal`, with the server's sentence.
const refusalCode: Schema<RefusalCode> = v.fallback(v.picklist(REFUSALS), "internal");
const connection: Schema<Connection> = v.picklist(["publish", "receive"]);

const direction: Schema<Direction> = v.picklist(DIRECTIONS);
const outcome: Schema<CallOutcome> = v.picklist(OUTCOMES);

const member: Schema<Member> = v.object({
  id, name, role, site: v.nullish(name, null), attends: v.exactOptional(v.array(name)), speaks_to: v.exactOptional(direction),
  duty: v.exactOptional(v.string()), hand: v.exactOptional(v.boolean()), floor: v.exactOptional(v.array(name)),
  silenced: v.exactOptional(v.boolean()),
});
const feed: Schema<Feed> = v.object({
  id, member: id, site: v.nullish(name, null), kind: feedKind, label: v.string(),
  codec: v.nullish(v.string(), null), muted: v.boolean(), fault: v.nullish(fault, null), follows: v.exactOptional(id),
});
const voice: Schema<Voice> = v.object({ id, member: id, site: v.nullish(name, null), muted: v.boolean() });
const call: Schema<Call> = v.object({ id, by: id, site: name, to: v.array(id), duty: v.nullish(v.string(), null) });
const sayTo: Schema<SayTo> = v.union([v.picklist(["panel", "everybody"]), v.object({ site: name })]);
const saidText: Schema<Said> = v.object({ number: id, at_ms: v.number(), member: id, name, to: sayTo, text: v.string() });
const question: Schema<Question> = v.object({
  id, at_ms: v.number(), member: v.nullish(id, null), name: v.nullish(name, null), text: v.string(),
  answer: v.nullish(v.string(), null), on_air: v.boolean(),
});
const policy: Schema<Policy> = v.object({
  speak: v.array(role), wait: v.array(role), history: v.array(role), locked: v.boolean(), sites_joined: v.boolean(),
});
const choice: Schema<FeedChoice> = v.union([
  v.object({ feed: id }), v.object({ site: name, kind: feedKind }), v.object({ programme: v.picklist(["feed", "speaker"]) }),
]);
const programme: Schema<Programme> = v.union([
  v.picklist(["open", "dark"]), v.object({ shown: v.object({ feed: choice, with_speaker: v.boolean() }) }),
]);
const publishedFeed = v.object({ mid: v.string(), feed: id, site: v.nullish(name, null) });

const messages: { [Type in ServerMessage["type"]]: Schema<Extract<ServerMessage, { type: Type }>> } = {
  joined: v.object({
    type: v.literal("joined"), re, version: v.number(), room: name, kind: roomKind, you: member,
    members: v.array(member), feeds: v.array(feed), voices: v.array(voice), policy, programme, said: v.array(saidText),
    questions: v.array(question), calls: v.array(call), waiting: v.array(member),
  }),
  entered: v.object({ type: v.literal("entered"), member }),
  left: v.object({ type: v.literal("left"), member: id, re: v.exactOptional(id) }),
  published: v.object({
    type: v.literal("published"), re, sdp: v.string(), feeds: v.array(publishedFeed), voice: v.nullish(id, null),
  }),
  received: v.object({ type: v.literal("received"), re, sdp: v.string() }),
  feed_published: v.object({ type: v.literal("feed_published"), feed }),
  feed_unpublished: v.object({ type: v.literal("feed_unpublished"), feed: id }),
  feed_muted: v.object({ type: v.literal("feed_muted"), re, feed: id, muted: v.boolean() }),
  feed_faulted: v.object({ type: v.literal("feed_faulted"), feed: id, fault: v.nullish(fault, null) }),
  layers_watched: v.object({ type: v.literal("layers_watched"), feed: id, layers: v.array(v.string()) }),
  voice_published: v.object({ type: v.literal("voice_published"), voice }),
  voice_unpublished: v.object({ type: v.literal("voice_unpublished"), voice: id }),
  voice_muted: v.object({ type: v.literal("voice_muted"), re, voice: id, muted: v.boolean() }),
  watched: v.object({
    type: v.literal("watched"), re, slot: id, feed: v.nullish(id, null), vacant: v.nullish(vacant, null),
  }),
  line_changed: v.object({ type: v.literal("line_changed"), member: id, connection, condition }),
  speaking: v.object({ type: v.literal("speaking"), voices: v.array(id) }),
  ponged: v.object({ type: v.literal("ponged"), re, at_ms: v.number(), server_ms: v.number() }),
  refused: v.object({ type: v.literal("refused"), re, code: refusalCode, message: v.string() }),
  disconnected: v.object({ type: v.literal("disconnected"), connection }),
  attended: v.object({ type: v.literal("attended"), re, member: id, sites: v.array(name) }),
  voice_directed: v.object({ type: v.literal("voice_directed"), re, member: id, to: direction }),
  called: v.object({ type: v.literal("called"), re, call }),
  call_over: v.object({ type: v.literal("call_over"), re, call: id, outcome, by: v.nullish(id, null) }),
  duty_set: v.object({ type: v.literal("duty_set"), re, member: id, duty: v.nullish(v.string(), null) }),
  said: v.object({ type: v.literal("said"), re, said: saidText }),
  asked: v.object({ type: v.literal("asked"), re, question }),
  question_changed: v.object({ type: v.literal("question_changed"), re, question }),
  hand_raised: v.object({ type: v.literal("hand_raised"), re, member: id, raised: v.boolean() }),
  floor_given: v.object({ type: v.literal("floor_given"), re, member: id, sites: v.array(name) }),
  floor_taken: v.object({ type: v.literal("floor_taken"), re, member: id }),
  programme_shown: v.object({ type: v.literal("programme_shown"), re, programme }),
  waiting: v.object({ type: v.literal("waiting"), re, room: name }),
  knocked: v.object({ type: v.literal("knocked"), member }),
  knock_over: v.object({ type: v.literal("knock_over"), re, member: id, admitted: v.boolean() }),
  member_silenced: v.object({ type: v.literal("member_silenced"), re, member: id, silenced: v.boolean() }),
  moved: v.object({ type: v.literal("moved"), re, member }),
  policy_set: v.object({ type: v.literal("policy_set"), re, policy }),
  closed: v.object({ type: v.literal("closed"), reason: closeReason }),
};

/** What one text frame turned out to be. */
export type Heard =
  | { readonly message: ServerMessage }
  | { readonly unknown: string }
  | { readonly wrong: string };

/** Reads one value that `JSON.parse` gave. Never throws. */
export function check(value: unknown): Heard {
  const head = v.safeParse(v.object({ type: v.string() }), value);
  if (!head.success) return { wrong: "no type" };
  const type = head.output.type;
  if (!Object.hasOwn(messages, type)) return { unknown: type };
  const result = v.safeParse(messages[type as ServerMessage["type"]], value);
  return result.success ? { message: result.output } : { wrong: `${type}: ${v.summarize(result.issues)}` };
}

/** Reads one text frame. Never throws. */
export function decode(text: string): Heard {
  try {
    return check(JSON.parse(text));
  } catch {
    return { wrong: "no JSON" };
  }
}
