//! What a hostile or broken client may send: the examples, bent at random.
#![allow(clippy::disallowed_methods, reason = "the examples are files")]

use std::path::Path;

use hostile::{Rng, StdRng};
use rand::seq::IndexedRandom;
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
fn hostile_frames_do_not_break_the_decoder() {
    let frames = frames();
    let (mut understood, mut all) = (0, 0);
    hostile::play(ROUNDS, |dice| {
        all += 1;
        let frame = if dice.random() { hostile::torn(dice, &frames, SPLINTERS) } else { exchanged(dice, &frames) };
        match decode(&frame) {
            // A clock is read to within a unit in the last place only, so it is not compared.
            Ok((_, ClientMessage::Ping { .. })) => understood += 1,
            Ok((id, message)) => {
                understood += 1;
                let mut again = serde_json::to_value(&message).expect("a message");
                if let Some(id) = id {
                    again["id"] = json!(id);
                }
                let again = decode(&again.to_string());
                assert!(again == Ok((id, message)), "{frame:?} was written as {again:?}");
            }
            Err((_, refusal)) => {
                assert_eq!(refusal.code, RefusalCode::BadMessage, "{frame:?}");
            }
        }
    });
    // Were hardly any understood, the examples would be bent beyond use and the rest would prove nothing.
    assert!(understood > all / 200, "{understood} of {all} frames were understood");
}
