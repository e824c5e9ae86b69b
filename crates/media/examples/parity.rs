//! What parity (FlexFEC-03) would save a viewer beside what is sent again: how long pictures have to be held back so that no
//! more than two a minute freeze, with and without it. `cargo run --release -p media --example parity`
//!
//! A feed of 2.5 Mb/s: 30 frames a second, nine packets each. A parity packet is the exclusive or of every n-th packet of
//! a frame and mends one of them; it is sent with the frame and lost as often. What is lost is asked for after 15 ms and comes
//! half a round trip after the question has, or is lost again. What is late by less than 130 ms is a pause and no freeze, as in
//! `playout.rs`; 400 ms is the most that a guided operation holds back.

#![allow(clippy::print_stdout, reason = "it prints a table")]

const FRAMES_PER_S: u32 = 30;
const PACKETS: usize = 9;
const NOTICED_MS: u32 = 15;
const HIDDEN_MS: u32 = 130;
const MOST_MS: u32 = 400;
const MINUTES: u32 = 60;
const FREEZES_PER_MINUTE: u32 = 2;

/// A line that loses so much of its packets, this many in a row on average.
#[derive(Clone, Copy)]
struct Line {
    loss: f64,
    run: f64,
    round_trip_ms: u32,
}

struct Dice(u64);

impl Dice {
    fn chance(&mut self) -> f64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// How late each frame of an hour would be whole, in milliseconds.
fn lateness_ms(line: Line, parities: usize, seed: u64) -> Vec<u32> {
    let mut dice = Dice(seed);
    let mut is_losing = false;
    // Gilbert's model: as long in each state as gives the part and the run.
    let mut loses = |dice: &mut Dice| {
        let leaves = 1.0 / line.run;
        let enters = leaves * line.loss / (1.0 - line.loss);
        is_losing = dice.chance() < if is_losing { 1.0 - leaves } else { enters };
        is_losing
    };
    let mut late_ms = Vec::new();
    for _ in 0..MINUTES * 60 * FRAMES_PER_S {
        let lost: Vec<bool> = (0..PACKETS + parities).map(|_| loses(&mut dice)).collect();
        let mut whole_ms = 0;
        for group in 0..parities.max(1) {
            let members: Vec<usize> = (0..PACKETS).filter(|at| at % parities.max(1) == group && lost[*at]).collect();
            let has_parity = parities > 0 && !lost[PACKETS + group];
            let mut came_ms: Vec<u32> = members
                .iter()
                .map(|_| {
                    let mut attempts = 1;
                    // The question may be lost as well as the answer.
                    while dice.chance() < 1.0 - (1.0 - line.loss).powi(2) && attempts < 10 {
                        attempts += 1;
                    }
                    attempts * (line.round_trip_ms + NOTICED_MS)
                })
                .collect();
            came_ms.sort_unstable();
            // The last that is missing need not be waited for.
            if has_parity {
                came_ms.pop();
            }
            whole_ms = came_ms.last().copied().unwrap_or(0).max(whole_ms);
        }
        late_ms.push(whole_ms);
    }
    late_ms
}

/// The least that is to be held back, and how many frames a minute freeze all the same.
fn held_ms(late_ms: &[u32]) -> (u32, f64) {
    let freezes = |held: u32| late_ms.iter().filter(|late| **late > held + HIDDEN_MS).count() as u32;
    let held = (0..=MOST_MS).step_by(10).find(|held| freezes(*held) <= FREEZES_PER_MINUTE * MINUTES).unwrap_or(MOST_MS);
    (held, f64::from(freezes(held)) / f64::from(MINUTES))
}

fn main() {
    println!("| lost | in a row | there and back, ms | sent again | + 2 of 9 | + 3 of 9 | + 5 of 9 |");
    println!("|---|---|---|---|---|---|---|");
    for (loss, run) in [(0.01, 1.0), (0.02, 1.0), (0.05, 1.0), (0.1, 1.0), (0.02, 4.0), (0.05, 4.0)] {
        for round_trip_ms in [50, 100, 150, 200, 300] {
            let line = Line { loss, run, round_trip_ms };
            let cell = |parities| {
                let (held, freezes) = held_ms(&lateness_ms(line, parities, 7));
                format!("{held} ms, {freezes:.1}")
            };
            println!(
                "| {:.0} % | {run:.0} | {round_trip_ms} | {} | {} | {} | {} |",
                loss * 100.0,
                cell(0),
                cell(2),
                cell(3),
                cell(5),
            );
        }
    }
}
