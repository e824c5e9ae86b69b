//! Writes `signaling/messages.ts` from the types of this crate, or fails when the file there is another one.
#![allow(clippy::disallowed_methods, reason = "a test that compares a file reads it")]

use std::path::Path;

use ts_rs::{Config, TS};

use crate::client::{Connection, OfProgramme, OfSite, ProgrammePart};
use crate::policy::Shown;
use crate::roster::FeedFault;
use crate::*;

const HEADER: &str = "\
// What may be said on the wire; the rules are in README.md beside this file.
// Generated from crates/signaling, do not edit. To write it anew: UPDATE=1 cargo test --release -p signaling
// long because it is the whole contract, for one import
";

/// What a type stands for, as one declaration; ts-rs leaves the layout to others.
fn declaration<T: TS>(config: &Config) -> String {
    let declaration = T::decl(config).replace(" = { \"type\"", " = } | { \"type\"").replace(", }", ",\n}");
    let (mut text, mut comment, mut depth) = (one_line(&T::docs().unwrap_or_default()) + "\nexport ", String::new(), 0);
    for line in declaration.replace("} | {", "}\n| {").replace("{ \"", "{\n\"").replace("= }\n", "=\n").lines() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        if line.starts_with("/**") || !comment.is_empty() {
            comment = format!("{comment}{line}\n");
            if !line.ends_with("*/") {
                continue;
            }
        }
        depth -= usize::from(line.starts_with('}'));
        let line = if !comment.is_empty() {
            one_line(&std::mem::take(&mut comment))
        } else if line.len() > 100 {
            line.replace("= ", "=\n  | ").replace("\" | ", "\"\n  | ")
        } else {
            line.to_owned()
        };
        text += &format!("{:1$}{line}\n", "", if text.ends_with("export ") { 0 } else { 2 * depth });
        depth += usize::from(line.ends_with('{'));
    }
    format!("\n{}\n", text.trim_end())
}

/// A JSDoc comment of several lines as one.
fn one_line(comment: &str) -> String {
    let words: Vec<_> = comment.split_whitespace().filter(|word| !["/**", "*", "*/"].contains(word)).collect();
    format!("/** {} */", words.join(" "))
}

fn messages() -> String {
    let config = Config::new();
    let mut text = HEADER.to_owned();
    macro_rules! declare {
        ($($type:ty),* $(,)?) => { $(text += &declaration::<$type>(&config);)* };
    }
    declare!(ClientMessage, FeedOffer, VoiceOffer, ShownAge, FeedChoice, OfSite, OfProgramme, ProgrammePart);
    declare!(Connection, Direction, SayTo, Policy, Programme, Shown);
    declare!(ServerMessage, PublishedFeed, LineCondition, VacantReason, CloseReason, RefusalCode);
    declare!(Member, Role, RoomKind, Feed, FeedKind, FeedFault, Voice);
    declare!(Call, CallOutcome, Said, Question);
    declare!(MemberId, FeedId, VoiceId, CallId, QuestionId, RequestId, Slot, RoomId, SiteId);
    // Doc links mean nothing to TypeScript.
    text.replace("[`crate::limit::", "`").replace("[`crate::", "`").replace("[`", "`").replace("`]", "`")
}

#[test]
fn messages_ts_is_what_the_types_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../signaling/messages.ts");
    let messages = messages();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &messages).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written == messages, "signaling/messages.ts is stale: UPDATE=1 cargo test --release -p signaling");
}
