//! The router as one of several: what it hands on to others and to consumers, and what it gets from its home.

use std::time::{Duration, Instant};

use super::{News, Router, TrackId};
use crate::Departures;
use crate::asking::Spared;
use crate::error::DropReason;
use crate::track::{Origin, Track};
use crate::trunk::{Excerpt, Part, Trunk, TrunkId};

/// A track of the home router that nobody has watched for this long is not wanted from there any more.
const UNWANTED_AFTER: Duration = Duration::from_secs(5);

impl Router {
    /// Opens the near end of a trunk; nothing is handed on by it before it is wanted.
    pub fn open_trunk(&mut self, id: TrunkId) {
        self.trunks.insert(id, Trunk::default());
    }

    /// Closes a trunk.
    pub fn close_trunk(&mut self, id: TrunkId) {
        self.trunks.remove(&id);
        self.excerpts.retain(|(trunk, _)| *trunk != id);
    }

    /// The far end wants a track's packets, from the last keyframe on, or no more.
    pub fn want(&mut self, now: Instant, trunk: TrunkId, track: TrackId, is_wanted: bool) {
        if let Some(trunk) = self.trunks.get_mut(&trunk) {
            trunk.want(track, is_wanted.then_some(Part::Whole));
            self.hand_on(now);
        }
    }

    /// Opens the near end of a tap: a trunk to a consumer in this process that gets the packets of one track's best layer,
    /// from the last keyframe on. It is closed as every trunk is.
    pub fn open_tap(&mut self, now: Instant, id: TrunkId, track: TrackId) {
        let mut trunk = Trunk::default();
        trunk.want(track, Some(Part::Best));
        self.trunks.insert(id, trunk);
        self.hand_on(now);
    }

    /// The far end wants a keyframe of the layer with this SSRC that its own cache does not have.
    pub fn want_keyframe(&mut self, now: Instant, track: TrackId, ssrc: u32, whom: Spared) {
        let layers = self.tracks.get_mut(&track).map(|track| &mut track.layers);
        for layer in layers.into_iter().flatten().filter(|layer| layer.ssrc == ssrc) {
            if layer.history.is_whole() {
                // It is only to spare the annex something, as it would be here.
                layer.asking.spare(now, whom);
            } else {
                layer.asking.want();
            }
            self.housekeeping_at = Some(now);
        }
    }

    /// What is to be handed on, in order.
    pub fn excerpts(&mut self) -> impl Iterator<Item = (TrunkId, Excerpt)> {
        self.excerpts.drain(..)
    }

    /// The far end could not take an excerpt: it is handed on again later.
    pub fn hand_on_again(&mut self, now: Instant, trunk: TrunkId, refused: &Excerpt) {
        if let Some(trunk) = self.trunks.get_mut(&trunk) {
            trunk.tell_again(now, refused);
        }
    }

    /// The consumer of a tap did not keep up: it goes without the excerpt, is not waited for, and goes on at a keyframe.
    pub fn give_up(&mut self, now: Instant, trunk: TrunkId, refused: &Excerpt) {
        let Some(trunk) = self.trunks.get_mut(&trunk) else { return };
        trunk.give_up(refused);
        let layers = self.tracks.get_mut(&refused.track).map(|track| &mut track.layers);
        for layer in layers.into_iter().flatten().filter(|layer| layer.ssrc == refused.ssrc()) {
            layer.asking.spare(now, Spared::Audience);
        }
    }

    /// Takes a track of the home router under the name that it has there.
    pub fn bind_home_track(&mut self, now: Instant, id: TrackId, is_video: bool) {
        let origin = Origin::Home { is_wanted: false };
        self.tracks.insert(id, Track::new(now, id, origin, is_video, Default::default()));
        self.housekeeping_at.get_or_insert(now + super::HOUSEKEEPING);
    }

    /// Takes what the home router has handed on.
    pub fn take_excerpts(
        &mut self,
        now: Instant,
        excerpts: &[Excerpt],
        departures: &mut Departures,
        news: &mut Vec<News>,
    ) {
        for excerpt in excerpts {
            if self.take_excerpt(now, excerpt).is_none() {
                self.counters.drops[DropReason::NotWanted.index()] += excerpt.packets.len() as u64;
            }
        }
        self.settle(now, departures, news);
    }

    fn take_excerpt(&mut self, now: Instant, excerpt: &Excerpt) -> Option<()> {
        let Excerpt { track: id, quality, kind, begins, is_deaf, ref packets } = *excerpt;
        let track = self.tracks.get(&id)?;
        if track.is_muted || track.origin != (Origin::Home { is_wanted: true }) {
            return None;
        }
        let at = self.layer_at(now, id, quality, kind)?;
        if begins {
            // Its viewers' numbers go on as well: else they would wait for packets that never come.
            self.stop_showing(id, at);
        }
        self.note_fresh(id, at);
        let layer = &mut self.tracks.get_mut(&id)?.layers[at];
        if begins {
            layer.begin_copy(is_deaf);
        }
        packets.iter().for_each(|packet| layer.take_copy(now, packet));
        Some(())
    }

    /// Copies for the trunks what they have not been told.
    pub(super) fn hand_on(&mut self, now: Instant) {
        for (id, trunk) in &mut self.trunks {
            trunk.tell(now, &self.tracks, |excerpt| self.excerpts.push((*id, excerpt)));
            self.counters.tap_packets_lost += std::mem::take(&mut trunk.lost);
        }
    }

    /// Says which tracks of the home router are wanted from there, where that has changed.
    pub(super) fn note_wanted(&mut self, now: Instant, news: &mut Vec<News>) {
        for track in self.tracks.values_mut() {
            if !track.sinks.is_empty() {
                track.unwatched_since = None;
                continue;
            }
            let since = *track.unwatched_since.get_or_insert(now);
            let is_left = now.saturating_duration_since(since) >= UNWANTED_AFTER;
            if is_left && track.origin == (Origin::Home { is_wanted: true }) {
                track.origin = Origin::Home { is_wanted: false };
                track.layers.clear();
                news.push(News::Wanted(track.id, false));
            }
        }
    }
}
