//! What a router tells its room.

use super::{SinkId, TrackId};
use crate::SessionId;
use crate::asking::Spared;
use crate::condition::LineCondition;
use crate::format::Encoding;
use crate::session::Way;
use crate::sink::Wait;
use crate::track::Fault;

/// One m-line of an answered offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedLine {
    /// Its `mid`.
    pub mid: String,
    /// Video or audio.
    pub is_video: bool,
    /// The peer sends on it.
    pub incoming: bool,
    /// The peer receives on it.
    pub outgoing: bool,
    /// Both ends know a codec that this server forwards.
    pub has_encoding: bool,
}

/// What a router tells its room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A session's datagrams are to be found in one more way.
    Way(SessionId, Way),
    /// ICE and DTLS are up, for the first time or again.
    Connected(SessionId),
    /// The peer is not to be reached; it may come back, or restart ICE.
    Disconnected(SessionId),
    /// The session is gone, with its tracks and sinks.
    Over(SessionId),
    /// A track's packets have begun to come, or have changed their encoding.
    Started(TrackId, Encoding),
    /// Something is wrong with a track, or no more.
    Faulted(TrackId, Option<Fault>),
    /// What a sink was to show, its viewer cannot take.
    NoCommonCodec(SinkId),
    /// A sink's picture stands, and why; or goes on.
    Waiting(SinkId, Option<Wait>),
    /// A session's line has become better or worse.
    Line(SessionId, LineCondition),
    /// The packets of a track of the home router are wanted from there, or no more.
    Wanted(TrackId, bool),
    /// Of which of a track's simulcast layers (RFC 8853) somebody may come to see anything now, by their `rid`; the others
    /// need not be sent.
    Watched(TrackId, Vec<String>),
    /// Something about the thumbnail of a track. In an annex it is for the home.
    Thumbnail(TrackId, ThumbnailNews),
    /// A track of the home router needs a keyframe of the layer with this SSRC, and for whom.
    KeyframeWanted(TrackId, u32, Spared),
}

/// What whoever makes thumbnails is told of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThumbnailNews {
    /// Viewers need one.
    Begin,
    /// The next picture is to be a keyframe.
    Keyframe,
    /// Nobody needs it any more.
    End,
    /// None will be wanted: to decode these pictures would take too much memory ([`crate::Sps::is_within_reach`]).
    OutOfReach,
}
