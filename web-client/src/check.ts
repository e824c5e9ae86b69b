// What arrives over the network is checked before anything believes it. The types come from the server's own;
// `Schema<T>` ties each check to its type, so that tsc fails when the two part.
//
// The client is lenient where the contract says so (rule E3): unknown fields are dropped, unknown messages are
// ignored. A known message of a wrong shape is not passed on.

import * as v from "valibot";
import type {
  CloseReason, Connection, Feed, FeedFault, FeedKind, LineCondition, Member, RefusalCode, Role, RoomKind, ServerMessage,
  VacantReason, Voice,
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
const CLOSE = ["left", "slow_consumer", "timed_out", "refused", "shutting_down", "internal"] as const;
const REFUSALS = [
  "bad_message", "too_large", "too_many", "wrong_version", "not_joined", "already_joined", "bad_token",
  "token_expired", "token_not_yet_valid", "wrong_room", "unknown_room", "unknown_session", "unknown_feed",
  "unknown_slot", "not_allowed", "site_required", "too_many_feeds", "too_many_sites", "too_many_slots",
  "too_many_tracks", "bad_label", "bad_sdp", "no_media", "no_codec", "bad_candidate", "wrong_etag",
  "wrong_content_type", "wrong_method", "not_found", "internal", "at_capacity", "shutting_down",
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

const member: Schema<Member> = v.object({ id, name, role, site: v.nullish(name, null) });
const feed: Schema<Feed> = v.object({
  id, member: id, site: v.nullish(name, null), kind: feedKind, label: v.string(),
  codec: v.nullish(v.string(), null), muted: v.boolean(), fault: v.nullish(fault, null), follows: v.exactOptional(id),
});
const voice: Schema<Voice> = v.object({ id, member: id, site: v.nullish(name, null), muted: v.boolean() });
const publishedFeed = v.object({ mid: v.string(), feed: id, site: v.nullish(name, null) });

const messages: { [Type in ServerMessage["type"]]: Schema<Extract<ServerMessage, { type: Type }>> } = {
  joined: v.object({
    type: v.literal("joined"), re, version: v.number(), room: name, kind: roomKind, you: member,
    members: v.array(member), feeds: v.array(feed), voices: v.array(voice),
  }),
  entered: v.object({ type: v.literal("entered"), member }),
  left: v.object({ type: v.literal("left"), member: id }),
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
