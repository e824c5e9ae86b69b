//! The machine: what it is, and how busy all of it is. A figure is worth something only beside both.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process::{Process, thread_time};

/// A moment between which and another the machine's time is shared out.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    at: Instant,
    busy: Duration,
    stolen: Duration,
    load: Duration,
    server: Duration,
}

/// What was used of one processor, in time for each second.
#[derive(Debug, Clone, Copy)]
pub struct Shares {
    /// By this program.
    pub load: f64,
    /// By everybody but it and the server, on all processors.
    pub others: f64,
    /// By the machine's host, on all processors.
    pub stolen: f64,
}

impl Moment {
    /// Now, with this server under load. The load is this thread.
    ///
    /// # Errors
    /// If the system does not tell.
    pub fn now(server: &Process) -> Result<Self> {
        let stat = std::fs::read_to_string("/proc/stat").context("read how busy the machine is")?;
        let all: Vec<u64> = stat.split_whitespace().skip(1).take(8).filter_map(|ticks| ticks.parse().ok()).collect();
        let &[user, nice, system, _idle, _waiting, interrupts, soft, stolen] = all.as_slice() else {
            bail!("/proc/stat has {all:?}");
        };
        // USER_HZ is 100 on every Linux this runs on.
        let time = |ticks: u64| Duration::from_millis(ticks * 10);
        Ok(Self {
            at: Instant::now(),
            busy: time(user + nice + system + interrupts + soft),
            stolen: time(stolen),
            load: thread_time()?,
            server: server.processor_time()?,
        })
    }

    /// How the time since an earlier moment was shared out.
    pub fn shares_since(&self, earlier: &Self) -> Shares {
        let load = self.load - earlier.load;
        let others = (self.busy - earlier.busy).saturating_sub(load + self.server - earlier.server);
        let of_core = |time: Duration| time.as_secs_f64() / (self.at - earlier.at).as_secs_f64();
        Shares { load: of_core(load), others: of_core(others), stolen: of_core(self.stolen - earlier.stolen) }
    }

    /// The server's processor time since an earlier moment, and the time.
    pub fn server_since(&self, earlier: &Self) -> (Duration, Duration) {
        (self.server - earlier.server, self.at - earlier.at)
    }
}

impl Shares {
    /// Why figures taken meanwhile are not to be believed, in words for a table.
    pub fn doubts(&self) -> impl Iterator<Item = &'static str> {
        // The load has one processor. Where that is nearly full, what is late or lost may be so by the load.
        let doubts =
            [(self.load > 0.85, "load full"), (self.others > 0.25, "machine busy"), (self.stolen > 0.1, "host busy")];
        doubts.into_iter().filter_map(|(holds, doubt)| holds.then_some(doubt))
    }
}

/// The machine, the system, the program and the day, in one line.
pub fn facts() -> String {
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success());
        output.map_or_else(|| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let file = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let (processors, memory) = (file("/proc/cpuinfo"), file("/proc/meminfo"));
    let of = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).and_then(|line| line.split_once(':'));
        line.map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
    };
    format!(
        "{}, {} processors ({}), {} of memory, Linux {}, commit {}.",
        said("date", &["-u", "+%F %H:%M UTC"]),
        processors.lines().filter(|line| line.starts_with("processor")).count(),
        of(&processors, "model name"),
        of(&memory, "MemTotal"),
        file("/proc/sys/kernel/osrelease").trim(),
        said("git", &["describe", "--always", "--dirty"]),
    )
}
