//! What becomes of a viewer that cannot be given everything.

use std::collections::BTreeMap;
use std::time::Instant;

use super::Downlink;
use crate::asking::Spared;
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
    /// no capacity, unless that is still scarce: a keyframe later than this would bring it to the present.
    pub(crate) fn left_behind(&self, is_scarce: bool) -> impl Iterator<Item = (TrackId, usize, u64, Spared)> {
        let whom = move |sink: &Sink| match sink.progress {
            Progress::Behind if self.is_held => Some(self.rank.into()),
            Progress::Skipping => (!is_scarce).then_some(Spared::Returning),
            Progress::Live | Progress::LeftOut | Progress::Behind => None,
        };
        self.sinks.iter().filter_map(move |sink| Some((sink.track?, sink.showing?.layer, sink.next, whom(sink)?)))
    }
}
