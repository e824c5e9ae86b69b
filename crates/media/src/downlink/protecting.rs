//! Which of a viewer's pictures is protected by parity: the largest, where that spares it a round trip.

use std::time::{Duration, Instant};

use super::{Downlink, Open};
use crate::playout::Loss;
use crate::sink::{Progress, Sink};
use crate::size::Size;

/// It is sent on for so long after it has spared nothing.
const KEPT: Duration = Duration::from_secs(10);
/// What it takes of a line: one packet to five, and more where pictures have few.
const SHARE: u64 = 3;

impl Downlink {
    /// Settles what is protected from now on; true if anything is. Not where a line is full: parity is more of what is too much.
    pub(super) fn protect(&mut self, now: Instant, loss: Loss) -> bool {
        let is_full = self.open.as_ref().is_none_or(|Open { channel, .. }| channel.estimator.is_full());
        if !is_full && !self.playout.spared_by_parity(loss).is_zero() {
            self.parity_until = Some(now + KEPT);
        }
        let is_wanted = !is_full && self.parity_until.is_some_and(|until| now < until);
        let may_be = |sink: &Sink| is_wanted && sink.is_video && sink.stream.takes_parity() && sink.showing.is_some();
        let area = |sink: &Sink| sink.wants.size.map_or(0, Size::area);
        // Of several of one size the first: slot 0 is the large one.
        let largest = self.sinks.iter().enumerate().filter(|(_, sink)| may_be(sink));
        let largest = largest.rev().max_by_key(|(_, sink)| area(sink)).map(|(place, _)| place);
        for (place, sink) in self.sinks.iter_mut().enumerate() {
            sink.stream.protect(largest == Some(place));
        }
        largest.is_some_and(|place| self.sinks[place].progress == Progress::Live)
    }

    /// What parity takes of the line, where the best of what it protects has this rate.
    pub(super) fn parity_bps(&self, best_bps: impl Fn(&Sink) -> u64) -> u64 {
        self.sinks.iter().filter(|sink| sink.stream.is_protected).map(|sink| best_bps(sink) / SHARE).sum()
    }

    /// Packets of parity that have been sent.
    pub(crate) fn parities(&self) -> u64 {
        self.open.as_ref().map_or(0, |open| open.channel.parities)
    }
}
