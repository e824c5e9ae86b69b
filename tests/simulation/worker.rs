//! The server around a room, as far as packets go: what finds its session, and what follows from an input.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use media::{Certificate, Datagram, Protocol, SessionId};
use room::{Input, Outbox, Room, RoomConfig, Route};

/// The one address of the server.
pub(crate) const SERVER: ([u8; 4], u16) = ([192, 0, 2, 1], 7881);
/// What the server's wall clock shows when the simulation begins.
pub(crate) const SINCE_1970: Duration = Duration::from_secs(1_800_000_000);

/// One datagram on its way in.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) protocol: Protocol,
    pub(crate) source: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

/// A worker with one room.
pub(crate) struct Worker {
    pub(crate) room: Room,
    pub(crate) outbox: Outbox,
    addresses: HashMap<(Protocol, SocketAddr), SessionId>,
    fragments: HashMap<String, SessionId>,
    /// Datagrams of nobody.
    pub(crate) strangers: u64,
}

impl Worker {
    pub(crate) fn new(now: Instant) -> Self {
        let config = RoomConfig {
            id: "simulated".parse().expect("a room id"),
            kind: signaling::RoomKind::Guidance,
            since_1970: SINCE_1970,
            candidates: vec![SocketAddr::from(SERVER)],
            certificate: Certificate::generate(),
        };
        Self {
            room: Room::new(now, config),
            outbox: Outbox::default(),
            addresses: HashMap::new(),
            fragments: HashMap::new(),
            strangers: 0,
        }
    }

    /// Gives the room an input; what follows is in the outbox, of which the routes are followed here. Gives the
    /// sessions that are over.
    pub(crate) fn handle(&mut self, now: Instant, input: Input<'_>) -> Vec<SessionId> {
        self.room.handle(now, input, &mut self.outbox);
        let mut over = Vec::new();
        for route in self.outbox.routes.drain(..) {
            match route {
                Route::Ufrag(fragment, session) => {
                    self.fragments.insert(fragment, session);
                }
                Route::Address(protocol, address, session) => {
                    self.addresses.insert((protocol, address), session);
                }
                Route::Over(session) => {
                    self.addresses.retain(|_, of| *of != session);
                    self.fragments.retain(|_, of| *of != session);
                    over.push(session);
                }
            }
        }
        over
    }

    /// Gives the room what came at one moment.
    pub(crate) fn burst(&mut self, now: Instant, arrivals: &[Arrival]) -> Vec<SessionId> {
        let mut datagrams = Vec::with_capacity(arrivals.len());
        for Arrival { protocol, source, bytes } in arrivals {
            let (protocol, source) = (*protocol, *source);
            let named = local_fragment(bytes).and_then(|fragment| self.fragments.get(fragment));
            let Some(session) = named.or_else(|| self.addresses.get(&(protocol, source))).copied() else {
                self.strangers += 1;
                continue;
            };
            datagrams.push(Datagram { session, protocol, source, destination: SERVER.into(), bytes });
        }
        self.handle(now, Input::Burst(&datagrams))
    }

    /// The session that was given this ICE user fragment.
    pub(crate) fn session_of(&self, answer: &str) -> SessionId {
        let fragment = answer.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).expect("an ICE answer");
        self.fragments[fragment]
    }
}

/// Whose a connectivity check is: the part of its USERNAME before the colon (RFC 8445 section 7.2.2).
fn local_fragment(datagram: &[u8]) -> Option<&str> {
    if !datagram.starts_with(&[0, 1]) {
        return None;
    }
    let mut attributes = datagram.get(20..)?;
    while let Some(([kind_high, kind, length_high, length], rest)) = attributes.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([*length_high, *length]));
        if (*kind_high, *kind) == (0, 6) {
            return std::str::from_utf8(rest.get(..length)?).ok()?.split(':').next();
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}
