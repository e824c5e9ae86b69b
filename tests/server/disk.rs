//! A disk that takes nothing more.

use std::os::unix::fs::DirBuilderExt;
use std::process::Command;

use crate::harness::{Scratch, binary};

/// The secret is all that the server writes. When it cannot be written there is one clear line, and no half of a
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
