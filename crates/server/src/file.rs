//! The configuration file: its values become the defaults of the flags, so that a flag or a variable wins.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::Command;
use toml::{Table, Value};

/// Why a configuration file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("reading {path}: {source}", path = path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no TOML.
    #[error("{path} is no TOML: {reason}", path = path.display())]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Why, and where.
        reason: String,
    },
    /// It has a key that no flag is named like.
    #[error("{path}: there is no setting '{key}'", path = path.display())]
    UnknownKey {
        /// Which file.
        path: PathBuf,
        /// Which key.
        key: String,
    },
    /// A value is neither text, number, nor a list of them.
    #[error("{path}: '{key}' must be text, a number, or a list of them", path = path.display())]
    Shape {
        /// Which file.
        path: PathBuf,
        /// Which key.
        key: String,
    },
}

/// Settings of `token` that the file may give; the others of its flags are for one token only.
const OF_TOKEN: [&str; 2] = ["data", "secret_file"];

/// The file that the command line or the environment names.
pub(crate) fn named(words: &[OsString]) -> Option<PathBuf> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == OsStr::new("--config") {
            return words.next().map(PathBuf::from);
        }
        if let Some(path) = word.to_str().and_then(|word| word.strip_prefix("--config=")) {
            return Some(PathBuf::from(path));
        }
    }
    std::env::var_os("CONSILIUM_CONFIG").map(PathBuf::from)
}

/// The command with the file's values as its defaults.
pub(crate) fn with_defaults(command: Command, path: &Path) -> Result<Command, FileError> {
    let text = std::fs::read_to_string(path).map_err(|source| FileError::Read { path: path.to_owned(), source })?;
    let table: Table = text
        .parse()
        .map_err(|error: toml::de::Error| FileError::Parse { path: path.to_owned(), reason: located(&text, &error) })?;
    table.iter().try_fold(command, |command, (key, value)| {
        let values = texts(value).ok_or_else(|| FileError::Shape { path: path.to_owned(), key: key.clone() })?;
        give(command, &key.replace('-', "_"), &values)
            .ok_or_else(|| FileError::UnknownKey { path: path.to_owned(), key: key.clone() })
    })
}

/// Makes the values the default of the flag wherever it is found; none when it is nowhere.
fn give(command: Command, id: &str, values: &[String]) -> Option<Command> {
    let has = |command: &Command| command.get_arguments().any(|arg| arg.get_id() == id) && id != "config";
    let mut known = has(&command);
    let mut command = if known { default(command, id, values) } else { command };
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in names {
        let sub = command.find_subcommand(&name).expect("was just listed").clone();
        if name == "token" && !OF_TOKEN.contains(&id) {
            continue;
        }
        if let Some(given) = give(sub, id, values) {
            known = true;
            command = command.mut_subcommand(name, |_| given);
        }
    }
    known.then_some(command)
}

fn default(command: Command, id: &str, values: &[String]) -> Command {
    command.mut_arg(id, |arg| arg.default_values(values.to_vec()))
}

fn texts(value: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        _ => None,
    };
    match value {
        Value::Array(values) => values.iter().map(text).collect(),
        value => text(value).map(|text| vec![text]),
    }
}

/// The parser's sentence and the line it speaks of.
fn located(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    format!("line {line}: {}", error.message().replace('\n', " "))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Sample {
        #[arg(long, default_value = "flag default")]
        http: String,
        #[arg(long)]
        advertise: Vec<String>,
    }

    fn sample(file: &str, words: &[&str]) -> Result<Sample, FileError> {
        use clap::{CommandFactory, FromArgMatches};
        // Each test has a thread of its own.
        let whose = (std::process::id(), std::thread::current().id());
        let path = std::env::temp_dir().join(format!("consilium-config-{whose:?}.toml"));
        std::fs::write(&path, file).expect("temporary file");
        let command = with_defaults(Sample::command(), &path);
        std::fs::remove_file(&path).expect("temporary file");
        let matches = command?.try_get_matches_from(words).expect("good words");
        Ok(Sample::from_arg_matches(&matches).expect("good values"))
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let file = "http = \"file\"\nadvertise = [\"1\", \"2\"]";
        let from_file = sample(file, &["x"]).expect("good file");
        assert_eq!((from_file.http.as_str(), from_file.advertise.len()), ("file", 2));
        assert_eq!(sample(file, &["x", "--http", "flag"]).expect("good file").http, "flag");
        assert_eq!(sample("", &["x"]).expect("good file").http, "flag default");
    }

    #[test]
    fn what_is_no_setting_is_named() {
        assert!(matches!(sample("htpp = 1", &["x"]), Err(FileError::UnknownKey { key, .. }) if key == "htpp"));
        assert!(matches!(sample("http = {a=1}", &["x"]), Err(FileError::Shape { .. })));
        assert!(matches!(sample("http = ", &["x"]), Err(FileError::Parse { reason, .. }) if reason.contains("line 1")));
    }
}
