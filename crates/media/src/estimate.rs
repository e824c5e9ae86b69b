//! How much one viewer's line carries: congestion control on the sender's side, from transport-wide feedback.
//!
//! Not GCC (draft-ietf-rmcat-gcc-02), which expects a pacer: it reads congestion from the spacing between paced
//! groups, and finds out about more by probing. We send a frame's packets at once, so that every frame is a train of
//! packets that measures the narrowest place of the line: the estimate is known with the first feedback, and follows
//! with the next. What trains cannot show, other traffic on the same line, shows in what stands in the queue *before* each of
//! our bursts, and in loss; then a ceiling is set, and raised again carefully, or at once where a probe succeeds.

mod arriving;
mod flight;
mod onset;
mod probe;
mod queue;
mod receipt;
#[cfg(test)]
mod tests;
mod train;

use std::time::{Duration, Instant};

use self::flight::Flight;
use self::onset::Onset;
use self::probe::Probing;
use self::queue::Queue;
use self::receipt::Receipt;
use self::train::{Train, Trains};
use crate::lateness::Peaks;
use crate::playout::Loss;

/// What is assumed of a line of which nothing is known: one feed of a capture card at its usual rate.
const INITIAL_BPS: f64 = 3e6;
const LEAST_BPS: f64 = 50e3;
const MOST_BPS: f64 = 200e6;
/// The part of what trains show that is spent: the rest is for what is sent again, and for headers of IP and UDP.
const SPENT: f64 = 0.9;
/// More than this in the queue before a burst is too much.
const STANDING_US: i64 = 20_000;
const STANDING_LONG_US: i64 = 80_000;
/// A queue as long as this is ours: no path becomes so much longer at once.
const STANDING_PROVEN_US: i64 = 120_000;
/// After giving way nothing is judged for so long: what was on the way comes first.
const SETTLES: Duration = Duration::from_millis(300);
/// So often in vain, and it is not we who fill the queue.
const CUTS_IN_VAIN: u32 = 3;
/// A queue that has been empty for so long is ours again.
const UNCROWDED: Duration = Duration::from_secs(2);
/// More loss than usual by so much is that of a full line.
const LOSS_ABOVE_USUAL: f64 = 0.1;
/// The same where others fill the line.
const LOSS_CROWDED: f64 = 0.03;
/// How long a rate that came through is believed.
const PROVEN: Duration = Duration::from_secs(5);
const PROVEN_PART: f64 = 0.97;
/// A line that was full is thought narrow for so long.
const NARROW_US: i64 = 60_000_000;
/// What leaves so long after we sent more than was live may stand behind that.
const DISTURBED_US: i64 = 500_000;
/// What is late or lost so long after it gave way is what was sent too much.
const GIVES_WAY: Duration = Duration::from_secs(1);
/// What was sent so long ago and not reported is not waited for.
const FORGOTTEN_US: u32 = 2_000_000;

/// What is known of one line.
#[derive(Debug)]
pub(crate) struct Estimator {
    epoch: Instant,
    /// Since then, in microseconds.
    now_us: i64,
    flight: Flight,
    train: Option<Train>,
    trains: Trains,
    queue: Queue,
    receipt: Receipt,
    onset: Onset,
    /// How much longer than the others just before and after it something took.
    jitter: Peaks,
    disturbed_until_us: i64,
    /// The numbers after those of the last feedback, and of the last packet of which it told.
    next_number: Option<u8>,
    next_told: Option<u16>,
    /// The last packet that was missing.
    last_missed: Option<u16>,
    /// The last arrival by the receiver's clock, without wrap.
    last_units: Option<i64>,
    /// The last arrival, in microseconds, and when the newest was sent that has come.
    arrived_us: i64,
    newest_us: i64,
    /// More than this the line did not carry lately.
    ceiling: Option<Ceiling>,
    is_full: bool,
    full_at_us: Option<i64>,
    is_crowded: bool,
    uncrowded_since: Option<Instant>,
    /// How often it gave way since the queue was last empty, and what came through before.
    cuts_in_vain: u32,
    first_limit_bps: f64,
    /// The least loss seen: of the air, not of a queue.
    usual_loss: f64,
    /// The last time that it was looked at, more than that was lost.
    has_lost: bool,
    proven: Option<(Instant, f64)>,
    probing: Probing,
    updated_at: Option<Instant>,
    estimate_bps: f64,
}

#[derive(Debug, Clone, Copy)]
struct Ceiling {
    bps: f64,
    /// What came through when it was set.
    limit_bps: f64,
    set_at: Instant,
}

impl Estimator {
    pub(crate) fn new(epoch: Instant) -> Self {
        Self {
            epoch,
            now_us: 0,
            flight: Flight::default(),
            train: None,
            trains: Trains::default(),
            queue: Queue::default(),
            receipt: Receipt::default(),
            onset: Onset::default(),
            jitter: Peaks::default(),
            disturbed_until_us: 0,
            next_number: None,
            next_told: None,
            last_missed: None,
            last_units: None,
            arrived_us: 0,
            newest_us: 0,
            ceiling: None,
            is_full: false,
            full_at_us: None,
            is_crowded: false,
            uncrowded_since: None,
            cuts_in_vain: 0,
            first_limit_bps: 0.0,
            usual_loss: 0.0,
            has_lost: false,
            proven: None,
            probing: Probing::default(),
            updated_at: None,
            estimate_bps: INITIAL_BPS,
        }
    }

    /// What the line carries, in bits per second of RTP.
    pub(crate) fn bitrate_bps(&self) -> u64 {
        self.estimate_bps as u64
    }

    /// True while a long queue or loss has shown that more was sent than the line carries. Without, a low estimate may be
    /// all that small or jittered trains can show, and a short queue no more than a path that has become longer.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full && self.ceiling.is_some()
    }

    /// True if the line was full lately: what is sent at once and not in its time would fill it again.
    pub(crate) fn is_narrow(&self) -> bool {
        self.full_at_us.is_some_and(|at_us| self.now_us - at_us < NARROW_US)
    }

    /// The part of the packets that was lost lately, 0 to 1.
    pub(crate) fn loss(&self) -> f64 {
        self.receipt.last_loss()
    }

    /// What stands in the line's queue.
    pub(crate) fn standing(&self) -> Duration {
        Duration::from_micros(self.queue.standing_us().unwrap_or(0).max(0) as u64)
    }

    /// How much longer than usual the line took lately.
    pub(crate) fn jitter(&self, now: Instant) -> Duration {
        self.jitter.most(now)
    }

    /// What the line has lost for some seconds.
    pub(crate) fn lasting_loss(&self) -> Loss {
        self.receipt.lasting_loss()
    }

    /// True if anything was lost within a quarter of a minute, and not only overtaken.
    pub(crate) fn has_lost(&self) -> bool {
        self.onset.has_lost(self.now_us)
    }

    /// More than is live leaves now, and what leaves with it and after it may be late for that.
    pub(crate) fn disturb(&mut self, now: Instant) {
        self.begin(now);
        self.disturbed_until_us = self.now_us + DISTURBED_US;
    }

    /// True if what is late now may be so because of what we sent.
    pub(crate) fn is_disturbed(&self, now: Instant) -> bool {
        self.now_us < self.disturbed_until_us || self.is_too_much(now)
    }

    /// More is sent than the line carries, and soon will not be.
    fn is_too_much(&self, now: Instant) -> bool {
        let has_just = |ceiling: Ceiling| now.saturating_duration_since(ceiling.set_at) < GIVES_WAY;
        let stands_long = self.queue.standing_us().is_some_and(|standing| standing > STANDING_LONG_US);
        !self.is_crowded && (stands_long || self.ceiling.is_some_and(has_just))
    }

    /// True once the viewer has said anything.
    pub(crate) fn is_known(&self) -> bool {
        self.updated_at.is_some()
    }

    /// What is sent from here on leaves now. What was sent long ago is forgotten, also for a viewer that never reports.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.now_us = now.saturating_duration_since(self.epoch).as_micros() as i64;
        self.flight.forget_before((self.now_us as u32).wrapping_sub(FORGOTTEN_US));
    }

    /// Notes a packet that leaves with this transport-wide number.
    pub(crate) fn sent(&mut self, sequence: u16, bytes: usize) {
        self.flight.push(sequence, self.now_us as u32, bytes as u16, self.now_us < self.disturbed_until_us);
        self.probing.sent(bytes);
    }

    fn judge(&mut self, now: Instant) {
        if self.updated_at.is_none() {
            // There is no hurry before trains have had their say.
            self.probing.fail(now);
        }
        let since = self.updated_at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.updated_at = Some(now);
        let standing_us = self.queue.standing_us().unwrap_or(0);
        let acked_bps = self.receipt.rate_bps();
        let is_too_much = self.is_too_much(now);
        if let Some(per_second) = self.onset.per_second(self.newest_us, is_too_much) {
            self.receipt.lose(per_second);
        }
        let (loss, is_news) = self.receipt.loss(self.now_us, is_too_much);
        if is_news {
            self.usual_loss =
                if loss < self.usual_loss { loss } else { self.usual_loss * 0.95 + loss.min(0.15) * 0.05 };
        }
        let is_standing = standing_us > STANDING_US;
        self.note_crowd(now, is_standing);

        let is_settled = self.ceiling.is_none_or(|it| now.saturating_duration_since(it.set_at) >= SETTLES);
        let is_falling = self.queue.is_falling();
        // Loss without a queue may be of the air, or no loss at all: jitter makes what is late look lost.
        let is_unusual = is_news && loss > self.usual_loss + LOSS_ABOVE_USUAL;
        let loses_much = is_unusual && is_standing;
        self.is_full = standing_us > STANDING_PROVEN_US || loses_much || self.is_full && self.ceiling.is_some();
        // Nor is it that of a full line if it has passed by itself: a radio fails for a moment.
        let loses_on = is_unusual && (is_standing || self.has_lost);
        if is_news {
            self.has_lost = is_unusual;
        }
        let loses = if self.is_crowded { is_news && loss > LOSS_CROWDED } else { loses_on };
        if is_standing && is_settled && !is_falling && !self.is_crowded {
            let factor = if standing_us > STANDING_LONG_US { 0.7 } else { 0.85 };
            self.give_way(now, acked_bps, factor);
        } else if loses && is_settled {
            self.give_way(now, acked_bps, if self.is_crowded { 0.85 } else { 0.95 });
        } else if !is_standing || self.is_crowded {
            self.rise(now, since, acked_bps);
        }
        if let (Some(acked), false) = (acked_bps, is_standing)
            && self.proven.is_none_or(|(at, bps)| acked > bps || now.saturating_duration_since(at) > PROVEN)
        {
            self.proven = Some((now, acked));
        }
        if let Some(proven_bps) = self.probing.judge(now, acked_bps, is_standing) {
            self.ceiling = None;
            self.proven = Some((now, proven_bps));
        }
        self.settle(acked_bps);
        if self.is_full() {
            self.full_at_us = Some(self.now_us);
        }
    }

    /// A queue that stands however much we give way is somebody else's.
    fn note_crowd(&mut self, now: Instant, is_standing: bool) {
        if is_standing {
            self.uncrowded_since = None;
            if self.cuts_in_vain >= CUTS_IN_VAIN && !std::mem::replace(&mut self.is_crowded, true) {
                // What was given up for nothing.
                let ceiling = self.ceiling.as_mut().filter(|ceiling| ceiling.bps < self.first_limit_bps / 2.0);
                ceiling.into_iter().for_each(|ceiling| ceiling.bps = self.first_limit_bps / 2.0);
            }
        } else {
            let since = *self.uncrowded_since.get_or_insert(now);
            if now.saturating_duration_since(since) > UNCROWDED {
                (self.is_crowded, self.cuts_in_vain) = (false, 0);
            }
        }
    }

    fn give_way(&mut self, now: Instant, acked_bps: Option<f64>, factor: f64) {
        // What came through, also where more was sent than was allowed: there may be nothing smaller to send.
        let limit_bps = acked_bps.unwrap_or(self.estimate_bps);
        if self.cuts_in_vain == 0 {
            self.first_limit_bps = limit_bps;
        }
        self.cuts_in_vain += u32::from(self.uncrowded_since.is_none());
        self.ceiling = Some(Ceiling { bps: limit_bps * factor, limit_bps, set_at: now });
        self.proven = None;
        self.probing.fail(now);
        self.queue.forget_lately();
    }

    /// Raises the ceiling: slowly where it was too much before, quickly elsewhere, and never far above what comes through.
    fn rise(&mut self, now: Instant, since: Duration, acked_bps: Option<f64>) {
        let Some(ceiling) = &mut self.ceiling else { return };
        if now.saturating_duration_since(ceiling.set_at) < 2 * SETTLES {
            return;
        }
        let is_near = (0.8..1.2).contains(&(ceiling.bps / ceiling.limit_bps));
        let per_second: f64 = if self.is_crowded {
            0.15
        } else if is_near {
            0.05
        } else {
            0.25
        };
        let most = acked_bps.map_or(f64::MAX, |acked| acked * 1.5 + 10e3);
        let raised = ceiling.bps * (1.0 + per_second * since.as_secs_f64().min(1.0));
        ceiling.bps = raised.min(most).max(ceiling.bps);
    }

    /// Joins it all.
    fn settle(&mut self, acked_bps: Option<f64>) {
        let proven_bps = self.proven.map_or(0.0, |(_, bps)| bps * PROVEN_PART);
        let shown_bps = match self.trains.rate(self.arrived_us) {
            Some((rate_bps, _)) => rate_bps * SPENT,
            None => acked_bps.map_or(0.0, |acked| acked * 1.5).max(INITIAL_BPS),
        };
        if self.ceiling.is_some_and(|ceiling| ceiling.bps > shown_bps.max(proven_bps)) {
            self.ceiling = None;
        }
        let ceiling = self.ceiling.map_or(MOST_BPS, |ceiling| ceiling.bps);
        self.estimate_bps = shown_bps.max(proven_bps).min(ceiling).clamp(LEAST_BPS, MOST_BPS);
    }

    /// More is wanted than the estimate allows: begins a probe if it is time for one.
    pub(crate) fn want(&mut self, now: Instant, wanted_bps: u64) {
        let wanted_bps = wanted_bps as f64;
        let is_standing = self.queue.standing_us().is_some_and(|standing| standing > STANDING_US);
        if self.updated_at.is_some() && wanted_bps > self.estimate_bps && !is_standing {
            // No more than trains have shown, where they agree, else than half as much again as is known.
            let most_bps = match self.trains.rate(self.arrived_us) {
                Some((rate_bps, true)) => rate_bps * SPENT,
                _ => 1.5 * self.estimate_bps,
            };
            if most_bps > self.estimate_bps * 1.05 {
                self.probing.begin(now, wanted_bps.min(most_bps));
            }
        }
    }

    /// Bytes that are to be sent now beside everything else, so that the line is seen to carry them.
    pub(crate) fn padding(&mut self, now: Instant) -> usize {
        self.probing.due(now)
    }
}
