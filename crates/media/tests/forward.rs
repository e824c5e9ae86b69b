//! The router between real peers: what a viewer gets to see.

#![allow(clippy::disallowed_methods, reason = "a test must begin at some instant")]

mod net;

use media::{Datagram, News, Offer, Protocol, Rank, Way};
use net::{Net, SERVER, is_contiguous};
use str0m::RtcConfig;
use str0m::media::{Direction, KeyframeRequestKind, MediaKind};

#[test]
fn a_late_viewer_begins_with_the_cached_keyframe() {
    let mut net = Net::new();
    let (publisher, track) = net.feed();
    net.send(publisher, 40, 1000);
    let viewer = net.peer(Direction::RecvOnly, 1);
    let sink = net.sink(viewer, 0);
    let before = net.router.report().counters.keyframe_requests_upstream;
    net.watch(sink, track);
    net.run(40);
    let seen = &net.peers[viewer];
    assert_eq!(&seen.received[0].payload[..4], [0x78, 0, 2, 0x67], "parameter sets first");
    assert_eq!(seen.received.len(), 40 * 3, "the whole group of pictures");
    assert!(is_contiguous(&seen.sequences()));
    let last = seen.received.last().expect("packets").header.timestamp;
    let first = seen.received[0].header.timestamp;
    assert!(last.wrapping_sub(first) <= 1800 + 40 * 10, "its time is squeezed: a late viewer is not late");
    net.send(publisher, 5, 1000);
    assert_eq!(net.peers[viewer].received.len(), 45 * 3);
    assert!(is_contiguous(&net.peers[viewer].sequences()));
    assert_eq!(net.router.report().counters.keyframe_requests_upstream, before, "nobody asked the publisher");
}

/// A viewer that comes 200 frames, 600 kB, into a group of pictures; how many frames it has seen after so long.
fn frames_of_a_late_viewer(is_willing: bool, wait_ms: u64) -> usize {
    let mut net = Net::new();
    let (publisher, track) = net.feed();
    net.send(publisher, 200, 1_000_000);
    net.peers[publisher].is_willing = is_willing;
    let (viewer, _) = net.viewer(track);
    net.send(publisher, (wait_ms / 33) as u32, 1_000_000);
    let mut ticks: Vec<u32> = net.peers[viewer].received.iter().map(|packet| packet.header.timestamp).collect();
    ticks.dedup();
    ticks.len()
}

/// Sixty viewers, one a second, of a publisher that sends a keyframe only when it is asked; how often it was.
fn asked_by_sixty(rank: Rank) -> u64 {
    let mut net = Net::new();
    let (publisher, track) = net.feed();
    net.peers[publisher].is_willing = true;
    net.rank = rank;
    net.send(publisher, 200, 1_000_000);
    for _ in 0..60 {
        let (viewer, _) = net.viewer(track);
        net.send(publisher, 30, 1_000_000);
        assert!(net.peers[viewer].received.len() >= 30, "it has a picture within the second");
    }
    net.router.report().counters.keyframe_requests_upstream
}

#[test]
fn an_audience_that_comes_costs_the_publisher_two_keyframes_a_minute() {
    assert_eq!(asked_by_sixty(Rank::Audience), 2);
    assert!(asked_by_sixty(Rank::Panel) > 5, "the panel's pictures come first");
    assert!(asked_by_sixty(Rank::Machine) > 5, "and those on the monitors");
}

#[test]
fn a_long_cache_is_replayed_only_when_no_keyframe_comes() {
    let willing = frames_of_a_late_viewer(true, 1000);
    assert!((20..40).contains(&willing), "a fresh keyframe and what follows it, not the past: {willing}");
    assert_eq!(frames_of_a_late_viewer(false, 300), 0, "it waits a moment for the publisher");
    let deaf = frames_of_a_late_viewer(false, 1000);
    assert!(deaf > 200, "then the cache serves: {deaf}");
}

#[test]
fn a_switch_is_one_stream_to_the_viewer() {
    let mut net = Net::new();
    let (one, two) = (net.peer(Direction::SendOnly, 1), net.peer(Direction::SendOnly, 1));
    let (track_one, track_two) = (net.track(one, 0), net.track(two, 0));
    let (viewer, sink) = net.viewer(track_one);
    for _ in 0..20 {
        net.send(one, 1, 15);
        net.send(two, 1, 15);
    }
    net.watch(sink, track_two);
    for _ in 0..20 {
        net.send(one, 1, 15);
        net.send(two, 1, 15);
    }
    let received = &net.peers[viewer].received;
    assert!(is_contiguous(&net.peers[viewer].sequences()));
    let mut ticks: Vec<u32> = received.iter().map(|packet| packet.header.timestamp).collect();
    ticks.dedup();
    assert!(ticks.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) < 1 << 31), "time never goes back");
    assert_eq!(net.router.watched(sink), Some(track_two));
}

#[test]
fn lost_packets_are_sent_again() {
    let mut net = Net::new();
    let (publisher, track) = net.feed();
    let (viewer, _) = net.viewer(track);
    net.send(publisher, 10, 30);
    net.peers[viewer].loss_percent = 5;
    net.send(publisher, 300, 30);
    net.peers[viewer].loss_percent = 0;
    net.send(publisher, 10, 30);
    net.run(500);
    let sequences = net.peers[viewer].sequences();
    assert!(is_contiguous(&sequences), "every hole is filled");
    assert!(sequences.len() >= 319 * 3, "{} packets", sequences.len());
}

#[test]
fn lost_packets_on_the_way_in_are_asked_for() {
    let mut net = Net::new();
    let (publisher, track) = net.feed();
    let (viewer, _) = net.viewer(track);
    net.send(publisher, 10, 30);
    let before = net.peers[viewer].sequences().len();
    // A frame that is written but never leaves: its packets are lost.
    net.send_frame(publisher, 0, false);
    net.peers[publisher].outgoing.clear();
    net.send(publisher, 20, 1000);
    net.run(300);
    let sequences = net.peers[viewer].sequences();
    assert!(is_contiguous(&sequences));
    assert_eq!(sequences.len(), before + 21 * 3);
}

#[test]
fn many_viewers_without_a_picture_are_one_request() {
    let mut net = Net::new();
    let (publisher, track) = net.feed();
    net.peers[publisher].frame = 1;
    net.peers[publisher].is_willing = false;
    net.send(publisher, 2, 1_000_000);
    for _ in 0..10 {
        net.viewer(track);
    }
    net.run(200);
    let asked = net.router.report().counters.keyframe_requests_upstream;
    assert_eq!(net.peers[publisher].keyframe_requests as u64, asked);
    net.peers[publisher].is_willing = true;
    net.send(publisher, 3, 1_000_000);
    for viewer in 1..=10 {
        assert!(net.peers[viewer].received.len() >= 6, "viewer {viewer} sees a picture");
    }
    assert!(asked <= 4, "{asked} requests for ten viewers");
}

/// Hazard H1: a browser that has seen nothing new for three seconds asks for a keyframe, and says of what then comes that
/// it is new.
#[test]
fn of_a_feed_that_has_fallen_silent_nothing_is_shown_again() {
    let (mut net, publisher, viewer, _) = Net::two();
    net.send(publisher, 40, 30);
    net.run(3000);
    let before = net.peers[viewer].received.len();
    let ssrc = net.peers[viewer].received[before - 1].header.ssrc;
    let mut api = net.peers[viewer].rtc.direct_api();
    api.stream_rx(&ssrc).expect("it has received on it").request_keyframe(KeyframeRequestKind::Pli);
    net.run(500);
    assert_eq!(net.router.report().counters.keyframe_requests_received, 1, "it has asked");
    assert_eq!(net.peers[viewer].received.len(), before);
    net.send(publisher, 30, 30);
    assert!(net.peers[viewer].received.len() >= before + 30, "it goes on when the feed does");
}

#[test]
fn what_is_muted_is_not_forwarded_nor_kept() {
    let mut net = Net::new();
    let (publisher, track) = net.feed();
    let (viewer, _) = net.viewer(track);
    net.send(publisher, 5, 30);
    let seen = net.peers[viewer].received.len();
    net.router.mute_track(track, true);
    net.send(publisher, 5, 30);
    assert_eq!(net.peers[viewer].received.len(), seen);
    net.router.mute_track(track, false);
    net.run(200);
    net.peers[publisher].is_willing = true;
    net.send(publisher, 5, 1000);
    assert!(is_contiguous(&net.peers[viewer].sequences()));
    assert!(net.peers[viewer].received.len() > seen, "it goes on with a new keyframe");
    assert_eq!(net.peers[viewer].received[seen].payload[3], 0x67);
}

/// Its numbers go on as if nothing had been, for nothing was sent meanwhile.
#[test]
fn what_was_seen_before_a_mute_is_not_replayed_after_it() {
    let mut net = Net::new();
    let (publisher, track) = net.feed();
    let (viewer, _) = net.viewer(track);
    net.send(publisher, 5, 1000);
    let seen = net.peers[viewer].received.len();
    net.router.mute_track(track, true);
    net.run(200);
    net.router.mute_track(track, false);
    net.send(publisher, 5, 1000);
    assert_eq!(net.peers[viewer].received.len(), seen, "nothing before a new keyframe");
    net.peers[publisher].is_willing = true;
    // It is asked again and again, more and more rarely.
    net.send(publisher, 60, 1000);
    assert!(net.peers[viewer].received.len() > seen, "it goes on with one");
    assert!(is_contiguous(&net.peers[viewer].sequences()));
}

#[test]
fn a_peer_that_never_connects_leaves_nothing() {
    let mut net = Net::new();
    for _ in 0..50 {
        let mut rtc = RtcConfig::new().clear_codecs().enable_h264(true).build(net.now);
        let mut api = rtc.sdp_api();
        api.add_media(MediaKind::Video, Direction::SendOnly, None, None, None);
        let (offer, _) = api.apply().expect("an offer");
        let mut offer = Offer::read(offer.to_sdp_string()).expect("an SDP");
        net.begin(Direction::SendOnly, &mut offer).1.expect("an answer");
    }
    let ways = net.news.iter().filter(|news| matches!(news, News::Way(_, Way::Ufrag(_)))).count();
    assert_eq!((ways, net.router.report().sessions), (50, 50));
    net.run(21_000);
    assert_eq!(net.router.report().sessions, 0);
    assert_eq!(net.news.iter().filter(|news| matches!(news, News::Over(_))).count(), 50);
}

/// A viewer's session on which the engine had the SRTP keys would seal with them what we have sealed.
#[test]
fn what_was_answered_ahead_for_the_other_direction_is_not_taken() {
    let mut net = Net::new();
    let mut rtc = RtcConfig::new().clear_codecs().enable_h264(true).build(net.now);
    let mut api = rtc.sdp_api();
    api.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
    let (offer, _) = api.apply().expect("an offer");
    let mut offer = Offer::read(offer.to_sdp_string()).expect("an SDP");
    offer.prepare_uplink(net.now, &net.local);
    let session = net.router.open_downlink(net.now, Rank::Panel, &mut offer);
    let answered = net.router.answer(net.now, session, &mut offer, &mut net.departures, &mut net.news);
    let (_, lines) = answered.expect("an answer");
    assert!(net.router.bind_sink(session, &lines[0].mid).is_some());
}

/// The room alone knows which of a client's offers it has taken: one that was answered ahead may be of its open session.
#[test]
fn an_open_session_answers_what_was_answered_ahead() {
    let mut net = Net::new();
    let (publisher, _) = net.feed();
    let session = net.peers[publisher].session;
    let mut api = net.peers[publisher].rtc.sdp_api();
    api.add_media(MediaKind::Video, Direction::SendOnly, None, None, None);
    let mut offer = Offer::read(api.apply().expect("an offer").0.to_sdp_string()).expect("an SDP");
    offer.prepare_uplink(net.now, &net.local);
    let answered = net.router.answer(net.now, session, &mut offer, &mut net.departures, &mut net.news);
    assert_eq!(answered.map(|(_, lines)| lines.len()), Ok(2));
    assert_eq!(net.router.report().sessions, 1);
}

#[test]
fn garbage_changes_nothing() {
    let mut net = Net::new();
    let (publisher, track) = net.feed();
    let (viewer, _) = net.viewer(track);
    let (session, source) = (net.peers[publisher].session, net.peers[publisher].address);
    let mut noise = 12345_u64;
    for round in 0..2000 {
        let bytes: Vec<u8> = (0..round % 200)
            .map(|_| {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (noise >> 33) as u8
            })
            .collect();
        let destination = SERVER.parse().expect("address");
        let datagram = Datagram { session, protocol: Protocol::Udp, source, destination, bytes: &bytes };
        net.router.burst(net.now, &[datagram], &mut net.departures, &mut net.news);
    }
    net.send(publisher, 20, 10);
    assert_eq!(net.peers[viewer].sequences().len(), 60);
    for offer in ["", "v=0", "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n", "\0\0\0", &"m=audio\r\n".repeat(1000)] {
        let Ok(mut offer) = Offer::read(offer.to_owned()) else { continue };
        let (session, answer) = net.begin(Direction::SendOnly, &mut offer);
        assert!(answer.is_err(), "{offer:?}");
        net.router.close(net.now, session, &mut net.departures);
    }
    assert_eq!(net.router.report().sessions, 2);
}
