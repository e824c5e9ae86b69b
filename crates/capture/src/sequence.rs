//! Sequence numbers as they arrive: late, twice, or not at all.

/// How far back a packet may still count as late and not as new: a quarter of the number space.
const WINDOW: u64 = 16_384;

/// How many packets before the first to arrive may still turn up: eight NACK pairs of 17, a keyframe and more.
pub(crate) const LOST_AT_BEGINNING: u16 = 136;

/// What a sequence number turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Seen for the first time; the number without its wrap-around.
    New(u64),
    /// Seen before, or so old that nobody can tell.
    Duplicate,
}

/// Tells new packets from repeated ones and counts the missing.
#[derive(Debug)]
pub(crate) struct SequenceLog {
    /// One bit per number of the window.
    seen: Vec<u64>,
    /// The first and the highest number; none before the first packet.
    range: Option<(u64, u64)>,
    distinct: u64,
}

impl SequenceLog {
    pub(crate) fn new() -> Self {
        Self { seen: vec![0; (WINDOW / 64) as usize], range: None, distinct: 0 }
    }

    pub(crate) fn record(&mut self, number: u16) -> Arrival {
        // Numbers begin one round up, so that a packet from before the first has a number as well.
        let (first, highest) = *self.range.get_or_insert((65_536 + u64::from(number), 65_535 + u64::from(number)));
        let step = i64::from(number.wrapping_sub(highest as u16) as i16);
        let extended = highest.wrapping_add_signed(step);
        if extended > highest {
            (highest + 1..=extended).for_each(|skipped| self.set(skipped, false));
            self.range = Some((first, extended));
        } else if extended < first && first - extended <= LOST_AT_BEGINNING.into() && highest - extended < WINDOW {
            (extended..first).for_each(|skipped| self.set(skipped, false));
            self.range = Some((extended, highest));
        } else if highest - extended >= WINDOW || extended < first || self.is_set(extended) {
            return Arrival::Duplicate;
        }
        self.set(extended, true);
        self.distinct += 1;
        Arrival::New(extended)
    }

    /// Numbers between the first and the highest that never came.
    pub(crate) fn missing(&self) -> u64 {
        self.range.map_or(0, |(first, highest)| highest + 1 - first - self.distinct)
    }

    fn set(&mut self, number: u64, value: bool) {
        let (word, bit) = ((number % WINDOW / 64) as usize, number % 64);
        self.seen[word] = self.seen[word] & !(1 << bit) | u64::from(value) << bit;
    }

    fn is_set(&self, number: u64) -> bool {
        self.seen[(number % WINDOW / 64) as usize] >> (number % 64) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_repeated_and_missing_packets_are_told_apart() {
        let mut log = SequenceLog::new();
        let mut record = |number| log.record(number);
        assert_eq!(record(65_533), Arrival::New(131_069));
        assert_eq!(record(1), Arrival::New(131_073), "over the end");
        assert_eq!(record(65_534), Arrival::New(131_070), "late");
        assert_eq!(record(65_534), Arrival::Duplicate);
        assert_eq!(record(1), Arrival::Duplicate);
        assert_eq!(record(65_000), Arrival::Duplicate, "from long before the first");
        assert_eq!(record(65_531), Arrival::New(131_067), "sent before the first that came");
        assert_eq!(log.missing(), 3, "65532, 65535 and 0");
    }

    #[test]
    fn the_window_is_used_again_and_again() {
        let mut log = SequenceLog::new();
        for number in 0..200_000u64 {
            if number % 1000 != 999 {
                assert_eq!(log.record(number as u16), Arrival::New(number + 65_536));
            }
        }
        assert_eq!(log.missing(), 199);
    }
}
