//! What a router hands on to others: every packet once, opened and numbered. At the far end is an annex, which serves
//! more viewers of the same tracks and loses nothing, or the consumer of a tap, which looks at one layer and does without
//! what it was too slow for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::choice::{Quality, Wants, choose};
use crate::format::Encoding;
use crate::layer::Layer;
use crate::packet::Packet;
use crate::router::TrackId;
use crate::sink::Progress;
use crate::track::Track;

/// What of a history is handed on at a time, so that a long one delays nobody else.
const EXCERPT_PACKETS: usize = 256;
/// When the other end could take no more, it is tried again after this.
const RESUME_AFTER: Duration = Duration::from_millis(4);

/// One way to one other router or to one consumer; the number is the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrunkId(pub u64);

/// Packets of one layer, on their way to another router or to a consumer.
#[derive(Debug)]
pub struct Excerpt {
    pub(crate) track: TrackId,
    pub(crate) quality: Quality,
    pub(crate) kind: (Encoding, u32),
    /// What came before has no connection with these.
    pub(crate) begins: bool,
    /// The publisher does not answer keyframe requests.
    pub(crate) is_deaf: bool,
    pub(crate) packets: Vec<Packet>,
}

impl Excerpt {
    /// Of which track.
    pub fn track(&self) -> TrackId {
        self.track
    }

    /// What the layer is.
    pub fn encoding(&self) -> Encoding {
        self.kind.0
    }

    /// The layer's stream: where it changes, timestamps and sequence numbers begin anew.
    pub fn ssrc(&self) -> u32 {
        self.kind.1
    }

    /// True if what came before has no connection with these packets. Video then begins with a keyframe.
    pub fn begins(&self) -> bool {
        self.begins
    }

    /// The packets as they came: what was late on its way in stands late.
    pub fn packets(&self) -> &[Packet] {
        &self.packets
    }
}

/// The near end of a trunk: what is wanted at the far end and how far it has been told.
#[derive(Debug, Default)]
pub(crate) struct Trunk {
    tracks: BTreeMap<TrackId, Wanted>,
    /// Tracks of which viewers at the far end need a thumbnail.
    pub(crate) thumbnails: BTreeSet<TrackId>,
    resume_at: Option<Instant>,
    /// Packets that the far end will never have.
    pub(crate) lost: u64,
}

/// A track that is wanted at the far end.
#[derive(Debug)]
struct Wanted {
    part: Part,
    /// Layer by layer; of the best alone there is one.
    told: Vec<Told>,
}

/// What of a track is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Every layer.
    Whole,
    /// The best layer that the publisher sends at each moment.
    Best,
}

/// How far the other end has been told of one layer.
#[derive(Debug)]
struct Told {
    /// What the layer was then: another stream in its place begins anew.
    kind: (Encoding, u32),
    progress: Progress,
    /// As in a sink: packets dealt with by the layer's count, the number after the highest of them.
    taken: u64,
    next: u64,
    begins: bool,
}

impl Trunk {
    /// Begins, or ends, to hand on a track. Begun again it is told from the last keyframe on.
    pub(crate) fn want(&mut self, track: TrackId, part: Option<Part>) {
        self.tracks.remove(&track);
        if let Some(part) = part {
            self.tracks.insert(track, Wanted { part, told: Vec::new() });
        }
    }

    /// What of a track is wanted at the far end.
    pub(crate) fn wanted(&self, track: TrackId) -> Option<Part> {
        self.tracks.get(&track).map(|wanted| wanted.part)
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
        for (id, Wanted { part, told }) in &mut self.tracks {
            let track = &known[id];
            let layers = match part {
                Part::Whole => &track.layers[..],
                Part::Best => {
                    let is_told =
                        |layer: &Layer| told.first().is_some_and(|told| told.kind == (layer.encoding, layer.ssrc));
                    let showing = track.layers.iter().position(is_told);
                    let best = choose(now, &track.layers, Wants::default(), showing);
                    best.map_or(&[][..], |at| &track.layers[at..=at])
                }
            };
            told.truncate(layers.len());
            for (at, layer) in layers.iter().enumerate() {
                if told.get(at).is_none_or(|told| told.kind != (layer.encoding, layer.ssrc)) {
                    let begun = Told::begin(layer);
                    if at < told.len() { told[at] = begun } else { told.push(begun) }
                }
                let told = &mut told[at];
                self.lost += told.skipped(layer);
                let packets = told.packets(layer, may_replay);
                if told.progress == Progress::Behind {
                    self.resume_at.get_or_insert(now);
                }
                if !packets.is_empty() {
                    let begins = std::mem::take(&mut told.begins);
                    let Layer { quality, .. } = *layer;
                    hand_on(Excerpt {
                        track: *id,
                        quality,
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
        let (Some(told), Some(first)) = (self.told_of(refused), refused.packets.first()) else { return };
        if refused.kind.0 != Encoding::Opus {
            told.progress = Progress::Behind;
            told.next = told.next.min(first.sequence);
            told.begins |= refused.begins;
            self.resume_at = Some(now + RESUME_AFTER);
        }
    }

    /// The other end could not take it and goes without it. Of pictures it gets nothing until the next keyframe.
    pub(crate) fn give_up(&mut self, refused: &Excerpt) {
        self.lost += refused.packets.len() as u64;
        if let Some(told) = self.told_of(refused).filter(|told| told.kind.0 != Encoding::Opus) {
            told.progress = Progress::Skipping;
        }
    }

    fn told_of(&mut self, excerpt: &Excerpt) -> Option<&mut Told> {
        self.tracks.get_mut(&excerpt.track)?.told.iter_mut().find(|told| told.kind == excerpt.kind)
    }
}

impl Told {
    fn begin(layer: &Layer) -> Self {
        // Sound begins anywhere.
        let keyframe = layer.history.keyframe().filter(|_| layer.encoding != Encoding::Opus);
        Self {
            kind: (layer.encoding, layer.ssrc),
            progress: if keyframe.is_some() { Progress::Behind } else { Progress::Live },
            taken: layer.fresh.forgotten(),
            next: keyframe.unwrap_or(0),
            begins: true,
        }
    }

    /// Takes what has come since as dealt with, if it is not to be told before the next keyframe; gives how much.
    fn skipped(&mut self, layer: &Layer) -> u64 {
        if self.progress != Progress::Skipping {
            return 0;
        }
        let came = layer.fresh.count() - self.taken;
        self.taken = layer.fresh.count();
        let Some(keyframe) = layer.history.keyframe().filter(|keyframe| *keyframe >= self.next) else { return came };
        (self.progress, self.next, self.begins) = (Progress::Behind, keyframe, true);
        came.saturating_sub(layer.history.from(keyframe).count() as u64)
    }

    fn packets(&mut self, layer: &Layer, may_replay: bool) -> Vec<Packet> {
        if self.progress == Progress::Skipping {
            return Vec::new();
        }
        if self.taken < layer.fresh.forgotten() && layer.encoding != Encoding::Opus {
            self.progress = Progress::Behind;
        }
        let fresh = layer.fresh.after(self.taken);
        self.taken = layer.fresh.count();
        if self.progress == Progress::Live {
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
        let is_behind = layer.history.newest().is_some_and(|newest| newest.sequence >= self.next);
        self.progress = if is_behind { Progress::Behind } else { Progress::Live };
        packets
    }
}
