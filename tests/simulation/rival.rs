//! Somebody else on a viewer's line: one TCP connection that sends as much as it can, Reno in few words.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const SEGMENT: usize = 1500;
/// Losses of one flight are one.
const ONE_LOSS: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct Rival {
    window: f64,
    threshold: f64,
    /// When what it has sent will be acknowledged.
    in_flight: VecDeque<Instant>,
    cut_at: Option<Instant>,
    /// What has come of it.
    pub(crate) bytes: u64,
}

impl Rival {
    pub(crate) fn new() -> Self {
        Self { window: 10.0, threshold: f64::MAX, in_flight: VecDeque::new(), cut_at: None, bytes: 0 }
    }

    /// Does all that it does until now, on a line of this round trip. `pass` says when a segment that is sent at a moment
    /// has passed the narrowest place, none if it is lost there.
    pub(crate) fn act(
        &mut self,
        now: Instant,
        round_trip: Duration,
        mut pass: impl FnMut(Instant, usize) -> Option<Instant>,
    ) {
        if self.in_flight.is_empty() {
            self.fill(now, round_trip, &mut pass);
        }
        while let Some(acknowledged_at) = self.in_flight.pop_front_if(|at| *at <= now) {
            self.bytes += SEGMENT as u64;
            self.window += if self.window < self.threshold { 1.0 } else { 1.0 / self.window };
            self.fill(acknowledged_at, round_trip, &mut pass);
        }
    }

    fn fill(&mut self, at: Instant, round_trip: Duration, pass: &mut impl FnMut(Instant, usize) -> Option<Instant>) {
        while (self.in_flight.len() as f64) < self.window {
            let Some(passed_at) = pass(at, SEGMENT) else {
                if self.cut_at.is_none_or(|cut_at| at.saturating_duration_since(cut_at) > ONE_LOSS) {
                    self.window = (self.window / 2.0).max(2.0);
                    (self.threshold, self.cut_at) = (self.window, Some(at));
                }
                return;
            };
            self.in_flight.push_back(passed_at + round_trip);
        }
    }
}
