//! What this server says of itself in every answer.

use std::net::SocketAddr;

use crate::dtls::Certificate;

/// The server's side of every session of one worker.
#[derive(Debug, Clone)]
pub struct Local {
    /// The ICE candidates of every answer; the server is ICE-lite, so only these.
    pub candidates: Vec<SocketAddr>,
    /// The DTLS certificate of all sessions.
    pub certificate: Certificate,
}
