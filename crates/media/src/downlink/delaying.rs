//! How long the viewer is told to hold its pictures back.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Downlink, Open};
use crate::playout::Causes;
use crate::router::TrackId;
use crate::sink::{Progress, Sink};
use crate::track::Track;

impl Downlink {
    /// Settles the playout delay of everything that is sent from now on.
    pub(super) fn delay(&mut self, now: Instant, tracks: &BTreeMap<TrackId, Track>) {
        let Some(Open { channel, .. }) = &mut self.open else { return };
        if self.sinks.iter().any(|sink| sink.progress == Progress::Behind) {
            channel.estimator.disturb(now);
        }
        if !self.playout.is_due(now) {
            return;
        }
        let upstream = |sink: &Sink| {
            let showing = sink.showing.filter(|_| sink.is_video && sink.progress == Progress::Live)?;
            let layer = tracks.get(&sink.track?)?.layers.get(showing.layer)?;
            // A thumbnail is late by as much as it takes to make it, and nobody's only picture.
            layer.is_sent().then(|| layer.lateness.most(now))
        };
        let upstream = self.sinks.iter().filter_map(upstream).max().unwrap_or_default();
        let estimator = &channel.estimator;
        let (jitter, loss, has_lost) = (estimator.jitter(now), estimator.lasting_loss(), estimator.has_lost());
        let is_protected = self.protect(now, loss);
        self.playout.judge(now, Causes { upstream, jitter, loss, has_lost, is_protected });
        if let Some(Open { channel, .. }) = &mut self.open {
            channel.playout_units = self.playout.units();
        }
    }

    /// How long the viewer is told to hold its pictures back.
    pub(crate) fn playout_delay(&self) -> Duration {
        self.playout.delay()
    }
}
