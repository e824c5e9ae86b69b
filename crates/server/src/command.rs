//! The commands.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use signaling::id::BadName;
use signaling::{Private, Role};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{
    Command, ConfigError, DemoConfig, ImportConfig, Invocation, ServeConfig, SitesCommand, TokenConfig, data_directory,
};
use crate::demo::{self, SITES};
use crate::log;
use crate::register;
use crate::register::tree::Imported;
use crate::secret::Secret;
use crate::serve::{Server, StartError};
use crate::token::{self, Keys};
use crate::tree_file::{Format, TreeFile};

const DEMO_ROOM: &str = "demo";
/// Links of a demo outlast a day's work on it.
const DEMO_TTL: Duration = Duration::from_secs(12 * 3600);
/// Who is given a link; the names are invented.
const VISITORS: [(Role, Option<&str>, &str); 5] = [
    (Role::Lead, None, "Dr. Example One"),
    (Role::Expert, None, "Dr. Example Two"),
    (Role::Surgeon, Some(SITES[0]), "Dr. Example Three"),
    (Role::Trainee, None, "Trainee Example"),
    (Role::Display, Some(SITES[0]), "Display A"),
];

/// Does what was asked for.
///
/// # Errors
/// One that stopped it from being done; bad configuration all of them.
pub fn run(invocation: Invocation) -> Result<(), StartError> {
    match invocation.command {
        Command::Token(config) => print_token(config),
        Command::Sites(SitesCommand::Import(config)) => import(config),
        Command::Serve(config) => {
            log::start(invocation.log_format, &invocation.log)?;
            until_done(serve(config))
        }
        Command::Demo(config) => {
            log::start(invocation.log_format, &invocation.log)?;
            until_done(demo(config))
        }
    }
}

fn until_done(work: impl Future<Output = Result<(), StartError>>) -> Result<(), StartError> {
    let runtime = Runtime::new().map_err(StartError::Thread)?;
    let done = runtime.block_on(work);
    // what is left is a drawing of the demo that nobody waits for any more
    runtime.shutdown_background();
    done
}

/// The server on loopback with three invented sites, and a link for each kind of visitor.
async fn demo(config: DemoConfig) -> Result<(), StartError> {
    let stopped = stopped()?;
    let mut config = ServeConfig::from(config);
    if config.data.is_none() {
        // apart from the real server's, so that a demo's links open nothing but a demo
        config.data = Some(data_directory(None)?.join("demo"));
    }
    let server = Server::start(&config).await?;
    let ip = if server.http.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { server.http.ip() };
    let base = format!("http://{}", SocketAddr::new(ip, server.http.port()));
    let keys = &server.shared.keys;
    let mut devices = Vec::with_capacity(SITES.len());
    for site in SITES {
        devices.push(demo_token(keys, Role::Device, Some(site), "")?);
    }
    let devices = devices.try_into().expect("one token was made for each site");
    let room = demo_name(DEMO_ROOM);
    let publishing = async {
        let mut sites = demo::start_sites(&base, &room, devices).await?;
        sites.published().await;
        // not earlier: whoever opens a link finds all feeds moving
        for (role, site, name) in VISITORS {
            let token = demo_token(keys, role, site, name)?;
            say(&format!("{} {base}/#token={}", role.as_str(), token.reveal()))?;
        }
        say("ready")?;
        sites.run().await;
        Ok(())
    };
    let done = tokio::select! {
        done = publishing => done,
        () = stopped => Ok(()),
    };
    server.stop().await;
    done
}

fn demo_token(keys: &Keys, role: Role, site: Option<&str>, name: &str) -> Result<Private<String>, StartError> {
    let claims = token::claims(demo_name(DEMO_ROOM), role, site.map(demo_name), name.to_owned(), DEMO_TTL)?;
    Ok(keys.sign(&claims)?)
}

/// A room or site of the demo.
fn demo_name<T: FromStr<Err = BadName>>(name: &str) -> T {
    name.parse().expect("the demo's own names are identifiers")
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
        return Err(ConfigError::Words(refusal.message).into());
    }
    say(token.reveal())
}

/// Puts what a file says into the register, as `POST /api/v1/sites` does.
fn import(config: ImportConfig) -> Result<(), StartError> {
    let cannot = |reason: String| ConfigError::Words(format!("cannot import {}: {reason}", config.file.display()));
    let format = Format::of_path(&config.file).ok_or_else(|| cannot("it is neither .toml nor .csv".to_owned()))?;
    let text = std::fs::read_to_string(&config.file).map_err(|error| cannot(error.to_string()))?;
    let file = TreeFile::parse(&text, format).map_err(|error| cannot(error.to_string()))?;
    let imported = register::import_file(&data_directory(config.data.clone())?, &file)?;
    let Imported { added, changed, unchanged } = imported.map_err(cannot)?;
    say(&format!("added={added} changed={changed} unchanged={unchanged}"))
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
