//! What every door of the server has in common.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use signaling::{RefusalCode, RoomId};
use tokio::sync::Semaphore;

use crate::administration::Administration;
use crate::config::ServeConfig;
use crate::directory::Directory;
use crate::journal::Journal;
use crate::metric::Metrics;
use crate::origin::Origin;
use crate::problem::Problem;
use crate::quota::Quota;
use crate::resource::Resources;
use crate::show::Showcase;
use crate::thumbnail::Thumbnails;
use crate::token::{Admission, Keys};

/// WebSockets that have not joined yet.
const UNJOINED: usize = 1024;
/// A worker that has not shown itself for this long hangs.
const PULSE: Duration = Duration::from_secs(5);

/// What every door of the server has in common.
#[derive(Debug)]
pub struct Shared {
    /// Checks tokens.
    pub keys: Keys,
    /// The way into rooms.
    pub directory: Arc<Directory>,
    /// What happened in rooms.
    pub journal: Journal,
    /// Who may do what.
    pub administration: Administration,
    /// What is counted.
    pub metrics: Metrics,
    /// WHIP and WHEP sessions.
    pub(crate) resources: Resources,
    /// How many of them each subject has.
    pub(crate) quota: Quota,
    /// Places for WebSockets that have not joined yet.
    pub(crate) unjoined: Arc<Semaphore>,
    showcases: Vec<Arc<Showcase>>,
    origins: Vec<Origin>,
    ice_servers: Vec<HeaderValue>,
}

impl Shared {
    /// Everything empty.
    pub fn new(
        config: &ServeConfig,
        keys: Keys,
        directory: Arc<Directory>,
        showcases: Vec<Arc<Showcase>>,
        thumbnails: Arc<Thumbnails>,
        journal: Journal,
        administration: Administration,
    ) -> Self {
        let link = |url: &str| HeaderValue::try_from(format!("<{url}>; rel=\"ice-server\"")).ok();
        Self {
            keys,
            directory,
            metrics: Metrics::new(showcases.clone(), thumbnails, journal.clone()),
            journal,
            administration,
            resources: Resources::default(),
            quota: Quota::default(),
            unjoined: Arc::new(Semaphore::new(UNJOINED)),
            showcases,
            origins: config.origin.clone(),
            ice_servers: config.ice_server.iter().filter_map(|server| link(&server.0)).collect(),
        }
    }

    /// The `Link` headers that tell a WHIP or WHEP client of STUN servers.
    pub(crate) fn ice_servers(&self) -> &[HeaderValue] {
        &self.ice_servers
    }

    /// True when every worker has shown itself a moment ago.
    pub(crate) fn is_alive(&self) -> bool {
        let now = Instant::now();
        self.showcases.iter().all(|showcase| now.saturating_duration_since(showcase.look().at) < PULSE)
    }

    /// Whom the request's bearer token lets into this room.
    pub(crate) fn admit(&self, headers: &HeaderMap, room: &str) -> Result<Admission, Problem> {
        let admission = self.keys.verify(bearer(headers)?)?;
        match room.parse::<RoomId>() {
            Ok(room) if room == admission.room => Ok(admission),
            _ => Err(Problem::new(RefusalCode::WrongRoom, "The token is for another room.")),
        }
    }

    /// True when a page of this origin may open a WebSocket: it came from this host, or it is configured. Programs
    /// send no origin; what they may is said by their token alone.
    pub(crate) fn allows_origin(&self, headers: &HeaderMap) -> bool {
        let origin = headers.get("origin").and_then(|origin| origin.to_str().ok()).map(str::to_ascii_lowercase);
        let is_configured = |origin: String| self.origins.iter().any(|allowed| allowed.as_str() == origin);
        self.is_own_page(headers) || origin.is_some_and(is_configured)
    }

    /// True when a page that has sent this came from this host. Programs send no origin, and browsers give none of them
    /// a cookie of ours.
    pub(crate) fn is_own_page(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get("origin") else { return true };
        let host = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
        let own = headers.get("host").and_then(|value| value.to_str().ok());
        host.zip(own).is_some_and(|(origin, own)| origin.eq_ignore_ascii_case(own))
    }
}

/// The token of a request. Of two it cannot be said which is meant, so both are refused.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let first = given.next().and_then(|value| value.to_str().ok()?.split_once(' '));
    if given.next().is_some() {
        let problem = Problem::new(RefusalCode::BadToken, "The request has more than one Authorization header.");
        return Err(problem.with_status(StatusCode::BAD_REQUEST));
    }
    match first {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => Ok(token.trim()),
        _ => Err(Problem::new(RefusalCode::BadToken, "The request has no bearer token.")),
    }
}
