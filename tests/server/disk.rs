//! A disk that takes nothing more.

use std::os::unix::fs::DirBuilderExt;
use std::process::Command;

use serde_json::json;

use crate::harness::{Scratch, Server, binary};
use crate::journal::numbers;
use crate::ws::Line;

/// The secret is the first that the server writes. When it cannot be written there is one clear line, and no half of a
/// secret that the next start would take for one. A file size limit stands in for the full disk, for it needs no root.
#[test]
fn a_full_disk_is_said_and_leaves_nothing_behind() {
    let words = ["--room", "r", "--role", "lead", "--name", "Dr. Example One"];
    for command in [vec!["serve", "--http", "127.0.0.1:0", "--media", "127.0.0.1:0"], [&["token"], &words[..]].concat()]
    {
        let scratch = Scratch::new();
        let data = scratch.path().join("data");
        std::fs::DirBuilder::new().mode(0o700).create(&data).expect("temporary directory");
        let output = Command::new("sh")
            // without the trap the kernel would end the process, which a full disk does not
            .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"])
            .arg(binary())
            .args(&command)
            .arg("--data")
            .arg(&data)
            .env_clear()
            .output()
            .expect("the binary runs");
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{command:?}: {said}");
        assert!(output.stdout.is_empty(), "{command:?} goes on");
        let lines: Vec<&str> = said.lines().collect();
        assert!(lines.len() == 1 && lines[0].starts_with("consilium: cannot make the secret "), "{command:?}: {said}");
        let left = std::fs::read_dir(&data).expect("is there").count();
        assert_eq!(left, 0, "{command:?} leaves something behind");
    }
}

/// Bytes that a file may have, of the process with this number.
fn limit_files(pid: u32, bytes: &str) {
    let limit = format!("--fsize={bytes}:unlimited");
    let done = Command::new("prlimit").args([&format!("--pid={pid}"), &limit]).status().expect("prlimit runs");
    assert!(done.success());
}

/// While the disk is full people come and go as ever, and the server says that their journal is not written; when there is
/// place again the journal has everything.
#[tokio::test]
async fn a_disk_that_fills_stops_nobody_and_costs_the_journal_nothing() {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]).arg(binary());
    let server = Server::start_by(command, &[]);
    let mut lead = Line::joined(&server, "lead", None).await;
    limit_files(server.pid(), "262144");
    let mut came = 0_u32;
    while server.metric("consilium_journal_failing").await == 0.0 {
        let expert = Line::joined(&server, "expert", None).await;
        lead.hear_of("entered").await;
        drop(expert);
        lead.hear_of("left").await;
        came += 1;
        assert!(came < 2000, "the disk is never full");
    }
    let mut surgeon = Line::joined(&server, "surgeon", Some("site-a")).await;
    surgeon.say(json!({ "type": "ping", "id": 2, "at_ms": 1.0 })).await;
    surgeon.hear_of("ponged").await;
    lead.hear_of("entered").await;
    limit_files(server.pid(), "unlimited");
    server.metric_becomes("consilium_journal_failing", |failing| failing == 0.0).await;
    let most = 2 * came + 2;
    server
        .metric_becomes("consilium_journal_entries_total{what=\"written\"}", |written| written == f64::from(most))
        .await;
    assert_eq!(numbers(&server).await, (1..=u64::from(most)).collect::<Vec<_>>());
    assert!(server.log().contains("the journal cannot be written"));
}
