//! The log: one line or one JSON object per event on standard error, with ids only.

use tracing_subscriber::EnvFilter;

use crate::config::{ConfigError, LogFormat};

/// Our own crates. What others say is for their authors, and may hold addresses, SDP or headers: only their warnings
/// are kept, whatever level is asked for (hazard H9).
const OWN: [&str; 5] = ["capture", "consilium", "media", "room", "server"];
const OTHERS: &str = "warn,str0m=error,webrtc=error,rtc=error";

/// Starts logging.
///
/// # Errors
/// When the level is none, or is for a crate that is not ours.
pub fn start(format: LogFormat, level: &str) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(directives(level)?)
        .map_err(|error| ConfigError::Words(format!("--log {level} is no level: {error}")))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}

fn directives(level: &str) -> Result<String, ConfigError> {
    let mut directives = OTHERS.to_owned();
    for part in level.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let module = part.split_once('=').map_or("", |(module, _)| module);
        let owner = module.split("::").next().unwrap_or("");
        if module.is_empty() {
            OWN.iter().for_each(|own| directives += &format!(",{own}={part}"));
        } else if OWN.contains(&owner) {
            directives += &format!(",{part}");
        } else {
            let sentence = format!("--log {level}: {module} is none of {}", OWN.join(", "));
            return Err(ConfigError::Words(sentence));
        }
    }
    Ok(directives)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_for_our_own_crates() {
        let debug = directives("debug").expect("a level");
        assert!(debug.starts_with("warn,") && debug.contains(",room=debug") && debug.contains(",server=debug"));
        assert!(directives("info,server::worker=trace").expect("levels").ends_with(",server::worker=trace"));
        // hyper's own trace holds the headers of requests, and so tokens
        assert!(directives("info,hyper=trace").is_err());
    }
}
