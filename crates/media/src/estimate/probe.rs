//! Finding out whether a line carries more: for a moment more is sent, and what comes of it is looked at.

use std::time::{Duration, Instant};

/// How long more is sent, and how long what comes of it is waited for.
const LASTS: Duration = Duration::from_millis(350);
const JUDGED_AFTER: Duration = Duration::from_millis(900);
/// The time to the next after one that failed; doubles, and begins anew with one that succeeds.
const AGAIN: Duration = Duration::from_secs(1);
const AGAIN_MOST: Duration = Duration::from_secs(30);
/// The part of the rate that must come.
const ENOUGH: f64 = 0.85;

/// A probe that is being sent or judged.
#[derive(Debug, Clone, Copy)]
struct Probe {
    began: Instant,
    rate_bps: f64,
    sent_bytes: usize,
    best_bps: f64,
}

/// The probes of one line.
#[derive(Debug, Default)]
pub(super) struct Probing {
    probe: Option<Probe>,
    next_at: Option<Instant>,
    failed: u32,
}

impl Probing {
    pub(super) fn begin(&mut self, now: Instant, rate_bps: f64) {
        if self.probe.is_none() && self.next_at.is_none_or(|at| at <= now) {
            self.probe = Some(Probe { began: now, rate_bps, sent_bytes: 0, best_bps: 0.0 });
        }
    }

    pub(super) fn sent(&mut self, bytes: usize) {
        if let Some(probe) = &mut self.probe {
            probe.sent_bytes += bytes;
        }
    }

    /// Bytes that are missing to the rate of the probe.
    pub(super) fn due(&self, now: Instant) -> usize {
        let Some(probe) = self.probe else { return 0 };
        let since = now.saturating_duration_since(probe.began);
        if since > LASTS {
            return 0;
        }
        // One frame ahead, for padding leaves with frames.
        let wanted = probe.rate_bps / 8.0 * (since + Duration::from_millis(33)).as_secs_f64();
        (wanted as usize).saturating_sub(probe.sent_bytes)
    }

    /// Looks at what came; gives the rate of a probe that has succeeded.
    pub(super) fn judge(&mut self, now: Instant, acked_bps: Option<f64>, is_standing: bool) -> Option<f64> {
        let probe = self.probe.as_mut()?;
        probe.best_bps = probe.best_bps.max(acked_bps.unwrap_or(0.0));
        let rate_bps = probe.rate_bps;
        if is_standing {
            self.fail(now);
            return None;
        }
        if probe.best_bps >= rate_bps * ENOUGH {
            (self.probe, self.failed, self.next_at) = (None, 0, None);
            return Some(rate_bps);
        }
        if now.saturating_duration_since(probe.began) >= JUDGED_AFTER {
            self.fail(now);
        }
        None
    }

    /// The line has shown that it does not carry more.
    pub(super) fn fail(&mut self, now: Instant) {
        if self.probe.take().is_some() {
            self.next_at = Some(now + AGAIN.saturating_mul(1 << self.failed.min(5)).min(AGAIN_MOST));
            self.failed += 1;
        } else {
            self.next_at = self.next_at.max(Some(now + AGAIN));
        }
    }
}
