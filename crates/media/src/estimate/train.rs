//! What one burst shows of the line: packets that left at once are a train, and the narrowest place spreads them.

use std::collections::VecDeque;

/// Packets that left within this belong together.
const TOGETHER_US: i64 = 5_000;
/// One packet alone shows nothing.
const SHORTEST: u32 = 2;
/// A receiver's clock is no finer.
const FINEST_US: i64 = 500;
/// How long a train is believed, by the receiver's clock, and how many there are at most.
const BELIEVED_US: i64 = 1_500_000;
const MOST: usize = 24;
/// So many are believed however old they are.
const FEWEST: usize = 3;
/// Trains are alike if the middle half of them is within this.
const ALIKE: f64 = 1.5;

/// The packets of one burst that have arrived so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Train {
    pub(crate) sent_us: i64,
    /// The arrival of the packet that was sent first of those that came.
    pub(crate) first_us: i64,
    earliest_us: i64,
    pub(crate) last_us: i64,
    packets: u32,
    bytes: u32,
    first_bytes: u32,
}

impl Train {
    pub(crate) fn new(sent_us: i64, arrived_us: i64, bytes: u16) -> Self {
        let (bytes, at) = (u32::from(bytes), arrived_us);
        Self { sent_us, first_us: at, earliest_us: at, last_us: at, packets: 1, bytes, first_bytes: bytes }
    }

    /// Takes a packet in. False if it left in a later burst.
    pub(crate) fn take(&mut self, sent_us: i64, arrived_us: i64, bytes: u16) -> bool {
        if sent_us - self.sent_us > TOGETHER_US {
            return false;
        }
        self.packets += 1;
        self.bytes += u32::from(bytes);
        self.earliest_us = self.earliest_us.min(arrived_us);
        self.last_us = self.last_us.max(arrived_us);
        true
    }

    /// The rate at which it came through, in bits per second.
    fn rate_bps(&self) -> Option<f64> {
        let lasted_us = (self.last_us - self.earliest_us).max(FINEST_US);
        let bytes = self.bytes - self.first_bytes;
        (self.packets >= SHORTEST).then(|| f64::from(bytes) * 8e6 / lasted_us as f64)
    }
}

/// The latest trains of one line.
#[derive(Debug, Default)]
pub(crate) struct Trains {
    /// When each came, and its rate.
    latest: VecDeque<(i64, f64)>,
    sorted: Vec<f64>,
}

impl Trains {
    pub(crate) fn add(&mut self, train: &Train) {
        let Some(rate_bps) = train.rate_bps() else { return };
        if self.latest.len() == MOST {
            self.latest.pop_front();
        }
        self.latest.push_back((train.last_us, rate_bps));
    }

    /// The rate that half of them had, and whether most had about the same: on a line that jitters they have not.
    pub(crate) fn rate(&mut self, now_us: i64) -> Option<(f64, bool)> {
        while self.latest.front().is_some_and(|(at, _)| now_us - at > BELIEVED_US) && self.latest.len() > FEWEST {
            self.latest.pop_front();
        }
        self.sorted.clear();
        self.sorted.extend(self.latest.iter().map(|(_, rate)| rate));
        self.sorted.sort_by(f64::total_cmp);
        let quarter = |quarters: usize| self.sorted.get(self.sorted.len() * quarters / 4).copied();
        let (low, median, high) = (quarter(1)?, quarter(2)?, quarter(3)?);
        Some((median, self.sorted.len() >= 4 && high < low * ALIKE))
    }
}
