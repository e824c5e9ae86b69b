//! That a line loses, by its first few losses: a window that says how much of it takes a second or two.

use std::collections::VecDeque;

/// What is still missing when so much later ones have come is lost, and not only overtaken.
const SURE_US: i64 = 100_000;
/// So many losses within this are no chance. One after the other they are one: a burst says nothing of what comes next.
const WITHIN_US: i64 = 500_000;
const FEWEST: usize = 5;
/// Packets that may be missing at a time, and not be lost yet.
const MISSING: usize = 64;
/// How long it is remembered that anything was lost.
const REMEMBERED_US: i64 = 16_000_000;

/// The latest losses of one line, by when they were sent.
#[derive(Debug, Default)]
pub(super) struct Onset {
    missing: VecDeque<(u16, i64)>,
    losses_us: VecDeque<i64>,
    /// The last packet that was lost.
    last: Option<(u16, i64)>,
}

impl Onset {
    /// A packet had not come when later ones were reported.
    pub(super) fn miss(&mut self, sequence: u16, sent_us: i64) {
        if self.missing.len() == MISSING {
            self.missing.pop_front();
        }
        self.missing.push_back((sequence, sent_us));
    }

    /// One that was missing has come after all.
    pub(super) fn find(&mut self, sequence: u16) {
        self.missing.retain(|(missing, _)| *missing != sequence);
    }

    /// How many losses there are in a second, if there are several now; `newest_us` is when the newest packet was sent that
    /// has come. Those of a line on which `is_too_much` is sent are of another kind.
    pub(super) fn per_second(&mut self, newest_us: i64, is_too_much: bool) -> Option<f64> {
        while let Some((sequence, sent_us)) = self.missing.pop_front_if(|(_, sent_us)| *sent_us + SURE_US < newest_us) {
            if self.last.is_none_or(|(last, _)| last.wrapping_add(1) != sequence) && !is_too_much {
                self.losses_us.push_back(sent_us);
            }
            self.last = Some((sequence, sent_us));
        }
        while self.losses_us.pop_front_if(|sent_us| *sent_us + WITHIN_US + SURE_US < newest_us).is_some() {}
        let losses = self.losses_us.len();
        // The first of them only begins the time in which the others were lost.
        (losses >= FEWEST).then(|| (losses - 1) as f64 * 1e6 / WITHIN_US as f64)
    }

    /// True if anything was lost lately.
    pub(super) fn has_lost(&self, now_us: i64) -> bool {
        self.last.is_some_and(|(_, sent_us)| now_us - sent_us < REMEMBERED_US)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets every 4 ms, reported every 100; gives when and how much is known first.
    fn known(is_lost: impl Fn(u16) -> bool, comes_after: u16) -> Option<(u16, f64)> {
        let mut onset = Onset::default();
        (0..2000_u16).find_map(|sequence| {
            let sent_us = i64::from(sequence) * 4000;
            if is_lost(sequence) {
                onset.miss(sequence, sent_us);
            }
            onset.find(sequence.wrapping_sub(comes_after));
            let per_second = onset.per_second(sent_us, false).filter(|_| sequence.is_multiple_of(25))?;
            Some((sequence, per_second))
        })
    }

    #[test]
    fn a_line_that_begins_to_lose_is_known_within_half_a_second() {
        let (at, per_second) = known(|sequence| sequence > 500 && sequence % 20 == 0, u16::MAX).expect("it loses");
        assert!((600..=650).contains(&at), "{at}");
        assert!((8.0..=13.0).contains(&per_second), "{per_second} of 12.5");
    }

    #[test]
    fn a_burst_is_one_loss_and_what_is_overtaken_none() {
        assert_eq!(known(|sequence| (500..600).contains(&sequence), u16::MAX), None, "400 ms are lost");
        assert_eq!(known(|sequence| sequence % 400 < 3, u16::MAX), None, "three in 1.6 s");
        assert_eq!(known(|sequence| sequence % 5 == 0, 20), None, "each comes 80 ms late");
    }

    #[test]
    fn that_something_was_lost_is_remembered_for_a_while() {
        let mut onset = Onset::default();
        onset.miss(7, 1_000_000);
        onset.per_second(1_050_000, false);
        assert!(!onset.has_lost(1_050_000), "it may still come");
        onset.per_second(1_200_000, false);
        assert!(onset.has_lost(1_200_000) && onset.has_lost(16_900_000) && !onset.has_lost(17_100_000));
    }
}
