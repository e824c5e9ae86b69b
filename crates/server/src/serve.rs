//! The server from its first socket to its last goodbye.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::TokioTimer;
use media::Certificate;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle as Task;
use tokio::time::timeout;

use crate::administration::Administration;
use crate::bootstrap::{Bootstrap, BootstrapError};
use crate::config::{ConfigError, ServeConfig, data_directory};
use crate::database::DatabaseError;
use crate::demo::DemoError;
use crate::directory::{Directory, Openable};
use crate::doorkeeper::Doorkeeper;
use crate::http;
use crate::journal::{Journal, JournalError};
use crate::limit::{CONNECTIONS, DRAIN_TIMEOUT, HEAD_TIMEOUT};
use crate::listen::{self, ListenError};
use crate::password::Passwords;
use crate::register::Register;
use crate::register::account::has_administrator;
use crate::secret::{Secret, SecretError};
use crate::shared::Shared;
use crate::thumbnail::Thumbnails;
use crate::token::{KeyError, Keys};
use crate::worker::{self, Means, Running};

/// Why the server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The keys of others.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The register.
    #[error(transparent)]
    Register(#[from] DatabaseError),
    /// The code that makes the first administrator.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// An address.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// More workers than there are ports above the first.
    #[error("there are not {workers} ports from {first} on", first = first.port())]
    Ports {
        /// The first address.
        first: SocketAddr,
        /// How many.
        workers: usize,
    },
    /// The certificate for HTTPS.
    #[error("cannot use {certificate} and {key} for HTTPS: {source}", certificate = certificate.display(), key = key.display())]
    Tls {
        /// Its file.
        certificate: PathBuf,
        /// Its key's file.
        key: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The demo's pictures.
    #[error("{}", chain(.0))]
    Demo(#[from] DemoError),
    /// A thread or what it needs.
    #[error("the system gives no thread: {0}")]
    Thread(io::Error),
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    /// Where HTTP is served.
    pub http: SocketAddr,
    /// Where each worker takes media.
    pub media: Vec<SocketAddr>,
    /// Signs tokens of this server.
    pub shared: Arc<Shared>,
    handle: Handle<SocketAddr>,
    task: Task<io::Result<()>>,
    threads: Vec<JoinHandle<()>>,
    journal: JoinHandle<()>,
}

impl Server {
    /// Binds everything, then starts; when this returns, clients can come.
    ///
    /// # Errors
    /// What is wrong with the configuration, or what the system refused.
    pub async fn start(config: &ServeConfig) -> Result<Self, StartError> {
        let keys = keys(config)?;
        let tls = tls(config).await?;
        let listener = listen::http(config.http)?;
        let http = listener.local_addr().map_err(StartError::Thread)?;
        let thumbnails = Thumbnails::start(cores()).map_err(StartError::Thread)?;
        let data = data_directory(config.data.clone())?;
        let (journal, journal_thread) = Journal::start(&data)?;
        let administration = administration(config, &data)?;
        let workers = workers(config, &thumbnails, &journal)?;
        let media = workers.iter().map(|(address, _)| *address).collect();
        let (hands, (showcases, threads)): (Vec<_>, (Vec<_>, Vec<_>)) =
            workers.into_iter().map(|(_, Running { hand, showcase, thread })| (hand, (showcase, thread))).unzip();
        let openable = Openable::new(config.rooms, config.room.clone(), Some(administration.register.clone()));
        let directory = Arc::new(Directory::new(hands, openable));
        let shared = Arc::new(Shared::new(config, keys, directory, showcases, thumbnails, journal, administration));
        let handle = Handle::new();
        let task = serve(listener, tls, shared.clone(), handle.clone()).map_err(StartError::Thread)?;
        tracing::info!(%http, ?media, "listening");
        Ok(Self { http, media, shared, handle, task, threads, journal: journal_thread })
    }

    /// Says goodbye to everybody and ends.
    pub async fn stop(self) {
        tracing::info!("going down");
        let directory = &self.shared.directory;
        directory.close().await;
        if timeout(DRAIN_TIMEOUT, directory.empty()).await.is_err() {
            tracing::warn!("some clients did not take their goodbye in time");
        }
        self.handle.graceful_shutdown(Some(DRAIN_TIMEOUT / 4));
        match self.task.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the HTTP server failed"),
            Err(error) => tracing::error!(%error, "the HTTP server failed"),
        }
        let (threads, journal) = (self.threads, self.shared.journal.clone());
        let joined = tokio::task::spawn_blocking(move || {
            let all = threads.into_iter().all(|thread| thread.join().is_ok());
            // what the workers' last rooms had to say is in it now
            journal.end();
            all & self.journal.join().is_ok()
        });
        if !joined.await.unwrap_or(false) {
            tracing::error!("a worker or the journal failed");
        }
        tracing::info!("down");
    }
}

fn keys(config: &ServeConfig) -> Result<Keys, StartError> {
    let secret = match &config.secret_file {
        Some(path) => Secret::of_file(path)?,
        None => Secret::of_data(&data_directory(config.data.clone())?)?,
    };
    let mut keys = Keys::new(&secret);
    if let Some(path) = &config.jwks {
        keys.add_set(path)?;
    }
    Ok(keys)
}

fn administration(config: &ServeConfig, data: &Path) -> Result<Administration, StartError> {
    let register = Register::start(data)?;
    let has_administrator = register.look(has_administrator).map_err(DatabaseError::from)?;
    let bootstrap = Bootstrap::prepare(data, !has_administrator)?;
    let passwords = Passwords::start().map_err(StartError::Thread)?;
    let proxies = config.trusted_proxy.iter().map(IpAddr::to_canonical).collect();
    Ok(Administration::new(register, passwords, bootstrap, proxies, config.tls_cert.is_some()))
}

async fn tls(config: &ServeConfig) -> Result<Option<RustlsConfig>, StartError> {
    let (Some(certificate), Some(key)) = (&config.tls_cert, &config.tls_key) else { return Ok(None) };
    // fails when somebody else has chosen already, which is as good
    let _chosen: Result<(), _> = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let loaded = RustlsConfig::from_pem_file(certificate, key).await;
    let failed = |source| StartError::Tls { certificate: certificate.clone(), key: key.clone(), source };
    loaded.map(Some).map_err(failed)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// All sockets first, so that nothing has begun when one of them cannot be had.
fn workers(
    config: &ServeConfig,
    thumbnails: &Arc<Thumbnails>,
    journal: &Journal,
) -> Result<Vec<(SocketAddr, Running)>, StartError> {
    let count = config.workers.map_or_else(cores, usize::from);
    let mut sockets = Vec::with_capacity(count);
    for worker in 0..count {
        let address = listen::media_address(config.media, worker)
            .ok_or(StartError::Ports { first: config.media, workers: count })?;
        sockets.push(listen::media(address, &config.advertise, config.http.ip().is_loopback())?);
    }
    let means = Means {
        // one for all: whose peer connection it is, is said by the fingerprint in its SDP
        certificate: Certificate::generate(),
        playout_delay_most: Duration::from_millis(config.max_playout_delay_ms),
        thumbnails: thumbnails.clone(),
        journal: journal.clone(),
    };
    let now = Instant::now();
    let start = |(number, sockets): (usize, listen::MediaSockets)| {
        let bound = sockets.addresses.bound;
        let started = worker::start(number, sockets, means.clone(), now);
        started.map(|running| (bound, running))
    };
    sockets.into_iter().enumerate().map(start).collect::<io::Result<_>>().map_err(StartError::Thread)
}

fn serve(
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    shared: Arc<Shared>,
    handle: Handle<SocketAddr>,
) -> io::Result<Task<io::Result<()>>> {
    listener.set_nonblocking(true)?;
    let service = http::router(shared).into_make_service_with_connect_info::<SocketAddr>();
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    macro_rules! spawn {
        ($server:expr) => {{
            let mut server = $server.handle(handle).map(|acceptor| Doorkeeper::new(acceptor, connections));
            let builder = server.http_builder();
            builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
            builder.http2().timer(TokioTimer::new()).keep_alive_interval(HEAD_TIMEOUT).max_concurrent_streams(64);
            tokio::spawn(server.serve(service))
        }};
    }
    Ok(match tls {
        Some(config) => spawn!(axum_server::from_tcp_rustls(listener, config)?),
        None => spawn!(axum_server::from_tcp(listener)?),
    })
}
