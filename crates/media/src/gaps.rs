//! What of a sender's packets never came, by their sequence numbers.
//!
//! Sender reports do not tell: Chromium counts its retransmissions and its probes of the line as packets.

/// Numbers further apart than this belong to another stream.
const JUMP: u64 = 1 << 15;

/// The packets of one layer that are missing.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    /// The first and the newest number of the present stream, and how many of it came.
    span: Option<(u64, u64)>,
    came: u64,
    /// Missing at the last look, and lost for good in all streams so far.
    missing: u64,
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
        self.came += 1;
        self.span = Some(match self.span {
            Some((first, newest)) if sequence.abs_diff(newest) < JUMP => (first.min(sequence), newest.max(sequence)),
            _ => {
                self.lost_before += self.lost;
                (self.came, self.missing, self.lost) = (1, 0, 0);
                (sequence, sequence)
            }
        });
    }

    /// Packets that are lost for good: that were missing when this was asked last, and still are. Asked once a
    /// second; a packet that was not sent again within one is not wanted any more.
    pub(crate) fn lost(&mut self) -> u64 {
        let missing = self.span.map_or(0, |(first, newest)| (newest + 1 - first).saturating_sub(self.came));
        self.lost = self.lost.max(missing.min(self.missing));
        self.missing = missing;
        self.lost_before + self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_late_was_not_lost() {
        let mut gaps = Gaps::default();
        [10, 11, 14, 15].into_iter().for_each(|sequence| gaps.note(sequence));
        assert_eq!(gaps.lost(), 0, "it may still come");
        gaps.note(13);
        assert_eq!(gaps.lost(), 1);
        assert_eq!(gaps.lost(), 1);
    }

    #[test]
    fn another_stream_begins_anew() {
        let mut gaps = Gaps::default();
        [1, 3].into_iter().for_each(|sequence| gaps.note(sequence));
        assert_eq!((gaps.lost(), gaps.lost()), (0, 1));
        [70_000, 70_001, 70_003].into_iter().for_each(|sequence| gaps.note(sequence));
        assert_eq!((gaps.lost(), gaps.lost()), (1, 2));
    }
}
