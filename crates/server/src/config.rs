//! What the server is told: flags, then `CONSILIUM_*` variables, then a TOML file, in that order.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use signaling::{Role, RoomId, SiteId};

use crate::address::reachable;
use crate::file;
use crate::origin::Origin;
use crate::tree_file::Format;

/// An open, self-hosted server for live guidance of operations by remote experts.
#[derive(Debug, Clone, Parser)]
#[command(name = "consilium", version, disable_help_subcommand = true, arg_required_else_help = true)]
#[command(after_help = "Every flag can also be a variable (CONSILIUM_HTTP for --http) or a key in a TOML file \
    (http = \"0.0.0.0:8080\").\nA flag wins over a variable, a variable over the file.")]
pub struct Invocation {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// A TOML file whose keys are named like the flags.
    #[arg(long, global = true, env = "CONSILIUM_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How the log on standard error is written.
    #[arg(long, global = true, env = "CONSILIUM_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// What the log holds: error, warn, info, debug or trace, also by module (info,server::worker=debug).
    #[arg(long, global = true, env = "CONSILIUM_LOG", value_name = "LEVEL", default_value = "info")]
    pub log: String,
}

/// What the binary can do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Runs the server, everything embedded.
    Serve(ServeConfig),
    /// Runs the server for this machine with three invented sites, and prints one link per role.
    Demo(DemoConfig),
    /// The centre, its sites, devices and rooms.
    #[command(subcommand)]
    Sites(SitesCommand),
    /// Prints a join token and nothing else; works while the server runs and before it ever ran.
    Token(TokenConfig),
}

/// As much as the kind of room that allows most.
const PLAYOUT_DELAY_MS: u64 = 1000;

/// The flags of `serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeConfig {
    /// Where HTTP, WebSocket, WHIP, WHEP and the web client are served.
    #[arg(long, env = "CONSILIUM_HTTP", value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub http: SocketAddr,
    /// Where media comes in, by UDP and by ICE-TCP; worker N takes the Nth port from here, port 0 any free ones.
    #[arg(long, env = "CONSILIUM_MEDIA", value_name = "ADDR", default_value = "0.0.0.0:7881")]
    pub media: SocketAddr,
    /// An address that peers are told to send media to; repeatable. Default: the addresses of this machine.
    #[arg(long, env = "CONSILIUM_ADVERTISE", value_name = "IP", value_delimiter = ',', value_parser = reachable)]
    pub advertise: Vec<IpAddr>,
    /// Where the database and the secret are. Default: $XDG_DATA_HOME/consilium.
    #[arg(long, env = "CONSILIUM_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Threads that carry media, each with its own port. Default: one per core.
    #[arg(long, env = "CONSILIUM_WORKERS", value_name = "N")]
    pub workers: Option<NonZeroUsize>,
    /// The certificate chain for HTTPS, PEM.
    #[arg(long, env = "CONSILIUM_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// The private key for HTTPS, PEM.
    #[arg(long, env = "CONSILIUM_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// The secret that signs join tokens, at least 32 bytes. Default: DATA/secret, made when it is not there.
    #[arg(long, env = "CONSILIUM_SECRET_FILE", value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// Public keys (a JWK set, EdDSA or RS256) of others who may sign join tokens.
    #[arg(long, env = "CONSILIUM_JWKS", value_name = "FILE")]
    pub jwks: Option<PathBuf>,
    /// Which rooms there are: any that a valid token names, or only those that were declared: in the register (by an
    /// import of sites, or by people who are logged in), or with --room.
    #[arg(long, env = "CONSILIUM_ROOMS", value_name = "RULE", default_value = "any")]
    pub rooms: RoomRule,
    /// A declared room, for guidance, beside those in the register; repeatable.
    #[arg(long = "room", env = "CONSILIUM_ROOM", value_name = "NAME", value_delimiter = ',')]
    pub room: Vec<RoomId>,
    /// Another web origin (https://host) whose pages may open WebSockets here; repeatable.
    #[arg(long, env = "CONSILIUM_ORIGIN", value_name = "URL", value_delimiter = ',')]
    pub origin: Vec<Origin>,
    /// The address of a reverse proxy that is believed who it forwards for (X-Forwarded-For, X-Forwarded-Proto), so that
    /// wrong logins are counted by the right address; repeatable.
    #[arg(long, env = "CONSILIUM_TRUSTED_PROXY", value_name = "IP", value_delimiter = ',')]
    pub trusted_proxy: Vec<IpAddr>,
    /// A STUN server that WHIP and WHEP clients are told of (stun:host:port); repeatable.
    #[arg(long, env = "CONSILIUM_ICE_SERVER", value_name = "URL", value_delimiter = ',')]
    pub ice_server: Vec<IceServer>,
    /// The longest that viewers hold pictures back, in milliseconds, so that a line that loses or jitters does not freeze them:
    /// in rooms where people act on what they see (guidance, consultation) never more than 400, in others (teaching, meeting) than
    /// 1000. On a clean line they hold nothing back; 0 forbids it on any.
    #[arg(long, env = "CONSILIUM_MAX_PLAYOUT_DELAY_MS", value_name = "MS", default_value_t = PLAYOUT_DELAY_MS,
        value_parser = clap::value_parser!(u64).range(..=10_000))]
    pub max_playout_delay_ms: u64,
}

/// The flags of `demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoConfig {
    /// Where HTTP and the web client are served.
    #[arg(long, env = "CONSILIUM_HTTP", value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub http: SocketAddr,
    /// Where media comes in: on every interface, for Firefox sends none to loopback. Only a peer that was given a
    /// session over HTTP is answered there.
    #[arg(long, env = "CONSILIUM_MEDIA", value_name = "ADDR", default_value = "0.0.0.0:7881")]
    pub media: SocketAddr,
    /// Where the secret is. Default: `demo` in the data directory of `serve`.
    #[arg(long, env = "CONSILIUM_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// The flags of `token`.
#[derive(Debug, Clone, Args)]
pub struct TokenConfig {
    /// The room it is for.
    #[arg(long, value_name = "NAME")]
    pub room: RoomId,
    /// What its holder is in the room for.
    #[arg(long, value_name = "ROLE", value_parser = role())]
    pub role: Role,
    /// The name that others see.
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub name: String,
    /// The site; surgeon, device and display belong to one.
    #[arg(long, value_name = "SITE")]
    pub site: Option<SiteId>,
    /// How long it is valid: 90s, 30m, 2h, 7d.
    #[arg(long, value_name = "TIME", default_value = "2h", value_parser = duration)]
    pub ttl: Duration,
    /// The server's data directory. Default: $XDG_DATA_HOME/consilium.
    #[arg(long, env = "CONSILIUM_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The secret to sign with, in place of DATA/secret; wins over --data.
    #[arg(long, env = "CONSILIUM_SECRET_FILE", value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
}

/// What can be done with sites.
#[derive(Debug, Clone, Subcommand)]
pub enum SitesCommand {
    /// Adds and changes what a file says, and takes nothing away; works while the server runs and before it ever ran.
    Import(ImportConfig),
}

/// The flags of `sites import`.
#[derive(Debug, Clone, Args)]
pub struct ImportConfig {
    /// The file, by its extension .toml or .csv; docs/administration.md shows both.
    #[arg(value_name = "FILE", value_parser = tree_path)]
    pub file: PathBuf,
    /// Where the database is. Default: as for `serve`.
    #[arg(long, env = "CONSILIUM_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Which rooms there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoomRule {
    /// A room named in a valid token opens on first join.
    Any,
    /// Only rooms that were declared.
    Declared,
}

/// A STUN server's URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceServer(pub String);

impl std::str::FromStr for IceServer {
    type Err = &'static str;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        let rest = url.strip_prefix("stun:").or_else(|| url.strip_prefix("stuns:"));
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:-[]?=_".contains(&byte);
        match rest {
            Some(host) if !host.is_empty() && host.bytes().all(plain) => Ok(Self(url.to_owned())),
            _ => Err("must be stun:host, stun:host:port or the same with stuns:"),
        }
    }
}

/// Why the server was not started.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The words on the command line, or what a variable or the file says in their place.
    #[error("{0}")]
    Words(String),
    /// The configuration file.
    #[error("cannot use the configuration file: {0}")]
    File(#[from] file::FileError),
    /// There is nowhere to keep data.
    #[error("neither --data nor XDG_DATA_HOME nor HOME says where to keep data")]
    NoDataDirectory,
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Asked {
    /// To do something.
    Run(Box<Invocation>),
    /// To be told how; to be printed on standard output.
    Text(String),
}

impl Invocation {
    /// Reads the command line, the environment and the file that they name.
    ///
    /// # Errors
    /// One line that says what is wrong.
    pub fn read(words: Vec<OsString>) -> Result<Asked, ConfigError> {
        let mut command = Self::command();
        if let Some(path) = file::named(&words) {
            command = file::with_defaults(command, &path)?;
        }
        let matches = match command.try_get_matches_from(words) {
            Ok(matches) => matches,
            Err(error) if !error.use_stderr() => return Ok(Asked::Text(error.render().to_string())),
            Err(error) => return Err(ConfigError::Words(one_line(&error.render().to_string()))),
        };
        let invocation = Self::from_arg_matches(&matches)
            .map_err(|error| ConfigError::Words(one_line(&error.render().to_string())))?;
        if let Command::Serve(serve) = &invocation.command {
            serve.check()?;
        }
        Ok(Asked::Run(Box::new(invocation)))
    }
}

impl ServeConfig {
    /// What clap cannot check, because a value may come from the file.
    fn check(&self) -> Result<(), ConfigError> {
        let wrong = |what: &str| Err(ConfigError::Words(what.to_owned()));
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            return wrong("--tls-cert and --tls-key go together; one of them is missing");
        }
        Ok(())
    }
}

impl From<DemoConfig> for ServeConfig {
    fn from(demo: DemoConfig) -> Self {
        Self {
            http: demo.http,
            media: demo.media,
            data: demo.data,
            advertise: Vec::new(),
            workers: None,
            tls_cert: None,
            tls_key: None,
            secret_file: None,
            jwks: None,
            rooms: RoomRule::Any,
            room: Vec::new(),
            origin: Vec::new(),
            trusted_proxy: Vec::new(),
            ice_server: Vec::new(),
            max_playout_delay_ms: PLAYOUT_DELAY_MS,
        }
    }
}

/// The given data directory, or the one that the XDG base directory specification names.
///
/// # Errors
/// When nothing says where.
pub fn data_directory(given: Option<PathBuf>) -> Result<PathBuf, ConfigError> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    given
        .or_else(|| absolute("XDG_DATA_HOME").map(|base| base.join("consilium")))
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share/consilium")))
        .ok_or(ConfigError::NoDataDirectory)
}

/// The first paragraph of what clap says, without its label, as one line.
fn one_line(text: &str) -> String {
    let first = text.split("\n\n").next().unwrap_or(text);
    let words: Vec<_> = first.strip_prefix("error: ").unwrap_or(first).split_whitespace().collect();
    words.join(" ")
}

/// One of the contract's words; the error and the help list them.
fn role() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.map(Role::as_str)).try_map(|word| word.parse::<Role>())
}

fn tree_path(text: &str) -> Result<PathBuf, &'static str> {
    let path = PathBuf::from(text);
    Format::of_path(&path).map(|_| path).ok_or("must end with .toml or .csv")
}

fn name(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("must not be blank: it is what others see") } else { Ok(text.to_owned()) }
}

fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => 0,
    };
    let number: u64 = number.parse().unwrap_or(0);
    match number.checked_mul(seconds) {
        // a year is more than any consultation, and keeps sums of times far from overflow
        Some(1..=31_536_000) => Ok(Duration::from_secs(number * seconds)),
        _ => Err("must be a number and s, m, h or d, such as 90s or 2h, and at most 365d".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Asked, ConfigError> {
        Invocation::read(words.iter().map(OsString::from).collect())
    }

    #[test]
    fn durations() {
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        for bad in ["", "2", "h", "0s", "-1h", "2w", "1.5h", "400d", "99999999999999999999h"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn one_clear_line() {
        for words in [
            vec!["consilium", "serve", "--http", "nowhere"],
            vec!["consilium", "serve", "--tls-cert", "a.pem"],
            vec!["consilium", "serve", "--rooms", "some"],
            vec!["consilium", "serve", "--trusted-proxy", "proxy"],
            vec!["consilium", "sites", "import", "sites.xlsx"],
            vec!["consilium", "serve", "--ice-server", "http://x"],
            vec!["consilium", "serve", "--origin", "foo"],
            vec!["consilium", "serve", "--max-playout-delay-ms", "40000"],
            vec!["consilium", "token", "--room", "r"],
            vec!["consilium", "fly"],
        ] {
            let line = read(&words).expect_err("must be refused").to_string();
            assert!(!line.contains('\n') && line.len() > 10, "{line}");
        }
    }

    #[test]
    fn help_is_no_error() {
        for words in [vec!["consilium", "--help"], vec!["consilium", "serve", "--help"], vec!["consilium", "--version"]]
        {
            assert!(matches!(read(&words), Ok(Asked::Text(_))));
        }
    }
}
