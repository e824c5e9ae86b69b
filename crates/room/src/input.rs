//! Everything that can happen to a room.

use std::net::SocketAddr;

use media::{Datagram, Excerpt, SessionId, ThumbnailPicture, TrackId, TrunkId};
use signaling::{CloseReason, MemberId, Private, RequestId, Role, SiteId};

use crate::annex::{Dispatch, Petition};
use crate::request::Request;

/// One WebSocket or one WHIP or WHEP session, numbered by the server, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

/// Who comes in, as its verified token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The token's `sub`: opaque, the same for every connection of one person or device.
    pub subject: Private<String>,
    /// The token's `name`, for screens only.
    pub name: Private<String>,
    /// What it is in the room for.
    pub role: Role,
    /// Its site, if the role belongs to one.
    pub site: Option<SiteId>,
    /// What the token's `grants` leave of the role.
    pub grants: Grants,
}

/// What a token lets its holder do; can only narrow what the role allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grants {
    /// May publish feeds and a voice.
    pub publish: bool,
    /// May receive feeds and voices.
    pub receive: bool,
}

impl Default for Grants {
    fn default() -> Self {
        Self { publish: true, receive: true }
    }
}

/// Through which door a client comes; all speak the same messages, a WHIP or WHEP session by way of its HTTP handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// `GET /ws`: may publish and receive, hears of everything.
    WebSocket,
    /// `POST /whip`: one publishing connection. Sessions of one subject are one member.
    Whip,
    /// `POST /whep`: one downlink. Is sent the answers to its own messages only.
    Whep,
}

/// One input.
#[derive(Debug)]
pub enum Input<'a> {
    /// A client with a valid token came in. Answered by `joined` or by `refused` and its end.
    Joined {
        /// Which client.
        client: ClientId,
        /// The `id` of its `join`.
        re: Option<RequestId>,
        /// Who it is.
        identity: Identity,
        /// How it came.
        door: Door,
        /// The member of this subject that it says it was, and wants to be again.
        returns: Option<MemberId>,
    },
    /// A client that is in said something (never `join`).
    Message {
        /// Which client.
        client: ClientId,
        /// What.
        request: Box<Request>,
    },
    /// A client is gone.
    Left {
        /// Which client.
        client: ClientId,
        /// Why.
        reason: CloseReason,
    },
    /// What one wake-up of the sockets brought for this room.
    Burst(&'a [Datagram<'a>]),
    /// The ICE-TCP connection of a session is full, or is no more: what is sent to it waits, or goes on.
    Held {
        /// Which session.
        session: SessionId,
        /// Where the connection comes from.
        peer: SocketAddr,
        /// Full, or no more.
        is_held: bool,
    },
    /// One of the room's annexes says something.
    Petition(TrunkId, Petition),
    /// The home of this annex says something.
    Dispatch(Dispatch),
    /// An annex could not take what was to be handed on to it: it is to have it later.
    Refused(TrunkId, Vec<Excerpt>),
    /// A consumer in the server taps a track, or does so no more.
    Tap(TrunkId, Tapping),
    /// A picture of a thumbnail of this track.
    Thumbnail(TrackId, Box<ThumbnailPicture>),
    /// The deadline has come, or may have.
    Tick,
    /// The server is going down: tell everybody, end every session.
    Shutdown,
}

/// What becomes of a tap. Its number is none of the room's trunks to annexes.
#[derive(Debug)]
pub enum Tapping {
    /// The consumer wants the best layer of this track.
    Open(TrackId),
    /// It did not take these and goes without them.
    GiveUp(Vec<Excerpt>),
    /// It wants nothing more.
    Close,
}
