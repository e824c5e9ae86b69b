//! What comes in on one m-line of a publisher, in one layer or several.

use std::time::{Duration, Instant};

use str0m::media::{Mid, Rid};

use crate::SessionId;
use crate::choice::Quality;
use crate::format::Encoding;
use crate::layer::{Layer, Watch};
use crate::parameter_sets::ParameterSets;
use crate::router::{SinkId, THUMBNAIL, TrackId, WORTH};
use crate::size::Size;
use crate::sps::Sps;

/// Layers of one track: simulcast has three, or one has a thumbnail; more than this is noise.
pub(crate) const LAYERS: usize = 4;
/// SSRCs that are known to be over.
const LEFT: usize = 8;

/// Something wrong with a track that its packets show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// H.264 whose frames go back in time.
    BFrames,
    /// No keyframe came although several were asked for.
    NoKeyframe,
    /// No packet for two seconds.
    Silent,
}

/// Where a track's packets come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From a publisher, on one m-line of its session.
    Session(SessionId, Mid),
    /// From the home router, by the trunk; and whether they are wanted from there.
    Home {
        /// The home router was told that they are.
        is_wanted: bool,
    },
}

/// One incoming track.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) id: TrackId,
    pub(crate) origin: Origin,
    pub(crate) is_video: bool,
    pub(crate) is_muted: bool,
    pub(crate) layers: Vec<Layer>,
    pub(crate) sinks: Vec<SinkId>,
    pub(crate) fault: Option<Fault>,
    pub(crate) bound_at: Instant,
    /// Since when no sink shows it; none while one does.
    pub(crate) unwatched_since: Option<Instant>,
    /// The audio level of the last moments, 0 the loudest; rises at once, falls 1 a packet.
    pub(crate) loudness: i8,
    /// A decoder of its pictures would be too large, and that was told.
    pub(crate) was_out_of_reach: bool,
    sets: ParameterSets,
    /// The layers that its offer names.
    offered: Vec<Rid>,
    /// Whether anybody would watch one of those that have never come.
    pub(crate) unseen: Watch,
    /// SSRCs that layers had before, the latest last.
    left: Vec<u32>,
}

impl Track {
    pub(crate) fn new(
        now: Instant,
        id: TrackId,
        origin: Origin,
        is_video: bool,
        (sets, offered): (ParameterSets, Vec<Rid>),
    ) -> Self {
        Self {
            id,
            origin,
            is_video,
            is_muted: false,
            layers: Vec::new(),
            sinks: Vec::new(),
            fault: None,
            bound_at: now,
            unwatched_since: Some(now),
            loudness: -127,
            was_out_of_reach: false,
            sets,
            offered,
            unseen: Watch::default(),
            left: Vec::new(),
        }
    }

    /// The layer of this quality, made if it is new. A layer whose encoding or SSRC has changed begins anew: its
    /// numbers and timestamps mean nothing for those before (RFC 3550 section 8.2). None if there are too many, or for
    /// a late packet of an SSRC that was left.
    pub(crate) fn layer(
        &mut self,
        now: Instant,
        epoch: (Instant, Duration),
        quality: Quality,
        (encoding, ssrc): (Encoding, u32),
    ) -> Option<usize> {
        let fresh = || Layer::new(now, epoch, quality, (encoding, ssrc), self.sets.clone());
        match self.layers.iter().position(|layer| layer.quality == quality) {
            Some(at) if (self.layers[at].encoding, self.layers[at].ssrc) == (encoding, ssrc) => Some(at),
            Some(_) if self.left.contains(&ssrc) => None,
            Some(at) => {
                let before = &self.layers[at];
                if before.ssrc != ssrc {
                    if self.left.len() == LEFT {
                        self.left.remove(0);
                    }
                    self.left.push(before.ssrc);
                }
                self.layers[at] = fresh().follow(before);
                Some(at)
            }
            None if self.layers.len() < LAYERS => {
                let layer = fresh();
                self.layers.push(layer);
                Some(self.layers.len() - 1)
            }
            None => None,
        }
    }

    /// What the publisher sends.
    pub(crate) fn sent(&self) -> impl Iterator<Item = &Layer> {
        self.layers.iter().filter(|layer| layer.is_sent())
    }

    /// What its offer names, and has never come.
    pub(crate) fn unseen_rids(&self) -> impl Iterator<Item = Rid> {
        let is_known = |rid: &&Rid| self.layers.iter().any(|layer| layer.quality == Quality::Sent(Some(**rid)));
        self.offered.iter().filter(move |rid| !is_known(rid)).copied()
    }

    /// The layers of which its publisher has not been told that nobody watches them.
    pub(crate) fn unpaused_rids(&self) -> impl Iterator<Item = Rid> {
        let unpaused = self.layers.iter().filter(|layer| !layer.watch.is_paused());
        let rid = |layer: &Layer| if let Quality::Sent(rid) = layer.quality { rid } else { None };
        unpaused.filter_map(rid).chain(self.unseen_rids().filter(|_| !self.unseen.is_paused()))
    }

    /// True if it comes, or could, in several layers of which its publisher need not send all.
    pub(crate) fn is_layered(&self) -> bool {
        self.is_video && self.sent().next().is_some() && self.sent().count() + self.unseen_rids().count() > 1
    }

    /// True if a layer that is watched does not come although others do: the publisher's line has no room for it.
    pub(crate) fn lacks_room(&self, now: Instant) -> bool {
        let is_missed = self.unseen_rids().next().is_some() && self.unseen.is_overdue(now);
        (is_missed || self.sent().any(|layer| layer.is_missed(now))) && self.sent().any(|layer| !layer.is_stalled(now))
    }

    /// The only layer that the publisher sends, and how large a thumbnail of it would be, where one can be made.
    pub(crate) fn thumbnail_of(&self) -> Option<(&Layer, Size)> {
        let (layer, sps) = self.only_sps()?;
        let thumbnail = sps.size.fitted(THUMBNAIL)?;
        (sps.is_within_reach() && sps.size.area() >= WORTH * thumbnail.area()).then_some((layer, thumbnail))
    }

    /// True if no thumbnail can be made because a decoder of the pictures would be too large.
    pub(crate) fn is_out_of_reach(&self) -> bool {
        self.only_sps().is_some_and(|(_, sps)| !sps.is_within_reach())
    }

    /// The only layer that the publisher sends, and what its keyframes say, where they are H.264's.
    fn only_sps(&self) -> Option<(&Layer, Sps)> {
        let mut sent = self.sent();
        let (Some(layer), None) = (sent.next(), sent.next()) else { return None };
        layer.sps.map(|sps| (layer, sps))
    }

    /// True if this is one of several layers and a keyframe of it has just begun.
    pub(crate) fn may_be_changed_to(&self, layer: usize) -> bool {
        self.layers.len() > 1 && self.layers[layer].fresh.after(0).iter().any(|packet| packet.begins_keyframe)
    }

    /// Takes the level of one audio packet.
    pub(crate) fn hear(&mut self, level: i8) {
        self.loudness = level.max(self.loudness.saturating_sub(1)).max(-127);
    }

    /// What is wrong now.
    pub(crate) fn present_fault(&self, now: Instant) -> Option<Fault> {
        if self.is_muted {
            return None;
        }
        let is_silent = match self.layers.is_empty() {
            true => now.saturating_duration_since(self.bound_at) > crate::layer::SILENT_AFTER,
            false => self.sent().all(|layer| layer.is_silent(now)),
        };
        if is_silent {
            Some(Fault::Silent)
        } else if self.sent().any(Layer::has_b_frames) {
            Some(Fault::BFrames)
        } else if self.is_video && self.sent().any(Layer::was_asked_in_vain) {
            Some(Fault::NoKeyframe)
        } else {
            None
        }
    }
}
