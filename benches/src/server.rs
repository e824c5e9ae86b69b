//! The server under load: a process of its own, and what it uses.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::process::{Process, on_processor};

/// A running `consilium serve`, on ports of its own, with data of its own. Ends when dropped.
#[derive(Debug)]
pub struct Server {
    /// The process.
    pub process: Process,
    binary: PathBuf,
    data: PathBuf,
    /// `http://ADDR`.
    pub http: String,
}

impl Server {
    /// Starts the binary beside this one.
    ///
    /// # Errors
    /// If it is not built, or does not say that it listens.
    pub fn start() -> Result<Self> {
        Self::start_with(None, 1)
    }

    /// The same with so many workers, which take whatever processors they get.
    ///
    /// # Errors
    /// As above.
    pub fn start_with_workers(workers: usize) -> Result<Self> {
        Self::start_with(None, workers)
    }

    /// The same, on one processor alone.
    ///
    /// # Errors
    /// As above.
    pub fn start_on_processor(processor: usize) -> Result<Self> {
        Self::start_with(Some(processor), 1)
    }

    fn start_with(processor: Option<usize>, workers: usize) -> Result<Self> {
        let here = std::env::current_exe().context("find this program")?;
        let binary = here.ancestors().skip(1).map(|dir| dir.join("consilium")).find(|path| path.is_file());
        let binary = binary.context("find `consilium` beside this program: build it first")?;
        let data = std::env::temp_dir().join(format!("consilium-bench-{}", std::process::id()));
        let mut command = on_processor(processor, &binary);
        command
            .args(["serve", "--http", "127.0.0.1:0", "--media", "127.0.0.1:0", "--workers"])
            .arg(workers.to_string())
            .arg("--data")
            .arg(&data)
            .stdout(Stdio::piped());
        let mut process = Process::start(&mut command)?;
        let stdout = process.stdout().context("read the server's standard output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).context("wait until the server listens")?;
        let http = line.split_whitespace().find_map(|word| word.strip_prefix("http=")).map(|at| format!("http://{at}"));
        let Some(http) = http else { bail!("the server said {line:?}") };
        Ok(Self { process, binary, data, http })
    }

    /// A join token.
    ///
    /// # Errors
    /// If the command fails.
    pub fn token(&self, room: &str, role: &str, site: Option<&str>) -> Result<String> {
        let mut command = Command::new(&self.binary);
        command.args(["token", "--room", room, "--role", role, "--name", "Bench"]).arg("--data").arg(&self.data);
        if let Some(site) = site {
            command.args(["--site", site]);
        }
        let output = command.output().context("make a token")?;
        if !output.status.success() {
            bail!("no token: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Everything that it measures, as text for a scraper.
    ///
    /// # Errors
    /// If the server does not answer.
    pub fn metrics(&self) -> Result<String> {
        Ok(ureq::get(format!("{}/metrics", self.http)).call()?.body_mut().read_to_string()?)
    }

    /// The sum of a metric's samples.
    ///
    /// # Errors
    /// If the server does not answer.
    pub fn metric(&self, name: &str) -> Result<f64> {
        let text = self.metrics()?;
        let samples = text
            .lines()
            .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ') || rest.starts_with('{')));
        Ok(samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing is lost: its data are temporary.
        std::fs::remove_dir_all(&self.data).ok();
    }
}
