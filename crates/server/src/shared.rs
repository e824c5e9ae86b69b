//! What every door of the server has in common.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};
use signaling::{RefusalCode, RoomId};
use tokio::sync::Semaphore;

use crate::config::ServeConfig;
use crate::directory::Directory;
use crate::metric::Metrics;
use crate::problem::Problem;
use crate::resource::Resources;
use crate::show::Showcase;
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
    /// What is counted.
    pub metrics: Metrics,
    /// WHIP and WHEP sessions.
    pub(crate) resources: Resources,
    /// Places for WebSockets that have not joined yet.
    pub(crate) unjoined: Arc<Semaphore>,
    showcases: Vec<Arc<Showcase>>,
    origins: Vec<String>,
    ice_servers: Vec<HeaderValue>,
}

impl Shared {
    /// Everything empty.
    pub fn new(config: &ServeConfig, keys: Keys, directory: Arc<Directory>, showcases: Vec<Arc<Showcase>>) -> Self {
        let link = |url: &str| HeaderValue::try_from(format!("<{url}>; rel=\"ice-server\"")).ok();
        Self {
            keys,
            directory,
            metrics: Metrics::new(showcases.clone()),
            resources: Resources::default(),
            unjoined: Arc::new(Semaphore::new(UNJOINED)),
            showcases,
            origins: config.origin.iter().map(|origin| origin.trim_end_matches('/').to_ascii_lowercase()).collect(),
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
        let Some(token) = bearer(headers) else {
            return Err(Problem::new(RefusalCode::BadToken, "The request has no bearer token."));
        };
        let admission = self.keys.verify(token)?;
        match room.parse::<RoomId>() {
            Ok(room) if room == admission.room => Ok(admission),
            _ => Err(Problem::new(RefusalCode::WrongRoom, "The token is for another room.")),
        }
    }

    /// True when a page of this origin may open a WebSocket: it came from this host, or it is configured. Programs
    /// send no origin; what they may is said by their token alone.
    pub(crate) fn allows_origin(&self, headers: &HeaderMap) -> bool {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let Some(origin) = headers.get("origin") else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        let origin = origin.to_ascii_lowercase();
        let host = origin.split_once("://").map(|(_, host)| host);
        let own = host.zip(text("host")).is_some_and(|(origin, host)| origin.eq_ignore_ascii_case(host));
        own || self.origins.contains(&origin)
    }
}

/// The token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}
