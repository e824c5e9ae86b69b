//! The binary `consilium`: reads what it is told, does it, and says in one line why not.

use std::io::Write;
use std::process::ExitCode;

use server::command;
use server::config::{Asked, Invocation};

/// The exit code of bad configuration.
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    let asked = Invocation::read(std::env::args_os().collect());
    let done = match asked {
        Ok(Asked::Text(text)) => return print(&text),
        Ok(Asked::Run(invocation)) => command::run(*invocation).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(line) => {
            // when standard error is closed nobody can be told
            let _told: std::io::Result<()> = writeln!(std::io::stderr(), "consilium: {line}");
            ExitCode::from(MISUSED)
        }
    }
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
