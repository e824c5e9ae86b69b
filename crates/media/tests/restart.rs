//! A peer that restarts ICE in the middle of a feed: its keys and its numbers go on, its credentials do not.

#![allow(clippy::disallowed_methods, reason = "a test must begin at some instant")]

mod net;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use media::{Datagram, News, Protocol};
use net::wire::{indices, srtcp_indices};
use net::{Net, SERVER, is_contiguous};
use str0m::Candidate;
use str0m::media::Direction;
use str0m::rtp::RtpPacket;

/// Frames that pass while the answer to a restart is under way.
const UNDER_WAY: u32 = 5;

const ELSEWHERE: &str = "10.0.9.9:4242";

/// A peer restarts ICE while the publisher sends.
fn restart(net: &mut Net, publisher: usize, peer: usize) {
    let restart = net.restart(peer);
    net.send(publisher, UNDER_WAY, 1000);
    net.restarted(peer, restart);
}

/// The peer's newest check that nominates, as it stood on the wire.
fn nominating_check(net: &Net, peer: usize) -> Vec<u8> {
    const USE_CANDIDATE: [u8; 4] = [0, 0x25, 0, 0];
    let is_check = |datagram: &&Vec<u8>| datagram[0] < 2 && datagram.windows(4).any(|four| four == USE_CANDIDATE);
    net.peers[peer].said.iter().rfind(is_check).expect("a nomination").clone()
}

/// Somebody says again what a peer said, from another address.
fn say_again(net: &mut Net, peer: usize, from: SocketAddr, bytes: &[u8]) {
    let session = net.peers[peer].session;
    let destination = SERVER.parse().expect("address");
    let datagram = Datagram { session, protocol: Protocol::Udp, source: from, destination, bytes };
    net.router.burst(net.now, &[datagram], &mut net.departures, &mut net.news);
}

/// Every frame of the publisher is there, in three packets with successive numbers.
fn misses_nothing(net: &Net, publisher: usize, viewer: usize) {
    let seen = &net.peers[viewer];
    let sequences = seen.sequences();
    assert_eq!(sequences.len(), net.peers[publisher].frame as usize * 3, "every packet came");
    assert_eq!(seen.received.len(), sequences.len(), "and once");
    assert!(is_contiguous(&sequences));
}

#[test]
fn a_viewer_that_restarts_ice_misses_nothing_and_no_index_comes_twice() {
    let (mut net, publisher, viewer, _) = Net::two();
    for _ in 0..5 {
        net.send(publisher, 10, 1000);
        restart(&mut net, publisher, viewer);
    }
    net.send(publisher, 60, 1000);
    misses_nothing(&net, publisher, viewer);
    let heard = &net.peers[viewer].heard;
    for (ssrc, indices) in indices(heard) {
        let distinct: HashSet<u64> = indices.iter().copied().collect();
        assert_eq!(distinct.len(), indices.len(), "SSRC {ssrc} used an index twice");
    }
    let reports = srtcp_indices(heard);
    assert!(reports.len() > 5 && is_contiguous(&reports.iter().map(|index| u64::from(*index)).collect::<Vec<_>>()));
}

#[test]
fn of_a_publisher_that_restarts_ice_nothing_is_missing() {
    let (mut net, publisher, viewer, _) = Net::two();
    for _ in 0..5 {
        net.send(publisher, 10, 1000);
        restart(&mut net, publisher, publisher);
    }
    net.send(publisher, 60, 1000);
    misses_nothing(&net, publisher, viewer);
}

#[test]
fn a_viewer_that_restarts_ice_in_another_network_is_sent_there() {
    let (mut net, publisher, viewer, _) = Net::two();
    net.send(publisher, 10, 1000);
    net.rebind(viewer, ELSEWHERE.parse().expect("address"));
    restart(&mut net, publisher, viewer);
    net.run(100);
    let before = net.peers[viewer].received.len();
    net.send(publisher, 60, 1000);
    assert!(net.peers[viewer].received.len() >= before + 60 * 3, "pictures come to the new address");
    assert!(is_contiguous(&net.peers[viewer].sequences()[10 * 3..]), "with what was lost on the way sent again");
}

#[test]
fn a_publisher_that_restarts_ice_in_another_network_is_asked_there() {
    let (mut net, publisher, viewer, sink) = Net::two();
    net.send(publisher, 10, 1000);
    net.rebind(publisher, ELSEWHERE.parse().expect("address"));
    restart(&mut net, publisher, publisher);
    net.send(publisher, 200, 1000);
    misses_nothing(&net, publisher, viewer);
    let late = net.peer(Direction::RecvOnly, 1);
    let late_sink = net.sink(late, 0);
    let track = net.router.watched(sink).expect("a track");
    net.watch(late_sink, track);
    net.run_until("asked", |net| net.peers[publisher].keyframe_requests > 0);
}

#[test]
fn the_path_of_a_new_ice_session_need_not_be_better_than_the_old_one() {
    let (mut net, publisher, viewer, _) = Net::two();
    net.send(publisher, 10, 1000);
    // Of the networks that are left the best has a lower priority.
    let candidate = format!("candidate:1 1 udp 1000 {} 1000 typ host", net.peers[viewer].address.ip());
    net.peers[viewer].candidate = Candidate::from_sdp_string(&candidate).expect("a candidate");
    net.rebind(viewer, ELSEWHERE.parse().expect("address"));
    restart(&mut net, publisher, viewer);
    net.run(200);
    let before = net.peers[viewer].received.len();
    net.send(publisher, 10, 1000);
    assert!(net.peers[viewer].received.len() >= before + 10 * 3, "pictures come to the new address at once");
}

#[test]
fn checks_with_old_credentials_move_nobody() {
    let stranger: SocketAddr = "10.0.66.6:6666".parse().expect("address");
    for is_restarted in [false, true] {
        let (mut net, publisher, viewer, _) = Net::two();
        net.send(publisher, 10, 1000);
        let check = nominating_check(&net, viewer);
        if is_restarted {
            restart(&mut net, publisher, viewer);
            net.run(200);
        }
        say_again(&mut net, viewer, stranger, &check);
        let runs = net.departures.iter().filter(|(run, _)| run.destination == stranger).count();
        let before = net.peers[viewer].received.len();
        net.send_frame(publisher, 0, false);
        net.run(1);
        let came = net.peers[viewer].received.len() - before;
        // Whoever overhears a check and is faster than the next one is believed, while its credentials are good.
        let expected = if is_restarted { (0, 3) } else { (1, 0) };
        assert_eq!(
            (runs, came),
            expected,
            "answers to the stranger and packets to the viewer, restarted: {is_restarted}"
        );
    }
}

#[test]
fn a_peer_that_was_lost_comes_back_by_a_restart_and_stays() {
    for who in [0, 1] {
        let (mut net, publisher, viewer, _) = Net::two();
        let peer = [publisher, viewer][who];
        net.send(publisher, 10, 1000);
        let far = ELSEWHERE.parse().expect("address");
        // It hears and says nothing until it is given up.
        net.peers[peer].is_cut_off = true;
        let session = net.peers[peer].session;
        net.run_until("lost", |net| net.news.contains(&News::Disconnected(session)));
        net.peers[peer].is_cut_off = false;
        net.rebind(peer, far);
        restart(&mut net, publisher, peer);
        net.run(30_000);
        assert!(!net.news.contains(&News::Over(session)), "it is there");
        let before = net.peers[viewer].received.len();
        net.send(publisher, 30, 1000);
        assert!(
            net.now.duration_since(net.peers[viewer].received.last().expect("packets").timestamp)
                < Duration::from_millis(100)
        );
        assert!(net.peers[viewer].received.len() >= before + 30 * 3);
    }
}

#[test]
fn a_publisher_that_was_away_is_asked_for_a_keyframe_before_any_viewer_asks() {
    let (mut net, publisher, viewer, _) = Net::two();
    net.send(publisher, 10, 1000);
    // Longer than anybody keeps what may be asked for again.
    net.peers[publisher].is_cut_off = true;
    net.send(publisher, 300, 1000);
    net.peers[publisher].is_cut_off = false;
    restart(&mut net, publisher, publisher);
    net.peers[publisher].is_willing = true;
    let before = net.peers[viewer].received.len();
    net.send(publisher, 90, 1000);
    let is_keyframe = |packet: &RtpPacket| packet.payload.first() == Some(&0x78);
    assert!(net.peers[viewer].received[before..].iter().any(is_keyframe));
    assert_eq!(net.router.report().counters.keyframe_requests_received, 0, "nobody has asked");
}
