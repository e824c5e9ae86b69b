//! What a session tells its router.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use str0m::media::{Mid, Pt, Rid};
use str0m::rtp::RtpPacket;

use crate::descriptor::Descriptor;
use crate::packet::Incoming;
use crate::{Departures, Protocol, SessionId};

/// One m-line of a session.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) mid: Mid,
    pub(crate) is_video: bool,
    /// The peer sends on it.
    pub(crate) incoming: bool,
    /// We send on it.
    pub(crate) outgoing: bool,
}

/// What a session tells its router.
#[derive(Debug)]
pub(crate) enum SessionEvent {
    /// ICE and DTLS are up, for the first time or again.
    Connected,
    /// ICE lost the peer; it may come back.
    Disconnected,
    /// The session is over.
    Over,
    /// Media came.
    Packet(Mid, Option<Rid>, Pt, Incoming),
    /// The peer is to be found elsewhere.
    Moved,
    /// A sender report came.
    Report { mid: Mid, rid: Option<Rid>, arrived: Instant, since_1970: Duration, rtp_ticks: u32 },
    /// Once a second, for a line that we receive on.
    Incoming(Box<str0m::stats::MediaIngressStats>),
}

/// A packet without what only the engine needs.
pub(super) fn incoming(packet: RtpPacket) -> Incoming {
    let extensions = &packet.header.ext_vals;
    Incoming {
        ssrc: *packet.header.ssrc,
        sequence: *packet.seq_no,
        rtp_ticks: packet.header.timestamp,
        marker: packet.header.marker,
        audio_level: extensions.audio_level,
        captured: extensions
            .abs_capture_time
            .and_then(|time| time.capture_time.duration_since(SystemTime::UNIX_EPOCH).ok()),
        descriptor: extensions.user_values.get::<Descriptor>().cloned(),
        payload: packet.payload,
    }
}

/// A way by which datagrams find their session, newly known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// STUN requests with this ICE user fragment as the first part of their USERNAME.
    Ufrag(String),
    /// Everything from this address.
    Address(Protocol, SocketAddr),
}

/// Where a drained session puts what it has.
pub(crate) struct Drained<'a> {
    pub(crate) departures: &'a mut Departures,
    pub(crate) ways: &'a mut Vec<(SessionId, Way)>,
    pub(crate) events: &'a mut Vec<(SessionId, SessionEvent)>,
}
