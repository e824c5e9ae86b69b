//! The sockets, bound before anything else happens, so that a taken port is said at once.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Type};

use crate::address::Addresses;

/// Connections that may wait to be accepted.
const TCP_BACKLOG: i32 = 1024;
/// Free UDP ports that are tried for one whose TCP port is free as well.
const ATTEMPTS: usize = 16;

/// One worker's sockets, both on the same port number.
#[derive(Debug)]
pub struct MediaSockets {
    /// UDP.
    pub udp: UdpSocket,
    /// ICE-TCP.
    pub tcp: TcpListener,
    /// What they are bound to and what peers are told.
    pub addresses: Addresses,
}

/// An address that could not be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} ({what}): {source}")]
pub struct ListenError {
    what: &'static str,
    address: SocketAddr,
    source: io::Error,
}

/// Binds the HTTP listener.
///
/// # Errors
/// When the address cannot be had.
pub fn http(address: SocketAddr) -> Result<TcpListener, ListenError> {
    tcp(address).map_err(|source| ListenError { what: "HTTP", address, source })
}

/// Binds one worker's media sockets; for port 0 any that is free for both.
///
/// # Errors
/// When the address cannot be had.
pub fn media(address: SocketAddr, advertise: &[IpAddr], http_on_loopback: bool) -> Result<MediaSockets, ListenError> {
    let failed = |what| move |source| ListenError { what, address, source };
    let mut attempts = 0;
    let (udp, tcp, bound) = loop {
        attempts += 1;
        let udp = udp(address).map_err(failed("media, UDP"))?;
        let bound = udp.local_addr().map_err(failed("media, UDP"))?;
        match tcp(bound) {
            Ok(tcp) => break (udp, tcp, bound),
            Err(error) if error.kind() == ErrorKind::AddrInUse && address.port() == 0 && attempts < ATTEMPTS => {}
            Err(error) => return Err(failed("media, TCP")(error)),
        }
    };
    let addresses =
        Addresses::new(bound, advertise, http_on_loopback).map_err(failed("media, this machine's addresses"))?;
    Ok(MediaSockets { udp, tcp, addresses })
}

/// The address of worker N.
pub fn media_address(first: SocketAddr, worker: usize) -> Option<SocketAddr> {
    if first.port() == 0 {
        return Some(first);
    }
    let port = usize::from(first.port()) + worker;
    u16::try_from(port).ok().map(|port| SocketAddr::new(first.ip(), port))
}

fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    both_families(&socket, address)?;
    // a port whose connections of a minute ago are not forgotten yet can be had again at once
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(TCP_BACKLOG)?;
    Ok(socket.into())
}

fn udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    both_families(&socket, address)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// `[::]` means every address of both families, whatever the system's default.
fn both_families(socket: &socket2::Socket, address: SocketAddr) -> io::Result<()> {
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sockets_have_one_port_and_a_taken_one_is_named() {
        let free = "127.0.0.1:0".parse().expect("an address");
        let sockets = media(free, &[], true).expect("free ports");
        let bound = sockets.addresses.bound;
        assert_eq!(sockets.tcp.local_addr().expect("bound"), bound);
        assert_eq!(sockets.addresses.candidates, [bound]);
        let error = media(bound, &[], true).expect_err("is taken").to_string();
        assert!(error.contains(&bound.to_string()), "{error}");
        let error = http(bound).expect_err("is taken").to_string();
        assert!(error.contains(&bound.to_string()), "{error}");
    }

    #[test]
    fn each_worker_has_its_port() {
        let first = "127.0.0.1:7881".parse().expect("an address");
        assert_eq!(media_address(first, 2).map(|address| address.port()), Some(7883));
        assert_eq!(media_address("127.0.0.1:65535".parse().expect("an address"), 1), None);
        assert_eq!(media_address("127.0.0.1:0".parse().expect("an address"), 3).map(|address| address.port()), Some(0));
    }
}
