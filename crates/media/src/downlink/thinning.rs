//! What becomes of a viewer that cannot be given everything.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Downlink;
use crate::asking::Spared;
use crate::rank::Rank;
use crate::router::TrackId;
use crate::sink::{Progress, Sink};
use crate::track::Track;

/// A picture this old is not worth bringing nearer: the next keyframe is.
const LONG_BEHIND: Duration = Duration::from_secs(2);

impl Downlink {
    /// There is no capacity for it: its pictures go on at a keyframe. True if it had any.
    pub(crate) fn give_up(&mut self, now: Instant, tracks: &BTreeMap<TrackId, Track>) -> bool {
        let before = self.thinned;
        for sink in self.sinks.iter_mut().filter(|sink| sink.is_video) {
            let track = sink.track.and_then(|track| tracks.get(&track));
            if let Some(layer) = track.and_then(|track| track.layers.get(sink.showing?.layer)) {
                sink.taken = layer.fresh.count();
                self.thinned += u64::from(sink.skip(now));
            }
        }
        self.thinned > before
    }

    /// Layers of which the viewer is behind because its line is full, or long behind because that is narrow, or which it has to
    /// do without because there is no capacity, unless that is still scarce: a keyframe later than this would bring it to the
    /// present.
    pub(crate) fn left_behind(
        &self,
        now: Instant,
        is_scarce: bool,
        tracks: &BTreeMap<TrackId, Track>,
    ) -> Vec<(TrackId, usize, Spared)> {
        let is_narrow = self.open.as_ref().is_some_and(|open| open.channel.estimator.is_narrow());
        let asks = |sink: &Sink| {
            // Nearly all of them, after every burst.
            if !matches!(sink.progress, Progress::Behind | Progress::Skipping) {
                return None;
            }
            let (track, at) = (sink.track?, sink.showing?.layer);
            let history = &tracks.get(&track)?.layers.get(at)?.history;
            let is_long = || {
                let next = history.get(sink.next);
                next.is_some_and(|next| now.saturating_duration_since(next.arrived_at) > LONG_BEHIND)
            };
            let whom = match sink.progress {
                Progress::Skipping => Some(Spared::Returning).filter(|_| !is_scarce),
                _ if is_narrow && is_long() && self.rank == Rank::Audience => Some(Spared::Returning),
                _ => Some(self.rank.into()).filter(|_| self.is_held || is_narrow && is_long()),
            };
            history.keyframe().is_none_or(|keyframe| keyframe < sink.next).then_some((track, at, whom?))
        };
        self.sinks.iter().filter_map(asks).collect()
    }

    /// The rate of what comes for those pictures that are behind.
    pub(super) fn coming_bps(&self, tracks: &BTreeMap<TrackId, Track>) -> u64 {
        let coming = |sink: &Sink| {
            let showing = sink.showing.filter(|_| sink.progress == Progress::Behind)?;
            Some(tracks.get(&sink.track?)?.layers.get(showing.layer)?.rate_up_to(sink.spatial).bps)
        };
        self.sinks.iter().filter_map(coming).sum()
    }
}
