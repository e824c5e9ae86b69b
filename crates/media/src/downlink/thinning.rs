//! What becomes of a viewer that cannot be given everything.

use std::collections::BTreeMap;
use std::time::Instant;

use super::Downlink;
use crate::router::TrackId;
use crate::sink::{Progress, Sink};
use crate::track::Track;

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

    /// Layers of which the viewer is behind because its line is full, or which it has to do without because there is
    /// no capacity: a keyframe later than this would bring it to the present.
    pub(crate) fn left_behind(&self) -> impl Iterator<Item = (TrackId, usize, u64)> {
        let is_left = |sink: &&Sink| match sink.progress {
            Progress::Live | Progress::LeftOut => false,
            Progress::Behind => self.is_held,
            Progress::Skipping => true,
        };
        self.sinks.iter().filter(is_left).filter_map(|sink| Some((sink.track?, sink.showing?.layer, sink.next)))
    }
}
