//! The log: one line or one JSON object per event on standard error, with ids only.

use tracing_subscriber::EnvFilter;

use crate::config::{ConfigError, LogFormat};

/// What other crates say is for their authors, and may hold addresses and SDP: only their warnings are kept.
const OTHERS: &str =
    "warn,server=LEVEL,room=LEVEL,media=LEVEL,consilium=LEVEL,capture=LEVEL,str0m=error,webrtc=error,rtc=error";

/// Starts logging.
///
/// # Errors
/// When the level is none.
pub fn start(format: LogFormat, level: &str) -> Result<(), ConfigError> {
    let plain = matches!(level, "error" | "warn" | "info" | "debug" | "trace" | "off");
    let directives = if plain { OTHERS.replace("LEVEL", level) } else { level.to_owned() };
    let filter = EnvFilter::try_new(directives)
        .map_err(|error| ConfigError::Words(format!("--log {level} is no level: {error}")))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}
