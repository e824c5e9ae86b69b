//! A server under load as a process: what it uses, and where it runs.

use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::{Pid, gettid};

/// A process. One that was started here ends when this is dropped.
#[derive(Debug)]
pub struct Process {
    id: u32,
    child: Option<Child>,
}

impl Process {
    /// Starts it, silent on standard error.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(command: &mut Command) -> Result<Self> {
        let child = command.stderr(Stdio::null()).spawn().with_context(|| format!("start {command:?}"))?;
        Ok(Self { id: child.id(), child: Some(child) })
    }

    /// One that runs already, and goes on when this is dropped. Its threads move to one processor.
    ///
    /// # Errors
    /// If there is none with this number, or the system refuses.
    pub fn found(id: u32, processor: usize) -> Result<Self> {
        stay(id, processor)?;
        Ok(Self { id, child: None })
    }

    /// Its standard output, once, if it is piped.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.as_mut()?.stdout.take()
    }

    /// Processor time used so far by all its threads, user and system.
    ///
    /// # Errors
    /// If the process is gone.
    pub fn processor_time(&self) -> Result<Duration> {
        let clock = clock_getcpuclockid(Pid::from_raw(self.id.cast_signed())).context("find the server's clock")?;
        Ok(clock_gettime(clock).context("read the server's processor time")?.into())
    }

    /// Lets it stand still, all threads, until [`Process::go_on`].
    ///
    /// # Errors
    /// If the process is gone.
    pub fn stop(&self) -> Result<()> {
        kill(Pid::from_raw(self.id.cast_signed()), Signal::SIGSTOP).context("stop the server")
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// If the process is gone.
    pub fn go_on(&self) -> Result<()> {
        kill(Pid::from_raw(self.id.cast_signed()), Signal::SIGCONT).context("let the server go on")
    }

    /// Memory in use, KiB.
    ///
    /// # Errors
    /// If the process is gone.
    pub fn resident_kib(&self) -> Result<u64> {
        let status = PathBuf::from(format!("/proc/{}/status", self.id));
        let status = std::fs::read_to_string(status).context("read the server's memory")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// A command that runs a program on one processor alone, or where it likes.
pub fn on_processor(processor: Option<usize>, program: &Path) -> Command {
    let Some(processor) = processor else { return Command::new(program) };
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", &processor.to_string()]).arg(program);
    command
}

/// Keeps this thread, and what it starts from now on, on one processor.
///
/// # Errors
/// If the system refuses.
pub fn stay_on_processor(processor: usize) -> Result<()> {
    let mut processors = CpuSet::new();
    processors.set(processor)?;
    sched_setaffinity(Pid::from_raw(0), &processors).with_context(|| format!("move to processor {processor}"))
}

/// Lets this thread go before all others on its processor, for what it waits for is what is measured. False where the
/// system does not allow it.
///
/// # Errors
/// If there is no `chrt`.
pub fn go_first() -> Result<bool> {
    let this = gettid().to_string();
    let mut command = Command::new("chrt");
    command.args(["--fifo", "--pid", "1", &this]).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command.status().context("run chrt")?.success())
}

/// The processor time of this thread.
///
/// # Errors
/// If the system does not tell.
pub fn thread_time() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).context("read this thread's processor time")?.into())
}

/// Moves all threads of a process.
fn stay(id: u32, processor: usize) -> Result<()> {
    let done = Command::new("taskset")
        .args(["--all-tasks", "--cpu-list", "--pid", &processor.to_string(), &id.to_string()])
        .stdout(Stdio::null())
        .status()
        .context("run taskset")?;
    if !done.success() {
        bail!("process {id} does not move to processor {processor}");
    }
    Ok(())
}
