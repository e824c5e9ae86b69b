//! What a hostile or broken peer sends: good messages, bent by dice. The parsers' own tests ask for it, beside the
//! parsers, so that none has to be made public for it.
//!
//! In `make test` the dice are always the same. `make fuzz` rolls new ones for as long as it is told; a failure prints
//! the seed that gives it again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

pub use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
pub use rand::{Rng, SeedableRng};

/// Borders of the numbers that lengths, counts and indices are.
const BORDERS: [u32; 14] = [0, 1, 2, 3, 4, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0xffff_ffff];
/// As long as a datagram gets.
const DATAGRAM_BYTES: usize = 1500;

/// Plays so many rounds, each with dice of its own; or rounds for `FUZZ_SECONDS`, where that is set. The first seed is
/// `FUZZ_SEED`, or 0.
///
/// # Panics
/// When a round does: with its seed.
pub fn play(rounds: u64, mut round: impl FnMut(&mut StdRng)) {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let (began, lasts) = (Instant::now(), number("FUZZ_SECONDS").map(Duration::from_secs));
    let first: u64 = number("FUZZ_SEED").unwrap_or(0);
    let is_over = |played| lasts.map_or(played == rounds, |lasts| began.elapsed() >= lasts);
    for played in (0_u64..).take_while(|played| !is_over(*played)) {
        let seed = first.wrapping_add(played);
        let mut dice = StdRng::seed_from_u64(seed);
        let result = catch_unwind(AssertUnwindSafe(|| round(&mut dice)));
        assert!(result.is_ok(), "the round that FUZZ_SEED={seed} begins with, see above");
    }
}

/// One of the good messages, bent in up to four places; now and then noise with its first byte.
///
/// # Panics
/// When there is no message.
pub fn bent(dice: &mut StdRng, good: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = good.choose(dice).expect("a good message").clone();
    if dice.random_ratio(1, 20) {
        bytes.truncate(1);
        let length = dice.random_range(0..DATAGRAM_BYTES);
        bytes.resize_with(length, || dice.random());
    }
    for _ in 0..dice.random_range(0..5) {
        let at = dice.random_range(0..=bytes.len());
        let to = (at + dice.random_range(0..20)).min(bytes.len());
        match dice.random_range(0..8) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..to)),
            2 => {
                let again = bytes[at..to].to_vec();
                bytes.splice(at..at, again);
            }
            3 => {
                let other = good.choose(dice).expect("a good message");
                bytes.truncate(at);
                bytes.extend_from_slice(&other[dice.random_range(0..=other.len())..]);
            }
            4 => bytes[at..to].fill_with(|| dice.random()),
            5 => bytes[at..to].iter_mut().take(1).for_each(|byte| *byte ^= 1 << dice.random_range(0..8)),
            _ => {
                // A number that is off by a little, or at a border; of one, two or four bytes.
                let near = (bytes.len() as u32).wrapping_sub(at as u32).wrapping_add(dice.random_range(0..8));
                let number =
                    if dice.random() { near.wrapping_sub(4) } else { *BORDERS.choose(dice).expect("a border") };
                let size = *[1, 2, 4].choose(dice).expect("a size");
                let number = number.to_be_bytes();
                bytes[at..].iter_mut().zip(&number[4 - size..]).for_each(|(byte, other)| *byte = *other);
            }
        }
    }
    bytes
}

/// A place in the text where a character begins.
fn place(dice: &mut StdRng, text: &str) -> usize {
    let mut at = dice.random_range(0..=text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// One of the good texts, torn in up to three places and mended with splinters: what is known to break its parsers.
///
/// # Panics
/// When there is no text or no splinter.
pub fn torn<T: AsRef<str>>(dice: &mut StdRng, good: &[T], splinters: &[&str]) -> String {
    let pick = |dice: &mut StdRng| good.choose(dice).expect("a good text").as_ref().to_owned();
    let mut text = pick(dice);
    for _ in 0..dice.random_range(1..4) {
        let (one, other) = (place(dice, &text), place(dice, &text));
        let (from, to) = (one.min(other), one.max(other));
        let splinter = *splinters.choose(dice).expect("a splinter");
        match dice.random_range(0..7) {
            0 => text.replace_range(from..to, ""),
            1 => text.insert_str(from, splinter),
            2 => text.replace_range(from..to, splinter),
            3 => text = format!("{}{}", &text[..to], &text[from..]),
            4 => text.truncate(from),
            5 => text = format!("{}{}", &text[..from], pick(dice)),
            _ => {
                // One character for the splinter, so that all the rest stays good.
                let length = text[from..].chars().next().map_or(0, char::len_utf8);
                text.replace_range(from..from + length, splinter);
            }
        }
    }
    text
}

/// How many times longer it takes to read a text that is eight times as long: 8 is linear, 64 is quadratic. The best of
/// several tries each, so that what else the machine does counts for little.
pub fn growth(text: impl Fn(usize) -> String, mut read: impl FnMut(&str)) -> f64 {
    let mut best = |bytes| {
        let text = text(bytes);
        let tries = (0..7).map(|_| {
            let began = Instant::now();
            read(&text);
            began.elapsed()
        });
        tries.min().unwrap_or_default().as_secs_f64()
    };
    let short = best(200_000 / 8);
    best(200_000) / short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_bends_alike_and_others_differ() {
        let good = [b"a good message".to_vec(), vec![0; 40]];
        let bend = |seed| bent(&mut StdRng::seed_from_u64(seed), &good);
        let all: std::collections::BTreeSet<_> = (0..1000).map(bend).collect();
        assert!(all.len() > 500, "{} of 1000 differ", all.len());
        assert!(good.iter().all(|good| all.contains(good)), "some stay good");
        assert_eq!((0..1000).map(bend).collect::<std::collections::BTreeSet<_>>(), all);
    }

    #[test]
    #[should_panic(expected = "FUZZ_SEED=")]
    fn a_failure_names_its_seed() {
        play(1000, |dice| assert_ne!(dice.random_range(0..10), 7));
    }
}
