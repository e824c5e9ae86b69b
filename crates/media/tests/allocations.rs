//! What forwarding costs the allocator: nothing, once everything is warm. What strangers cost it: nothing that grows.

#![allow(clippy::disallowed_methods, reason = "a test must begin at some instant")]
#![allow(unsafe_code, reason = "an allocator that counts is unsafe by its trait; it only hands on to the system's")]

mod net;

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use media::{Datagram, Departures, Protocol, SessionId};
use net::{Net, av1};
use str0m::media::{Direction, MediaKind};

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

struct Counting;

// SAFETY: every call is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What the engine may allocate for a datagram that it refuses: it words its errors, and reads STUN into values.
const ENGINE: u64 = 6;

/// A publisher with so many viewers, of H.264 or of AV1 with dependency descriptors; and the publisher's place.
fn watched(viewers: usize, is_av1: bool) -> (Net, usize) {
    let mut net = Net::new();
    let peer = |net: &mut Net, direction| match is_av1 {
        true => net.peer_with(MediaKind::Video, av1::config(true), direction, 1),
        false => net.peer(direction, 1),
    };
    let publisher = peer(&mut net, Direction::SendOnly);
    let track = net.track(publisher, 0);
    for _ in 0..viewers {
        let viewer = peer(&mut net, Direction::RecvOnly);
        let sink = net.sink(viewer, 0);
        net.watch(sink, track);
    }
    (net, publisher)
}

/// Allocations of the router, and packets that it forwarded, in ten seconds with so many viewers.
fn forward(viewers: usize, is_av1: bool) -> (u64, u64) {
    let (mut net, publisher) = watched(viewers, is_av1);
    let send = |net: &mut Net| match is_av1 {
        true => av1::send(net, publisher, 300, 30),
        false => net.send(publisher, 300, 30),
    };
    send(&mut net);
    net.counted = Some((&ALLOCATIONS, net.peers[publisher].session));
    let before = net.router.report().counters.packets_forwarded;
    send(&mut net);
    (net.allocations, net.router.report().counters.packets_forwarded - before)
}

/// As long as parity is kept on: the engine's peers say of it that it did not come, and so nothing is spared by it.
const PROTECTED_FRAMES: u64 = 240;

/// The same with so many viewers whose pictures are protected by parity; and the packets of that.
fn protect(viewers: usize) -> (u64, u64, u64) {
    let (mut net, publisher) = (Net::new(), 0);
    let (_, track) = net.feed();
    net.offers_parity = true;
    for _ in 0..viewers {
        let (viewer, _) = net.viewer(track);
        // One packet in fifty is lost, and asking for it takes longer than a picture can be late.
        net.peers[viewer].loss_percent = 2;
        net.peers[viewer].away = Duration::from_millis(150);
    }
    net.send(publisher, 90, 30);
    net.counted = Some((&ALLOCATIONS, net.peers[publisher].session));
    let sent = |net: &Net| {
        let counters = net.router.report().counters;
        (counters.packets_forwarded, counters.parity_packets)
    };
    let before = sent(&net);
    net.send(publisher, PROTECTED_FRAMES as u32, 30);
    let after = sent(&net);
    (net.allocations, after.0 - before.0, after.1 - before.1)
}

/// Hostile datagrams by kind, each with the session it is for and where it comes from.
type Kind = (&'static str, SessionId, SocketAddr, Vec<Vec<u8>>);

/// The kinds of datagram that fail authentication, thirty of each.
fn kinds(net: &Net) -> Vec<Kind> {
    const SENDER: usize = 0;
    const VIEWER: usize = 1;
    let said = |peer: usize, is: fn(&[u8]) -> bool| {
        net.peers[peer].said.iter().rfind(|bytes| is(bytes)).expect("a datagram of this kind").clone()
    };
    let is_rtp = |bytes: &[u8]| bytes[0] >> 6 == 2 && !(64..96).contains(&(bytes[1] & 0x7f));
    let is_rtcp = |bytes: &[u8]| bytes[0] >> 6 == 2 && (64..96).contains(&(bytes[1] & 0x7f));
    // Numbers that nothing was sealed with yet, so that the replay window does not spare the check of the tag.
    let rtp = said(SENDER, is_rtp);
    let rtp = |at: u8| [&rtp[..2], &[rtp[2].wrapping_add(1), at], &rtp[4..]].concat();
    let forge = |rtcp: &[u8], at: u8| {
        let (body, _) = rtcp.split_last_chunk::<4>().expect("an index");
        [body, &[0x80, 1, 0, at]].concat()
    };
    let (of_sender, of_viewer) = (said(SENDER, is_rtcp), said(VIEWER, is_rtcp));
    let mut check = said(VIEWER, |bytes| bytes[..2] == [0, 1]);
    let integrity = check.windows(4).rposition(|window| window == [0, 8, 0, 20]).expect("a MESSAGE-INTEGRITY");
    check[integrity + 4] ^= 1;
    let noise = |first: u8, at: u8| [&[first], &[at; 99][..]].concat();
    let thirty = |make: &dyn Fn(u8) -> Vec<u8>| (0..30).map(make).collect();
    let of = |peer: usize| (net.peers[peer].session, net.peers[peer].address);
    let (viewer, home) = of(VIEWER);
    let (sender, senders_home) = of(SENDER);
    let away = SocketAddr::from(([10, 9, 9, 9], 9));
    vec![
        ("SRTP to a viewer's session", viewer, home, thirty(&rtp)),
        ("SRTCP to a viewer's session", viewer, home, thirty(&|at| forge(&of_viewer, at))),
        ("noise of every first byte of SRTP", viewer, home, (128..192).map(|first| noise(first, 200)).collect()),
        ("SRTP to a publisher's session", sender, senders_home, thirty(&rtp)),
        ("SRTCP to a publisher's session", sender, senders_home, thirty(&|at| forge(&of_sender, at))),
        ("a connectivity check", viewer, away, thirty(&|_| check.clone())),
        (
            "DTLS of the connection's epoch",
            viewer,
            home,
            thirty(&|at| [&[23, 254, 253, 0, 1, 0, 0, 0, 1, 0, at, 0, 87][..], &[at; 87]].concat()),
        ),
        (
            "DTLS of a new handshake",
            viewer,
            home,
            thirty(&|at| [&[22, 254, 253, 0, 0, 0, 0, 0, 1, 0, at, 0, 87][..], &[at; 87]].concat()),
        ),
        ("all other first bytes", viewer, away, (0..128).chain(192..=255).map(|first| noise(first, 7)).collect()),
        ("a session that is not there", SessionId(u32::MAX), away, thirty(&rtp)),
    ]
}

/// The most allocations that one datagram of each kind costs a router with so many viewers.
fn refuse(viewers: usize) -> Vec<(&'static str, u64)> {
    let mut net = watched(viewers, false).0;
    net.send(0, 60, 30);
    let mut departures = Departures::default();
    let mut costs = Vec::new();
    for (kind, session, source, datagrams) in kinds(&net) {
        let mut most = 0;
        // The first round is for what grows once.
        for is_warm in [false, true] {
            for bytes in &datagrams {
                let destination = net::SERVER.parse().expect("address");
                let datagram = Datagram { session, protocol: Protocol::Udp, source, destination, bytes };
                let before = ALLOCATIONS.load(Ordering::Relaxed);
                net.router.burst(net.now, &[datagram], &mut departures, &mut net.news);
                let cost = ALLOCATIONS.load(Ordering::Relaxed) - before;
                most = if is_warm { cost.max(most) } else { 0 };
                departures.clear();
            }
        }
        costs.push((kind, most));
    }
    assert_eq!(net.router.report().sessions, viewers + 1, "none has ended");
    costs
}

/// A frame has so many packets.
fn forwarding_a_packet_allocates_nothing(is_av1: bool, packets_per_frame: u64) {
    let (few, forwarded_to_few) = forward(2, is_av1);
    let (many, forwarded_to_many) = forward(22, is_av1);
    let (more, packets) = (many.saturating_sub(few), forwarded_to_many - forwarded_to_few);
    assert_eq!(packets, 20 * 300 * packets_per_frame);
    assert!(more <= packets / 500, "{more} more allocations for {packets} more packets; {few} for the first two");
}

/// Nor does a packet that is protected, and what protects it: one packet to each frame of three.
fn protecting_a_packet_allocates_nothing() {
    let (few, forwarded_to_few, _) = protect(2);
    let (many, forwarded_to_many, parities) = protect(22);
    let (more, packets) = (many.saturating_sub(few), forwarded_to_many - forwarded_to_few);
    assert_eq!((packets, parities), (20 * 3 * PROTECTED_FRAMES, 22 * PROTECTED_FRAMES));
    assert!(more <= packets / 500, "{more} more allocations for {packets} more packets; {few} for the first two");
}

/// What fails authentication costs as much with many sessions as with few; on our own way, nothing.
#[expect(clippy::print_stdout, reason = "the figures are the point of the test")]
fn hostile_datagrams_allocate_nothing_or_little() {
    let costs = refuse(2);
    println!("the most allocations for one datagram that is refused: {costs:#?}");
    assert_eq!(refuse(42), costs, "it depends on who else is there");
    for (kind, most) in costs {
        let bound = match kind {
            "SRTP to a viewer's session"
            | "SRTCP to a viewer's session"
            | "noise of every first byte of SRTP"
            | "a session that is not there" => 0,
            _ => ENGINE,
        };
        assert!(most <= bound, "{most} allocations for {kind}");
    }
}

/// One test only in this file: others would allocate at the same time.
#[test]
fn the_allocator_is_left_alone() {
    forwarding_a_packet_allocates_nothing(false, 3);
    forwarding_a_packet_allocates_nothing(true, 2);
    protecting_a_packet_allocates_nothing();
    hostile_datagrams_allocate_nothing_or_little();
}
