//! The room.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use signaling::{RoomId, RoomKind};

use crate::{Input, Outbox};

/// What a room is made with.
#[derive(Debug, Clone)]
pub struct RoomConfig {
    /// Its identifier.
    pub id: RoomId,
    /// What it is for.
    pub kind: RoomKind,
    /// Seeds everything random that the room decides itself.
    pub seed: u64,
    /// Time since 1970-01-01 UTC at the `now` that the room is made with: its only wall clock.
    pub since_epoch: Duration,
    /// The addresses that peers are told, UDP and ICE-TCP alike.
    pub candidates: Vec<SocketAddr>,
}

/// One consultation as one value.
#[derive(Debug)]
pub struct Room {}

impl Room {
    /// An empty room.
    pub fn new(_now: Instant, _config: RoomConfig) -> Self {
        Self {}
    }

    /// The only way in: applies one input at `now` and appends every consequence to `out`.
    pub fn handle(&mut self, _now: Instant, _input: Input<'_>, _out: &mut Outbox) {}

    /// When the room wants [`Input::Tick`] if nothing else happens first.
    pub fn deadline(&self) -> Option<Instant> {
        None
    }

    /// True when nobody is in the room; the server may drop it.
    pub fn is_empty(&self) -> bool {
        true
    }
}
