//! The estimate on lines of all kinds, in virtual time. Each line is a queue that empties at its capacity, a delay,
//! and dice; the viewer answers every 100 ms as browsers do.

#![allow(clippy::print_stdout, reason = "shows its figures, not only that they will do")]

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use hostile::{Rng, SeedableRng, StdRng};

use super::Estimator;

const PACKET: usize = 1200;
const FRAME_US: u64 = 33_333;
const ANSWERS_US: u64 = 100_000;

/// A line.
#[derive(Clone, Copy)]
struct Line {
    capacity_bps: fn(u64) -> f64,
    delay_us: u64,
    queue_us: u64,
    jitter_us: u64,
    loss: f64,
    /// All of a tenth of a second is lost, about once in two seconds.
    loses_bursts: bool,
    /// Of the answers, which take another way; and how much longer each may take there.
    answers_lost: f64,
    answers_jitter_us: u64,
    others: bool,
}

const CLEAN: Line = Line {
    capacity_bps: |_| 3e6,
    delay_us: 20_000,
    queue_us: 300_000,
    jitter_us: 0,
    loss: 0.0,
    loses_bursts: false,
    answers_lost: 0.0,
    answers_jitter_us: 0,
    others: false,
};
const BURST_US: u64 = 100_000;
const BETWEEN_BURSTS: f64 = 2000.0;

/// What the sender has to send.
#[derive(Clone, Copy)]
enum Source {
    /// As much as the estimate allows, up to this.
    Elastic(f64),
    /// The best of these that fits.
    Layers(&'static [f64]),
}

/// Reno in few words: another sender on the same line.
struct Other {
    window: f64,
    in_flight: VecDeque<u64>,
    threshold: f64,
    cut_at_us: u64,
}

/// What was seen.
#[derive(Default)]
struct Seen {
    /// Every 10 ms: time, estimate, rate sent.
    estimates: Vec<(u64, f64, f64)>,
    /// Of each packet that came: when it was sent, how long it stood.
    queueing: Vec<(u64, u64)>,
    others_bytes: u64,
}

impl Seen {
    fn mean_bps(&self, from_s: u64, to_s: u64) -> f64 {
        let within = self.estimates.iter().filter(|(at, _, _)| (from_s * 1_000_000..to_s * 1_000_000).contains(at));
        let (sum, count) = within.fold((0.0, 0), |(sum, count), (_, bps, _)| (sum + bps, count + 1));
        sum / f64::from(count)
    }

    /// When, after this, the estimate first held this for half a second.
    fn reaches(&self, from_us: u64, holds: impl Fn(f64) -> bool) -> Option<u64> {
        let mut since = None;
        for (at, bps, _) in self.estimates.iter().filter(|(at, _, _)| *at >= from_us) {
            since = holds(*bps).then(|| since.unwrap_or(*at));
            if since.is_some_and(|since| at - since >= 500_000) {
                return since.map(|since| since - from_us);
            }
        }
        None
    }

    fn queueing_ms(&self, from_s: u64, quantile: f64) -> f64 {
        let within = self.queueing.iter().filter(|(at, _)| *at >= from_s * 1_000_000);
        let mut stood: Vec<u64> = within.map(|(_, stood)| *stood).collect();
        stood.sort_unstable();
        stood.get((stood.len() as f64 * quantile) as usize).map_or(0.0, |us| *us as f64 / 1e3)
    }
}

fn run(seed: u64, line: Line, source: Source, seconds: u64) -> Seen {
    run_after(Duration::ZERO, seed, line, source, seconds)
}

/// The same with a viewer that has been there for so long.
fn run_after(stayed: Duration, seed: u64, line: Line, source: Source, seconds: u64) -> Seen {
    let mut dice = StdRng::seed_from_u64(seed);
    let start = Instant::now();
    let at = |us: u64| start + stayed + Duration::from_micros(us);
    let mut estimator = Estimator::new(start);
    let mut seen = Seen::default();
    let mut other = Other { window: 10.0, in_flight: VecDeque::new(), threshold: f64::MAX, cut_at_us: 0 };
    let (mut free_at, mut sequence, mut rate_bps) = (0.0_f64, 0_u16, 1e6);
    let (mut arrivals, mut told_to, mut number): (Vec<Option<u64>>, usize, u8) = (Vec::new(), 0, 0);
    let mut answers: VecDeque<(u64, Vec<u8>)> = VecDeque::new();
    let (mut next_frame, mut next_answer, mut burst_until, mut answers_until) = (0, ANSWERS_US, 0, 0);
    for now in (0..seconds * 1_000_000).step_by(1000) {
        let capacity = (line.capacity_bps)(now);
        if line.loses_bursts && dice.random_bool(1.0 / BETWEEN_BURSTS) {
            burst_until = now + BURST_US;
        }
        // Gives when a packet leaves the queue, none if it is full.
        let mut pass = |bytes: usize| {
            let begins = free_at.max(now as f64);
            if begins - now as f64 > line.queue_us as f64 {
                return None;
            }
            free_at = begins + bytes as f64 * 8e6 / capacity;
            Some(free_at as u64)
        };
        if line.others {
            while other.in_flight.front().is_some_and(|acked_at| *acked_at <= now) {
                other.in_flight.pop_front();
                seen.others_bytes += 1500;
                other.window += if other.window < other.threshold { 1.0 } else { 1.0 / other.window };
            }
            while (other.in_flight.len() as f64) < other.window {
                match pass(1500) {
                    Some(out) => other.in_flight.push_back(out + 2 * line.delay_us),
                    None => {
                        if now - other.cut_at_us > 100_000 {
                            other.window = (other.window / 2.0).max(2.0);
                            other.threshold = other.window;
                            other.cut_at_us = now;
                        }
                        break;
                    }
                }
            }
        }
        if now >= next_frame {
            next_frame += FRAME_US;
            let frame = rate_bps / 8.0 * FRAME_US as f64 / 1e6 * dice.random_range(0.8..1.2);
            let packets = (frame / PACKET as f64).ceil().max(1.0) as usize;
            let size = (frame as usize / packets).max(60);
            let mut send = |estimator: &mut Estimator, bytes: usize| {
                sequence = sequence.wrapping_add(1);
                estimator.begin(at(now));
                estimator.sent(sequence, bytes);
                let out = pass(bytes).filter(|_| now >= burst_until && !dice.random_bool(line.loss));
                let jitter = if line.jitter_us > 0 { dice.random_range(0..line.jitter_us) } else { 0 };
                if let Some(out) = out {
                    seen.queueing.push((now, out - now));
                }
                arrivals.push(out.map(|out| out + line.delay_us + jitter));
            };
            (0..packets).for_each(|_| send(&mut estimator, size));
            let padding = estimator.padding(at(now)) / PACKET;
            (0..padding).for_each(|_| send(&mut estimator, PACKET));
        }
        if now >= next_answer {
            next_answer += ANSWERS_US;
            let has_come = |at: &Option<u64>| at.is_some_and(|at| at <= now);
            if let Some(last) = arrivals.iter().rposition(has_come) {
                let told: Vec<_> = arrivals[told_to..=last].iter().map(|at| at.filter(|at| *at <= now)).collect();
                number = number.wrapping_add(u8::from(!told.is_empty()));
                if !told.is_empty() && !dice.random_bool(line.answers_lost) {
                    let jitter = dice.random_range(0..=line.answers_jitter_us);
                    answers_until = answers_until.max(now + line.delay_us + jitter);
                    answers.push_back((answers_until, feedback(number, (told_to as u16).wrapping_add(1), &told)));
                }
                // Those that are late are told with the next, and all after them again.
                let late = arrivals[told_to..=last].iter().position(|at| at.is_some_and(|at| at > now));
                told_to = late.map_or(last + 1, |late| told_to + late);
            }
        }
        while answers.front().is_some_and(|(due, _)| *due <= now) {
            let (_, answer) = answers.pop_front().expect("there is one");
            estimator.receive(at(now), &answer);
        }
        if now % 10_000 == 0 {
            let estimate = estimator.bitrate_bps() as f64;
            rate_bps = match source {
                Source::Elastic(most) => estimate.min(most),
                Source::Layers(layers) => {
                    let best = layers.iter().copied().filter(|layer| *layer <= estimate).fold(layers[0], f64::max);
                    if let Some(next) = layers.iter().find(|layer| **layer > best) {
                        estimator.want(at(now), (next * 1.1) as u64);
                    }
                    best
                }
            };
            if let Source::Elastic(most) = source {
                estimator.want(at(now), (most.min(estimate * 1.5)) as u64);
            }
            seen.estimates.push((now, estimate, rate_bps));
        }
    }
    seen
}

/// A transport-wide feedback in its plainest form: every delta in two bytes.
fn feedback(number: u8, base: u16, arrivals: &[Option<u64>]) -> Vec<u8> {
    let units = |us: u64| (us / 250) as i64;
    let first = arrivals.iter().flatten().next().map_or(0, |at| units(*at)) / 256;
    let mut packet = vec![0x8f, 205, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9];
    packet.extend(base.to_be_bytes());
    packet.extend((arrivals.len() as u16).to_be_bytes());
    packet.extend(&(first as u32).to_be_bytes()[1..]);
    packet.push(number);
    for seven in arrivals.chunks(7) {
        let bits = seven.iter().enumerate().filter(|(_, at)| at.is_some());
        let word = bits.fold(0xc000_u16, |word, (at, _)| word | 2 << (12 - 2 * at));
        packet.extend(word.to_be_bytes());
    }
    let mut last = first * 256;
    for at in arrivals.iter().flatten() {
        packet.extend(((units(*at) - last) as i16).to_be_bytes());
        last = units(*at);
    }
    packet
}

/// So many unless `ESTIMATE_SEEDS` says otherwise.
const SEEDS: u64 = 200;

#[expect(clippy::disallowed_methods, reason = "a longer run is asked for by the environment")]
fn seeds() -> std::ops::Range<u64> {
    let asked = std::env::var("ESTIMATE_SEEDS").ok();
    0..asked.map_or(SEEDS, |count| count.parse().expect("ESTIMATE_SEEDS is a number"))
}
/// A capture card's feed at three qualities.
const THREE: Source = Source::Layers(&[150e3, 500e3, 2.5e6]);
const GREEDY: Source = Source::Elastic(30e6);

#[test]
fn most_of_a_line_is_used_and_its_queue_stays_short() {
    let lines: [(&str, Line, f64, f64); 10] = [
        ("1 Mb/s", Line { capacity_bps: |_| 1e6, ..CLEAN }, 0.85, 60.0),
        ("3 Mb/s", CLEAN, 0.85, 60.0),
        ("10 Mb/s", Line { capacity_bps: |_| 10e6, ..CLEAN }, 0.85, 60.0),
        ("20 Mb/s, 80 ms there and back", Line { capacity_bps: |_| 20e6, delay_us: 40_000, ..CLEAN }, 0.85, 60.0),
        ("5 % loss, 100 ms there and back", Line { loss: 0.05, delay_us: 50_000, ..CLEAN }, 0.85, 60.0),
        ("10 % loss", Line { loss: 0.10, ..CLEAN }, 0.8, 60.0),
        ("a queue of 40 ms", Line { queue_us: 40_000, ..CLEAN }, 0.85, 60.0),
        ("bursts of 100 ms are lost", Line { loses_bursts: true, ..CLEAN }, 0.8, 60.0),
        (
            "a bad line back: 20 % of answers lost, 100 ms of jitter",
            Line { answers_lost: 0.2, answers_jitter_us: 100_000, ..CLEAN },
            0.8,
            60.0,
        ),
        // Trains tell little there, and a queue is seen late.
        ("60 ms of jitter", Line { jitter_us: 60_000, ..CLEAN }, 0.55, 250.0),
    ];
    println!("| line | used of it, least of {} | p95 of its queue, most, ms | known after, most, ms |", seeds().end);
    println!("|---|---|---|---|");
    for (name, line, least_used, longest_ms) in lines {
        let capacity = (line.capacity_bps)(0);
        let (mut worst_used, mut worst_ms, mut slowest_ms) = (f64::MAX, 0.0_f64, 0);
        for seed in seeds() {
            let seen = run(seed, line, GREEDY, 60);
            worst_used = worst_used.min(seen.mean_bps(10, 60) / capacity);
            worst_ms = worst_ms.max(seen.queueing_ms(10, 0.95));
            slowest_ms = slowest_ms
                .max(seen.reaches(0, |bps| (0.7..1.2).contains(&(bps / capacity))).unwrap_or(u64::MAX) / 1000);
        }
        println!("| {name} | {worst_used:.2} | {worst_ms:.0} | {slowest_ms} |");
        assert!(worst_used >= least_used, "{name}: {worst_used} used");
        assert!(worst_ms <= longest_ms, "{name}: p95 of {worst_ms} ms in the queue");
    }
}

#[test]
fn it_follows_a_line_that_changes_and_does_not_flap() {
    let line = Line { capacity_bps: |us| if (20_000_000..40_000_000).contains(&us) { 1e6 } else { 3e6 }, ..CLEAN };
    let (mut down_ms, mut up_ms) = (0, 0);
    for seed in seeds() {
        let seen = run(seed, line, THREE, 90);
        let reaches = |from, holds: fn(f64) -> bool| seen.reaches(from, holds).expect("it adapts") / 1000;
        down_ms = down_ms.max(reaches(20_000_000, |bps| bps < 1.05e6));
        up_ms = up_ms.max(reaches(40_000_000, |bps| bps >= 2.5e6));
        let late = seen.estimates.iter().filter(|(at, _, _)| *at > 50_000_000).map(|(_, _, rate)| rate);
        assert!(late.clone().eq(std::iter::repeat_n(&2.5e6, late.clone().count())), "seed {seed}: it flaps");
    }
    println!("3 to 1 Mb/s within {down_ms} ms, 1 to 3 within {up_ms} ms (worst of {})", seeds().end);
    assert!(down_ms <= 1500 && up_ms <= 1500, "{down_ms} and {up_ms} ms");
}

/// Flights are timed by 32 bits of microseconds.
#[test]
fn a_viewer_that_stays_for_hours_keeps_its_line() {
    let wraps = Duration::from_micros(1 << 32);
    for seed in seeds() {
        let seen = run_after(wraps - Duration::from_secs(20), seed, CLEAN, THREE, 60);
        let lowest =
            seen.estimates.iter().filter(|(at, _, _)| *at > 10_000_000).map(|(_, bps, _)| *bps).reduce(f64::min);
        assert!(lowest >= Some(2.5e6), "seed {seed}: {lowest:?} of 3 Mb/s");
    }
}

/// There may be nothing smaller to send: what comes through is known all the same.
#[test]
fn who_cannot_send_less_still_knows_the_line() {
    for seed in seeds() {
        let line = Line { capacity_bps: |_| 0.7e6, ..CLEAN };
        let used = run(seed, line, Source::Layers(&[1e6]), 30).mean_bps(10, 30) / 0.7e6;
        assert!((0.5..1.1).contains(&used), "seed {seed}: {used:.2} of the line");
    }
}

#[test]
fn another_flow_and_ours_share_a_line() {
    for seed in seeds() {
        let seen = run(seed, Line { others: true, ..CLEAN }, GREEDY, 60);
        let (ours, others) = (seen.mean_bps(10, 60) / 3e6, seen.others_bytes as f64 * 8.0 / 60.0 / 3e6);
        assert!(ours > 0.2 && others > 0.15, "seed {seed}: {ours:.2} and {others:.2} of the line");
    }
}
