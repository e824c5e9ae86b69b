//! Why something was refused: a closed list of stable codes.

use serde::{Deserialize, Serialize};

/// The stable code of a refusal, the same on the WebSocket (`refused`) and in an HTTP problem document (RFC 9457).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// Not JSON, not a known message, an unknown field, or a value of the wrong shape.
    BadMessage,
    /// Longer than [`crate::limit::MESSAGE_BYTES`] or another limit of the contract.
    TooLarge,
    /// More messages than [`crate::limit::MESSAGES_PER_SECOND`].
    TooMany,
    /// The client speaks another version of the contract.
    WrongVersion,
    /// Said before `join`.
    NotJoined,
    /// A second `join`.
    AlreadyJoined,
    /// No token, or one that is no JWT or has a wrong signature, algorithm or claim.
    BadToken,
    /// The token's time is over.
    TokenExpired,
    /// The token's time has not begun.
    TokenNotYetValid,
    /// The token is for another room.
    WrongRoom,
    /// There is no such room, and this server opens none by itself.
    UnknownRoom,
    /// There is no such WHIP or WHEP session.
    UnknownSession,
    /// There is no such feed, or not for this member.
    UnknownFeed,
    /// There is no such slot in this member's downlink.
    UnknownSlot,
    /// There is no such member, or not for this one.
    UnknownMember,
    /// There is no such site in the room.
    UnknownSite,
    /// There is no such call, or it is over.
    UnknownCall,
    /// There is no such question.
    UnknownQuestion,
    /// The role does not allow this.
    NotAllowed,
    /// A lead has locked the room.
    RoomLocked,
    /// The role belongs to a site and the token names none.
    SiteRequired,
    /// The site already publishes as many feeds as it may.
    TooManyFeeds,
    /// The room already has as many sites as it may.
    TooManySites,
    /// More slots or voices than a downlink may have.
    TooManySlots,
    /// The offer sends more tracks than one WHIP session carries (RFC 9725 section 4.4).
    TooManyTracks,
    /// The label is too long or holds control characters.
    BadLabel,
    /// The text is empty, too long or holds control characters.
    BadText,
    /// The SDP is no SDP, or not one that can be answered.
    BadSdp,
    /// The offer has no m-line for what is to be published or received.
    NoMedia,
    /// The offer holds no codec that this server forwards.
    NoCodec,
    /// The ICE candidate or fragment is not one.
    BadCandidate,
    /// The entity tag does not match the session's ICE state (RFC 9725 section 4.3).
    WrongEtag,
    /// The request's content type is another one.
    WrongContentType,
    /// The HTTP method is not for this resource.
    WrongMethod,
    /// There is nothing at this address.
    NotFound,
    /// Something of the server's own failed; its log says what.
    Internal,
    /// The server takes no more: it is full.
    AtCapacity,
    /// The server is going down.
    ShuttingDown,
}

impl RefusalCode {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadMessage => "bad_message",
            Self::TooLarge => "too_large",
            Self::TooMany => "too_many",
            Self::WrongVersion => "wrong_version",
            Self::NotJoined => "not_joined",
            Self::AlreadyJoined => "already_joined",
            Self::BadToken => "bad_token",
            Self::TokenExpired => "token_expired",
            Self::TokenNotYetValid => "token_not_yet_valid",
            Self::WrongRoom => "wrong_room",
            Self::UnknownRoom => "unknown_room",
            Self::UnknownSession => "unknown_session",
            Self::UnknownFeed => "unknown_feed",
            Self::UnknownSlot => "unknown_slot",
            Self::UnknownMember => "unknown_member",
            Self::UnknownSite => "unknown_site",
            Self::UnknownCall => "unknown_call",
            Self::UnknownQuestion => "unknown_question",
            Self::NotAllowed => "not_allowed",
            Self::RoomLocked => "room_locked",
            Self::SiteRequired => "site_required",
            Self::TooManyFeeds => "too_many_feeds",
            Self::TooManySites => "too_many_sites",
            Self::TooManySlots => "too_many_slots",
            Self::TooManyTracks => "too_many_tracks",
            Self::BadLabel => "bad_label",
            Self::BadText => "bad_text",
            Self::BadSdp => "bad_sdp",
            Self::NoMedia => "no_media",
            Self::NoCodec => "no_codec",
            Self::BadCandidate => "bad_candidate",
            Self::WrongEtag => "wrong_etag",
            Self::WrongContentType => "wrong_content_type",
            Self::WrongMethod => "wrong_method",
            Self::NotFound => "not_found",
            Self::Internal => "internal",
            Self::AtCapacity => "at_capacity",
            Self::ShuttingDown => "shutting_down",
        }
    }
}

/// A refusal: the code for programs and one sentence for people. Never holds anything private.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}", code = code.as_str())]
pub struct Refusal {
    /// What kind of refusal.
    pub code: RefusalCode,
    /// What exactly, in one English sentence.
    pub message: String,
}

impl Refusal {
    /// A refusal with its sentence.
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}
