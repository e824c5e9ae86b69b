//! How long a viewer holds its pictures back before it shows them, so that one that is late stops none.
//!
//! On a clean line not at all. Receivers show a picture that is late as soon as they have it, and then hurry through
//! those behind it: what is late by less than [`HIDDEN`] is a pause of less than 200 ms and no freeze, and costs nobody
//! any delay. Only what comes later has to be waited for, and by all pictures alike. Late is what came late from the
//! publisher, what the line brought later than the rest, and what was lost and has to be sent again: as late as it was
//! lately, or will be at the present loss, before that freezes anything. The greatest of them counts, for they seldom meet.

use std::time::{Duration, Instant};

use crate::lateness::{HOPELESS, Peaks};

/// Browsers call it a freeze from a picture and 150 ms on; less one refresh of a screen.
const HIDDEN: Duration = Duration::from_millis(130);
/// The header extension's unit.
const UNIT_MS: u64 = 10;
/// The time from a loss until it is asked for again beside the round trip: until the next packet shows it, and receivers
/// look for what did not come every 20 ms.
const NOTICED: Duration = Duration::from_millis(15);
/// Browsers report one or two round trips in a second.
const LATELY: usize = 8;
/// One packet in so long may come too late.
const ONE_IN_S: f64 = 30.0;
/// So often something is asked for again, and no more: then the next keyframe is sooner there.
const ATTEMPTS: f64 = 6.0;
/// Less is held back only when less has been enough for so long, and then by one unit after the other: a picture that
/// goes 5 % too fast is not seen to.
const ENOUGH_FOR: Duration = Duration::from_secs(3);
const SHRINKS_EVERY: Duration = Duration::from_millis(200);

/// The latest of something that is measured again and again.
#[derive(Debug, Default, Clone, Copy)]
struct Lately {
    latest: [Option<Duration>; LATELY],
    count: usize,
}

impl Lately {
    fn note(&mut self, measured: Duration) {
        self.latest[self.count % LATELY] = Some(measured);
        self.count = self.count.wrapping_add(1);
    }

    fn least(&self) -> Option<Duration> {
        self.latest.iter().flatten().min().copied()
    }
}

/// What is lost on a viewer's line.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Loss {
    /// Part of the packets, 0 to 1.
    pub(crate) part: f64,
    /// Part of the packets that parity would not mend, because another of the same group was lost with them.
    pub(crate) unmended: f64,
    pub(crate) packets_per_second: f64,
}

impl Loss {
    /// How late what is lost will be had again: after as many attempts as leave less than one packet in half a minute.
    /// One fails as often as the packet, or what asks for it, is lost.
    fn late(self, pace: Pace, is_protected: bool) -> Duration {
        let part = if is_protected { self.unmended } else { self.part };
        let lost = self.packets_per_second * ONE_IN_S * part;
        if lost < 1.0 {
            return Duration::ZERO;
        }
        let fails = (2.0 * self.part).min(0.9);
        let attempts = (lost.ln() / -fails.ln()).ceil().clamp(1.0, ATTEMPTS);
        pace.first + pace.again.mul_f64(attempts - 1.0)
    }
}

/// How long it takes until something that was lost is there by its first attempt, and by each after that.
#[derive(Debug, Clone, Copy)]
struct Pace {
    first: Duration,
    again: Duration,
}

/// What a viewer has asked for again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// How long after it came it left again, where that is the line's doing; else nothing.
    pub(crate) late: Duration,
    /// How long ago it had been sent again before, if it had.
    pub(crate) before: Option<Duration>,
}

/// What makes a viewer's pictures late.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Causes {
    /// The most of what it watches came so late from its publisher.
    pub(crate) upstream: Duration,
    /// The most that the line took longer than usual.
    pub(crate) jitter: Duration,
    pub(crate) loss: Loss,
    /// Something was lost lately. Else what is asked for again was only overtaken.
    pub(crate) has_lost: bool,
    /// The picture that matters most is protected by parity.
    pub(crate) is_protected: bool,
}

/// How long one viewer holds back all its pictures. One value for all of them, so that those of one site stay together.
#[derive(Debug)]
pub(crate) struct Playout {
    /// The room's bound.
    most: Duration,
    delay: Duration,
    /// The latest round trips. One may be long because a busy machine answered late: that is jitter, and happens once, where
    /// the way itself is gone several times.
    round_trips: Lately,
    /// How late what the viewer asked for again left; and how long it waits until it asks once more for the same, the latest.
    again: Peaks,
    asks_after: Lately,
    judged_at: Option<Instant>,
    /// Since when less is enough, and when it was last made less.
    enough_since: Option<Instant>,
    shrunk_at: Option<Instant>,
}

impl Playout {
    pub(crate) fn new(most: Duration) -> Self {
        let (delay, again) = (Duration::ZERO, Peaks::default());
        let (round_trips, asks_after) = (Lately::default(), Lately::default());
        Self { most, delay, round_trips, again, asks_after, judged_at: None, enough_since: None, shrunk_at: None }
    }

    /// How long pictures are held back now.
    pub(crate) fn delay(&self) -> Duration {
        self.delay
    }

    /// The same in the units of the header extension.
    pub(crate) fn units(&self) -> u16 {
        (self.delay.as_millis() as u64 / UNIT_MS) as u16
    }

    /// Takes the latest measured round trip.
    pub(crate) fn note_round_trip(&mut self, round_trip: Duration) {
        self.round_trips.note(round_trip);
    }

    /// How quickly what is lost is had again: a browser asks once more after a round trip, others when they like.
    fn pace(&self) -> Pace {
        let first = self.round_trips.least().unwrap_or_default() + NOTICED;
        Pace { first, again: self.asks_after.least().map_or(first, |asks_after| asks_after.max(first)) }
    }

    /// A packet leaves again.
    pub(crate) fn note_asked(&mut self, now: Instant, asked: Asked) {
        self.again.note(now, asked.late);
        asked.before.filter(|before| *before < HOPELESS).into_iter().for_each(|before| self.asks_after.note(before));
    }

    /// How much less pictures would have to be held back for what is lost, if parity mended what it can.
    pub(crate) fn spared_by_parity(&self, loss: Loss) -> Duration {
        let held = |is_protected| loss.late(self.pace(), is_protected).saturating_sub(HIDDEN);
        held(false).saturating_sub(held(true))
    }

    /// True if it is time to judge, which it is ten times a second.
    pub(crate) fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.judged_at.is_none_or(|at| now.saturating_duration_since(at) >= Duration::from_millis(100));
        self.judged_at = if is_due { Some(now) } else { self.judged_at };
        is_due
    }

    /// Grows at once to what is needed, and shrinks to it slowly.
    pub(crate) fn judge(&mut self, now: Instant, causes: Causes) {
        let Causes { upstream, jitter, loss, has_lost, is_protected } = causes;
        let again = if has_lost { self.again.most(now) } else { Duration::ZERO };
        let late = upstream.max(jitter).max(again).max(loss.late(self.pace(), is_protected));
        let needed_ms = (late.saturating_sub(HIDDEN).as_micros() as u64).div_ceil(1000 * UNIT_MS) * UNIT_MS;
        let most_ms = self.most.as_millis() as u64 / UNIT_MS * UNIT_MS;
        let needed = Duration::from_millis(needed_ms.min(most_ms));
        if needed >= self.delay {
            (self.delay, self.enough_since) = (needed, None);
            return;
        }
        let since = *self.enough_since.get_or_insert(now);
        let is_enough = now.saturating_duration_since(since) >= ENOUGH_FOR;
        if is_enough && self.shrunk_at.is_none_or(|at| now.saturating_duration_since(at) >= SHRINKS_EVERY) {
            self.delay -= Duration::from_millis(UNIT_MS);
            self.shrunk_at = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const MOST: Duration = Duration::from_millis(400);

    fn losing(part: f64) -> Causes {
        Causes { loss: Loss { part, unmended: part * part * 4.0, packets_per_second: 270.0 }, ..Causes::default() }
    }

    fn needed(causes: Causes, round_trip_ms: u32) -> u128 {
        let mut playout = Playout::new(MOST);
        for busy_ms in [100, 0, 40] {
            playout.note_round_trip(MS * (round_trip_ms + busy_ms));
        }
        playout.judge(Instant::now(), causes);
        playout.delay().as_millis()
    }

    #[test]
    fn nothing_is_held_back_where_nothing_is_late() {
        for (part, round_trip_ms) in [(0.0, 300), (0.0001, 300), (0.03, 50), (0.001, 110)] {
            assert_eq!(needed(losing(part), round_trip_ms), 0, "{part} of a line of {round_trip_ms} ms");
        }
        assert_eq!(needed(Causes { jitter: 60 * MS, upstream: 60 * MS, ..losing(0.0) }, 50), 0, "no freeze, a pause");
    }

    #[test]
    fn what_is_lost_often_or_far_away_is_waited_for() {
        // Three times there and back at 5 %, for the third is needed every few seconds; five times at 10 %.
        assert_eq!([0.05, 0.1].map(|part| needed(losing(part), 50)), [70, 200]);
        assert_eq!([0.01, 0.05].map(|part| needed(losing(part), 100)), [100, 220]);
        assert_eq!(needed(Causes { jitter: 60 * MS, upstream: 190 * MS, ..losing(0.05) }, 50), 70, "they seldom meet");
        assert_eq!(needed(Causes { jitter: 60 * MS, upstream: 230 * MS, ..losing(0.05) }, 50), 100);
        assert_eq!(needed(losing(0.2), 400), 400, "no longer than the room allows");
        let mut playout = Playout::new(MOST);
        playout.note_round_trip(50 * MS);
        for before_ms in [900, 132, 165] {
            playout.note_asked(Instant::now(), Asked { late: MS, before: Some(before_ms * MS) });
        }
        playout.judge(Instant::now(), losing(0.05));
        assert_eq!(playout.delay(), 200 * MS, "it asks again only after 132 ms");
    }

    #[test]
    fn parity_spares_a_round_trip_where_losses_are_single() {
        let spared = |part: f64, unmended: f64, round_trip_ms: u32| {
            let mut playout = Playout::new(MOST);
            playout.note_round_trip(MS * round_trip_ms);
            playout.spared_by_parity(Loss { part, unmended, packets_per_second: 270.0 }).as_millis()
        };
        assert_eq!(spared(0.01, 0.0006, 50), 0, "nothing is held back anyhow");
        assert_eq!([0.01, 0.05].map(|part| spared(part, part * part * 4.0, 150)), [165, 165]);
        assert_eq!(spared(0.02, 0.018, 150), 0, "they come in rows");
        let protected = Causes { is_protected: true, ..losing(0.05) };
        assert_eq!([losing(0.05), protected].map(|causes| needed(causes, 100)), [220, 100]);
    }

    #[test]
    fn it_grows_at_once_and_shrinks_slowly() {
        let start = Instant::now();
        let mut playout = Playout::new(MOST);
        let mut changes = Vec::new();
        for tenth in 0..600 {
            let now = start + 100 * MS * tenth;
            if [2, 6, 10, 50].contains(&tenth) {
                playout.note_asked(now, Asked { late: 183 * MS, before: None });
            }
            let before = playout.delay();
            playout.judge(now, Causes { has_lost: tenth >= 10, ..Causes::default() });
            if playout.delay() != before {
                changes.push((tenth, playout.delay().as_millis()));
            }
        }
        assert_eq!(changes[0], (50, 60), "the second burst that was lost");
        assert!((180..220).contains(&changes[1].0), "{changes:?}");
        let steps: Vec<_> = changes[1..].windows(2).map(|two| (two[1].0 - two[0].0, two[0].1 - two[1].1)).collect();
        assert_eq!(steps, [(2, 10); 5], "{changes:?}");
        assert_eq!(changes[6].1, 0);
    }

    #[test]
    fn a_room_can_forbid_it() {
        let mut playout = Playout::new(Duration::ZERO);
        playout.note_round_trip(400 * MS);
        playout.judge(Instant::now(), losing(0.2));
        assert_eq!(playout.units(), 0);
    }
}
