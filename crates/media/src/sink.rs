//! One m-line of a viewer: a slot, or a place for a voice.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use str0m::media::{Mid, Pt};

use crate::SessionId;
use crate::format::Encoding;
use crate::forward::{Forward, Place};
use crate::packet::Packet;
use crate::router::TrackId;

/// What a replay may send at a time, and how often: 38 Mb/s, which a usual line and a receiver's buffer hold.
const REPLAY_PACKETS: usize = 16;
const REPLAY_EVERY: Duration = Duration::from_millis(4);
/// The least time between two replays to one viewer that asks for keyframes.
const REPLAY_AGAIN: Duration = Duration::from_millis(500);
/// Replays of one keyframe that did not help, after which the publisher is asked.
const REPLAYS_IN_VAIN: u32 = 2;

/// One outgoing stream of one viewer.
#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) session: SessionId,
    pub(crate) mid: Mid,
    pub(crate) is_video: bool,
    pub(crate) track: Option<TrackId>,
    pub(crate) forward: Forward,
    /// The layer shown, and how this viewer takes its encoding.
    pub(crate) showing: Option<Showing>,
    pub(crate) loss: Option<f32>,
    pub(crate) round_trip: Option<Duration>,
    /// Placed, but not sent yet: the rest of a replay, and what came live behind it.
    backlog: VecDeque<(Place, Packet)>,
    is_replaying: bool,
    /// Until when a fresh keyframe is waited for before a long cache is replayed.
    pub(crate) patient_until: Option<Instant>,
    replayed: Option<(Instant, u32)>,
}

/// What a sink takes its packets from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Showing {
    pub(crate) layer: usize,
    pub(crate) encoding: Encoding,
    pub(crate) pt: Pt,
}

/// How a viewer's wish for a keyframe is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Send the cache again.
    Replay,
    /// Ask the publisher.
    Ask,
    /// It has just been met.
    Wait,
}

impl Sink {
    pub(crate) fn new(epoch: Instant, session: SessionId, mid: Mid, is_video: bool) -> Self {
        let clock_rate_hz = if is_video { 90_000 } else { 48_000 };
        Self {
            session,
            mid,
            is_video,
            track: None,
            forward: Forward::new(epoch, clock_rate_hz),
            showing: None,
            loss: None,
            round_trip: None,
            backlog: VecDeque::new(),
            is_replaying: false,
            patient_until: None,
            replayed: None,
        }
    }

    /// Shows nothing, until it is given something else.
    pub(crate) fn stop(&mut self) {
        self.forward.stop();
        self.showing = None;
        self.backlog.clear();
        self.is_replaying = false;
        self.patient_until = None;
        self.replayed = None;
    }

    /// Begins, or begins again, with these packets.
    pub(crate) fn replay<'a>(
        &mut self,
        encoding: Encoding,
        packets: impl ExactSizeIterator<Item = &'a Packet> + Clone,
        frames: usize,
    ) {
        let places = self.forward.start(encoding, packets, frames);
        self.backlog.extend(places.into_iter().map(|(packet, place)| (place, packet.clone())));
        self.is_replaying = true;
    }

    /// Takes a live packet, behind what is still to be replayed.
    pub(crate) fn push(&mut self, encoding: Encoding, packet: &Packet) {
        if let Some(place) = self.forward.place(encoding, packet) {
            self.backlog.push_back((place, packet.clone()));
        }
    }

    /// What may be sent now: everything live, a piece of a replay.
    pub(crate) fn batch(&mut self) -> impl Iterator<Item = (Place, Packet)> {
        let count = if self.is_replaying { self.backlog.len().min(REPLAY_PACKETS) } else { self.backlog.len() };
        self.is_replaying &= count < self.backlog.len();
        self.backlog.drain(..count)
    }

    /// When the rest of the backlog is to go on; none if there is none.
    pub(crate) fn next_batch_at(&self, now: Instant) -> Option<Instant> {
        (!self.backlog.is_empty()).then(|| now + REPLAY_EVERY)
    }

    /// What to do about a keyframe request of this viewer. A publisher that is deaf is not worth asking.
    pub(crate) fn remedy(&mut self, now: Instant, cache_is_whole: bool, publisher_is_deaf: bool) -> Remedy {
        if !cache_is_whole {
            return Remedy::Ask;
        }
        let (at, times) = self.replayed.unwrap_or((now, 0));
        let age = now.saturating_duration_since(at);
        if times > 0 && (age < REPLAY_AGAIN * times.min(4) || !self.backlog.is_empty()) {
            return Remedy::Wait;
        }
        let times = if age > 10 * REPLAY_AGAIN { 0 } else { times };
        self.replayed = Some((now, times + 1));
        if times >= REPLAYS_IN_VAIN && !publisher_is_deaf { Remedy::Ask } else { Remedy::Replay }
    }
}
