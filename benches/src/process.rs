//! A server under load as a process: what it uses, and where it runs.

use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// A process that ends when this is dropped.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts it, silent on standard error.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(command: &mut Command) -> Result<Self> {
        Ok(Self(command.stderr(Stdio::null()).spawn().with_context(|| format!("start {command:?}"))?))
    }

    /// Its standard output, once, if it is piped.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        self.0.stdout.take()
    }

    /// Processor time used so far, user and system.
    ///
    /// # Errors
    /// If the process is gone.
    pub fn processor_time(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(self.file("stat")).context("read the server's processor time")?;
        let after_name = stat.rsplit_once(')').context("a process name")?.1;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        // USER_HZ is 100 on every Linux this runs on.
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Memory in use, KiB.
    ///
    /// # Errors
    /// If the process is gone.
    pub fn resident_kib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(self.file("status")).context("read the server's memory")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    fn file(&self, name: &str) -> PathBuf {
        Path::new("/proc").join(self.0.id().to_string()).join(name)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A command that runs a program on one processor alone, or where it likes.
pub fn on_processor(processor: Option<usize>, program: &Path) -> Command {
    let Some(processor) = processor else { return Command::new(program) };
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", &processor.to_string()]).arg(program);
    command
}

/// Keeps this process, and what it starts from now on, on one processor.
///
/// # Errors
/// If the system refuses.
pub fn stay_on_processor(processor: usize) -> Result<()> {
    let done = Command::new("taskset")
        .args(["--all-tasks", "--pid", "--cpu-list", &processor.to_string(), &std::process::id().to_string()])
        .stdout(Stdio::null())
        .status()
        .context("run taskset")?;
    if !done.success() {
        bail!("no processor {processor} for this program");
    }
    Ok(())
}
