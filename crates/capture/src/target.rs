//! Where to publish or play, and over which road.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use signaling::Private;

use crate::Error;

/// How media travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// UDP: the normal case.
    #[default]
    Udp,
    /// TCP only (ICE-TCP, RFC 6544), where UDP is blocked.
    Tcp,
}

/// A WHIP or WHEP endpoint.
#[derive(Debug, Clone)]
pub struct Target {
    /// The address with its query, such as `http://127.0.0.1:8080/whip/room-1?feed=room&label=`. The label may hold
    /// words of people, so this never stands in a log.
    pub url: Private<String>,
    /// The bearer token.
    pub token: Private<String>,
    /// How media travels.
    pub transport: Transport,
}

impl Target {
    /// An endpoint that is reached over UDP.
    pub fn new(url: impl Into<String>, token: impl Into<String>) -> Self {
        Self { url: Private::new(url.into()), token: Private::new(token.into()), transport: Transport::Udp }
    }

    /// The same endpoint, media over TCP only.
    pub fn over_tcp(self) -> Self {
        Self { transport: Transport::Tcp, ..self }
    }

    /// The local address from which this machine would reach the server, by asking the routing table; nothing is
    /// sent.
    pub(crate) async fn local_address(&self) -> Result<IpAddr, Error> {
        let url = reqwest::Url::parse(self.url.reveal()).map_err(|_| invalid("not a URL"))?;
        let host = url.host_str().ok_or_else(|| invalid("no host"))?.trim_matches(['[', ']']).to_owned();
        let port = url.port_or_known_default().ok_or_else(|| invalid("no port"))?;
        let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await.map_err(Error::Resolve)?.collect();
        // A name such as localhost has addresses of both families; servers listen on the older one more often.
        let server = found.iter().find(|at| at.is_ipv4()).or(found.first()).ok_or_else(|| invalid("no address"))?;
        let any: SocketAddr = if server.is_ipv4() { ([0; 4], 0).into() } else { ([0u16; 8], 0).into() };
        let socket = UdpSocket::bind(any).map_err(Error::Resolve)?;
        socket.connect(server).map_err(Error::Resolve)?;
        Ok(socket.local_addr().map_err(Error::Resolve)?.ip())
    }
}

fn invalid(what: &'static str) -> Error {
    Error::Resolve(std::io::Error::new(std::io::ErrorKind::InvalidInput, what))
}
