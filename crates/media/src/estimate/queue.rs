//! What stands in the line's queue before each burst.

use std::collections::VecDeque;

/// How long the least delay is believed: a path may have become longer.
const BELIEVED_US: i64 = 20_000_000;
/// What stands is the least of so long: jitter comes and goes, a queue stays.
const LOOKED_AT_US: i64 = 250_000;
/// And of at least so many bursts.
const FEWEST: usize = 3;

/// The one-way delay of each burst's first packet, by two clocks that differ by an unknown constant.
///
/// The first packet and not the last: we do not pace, so that the last packet of a frame always waits for those before
/// it. What the first waits for is left of earlier frames, and that is what grows when we send too much.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// The least delay of the present and of the last period, and when the present began.
    least: Option<(i64, i64, i64)>,
    latest: VecDeque<(i64, i64)>,
}

impl Queue {
    /// Takes a burst's arrival and delay, both in microseconds.
    pub(crate) fn add(&mut self, arrived_us: i64, delay_us: i64) {
        let least = self.least.get_or_insert((delay_us, delay_us, arrived_us));
        least.0 = least.0.min(delay_us);
        if arrived_us - least.2 > BELIEVED_US {
            *least = (delay_us, least.0, arrived_us);
        }
        let is_old = |(at, _): &(i64, i64)| arrived_us - at > LOOKED_AT_US;
        while self.latest.len() > FEWEST && self.latest.front().is_some_and(is_old) || self.latest.len() == 64 {
            self.latest.pop_front();
        }
        self.latest.push_back((arrived_us, delay_us));
    }

    /// The least delay of the last bursts, in microseconds.
    pub(crate) fn least_lately_us(&self) -> Option<i64> {
        self.latest.iter().map(|(_, delay)| *delay).min()
    }

    /// How long a packet stands, in microseconds. None before there is enough to tell.
    pub(crate) fn standing_us(&self) -> Option<i64> {
        let (present, last, _) = self.least?;
        let least = self.least_lately_us()?;
        (self.latest.len() >= FEWEST).then_some(least - present.min(last))
    }

    /// True if it empties: less stands in the later half of what was seen lately than in the earlier.
    pub(crate) fn is_falling(&self) -> bool {
        let half = self.latest.len() / 2;
        let least = |from: usize, to: usize| self.latest.range(from..to).map(|(_, delay)| *delay).min();
        let base = self.least.map_or(0, |(present, last, _)| present.min(last));
        match (least(0, half), least(half, self.latest.len())) {
            (Some(earlier), Some(later)) => later - base < (earlier - base) * 95 / 100,
            _ => false,
        }
    }

    /// Forgets what was seen lately: it was before the sender gave way.
    pub(crate) fn forget_lately(&mut self) {
        self.latest.clear();
    }
}
