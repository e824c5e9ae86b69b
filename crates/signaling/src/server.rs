// long because it is the whole of what the server says
//! What the server says: in the past tense.

use serde::{Deserialize, Serialize};

use crate::client::Connection;
use crate::policy::{Policy, Programme};
use crate::roster::FeedFault;
use crate::talk::{Call, CallId, CallOutcome, Direction, Question, Said};
use crate::{Feed, FeedId, Member, MemberId, RefusalCode, RequestId, RoomId, RoomKind, SiteId, Slot, Voice, VoiceId};

/// One message from the server. A client ignores types and fields that it does not know (rule E3).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "the large one is said once to each client")]
pub enum ServerMessage {
    /// The client is in: who it is, and everything there is (rule J1).
    Joined {
        /// The `id` of the `join`.
        re: Option<RequestId>,
        /// The version spoken.
        version: u32,
        /// The room.
        room: RoomId,
        /// What the room is for.
        kind: RoomKind,
        /// The client's own member.
        you: Member,
        /// Everybody it may know of, itself included.
        members: Vec<Member>,
        /// Every feed it may watch, in the order in which they are to be shown.
        feeds: Vec<Feed>,
        /// Every voice it may hear.
        voices: Vec<Voice>,
        /// Who may do what.
        policy: Policy,
        /// What the audience sees, as far as the client may know.
        programme: Programme,
        /// What was said before in text, as far as it is for the client and the policy gives it to its role.
        said: Vec<Said>,
        /// The questions that the client may know.
        questions: Vec<Question>,
        /// Calls that are not over, as far as they concern the client.
        calls: Vec<Call>,
        /// Who waits at the door, for those who may let them in.
        waiting: Vec<Member>,
    },
    /// Another member came (rule J3).
    Entered {
        /// Who.
        member: Member,
    },
    /// A member went (rule J3).
    Left {
        /// Who.
        member: MemberId,
        /// The `id` of the `remove_member`, for its sender.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        re: Option<RequestId>,
    },
    /// The answer to `publish` (rule P1).
    Published {
        /// The `id` of the `publish`.
        re: Option<RequestId>,
        /// The SDP answer.
        sdp: String,
        /// Which feed each named m-line is now.
        feeds: Vec<PublishedFeed>,
        /// The client's voice, if it offered one.
        voice: Option<VoiceId>,
    },
    /// The answer to `receive` (rule S1).
    Received {
        /// The `id` of the `receive`.
        re: Option<RequestId>,
        /// The SDP answer.
        sdp: String,
    },
    /// A feed that this client may watch came, or changed (rule P2).
    FeedPublished {
        /// The feed.
        feed: Feed,
    },
    /// A feed is over (rule P3).
    FeedUnpublished {
        /// Which.
        feed: FeedId,
    },
    /// A feed is held back, or let through again (rule P4).
    FeedMuted {
        /// The `id` of the `mute_feed`, for its sender.
        re: Option<RequestId>,
        /// Which.
        feed: FeedId,
        /// True while held back.
        muted: bool,
    },
    /// The server found something wrong with a feed, or found it mended (rule P6).
    FeedFaulted {
        /// Which.
        feed: FeedId,
        /// What; none when mended.
        fault: Option<FeedFault>,
    },
    /// Of which layers of one of the client's own feeds anything may be seen now (rule P8).
    LayersWatched {
        /// Which feed.
        feed: FeedId,
        /// The `rid` of each (RFC 8853).
        layers: Vec<String>,
    },
    /// A voice that this client may hear came (rule P2).
    VoicePublished {
        /// The voice.
        voice: Voice,
    },
    /// A voice is over (rule P3).
    VoiceUnpublished {
        /// Which.
        voice: VoiceId,
    },
    /// A voice is held back, or let through again (rule P4).
    VoiceMuted {
        /// The `id` of the `mute_voice`, for its sender.
        re: Option<RequestId>,
        /// Which.
        voice: VoiceId,
        /// True while held back.
        muted: bool,
    },
    /// What a slot now shows; also said when a choice by site finds or loses its feed (rule S2).
    Watched {
        /// The `id` of the `watch`, for its answer.
        re: Option<RequestId>,
        /// Which slot.
        slot: Slot,
        /// The feed in it.
        feed: Option<FeedId>,
        /// Why it is empty, or stands.
        vacant: Option<VacantReason>,
    },
    /// A member's line has become better or worse; until it is said, it is good. Said to the member itself, to the
    /// others of its site, and to the leads (rule S5).
    LineChanged {
        /// Whose.
        member: MemberId,
        /// Towards the server, or from it.
        connection: Connection,
        /// How it is now.
        condition: LineCondition,
    },
    /// Who is heard: the speakers of the last moment, loudest first (rule V1). Silence is an empty list.
    Speaking {
        /// Voices above the threshold.
        voices: Vec<VoiceId>,
    },
    /// The answer to `ping` (rule C1).
    Ponged {
        /// The `id` of the `ping`.
        re: Option<RequestId>,
        /// The client's clock as it gave it, milliseconds.
        at_ms: f64,
        /// The server's clock, milliseconds since 1970-01-01 UTC: the clock of every capture time it sends.
        server_ms: f64,
    },
    /// Something asked for was not done (rule E1). Nothing has changed.
    Refused {
        /// The `id` of what was refused.
        re: Option<RequestId>,
        /// Why, for programs.
        code: RefusalCode,
        /// Why, for people.
        message: String,
    },
    /// One of the client's peer connections is dead in the server; the client offers it anew (rule P7).
    Disconnected {
        /// Which.
        connection: Connection,
    },
    /// A member of the panel attends these sites now (rule T1). A site hears of itself alone.
    Attended {
        /// The `id` of the `attend`, for its sender.
        re: Option<RequestId>,
        /// Who.
        member: MemberId,
        /// Which.
        sites: Vec<SiteId>,
    },
    /// Whom the voice of a member of the panel is for now; said to the panel (rule T2).
    VoiceDirected {
        /// The `id` of the `direct_voice`, for its sender.
        re: Option<RequestId>,
        /// Whose.
        member: MemberId,
        /// Whom.
        to: Direction,
    },
    /// Somebody is called, or is called no more while others are; said to the site, to those who are rung and to the leads (rule T4).
    Called {
        /// The `id` of the `call`, for its sender.
        re: Option<RequestId>,
        /// The call.
        call: Call,
    },
    /// A call is over (rule T4).
    CallOver {
        /// The `id` of what ended it, for its sender.
        re: Option<RequestId>,
        /// Which.
        call: CallId,
        /// How.
        outcome: CallOutcome,
        /// Who answered.
        by: Option<MemberId>,
    },
    /// A member of the panel has a duty, or has none (rule T4).
    DutySet {
        /// The `id` of the `set_duty`, for its sender.
        re: Option<RequestId>,
        /// Whose.
        member: MemberId,
        /// Which.
        duty: Option<String>,
    },
    /// Something was said in text (rule X1).
    Said {
        /// The `id` of the `say`, for its sender.
        re: Option<RequestId>,
        /// What.
        said: Said,
    },
    /// A question was asked; said to the panel and to who asked (rule X3).
    Asked {
        /// The `id` of the `ask`, for its sender.
        re: Option<RequestId>,
        /// The question.
        question: Question,
    },
    /// A question was answered, or is shown to everybody, or no more (rule X3).
    QuestionChanged {
        /// The `id` of what changed it, for its sender.
        re: Option<RequestId>,
        /// The question.
        question: Question,
    },
    /// A hand was raised, or lowered; said to the panel and to whose it is (rule F1).
    HandRaised {
        /// The `id` of the `raise_hand`, for its sender.
        re: Option<RequestId>,
        /// Whose.
        member: MemberId,
        /// True while it is raised.
        raised: bool,
    },
    /// A member of the audience has the floor (rule F2).
    FloorGiven {
        /// The `id` of the `give_floor`, for its sender.
        re: Option<RequestId>,
        /// Who.
        member: MemberId,
        /// At which sites it is heard, as far as the client may know of them.
        sites: Vec<SiteId>,
    },
    /// A member has the floor no more (rule F2).
    FloorTaken {
        /// The `id` of the `take_floor`, for its sender.
        re: Option<RequestId>,
        /// Who.
        member: MemberId,
    },
    /// What the audience sees now (rule F3).
    ProgrammeShown {
        /// The `id` of the `show_programme`, for its sender.
        re: Option<RequestId>,
        /// What.
        programme: Programme,
    },
    /// The client waits at the door until a lead lets it in; then comes `joined` (rule R2).
    Waiting {
        /// The `id` of the `join`.
        re: Option<RequestId>,
        /// The room.
        room: RoomId,
    },
    /// Somebody waits at the door; said to the leads (rule R2).
    Knocked {
        /// Who.
        member: Member,
    },
    /// Somebody waits no more: is let in, is turned away, or has gone; said to the leads (rule R2).
    KnockOver {
        /// The `id` of what ended it, for its sender.
        re: Option<RequestId>,
        /// Who.
        member: MemberId,
        /// True if let in.
        admitted: bool,
    },
    /// A member is silenced by a lead, or no more (rule R3).
    MemberSilenced {
        /// The `id` of the `silence_member`, for its sender.
        re: Option<RequestId>,
        /// Who.
        member: MemberId,
        /// True while silenced.
        silenced: bool,
    },
    /// A member has another role or another site (rule R3).
    Moved {
        /// The `id` of the `move_member`, for its sender.
        re: Option<RequestId>,
        /// The member as it is now.
        member: Member,
    },
    /// Who may do what was set anew (rule R1).
    PolicySet {
        /// The `id` of the `set_policy`, for its sender.
        re: Option<RequestId>,
        /// All of it.
        policy: Policy,
    },
    /// The last message (rule J5).
    Closed {
        /// Why.
        reason: CloseReason,
    },
}

impl ServerMessage {
    /// The same as the answer to what was said with this `id`.
    #[must_use]
    pub fn answering(mut self, asked: Option<RequestId>) -> Self {
        match &mut self {
            Self::Joined { re, .. }
            | Self::Left { re, .. }
            | Self::Published { re, .. }
            | Self::Received { re, .. }
            | Self::FeedMuted { re, .. }
            | Self::VoiceMuted { re, .. }
            | Self::Watched { re, .. }
            | Self::Ponged { re, .. }
            | Self::Refused { re, .. }
            | Self::Attended { re, .. }
            | Self::VoiceDirected { re, .. }
            | Self::Called { re, .. }
            | Self::CallOver { re, .. }
            | Self::DutySet { re, .. }
            | Self::Said { re, .. }
            | Self::Asked { re, .. }
            | Self::QuestionChanged { re, .. }
            | Self::HandRaised { re, .. }
            | Self::FloorGiven { re, .. }
            | Self::FloorTaken { re, .. }
            | Self::ProgrammeShown { re, .. }
            | Self::Waiting { re, .. }
            | Self::KnockOver { re, .. }
            | Self::MemberSilenced { re, .. }
            | Self::Moved { re, .. }
            | Self::PolicySet { re, .. } => *re = asked,
            Self::Entered { .. }
            | Self::FeedPublished { .. }
            | Self::FeedUnpublished { .. }
            | Self::FeedFaulted { .. }
            | Self::LayersWatched { .. }
            | Self::VoicePublished { .. }
            | Self::VoiceUnpublished { .. }
            | Self::LineChanged { .. }
            | Self::Speaking { .. }
            | Self::Knocked { .. }
            | Self::Disconnected { .. }
            | Self::Closed { .. } => {}
        }
        self
    }
}

/// One m-line's feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PublishedFeed {
    /// The m-line.
    pub mid: String,
    /// The feed.
    pub feed: FeedId,
    /// The site it was bound to.
    pub site: Option<SiteId>,
}

/// How a line is: what goes over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum LineCondition {
    /// Everything.
    #[default]
    Good,
    /// Some pictures are smaller than wanted, or left out; or packets are lost.
    Reduced,
    /// The large picture and the voices at most.
    Poor,
}

/// Why a slot shows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum VacantReason {
    /// The viewer emptied it.
    Chosen,
    /// The feed is over, or the site publishes none of this kind yet.
    NoFeed,
    /// The feed's codec is none that this viewer offered to receive.
    NoCommonCodec,
    /// The slot keeps its feed, whose last picture stands: the server has no capacity to go on with it now.
    Capacity,
    /// The slot keeps its feed, whose last picture stands: the viewer's own line has no room for it now.
    Line,
}

/// Why a client's connection to the room ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// It said `leave`, or deleted its session.
    Left,
    /// It did not take its messages fast enough.
    SlowConsumer,
    /// Nothing came from it for too long.
    TimedOut,
    /// It was refused at the door.
    Refused,
    /// The server is going down; it will be back.
    ShuttingDown,
    /// Something failed in the server; joining again will help.
    Internal,
    /// A lead turned it away at the door.
    TurnedAway,
    /// A lead sent it out.
    Removed,
    /// A lead ended the room.
    Ended,
    /// The same member has come back by another connection.
    Replaced,
}
