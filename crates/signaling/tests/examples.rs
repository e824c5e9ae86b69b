//! Replays `signaling/accept` and `signaling/reject`, and what is too large to be a file.
#![allow(clippy::disallowed_methods, reason = "the examples are files")]

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use signaling::limit::MESSAGE_BYTES;
use signaling::{ClientMessage, RefusalCode, RequestId, ServerMessage, decode, encode};

/// The files of one directory beside the rules, by name.
fn examples(directory: &str) -> Vec<(String, Value)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../signaling").join(directory);
    let mut examples: Vec<_> = std::fs::read_dir(&directory)
        .expect("the directory of examples")
        .map(|entry| entry.expect("a file").path())
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("an example");
            let name = path.display().to_string();
            (name.clone(), serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}")))
        })
        .collect();
    examples.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert!(!examples.is_empty());
    examples
}

/// As a client would have written it.
fn written(id: Option<RequestId>, message: &ClientMessage) -> Value {
    let mut value = serde_json::to_value(message).expect("a message");
    if let Some(id) = id {
        value["id"] = json!(id);
    }
    value
}

#[test]
fn accepts_what_it_must_and_writes_it_again() {
    for (name, example) in examples("accept") {
        let message = &example["message"];
        let means = example.get("means").unwrap_or(message);
        match example["from"].as_str() {
            Some("client") => {
                let (id, decoded) =
                    decode(&message.to_string()).unwrap_or_else(|(_, refusal)| panic!("{name}: {refusal}"));
                assert_eq!(written(id, &decoded), *means, "{name}");
            }
            Some("server") => match serde_json::from_value::<ServerMessage>(message.clone()) {
                Ok(heard) => {
                    let again: Value = serde_json::from_str(&encode(&heard)).expect("a message");
                    assert_eq!(again, *means, "{name}");
                }
                Err(error) => assert!(means.is_null(), "{name}: {error}"),
            },
            from => panic!("{name}: from {from:?}"),
        }
    }
}

#[test]
fn rejects_what_it_must_and_says_why() {
    for (name, example) in examples("reject") {
        let input = match &example["input"] {
            Value::String(frame) => frame.clone(),
            object => object.to_string(),
        };
        let (re, refusal) = decode(&input).expect_err(&name);
        assert_eq!(refusal.code.as_str(), example["code"], "{name}");
        assert_eq!(json!(re), example["re"], "{name}");
        assert!(refusal.message.ends_with('.'), "{name}: {}", refusal.message);
    }
}

#[test]
fn a_frame_over_the_limit_is_too_large() {
    let frame = |padding: usize| format!(r#"{{"type":"leave","id":1}}{}"#, " ".repeat(padding));
    let room = MESSAGE_BYTES - frame(0).len();
    assert!(decode(&frame(room)).is_ok());
    let (_, refusal) = decode(&frame(room + 1)).expect_err("one byte too many");
    assert_eq!(refusal.code, RefusalCode::TooLarge);
}

/// The words of a closed list in `messages.ts`: the types of messages, or the members of a union.
fn words_of(name: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../signaling/messages.ts");
    let text = std::fs::read_to_string(path).expect("messages.ts");
    let (_, rest) = text.split_once(&format!("export type {name} =")).expect("a type of this name");
    let (declaration, _) = rest.split_once(";\n").expect("the end of the declaration");
    let one_per_line = declaration.replace(" | ", "\n| ");
    let quoted =
        one_per_line.lines().map(|line| line.trim().trim_start_matches("| ")).filter(|line| line.starts_with('"'));
    quoted.map(|line| line.trim_start_matches("\"type\": ").trim_matches([',', '"']).to_owned()).collect()
}

#[test]
fn every_word_of_the_contract_has_an_example() {
    let mut examples = examples("accept");
    examples.retain(|(_, example)| example.get("means") != Some(&Value::Null));
    let used = |from: &str, field: &str| -> BTreeSet<String> {
        let from = examples.iter().filter(|(_, example)| example["from"] == from);
        from.filter_map(|(_, example)| example["message"][field].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(used("client", "type"), words_of("ClientMessage"));
    assert_eq!(used("server", "type"), words_of("ServerMessage"));
    assert_eq!(used("server", "code"), words_of("RefusalCode"));

    let all: String = examples.iter().map(|(_, example)| example.to_string()).collect();
    for union in
        ["Role", "RoomKind", "FeedKind", "FeedFault", "VacantReason", "CloseReason", "Connection", "LineCondition"]
    {
        let words = words_of(union);
        assert!(words.len() > 1, "{union}");
        let missing: Vec<_> = words.iter().filter(|word| !all.contains(&format!("\"{word}\""))).collect();
        assert!(missing.is_empty(), "{union}: no example has {missing:?}");
    }
}
