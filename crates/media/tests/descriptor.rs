//! Dependency descriptors from a publisher of AV1 to its viewers, and what of spatial layers viewers are given.

#![allow(clippy::disallowed_methods, reason = "a test must begin at some instant")]

mod net;

use media::{Encoding, News, SinkId, Size, TrackId};
use net::av1::{self, Said};
use net::{Net, is_contiguous};
use str0m::media::{Direction, MediaKind};

/// A publisher whose first frame has this number; and its track.
fn publisher(net: &mut Net, frame: u16) -> (usize, TrackId) {
    let peer = net.peer_with(MediaKind::Video, av1::config(true), Direction::SendOnly, 1);
    net.peers[peer].frame = frame.into();
    (peer, net.track(peer, 0))
}

fn viewer(net: &mut Net, takes_descriptors: bool) -> (usize, SinkId) {
    let peer = net.peer_with(MediaKind::Video, av1::config(takes_descriptors), Direction::RecvOnly, 1);
    (peer, net.sink(peer, 0))
}

/// The descriptors that a viewer has received, in order of sequence.
fn received(net: &Net, peer: usize) -> Vec<Option<Said>> {
    let mut packets: Vec<_> = net.peers[peer].received.iter().collect();
    packets.sort_by_key(|packet| *packet.seq_no);
    packets.dedup_by_key(|packet| *packet.seq_no);
    packets.into_iter().map(|packet| packet.header.ext_vals.user_values.get::<Said>().cloned()).collect()
}

#[test]
fn descriptors_come_with_every_packet_and_their_numbers_count_on() {
    let mut net = Net::new();
    let [(one, first), (other, second)] = [publisher(&mut net, 65_530), publisher(&mut net, 7)];
    let (viewer, sink) = viewer(&mut net, true);
    net.peers[viewer].loss_percent = 5;
    for track in [first, second, first, first] {
        // There and back, and the cache once more: the number of a frame that was sent before is a new one.
        net.watch(sink, track);
        for publisher in [one, other] {
            av1::send(&mut net, publisher, 10, 10);
        }
    }
    net.run(500);
    assert!(net.news.iter().any(|news| matches!(news, News::Started(_, Encoding::Av1 { .. }))));
    assert!(is_contiguous(&net.peers[viewer].sequences()), "what was lost came again");
    let said: Vec<Vec<u8>> =
        received(&net, viewer).into_iter().map(|said| said.expect("one with every packet").0).collect();
    let frames: Vec<u16> = said.chunks(2).map(|two| u16::from_be_bytes([two[0][1], two[0][2]])).collect();
    assert!(frames.len() > 40, "{frames:?}");
    assert!(frames.windows(2).all(|pair| pair[1] == pair[0] + 1), "{frames:?}");
    for two in said.chunks(2) {
        assert_eq!((two[0][0], two[1][0]), (0x80, 0x40));
        assert_eq!(two[0][1..3], two[1][1..3], "one frame, one number");
    }
    assert_eq!(said[0].len(), 40, "a keyframe says all that its publisher said");
}

#[test]
fn who_does_not_take_them_is_not_sent_them() {
    let mut net = Net::new();
    let (publisher, track) = publisher(&mut net, 0);
    let (viewer, sink) = viewer(&mut net, false);
    net.watch(sink, track);
    av1::send(&mut net, publisher, 20, 10);
    let said = received(&net, viewer);
    assert_eq!(said.len(), 40);
    assert!(said.iter().all(Option::is_none));
    let [first, second] = [0, 1].map(|at| net.peers[viewer].heard[at].len());
    assert_eq!(first, second, "their headers have one length");
}

/// What a viewer has been sent since this many packets: of each packet its spatial layer, and whether a picture ends with it.
fn layers(net: &Net, peer: usize, since: usize) -> Vec<(u8, bool)> {
    let packets = &net.peers[peer].received[since..];
    packets.iter().map(|packet| (packet.payload[2] >> 3, packet.header.marker)).collect()
}

const WHOLE: [(u8, bool); 4] = [(0, false), (0, false), (1, false), (1, true)];
const LOWER: [(u8, bool); 2] = [(0, false), (0, true)];

#[test]
fn who_shows_a_small_picture_is_given_the_lower_layer() {
    let mut net = Net::new();
    let (publisher, track) = publisher(&mut net, 0);
    let (viewer, sink) = viewer(&mut net, true);
    net.watch(sink, track);
    av1::send_two_layers(&mut net, publisher, 10, 30);
    assert_eq!(layers(&net, viewer, 0), WHOLE.repeat(10));
    let resize = |net: &mut Net, width, height| {
        let since = net.peers[viewer].received.len();
        net.router.resize(net.now, sink, Size { width, height }, &mut net.departures, &mut net.news);
        since
    };
    let since = resize(&mut net, 300, 170);
    av1::send_two_layers(&mut net, publisher, 9, 1000);
    assert_eq!(layers(&net, viewer, since), LOWER.repeat(9), "at once");
    let since = resize(&mut net, 600, 300);
    net.run(100);
    let replayed = layers(&net, viewer, since);
    assert_eq!(replayed, WHOLE.repeat(19), "from the last keyframe on, out of the cache");
    av1::send_two_layers(&mut net, publisher, 5, 1000);
    assert_eq!(layers(&net, viewer, since + replayed.len()), WHOLE.repeat(5));
    assert!(is_contiguous(&net.peers[viewer].sequences()));
    assert_eq!(net.peers[publisher].keyframe_requests, 0);
}

#[test]
fn what_is_lost_of_the_lower_layer_comes_again_as_it_was() {
    let mut net = Net::new();
    let (publisher, track) = publisher(&mut net, 0);
    let (viewer, sink) = viewer(&mut net, true);
    net.watch(sink, track);
    let small = Size { width: 300, height: 170 };
    net.router.resize(net.now, sink, small, &mut net.departures, &mut net.news);
    av1::send_two_layers(&mut net, publisher, 5, 30);
    net.peers[viewer].loss_percent = 10;
    av1::send_two_layers(&mut net, publisher, 100, 1000);
    net.run(500);
    let packets = &mut net.peers[viewer].received;
    packets.sort_by_key(|packet| *packet.seq_no);
    packets.dedup_by_key(|packet| *packet.seq_no);
    assert!(is_contiguous(&net.peers[viewer].sequences()));
    assert_eq!(layers(&net, viewer, 0), LOWER.repeat(105));
}

#[test]
fn who_takes_no_descriptors_is_given_the_lower_layer() {
    let mut net = Net::new();
    let (publisher, track) = publisher(&mut net, 0);
    let (viewer, sink) = viewer(&mut net, false);
    net.watch(sink, track);
    av1::send_two_layers(&mut net, publisher, 20, 10);
    let given = layers(&net, viewer, 0);
    assert!(given.ends_with(&LOWER.repeat(15)), "{given:?}");
}

#[test]
fn pictures_whose_upper_layer_never_came_end_for_who_joins() {
    let mut net = Net::new();
    let (publisher, track) = publisher(&mut net, 0);
    av1::send_two_layers(&mut net, publisher, 5, 1000);
    av1::send_layers(&mut net, publisher, 3, 1000, 1);
    av1::send_two_layers(&mut net, publisher, 2, 1000);
    let (viewer, sink) = viewer(&mut net, true);
    net.watch(sink, track);
    net.run(100);
    assert_eq!(layers(&net, viewer, 0), [WHOLE.repeat(5), LOWER.repeat(3), WHOLE.repeat(2)].concat());
}
