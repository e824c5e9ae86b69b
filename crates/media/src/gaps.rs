//! What of a sender's packets never came, by their sequence numbers.
//!
//! Sender reports do not tell: Chromium counts its retransmissions and its probes of the line as packets.

/// Numbers further apart than this belong to another stream.
const JUMP: u64 = 1 << 15;

/// The packets of one layer that are missing.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    /// The first and the newest number of the present stream.
    span: Option<(u64, u64)>,
    /// The newest number at the last look; how many came up to it, and how many after it.
    looked_at: Option<u64>,
    came: u64,
    came_since: u64,
    /// Lost for good of the present stream, and of those before it.
    lost: u64,
    lost_before: u64,
}

impl Gaps {
    /// Of a stream that follows one of which so many were lost.
    pub(crate) fn following(lost: u64) -> Self {
        Self { lost_before: lost, ..Self::default() }
    }

    /// Takes the number of a packet that came for the first time.
    pub(crate) fn note(&mut self, sequence: u64) {
        self.span = Some(match self.span {
            Some((first, newest)) if sequence.abs_diff(newest) < JUMP => (first.min(sequence), newest.max(sequence)),
            _ => {
                *self = Self::following(self.lost_before + self.lost);
                (sequence, sequence)
            }
        });
        if self.looked_at.is_some_and(|newest| sequence <= newest) {
            self.came += 1;
        } else {
            self.came_since += 1;
        }
    }

    /// Packets that are lost for good: those before the newest of the last look that have not come until now. Asked
    /// once a second; a packet that was not sent again within one is not wanted any more.
    pub(crate) fn lost(&mut self) -> u64 {
        if let (Some((first, _)), Some(looked_at)) = (self.span, self.looked_at) {
            self.lost = self.lost.max((looked_at + 1 - first).saturating_sub(self.came));
        }
        self.looked_at = self.span.map(|(_, newest)| newest);
        self.came += std::mem::take(&mut self.came_since);
        self.lost_before + self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(gaps: &mut Gaps, sequences: &[u64]) {
        sequences.iter().for_each(|sequence| gaps.note(*sequence));
    }

    #[test]
    fn what_comes_late_was_not_lost() {
        let mut gaps = Gaps::default();
        note(&mut gaps, &[10, 11, 14, 15]);
        assert_eq!(gaps.lost(), 0, "it may still come");
        note(&mut gaps, &[13]);
        assert_eq!(gaps.lost(), 1);
        assert_eq!(gaps.lost(), 1);
    }

    #[test]
    fn of_two_that_are_late_at_two_looks_none_is_lost() {
        let mut gaps = Gaps::default();
        note(&mut gaps, &[1, 3]);
        assert_eq!(gaps.lost(), 0);
        note(&mut gaps, &[2, 4, 6]);
        assert_eq!(gaps.lost(), 0, "2 has come, and 5 is missing for the first time");
        note(&mut gaps, &[5]);
        assert_eq!((gaps.lost(), gaps.lost()), (0, 0));
    }

    #[test]
    fn another_stream_begins_anew() {
        let mut gaps = Gaps::default();
        note(&mut gaps, &[1, 3]);
        assert_eq!((gaps.lost(), gaps.lost()), (0, 1));
        note(&mut gaps, &[70_000, 70_001, 70_003]);
        assert_eq!((gaps.lost(), gaps.lost()), (1, 2));
    }
}
