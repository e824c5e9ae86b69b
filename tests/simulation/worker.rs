//! The server around a room, as far as packets go: what finds its session, and what follows from an input. One worker
//! has the home, and each annex one of its own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use media::{Certificate, Datagram, Local, Protocol, SessionId};
use room::{Input, Outbox, Room, RoomConfig, Route};
use signaling::RoomKind;

use crate::trunk::Mailbox;

/// The number of the worker that has the home; those of annexes come after it and are never used twice.
pub(crate) const HOME: usize = 0;
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
    /// What its room was made with.
    pub(crate) config: RoomConfig,
    pub(crate) room: Room,
    pub(crate) outbox: Outbox,
    pub(crate) mailbox: Mailbox,
    pub(crate) address: SocketAddr,
    /// Its side of every session.
    pub(crate) local: Arc<Local>,
    /// What has come while it was busy.
    pub(crate) waiting: Vec<Arrival>,
    /// What it can send in a second; none for as much as there is.
    pub(crate) capacity_bytes: Option<u64>,
    /// Before this it is busy: with what it has sent, or because it does not get its processor.
    pub(crate) free_at: Instant,
    addresses: HashMap<(Protocol, SocketAddr), SessionId>,
    fragments: HashMap<String, SessionId>,
    /// Datagrams of nobody.
    pub(crate) strangers: u64,
}

impl Worker {
    /// The worker with this number: the home's, or an annex's.
    pub(crate) fn new(
        now: Instant,
        began: Instant,
        (seed, number): (u64, usize),
        kind: RoomKind,
        certificate: &Certificate,
    ) -> Self {
        let address = SocketAddr::from(([192, 0, 2, 1], 7881 + number as u16));
        let local = Arc::new(Local { candidates: vec![address], certificate: certificate.clone() });
        let config = RoomConfig {
            id: "simulated".parse().expect("a room id"),
            kind,
            since_1970: SINCE_1970 + now.duration_since(began),
            local: local.clone(),
            playout_delay_most: Duration::from_secs(1),
        };
        Self {
            config: config.clone(),
            room: if number == HOME { Room::new(now, config) } else { Room::annex(now, config) },
            outbox: Outbox::default(),
            mailbox: Mailbox::new(seed, number),
            address,
            local,
            waiting: Vec::new(),
            capacity_bytes: None,
            free_at: now,
            addresses: HashMap::new(),
            fragments: HashMap::new(),
            strangers: 0,
        }
    }

    /// When it has something to do.
    pub(crate) fn due(&self) -> Option<Instant> {
        let wanted = if self.waiting.is_empty() { self.room.deadline()? } else { self.free_at };
        Some(wanted.max(self.free_at))
    }

    /// Gives the room an input; what follows is in the outbox, of which the routes are followed here. Gives the
    /// sessions that are over.
    pub(crate) fn handle(&mut self, now: Instant, input: Input<'_>) -> Vec<SessionId> {
        self.room.handle(now, input, &mut self.outbox);
        if let Some(capacity_bytes) = self.capacity_bytes {
            let sent: usize = self.outbox.departures.iter().map(|(_, bytes)| bytes.len()).sum();
            let took = Duration::from_nanos(sent as u64 * 1_000_000_000 / capacity_bytes);
            self.free_at = self.free_at.max(now) + took;
        }
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

    /// Gives the room what came at one moment, or while the worker was busy.
    pub(crate) fn burst(&mut self, now: Instant) -> Vec<SessionId> {
        let arrivals = std::mem::take(&mut self.waiting);
        let mut datagrams = Vec::with_capacity(arrivals.len());
        for Arrival { protocol, source, bytes } in &arrivals {
            let (protocol, source) = (*protocol, *source);
            let named = local_fragment(bytes).and_then(|fragment| self.fragments.get(fragment));
            let Some(session) = named.or_else(|| self.addresses.get(&(protocol, source))).copied() else {
                self.strangers += 1;
                continue;
            };
            datagrams.push(Datagram { session, protocol, source, destination: self.address, bytes });
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
