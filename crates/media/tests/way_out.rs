//! Our own way out, on the wire: what must never happen with keys, numbers and reports.

#![allow(clippy::disallowed_methods, reason = "a test must begin at some instant")]

mod net;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use media::{Protocol, SinkId};
use net::wire::{indices, is_rtcp, srtcp_indices};
use net::{Net, is_contiguous};
use str0m::RtcConfig;
use str0m::media::{Direction, MediaKind};
use str0m::rtp::{Extension, ExtensionMap};

/// A publisher and a viewer that watches it, connected so.
fn two_over(protocol: Protocol) -> (Net, usize, usize, SinkId) {
    let mut net = Net::new();
    let (publisher, track) = net.feed();
    net.protocol = protocol;
    let (viewer, sink) = net.viewer(track);
    (net, publisher, viewer, sink)
}

#[test]
fn no_index_is_used_twice_and_the_engine_sends_nothing() {
    let (mut net, publisher, viewer, sink) = Net::two();
    let other = net.peer(Direction::SendOnly, 1);
    let tracks = [net.router.watched(sink).expect("a track"), net.track(other, 0)];
    net.peers[viewer].loss_percent = 7;
    net.peers[publisher].loss_percent = 3;
    for round in 0..40 {
        // Switches back and forth, replays of the cache, losses on both sides and what is sent again for them.
        net.watch(sink, tracks[round % 2]);
        net.send(publisher, 3, 20);
        net.send(other, 4, 15);
    }
    let indices = indices(&net.peers[viewer].heard);
    assert_eq!(indices.len(), 2, "the stream and its retransmissions: {:?}", indices.keys());
    for (ssrc, indices) in indices {
        let distinct: HashSet<u64> = indices.iter().copied().collect();
        assert_eq!(distinct.len(), indices.len(), "SSRC {ssrc} used an index twice");
        assert!(indices.len() > 20, "{} packets", indices.len());
    }
}

#[test]
fn no_srtcp_index_is_used_twice() {
    let (mut net, publisher, viewer, _) = Net::two();
    net.send(publisher, 200, 30);
    let indices = srtcp_indices(&net.peers[viewer].heard);
    assert!(indices.len() > 10, "two reports a second: {}", indices.len());
    assert!(indices.windows(2).all(|pair| pair[1] == pair[0] + 1), "{indices:?}");
}

#[test]
fn the_rollover_counter_is_followed() {
    let (mut net, publisher, viewer, _) = Net::two();
    net.send(publisher, 10, 1000);
    // A frame has three packets: past the first and the second wrap.
    for frame in 0..45_000_u32 {
        net.send_frame(publisher, 0, frame % 300 == 0);
        if frame % 20 == 0 {
            net.run(1);
            net.peers[viewer].heard.clear();
        }
    }
    net.send(publisher, 5, 1000);
    let sequences = net.peers[viewer].sequences();
    assert!(sequences.len() > 135_000, "every packet is opened: {}", sequences.len());
    assert!(is_contiguous(&sequences));
}

#[test]
fn reports_count_what_was_sent_and_carry_capture_time() {
    let (mut net, publisher, viewer, _) = Net::two();
    net.send(publisher, 100, 30);
    net.run(1500);
    let seen = &net.peers[viewer];
    let report = &seen.reports.last().expect("sender reports").sender_info;
    assert_eq!(u64::from(report.sender_packet_count), seen.sequences().len() as u64);
    let octets: usize = seen.received.iter().map(|packet| packet.payload.len()).sum();
    assert_eq!(report.sender_octet_count as usize, octets);
    // Both clocks of a report run at the same speed; this publisher's runs 1 % fast.
    let first = &seen.reports[0].sender_info;
    let wall = report.ntp_time.duration_since(first.ntp_time).expect("time goes on");
    let ticks = (report.rtp_time.numer() - first.rtp_time.numer()) as f64 / 90_000.0;
    assert!((wall.as_secs_f64() * 1.01 - ticks).abs() < 0.04, "{wall:?} against {ticks} s");
}

#[test]
fn transport_wide_numbers_count_every_packet() {
    let (mut net, publisher, viewer, _) = Net::two();
    net.peers[viewer].loss_percent = 5;
    net.send(publisher, 100, 30);
    let mut numbers: Vec<u16> =
        net.peers[viewer].received.iter().filter_map(|packet| packet.header.ext_vals.transport_cc).collect();
    let received = net.peers[viewer].received.len();
    assert_eq!(numbers.len(), received, "every packet has one");
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), received, "and each its own, those that are sent again as well");
    let span = usize::from(numbers[numbers.len() - 1] - numbers[0]) + 1;
    let sent = net.peers[viewer].heard.iter().filter(|datagram| !is_rtcp(datagram)).count();
    assert!(span <= sent && sent - span < 10, "the numbers have no holes but the lost: {span} of {sent}");
}

#[test]
fn what_is_sent_again_is_of_its_frame() {
    let (mut net, publisher, viewer, _) = Net::two();
    net.peers[viewer].loss_percent = 20;
    net.send(publisher, 100, 1000);
    net.peers[viewer].loss_percent = 0;
    net.send(publisher, 20, 1000);
    let mut received: Vec<_> =
        net.peers[viewer].received.iter().map(|packet| (*packet.seq_no, packet.header.timestamp)).collect();
    received.sort_unstable();
    assert!(is_contiguous(&received.iter().map(|(sequence, _)| *sequence).collect::<Vec<_>>()), "all was sent again");
    let frames: Vec<_> = received.chunk_by(|a, b| a.1 == b.1).collect();
    // What the first frame lost nobody knew of.
    let torn = frames[1..].iter().filter(|frame| frame.len() != 3).count();
    assert!(frames.len() >= 115 && torn == 0, "of {} frames of three packets {torn} have others", frames.len());
}

#[test]
fn the_header_has_one_length_so_that_runs_stay_whole() {
    let (mut net, publisher, viewer, _) = Net::two();
    net.send(publisher, 60, 30);
    let lengths: HashSet<(usize, usize)> = net.peers[viewer]
        .heard
        .iter()
        .filter(|datagram| !is_rtcp(datagram))
        .map(|datagram| {
            (usize::from(datagram[0] & 0x10), usize::from(u16::from_be_bytes([datagram[14], datagram[15]])))
        })
        .collect();
    assert_eq!(lengths.len(), 1, "{lengths:?}");
}

#[test]
fn a_viewer_whose_nat_gives_it_another_port_is_followed() {
    let (mut net, publisher, viewer, _) = Net::two();
    net.send(publisher, 10, 30);
    net.rebind(viewer, "10.0.9.9:4242".parse().expect("address"));
    net.send(publisher, 150, 30);
    let seen = &net.peers[viewer];
    let newest = seen.received.last().expect("packets").timestamp;
    assert!(net.now.duration_since(newest) < Duration::from_millis(100), "pictures come to the new port");
    let sequences = seen.sequences();
    let lost = sequences[sequences.len() - 1] - sequences[0] + 1 - sequences.len() as u64;
    assert!(lost < 320, "what was lost until the viewer's next check, less what was sent again: {lost}");
}

/// Says that the connection of a viewer is full, or no more.
fn hold(net: &mut Net, viewer: usize, peer: SocketAddr, is_held: bool) {
    let session = net.peers[viewer].session;
    net.router.hold(net.now, (session, peer), is_held, &mut net.departures, &mut net.news);
}

#[test]
fn a_viewer_that_is_held_waits_and_goes_on_with_the_newest_keyframe() {
    let (mut net, publisher, viewer, _) = two_over(Protocol::Tcp);
    let peer = net.peers[viewer].outside;
    net.send(publisher, 10, 1000);
    let before = net.peers[viewer].received.len();
    hold(&mut net, viewer, peer, true);
    net.send(publisher, 15, 20);
    assert_eq!(net.peers[viewer].received.len(), before, "nothing is sent into a full line");
    hold(&mut net, viewer, peer, false);
    net.run(20);
    let seen = &net.peers[viewer];
    assert!(is_contiguous(&seen.sequences()), "and nothing is missing");
    assert_eq!(&seen.received[before].payload[..4], [0x78, 0, 2, 0x67], "it goes on with the keyframe at frame 20");
    assert_eq!(seen.received.len() - before, 5 * 3);
    net.send(publisher, 5, 1000);
    assert_eq!(net.peers[viewer].received.len() - before, 10 * 3, "live again");
}

#[test]
fn a_hold_ends_with_the_connection_that_was_full() {
    let (mut net, publisher, viewer, _) = two_over(Protocol::Tcp);
    net.send(publisher, 10, 30);
    let old = net.peers[viewer].outside;
    hold(&mut net, viewer, old, true);
    net.rebind(viewer, "10.0.9.9:4242".parse().expect("address"));
    net.send(publisher, 150, 30);
    // The old connection has its say once more.
    hold(&mut net, viewer, old, true);
    let before = net.peers[viewer].received.len();
    net.send(publisher, 10, 1000);
    assert_eq!(net.peers[viewer].received.len(), before + 30, "pictures come by the new connection");
}

#[test]
fn a_publisher_may_take_another_ssrc_and_lower_numbers() {
    let (mut net, publisher, viewer, sink) = Net::two();
    net.peers[publisher].sequence = 60_000;
    net.send(publisher, 30, 30);
    let mid = net.peers[publisher].mids[0];
    net.peers[publisher].rtc.direct_api().reset_stream_tx(mid, None, 77.into(), Some(78.into())).expect("a stream");
    net.peers[publisher].sequence = 5;
    let before = net.peers[viewer].received.len();
    // The new stream's first keyframe is its sixteenth frame.
    net.send(publisher, 60, 45);
    let seen = &net.peers[viewer];
    assert!(seen.received.len() > before + 40 * 3, "{} packets since", seen.received.len() - before);
    assert!(is_contiguous(&seen.sequences()));
    let late = net.peer(Direction::RecvOnly, 1);
    let track = net.router.watched(sink).expect("a track");
    let sink = net.sink(late, 0);
    net.watch(sink, track);
    net.send(publisher, 10, 1000);
    assert!(net.peers[late].received.len() > 30, "and a later viewer sees it");
}

#[test]
fn late_packets_of_an_ssrc_that_was_left_change_nothing() {
    let (mut net, publisher, viewer, _) = Net::two();
    net.send(publisher, 20, 1000);
    let mid = net.peers[publisher].mids[0];
    // A frame is under way for long: its sender has another SSRC when it comes.
    net.send_frame(publisher, 0, false);
    let late = std::mem::take(&mut net.peers[publisher].outgoing);
    net.peers[publisher].rtc.direct_api().reset_stream_tx(mid, None, 77.into(), Some(78.into())).expect("a stream");
    net.peers[publisher].sequence = 110;
    net.peers[publisher].frame = 0;
    net.send(publisher, 10, 1000);
    let before = net.peers[viewer].received.len();
    net.peers[publisher].outgoing.extend(late);
    net.send(publisher, 10, 1000);
    let seen = &net.peers[viewer];
    assert_eq!(seen.received.len() - before, 30, "all that is new, nothing that is old, and no picture begins anew");
    assert!(is_contiguous(&seen.sequences()));
}

/// What is sent again is 32 packets in 20 ms at most, also where more than that is lost together and asked for at once.
#[test]
fn what_is_lost_together_is_not_sent_again_together() {
    const AT_A_TIME: u64 = 32;
    let mut net = Net::new();
    let (publisher, track) = net.feed();
    // One that says nothing of its line: nothing is known of it that would be a reason to send less.
    let mut extensions = ExtensionMap::empty();
    extensions.set(1, Extension::RtpMid);
    let config = RtcConfig::new().clear_codecs().enable_h264(true).set_extension_map(extensions);
    let viewer = net.peer_with(MediaKind::Video, config, Direction::RecvOnly, 1);
    let sink = net.sink(viewer, 0);
    net.watch(sink, track);
    net.send(publisher, 30, 1000);
    let resent = |net: &Net| net.router.report().counters.packets_resent;
    let before = resent(&net);
    net.peers[viewer].loss_percent = 60;
    // No more than a viewer of this kind asks for again.
    for _ in 0..30 {
        net.send_frame(publisher, 0, false);
    }
    net.run(1);
    net.peers[viewer].loss_percent = 0;
    // What comes next shows the viewer what it lacks.
    net.send_frame(publisher, 0, false);
    for ms in 1..=1000 {
        let so_far = resent(&net);
        net.run(1);
        let at_once = resent(&net) - so_far;
        assert!(at_once <= AT_A_TIME, "{at_once} packets again after {ms} ms");
    }
    assert!(resent(&net) - before >= 50, "but all of it in its time: {}", resent(&net) - before);
}

#[test]
fn who_asks_for_everything_again_gets_no_more_than_a_line_carries() {
    let (mut net, publisher, viewer, _) = Net::two();
    net.send(publisher, 100, 300);
    net.peers[viewer].loss_percent = 60;
    net.peers[viewer].heard.clear();
    net.send(publisher, 100, 300);
    let sent = net.peers[viewer].heard.iter().filter(|datagram| !is_rtcp(datagram)).count();
    let seconds = 100.0 * 0.033;
    assert!((sent as f64) < 300.0 + seconds * 1600.0 + 32.0, "{sent} packets");
    let again = net.router.report().counters.packets_resent;
    assert!(again > 50 && again as usize + 300 >= sent - 5, "{again} of {sent} are counted as sent again");
}

#[test]
fn a_line_that_is_bound_again_counts_on() {
    let (mut net, publisher, viewer, sink) = Net::two();
    net.send(publisher, 30, 20);
    let track = net.router.watched(sink).expect("a track");
    let again = net.sink(viewer, 0);
    assert_eq!(again, sink, "two would seal under one SSRC and the same numbers");
    net.watch(again, track);
    net.send(publisher, 30, 20);
    for (ssrc, indices) in indices(&net.peers[viewer].heard) {
        let distinct: std::collections::HashSet<u64> = indices.iter().copied().collect();
        assert_eq!(distinct.len(), indices.len(), "SSRC {ssrc}");
    }
}
