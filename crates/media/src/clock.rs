//! The capture clock of one track: from RTP timestamps to our own time.
//!
//! A sender's reports pair its RTP timestamps with its wall clock (RFC 3550 section 6.4.1). How far that wall clock
//! is from ours is learned from when reports arrive: the smallest difference of the last minute, less half the
//! shortest round trip, because the report that was quickest took the shortest way. The first report of a sender is not
//! believed (FFmpeg's first carries no useful time), nor one that would place a frame in our future or more than ten
//! seconds in the past.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A report that maps a frame further back than this is not believed.
const OLDEST: Duration = Duration::from_secs(10);
/// Reports whose difference is remembered, and round trips: a minute of browsers' one a second.
const REPORTS: usize = 60;
/// Reports from which the drift between the two clocks can be told, and the most that clocks drift.
const DRIFT_REPORTS: usize = 30;
const DRIFT_PPM: i64 = 300;

/// Maps the RTP timestamps of one track to our time.
#[derive(Debug)]
pub(crate) struct CaptureClock {
    clock_rate_hz: u32,
    reports_seen: u32,
    /// The newest report that was believed.
    anchor: Option<Anchor>,
    /// Of the latest reports: arrival on our clock, and that minus the sender's wall clock, in microseconds.
    differences_us: VecDeque<(i64, i64)>,
    /// The latest measured ones.
    round_trips: VecDeque<Duration>,
    epoch: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Anchor {
    rtp_ticks: u32,
    sender_us: i64,
}

impl CaptureClock {
    /// A clock that knows nothing yet. `epoch` is any fixed instant, the same for all clocks of a router.
    pub(crate) fn new(clock_rate_hz: u32, epoch: Instant) -> Self {
        Self {
            clock_rate_hz,
            reports_seen: 0,
            anchor: None,
            differences_us: VecDeque::new(),
            round_trips: VecDeque::new(),
            epoch,
        }
    }

    /// Takes the latest measured round trip to the sender.
    pub(crate) fn round_trip(&mut self, round_trip: Duration) {
        if self.round_trips.len() == REPORTS {
            self.round_trips.pop_front();
        }
        self.round_trips.push_back(round_trip.min(Duration::from_secs(2)));
    }

    /// Takes a sender report: the sender's wall clock since 1970 and the RTP timestamp of the same moment.
    pub(crate) fn report(&mut self, arrived: Instant, since_1970: Duration, rtp_ticks: u32) {
        self.reports_seen = self.reports_seen.saturating_add(1);
        let sender_us = i64::try_from(since_1970.as_micros()).unwrap_or(0);
        if self.reports_seen == 1 || sender_us == 0 {
            return;
        }
        let anchor = Anchor { rtp_ticks, sender_us };
        if let Some(last) = self.anchor {
            let by_ticks = self.micros(rtp_ticks.wrapping_sub(last.rtp_ticks) as i32);
            if (sender_us - last.sender_us - by_ticks).abs() > 1_000_000 {
                // The sender's wall clock was set, or its timestamps jumped: what was learned is void.
                self.differences_us.clear();
            }
        }
        self.anchor = Some(anchor);
        if self.differences_us.len() == REPORTS {
            self.differences_us.pop_front();
        }
        let arrived_us = self.micros_since_epoch(arrived);
        self.differences_us.push_back((arrived_us, arrived_us - sender_us));
    }

    /// Takes the capture time that a packet carries itself (abs-capture-time), by the clock of the sender's reports:
    /// nearer than the last report, and free of its RTP clock's drift. One that is far from what the reports say is
    /// of another clock and is not believed; how far the sender's clock is from ours only reports can tell.
    pub(crate) fn carried(&mut self, rtp_ticks: u32, since_1970: Duration) {
        let Some(last) = self.anchor.filter(|_| !self.differences_us.is_empty()) else { return };
        let sender_us = i64::try_from(since_1970.as_micros()).unwrap_or(0);
        let by_ticks = self.micros(rtp_ticks.wrapping_sub(last.rtp_ticks) as i32);
        if (sender_us - last.sender_us - by_ticks).abs() < 200_000 {
            self.anchor = Some(Anchor { rtp_ticks, sender_us });
        }
    }

    /// When the frame with this timestamp, which arrives now, was captured.
    pub(crate) fn captured_at(&self, rtp_ticks: u32, arrived: Instant) -> Instant {
        self.reported(rtp_ticks)
            .filter(|captured| *captured <= arrived && arrived.duration_since(*captured) <= OLDEST)
            .unwrap_or(arrived)
    }

    fn reported(&self, rtp_ticks: u32) -> Option<Instant> {
        let anchor = self.anchor?;
        let difference_us = self.difference_us()?;
        let half_trip_us = self.round_trips.iter().min().map_or(0, |trip| trip.as_micros() as i64 / 2);
        let ours_us = anchor.sender_us + self.micros(rtp_ticks.wrapping_sub(anchor.rtp_ticks) as i32) + difference_us
            - half_trip_us;
        if ours_us >= 0 {
            self.epoch.checked_add(Duration::from_micros(ours_us as u64))
        } else {
            self.epoch.checked_sub(Duration::from_micros(ours_us.unsigned_abs()))
        }
    }

    /// How far the sender's wall clock is behind ours now, with the shortest way between the two: the smallest of the
    /// differences, each carried on by the drift.
    fn difference_us(&self) -> Option<i64> {
        let (now_us, _) = *self.differences_us.back()?;
        let drift_ppm = self.drift_ppm();
        self.differences_us.iter().map(|(at_us, us)| us + (now_us - at_us) * drift_ppm / 1_000_000).min()
    }

    /// How much slower than ours the sender's clock runs: from the smallest difference of the older reports to that of
    /// the newer. Not said of few reports, where how long they took matters more.
    fn drift_ppm(&self) -> i64 {
        let count = self.differences_us.len();
        if count < DRIFT_REPORTS {
            return 0;
        }
        let quickest = |reports: std::collections::vec_deque::Iter<'_, (i64, i64)>| {
            reports.min_by_key(|(_, us)| *us).copied().unwrap_or_default()
        };
        let (older_at, older) = quickest(self.differences_us.range(..count / 2));
        let (newer_at, newer) = quickest(self.differences_us.range(count / 2..));
        let ppm = (newer - older) * 1_000_000 / (newer_at - older_at).max(1);
        ppm.clamp(-DRIFT_PPM, DRIFT_PPM)
    }

    fn micros(&self, rtp_ticks: i32) -> i64 {
        i64::from(rtp_ticks) * 1_000_000 / i64::from(self.clock_rate_hz)
    }

    fn micros_since_epoch(&self, at: Instant) -> i64 {
        match at.checked_duration_since(self.epoch) {
            Some(after) => after.as_micros() as i64,
            None => -(self.epoch.duration_since(at).as_micros() as i64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// A sender whose clock is an hour ahead, 20 ms away, with reports each second.
    fn learned() -> (CaptureClock, Instant) {
        let epoch = Instant::now();
        let mut clock = CaptureClock::new(90_000, epoch);
        clock.round_trip(ms(40));
        for second in 0..4_u64 {
            let jitter = if second == 2 { 0 } else { 7 };
            let wall = Duration::from_secs(1_000_000 + 3600 + second);
            clock.report(epoch + ms(second * 1000 + 20 + jitter), wall, (second * 90_000) as u32);
        }
        (clock, epoch)
    }

    #[test]
    fn a_frame_is_placed_where_it_was_captured() {
        let (clock, epoch) = learned();
        assert_eq!(clock.captured_at(4 * 90_000, epoch + ms(4060)), epoch + ms(4000));
    }

    #[test]
    fn a_busy_moment_of_the_way_moves_no_frame() {
        let (mut clock, epoch) = learned();
        clock.round_trip(ms(160));
        assert_eq!(clock.captured_at(4 * 90_000, epoch + ms(4060)), epoch + ms(4000));
    }

    #[test]
    fn the_first_report_is_not_believed() {
        let epoch = Instant::now();
        let mut clock = CaptureClock::new(90_000, epoch);
        clock.report(epoch, Duration::ZERO, 0);
        clock.report(epoch + ms(1), Duration::from_secs(7), 0);
        let first_only = CaptureClock::new(90_000, epoch);
        assert_eq!(first_only.captured_at(0, epoch + ms(5)), epoch + ms(5));
        assert!(clock.captured_at(0, epoch + ms(5)) <= epoch + ms(5));
    }

    #[test]
    fn a_clock_that_was_set_is_learned_anew() {
        let (mut clock, epoch) = learned();
        clock.report(epoch + ms(4020), Duration::from_secs(5), 4 * 90_000);
        assert_eq!(clock.captured_at(4 * 90_000, epoch + ms(4030)), epoch + ms(4000));
    }

    #[test]
    fn nonsense_falls_back_to_the_arrival() {
        let (clock, epoch) = learned();
        for ticks in [0, u32::MAX / 2, 50 * 90_000] {
            let arrived = epoch + ms(40_000);
            assert_eq!(clock.captured_at(ticks, arrived), arrived, "{ticks}");
        }
    }

    #[test]
    fn a_carried_capture_time_comes_before_the_extrapolated_one() {
        let (mut clock, epoch) = learned();
        let wall = |ms: u64| Duration::from_secs(1_000_000 + 3600) + Duration::from_millis(ms);
        // Five seconds after the last report, a sender whose RTP clock is 1 % fast.
        let ticks = 8 * 90_900;
        assert!(clock.captured_at(ticks, epoch + ms(9000)) > epoch + ms(8040), "by the report it would be later");
        for second in 4..=8 {
            clock.carried((second * 90_900) as u32, wall(second * 1000));
        }
        let captured = clock.captured_at(ticks, epoch + ms(9000));
        assert!(captured >= epoch + ms(7990) && captured <= epoch + ms(8010), "{:?}", captured - epoch);
        clock.carried(ticks, wall(3_000_000));
        assert_eq!(clock.captured_at(ticks, epoch + ms(9000)), captured, "another clock is not believed");
    }
}
