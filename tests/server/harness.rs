//! One server process and what is known of it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

/// The longest that anything is waited for; a test that reaches it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Where cargo puts the binary that this test is built beside.
pub(crate) fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test is a program");
    let beside = test.ancestors().nth(2).expect("it lies in deps").join("consilium");
    assert!(beside.exists(), "build it first: cargo build --release -p server");
    beside
}

/// `consilium` with none of the variables of whoever runs the tests.
pub(crate) fn consilium() -> Command {
    let mut command = Command::new(binary());
    command.env_clear().stdin(Stdio::null());
    command
}

/// A directory of this test's own, removed at its end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("consilium-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("temporary directory");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).expect("is ours");
    }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) http: SocketAddr,
    pub(crate) media: SocketAddr,
    pub(crate) client: reqwest::Client,
    child: Child,
    scratch: Scratch,
    /// Everything that must not be in the log.
    private: Mutex<Vec<String>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(flags: &[&str]) -> Self {
        Self::start_by(consilium(), flags)
    }

    /// The same by a command that becomes the binary.
    pub(crate) fn start_by(command: Command, flags: &[&str]) -> Self {
        let scratch = Scratch::new();
        let (child, http, media) = run(command, &scratch, flags);
        let client = reqwest::Client::builder().timeout(PATIENCE).build().expect("a client");
        Self { http, media, client, child, scratch, private: Mutex::default() }
    }

    /// Kills it, as a machine does that loses its power, and starts it again with its data and the usual flags.
    pub(crate) fn kill_and_start(&mut self) {
        self.child.kill().expect("is ours");
        self.child.wait().expect("is ours");
        (self.child, self.http, self.media) = run(consilium(), &self.scratch, &[]);
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A valid token for room `r`; the name says whose test it was if it ever gets into a log.
    pub(crate) fn token(&self, role: &str, site: Option<&str>) -> String {
        self.signed(claims("r", role, site))
    }

    /// A token with these claims.
    pub(crate) fn signed(&self, claims: Value) -> String {
        let secret = std::fs::read(self.data().join("secret")).expect("the server has made it");
        let key = EncodingKey::from_secret(&secret);
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).expect("it signs");
        self.hide(&token);
        token
    }

    /// The log must not hold this.
    pub(crate) fn hide(&self, private: &str) {
        self.private.lock().expect("no test panicked holding it").push(private.to_owned());
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        self.client.get(self.url(path)).send().await.expect("an answer")
    }

    /// The value of the one metric whose name and labels begin so; 0 when it is not there yet.
    pub(crate) async fn metric(&self, start: &str) -> f64 {
        let text = self.get("/metrics").await.text().await.expect("text");
        let line = text.lines().find(|line| line.starts_with(start));
        line.map_or(0.0, |line| line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number"))
    }

    /// Waits until the metric is as wanted, and not only because it is old.
    pub(crate) async fn metric_becomes(&self, start: &str, wanted: impl Fn(f64) -> bool) {
        self.shown_anew().await;
        let begun = Instant::now();
        loop {
            let value = self.metric(start).await;
            if wanted(value) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{start} stays at {value}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the worker has shown its figures anew: what is read from now on is not older than this call.
    pub(crate) async fn shown_anew(&self) {
        let mut last = 0.0;
        let begun = Instant::now();
        loop {
            let silent = self.metric("consilium_worker_silent_seconds{").await;
            if silent < last {
                return;
            }
            last = silent;
            assert!(begun.elapsed() < PATIENCE, "the worker shows nothing");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Tells it to stop.
    pub(crate) fn terminate(&self) {
        let done = Command::new("kill").arg(self.pid().to_string()).status().expect("kill runs");
        assert!(done.success());
    }

    /// Waits until it has ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("is ours") {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Resident memory in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says it");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// How many files and sockets it has open.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("it runs").count()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.scratch.path().join("log")).expect("the log")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.try_wait().expect("is ours").is_none() {
            self.terminate();
            let begun = Instant::now();
            while self.child.try_wait().expect("is ours").is_none() {
                if begun.elapsed() > PATIENCE {
                    self.child.kill().expect("is ours");
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        let log = self.log();
        if std::thread::panicking() {
            let last: Vec<&str> = log.lines().rev().take(40).collect();
            eprintln!("the server's log ends:\n{}", last.into_iter().rev().collect::<Vec<_>>().join("\n"));
            return;
        }
        assert!(!log.contains("panicked"), "the server panicked:\n{log}");
        for private in self.private.lock().expect("nobody panicked").iter().map(String::as_str).chain([NAME]) {
            assert!(!log.contains(private), "the log holds {private}");
        }
    }
}

/// Runs a server, and waits until it says where it listens. Its log goes behind that of the one before.
fn run(mut command: Command, scratch: &Scratch, flags: &[&str]) -> (Child, SocketAddr, SocketAddr) {
    let log = File::options().create(true).append(true).open(scratch.path().join("log")).expect("temporary file");
    let mut child = command
        .args(["serve", "--http", "127.0.0.1:0", "--media", "127.0.0.1:0", "--workers", "1", "--log", "debug"])
        .arg("--data")
        .arg(scratch.path().join("data"))
        .args(flags)
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .expect("the binary runs");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("is piped");
    BufReader::new(stdout).read_line(&mut line).expect("it speaks");
    let address = |name: &str| {
        let word = line.split_whitespace().find_map(|word| word.strip_prefix(name));
        word.and_then(|address| address.parse().ok()).unwrap_or_else(|| panic!("no {name} in {line:?}"))
    };
    (child, address("http="), address("media="))
}

/// The name in every token of these tests.
pub(crate) const NAME: &str = "Dr. Example Nobody";

/// The claims of a good token.
pub(crate) fn claims(room: &str, role: &str, site: Option<&str>) -> Value {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let subject = format!("subject-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    json!({ "sub": subject, "name": NAME, "room": room, "role": role, "site": site, "exp": now_s() + 600, "jti": subject })
}

pub(crate) fn now_s() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs()
}

/// Checks a problem document and gives its code.
pub(crate) async fn problem(response: reqwest::Response, status: u16) -> String {
    let path = response.url().to_string();
    let (got, kind) = (response.status().as_u16(), response.headers().get("content-type").cloned());
    let text = response.text().await.expect("a body");
    assert_eq!(got, status, "{path}: {text}");
    assert_eq!(kind.expect("a content type"), "application/problem+json");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(document["status"], status);
    assert!(document["detail"].as_str().is_some_and(|detail| detail.len() > 5), "{text}");
    document["code"].as_str().expect("a code").to_owned()
}
