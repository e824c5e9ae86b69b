//! How late something comes, of which most comes in time: packets from their publisher, and whatever else is measured so.

use std::time::{Duration, Instant};

/// What was late longer ago is not expected again.
const REMEMBERED_S: usize = 16;
/// The quickest way of so long is what a publisher's packets are measured against, or of twice as long: clocks drift.
const MEASURED: Duration = Duration::from_secs(10);
/// What is later than this is an outage, or another clock: to wait for it would make every picture too old.
pub(crate) const HOPELESS: Duration = Duration::from_millis(500);

/// How late something was of which most comes in time: the most of the last sixteen seconds, but for one of them and those
/// next to it. What has happened once is not expected again.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Peaks {
    began: Option<Instant>,
    /// The last second of which something is known, counted from there.
    newest: u64,
    /// The most of each second, in milliseconds, by its number modulo the length.
    seconds_ms: [u16; REMEMBERED_S],
}

impl Peaks {
    pub(crate) fn note(&mut self, now: Instant, late: Duration) {
        if late >= HOPELESS {
            return;
        }
        let began = *self.began.get_or_insert(now);
        let second = now.saturating_duration_since(began).as_secs();
        for empty in (self.newest + 1..=second).rev().take(REMEMBERED_S) {
            self.seconds_ms[empty as usize % REMEMBERED_S] = 0;
        }
        self.newest = self.newest.max(second);
        let most_ms = &mut self.seconds_ms[second as usize % REMEMBERED_S];
        *most_ms = (*most_ms).max(late.as_millis() as u16);
    }

    pub(crate) fn most(&self, now: Instant) -> Duration {
        let Some(began) = self.began else { return Duration::ZERO };
        let forgotten = (now.saturating_duration_since(began).as_secs() + 1).saturating_sub(REMEMBERED_S as u64);
        let known = forgotten..=self.newest;
        let of = |second: u64| self.seconds_ms[second as usize % REMEMBERED_S];
        let Some(worst) = known.clone().max_by_key(|second| of(*second)) else { return Duration::ZERO };
        let others = known.filter(|second| second.abs_diff(worst) > 1);
        Duration::from_millis(others.map(of).max().unwrap_or(0).into())
    }
}

/// How late the packets of one layer come from their publisher, against the quickest of the last ten to twenty seconds:
/// by their timestamps, which need be of no known clock.
#[derive(Debug, Default)]
pub(crate) struct Lateness {
    /// A moment and its timestamp; how much longer than these the quickest took on its way in this period and in the one
    /// before, in microseconds.
    quickest: Option<(Instant, u32, i64, i64)>,
    peaks: Peaks,
}

impl Lateness {
    /// Takes a packet that has come now for the first time.
    pub(crate) fn note(&mut self, now: Instant, rtp_ticks: u32, clock_rate_hz: u32) {
        let (began, began_ticks, present, last) = *self.quickest.get_or_insert((now, rtp_ticks, 0, 0));
        let by_ticks_us = i64::from(rtp_ticks.wrapping_sub(began_ticks) as i32) * 1_000_000 / i64::from(clock_rate_hz);
        let since = now.saturating_duration_since(began);
        let took_us = since.as_micros() as i64 - by_ticks_us;
        let late_us = took_us - present.min(last);
        if late_us.unsigned_abs() >= HOPELESS.as_micros() as u64 {
            self.quickest = Some((now, rtp_ticks, 0, 0));
            return;
        }
        self.peaks.note(now, Duration::from_micros(late_us.max(0) as u64));
        self.quickest = Some(if since < MEASURED {
            (began, began_ticks, present.min(took_us), last)
        } else {
            (now, rtp_ticks, 0, present.min(took_us) - took_us)
        });
    }

    pub(crate) fn most(&self, now: Instant) -> Duration {
        self.peaks.most(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn what_happens_again_is_expected_for_a_quarter_of_a_minute() {
        let start = Instant::now();
        let expected = |at_s: &[u32]| -> Vec<u32> {
            let mut peaks = Peaks::default();
            let mut seconds = Vec::new();
            for second in 0..90 {
                let now = start + 1000 * MS * second;
                peaks.note(now, if at_s.contains(&second) { 200 * MS } else { MS });
                peaks.note(now, 2000 * MS);
                match peaks.most(now).as_millis() {
                    200 => seconds.push(second),
                    most => assert!(most <= 1),
                }
            }
            assert_eq!(peaks.most(start + 200_000 * MS), Duration::ZERO, "nothing has come since");
            seconds
        };
        assert_eq!(expected(&[20]), [], "once");
        assert_eq!(expected(&[20, 21]), [], "once, at the end of a second");
        assert_eq!(expected(&[20, 30]), (30..36).collect::<Vec<_>>());
        assert_eq!(expected(&[20, 30, 44, 70]), (30..36).chain(44..46).collect::<Vec<_>>());
    }

    #[test]
    fn what_comes_late_from_a_publisher_is_seen_on_any_clock() {
        let start = Instant::now();
        for (first_ticks, drift_ppm) in [(0, 0), (u32::MAX - 90_000, 200), (1 << 31, -200_i64)] {
            let mut lateness = Lateness::default();
            let mut most = Vec::new();
            for frame in 0..1500_u32 {
                let captured_ms = u64::from(frame) * 40;
                let ticks = (captured_ms as i64 * 90 * (1_000_000 + drift_ppm) / 1_000_000) as u32;
                let late_ms = 30 + if [450, 500].contains(&frame) { 150 } else { u64::from(frame % 3) * 4 };
                let now = start + Duration::from_millis(captured_ms + late_ms);
                lateness.note(now, first_ticks.wrapping_add(ticks), 90_000);
                most.push(lateness.most(now).as_millis());
            }
            assert!(most[..500].iter().all(|most| *most <= 12), "{most:?}");
            assert!((146..=154).contains(&most[500]), "{}", most[500]);
            assert!(most[900..].iter().all(|most| *most <= 12), "{:?}", &most[900..]);
        }
    }

    #[test]
    fn a_clock_that_jumps_makes_nothing_late() {
        let start = Instant::now();
        let mut lateness = Lateness::default();
        for frame in 0..200_u32 {
            let ticks =
                frame * 3600 + if frame > 100 { 5_000_000 } else { 0 } + if frame > 150 { 3_000_000_000 } else { 0 };
            lateness.note(start + 40 * MS * frame, ticks, 90_000);
            assert_eq!(lateness.most(start + 40 * MS * frame), Duration::ZERO, "{frame}");
        }
    }
}
