//! A worker's TCP listener and its ICE-TCP connections: bounded in number, and strangers in time and bytes as well.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use media::{Protocol, Run};
use mio::net::TcpListener;
use mio::{Interest, Registry, Token};

use crate::address::{Addresses, canonical};
use crate::arrival::{Arrival, Batch};
use crate::limit::{STRANGER_STREAMS, STRANGER_STREAMS_PER_ADDRESS, STRANGER_TIMEOUT, STREAMS};
use crate::socket::NOBODY;
use crate::stream::Stream;
use crate::tally::{DropReason, StreamEnd, Tally};

/// Connections accepted, and reads from each, before the others have their turn. As there are more places for strangers
/// than are accepted at once, nobody gives way before a look was had at what it sent.
const ACCEPTED_AT_ONCE: usize = 64;
const READS_AT_ONCE: usize = 4;

/// The listener and its connections.
#[derive(Debug)]
pub struct Streams {
    listener: TcpListener,
    addresses: Addresses,
    first_token: usize,
    streams: Vec<Option<Stream>>,
    by_peer: HashMap<SocketAddr, usize>,
    /// Places of those who have not yet proved whose they are, the oldest first.
    strangers: VecDeque<usize>,
    /// Peers whose connection has become full, or is no more.
    pressed: Vec<(SocketAddr, bool)>,
    scratch: Vec<u8>,
}

impl Streams {
    /// Takes over a bound listener; connection N is polled with the token `first_token + N`.
    pub fn new(listener: std::net::TcpListener, addresses: Addresses, first_token: usize) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self {
            listener: TcpListener::from_std(listener),
            addresses,
            first_token,
            streams: Vec::new(),
            by_peer: HashMap::new(),
            strangers: VecDeque::new(),
            pressed: Vec::new(),
            scratch: vec![0; 64 * 1024],
        })
    }

    /// To be polled.
    pub fn source(&mut self) -> &mut TcpListener {
        &mut self.listener
    }

    /// How many connections there are.
    pub fn count(&self) -> usize {
        self.by_peer.len()
    }

    /// Takes in those who have come; true when more may be waiting.
    pub fn accept(&mut self, registry: &Registry, now: Instant, tally: &mut Tally) -> bool {
        for _ in 0..ACCEPTED_AT_ONCE {
            match self.listener.accept() {
                Ok((socket, peer)) => {
                    let peer = canonical(peer);
                    if self.by_peer.len() >= STREAMS || self.strangers_of(peer.ip()) >= STRANGER_STREAMS_PER_ADDRESS {
                        tally.end(StreamEnd::Crowd);
                        continue;
                    }
                    if self.strangers.len() >= STRANGER_STREAMS {
                        tally.end(StreamEnd::Crowd);
                        self.remove(self.strangers[0]);
                    }
                    if self.admit(socket, peer, registry, now).is_err() {
                        tally.end(StreamEnd::Peer);
                    }
                }
                // also when this process has no descriptors left: the next event tries again
                Err(_) => return false,
            }
        }
        true
    }

    fn strangers_of(&self, ip: IpAddr) -> usize {
        let streams = self.strangers.iter().filter_map(|place| self.streams[*place].as_ref());
        streams.filter(|stream| stream.peer.ip() == ip).count()
    }

    fn admit(
        &mut self,
        socket: mio::net::TcpStream,
        peer: SocketAddr,
        registry: &Registry,
        now: Instant,
    ) -> io::Result<()> {
        socket.set_nodelay(true)?;
        let destination = self.addresses.candidate(Some(socket.local_addr()?.ip()));
        let mut stream = Stream::new(socket, peer, destination, now);
        let place = self.streams.iter().position(Option::is_none).unwrap_or(self.streams.len());
        registry.register(stream.source(), Token(self.first_token + place), Interest::READABLE | Interest::WRITABLE)?;
        if place == self.streams.len() {
            self.streams.push(None);
        }
        self.streams[place] = Some(stream);
        self.by_peer.insert(peer, place);
        self.strangers.push_back(place);
        Ok(())
    }

    /// Something happened to the connection with this token.
    pub fn wake(&mut self, token: Token, readable: bool, writable: bool, closed: &mut Vec<SocketAddr>) {
        let place = token.0 - self.first_token;
        let Some(Some(stream)) = self.streams.get_mut(place) else { return };
        stream.readable |= readable;
        if writable && stream.flush().is_err() {
            closed.push(stream.peer);
            self.remove(place);
        } else {
            self.note_pressure(place);
        }
    }

    /// A peer whose connection has become full since the last call, or is no more.
    pub fn pressed(&mut self) -> Option<(SocketAddr, bool)> {
        self.pressed.pop()
    }

    fn note_pressure(&mut self, place: usize) {
        let Some(Some(stream)) = self.streams.get_mut(place) else { return };
        if let Some(is_full) = stream.pressure() {
            self.pressed.retain(|(peer, _)| *peer != stream.peer);
            self.pressed.push((stream.peer, is_full));
        }
    }

    /// Reads from every connection that has something. Peers whose connection is over are appended to `closed`.
    /// Returns true when there may be more.
    pub fn receive(&mut self, batch: &mut Batch, closed: &mut Vec<SocketAddr>, tally: &mut Tally) -> bool {
        batch.arrivals.clear();
        batch.buffers.resize_with(1, Vec::new);
        batch.buffers[0].clear();
        let mut more = false;
        for place in 0..self.streams.len() {
            let Some(stream) = &mut self.streams[place] else { continue };
            let mut end = None;
            for _ in 0..READS_AT_ONCE {
                if end.is_none() && stream.readable {
                    let (source, destination) = (stream.peer, stream.destination);
                    end =
                        stream.read(&mut self.scratch, |frame| append(batch, source, destination, frame, tally)).err();
                }
            }
            more |= end.is_none() && stream.readable;
            if let Some(end) = end {
                tally.end(end);
                closed.push(stream.peer);
                self.remove(place);
            }
        }
        more
    }

    /// True when a connection has something that was not read yet.
    pub fn any_readable(&self) -> bool {
        self.streams.iter().flatten().any(|stream| stream.readable)
    }

    /// Sends a run, frame by frame; what does not fit is dropped and counted.
    pub fn send(&mut self, run: &Run, bytes: &[u8], closed: &mut Vec<SocketAddr>, tally: &mut Tally) {
        let Some(place) = self.by_peer.get(&run.destination).copied() else {
            tally.drop(DropReason::NoStream, bytes.len().div_ceil(run.segment_bytes));
            return;
        };
        let stream = self.streams[place].as_mut().expect("by_peer names places that are taken");
        for datagram in bytes.chunks(run.segment_bytes) {
            if stream.push(datagram) {
                tally.tcp_sent.add(1, datagram.len());
            } else {
                tally.drop(DropReason::Backlog, 1);
            }
        }
        if stream.flush().is_err() {
            tally.end(StreamEnd::Peer);
            closed.push(stream.peer);
            self.remove(place);
        } else {
            self.note_pressure(place);
        }
    }

    /// The peer has proved whose it is.
    pub fn know(&mut self, peer: SocketAddr) {
        let Some(place) = self.by_peer.get(&peer).copied() else { return };
        self.streams[place].as_mut().expect("by_peer names places that are taken").known = true;
        self.strangers.retain(|stranger| *stranger != place);
    }

    /// Closes the connection of a session that is over.
    pub fn close(&mut self, peer: SocketAddr) {
        if let Some(place) = self.by_peer.get(&peer).copied() {
            self.remove(place);
        }
    }

    /// Closes those that have been strangers for too long. They have no session, so nobody needs to be told.
    pub fn expire(&mut self, now: Instant, tally: &mut Tally) {
        for place in 0..self.streams.len() {
            let late = |stream: &Stream| !stream.known && now.duration_since(stream.accepted_at) >= STRANGER_TIMEOUT;
            if self.streams[place].as_ref().is_some_and(late) {
                tally.end(StreamEnd::Time);
                self.remove(place);
            }
        }
    }

    /// Dropping the socket takes it out of the poll as well.
    fn remove(&mut self, place: usize) {
        if let Some(stream) = self.streams[place].take() {
            self.strangers.retain(|stranger| *stranger != place);
            self.by_peer.remove(&stream.peer);
        }
        while self.streams.last().is_some_and(Option::is_none) {
            self.streams.pop();
        }
    }
}

fn append(batch: &mut Batch, source: SocketAddr, destination: SocketAddr, frame: &[u8], tally: &mut Tally) {
    if frame.is_empty() {
        return;
    }
    tally.tcp_received.add(1, frame.len());
    let start = batch.buffers[0].len();
    batch.buffers[0].extend_from_slice(frame);
    let range = start..start + frame.len();
    batch.arrivals.push(Arrival { target: NOBODY, protocol: Protocol::Tcp, source, destination, buffer: 0, range });
}

#[cfg(test)]
#[path = "streams_tests.rs"]
mod tests;
