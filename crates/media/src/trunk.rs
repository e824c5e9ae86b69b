//! What a router hands on to others that serve more viewers of the same tracks: every packet once, opened and numbered.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use str0m::media::Rid;

use crate::format::Encoding;
use crate::layer::Layer;
use crate::packet::Packet;
use crate::router::TrackId;
use crate::track::Track;

/// What of a history is handed on at a time, so that a long one delays nobody else.
const EXCERPT_PACKETS: usize = 256;
/// When the other end could take no more, it is tried again after this.
const RESUME_AFTER: Duration = Duration::from_millis(4);

/// One way to one other router; the number is the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrunkId(pub u64);

/// Packets of one layer, on their way to another router.
#[derive(Debug)]
pub struct Excerpt {
    pub(crate) track: TrackId,
    pub(crate) rid: Option<Rid>,
    pub(crate) kind: (Encoding, u32),
    /// What came before has no connection with these.
    pub(crate) begins: bool,
    /// The publisher does not answer keyframe requests.
    pub(crate) is_deaf: bool,
    pub(crate) packets: Vec<Packet>,
}

/// The near end of a trunk: what is wanted at the far end and how far it has been told.
#[derive(Debug, Default)]
pub(crate) struct Trunk {
    /// Layer by layer.
    tracks: BTreeMap<TrackId, Vec<Told>>,
    resume_at: Option<Instant>,
}

/// How far the other end has been told of one layer.
#[derive(Debug)]
struct Told {
    /// What the layer was then: another stream in its place begins anew.
    kind: (Encoding, u32),
    /// It is told the history, piece by piece, and not what comes as it comes.
    is_behind: bool,
    /// As in a sink: packets dealt with by the layer's count, the number after the highest of them.
    taken: u64,
    next: u64,
    begins: bool,
}

impl Trunk {
    /// Begins, or ends, to hand on a track. Begun again it is told from the last keyframe on.
    pub(crate) fn want(&mut self, track: TrackId, is_wanted: bool) {
        self.tracks.remove(&track);
        if is_wanted {
            self.tracks.insert(track, Vec::new());
        }
    }

    /// When [`Trunk::tell`] is wanted though nothing has come.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.resume_at
    }

    /// Tells what has not been told.
    pub(crate) fn tell(&mut self, now: Instant, known: &BTreeMap<TrackId, Track>, mut hand_on: impl FnMut(Excerpt)) {
        let may_replay = self.resume_at.is_none_or(|at| at <= now);
        if may_replay {
            self.resume_at = None;
        }
        self.tracks.retain(|track, _| known.contains_key(track));
        for (id, told) in &mut self.tracks {
            let layers = &known[id].layers;
            told.truncate(layers.len());
            for (at, layer) in layers.iter().enumerate() {
                if told.get(at).is_none_or(|told| told.kind != (layer.encoding, layer.ssrc)) {
                    let begun = Told::begin(layer);
                    if at < told.len() { told[at] = begun } else { told.push(begun) }
                }
                let told = &mut told[at];
                let packets = told.packets(layer, may_replay);
                if told.is_behind {
                    self.resume_at.get_or_insert(now);
                }
                if !packets.is_empty() {
                    let begins = std::mem::take(&mut told.begins);
                    let Layer { rid, .. } = *layer;
                    hand_on(Excerpt {
                        track: *id,
                        rid,
                        kind: told.kind,
                        begins,
                        is_deaf: layer.asking.is_deaf(now),
                        packets,
                    });
                }
            }
        }
    }

    /// The other end could not take it: it will be told again, from the history.
    pub(crate) fn tell_again(&mut self, now: Instant, refused: &Excerpt) {
        let told = self.tracks.get_mut(&refused.track).into_iter().flatten().find(|told| told.kind == refused.kind);
        let (Some(told), Some(first)) = (told, refused.packets.first()) else { return };
        if refused.kind.0 != Encoding::Opus {
            told.is_behind = true;
            told.next = told.next.min(first.sequence);
            told.begins |= refused.begins;
            self.resume_at = Some(now + RESUME_AFTER);
        }
    }
}

impl Told {
    fn begin(layer: &Layer) -> Self {
        // Sound begins anywhere.
        let keyframe = layer.history.keyframe().filter(|_| layer.encoding != Encoding::Opus);
        Self {
            kind: (layer.encoding, layer.ssrc),
            is_behind: keyframe.is_some(),
            taken: layer.fresh.forgotten(),
            next: keyframe.unwrap_or(0),
            begins: true,
        }
    }

    fn packets(&mut self, layer: &Layer, may_replay: bool) -> Vec<Packet> {
        if self.taken < layer.fresh.forgotten() && layer.encoding != Encoding::Opus {
            self.is_behind = true;
        }
        let fresh = layer.fresh.after(self.taken);
        self.taken = layer.fresh.count();
        if !self.is_behind {
            self.next = fresh.iter().map(|packet| packet.sequence + 1).fold(self.next, u64::max);
            return fresh.to_vec();
        }
        // What was missing when it was its turn.
        let late = |packet: &&Packet| packet.sequence < self.next && !self.begins;
        let mut packets: Vec<Packet> = fresh.iter().filter(late).cloned().collect();
        if !may_replay {
            return packets;
        }
        if layer.history.oldest().is_some_and(|oldest| oldest > self.next) {
            // Its place is no more: the rest has no connection with what it was told before.
            self.next = layer.history.keyframe().or(layer.history.oldest()).unwrap_or(self.next);
            self.begins = true;
        }
        packets.extend(layer.history.from(self.next).take(EXCERPT_PACKETS).cloned());
        self.next = packets.iter().map(|packet| packet.sequence + 1).fold(self.next, u64::max);
        self.is_behind = layer.history.newest().is_some_and(|newest| newest.sequence >= self.next);
        packets
    }
}
