//! One direction of one peer's way to the server and what happens to datagrams on it.

use std::time::{Duration, Instant};

use crate::rival::Rival;
use crate::seed::Chance;

/// How a link is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    pub(crate) delay: Duration,
    /// Each datagram takes up to so much longer, by itself: what was sent later may come earlier.
    pub(crate) jitter: Duration,
    pub(crate) lost_permille: u32,
    pub(crate) doubled_permille: u32,
    /// What goes through it in a second; without, everything does.
    pub(crate) width_kbps: Option<u32>,
    /// Somebody else fills what there is of that.
    pub(crate) has_rival: bool,
    /// All of so long is lost once in so long, by chance when.
    pub(crate) burst: Option<(Duration, Duration)>,
}

impl Weather {
    /// A line without faults.
    pub(crate) const fn clear(delay_ms: u64) -> Self {
        let (delay, jitter) = (Duration::from_millis(delay_ms), Duration::ZERO);
        Self { delay, jitter, lost_permille: 0, doubled_permille: 0, width_kbps: None, has_rival: false, burst: None }
    }

    /// Order is lost on it and some come twice, but nothing is lost.
    pub(crate) const fn rough(delay_ms: u64, jitter_ms: u64) -> Self {
        Self { jitter: Duration::from_millis(jitter_ms), doubled_permille: 20, ..Self::clear(delay_ms) }
    }

    pub(crate) const fn losing(self, lost_permille: u32) -> Self {
        Self { lost_permille, ..self }
    }

    pub(crate) const fn narrow(self, width_kbps: u32) -> Self {
        Self { width_kbps: Some(width_kbps), ..self }
    }

    /// Each packet takes up to so much longer.
    pub(crate) const fn jittering(self, jitter_ms: u64) -> Self {
        Self { jitter: Duration::from_millis(jitter_ms), ..self }
    }

    pub(crate) const fn shared(self) -> Self {
        Self { has_rival: true, ..self }
    }

    pub(crate) const fn bursting(self, lasts_ms: u64, every_ms: u64) -> Self {
        Self { burst: Some((Duration::from_millis(lasts_ms), Duration::from_millis(every_ms))), ..self }
    }
}

/// Arrivals are at whole steps, so that what comes close together comes as one burst.
const STEP: Duration = Duration::from_micros(250);

/// What would have to wait longer before a narrow link is lost.
const QUEUE: Duration = Duration::from_millis(300);

/// The link.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) weather: Weather,
    began: Instant,
    /// When all that waits before a narrow link has gone through.
    free_at: Instant,
    pub(crate) rival: Rival,
    seed: u64,
    checks: Chance,
    /// What streams are called whose SSRC is by chance, and the first number of each: that of retransmissions is, too.
    streams: Vec<(u32, u64, Option<u16>)>,
    /// Packets that were sent again by it.
    pub(crate) resent: u64,
}

impl Link {
    pub(crate) fn new(began: Instant, weather: Weather, seed: u64, number: u64) -> Self {
        let mut chance = Chance::of(seed, number);
        let checks = Chance::of(chance.next(), 0);
        Self {
            weather,
            began,
            free_at: began,
            rival: Rival::new(),
            seed: chance.next(),
            checks,
            streams: Vec::new(),
            resent: 0,
        }
    }

    /// The stream with this SSRC has this name from now on.
    pub(crate) fn name(&mut self, ssrc: u32, name: u64) {
        self.streams.push((ssrc, name, None));
    }

    /// When the copies of a datagram arrive: none, one or two.
    ///
    /// What happens to a packet depends on its stream and its number, and to a report on its moment: the engine serves
    /// its streams in the order of a hash table, and that is to change nothing for each. DTLS has no chance at all: OpenSSL repeats a lost flight by the real clock, which
    /// virtual time does not move.
    pub(crate) fn arrivals(&mut self, now: Instant, datagram: &[u8]) -> impl Iterator<Item = Instant> + use<> {
        let Weather { delay, jitter, lost_permille, doubled_permille, .. } = self.weather;
        let is_in_burst = self.is_in_burst(now);
        let mut own;
        let chance = match datagram {
            [20..=63, ..] => None,
            [128..=191, 192..=223, ..] => {
                own = Chance::of(!self.seed, now.duration_since(self.began).as_micros() as u64);
                Some(&mut own)
            }
            [128..=191, _, high, low, _, _, _, _, a, b, c, d, ..] => {
                let ssrc = u32::from_be_bytes([*a, *b, *c, *d]);
                let stream = self.streams.iter_mut().rev().find(|(known, _, _)| *known == ssrc);
                let (_, name, first) = stream.expect("a stream that was offered or answered");
                let sequence = u16::from_be_bytes([*high, *low]);
                let number = sequence.wrapping_sub(*first.get_or_insert(sequence));
                self.resent += *name % 2;
                own = Chance::of(self.seed ^ *name, u64::from(number));
                Some(&mut own)
            }
            _ => Some(&mut self.checks),
        };
        let mut arrivals = [None, None];
        match chance {
            None => arrivals[0] = Some(now + delay),
            Some(chance) => {
                let (is_lost, is_doubled) = (chance.is(lost_permille), chance.is(doubled_permille));
                let is_lost = is_lost || is_in_burst;
                let mut arrival = || now + delay + chance.span(jitter);
                arrivals = [arrival(), arrival() + jitter].map(Some);
                let waits = self.wait(now, datagram.len());
                let is_lost = is_lost || waits.is_none();
                arrivals[0].take_if(|_| is_lost);
                arrivals[1].take_if(|_| is_lost || !is_doubled);
                arrivals = arrivals.map(|at| Some(at? + waits?));
            }
        }
        let began = self.began;
        arrivals.into_iter().flatten().map(move |at| {
            let since_us = at.duration_since(began).as_micros() as u64;
            began + Duration::from_micros(since_us.next_multiple_of(STEP.as_micros() as u64))
        })
    }

    /// How long a datagram waits before a narrow link; none if it is lost there.
    fn wait(&mut self, now: Instant, bytes: usize) -> Option<Duration> {
        let Some(width_kbps) = self.weather.width_kbps else { return Some(Duration::ZERO) };
        let Self { free_at, rival, .. } = self;
        let mut pass = |at: Instant, bytes: usize| {
            let begins_at = (*free_at).max(at);
            (begins_at.duration_since(at) <= QUEUE).then(|| {
                *free_at = begins_at + Duration::from_micros(bytes as u64 * 8 * 1000 / u64::from(width_kbps));
                *free_at
            })
        };
        if self.weather.has_rival {
            rival.act(now, 2 * self.weather.delay, &mut pass);
        }
        Some(pass(now, bytes)?.duration_since(now))
    }

    fn is_in_burst(&self, now: Instant) -> bool {
        let Some((lasts, every)) = self.weather.burst else { return false };
        let since = now.duration_since(self.began);
        let number = since.div_duration_f64(every) as u32;
        let begins = every * number + Chance::of(self.seed, u64::from(number)).span(every - lasts);
        (begins..begins + lasts).contains(&since)
    }
}
