//! Chance that can be repeated, and the runs of a scenario over several seeds.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Seeds that failed once: what it was, the scenario, the seed. They are run for ever.
const PINNED: &[(&str, &str, u64)] = &[
    ("a viewer begins with a keyframe whose parameter sets are late", "mixed_life", 4),
    ("a viewer begins with a keyframe whose parameter sets are late", "a_publisher_that_was_restarted", 7),
    ("frames after a keyframe that came late share a timestamp", "mixed_life", 30),
    ("frames after a keyframe that came late share a timestamp", "a_publisher_that_was_restarted", 19),
    ("what was lost of one SSRC is sent again from the next one's", "an_encoder_that_takes_another_ssrc", 14),
];

/// One source of chance: SplitMix64, because it must be the same in every version of every library.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    /// The source with this number among those of a seed.
    pub(crate) fn of(seed: u64, number: u64) -> Self {
        let mut chance = Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        chance.next();
        chance
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.next() % most.max(1)
    }

    /// True so many times of a thousand.
    pub(crate) fn is(&mut self, permille: u32) -> bool {
        self.below(1000) < u64::from(permille)
    }

    /// Between nothing and this.
    pub(crate) fn span(&mut self, most: Duration) -> Duration {
        Duration::from_micros(self.below(most.as_micros() as u64 + 1))
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }
}

/// Runs a scenario with its pinned seeds and the first few others: `SIMULATION_SEEDS` says how many,
/// `SIMULATION_SEED` names the only one.
pub(crate) fn each_seed(scenario: &str, usual: u64, run: impl Fn(u64)) {
    let pinned = PINNED.iter().filter(|(_, of, _)| *of == scenario).map(|(_, _, seed)| *seed);
    let mut seeds: Vec<u64> = match number("SIMULATION_SEED") {
        Some(seed) => vec![seed],
        None => pinned.chain(1..=number("SIMULATION_SEEDS").unwrap_or(usual)).collect(),
    };
    seeds.sort_unstable();
    seeds.dedup();
    let fails = |seed: &u64| catch_unwind(AssertUnwindSafe(|| run(*seed))).is_err();
    let failed: Vec<u64> = seeds.into_iter().filter(fails).collect();
    for seed in &failed {
        eprintln!("repeat it: SIMULATION_SEED={seed} cargo test --release -p tests --test simulation {scenario}");
    }
    assert!(failed.is_empty(), "{scenario} failed with the seeds {failed:?}");
}

/// A number in the environment.
pub(crate) fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}
