use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use mio::Poll;
use socket2::{Domain, Socket, Type};

use super::*;
use crate::listen;

/// Streams that the test turns by hand.
struct Turned {
    streams: Streams,
    bound: SocketAddr,
    poll: Poll,
    tally: Tally,
}

impl Turned {
    fn new() -> Self {
        let sockets = listen::media("127.0.0.1:0".parse().expect("an address"), &[], true).expect("free ports");
        let bound = sockets.addresses.bound;
        let streams = Streams::new(sockets.tcp, sockets.addresses, 0).expect("a listener");
        Self { streams, bound, poll: Poll::new().expect("a poll"), tally: Tally::default() }
    }

    /// Connects from 127.0.0.`host` and lets whoever waits in.
    fn come(&mut self, host: u8) -> TcpStream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 0, host), 0)).into()).expect("loopback");
        socket.connect(&self.bound.into()).expect("it listens");
        assert!(!self.streams.accept(self.poll.registry(), Instant::now(), &mut self.tally));
        socket.into()
    }

    fn crowded(&self) -> u64 {
        self.tally.streams_ended[StreamEnd::Crowd as usize]
    }

    /// True when what this peer sends is read.
    fn hears(&mut self, theirs: &mut TcpStream) -> bool {
        let peer = theirs.local_addr().expect("bound");
        // it may have been closed, which is what is asked
        theirs.write_all(b"\x00\x05hello").ok();
        let mut batch = Batch::default();
        self.streams.streams.iter_mut().flatten().for_each(|stream| stream.readable = true);
        self.streams.receive(&mut batch, &mut Vec::new(), &mut self.tally);
        batch.arrivals.iter().any(|arrival| arrival.source == peer && arrival.range.len() == 5)
    }
}

fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a socket");
    match stream.read(&mut [0; 1]) {
        Ok(length) => length == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

#[test]
fn one_address_does_not_take_every_place() {
    let mut turned = Turned::new();
    let mut crowd: Vec<_> = (0..300).map(|_| turned.come(1)).collect();
    assert_eq!(turned.streams.count(), STRANGER_STREAMS_PER_ADDRESS);
    assert_eq!(turned.crowded(), 300 - STRANGER_STREAMS_PER_ADDRESS as u64);
    let open = crowd.iter_mut().filter_map(|stream| (!is_closed(stream)).then_some(())).count();
    assert_eq!(open, STRANGER_STREAMS_PER_ADDRESS);
    let mut newcomer = turned.come(2);
    assert!(turned.hears(&mut newcomer));
    // whoever has proved itself makes room for the next of its address
    let known = crowd[0].local_addr().expect("bound");
    turned.streams.know(known);
    turned.streams.know(known);
    let mut neighbour = turned.come(1);
    assert!(turned.hears(&mut neighbour));
    assert!(is_closed(&mut turned.come(1)), "and only for one");
}

#[test]
fn the_oldest_stranger_gives_way() {
    let mut turned = Turned::new();
    let mut known = turned.come(1);
    turned.streams.know(known.local_addr().expect("bound"));
    let hosts = (0..STRANGER_STREAMS).map(|number| 2 + (number % 8) as u8);
    let mut strangers: Vec<_> = hosts.map(|host| turned.come(host)).collect();
    assert_eq!((turned.streams.count(), turned.crowded()), (1 + STRANGER_STREAMS, 0));
    for number in 0..3 {
        let mut newcomer = turned.come(100 + number);
        assert!(turned.hears(&mut newcomer), "newcomer {number}");
        strangers.push(newcomer);
    }
    assert_eq!((turned.streams.count(), turned.crowded()), (1 + STRANGER_STREAMS, 3));
    let closed: Vec<_> = strangers.iter_mut().map(is_closed).collect();
    assert!(closed[..3].iter().all(|closed| *closed) && closed[3..].iter().all(|closed| !closed), "{closed:?}");
    assert!(turned.hears(&mut known), "who is known is never touched");
}

#[test]
fn nobody_is_counted_who_is_gone() {
    let mut turned = Turned::new();
    let crowd: Vec<_> = (0..STRANGER_STREAMS_PER_ADDRESS).map(|_| turned.come(1)).collect();
    turned.streams.expire(Instant::now() + STRANGER_TIMEOUT, &mut turned.tally);
    assert_eq!((turned.streams.count(), turned.streams.strangers.len()), (0, 0));
    let mut next = turned.come(1);
    assert!(turned.hears(&mut next));
    drop(crowd);
}
