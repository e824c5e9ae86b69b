//! A peer's own clock: set otherwise than ours, and not quite as fast.

use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    began: Instant,
    ahead: Duration,
    drift_ppm: i64,
}

impl Clock {
    /// A clock that is ahead of ours by so much at `began`, and gains so many millionths.
    pub(crate) fn new(began: Instant, ahead: Duration, drift_ppm: i64) -> Self {
        Self { began, ahead, drift_ppm }
    }

    /// What it shows now.
    pub(crate) fn local(&self, now: Instant) -> Instant {
        let since_ns = now.saturating_duration_since(self.began).as_nanos() as i128;
        let local_ns = since_ns + since_ns * i128::from(self.drift_ppm) / 1_000_000;
        self.began + self.ahead + Duration::from_nanos(local_ns as u64)
    }

    /// When it shows this, or a moment later.
    pub(crate) fn ours(&self, local: Instant) -> Instant {
        let local_ns = local.saturating_duration_since(self.began + self.ahead).as_nanos() as i128;
        let since_ns = local_ns * 1_000_000 / i128::from(1_000_000 + self.drift_ppm);
        self.began + Duration::from_nanos(since_ns as u64 + 1000)
    }
}
