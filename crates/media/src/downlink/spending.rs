//! What a viewer's line carries, and what is sent beside its pictures to find out.

use std::collections::BTreeMap;
use std::time::Instant;

use super::{Downlink, Open};
use crate::datagram::Departures;
use crate::router::TrackId;
use crate::sink::{Progress, Sink};
use crate::stream::Channel;
use crate::track::Track;

/// What is sent again at a time so that a line is seen to carry more: a frame of 6 Mb/s.
const PADDING_PACKETS: usize = 24;
const PADDING_BYTES: usize = 1100;

impl Downlink {
    /// What its line carries, in bits per second of RTP. None if it has not said anything that shows it.
    pub(crate) fn estimate_bps(&self) -> Option<u64> {
        let Open { channel, .. } = self.open.as_ref()?;
        channel.estimator.is_known().then(|| channel.estimator.bitrate_bps())
    }

    /// Lets the line show whether it carries the best of everything that is watched.
    pub(crate) fn want(&mut self, now: Instant, tracks: &BTreeMap<TrackId, Track>) {
        let Some(Open { channel, .. }) = &mut self.open else { return };
        let best_bps = |sink: &Sink| {
            let track = tracks.get(&sink.track?)?;
            track.layers.iter().map(|layer| layer.rate_bytes * 8).max()
        };
        channel.estimator.want(now, self.sinks.iter().filter_map(best_bps).sum());
    }

    /// Sends, behind a frame, what makes it the longer train that a probe is: packets that the viewer has had already.
    pub(super) fn pad(&mut self, now: Instant, tracks: &BTreeMap<TrackId, Track>, departures: &mut Departures) {
        let Some(Open { channel, .. }) = &mut self.open else { return };
        let packets = channel.estimator.padding(now).div_ceil(PADDING_BYTES).min(PADDING_PACKETS);
        let is_live = |sink: &&mut Sink| sink.is_video && sink.progress == Progress::Live;
        if packets > 0
            && let Some(sink) = self.sinks.iter_mut().find(is_live)
        {
            sink.pad(packets, channel, tracks, departures);
        }
    }
}

impl Sink {
    /// Sends its latest packets again.
    fn pad(
        &mut self,
        packets: usize,
        channel: &mut Channel,
        tracks: &BTreeMap<TrackId, Track>,
        departures: &mut Departures,
    ) {
        for back in 0..packets as u64 {
            let sent = self.stream.sent.back(back, |number| self.sources.newest(number, tracks));
            if sent.and_then(|sent| self.send_again(sent, channel, tracks, departures)).is_none() {
                return;
            }
        }
    }
}
