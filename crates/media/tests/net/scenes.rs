//! Who most tests begin with.

use media::{SinkId, TrackId};
use str0m::media::Direction;

use super::Net;

impl Net {
    /// A publisher of one feed.
    pub(crate) fn feed(&mut self) -> (usize, TrackId) {
        let publisher = self.peer(Direction::SendOnly, 1);
        (publisher, self.track(publisher, 0))
    }

    /// A viewer who watches this track on its one line.
    pub(crate) fn viewer(&mut self, track: TrackId) -> (usize, SinkId) {
        let viewer = self.peer(Direction::RecvOnly, 1);
        let sink = self.sink(viewer, 0);
        self.watch(sink, track);
        (viewer, sink)
    }

    /// A publisher, and a viewer who watches it.
    pub(crate) fn two() -> (Self, usize, usize, SinkId) {
        let mut net = Self::new();
        let (publisher, track) = net.feed();
        let (viewer, sink) = net.viewer(track);
        (net, publisher, viewer, sink)
    }
}
