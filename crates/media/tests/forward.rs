//! The router between real peers (str0m as client), in memory and in virtual time: what a viewer gets to see.

// long because all its tests share one network of peers

#![allow(clippy::disallowed_methods, reason = "a test must begin at some instant")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use media::{
    Certificate, Datagram, Departures, News, Protocol, Rank, Router, RouterConfig, SessionId, SinkId, TrackId, Way,
};
use str0m::change::SdpAnswer;
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::Receive;
use str0m::rtp::{RtpPacket, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

const SERVER: &str = "10.0.0.1:7881";

/// A peer of the router and what it has received.
struct Peer {
    rtc: Rtc,
    address: SocketAddr,
    session: SessionId,
    mids: Vec<Mid>,
    outgoing: VecDeque<(SessionId, SocketAddr, Vec<u8>)>,
    received: Vec<RtpPacket>,
    keyframe_requests: usize,
    is_connected: bool,
    /// Of a hundred datagrams to this peer so many are lost, by count, not by chance.
    loss_percent: u64,
    datagrams: u64,
    frame: u32,
    sequence: u64,
    /// Answers keyframe requests.
    is_willing: bool,
}

/// A network without delay.
struct Net {
    now: Instant,
    router: Router,
    peers: Vec<Peer>,
    departures: Departures,
    news: Vec<News>,
}

impl Net {
    fn new() -> Self {
        let now = Instant::now();
        let config = RouterConfig {
            since_1970: Duration::from_secs(1_800_000_000),
            candidates: vec![SERVER.parse().expect("address")],
            certificate: Certificate::generate(),
        };
        Self {
            now,
            router: Router::new(now, config),
            peers: Vec::new(),
            departures: Departures::default(),
            news: vec![],
        }
    }

    /// Adds a peer with so many video lines in this direction; gives its place.
    fn peer(&mut self, direction: Direction, lines: usize) -> usize {
        let place = self.peers.len();
        let mut rtc = RtcConfig::new().set_rtp_mode(true).clear_codecs().enable_h264(true).build(self.now);
        let address: SocketAddr = format!("10.0.1.{}:1000", place + 1).parse().expect("address");
        rtc.add_local_candidate(Candidate::host(address, "udp").expect("candidate"));
        let mut api = rtc.sdp_api();
        let mids = (0..lines).map(|_| api.add_media(MediaKind::Video, direction, None, None, None)).collect();
        let (offer, pending) = api.apply().expect("an offer");
        let session = match direction {
            Direction::SendOnly => self.router.open_uplink(self.now),
            _ => self.router.open_downlink(self.now, Rank::Panel),
        };
        let (answer, _) = self
            .router
            .answer(self.now, session, &offer.to_sdp_string(), &mut self.departures, &mut self.news)
            .expect("an answer");
        rtc.sdp_api()
            .accept_answer(pending, SdpAnswer::from_sdp_string(&answer).expect("an SDP"))
            .expect("an answer that fits");
        self.peers.push(Peer {
            rtc,
            address,
            session,
            mids,
            outgoing: VecDeque::new(),
            received: Vec::new(),
            keyframe_requests: 0,
            is_connected: false,
            loss_percent: 0,
            datagrams: 0,
            frame: 0,
            sequence: 100,
            is_willing: false,
        });
        self.run_until("connected", |net| net.peers[place].is_connected);
        place
    }

    fn track(&mut self, peer: usize, line: usize) -> TrackId {
        let (session, mid) = (self.peers[peer].session, self.peers[peer].mids[line].to_string());
        self.router.bind_track(self.now, session, &mid, "").expect("a line that sends")
    }

    fn sink(&mut self, peer: usize, line: usize) -> SinkId {
        let (session, mid) = (self.peers[peer].session, self.peers[peer].mids[line].to_string());
        self.router.bind_sink(session, &mid).expect("a line that receives")
    }

    fn watch(&mut self, sink: SinkId, track: TrackId) {
        self.router.watch(self.now, sink, Some(track), &mut self.departures, &mut self.news).expect("a common codec");
    }

    /// One frame of three packets on one line; the first frame and every `gop`-th is a keyframe.
    fn send_frame(&mut self, peer: usize, line: usize, is_keyframe: bool) {
        let peer = &mut self.peers[peer];
        let pt = peer.rtc.codec_config().params()[0].pt();
        let ticks = peer.frame.wrapping_mul(3000);
        for part in 0..3_u8 {
            let nal = if is_keyframe { 5 } else { 1 };
            let payload: Vec<u8> = match (is_keyframe, part) {
                (true, 0) => vec![0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 1],
                (_, part) => [0x7c, nal | if part == 1 { 0x80 } else { 0 }]
                    .into_iter()
                    .chain(peer.frame.to_be_bytes())
                    .chain([part; 1000])
                    .collect(),
            };
            peer.sequence += 1;
            let write =
                RtpWrite::new(pt, peer.sequence.into(), ticks, self.now, payload).marker(part == 2).nackable(true);
            let mid = peer.mids[line];
            peer.rtc.direct_api().stream_tx_by_mid(mid, None).expect("a sending line").write_rtp(write);
        }
        peer.frame += 1;
        peer.rtc.handle_input(Input::Timeout(self.now)).expect("time passes");
        peer.drain();
    }

    fn send(&mut self, peer: usize, frames: u32, gop: u32) {
        for _ in 0..frames {
            let wanted = std::mem::take(&mut self.peers[peer].keyframe_requests) > 0 && self.peers[peer].is_willing;
            let is_keyframe = self.peers[peer].frame.is_multiple_of(gop) || wanted;
            self.send_frame(peer, 0, is_keyframe);
            self.run(33);
        }
    }

    fn run(&mut self, ms: u64) {
        for _ in 0..ms {
            self.step();
        }
    }

    fn run_until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        for _ in 0..30_000 {
            if holds(self) {
                return;
            }
            self.step();
        }
        panic!("never {what}");
    }

    /// A millisecond: everything that is under way arrives, both ways, until nothing is left.
    fn step(&mut self) {
        self.now += Duration::from_millis(1);
        for peer in &mut self.peers {
            peer.rtc.handle_input(Input::Timeout(self.now)).expect("time passes");
            peer.drain();
        }
        self.router.tick(self.now, &mut self.departures, &mut self.news);
        loop {
            let mut to_router = VecDeque::new();
            for peer in &mut self.peers {
                peer.drain();
                to_router.append(&mut peer.outgoing);
            }
            let to_peers: Vec<(SocketAddr, Vec<u8>)> = self
                .departures
                .iter()
                .flat_map(|(run, bytes)| bytes.chunks(run.segment_bytes).map(|one| (run.destination, one.to_vec())))
                .collect();
            self.departures.clear();
            if to_router.is_empty() && to_peers.is_empty() {
                return;
            }
            for (address, bytes) in to_peers {
                let peer = self.peers.iter_mut().find(|peer| peer.address == address).expect("a known address");
                peer.datagrams += 1;
                if peer.datagrams * peer.loss_percent % 100 < peer.loss_percent {
                    continue;
                }
                let server = SERVER.parse().expect("address");
                let receive = Receive::new(str0m::net::Protocol::Udp, server, address, &bytes).expect("a datagram");
                peer.rtc.handle_input(Input::Receive(self.now, receive)).expect("a peer that works");
                peer.drain();
            }
            for (session, source, bytes) in to_router {
                let datagram = Datagram {
                    session,
                    protocol: Protocol::Udp,
                    source,
                    destination: SERVER.parse().expect("address"),
                    bytes: &bytes,
                };
                self.router.burst(self.now, &[datagram], &mut self.departures, &mut self.news);
            }
        }
    }
}

impl Peer {
    fn drain(&mut self) {
        loop {
            match self.rtc.poll_output().expect("a peer that works") {
                Output::Timeout(_) => return,
                Output::Transmit(transmit) => {
                    self.outgoing.push_back((self.session, self.address, transmit.contents.to_vec()));
                }
                Output::Event(Event::Connected) => self.is_connected = true,
                Output::Event(Event::KeyframeRequest(_)) => self.keyframe_requests += 1,
                Output::Event(Event::RtpPacket(packet)) => self.received.push(packet),
                Output::Event(_) => {}
            }
        }
    }

    /// Sequence numbers as received, in order, each once.
    fn sequences(&self) -> Vec<u64> {
        let mut sequences: Vec<u64> = self.received.iter().map(|packet| *packet.seq_no).collect();
        sequences.sort_unstable();
        sequences.dedup();
        sequences
    }
}

fn is_contiguous(sequences: &[u64]) -> bool {
    sequences.windows(2).all(|pair| pair[1] == pair[0] + 1)
}

#[test]
fn a_late_viewer_begins_with_the_cached_keyframe() {
    let mut net = Net::new();
    let publisher = net.peer(Direction::SendOnly, 1);
    let track = net.track(publisher, 0);
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
    assert!(last.wrapping_sub(first) <= 40 * 10, "its time is squeezed: a late viewer is not late");
    net.send(publisher, 5, 1000);
    assert_eq!(net.peers[viewer].received.len(), 45 * 3);
    assert!(is_contiguous(&net.peers[viewer].sequences()));
    assert_eq!(net.router.report().counters.keyframe_requests_upstream, before, "nobody asked the publisher");
}

/// A viewer that comes 200 frames, 600 kB, into a group of pictures; how many frames it has seen after so long.
fn frames_of_a_late_viewer(is_willing: bool, wait_ms: u64) -> usize {
    let mut net = Net::new();
    let publisher = net.peer(Direction::SendOnly, 1);
    let track = net.track(publisher, 0);
    net.send(publisher, 200, 1_000_000);
    net.peers[publisher].is_willing = is_willing;
    let viewer = net.peer(Direction::RecvOnly, 1);
    let sink = net.sink(viewer, 0);
    net.watch(sink, track);
    net.send(publisher, (wait_ms / 33) as u32, 1_000_000);
    let mut ticks: Vec<u32> = net.peers[viewer].received.iter().map(|packet| packet.header.timestamp).collect();
    ticks.dedup();
    ticks.len()
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
    let viewer = net.peer(Direction::RecvOnly, 1);
    let sink = net.sink(viewer, 0);
    net.watch(sink, track_one);
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
    let publisher = net.peer(Direction::SendOnly, 1);
    let track = net.track(publisher, 0);
    let viewer = net.peer(Direction::RecvOnly, 1);
    let sink = net.sink(viewer, 0);
    net.watch(sink, track);
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
    let publisher = net.peer(Direction::SendOnly, 1);
    let track = net.track(publisher, 0);
    let viewer = net.peer(Direction::RecvOnly, 1);
    let sink = net.sink(viewer, 0);
    net.watch(sink, track);
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
    let publisher = net.peer(Direction::SendOnly, 1);
    let track = net.track(publisher, 0);
    net.peers[publisher].frame = 1;
    net.peers[publisher].is_willing = false;
    net.send(publisher, 2, 1_000_000);
    for _ in 0..10 {
        let viewer = net.peer(Direction::RecvOnly, 1);
        let sink = net.sink(viewer, 0);
        net.watch(sink, track);
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

#[test]
fn what_is_muted_is_not_forwarded_nor_kept() {
    let mut net = Net::new();
    let publisher = net.peer(Direction::SendOnly, 1);
    let track = net.track(publisher, 0);
    let viewer = net.peer(Direction::RecvOnly, 1);
    let sink = net.sink(viewer, 0);
    net.watch(sink, track);
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

#[test]
fn a_peer_that_never_connects_leaves_nothing() {
    let mut net = Net::new();
    for _ in 0..50 {
        let mut rtc = RtcConfig::new().clear_codecs().enable_h264(true).build(net.now);
        let mut api = rtc.sdp_api();
        api.add_media(MediaKind::Video, Direction::SendOnly, None, None, None);
        let (offer, _) = api.apply().expect("an offer");
        let session = net.router.open_uplink(net.now);
        net.router
            .answer(net.now, session, &offer.to_sdp_string(), &mut net.departures, &mut net.news)
            .expect("an answer");
    }
    let ways = net.news.iter().filter(|news| matches!(news, News::Way(_, Way::Ufrag(_)))).count();
    assert_eq!((ways, net.router.report().sessions), (50, 50));
    net.run(21_000);
    assert_eq!(net.router.report().sessions, 0);
    assert_eq!(net.news.iter().filter(|news| matches!(news, News::Over(_))).count(), 50);
}

#[test]
fn garbage_changes_nothing() {
    let mut net = Net::new();
    let publisher = net.peer(Direction::SendOnly, 1);
    let track = net.track(publisher, 0);
    let viewer = net.peer(Direction::RecvOnly, 1);
    let sink = net.sink(viewer, 0);
    net.watch(sink, track);
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
        let session = net.router.open_uplink(net.now);
        let answer = net.router.answer(net.now, session, offer, &mut net.departures, &mut net.news);
        assert!(answer.is_err(), "{offer:.20}");
        net.router.close(net.now, session, &mut net.departures);
    }
    assert_eq!(net.router.report().sessions, 2);
}
