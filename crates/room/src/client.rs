//! One client of the room and what it has open.

use std::time::{Duration, Instant};

use media::{Outline, SessionId, SinkId, Size};
use signaling::client::Connection;
use signaling::{FeedChoice, FeedId, MemberId, RequestId, ServerMessage, VacantReason, VoiceId};

use crate::Door;
use crate::returning::Former;

/// One WebSocket, or one WHIP or WHEP session.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) member: MemberId,
    pub(crate) door: Door,
    pub(crate) publishing: Option<Publishing>,
    pub(crate) receiving: Option<Receiving>,
    /// What its member published before it came back.
    pub(crate) former: Former,
}

/// Its publishing connection.
#[derive(Debug)]
pub(crate) struct Publishing {
    pub(crate) session: SessionId,
    pub(crate) outline: Outline,
    /// Which feed each m-line is.
    pub(crate) feeds: Vec<(String, FeedId)>,
    pub(crate) voice: Option<(String, VoiceId)>,
}

/// Its downlink.
#[derive(Debug)]
pub(crate) struct Receiving {
    pub(crate) session: SessionId,
    pub(crate) outline: Outline,
    pub(crate) slots: Vec<SlotState>,
    pub(crate) voices: Vec<VoicePlace>,
}

/// One slot.
#[derive(Debug, Clone)]
pub(crate) struct SlotState {
    pub(crate) mid: String,
    pub(crate) sink: SinkId,
    pub(crate) choice: Option<FeedChoice>,
    /// On the viewer's screen, if it has said.
    pub(crate) size: Option<Size>,
    pub(crate) feed: Option<FeedId>,
    pub(crate) vacant: Option<VacantReason>,
    pub(crate) shown: Option<Shown>,
}

/// How old the feed in a slot is on its viewer's screen, as the viewer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// From the capture until it is on the screen.
    pub age: Duration,
    /// When the viewer said it.
    pub said_at: Instant,
}

/// One m-line for a voice.
#[derive(Debug, Clone)]
pub(crate) struct VoicePlace {
    pub(crate) mid: String,
    pub(crate) sink: SinkId,
    pub(crate) voice: Option<VoiceId>,
}

impl Client {
    pub(crate) fn new(member: MemberId, door: Door) -> Self {
        Self { member, door, publishing: None, receiving: None, former: Former::default() }
    }

    /// True if a feed is its own.
    pub(crate) fn publishes(&self, feed: FeedId) -> bool {
        self.publishing.as_ref().is_some_and(|publishing| publishing.feeds.iter().any(|(_, own)| *own == feed))
    }

    /// The session of one of its connections.
    pub(crate) fn session(&self, connection: Connection) -> Option<SessionId> {
        match connection {
            Connection::Publish => self.publishing.as_ref().map(|publishing| publishing.session),
            Connection::Receive => self.receiving.as_ref().map(|receiving| receiving.session),
        }
    }

    /// Which of its connections a session is.
    pub(crate) fn connection(&self, session: SessionId) -> Option<Connection> {
        [Connection::Publish, Connection::Receive]
            .into_iter()
            .find(|connection| self.session(*connection) == Some(session))
    }
}

impl SlotState {
    /// What the viewer is told of this slot.
    pub(crate) fn watched(&self, slot: usize, re: Option<RequestId>) -> ServerMessage {
        ServerMessage::Watched { re, slot: signaling::Slot(slot as u32), feed: self.feed, vacant: self.vacant }
    }
}
