// What may be said on the wire; the rules are in README.md beside this file.
// Generated from crates/signaling, do not edit. To write it anew: UPDATE=1 cargo test --release -p signaling
// long because it is the whole contract, for one import

/** One message from a client. Unknown types and unknown fields are refused (rule E2). */
export type ClientMessage =
| {
  "type": "join",
  /** The `VERSION` of the contract that the client speaks. */
  version: number,
  /** A join token (JWT). */
  token: string,
  /** The member that the client was and wants to be again, after it has lost its connection (rule J6). */
  returns?: MemberId,
}
| {
  "type": "publish",
  /** The SDP offer. */
  sdp: string,
  /** Which m-lines are feeds, and of what. */
  feeds: Array<FeedOffer>,
  /** Which m-line is the voice. */
  voice: VoiceOffer | null,
}
| {
  "type": "receive",
  /** The SDP offer: receive-only m-lines. */
  sdp: string,
  /** The `mid` of each video slot, slot 0 first. */
  slots: Array<string>,
  /** The `mid` of each m-line for a voice. */
  voices: Array<string>,
}
| {
  "type": "watch",
  /** Which slot. */
  slot: Slot,
  /** What to show in it. */
  choice: FeedChoice | null,
}
| {
  "type": "resize",
  /** Which slot. */
  slot: Slot,
  /** Device pixels from left to right; 0 while it is not to be seen. */
  width: number,
  /** Device pixels from top to bottom. */
  height: number,
}
| {
  "type": "note_ages",
  /** Of each slot that shows a picture whose age is known. */
  ages: Array<ShownAge>,
}
| {
  "type": "mute_voice",
  /** True to hold it back. */
  muted: boolean,
}
| {
  "type": "mute_feed",
  /** Which of the client's feeds. */
  feed: FeedId,
  /** True to hold it back. */
  muted: boolean,
}
| {
  "type": "candidate",
  /** Which connection. */
  connection: Connection,
  /** The candidate attribute's value, `candidate:...`. */
  candidate: string,
}
| {
  "type": "ping",
  /** The client's clock, milliseconds, given back unread. */
  at_ms: number,
}
| {
  "type": "leave",
}
| {
  "type": "attend",
  /** Which; none to attend nobody. */
  sites: Array<SiteId>,
}
| {
  "type": "direct_voice",
  /** Whom. */
  to: Direction,
}
| {
  "type": "call",
  /** Whom; none for whoever has the duty. */
  member: MemberId | null,
  /** Which duty; none where a member is named. */
  duty: string | null,
}
| {
  "type": "answer_call",
  /** Which call. */
  call: CallId,
}
| {
  "type": "end_call",
  /** Which call. */
  call: CallId,
}
| {
  "type": "set_duty",
  /** Whose: one's own, or anybody's for a lead. */
  member: MemberId,
  /** Which; none for none. */
  duty: string | null,
}
| {
  "type": "say",
  /** To whom. */
  to: SayTo,
  /** What. At most `TEXT_BYTES`. */
  text: string,
}
| {
  "type": "ask",
  /** What. At most `TEXT_BYTES`. */
  text: string,
}
| {
  "type": "answer_question",
  /** Which. */
  question: QuestionId,
  /** What. At most `TEXT_BYTES`. */
  text: string,
}
| {
  "type": "air_question",
  /** Which. */
  question: QuestionId,
  /** True to show it. */
  on_air: boolean,
}
| {
  "type": "raise_hand",
  /** True to raise it. */
  raised: boolean,
}
| {
  "type": "give_floor",
  /** Whom. */
  member: MemberId,
  /** At which sites it is heard beside the panel and the audience; may be none. */
  sites: Array<SiteId>,
}
| {
  "type": "take_floor",
  /** Whose. */
  member: MemberId,
}
| {
  "type": "show_programme",
  /** What. */
  programme: Programme,
}
| {
  "type": "admit",
  /** Whom. */
  member: MemberId,
}
| {
  "type": "turn_away",
  /** Whom. */
  member: MemberId,
}
| {
  "type": "silence_member",
  /** Whom. */
  member: MemberId,
  /** True to silence it. */
  silenced: boolean,
}
| {
  "type": "move_member",
  /** Whom. */
  member: MemberId,
  /** Its role from now on. */
  role: Role,
  /** Its site from now on, if the role belongs to one. */
  site: SiteId | null,
}
| {
  "type": "remove_member",
  /** Whom. */
  member: MemberId,
}
| {
  "type": "set_policy",
  /** All of it. */
  policy: Policy,
}
| {
  "type": "end_room",
};

/** Binds one video m-line of an offer to a feed. */
export type FeedOffer = {
  /** The m-line's `mid`; none for the first sending video m-line that no other entry names. */
  mid: string | null,
  /** What the feed shows. */
  kind: FeedKind,
  /** The publisher's own words for it; may be empty. At most `LABEL_BYTES`. */
  label: string,
};

/** Binds one audio m-line of an offer to the client's voice. */
export type VoiceOffer = {
  /** The m-line's `mid`; none for the first sending audio m-line. */
  mid: string | null,
};

/** How old the picture is that a slot shows. */
export type ShownAge = {
  /** Which slot. */
  slot: Slot,
  /** From the capture of the picture until it is on the screen, milliseconds. */
  age_ms: number,
};

/** What a slot shows. */
export type FeedChoice = { feed: number } | OfSite | OfProgramme;

/** A site's feed by what it shows. */
export type OfSite = {
  /** The site. */
  site: SiteId,
  /** What its feed shows. */
  kind: FeedKind,
};

/** A part of what the audience sees. */
export type OfProgramme = {
  /** Which. */
  programme: ProgrammePart,
};

/** What a programme is made of. */
export type ProgrammePart = "feed" | "speaker";

/** One of a client's two peer connections. */
export type Connection = "publish" | "receive";

/** Whom the voice of somebody of the panel is for. The panel always hears it. */
export type Direction = "attended" | "all" | "panel";

/** To whom something is said in text. */
export type SayTo = "panel" | {
  "site": SiteId } | "everybody";

/** Who may do what in a room. Each kind of room begins with its own; a lead may set another. */
export type Policy = {
  /** Who may speak without being given the floor, of those whose role can at all. */
  speak: Array<Role>,
  /** Who waits at the door until a lead lets them in. */
  wait: Array<Role>,
  /** Who is given what was said before they came. */
  history: Array<Role>,
  /** True while nobody new comes in. */
  locked: boolean,
  /** True while the sites see, hear and know each other. */
  sites_joined: boolean,
};

/** What the audience sees and hears. */
export type Programme = "open" | "dark" | {
  "shown": Shown };

/** A programme that a lead chose. */
export type Shown = {
  /** The feed: this very one, or whatever a site publishes of a kind. */
  feed: FeedChoice,
  /** True to show the face of who of the panel speaks as well. */
  with_speaker: boolean,
};

/** One message from the server. A client ignores types and fields that it does not know (rule E3). */
export type ServerMessage =
| {
  "type": "joined",
  /** The `id` of the `join`. */
  re: RequestId | null,
  /** The version spoken. */
  version: number,
  /** The room. */
  room: RoomId,
  /** What the room is for. */
  kind: RoomKind,
  /** The client's own member. */
  you: Member,
  /** Everybody it may know of, itself included. */
  members: Array<Member>,
  /** Every feed it may watch, in the order in which they are to be shown. */
  feeds: Array<Feed>,
  /** Every voice it may hear. */
  voices: Array<Voice>,
  /** Who may do what. */
  policy: Policy,
  /** What the audience sees, as far as the client may know. */
  programme: Programme,
  /** What was said before in text, as far as it is for the client and the policy gives it to its role. */
  said: Array<Said>,
  /** The questions that the client may know. */
  questions: Array<Question>,
  /** Calls that are not over, as far as they concern the client. */
  calls: Array<Call>,
  /** Who waits at the door, for those who may let them in. */
  waiting: Array<Member>,
}
| {
  "type": "entered",
  /** Who. */
  member: Member,
}
| {
  "type": "left",
  /** Who. */
  member: MemberId,
  /** The `id` of the `remove_member`, for its sender. */
  re?: RequestId,
}
| {
  "type": "published",
  /** The `id` of the `publish`. */
  re: RequestId | null,
  /** The SDP answer. */
  sdp: string,
  /** Which feed each named m-line is now. */
  feeds: Array<PublishedFeed>,
  /** The client's voice, if it offered one. */
  voice: VoiceId | null,
}
| {
  "type": "received",
  /** The `id` of the `receive`. */
  re: RequestId | null,
  /** The SDP answer. */
  sdp: string,
}
| {
  "type": "feed_published",
  /** The feed. */
  feed: Feed,
}
| {
  "type": "feed_unpublished",
  /** Which. */
  feed: FeedId,
}
| {
  "type": "feed_muted",
  /** The `id` of the `mute_feed`, for its sender. */
  re: RequestId | null,
  /** Which. */
  feed: FeedId,
  /** True while held back. */
  muted: boolean,
}
| {
  "type": "feed_faulted",
  /** Which. */
  feed: FeedId,
  /** What; none when mended. */
  fault: FeedFault | null,
}
| {
  "type": "layers_watched",
  /** Which feed. */
  feed: FeedId,
  /** The `rid` of each (RFC 8853). */
  layers: Array<string>,
}
| {
  "type": "voice_published",
  /** The voice. */
  voice: Voice,
}
| {
  "type": "voice_unpublished",
  /** Which. */
  voice: VoiceId,
}
| {
  "type": "voice_muted",
  /** The `id` of the `mute_voice`, for its sender. */
  re: RequestId | null,
  /** Which. */
  voice: VoiceId,
  /** True while held back. */
  muted: boolean,
}
| {
  "type": "watched",
  /** The `id` of the `watch`, for its answer. */
  re: RequestId | null,
  /** Which slot. */
  slot: Slot,
  /** The feed in it. */
  feed: FeedId | null,
  /** Why it is empty, or stands. */
  vacant: VacantReason | null,
}
| {
  "type": "line_changed",
  /** Whose. */
  member: MemberId,
  /** Towards the server, or from it. */
  connection: Connection,
  /** How it is now. */
  condition: LineCondition,
}
| {
  "type": "speaking",
  /** Voices above the threshold. */
  voices: Array<VoiceId>,
}
| {
  "type": "ponged",
  /** The `id` of the `ping`. */
  re: RequestId | null,
  /** The client's clock as it gave it, milliseconds. */
  at_ms: number,
  /** The server's clock, milliseconds since 1970-01-01 UTC: the clock of every capture time it sends. */
  server_ms: number,
}
| {
  "type": "refused",
  /** The `id` of what was refused. */
  re: RequestId | null,
  /** Why, for programs. */
  code: RefusalCode,
  /** Why, for people. */
  message: string,
}
| {
  "type": "disconnected",
  /** Which. */
  connection: Connection,
}
| {
  "type": "attended",
  /** The `id` of the `attend`, for its sender. */
  re: RequestId | null,
  /** Who. */
  member: MemberId,
  /** Which. */
  sites: Array<SiteId>,
}
| {
  "type": "voice_directed",
  /** The `id` of the `direct_voice`, for its sender. */
  re: RequestId | null,
  /** Whose. */
  member: MemberId,
  /** Whom. */
  to: Direction,
}
| {
  "type": "called",
  /** The `id` of the `call`, for its sender. */
  re: RequestId | null,
  /** The call. */
  call: Call,
}
| {
  "type": "call_over",
  /** The `id` of what ended it, for its sender. */
  re: RequestId | null,
  /** Which. */
  call: CallId,
  /** How. */
  outcome: CallOutcome,
  /** Who answered. */
  by: MemberId | null,
}
| {
  "type": "duty_set",
  /** The `id` of the `set_duty`, for its sender. */
  re: RequestId | null,
  /** Whose. */
  member: MemberId,
  /** Which. */
  duty: string | null,
}
| {
  "type": "said",
  /** The `id` of the `say`, for its sender. */
  re: RequestId | null,
  /** What. */
  said: Said,
}
| {
  "type": "asked",
  /** The `id` of the `ask`, for its sender. */
  re: RequestId | null,
  /** The question. */
  question: Question,
}
| {
  "type": "question_changed",
  /** The `id` of what changed it, for its sender. */
  re: RequestId | null,
  /** The question. */
  question: Question,
}
| {
  "type": "hand_raised",
  /** The `id` of the `raise_hand`, for its sender. */
  re: RequestId | null,
  /** Whose. */
  member: MemberId,
  /** True while it is raised. */
  raised: boolean,
}
| {
  "type": "floor_given",
  /** The `id` of the `give_floor`, for its sender. */
  re: RequestId | null,
  /** Who. */
  member: MemberId,
  /** At which sites it is heard, as far as the client may know of them. */
  sites: Array<SiteId>,
}
| {
  "type": "floor_taken",
  /** The `id` of the `take_floor`, for its sender. */
  re: RequestId | null,
  /** Who. */
  member: MemberId,
}
| {
  "type": "programme_shown",
  /** The `id` of the `show_programme`, for its sender. */
  re: RequestId | null,
  /** What. */
  programme: Programme,
}
| {
  "type": "waiting",
  /** The `id` of the `join`. */
  re: RequestId | null,
  /** The room. */
  room: RoomId,
}
| {
  "type": "knocked",
  /** Who. */
  member: Member,
}
| {
  "type": "knock_over",
  /** The `id` of what ended it, for its sender. */
  re: RequestId | null,
  /** Who. */
  member: MemberId,
  /** True if let in. */
  admitted: boolean,
}
| {
  "type": "member_silenced",
  /** The `id` of the `silence_member`, for its sender. */
  re: RequestId | null,
  /** Who. */
  member: MemberId,
  /** True while silenced. */
  silenced: boolean,
}
| {
  "type": "moved",
  /** The `id` of the `move_member`, for its sender. */
  re: RequestId | null,
  /** The member as it is now. */
  member: Member,
}
| {
  "type": "policy_set",
  /** The `id` of the `set_policy`, for its sender. */
  re: RequestId | null,
  /** All of it. */
  policy: Policy,
}
| {
  "type": "closed",
  /** Why. */
  reason: CloseReason,
};

/** One m-line's feed. */
export type PublishedFeed = {
  /** The m-line. */
  mid: string,
  /** The feed. */
  feed: FeedId,
  /** The site it was bound to. */
  site: SiteId | null,
};

/** How a line is: what goes over it. */
export type LineCondition = "good" | "reduced" | "poor";

/** Why a slot shows nothing. */
export type VacantReason = "chosen" | "no_feed" | "no_common_codec" | "capacity" | "line";

/** Why a client's connection to the room ended. */
export type CloseReason =
  | "left"
  | "slow_consumer"
  | "timed_out"
  | "refused"
  | "shutting_down"
  | "internal"
  | "turned_away"
  | "removed"
  | "ended"
  | "replaced";

/** The stable code of a refusal, the same on the WebSocket (`refused`) and in an HTTP problem document (RFC 9457). */
export type RefusalCode =
  | "bad_message"
  | "too_large"
  | "too_many"
  | "wrong_version"
  | "not_joined"
  | "already_joined"
  | "bad_token"
  | "token_expired"
  | "token_not_yet_valid"
  | "wrong_room"
  | "unknown_room"
  | "unknown_session"
  | "unknown_feed"
  | "unknown_slot"
  | "unknown_member"
  | "unknown_site"
  | "unknown_call"
  | "unknown_question"
  | "not_allowed"
  | "room_locked"
  | "site_required"
  | "too_many_feeds"
  | "too_many_sites"
  | "too_many_slots"
  | "too_many_tracks"
  | "bad_label"
  | "bad_text"
  | "bad_sdp"
  | "no_media"
  | "no_codec"
  | "bad_candidate"
  | "wrong_etag"
  | "wrong_content_type"
  | "wrong_method"
  | "not_found"
  | "internal"
  | "at_capacity"
  | "shutting_down";

/** One member as others see it. */
export type Member = {
  /** Its identifier in this room. */
  id: MemberId,
  /** The name its token gives, for the screen only. */
  name: string,
  /** Its role. */
  role: Role,
  /** The site it belongs to; none for the panel and the audience. */
  site: SiteId | null,
  /** The sites that somebody of the panel attends, as far as the client may know of them (rule T1). */
  attends?: Array<SiteId>,
  /** Whom its voice is for, of somebody of the panel and for the panel alone; `attended` where it is not said (rule T2). */
  speaks_to?: Direction,
  /** Its duty, by which it can be called (rule T4). */
  duty?: string,
  /** True while its hand is raised; for the panel and itself (rule F1). */
  hand?: boolean,
  /** At which sites it is heard, of somebody of the audience that has the floor (rule F2). */
  floor?: Array<SiteId>,
  /** True while a lead silences it (rule R3). */
  silenced?: boolean,
};

/** What a member is in a room for. Decides what it may do; a token can only narrow it. */
export type Role = "lead" | "expert" | "surgeon" | "trainee" | "display" | "device" | "service";

/** What a room is for; kinds differ in their defaults. */
export type RoomKind = "guidance" | "consultation" | "teaching" | "meeting";

/** A published video track, as bound by the server at publish (hazard H2). */
export type Feed = {
  /** Its identifier in this room. */
  id: FeedId,
  /** Who publishes it. */
  member: MemberId,
  /** The site whose picture it is; none for a panel member's own camera or screen. */
  site: SiteId | null,
  /** What it shows. */
  kind: FeedKind,
  /** The publisher's own words for it; may be empty. */
  label: string,
  /** The codec of its packets, as in an SDP rtpmap (`H264`, `VP8`, `AV1` ...); none before the first packet. */
  codec: string | null,
  /** True while its publisher holds it back. */
  muted: boolean,
  /** Why it may not look right, when the server can tell. */
  fault: FeedFault | null,
  /** The feed whose place it takes: one of the same publisher, site, kind and label that had stopped when this one came. */
  follows?: FeedId,
};

/** What a feed shows. */
export type FeedKind =
  | "endoscope"
  | "ultrasound"
  | "ct"
  | "fluoroscopy"
  | "microscope"
  | "room"
  | "monitor"
  | "screen"
  | "face";

/** Something wrong with a feed that the server sees in its packets. */
export type FeedFault = "b_frames" | "no_keyframe" | "silent";

/** A published audio track. */
export type Voice = {
  /** Its identifier in this room. */
  id: VoiceId,
  /** Who speaks. */
  member: MemberId,
  /** The site it comes from; none for the panel. */
  site: SiteId | null,
  /** True while the server forwards nothing of it. */
  muted: boolean,
};

/** A site calls somebody of the panel. */
export type Call = {
  /** Its identifier in this room. */
  id: CallId,
  /** Who calls. */
  by: MemberId,
  /** From which site. */
  site: SiteId,
  /** Who is rung. */
  to: Array<MemberId>,
  /** By which duty; none if by name. */
  duty: string | null,
};

/** How a call ended. */
export type CallOutcome = "answered" | "declined" | "withdrawn" | "unanswered";

/** Something said in text. */
export type Said = {
  /** Counts up in the order in which things were said, the same for everybody; what is not for the client leaves a number out. */
  number: number,
  /** When, milliseconds since 1970-01-01 UTC by the server's clock. */
  at_ms: number,
  /** Who said it. */
  member: MemberId,
  /** Its name: who said it may have left. */
  name: string,
  /** To whom. */
  to: SayTo,
  /** What. */
  text: string,
};

/** A question of the audience. */
export type Question = {
  /** Its identifier in this room. */
  id: QuestionId,
  /** When it was asked, milliseconds since 1970-01-01 UTC by the server's clock. */
  at_ms: number,
  /** Who asked; for the panel and for who asked. */
  member: MemberId | null,
  /** Its name, for the panel and for who asked. */
  name: string | null,
  /** What. */
  text: string,
  /** What the panel answered in text. */
  answer: string | null,
  /** True while everybody sees it. */
  on_air: boolean,
};

/** One person or device in a room. Counted up by the room, never used twice in it. */
export type MemberId = number;

/** One published feed. Counted up by the room, never used twice in it. */
export type FeedId = number;

/** One published voice. Counted up by the room, never used twice in it. */
export type VoiceId = number;

/** One call. Counted up by the room, never used twice in it. */
export type CallId = number;

/** One question of the audience. Counted up by the room, never used twice in it. */
export type QuestionId = number;

/** Chosen by the client for a message that wants an answer; the answer carries it as `re`. */
export type RequestId = number;

/** One place in a viewer's downlink: the index of its video m-line among those named in `receive`, from 0. */
export type Slot = number;

/** One consultation. Stands in URLs, logs and metrics, so it must be opaque: never a patient's name. */
export type RoomId = string;

/** One operating room at one hospital. Opaque, like `RoomId`. */
export type SiteId = string;
