//! Everything that can follow from an input.

use std::net::SocketAddr;

use media::{Departures, Protocol, SessionId, ThumbnailNews, TrackId, TrunkId};
use signaling::{CloseReason, ServerMessage};

use crate::annex::{Dispatch, Petition};
use crate::journal::Noted;
use crate::{ClientId, Entry};

/// What follows from one input, in order within each list. The caller empties it with [`Outbox::clear`].
#[derive(Debug, Default)]
pub struct Outbox {
    /// What is to leave by the sockets.
    pub departures: Departures,
    /// What is to be said to clients.
    pub messages: Vec<Outgoing>,
    /// Clients whose connection is over, after their last message.
    pub closed: Vec<Closing>,
    /// How datagrams find their session.
    pub routes: Vec<Route>,
    /// What is to be said to the room's annexes, and excerpts for its taps.
    pub dispatches: Vec<(TrunkId, Dispatch)>,
    /// What whoever makes thumbnails is told.
    pub thumbnails: Vec<(TrackId, ThumbnailNews)>,
    /// What an annex is to say to its home.
    pub petitions: Vec<Petition>,
    /// What the room's journal has to keep.
    pub journal: Vec<Entry>,
    /// The same before it is numbered.
    pub(crate) noted: Vec<Noted>,
}

/// A message to one client.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    /// To whom.
    pub client: ClientId,
    /// What.
    pub message: ServerMessage,
}

/// A client that the room has let go of; the room has forgotten it already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// Which.
    pub client: ClientId,
    /// Why.
    pub reason: CloseReason,
}

/// A change in how datagrams find their session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// STUN requests whose USERNAME begins with this ICE user fragment belong to the session.
    Ufrag(String, SessionId),
    /// Everything from this address belongs to the session: it has proved itself there by a STUN request with the
    /// session's password.
    Address(Protocol, SocketAddr, SessionId),
    /// The session is over: forget all of its routes, close its TCP connections.
    Over(SessionId),
}

impl Outbox {
    /// Empties every list; keeps their memory.
    pub fn clear(&mut self) {
        self.departures.clear();
        self.messages.clear();
        self.closed.clear();
        self.routes.clear();
        self.dispatches.clear();
        self.thumbnails.clear();
        self.petitions.clear();
        self.journal.clear();
    }
}
