//! `consilium demo`: it starts on any machine, and the second time at once.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use crate::harness::{PATIENCE, Scratch, binary};

/// A demo in a network of its own that has a loopback interface and nothing else. Killed at its end.
struct Demo<'a> {
    child: Child,
    scratch: &'a Scratch,
}

impl<'a> Demo<'a> {
    fn start(scratch: &'a Scratch) -> Self {
        let log = File::create(scratch.path().join("log")).expect("temporary file");
        let child = Command::new("unshare")
            .args(["--user", "--map-root-user", "--net", "sh", "-ec", "ip link set lo up; exec \"$@\"", "sh"])
            .arg(binary())
            .args(["demo", "--data"])
            .arg(scratch.path().join("data"))
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("XDG_CACHE_HOME", scratch.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("unshare runs");
        Self { child, scratch }
    }

    /// Waits until all feeds are published; gives what was printed until then. Nothing is before all are drawn.
    fn ready(&mut self) -> Vec<String> {
        let stdout = self.child.stdout.take().expect("is piped");
        let (lines, heard) = mpsc::channel();
        thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| lines.send(line))
        });
        let mut said = Vec::new();
        while said.last().is_none_or(|line| line != "ready") {
            // Twelve feeds are drawn meanwhile, beside all the other tests.
            let line = heard.recv_timeout(3 * PATIENCE);
            said.push(line.unwrap_or_else(|_| panic!("not ready after {said:?}:\n{}", self.log())));
            assert_eq!(self.kept(), 12, "{said:?} is printed before all feeds are drawn:\n{}", self.log());
        }
        said
    }

    fn log(&self) -> String {
        fs::read_to_string(self.scratch.path().join("log")).expect("the log")
    }

    fn kept(&self) -> usize {
        let Ok(files) = fs::read_dir(self.scratch.path().join("consilium/demo")) else { return 0 };
        files
            .filter(|file| file.as_ref().is_ok_and(|file| file.path().extension().is_some_and(|end| end == "clip")))
            .count()
    }

    fn drawn(&self) -> usize {
        self.log().lines().filter(|line| line.contains("drawing and encoding feed")).count()
    }
}

impl Drop for Demo<'_> {
    fn drop(&mut self) {
        self.child.kill().expect("is ours");
        self.child.wait().expect("is ours");
    }
}

#[test]
fn with_loopback_alone_it_is_ready_and_a_killed_one_draws_nothing_again() {
    let scratch = Scratch::new();
    let mut first = Demo::start(&scratch);
    let said = first.ready();
    let roles: Vec<_> = said.iter().filter_map(|line| line.split_once(" http://127.0.0.1:8080/#token=")).collect();
    assert_eq!(
        roles.iter().map(|(role, _)| *role).collect::<Vec<_>>(),
        ["lead", "expert", "surgeon", "trainee", "display"]
    );
    assert_eq!(first.drawn(), 12);
    assert!(roles.iter().all(|(_, token)| !first.log().contains(token)), "a token is in the log");
    drop(first);

    let clip = |feed: usize| scratch.path().join(format!("consilium/demo/feed-{feed:02}.clip"));
    let mut second = Demo::start(&scratch);
    second.ready();
    assert_eq!(second.drawn(), 0, "{}", second.log());
    drop(second);

    // A broken clip is drawn again, and only that.
    let whole = fs::read(clip(5)).expect("is kept");
    fs::write(clip(5), &whole[..whole.len() / 2]).expect("is ours");
    let mut third = Demo::start(&scratch);
    third.ready();
    assert_eq!(third.drawn(), 1, "{}", third.log());
    assert_eq!(fs::read(clip(5)).expect("is kept"), whole, "the same feed is drawn the same");
}
