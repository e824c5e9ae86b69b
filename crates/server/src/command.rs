//! The commands.

use std::io::Write;

use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Command, DemoConfig, Invocation, ServeConfig, TokenConfig, data_directory};
use crate::log;
use crate::secret::Secret;
use crate::serve::{Server, StartError};
use crate::token::{self, Keys};

/// Does what was asked for.
///
/// # Errors
/// One that stopped it from being done; bad configuration all of them.
pub fn run(invocation: Invocation) -> Result<(), StartError> {
    match invocation.command {
        Command::Token(config) => print_token(config),
        Command::Serve(config) => {
            log::start(invocation.log_format, &invocation.log)?;
            runtime()?.block_on(serve(config))
        }
        Command::Demo(config) => {
            log::start(invocation.log_format, &invocation.log)?;
            runtime()?.block_on(demo(config))
        }
    }
}

fn runtime() -> Result<Runtime, StartError> {
    Runtime::new().map_err(StartError::Thread)
}

async fn demo(_config: DemoConfig) -> Result<(), StartError> {
    Ok(())
}

async fn serve(config: ServeConfig) -> Result<(), StartError> {
    let stopped = stopped()?;
    let server = Server::start(&config).await?;
    let more: Vec<String> = server.media[1..].iter().map(ToString::to_string).collect();
    let more = if more.is_empty() { String::new() } else { format!(" more={}", more.join(",")) };
    say(&format!("listening http={} media={}{more}", server.http, server.media[0]))?;
    stopped.await;
    server.stop().await;
    Ok(())
}

fn print_token(config: TokenConfig) -> Result<(), StartError> {
    let secret = match &config.secret_file {
        Some(path) => Secret::of_file(path)?,
        None => Secret::of_data(&data_directory(config.data)?)?,
    };
    let keys = Keys::new(&secret);
    let claims = token::claims(config.room, config.role, config.site, config.name, config.ttl)?;
    let token = keys.sign(&claims)?;
    // what would be refused at the door is said here already
    if let Err(refusal) = keys.verify(token.reveal()) {
        return Err(crate::config::ConfigError::Words(refusal.message).into());
    }
    say(token.reveal())
}

/// Ready when the process is told to stop.
fn stopped() -> Result<impl Future<Output = ()>, StartError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::Thread)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::Thread)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// One line on standard output, which is for programs.
fn say(line: &str) -> Result<(), StartError> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(StartError::Thread)
}
