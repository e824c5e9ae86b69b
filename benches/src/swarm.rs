//! Many peers in one thread.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use crate::peer::Peer;

/// Peers by number; the publisher among them sends by itself.
#[derive(Debug)]
pub struct Swarm {
    poll: Poll,
    peers: BTreeMap<usize, Peer>,
    last: usize,
    publishers: Vec<Publisher>,
    is_sending: bool,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Publisher {
    peer: usize,
    every: Duration,
    packets: usize,
    keyframe_every: u32,
    next_at: Instant,
    frames: u32,
    answered: u64,
}

impl Swarm {
    /// No peers.
    ///
    /// # Errors
    /// If the system gives no poll.
    pub fn new() -> Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            peers: BTreeMap::new(),
            last: 0,
            publishers: Vec::new(),
            is_sending: true,
            buffer: vec![0; 2048],
        })
    }

    /// Takes a peer in; gives its number.
    ///
    /// # Errors
    /// If its socket cannot be waited for.
    pub fn add(&mut self, peer: Peer) -> Result<usize> {
        self.last += 1;
        let fd = peer.socket().as_raw_fd();
        self.poll.registry().register(&mut SourceFd(&fd), Token(self.last), Interest::READABLE)?;
        self.peers.insert(self.last, peer);
        Ok(self.last)
    }

    /// Lets a peer publish: so many frames a second of so many packets, a keyframe every so many frames.
    pub fn let_publish(&mut self, peer: usize, frames_per_second: u32, packets: usize, keyframe_every: u32) {
        let every = Duration::from_secs(1) / frames_per_second;
        let next_at = Instant::now();
        self.publishers.push(Publisher { peer, every, packets, keyframe_every, next_at, frames: 0, answered: 0 });
    }

    /// Lets publishers send from now on, one after the other within a frame's time, or holds all of them back.
    pub fn let_send(&mut self, is_sending: bool) {
        self.is_sending = is_sending;
        let (now, all) = (Instant::now(), self.publishers.len().max(1) as u32);
        for (place, publisher) in (0..).zip(&mut self.publishers) {
            publisher.next_at = now + publisher.every * place / all;
        }
    }

    /// Runs until nothing has come for 100 ms, but no longer than this.
    ///
    /// # Errors
    /// If a peer fails.
    pub fn settle(&mut self, at_most: Duration) -> Result<()> {
        let (end, quiet) = (Instant::now() + at_most, Duration::from_millis(100));
        loop {
            let before: u64 = self.peers().map(|peer| peer.packets).sum();
            self.run(quiet, |_| false)?;
            if Instant::now() >= end || self.peers().map(|peer| peer.packets).sum::<u64>() == before {
                return Ok(());
            }
        }
    }

    /// Datagrams so far that the kernel threw away because this program did not read them in time.
    ///
    /// # Errors
    /// If the system does not tell.
    pub fn overrun(&self) -> Result<u64> {
        let ours: BTreeSet<u16> = self.peers().map(|peer| peer.address().port()).collect();
        let table = std::fs::read_to_string("/proc/self/net/udp").context("read what sockets lost")?;
        let sockets = table.lines().skip(1).filter_map(|line| {
            let mut fields = line.split_whitespace();
            let port = u16::from_str_radix(fields.nth(1)?.rsplit_once(':')?.1, 16).ok()?;
            Some((port, fields.last()?.parse::<u64>().ok()?))
        });
        Ok(sockets.filter(|(port, _)| ours.contains(port)).map(|(_, lost)| lost).sum())
    }

    /// Takes a peer out.
    pub fn remove(&mut self, peer: usize) -> Option<Peer> {
        let peer = self.peers.remove(&peer)?;
        let fd = peer.socket().as_raw_fd();
        // A socket that is closed is waited for no more anyway.
        self.poll.registry().deregister(&mut SourceFd(&fd)).ok();
        Some(peer)
    }

    /// A peer.
    pub fn peer(&self, peer: usize) -> Option<&Peer> {
        self.peers.get(&peer)
    }

    /// All peers.
    pub fn peers(&self) -> impl Iterator<Item = &Peer> {
        self.peers.values()
    }

    /// All peers, out of the swarm.
    pub fn into_peers(self) -> impl DoubleEndedIterator<Item = Peer> {
        self.peers.into_values()
    }

    /// All peers.
    pub fn peers_mut(&mut self) -> impl Iterator<Item = &mut Peer> {
        self.peers.values_mut()
    }

    /// Runs until the condition holds or the time is over, at least once; true if it holds.
    ///
    /// # Errors
    /// If a peer fails.
    pub fn run(&mut self, at_most: Duration, holds: impl Fn(&Self) -> bool) -> Result<bool> {
        let end = Instant::now() + at_most;
        let mut events = Events::with_capacity(1024);
        loop {
            if holds(self) {
                return Ok(true);
            }
            self.publish(Instant::now())?;
            // Deadlines of peers are looked at every 20 ms: nothing of theirs is more urgent.
            let next = self.next_frame_at().map_or(end, |at| at.min(end));
            let patience = next.saturating_duration_since(Instant::now()).min(Duration::from_millis(20));
            self.poll.poll(&mut events, Some(patience))?;
            let now = Instant::now();
            for event in &events {
                if let Some(peer) = self.peers.get_mut(&event.token().0) {
                    peer.receive(now, &mut self.buffer)?;
                }
                self.publish(Instant::now())?;
            }
            let due = self.peers.iter().filter(|(_, peer)| peer.deadline() <= now).map(|(place, _)| *place);
            for place in due.collect::<Vec<_>>() {
                self.peers.get_mut(&place).expect("it is due").advance(now)?;
                self.publish(Instant::now())?;
            }
            if now >= end {
                return Ok(holds(self));
            }
        }
    }

    fn next_frame_at(&self) -> Option<Instant> {
        self.publishers.iter().map(|publisher| publisher.next_at).min().filter(|_| self.is_sending)
    }

    /// Sends the frames that are due. Looked at between any two peers, for a thousand of them take longer than a frame,
    /// and frames that were late would come in twos and threes.
    fn publish(&mut self, now: Instant) -> Result<()> {
        if self.next_frame_at().is_none_or(|at| at > now) {
            return Ok(());
        }
        for publisher in &mut self.publishers {
            let Some(peer) = self.peers.get_mut(&publisher.peer).filter(|peer| peer.is_connected) else {
                publisher.next_at = now + publisher.every;
                continue;
            };
            while publisher.next_at <= now {
                let is_asked = peer.keyframe_requests > publisher.answered;
                publisher.answered = peer.keyframe_requests;
                let is_keyframe = publisher.frames.is_multiple_of(publisher.keyframe_every) || is_asked;
                peer.send_frame(now, publisher.packets, is_keyframe)?;
                publisher.frames += 1;
                publisher.next_at += publisher.every;
            }
        }
        Ok(())
    }
}
