//! The addresses that media comes in by: what peers are told, and what that is on this machine.

use std::io;
use std::net::{IpAddr, SocketAddr};

/// One worker's addresses.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// What its sockets are bound to.
    pub bound: SocketAddr,
    /// What peers are told, best first; never empty.
    pub candidates: Vec<SocketAddr>,
    /// The addresses of this machine's interfaces, as far as the sockets listen on them.
    local: Vec<IpAddr>,
}

impl Addresses {
    /// Those of a worker whose sockets are bound to `bound`.
    ///
    /// # Errors
    /// When this machine's interfaces cannot be listed.
    pub fn new(bound: SocketAddr, advertise: &[IpAddr], http_on_loopback: bool) -> io::Result<Self> {
        let local = if bound.ip().is_unspecified() { interfaces(bound.is_ipv6())? } else { vec![bound.ip()] };
        let told = if advertise.is_empty() { tellable(&local, http_on_loopback) } else { advertise.to_vec() };
        let candidates = told.into_iter().map(|ip| SocketAddr::new(ip, bound.port())).collect();
        Ok(Self { bound, candidates, local })
    }

    /// The candidate that a datagram sent to this address of ours was meant for. Behind a translator the two
    /// differ, and str0m knows candidates only.
    pub fn candidate(&self, destination: Option<IpAddr>) -> SocketAddr {
        let ip = destination.map_or(self.bound.ip(), |ip| ip.to_canonical());
        let exact = self.candidates.iter().find(|candidate| candidate.ip() == ip);
        let family = || self.candidates.iter().find(|candidate| candidate.is_ipv4() == ip.is_ipv4());
        *exact.or_else(family).unwrap_or(&self.candidates[0])
    }

    /// The address to send from so that the peer sees the candidate; none where the system has no choice or the
    /// candidate is a translator's.
    pub fn source(&self, candidate: SocketAddr) -> Option<IpAddr> {
        (self.bound.ip().is_unspecified() && self.local.contains(&candidate.ip())).then(|| candidate.ip())
    }

    /// The destination as the socket wants it: one of both families takes IPv4 in its mapped form.
    pub fn outward(&self, destination: SocketAddr) -> SocketAddr {
        match destination.ip() {
            IpAddr::V4(ip) if self.bound.is_ipv6() => SocketAddr::new(ip.to_ipv6_mapped().into(), destination.port()),
            _ => destination,
        }
    }
}

/// An address that peers can be told to send to.
///
/// # Errors
/// One sentence on why nothing could ever arrive there.
pub fn reachable(text: &str) -> Result<IpAddr, &'static str> {
    let ip: IpAddr = text.parse().map_err(|_| "must be an IPv4 or IPv6 address, without a port")?;
    let ip = ip.to_canonical();
    match ip {
        _ if ip.is_unspecified() => Err("must be one address, and this stands for all of a machine's"),
        _ if ip.is_multicast() => Err("must be one machine's address, and this is a multicast group's"),
        IpAddr::V4(ip) if ip.is_broadcast() => Err("must be one machine's address, and this is everybody's"),
        IpAddr::V6(ip) if ip.is_unicast_link_local() => Err("must be reachable from outside, and this is link-local"),
        _ => Ok(ip),
    }
}

/// The address without its mapped form.
pub fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Every usable address of this machine, IPv4 first; link-local ones are of no use without a scope.
fn interfaces(both_families: bool) -> io::Result<Vec<IpAddr>> {
    let usable = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_link_local(),
        IpAddr::V6(ip) => both_families && !ip.is_unicast_link_local(),
    };
    let mut all: Vec<IpAddr> =
        if_addrs::get_if_addrs()?.iter().map(|interface| interface.ip()).filter(usable).collect();
    all.sort_by_key(|ip| ip.is_ipv6());
    all.dedup();
    Ok(all)
}

/// Loopback is told only when there is nothing else, or when the pages come from there as well.
fn tellable(local: &[IpAddr], http_on_loopback: bool) -> Vec<IpAddr> {
    let (loopback, outside): (Vec<IpAddr>, Vec<IpAddr>) = local.iter().copied().partition(IpAddr::is_loopback);
    match (outside.is_empty(), http_on_loopback) {
        (true, _) if loopback.is_empty() => vec![IpAddr::from([127, 0, 0, 1])],
        (true, _) => loopback,
        (false, true) => outside.into_iter().chain(loopback).collect(),
        (false, false) => outside,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn what_nobody_can_send_to_is_not_told() {
        for good in ["192.0.2.10", "127.0.0.1", "2001:db8::1", "::1"] {
            assert_eq!(reachable(good), Ok(ip(good)));
        }
        assert_eq!(reachable("::ffff:192.0.2.10"), Ok(ip("192.0.2.10")));
        for bad in ["0.0.0.0", "::", "::ffff:0.0.0.0", "224.0.0.1", "ff02::1", "255.255.255.255", "fe80::1", "x", ""] {
            assert!(reachable(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn loopback_is_for_those_at_home() {
        let all = [ip("127.0.0.1"), ip("10.0.0.5")];
        assert_eq!(tellable(&all, false), [ip("10.0.0.5")]);
        assert_eq!(tellable(&all, true), [ip("10.0.0.5"), ip("127.0.0.1")]);
        assert_eq!(tellable(&all[..1], false), [ip("127.0.0.1")]);
        assert_eq!(tellable(&[], false), [ip("127.0.0.1")]);
    }

    #[test]
    fn a_datagram_is_for_one_of_the_candidates() {
        let bound = "0.0.0.0:7881".parse().expect("an address");
        let local = vec![ip("10.0.0.5"), ip("127.0.0.1")];
        let candidates = vec!["198.51.100.7:7881".parse().expect("an address"), "10.0.0.5:7881".parse().expect("one")];
        let addresses = Addresses { bound, candidates: candidates.clone(), local };
        assert_eq!(addresses.candidate(Some(ip("10.0.0.5"))), candidates[1]);
        assert_eq!(addresses.candidate(Some(ip("::ffff:10.0.0.5"))), candidates[1]);
        assert_eq!(addresses.candidate(Some(ip("127.0.0.1"))), candidates[0]);
        assert_eq!(addresses.candidate(None), candidates[0]);
        assert_eq!(addresses.source(candidates[1]), Some(ip("10.0.0.5")));
        assert_eq!(addresses.source(candidates[0]), None, "a translator's address cannot be sent from");
    }

    #[test]
    fn a_socket_of_both_families_takes_mapped_addresses() {
        let bound = "[::]:7881".parse().expect("an address");
        let addresses = Addresses { bound, candidates: vec![bound], local: vec![] };
        let there = "192.0.2.1:5000".parse().expect("an address");
        assert_eq!(addresses.outward(there).to_string(), "[::ffff:192.0.2.1]:5000");
        assert_eq!(canonical(addresses.outward(there)), there);
    }
}
