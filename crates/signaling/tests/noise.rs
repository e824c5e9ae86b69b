//! What a hostile or broken client may send: the examples, bent at random. A failure prints its seed and frame.
#![allow(clippy::disallowed_methods, reason = "the examples are files")]

use std::panic::catch_unwind;
use std::path::Path;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use signaling::{ClientMessage, RefusalCode, decode};

const ROUNDS: u64 = 50_000;

/// What breaks parsers: borders of numbers, escapes, lone surrogates, nesting, other types than expected.
const SPLINTERS: &[&str] = &[
    "null",
    "true",
    "-1",
    "1e400",
    "4294967296",
    "18446744073709551616",
    "-0",
    "0.1",
    "NaN",
    "[]",
    "{}",
    "[[[[[[[[",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "\u{0}",
    "\u{feff}",
    "\u{10ffff}",
    "\"id\":",
    "\"type\":\"join\",",
    ",",
    ":",
    "}",
    "{\"feed\":",
];

/// The frames of the examples that a client may say, and those it may not.
fn frames() -> Vec<String> {
    let mut frames = Vec::new();
    for directory in ["accept", "reject"] {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../signaling").join(directory);
        for entry in std::fs::read_dir(directory).expect("the examples") {
            let text = std::fs::read_to_string(entry.expect("a file").path()).expect("an example");
            let example: Value = serde_json::from_str(&text).expect("JSON");
            frames.extend(["message", "input"].iter().filter_map(|field| match example.get(field)? {
                Value::String(frame) => Some(frame.clone()),
                object => Some(object.to_string()),
            }));
        }
    }
    frames.sort();
    frames
}

/// A place in the text where a character begins.
fn place(dice: &mut StdRng, text: &str) -> usize {
    let mut at = dice.random_range(0..=text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A frame whose text is bent.
fn torn(dice: &mut StdRng, frames: &[String]) -> String {
    let pick = |dice: &mut StdRng| frames.choose(dice).expect("an example").clone();
    let mut frame = pick(dice);
    for _ in 0..dice.random_range(1..4) {
        let (one, other) = (place(dice, &frame), place(dice, &frame));
        let (from, to) = (one.min(other), one.max(other));
        match dice.random_range(0..6) {
            0 => frame.replace_range(from..to, ""),
            1 => frame.insert_str(from, SPLINTERS.choose(dice).expect("a splinter")),
            2 => frame.replace_range(from..to, SPLINTERS.choose(dice).expect("a splinter")),
            3 => frame = format!("{}{}", &frame[..to], &frame[from..]),
            4 => frame.truncate(from),
            _ => frame = format!("{}{}", &frame[..from], pick(dice)),
        }
    }
    frame
}

/// A frame that is JSON, with one value exchanged for another.
fn exchanged(dice: &mut StdRng, frames: &[String]) -> String {
    let mut value = serde_json::from_str(frames.choose(dice).expect("an example")).unwrap_or(Value::Null);
    exchange(dice, &mut value);
    value.to_string()
}

fn exchange(dice: &mut StdRng, value: &mut Value) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let at = dice.random_range(0..fields.len());
            exchange(dice, fields.values_mut().nth(at).expect("an index below the length"));
        }
        Value::Array(items) if !items.is_empty() => {
            let at = dice.random_range(0..items.len());
            exchange(dice, &mut items[at]);
        }
        scalar => {
            *scalar = match dice.random_range(0..6) {
                0 => Value::Null,
                1 => json!(dice.random::<i64>()),
                2 => json!(dice.random_range(0..20)),
                3 => json!(dice.random::<f64>()),
                4 => json!(SPLINTERS.choose(dice)),
                _ => json!([scalar]),
            }
        }
    }
}

#[test]
fn no_frame_breaks_the_decoder() {
    let frames = frames();
    let mut understood = 0;
    for seed in 0..ROUNDS {
        let mut dice = StdRng::seed_from_u64(seed);
        let frame = if seed % 2 == 0 { torn(&mut dice, &frames) } else { exchanged(&mut dice, &frames) };
        match catch_unwind(|| decode(&frame)).unwrap_or_else(|_| panic!("seed {seed}: panicked on {frame:?}")) {
            // A clock is read to within a unit in the last place only, so it is not compared.
            Ok((_, ClientMessage::Ping { .. })) => understood += 1,
            Ok((id, message)) => {
                understood += 1;
                let mut again = serde_json::to_value(&message).expect("a message");
                if let Some(id) = id {
                    again["id"] = json!(id);
                }
                let again = decode(&again.to_string());
                assert!(again == Ok((id, message)), "seed {seed}: {frame:?} was written as {again:?}");
            }
            Err((_, refusal)) => {
                assert_eq!(refusal.code, RefusalCode::BadMessage, "seed {seed}: {frame:?}");
            }
        }
    }
    // Were hardly any understood, the examples would be bent beyond use and the rest would prove nothing.
    assert!(understood > ROUNDS / 200, "{understood} of {ROUNDS} frames were understood");
}
