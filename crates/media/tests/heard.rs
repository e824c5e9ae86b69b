//! What counts as a sign of life of a peer.

#![allow(clippy::disallowed_methods, reason = "a test must begin at some instant")]

mod net;

use std::time::Duration;

use media::News;
use net::Net;
use net::wire::is_rtcp;

/// A sender of 30 frames a second is heard so often; one that only checks its way (RFC 7675 section 5.1), so often.
const EVERY_FRAME: Duration = Duration::from_millis(40);
const EVERY_CHECK: Duration = Duration::from_secs(6);

fn is_check(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(0..=3))
}

fn is_rtp(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(128..=191)) && !is_rtcp(datagram)
}

/// How long nothing has come of a peer.
fn silence(net: &Net, peer: usize) -> Duration {
    net.now.duration_since(net.router.heard_at(net.peers[peer].session).expect("it is there"))
}

#[test]
fn a_publisher_is_heard_by_its_packets() {
    let (mut net, publisher, ..) = Net::two();
    net.peers[publisher].gets_through = is_rtp;
    // Less than the time after which the engine misses its checks.
    for _ in 0..300 {
        net.send(publisher, 1, 1000);
        assert!(silence(&net, publisher) < EVERY_FRAME, "{:?}", silence(&net, publisher));
    }
}

#[test]
fn who_has_nothing_to_say_is_heard_by_its_checks() {
    let (mut net, publisher, viewer, _) = Net::two();
    for peer in [publisher, viewer] {
        net.peers[peer].gets_through = is_check;
    }
    for _ in 0..600 {
        net.run(100);
        for peer in [publisher, viewer] {
            assert!(silence(&net, peer) < EVERY_CHECK, "{:?}", silence(&net, peer));
        }
    }
}

#[test]
fn who_has_vanished_is_not_heard() {
    let (mut net, publisher, viewer, _) = Net::two();
    for peer in [publisher, viewer] {
        net.peers[peer].is_cut_off = true;
        net.run(2_000);
        assert!(silence(&net, peer) >= Duration::from_secs(2), "{:?}", silence(&net, peer));
    }
}

fn is_media(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(128..=191))
}

#[test]
fn who_sends_media_and_no_checks_is_there() {
    let (mut net, publisher, viewer, _) = Net::two();
    for peer in [publisher, viewer] {
        // As libnice does once it is connected.
        net.peers[peer].gets_through = is_media;
    }
    net.send(publisher, 1800, 60);
    assert!(!net.news.iter().any(|news| matches!(news, News::Disconnected(_) | News::Over(_))), "{:?}", net.news);
    let before = net.peers[viewer].received.len();
    net.send(publisher, 10, 5);
    assert!(net.peers[viewer].received.len() >= before + 30, "and what it sends is forwarded");
    for peer in [publisher, viewer] {
        net.peers[peer].is_cut_off = true;
    }
    net.run(60_000);
    for peer in [publisher, viewer] {
        assert_eq!(net.router.heard_at(net.peers[peer].session), None, "of whom nothing comes at all is gone");
    }
}
