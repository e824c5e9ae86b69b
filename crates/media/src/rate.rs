//! How fast something comes.

/// The fullest second is remembered for so many, and as many more at most.
const REMEMBERED: u32 = 15;

/// Of what comes, second by second.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rate {
    /// That of the last whole second, or a tenth less than before where that is more: what a line is to carry is the fullest of
    /// a few seconds.
    pub(crate) bps: u64,
    /// The most of the present period and of the last, and how long the present is.
    present_bps: u64,
    last_bps: u64,
    seconds: u32,
}

impl Rate {
    /// So much has come within a second.
    pub(crate) fn note(&mut self, bytes: u64) {
        if self.seconds == REMEMBERED {
            (self.last_bps, self.present_bps, self.seconds) = (self.present_bps, 0, 0);
        }
        self.seconds += 1;
        self.bps = (bytes * 8).max(self.bps * 9 / 10);
        self.present_bps = self.present_bps.max(self.bps);
    }

    /// Of what always comes alike.
    #[cfg(test)]
    pub(crate) fn steady(bps: u64) -> Self {
        Self { bps, present_bps: bps, ..Self::default() }
    }

    /// That of the fullest second of a quarter of a minute to half of one: what is still for a while will move again.
    pub(crate) fn fullest_bps(self) -> u64 {
        self.present_bps.max(self.last_bps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_full_is_so_for_a_while() {
        let mut rate = Rate::default();
        let mut after = |seconds: usize, bytes: u64| {
            (0..seconds).for_each(|_| rate.note(bytes));
            (rate.bps / 1000, rate.fullest_bps() / 1000)
        };
        assert_eq!(after(1, 100_000), (800, 800));
        assert_eq!(after(5, 10_000), (472, 800), "a tenth less with every second");
        assert_eq!(after(15, 10_000), (97, 800));
        assert_eq!(after(15, 10_000), (80, 164), "what was full half a minute ago is not any more");
    }
}
