//! Whether, and how often, the publisher of one layer is asked for a keyframe.

use std::time::{Duration, Instant};

use crate::rank::Rank;

/// The least time between two requests; doubles with each that brought none.
const ASK_AGAIN: Duration = Duration::from_millis(500);
const ASK_AGAIN_MOST: Duration = Duration::from_secs(4);
/// What is lost for good stops all pictures, and their browsers ask after three seconds, whatever the server does.
const MENDED_EVERY: Duration = Duration::from_secs(3);
/// Requests without a keyframe after which the feed is flagged.
const ASKED_IN_VAIN: u32 = 4;

/// Whom a keyframe would spare something: a long cache, or a picture that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spared {
    /// Who guides or operates.
    Panel,
    /// Who watches.
    Audience,
    /// The part of the audience that had no capacity, now that there is some.
    Returning,
}

impl From<Rank> for Spared {
    fn from(rank: Rank) -> Self {
        match rank {
            Rank::Panel | Rank::Machine => Self::Panel,
            Rank::Audience => Self::Audience,
        }
    }
}

impl Spared {
    /// How often a publisher is asked for it. A thousand who join in a minute cost a surgeon's encoder two keyframes.
    fn every(self) -> Duration {
        match self {
            Self::Panel => Duration::ZERO,
            Self::Audience => Duration::from_secs(35),
            Self::Returning => Duration::from_secs(10),
        }
    }
}

/// The wants of all viewers together.
#[derive(Debug)]
pub(crate) struct Asking {
    wants: bool,
    /// A keyframe is wanted, but not so much that it is asked for again.
    wants_once: Option<Spared>,
    /// When it was asked last, and how often, since the last keyframe.
    asked: Option<(Instant, u32)>,
    asked_for_audience_at: Option<Instant>,
    mended_at: Option<Instant>,
    /// The last keyframe came long after it had been asked for.
    is_ignored: bool,
}

impl Asking {
    pub(crate) fn new(wants: bool) -> Self {
        Self { wants, wants_once: None, asked: None, asked_for_audience_at: None, mended_at: None, is_ignored: false }
    }

    /// A viewer needs a keyframe that the cache does not have.
    pub(crate) fn want(&mut self) {
        self.wants = true;
    }

    /// Packets are lost for good.
    pub(crate) fn mend(&mut self, now: Instant) {
        if self.mended_at.is_none_or(|at| now.saturating_duration_since(at) >= MENDED_EVERY) {
            self.mended_at = Some(now);
            self.wants = true;
        }
    }

    /// A keyframe would spare viewers something. The publisher is asked once, and for the audience's sake not again for
    /// a while, whoever comes. False if it is not asked.
    pub(crate) fn spare(&mut self, now: Instant, whom: Spared) -> bool {
        if self.is_deaf(now) {
            return false;
        }
        if self.wants || self.wants_once.is_some() || self.asked.is_some() {
            return true;
        }
        if whom != Spared::Panel {
            let is_lately = |at: Instant| now.saturating_duration_since(at) < whom.every();
            if self.asked_for_audience_at.is_some_and(is_lately) {
                return false;
            }
            self.asked_for_audience_at = Some(now);
        }
        self.wants_once = Some(whom);
        true
    }

    /// For whom the publisher is to be asked now, if it is. Wants are joined to one request, and asked again more and more rarely
    /// if nothing comes.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Spared> {
        let spared = self.wants_once.take().filter(|_| self.asked.is_none());
        let whom = spared.or(self.wants.then_some(Spared::Audience))?;
        let (wait, times) = match self.asked {
            None => (Duration::ZERO, 0),
            Some((_, times)) => (ASK_AGAIN.saturating_mul(1 << times.min(4)).min(ASK_AGAIN_MOST), times),
        };
        if self.asked.is_some_and(|(at, _)| now.saturating_duration_since(at) < wait) {
            return None;
        }
        self.asked = Some((now, times + 1));
        Some(whom)
    }

    /// A keyframe came.
    pub(crate) fn answered(&mut self, now: Instant) {
        self.wants = false;
        if let Some((at, times)) = self.asked.take() {
            self.is_ignored = times >= 2 || now.saturating_duration_since(at) > ASK_AGAIN;
        }
    }

    /// True if the publisher was asked and did not answer: FFmpeg never does.
    pub(crate) fn is_deaf(&self, now: Instant) -> bool {
        let is_in_vain = |(at, times): (Instant, u32)| times >= 2 || now.saturating_duration_since(at) > ASK_AGAIN;
        self.is_ignored || self.asked.is_some_and(is_in_vain)
    }

    /// Another router has found out that it does not answer.
    pub(crate) fn note_deaf(&mut self, is_deaf: bool) {
        self.is_ignored |= is_deaf;
    }

    /// True if it was asked so often that something is wrong.
    pub(crate) fn was_in_vain(&self) -> bool {
        self.asked.is_some_and(|(_, times)| times > ASKED_IN_VAIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_wants_are_one_request() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut asking = Asking::new(true);
        let asked: Vec<u64> = (0..4000).step_by(10).filter(|ms| asking.due(at(*ms)).is_some()).collect();
        assert_eq!(asked, [0, 1000, 3000], "twice the wait each time that nothing comes");
        asking.answered(at(4000));
        assert_eq!(asking.due(at(64_000)), None);
    }

    #[test]
    fn what_only_spares_is_asked_once_and_for_the_audience_rarely() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut asking = Asking::new(false);
        let mut seconds = |whom, from: u64, to: u64| -> Vec<u64> {
            let asks = |second: &u64| {
                let is_asked = asking.spare(at(*second), whom) && asking.due(at(*second)) == Some(whom);
                asking.answered(at(*second));
                is_asked
            };
            (from..to).filter(asks).collect()
        };
        assert_eq!(seconds(Spared::Audience, 0, 100), [0, 35, 70]);
        assert_eq!(seconds(Spared::Returning, 100, 120), [100, 110]);
        assert_eq!(seconds(Spared::Panel, 120, 123), [120, 121, 122]);
        assert!(asking.spare(at(200), Spared::Panel) && asking.due(at(200)).is_some());
        assert_eq!(asking.due(at(201)), None, "it is not asked again");
        assert!(asking.is_deaf(at(201)) && !asking.spare(at(201), Spared::Panel));
    }

    #[test]
    fn who_loses_packets_every_second_is_not_asked_every_second() {
        let start = Instant::now();
        let mut asking = Asking::new(false);
        let asks = |second: &u64| {
            let now = start + Duration::from_secs(*second);
            asking.mend(now);
            let is_asked = asking.due(now).is_some();
            asking.answered(now);
            is_asked
        };
        assert_eq!((0..10).filter(asks).collect::<Vec<_>>(), [0, 3, 6, 9]);
    }
}
