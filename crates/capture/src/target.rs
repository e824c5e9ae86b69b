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

    /// The server's endpoint for publishing one feed (`POST /whip/{room}`); `kind` is a feed kind's word.
    pub fn whip(base_url: &str, room: &str, kind: &str, label: &str, token: impl Into<String>) -> Result<Self, Error> {
        Self::with_query(base_url, &["whip", room], &[("feed", kind), ("label", label)], token)
    }

    /// The server's endpoint for playing one site's feed and voice.
    pub fn whep(base_url: &str, room: &str, site: &str, kind: &str, token: impl Into<String>) -> Result<Self, Error> {
        Self::with_query(base_url, &["whep", room], &[("site", site), ("feed", kind)], token)
    }

    fn with_query(
        base_url: &str,
        path: &[&str],
        query: &[(&str, &str)],
        token: impl Into<String>,
    ) -> Result<Self, Error> {
        let mut url = reqwest::Url::parse(base_url).map_err(|_| invalid("not a URL"))?;
        url.path_segments_mut().map_err(|()| invalid("not a URL with a path"))?.pop_if_empty().extend(path);
        url.query_pairs_mut().extend_pairs(query);
        Ok(Self::new(url, token))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        let target = Target::whip("http://127.0.0.1:8080/", "room-1", "ct", "CT & MR", "token").unwrap();
        assert_eq!(target.url.reveal(), "http://127.0.0.1:8080/whip/room-1?feed=ct&label=CT+%26+MR");
        let target = Target::whep("http://[::1]:1/base", "r", "site-a", "room", "token").unwrap();
        assert_eq!(target.url.reveal(), "http://[::1]:1/base/whep/r?site=site-a&feed=room");
    }
}
