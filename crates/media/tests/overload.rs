//! More audience than there is capacity for.

#![allow(clippy::disallowed_methods, reason = "virtual time must begin somewhere")]

mod net;

use std::collections::BTreeMap;

use media::{News, Rank, TrackId};
use net::{Net, Peer, is_contiguous};
use str0m::media::Direction;

/// Viewers and what each of them watches: 1,200 packets for each frame of three, where a slice is 125.
const AUDIENCE: usize = 100;
const LINES: usize = 4;

/// The numbers that each line has got, in order.
fn lines(peer: &Peer) -> Vec<Vec<u64>> {
    let mut lines: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for packet in &peer.received {
        lines.entry(*packet.header.ssrc).or_default().push(*packet.seq_no);
    }
    let in_order = |mut numbers: Vec<u64>| {
        numbers.sort_unstable();
        numbers
    };
    lines.into_values().map(in_order).collect()
}

/// A crowd that watches the track on every line.
fn crowd(net: &mut Net, track: TrackId) {
    net.rank = Rank::Audience;
    for _ in 0..AUDIENCE {
        let viewer = net.peer(Direction::RecvOnly, LINES);
        for line in 0..LINES {
            let sink = net.sink(viewer, line);
            net.watch(sink, track);
        }
    }
}

#[test]
fn the_panel_has_everything_and_the_audience_waits_for_a_keyframe() {
    let mut net = Net::new();
    let (publisher, track) = net.feed();
    let (expert, _) = net.viewer(track);
    crowd(&mut net, track);
    // It comes last: among the audience it would be the first to be given up.
    net.rank = Rank::Machine;
    let (monitor, _) = net.viewer(track);
    net.send(publisher, 10, 1000);
    let audience = expert + 1..expert + 1 + AUDIENCE;
    let counts = |net: &Net| audience.clone().map(|peer| net.peers[peer].received.len()).collect::<Vec<_>>();
    assert!(counts(&net).iter().all(|count| *count == 30 * LINES), "enough for all: {:?}", counts(&net));

    net.looks_every_ms = 10;
    net.send(publisher, 60, 1000);
    let thinned = net.router.report().counters.viewers_thinned;
    assert!(thinned > 10, "not enough for all: {thinned}");
    assert_eq!(net.peers[expert].received.len(), 210, "the panel has every packet");
    assert_eq!(net.peers[monitor].received.len(), 210, "and so have the monitors");
    let during = counts(&net);
    assert!(during[0] > 180 * LINES, "who came first is served: {during:?}");
    assert!(during[AUDIENCE - 1] < 120 * LINES, "who came last is not: {during:?}");
    let told = |net: &Net, waits: bool| {
        let is_it = |news: &&News| matches!(news, News::Waiting(_, wait) if wait.is_some() == waits);
        net.news.iter().filter(is_it).count()
    };
    assert!(told(&net, true) >= LINES && told(&net, false) == 0);

    net.looks_every_ms = 1;
    net.send(publisher, 40, 80);
    assert_eq!(told(&net, false), told(&net, true), "everybody was told that it goes on");
    for peer in audience.clone() {
        let lines = lines(&net.peers[peer]);
        assert_eq!(lines.len(), LINES);
        assert!(lines.iter().all(|line| is_contiguous(line)), "what was left out leaves no hole in the numbers");
    }
    let before = counts(&net);
    net.send(publisher, 10, 1000);
    assert!(counts(&net).iter().zip(before).all(|(after, before)| after - before == 30 * LINES));
}

#[test]
fn frames_that_no_other_needs_go_first() {
    for has_layers in [true, false] {
        let mut net = Net::new();
        net.has_layers = has_layers;
        let (publisher, track) = net.feed();
        let (expert, _) = net.viewer(track);
        crowd(&mut net, track);
        net.send(publisher, 10, 1000);
        // There is time for little more than half of it.
        net.looks_every_ms = 7;
        net.send(publisher, 90, 1000);
        let counters = net.router.report().counters;
        assert_eq!(
            (counters.viewers_thinned == 0, counters.frames_left_out > 0),
            (has_layers, has_layers),
            "{counters:?}"
        );
        assert_eq!(net.peers[expert].received.len(), 300, "the panel has every packet");
        net.looks_every_ms = 1;
        net.send(publisher, 80, 1000);
        let left_out = net.router.report().counters.frames_left_out;
        net.send(publisher, 10, 1000);
        assert_eq!(net.router.report().counters.frames_left_out, left_out, "there is time for all of them again");
        for peer in net.peers[expert + 1..].iter().filter(|_| has_layers) {
            for numbers in lines(peer) {
                assert!(is_contiguous(&numbers), "what was left out leaves no hole in the numbers");
                assert!((360..540).contains(&numbers.len()), "{} of 570 packets", numbers.len());
            }
            let whole = peer.received.chunk_by(|a, b| a.header.timestamp == b.header.timestamp);
            assert!(whole.into_iter().all(|frame| frame.len() % 3 == 0), "no frame is left out in part");
        }
    }
}

#[test]
fn who_is_served_late_but_in_time_loses_nothing() {
    let mut net = Net::new();
    let (publisher, track) = net.feed();
    crowd(&mut net, track);
    net.send(publisher, 10, 1000);
    // A fifth too much for most of a second: there is always somebody who waits, and nobody for long.
    net.looks_every_ms = 4;
    net.send(publisher, 20, 1000);
    net.looks_every_ms = 1;
    net.send(publisher, 10, 1000);
    assert_eq!(net.router.report().counters.viewers_thinned, 0);
    let counts = net.peers[publisher + 1..].iter().map(|peer| peer.received.len());
    assert!(counts.clone().all(|count| count == 120 * LINES), "{:?}", counts.collect::<Vec<_>>());
}

/// Bench viewers and many a player never ask for a keyframe: what they lost comes back all the same, each time.
#[test]
fn who_was_given_up_gets_the_picture_back_once_there_is_capacity() {
    let mut net = Net::new();
    let (publisher, track) = net.feed();
    net.peers[publisher].is_willing = true;
    crowd(&mut net, track);
    net.send(publisher, 10, 1000);
    for time in 1..=2 {
        net.looks_every_ms = 10;
        net.send(publisher, 60, 1000);
        let counters = net.router.report().counters;
        assert!(counters.viewers_thinned > 10 * time, "not enough for all: {counters:?}");
        net.looks_every_ms = 1;
        // The first time at once, the second time once the publisher may be asked again.
        net.send(publisher, if time == 1 { 60 } else { 330 }, 1000);
        let counts = |net: &Net| net.peers[publisher + 1..].iter().map(|peer| peer.received.len()).collect::<Vec<_>>();
        let before = counts(&net);
        net.send(publisher, 10, 1000);
        let after = counts(&net);
        assert!(after.iter().zip(&before).all(|(after, before)| after - before == 30 * LINES), "{before:?} {after:?}");
    }
}
