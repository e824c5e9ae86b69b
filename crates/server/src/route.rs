//! How a datagram finds its session: by the address that the session has proved to be its own, or, for the
//! connectivity check that is to prove it, by the ICE user fragment.

use std::collections::HashMap;
use std::net::SocketAddr;

use media::{Protocol, SessionId};

use crate::limit::ADDRESSES_PER_SESSION;
use crate::stun;

/// One session of one room of this worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Target {
    /// The room's place in the worker.
    pub room: usize,
    /// The session in it.
    pub session: SessionId,
}

/// User fragments that one session may answer to: the current one and those of ICE restarts in progress.
const FRAGMENTS_PER_SESSION: usize = 4;

type Address = (Protocol, SocketAddr);

/// The tables of one worker. Only sessions that have proved an address put one in, so strangers cannot fill them.
#[derive(Debug, Default)]
pub struct Routes {
    addresses: HashMap<Address, Target>,
    fragments: HashMap<String, Target>,
    sessions: HashMap<Target, Held>,
}

#[derive(Debug, Default)]
struct Held {
    addresses: Vec<Address>,
    fragments: Vec<String>,
}

impl Routes {
    /// Whose datagram this is.
    ///
    /// A connectivity check is believed before the table is: a device that begins a new session from its old port
    /// must reach the new one. Whether it may is for the session to say, which knows the password.
    pub fn find(&self, protocol: Protocol, source: SocketAddr, datagram: &[u8]) -> Option<Target> {
        let check = datagram.first().is_some_and(|first| *first < 2);
        let by_name = || stun::local_fragment(datagram).and_then(|local| self.fragments.get(local));
        check.then(by_name).flatten().or_else(|| self.addresses.get(&(protocol, source))).copied()
    }

    /// The session answers to this user fragment.
    pub fn add_fragment(&mut self, fragment: String, target: Target) {
        let held = self.sessions.entry(target).or_default();
        if held.fragments.len() == FRAGMENTS_PER_SESSION {
            self.fragments.remove(&held.fragments.remove(0));
        }
        held.fragments.push(fragment.clone());
        self.fragments.insert(fragment, target);
    }

    /// The session has proved that this address is its own. Returns the one that gives way to it.
    pub fn add_address(&mut self, address: Address, target: Target) -> Option<Address> {
        let before = self.addresses.insert(address, target);
        if before == Some(target) {
            return None;
        }
        if let Some(held) = before.and_then(|before| self.sessions.get_mut(&before)) {
            held.addresses.retain(|held| *held != address);
        }
        let held = self.sessions.entry(target).or_default();
        let oldest = (held.addresses.len() == ADDRESSES_PER_SESSION).then(|| held.addresses.remove(0));
        if let Some(oldest) = oldest {
            self.addresses.remove(&oldest);
        }
        held.addresses.push(address);
        oldest
    }

    /// The address is nobody's any more: its ICE-TCP connection is closed.
    pub fn forget_address(&mut self, address: Address) {
        if let Some(held) = self.addresses.remove(&address).and_then(|target| self.sessions.get_mut(&target)) {
            held.addresses.retain(|held| *held != address);
        }
    }

    /// The session is over. Returns the addresses that were its own.
    pub fn forget(&mut self, target: Target) -> Vec<Address> {
        let Some(held) = self.sessions.remove(&target) else { return Vec::new() };
        for fragment in &held.fragments {
            self.fragments.remove(fragment);
        }
        for address in &held.addresses {
            self.addresses.remove(address);
        }
        held.addresses
    }

    /// Every session of a room.
    pub fn of_room(&self, room: usize) -> Vec<Target> {
        self.sessions.keys().filter(|target| target.room == room).copied().collect()
    }

    /// How many sessions there are.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(session: u32) -> Target {
        Target { room: 0, session: SessionId(session) }
    }

    fn from(port: u16) -> Address {
        (Protocol::Udp, SocketAddr::from(([192, 0, 2, 1], port)))
    }

    #[test]
    fn an_address_belongs_to_who_proved_it_last() {
        let mut routes = Routes::default();
        routes.add_address(from(1), target(1));
        routes.add_address(from(1), target(2));
        assert_eq!(routes.find(from(1).0, from(1).1, &[128]), Some(target(2)));
        assert!(routes.forget(target(1)).is_empty(), "it is no longer the first one's to forget");
        assert_eq!(routes.find(from(1).0, from(1).1, &[128]), Some(target(2)));
        assert_eq!(routes.find(Protocol::Tcp, from(1).1, &[128]), None);
    }

    #[test]
    fn nothing_is_left_of_a_session() {
        let mut routes = Routes::default();
        for port in 0..20 {
            routes.add_address(from(port), target(1));
            routes.add_fragment(format!("ours{port}"), target(1));
        }
        assert_eq!(routes.addresses.len(), ADDRESSES_PER_SESSION);
        assert_eq!(routes.fragments.len(), FRAGMENTS_PER_SESSION);
        assert_eq!(routes.of_room(0), [target(1)]);
        assert_eq!(routes.forget(target(1)).len(), ADDRESSES_PER_SESSION);
        assert!(routes.addresses.is_empty() && routes.fragments.is_empty() && routes.sessions.is_empty());
    }

    #[test]
    fn a_connectivity_check_is_believed_before_the_table() {
        let mut check = vec![0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42];
        check.extend_from_slice(&[0; 12]);
        check.extend_from_slice(b"\x00\x06\x00\x03n:x\x00");
        let mut routes = Routes::default();
        routes.add_address(from(1), target(1));
        assert_eq!(routes.find(from(1).0, from(1).1, &check), Some(target(1)), "an unknown name changes nothing");
        routes.add_fragment("n".to_owned(), target(2));
        assert_eq!(routes.find(from(1).0, from(1).1, &check), Some(target(2)));
        assert_eq!(routes.find(from(1).0, from(1).1, &[22]), Some(target(1)));
        assert_eq!(routes.find(from(9).0, from(9).1, &[22]), None);
    }
}
