//! One capture clock for everything that a box sends, so that its feeds and its voice can be put side by side.

use std::time::{Duration, Instant, SystemTime};

/// Seconds from the beginning of NTP's time (1900) to the beginning of Unix's (1970).
const NTP_TO_UNIX_S: u64 = 2_208_988_800;

/// Capture times are durations since this clock was made. The wall clock is read once: should the host's time jump
/// later, the feeds still agree with each other and with what was sent before.
#[derive(Debug, Clone, Copy)]
pub struct CaptureClock {
    zero: Instant,
    zero_unix: Duration,
}

impl CaptureClock {
    /// A clock whose zero is now.
    pub fn start() -> Self {
        let zero_unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { zero: Instant::now(), zero_unix }
    }

    /// The capture time of this moment.
    pub fn now(&self) -> Duration {
        self.zero.elapsed()
    }

    /// When a capture time is, or was.
    pub fn instant(&self, captured: Duration) -> Instant {
        self.zero + captured
    }

    /// A capture time as NTP's 64 bits: 32 of seconds since 1900, 32 of their fraction (RFC 5905 section 6). This is
    /// what the abs-capture-time header extension carries.
    pub fn ntp(&self, captured: Duration) -> u64 {
        let unix = self.zero_unix + captured;
        let fraction = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
        (unix.as_secs() + NTP_TO_UNIX_S) << 32 | fraction
    }
}

/// A capture time in ticks of an RTP clock, before the stream's random offset is added.
pub(crate) fn rtp_ticks(captured: Duration, rate_hz: u32) -> u32 {
    // Rounded, so that 1/30 s given as 33333333 ns makes 3000 ticks, and the hundredth frame 300000.
    let ticks = (captured.as_nanos() * u128::from(rate_hz) + 500_000_000) / 1_000_000_000;
    ticks as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_do_not_drift() {
        for frame in [1u64, 100, 1_000_003] {
            let captured = Duration::from_nanos(frame * 1_000_000_000 / 30);
            assert_eq!(rtp_ticks(captured, 90_000), (frame * 3000) as u32);
        }
    }

    #[test]
    fn ntp_counts_from_1900() {
        let clock = CaptureClock { zero: Instant::now(), zero_unix: Duration::from_millis(1_500) };
        assert_eq!(clock.ntp(Duration::from_millis(250)), (NTP_TO_UNIX_S + 1) << 32 | 0xc000_0000);
    }
}
