//! Real peers (str0m as client) around a router, in memory and in virtual time.

#![allow(dead_code, reason = "each test program uses its own part")]

pub(crate) mod av1;
mod far;
mod later;
mod scenes;
pub(crate) mod sps;
pub(crate) mod surgeon;
pub(crate) mod wire;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use media::{
    Certificate, Datagram, Departures, Local, MediaError, News, Offer, OfferedLine, Protocol, Rank, Router,
    RouterConfig, SessionId, SinkId, TrackId,
};
use str0m::change::SdpAnswer;
use str0m::media::{Direction, MediaKind, Mid, Simulcast, SimulcastLayer};
use str0m::rtp::{RtpPacket, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

pub(crate) const SERVER: &str = "10.0.0.1:7881";
/// Of a peer's datagrams so many are kept.
const SAID: usize = 200;

/// A peer of the router and what it has received.
pub(crate) struct Peer {
    pub(crate) rtc: Rtc,
    pub(crate) offer: Offer,
    /// Its own address, and the one by which the router knows it.
    pub(crate) address: SocketAddr,
    pub(crate) outside: SocketAddr,
    pub(crate) protocol: Protocol,
    pub(crate) session: SessionId,
    pub(crate) mids: Vec<Mid>,
    pub(crate) outgoing: VecDeque<(SessionId, Protocol, SocketAddr, Vec<u8>)>,
    pub(crate) received: Vec<RtpPacket>,
    pub(crate) keyframe_requests: usize,
    pub(crate) is_connected: bool,
    /// Of a hundred datagrams to this peer so many are lost, by count, not by chance.
    pub(crate) loss_percent: u64,
    pub(crate) datagrams: u64,
    /// So long each takes to this peer, and those that are on their way.
    pub(crate) away: Duration,
    coming: VecDeque<(Instant, Vec<u8>)>,
    /// The first datagrams that this peer sent.
    pub(crate) said: Vec<Vec<u8>>,
    /// Every SRTP and SRTCP datagram that was sent to this peer, lost or not.
    pub(crate) heard: Vec<Vec<u8>>,
    /// The sender reports that it got.
    pub(crate) reports: Vec<str0m::media::SenderFeedback>,
    pub(crate) frame: u32,
    pub(crate) sequence: u64,
    /// Answers keyframe requests.
    pub(crate) is_willing: bool,
    /// Nothing gets through, either way.
    pub(crate) is_cut_off: bool,
    /// Of what it says only this gets through.
    pub(crate) gets_through: fn(&[u8]) -> bool,
    /// What it gathers.
    pub(crate) candidate: Candidate,
    /// What its keyframes begin with.
    pub(crate) sps: Vec<u8>,
}

/// A network without delay, but for who is far away.
pub(crate) struct Net {
    pub(crate) now: Instant,
    pub(crate) router: Router,
    pub(crate) peers: Vec<Peer>,
    pub(crate) departures: Departures,
    pub(crate) news: Vec<News>,
    /// How peers that come from now on are connected.
    pub(crate) protocol: Protocol,
    pub(crate) rank: Rank,
    /// Publishers that come from now on send each line in these layers.
    pub(crate) rids: &'static [&'static str],
    /// Viewers that come from now on take parity with their pictures.
    pub(crate) offers_parity: bool,
    /// The router has so much to do that it looks at its sockets and its clock only so often.
    pub(crate) looks_every_ms: u64,
    /// Every other frame is one that no other needs.
    pub(crate) has_layers: bool,
    /// Where the program counts its allocations, and the publisher whose bursts are looked at; the allocations that
    /// the router made in them.
    pub(crate) counted: Option<(&'static AtomicU64, SessionId)>,
    pub(crate) allocations: u64,
    steps: u64,
    pub(crate) local: Arc<Local>,
    /// The last first offer was answered ahead.
    is_ahead: bool,
}

/// What a router says to an offer.
pub(crate) type Answer = Result<(String, Vec<OfferedLine>), MediaError>;

impl Net {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        let (candidates, certificate) = (vec![SERVER.parse().expect("address")], Certificate::generate());
        let local = Arc::new(Local { candidates, certificate });
        let [since_1970, playout_delay_most] = [1_800_000_000_000, 400].map(Duration::from_millis);
        let config = RouterConfig { since_1970, local: local.clone(), playout_delay_most };
        Self {
            now,
            router: Router::new(now, config),
            local,
            is_ahead: false,
            peers: Vec::new(),
            departures: Departures::default(),
            news: vec![],
            protocol: Protocol::Udp,
            rank: Rank::Panel,
            rids: &[],
            offers_parity: false,
            looks_every_ms: 1,
            has_layers: false,
            counted: None,
            allocations: 0,
            steps: 0,
        }
    }

    /// Adds a peer with so many video lines in this direction; gives its place.
    pub(crate) fn peer(&mut self, direction: Direction, lines: usize) -> usize {
        self.peer_with(MediaKind::Video, RtcConfig::new().clear_codecs().enable_h264(true), direction, lines)
    }

    /// A peer with so many lines of this kind, and what it can take and send.
    pub(crate) fn peer_with(
        &mut self,
        kind: MediaKind,
        config: RtcConfig,
        direction: Direction,
        lines: usize,
    ) -> usize {
        let place = self.peers.len();
        let mut rtc = config.set_rtp_mode(true).build(self.now);
        let address: SocketAddr = format!("10.0.1.{}:1000", place + 1).parse().expect("address");
        let candidate = Candidate::host(address, "udp").expect("candidate");
        rtc.add_local_candidate(candidate.clone());
        let mut api = rtc.sdp_api();
        let send: Vec<_> = self.rids.iter().map(|rid| SimulcastLayer::new(rid)).collect();
        let layers = (direction == Direction::SendOnly && !send.is_empty()).then(|| Simulcast { send, recv: vec![] });
        let mids = (0..lines).map(|_| api.add_media(kind, direction, None, None, layers.clone())).collect();
        let (offer, pending) = api.apply().expect("an offer");
        let offer = offer.to_sdp_string();
        let offer = if self.offers_parity { far::with_parity(&offer) } else { offer };
        let mut offer = Offer::read(offer).expect("an SDP");
        let (session, answer) = self.begin(direction, &mut offer);
        let answer = SdpAnswer::from_sdp_string(&answer.expect("an answer").0).expect("an SDP");
        rtc.sdp_api().accept_answer(pending, answer).expect("an answer that fits");
        self.peers.push(Peer {
            rtc,
            address,
            outside: address,
            protocol: self.protocol,
            session,
            mids,
            outgoing: VecDeque::new(),
            received: Vec::new(),
            keyframe_requests: 0,
            is_connected: false,
            loss_percent: 0,
            offer,
            datagrams: 0,
            away: Duration::ZERO,
            coming: VecDeque::new(),
            said: Vec::new(),
            heard: Vec::new(),
            reports: Vec::new(),
            frame: 0,
            sequence: 100,
            is_willing: false,
            is_cut_off: false,
            gets_through: |_| true,
            candidate,
            sps: vec![0x67, 1],
        });
        self.run_until("connected", |net| net.peers[place].is_connected);
        place
    }

    /// Opens a session for its first offer and answers that; every other one has been answered ahead.
    pub(crate) fn begin(&mut self, direction: Direction, offer: &mut Offer) -> (SessionId, Answer) {
        self.is_ahead = !self.is_ahead;
        let session = if direction == Direction::SendOnly {
            self.is_ahead.then(|| offer.prepare_uplink(self.now, &self.local));
            self.router.open_uplink(self.now, offer)
        } else {
            self.is_ahead.then(|| offer.prepare_downlink(self.now, &self.local));
            self.router.open_downlink(self.now, self.rank, offer)
        };
        (session, self.router.answer(self.now, session, offer, &mut self.departures, &mut self.news))
    }

    pub(crate) fn track(&mut self, peer: usize, line: usize) -> TrackId {
        let (session, mid) = (self.peers[peer].session, self.peers[peer].mids[line].to_string());
        self.router.bind_track(self.now, session, &mid, &self.peers[peer].offer).expect("a line that sends")
    }

    pub(crate) fn sink(&mut self, peer: usize, line: usize) -> SinkId {
        let (session, mid) = (self.peers[peer].session, self.peers[peer].mids[line].to_string());
        self.router.bind_sink(session, &mid).expect("a line that receives")
    }

    pub(crate) fn watch(&mut self, sink: SinkId, track: TrackId) {
        self.router.watch(self.now, sink, Some(track), &mut self.departures, &mut self.news).expect("a common codec");
    }

    /// One frame of three packets on one line; the first frame and every `gop`-th is a keyframe.
    pub(crate) fn send_frame(&mut self, peer: usize, line: usize, is_keyframe: bool) {
        let is_spare = self.has_layers && !self.peers[peer].frame.is_multiple_of(2);
        let peer = &mut self.peers[peer];
        let pt = peer.rtc.codec_config().params()[0].pt();
        let ticks = peer.frame.wrapping_mul(3000);
        for part in 0..3_u8 {
            let nal = if is_keyframe { 5 } else { 1 };
            let payload: Vec<u8> = match (is_keyframe, part) {
                (true, 0) => [&[0x78, 0, peer.sps.len() as u8], &peer.sps[..], &[0, 2, 0x68, 1]].concat(),
                (_, part) => [if is_spare { 0x1c } else { 0x7c }, nal | if part == 1 { 0x80 } else { 0 }]
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

    pub(crate) fn send(&mut self, peer: usize, frames: u32, gop: u32) {
        for _ in 0..frames {
            let wanted = std::mem::take(&mut self.peers[peer].keyframe_requests) > 0 && self.peers[peer].is_willing;
            let is_keyframe = self.peers[peer].frame.is_multiple_of(gop) || wanted;
            self.send_frame(peer, 0, is_keyframe);
            self.run(33);
        }
    }

    pub(crate) fn run(&mut self, ms: u64) {
        for _ in 0..ms {
            self.step();
        }
    }

    pub(crate) fn run_until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        for _ in 0..30_000 {
            if holds(self) {
                return;
            }
            self.step();
        }
        panic!("never {what}");
    }

    /// A millisecond: everything that is under way arrives, both ways, until nothing is left.
    pub(crate) fn step(&mut self) {
        self.now += Duration::from_millis(1);
        for peer in &mut self.peers {
            peer.rtc.handle_input(Input::Timeout(self.now)).expect("time passes");
            peer.take_what_came(self.now);
            peer.drain();
        }
        self.steps += 1;
        let mut looks = self.steps.is_multiple_of(self.looks_every_ms);
        if looks {
            self.router.tick(self.now, &mut self.departures, &mut self.news);
        }
        loop {
            let mut to_router = VecDeque::new();
            for peer in &mut self.peers {
                peer.drain();
                if peer.is_cut_off {
                    peer.outgoing.clear();
                }
                if looks {
                    to_router.append(&mut peer.outgoing);
                }
            }
            looks = self.looks_every_ms == 1;
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
                let peer = self.peers.iter_mut().find(|peer| peer.outside == address && !peer.is_cut_off);
                // An old port of a NAT leads nowhere.
                let Some(peer) = peer else { continue };
                peer.datagrams += 1;
                if matches!(bytes.first(), Some(128..=191)) {
                    peer.heard.push(bytes.clone());
                }
                if peer.datagrams * peer.loss_percent % 100 < peer.loss_percent {
                    continue;
                }
                peer.coming.push_back((self.now + peer.away, bytes));
                peer.take_what_came(self.now);
            }
            // One wake-up of the sockets; the publisher whose bursts are counted has them to itself.
            let counted = self.counted;
            let is_counted = |of: SessionId| counted.is_some_and(|(_, publisher)| publisher == of);
            for batch in to_router.make_contiguous().chunk_by(|a, b| !is_counted(a.0) && !is_counted(b.0)) {
                let destination = SERVER.parse().expect("address");
                let datagrams: Vec<Datagram<'_>> = batch
                    .iter()
                    .map(|(session, protocol, source, bytes)| Datagram {
                        session: *session,
                        protocol: *protocol,
                        source: *source,
                        destination,
                        bytes,
                    })
                    .collect();
                let count = || counted.map_or(0, |(counter, _)| counter.load(Ordering::Relaxed));
                let before = count();
                self.router.burst(self.now, &datagrams, &mut self.departures, &mut self.news);
                if is_counted(batch[0].0) {
                    self.allocations += count() - before;
                }
            }
        }
    }
}

impl Peer {
    pub(crate) fn drain(&mut self) {
        loop {
            match self.rtc.poll_output().expect("a peer that works") {
                Output::Timeout(_) => return,
                Output::Transmit(transmit) => {
                    let datagram = transmit.contents.to_vec();
                    if self.said.len() < SAID {
                        self.said.push(datagram.clone());
                    }
                    if (self.gets_through)(&datagram) {
                        self.outgoing.push_back((self.session, self.protocol, self.outside, datagram));
                    }
                }
                Output::Event(Event::Connected) => self.is_connected = true,
                Output::Event(Event::KeyframeRequest(_)) => self.keyframe_requests += 1,
                Output::Event(Event::SenderFeedback(feedback)) => self.reports.push(feedback),
                Output::Event(Event::RtpPacket(packet)) => self.received.push(packet),
                Output::Event(_) => {}
            }
        }
    }

    /// Sequence numbers as received, in order, each once.
    pub(crate) fn sequences(&self) -> Vec<u64> {
        let mut sequences: Vec<u64> = self.received.iter().map(|packet| *packet.seq_no).collect();
        sequences.sort_unstable();
        sequences.dedup();
        sequences
    }
}

/// True if no number is missing between the first and the last.
pub(crate) fn is_contiguous(sequences: &[u64]) -> bool {
    sequences.windows(2).all(|pair| pair[1] == pair[0] + 1)
}
