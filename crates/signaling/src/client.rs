//! What a client says: imperatives.

use serde::{Deserialize, Serialize};

use crate::policy::{Policy, Programme};
use crate::talk::{CallId, Direction, QuestionId, SayTo};
use crate::{FeedId, FeedKind, MemberId, Private, Role, SiteId, Slot};

/// One message from a client. Unknown types and unknown fields are refused (rule E2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientMessage {
    /// The first message (rule J1). Answered by `joined`, or by `refused` and the end of the connection.
    Join {
        /// The [`crate::VERSION`] of the contract that the client speaks.
        version: u32,
        /// A join token (JWT).
        #[cfg_attr(test, ts(type = "string"))]
        token: Private<String>,
        /// The member that the client was and wants to be again, after it has lost its connection (rule J6).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        returns: Option<MemberId>,
    },
    /// Offers the client's one publishing connection, or offers it again after a change: another camera, a camera
    /// fewer, an ICE restart (rule P1). Answered by `published`. What an m-line no longer named here carried is over.
    Publish {
        /// The SDP offer.
        sdp: String,
        /// Which m-lines are feeds, and of what.
        feeds: Vec<FeedOffer>,
        /// Which m-line is the voice.
        voice: Option<VoiceOffer>,
    },
    /// Offers the client's one downlink with its fixed slots (rule S1). Answered by `received`.
    Receive {
        /// The SDP offer: receive-only m-lines.
        sdp: String,
        /// The `mid` of each video slot, slot 0 first.
        slots: Vec<String>,
        /// The `mid` of each m-line for a voice.
        voices: Vec<String>,
    },
    /// Puts a feed into a slot, or empties it (rule S2). Never a negotiation. Answered by `watched`.
    Watch {
        /// Which slot.
        slot: Slot,
        /// What to show in it.
        choice: Option<FeedChoice>,
    },
    /// Says how large a slot's picture is on the client's screen (rule S4). There is no answer.
    Resize {
        /// Which slot.
        slot: Slot,
        /// Device pixels from left to right; 0 while it is not to be seen.
        width: u16,
        /// Device pixels from top to bottom.
        height: u16,
    },
    /// Says how old the pictures are that the client shows (rule S3). There is no answer.
    NoteAges {
        /// Of each slot that shows a picture whose age is known.
        ages: Vec<ShownAge>,
    },
    /// Holds the client's own voice back in the server, or lets it through again (rule P4). Answered by `voice_muted`.
    MuteVoice {
        /// True to hold it back.
        muted: bool,
    },
    /// Holds one of the client's own feeds back in the server, or lets it through again (rule P4).
    /// Answered by `feed_muted`.
    MuteFeed {
        /// Which of the client's feeds.
        feed: FeedId,
        /// True to hold it back.
        muted: bool,
    },
    /// Adds a remote ICE candidate to one of the client's connections (rule P5); an empty string ends the list.
    Candidate {
        /// Which connection.
        connection: Connection,
        /// The candidate attribute's value, `candidate:...`.
        candidate: String,
    },
    /// Asks for the server's clock (rule C1). Answered by `ponged`.
    Ping {
        /// The client's clock, milliseconds, given back unread.
        at_ms: f64,
    },
    /// Leaves the room at once (rule J5). Answered by `closed`.
    Leave {},
    /// Attends these sites from now on, and no others (rule T1). Answered by `attended`.
    Attend {
        /// Which; none to attend nobody.
        sites: Vec<SiteId>,
    },
    /// Says whom the client's voice is for (rule T2). Answered by `voice_directed`.
    DirectVoice {
        /// Whom.
        to: Direction,
    },
    /// Calls somebody of the panel, by name or by duty (rule T4). Answered by `called`.
    Call {
        /// Whom; none for whoever has the duty.
        member: Option<MemberId>,
        /// Which duty; none where a member is named.
        duty: Option<String>,
    },
    /// Answers a call: the client attends the site that calls, beside those it attends already (rule T4). Answered by `call_over`.
    AnswerCall {
        /// Which call.
        call: CallId,
    },
    /// Withdraws the client's own call, or declines one (rule T4). Answered by `call_over`.
    EndCall {
        /// Which call.
        call: CallId,
    },
    /// Gives a member of the panel a duty by which it can be called, or takes it away (rule T4). Answered by `duty_set`.
    SetDuty {
        /// Whose: one's own, or anybody's for a lead.
        member: MemberId,
        /// Which; none for none.
        duty: Option<String>,
    },
    /// Says something in text (rule X1). Answered by `said`.
    Say {
        /// To whom.
        to: SayTo,
        /// What. At most [`crate::limit::TEXT_BYTES`].
        text: String,
    },
    /// Asks the panel a question (rule X3). Answered by `asked`.
    Ask {
        /// What. At most [`crate::limit::TEXT_BYTES`].
        text: String,
    },
    /// Answers a question in text (rule X3). Answered by `question_changed`.
    AnswerQuestion {
        /// Which.
        question: QuestionId,
        /// What. At most [`crate::limit::TEXT_BYTES`].
        text: String,
    },
    /// Shows a question to everybody, or no more (rule X3). Answered by `question_changed`.
    AirQuestion {
        /// Which.
        question: QuestionId,
        /// True to show it.
        on_air: bool,
    },
    /// Raises a hand, or lowers it (rule F1). Answered by `hand_raised`.
    RaiseHand {
        /// True to raise it.
        raised: bool,
    },
    /// Gives somebody of the audience the floor (rule F2). Answered by `floor_given`.
    GiveFloor {
        /// Whom.
        member: MemberId,
        /// At which sites it is heard beside the panel and the audience; may be none.
        sites: Vec<SiteId>,
    },
    /// Takes the floor away again, or gives one's own back (rule F2). Answered by `floor_taken`.
    TakeFloor {
        /// Whose.
        member: MemberId,
    },
    /// Chooses what the audience sees (rule F3). Answered by `programme_shown`.
    ShowProgramme {
        /// What.
        programme: Programme,
    },
    /// Lets somebody in who waits at the door (rule R2). Answered by `knock_over`.
    Admit {
        /// Whom.
        member: MemberId,
    },
    /// Turns somebody away who waits at the door (rule R2). Answered by `knock_over`.
    TurnAway {
        /// Whom.
        member: MemberId,
    },
    /// Silences a member, who cannot undo it, or lets it be heard again (rule R3). Answered by `member_silenced`.
    SilenceMember {
        /// Whom.
        member: MemberId,
        /// True to silence it.
        silenced: bool,
    },
    /// Gives a member another role or another site (rule R3). Answered by `moved`.
    MoveMember {
        /// Whom.
        member: MemberId,
        /// Its role from now on.
        role: Role,
        /// Its site from now on, if the role belongs to one.
        site: Option<SiteId>,
    },
    /// Sends a member out, who does not come in again without being admitted (rule R3). Answered by `left`.
    RemoveMember {
        /// Whom.
        member: MemberId,
    },
    /// Sets who may do what in this room (rule R1). Answered by `policy_set`.
    SetPolicy {
        /// All of it.
        policy: Policy,
    },
    /// Ends the room for everybody (rule R4). Answered by `closed`.
    EndRoom {},
}

/// One of a client's two peer connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    /// The one that carries the client's feeds and voice to the server.
    Publish,
    /// The one that carries what the client watches and hears.
    Receive,
}

/// Binds one video m-line of an offer to a feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct FeedOffer {
    /// The m-line's `mid`; none for the first sending video m-line that no other entry names.
    #[serde(default)]
    pub mid: Option<String>,
    /// What the feed shows.
    pub kind: FeedKind,
    /// The publisher's own words for it; may be empty. At most [`crate::limit::LABEL_BYTES`].
    #[serde(default)]
    pub label: String,
}

/// Binds one audio m-line of an offer to the client's voice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct VoiceOffer {
    /// The m-line's `mid`; none for the first sending audio m-line.
    #[serde(default)]
    pub mid: Option<String>,
}

/// How old the picture is that a slot shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ShownAge {
    /// Which slot.
    pub slot: Slot,
    /// From the capture of the picture until it is on the screen, milliseconds.
    pub age_ms: u32,
}

/// What a slot shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(untagged)]
pub enum FeedChoice {
    /// This very feed, until it ends.
    Feed(
        #[serde(with = "feed_field")]
        #[cfg_attr(test, ts(type = "{ feed: number }"))]
        FeedId,
    ),
    /// Whatever feed of this kind the site publishes, now and later.
    OfSite(OfSite),
    /// Whatever the programme shows the audience, now and later (rule F3).
    OfProgramme(OfProgramme),
}

/// A site's feed by what it shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct OfSite {
    /// The site.
    pub site: SiteId,
    /// What its feed shows.
    pub kind: FeedKind,
}

/// A part of what the audience sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct OfProgramme {
    /// Which.
    pub programme: ProgrammePart,
}

/// What a programme is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ProgrammePart {
    /// The feed that was chosen.
    Feed,
    /// The face of who of the panel speaks, or spoke last; nothing where the programme is without.
    Speaker,
}

mod feed_field {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::FeedId;

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Field {
        feed: FeedId,
    }

    pub(super) fn serialize<S: Serializer>(feed: &FeedId, to: S) -> Result<S::Ok, S::Error> {
        Field { feed: *feed }.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<FeedId, D::Error> {
        Field::deserialize(from).map(|field| field.feed)
    }
}
