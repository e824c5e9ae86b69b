//! One real peer: the engine as a client, behind a NAT, with its own clock.

use std::net::SocketAddr;
use std::time::Instant;

use media::{Protocol, SessionId};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid, SenderFeedback, Simulcast};
use str0m::net::{Protocol as EngineProtocol, Receive, TcpType};
use str0m::rtp::{Extension, RtpPacket};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc, RtcConfig};

use crate::camera::Camera;
use crate::clock::Clock;
use crate::link::{Link, Weather};
use crate::parity;
use crate::screen::Screen;

/// More than any peer has.
const LINES: usize = 1000;

/// What a peer has to say when it was given something.
#[derive(Debug)]
pub(crate) enum Said {
    Datagram(Vec<u8>),
    Packet(Box<RtpPacket>),
    Report(SenderFeedback),
    KeyframeWanted(Mid),
    Lost,
}

/// One peer connection of a client.
pub(crate) struct Peer {
    pub(crate) rtc: Rtc,
    pub(crate) client: usize,
    /// The worker that it is with, and its session there.
    pub(crate) worker: usize,
    pub(crate) session: SessionId,
    pub(crate) protocol: Protocol,
    /// Its own address, and the one by which the server knows it.
    inside: SocketAddr,
    pub(crate) outside: SocketAddr,
    pub(crate) up: Link,
    pub(crate) down: Link,
    pub(crate) clock: Clock,
    /// By its own clock.
    pub(crate) deadline: Option<Instant>,
    /// The earliest wake-up in the queue.
    pub(crate) queued: Option<Instant>,
    pub(crate) is_connected: bool,
    pub(crate) connected_at: Option<Instant>,
    pub(crate) cameras: Vec<Camera>,
    pub(crate) screens: Vec<Screen>,
    /// The offer of its downlink, without parity, and its lines for pictures and for voices.
    pub(crate) offered: (String, Vec<String>, Vec<String>),
    /// The streams of parity that its last answer announced; the engine cannot read them.
    pub(crate) parity: Vec<u32>,
}

/// What a peer is made with.
pub(crate) struct Place {
    pub(crate) client: usize,
    pub(crate) worker: usize,
    pub(crate) number: u64,
    pub(crate) began: Instant,
    pub(crate) weather: Weather,
    pub(crate) protocol: Protocol,
    pub(crate) clock: Clock,
    pub(crate) seed: u64,
}

impl Peer {
    pub(crate) fn new(now: Instant, place: &Place) -> Self {
        let Place { client, worker, number, began, weather, protocol, clock, seed } = *place;
        let mut config = RtcConfig::new()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_h264(true)
            .enable_vp8(true)
            .enable_opus(true, false);
        config.extension_map().set(5, Extension::PlayoutDelay);
        config.extension_map().set(6, Extension::AbsoluteCaptureTime);
        let mut rtc = config.build(clock.local(now));
        let inside = address([10, 1], number, 1000);
        let candidate = match protocol {
            Protocol::Udp => Candidate::builder().udp().host(inside).build(),
            Protocol::Tcp => Candidate::builder().tcp().host(inside).tcptype(TcpType::Active).build(),
        };
        rtc.add_local_candidate(candidate.expect("an address"));
        Self {
            rtc,
            client,
            worker,
            session: SessionId(0),
            protocol,
            inside,
            outside: address([203, 0], number, 40_000),
            up: Link::new(began, weather, seed, 2 * number),
            down: Link::new(began, weather, seed, 2 * number + 1),
            clock,
            deadline: None,
            queued: None,
            is_connected: false,
            connected_at: None,
            cameras: Vec::new(),
            screens: Vec::new(),
            offered: Default::default(),
            parity: Vec::new(),
        }
    }

    /// Offers these lines, each in one layer or in several.
    pub(crate) fn offer(
        &mut self,
        lines: &[(MediaKind, Option<Simulcast>)],
        direction: Direction,
    ) -> (String, SdpPendingOffer, Vec<Mid>) {
        let mut api = self.rtc.sdp_api();
        let lines = lines.iter().cloned();
        let mids = lines.map(|(kind, simulcast)| api.add_media(kind, direction, None, None, simulcast)).collect();
        let (offer, pending) = api.apply().expect("something to offer");
        (offer.to_sdp_string(), pending, mids)
    }

    pub(crate) fn accept(&mut self, pending: SdpPendingOffer, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).expect("an SDP");
        self.rtc.sdp_api().accept_answer(pending, answer).expect("an answer that fits");
    }

    /// Tells the link what each camera's streams are called.
    pub(crate) fn name_streams(&mut self) {
        for (place, camera) in self.cameras.iter().enumerate() {
            for (layer, sending) in camera.sendings.iter().enumerate() {
                let mut api = self.rtc.direct_api();
                let stream = api.stream_tx_by_mid(camera.mid, sending.rid()).expect("a line that sends");
                let name = 2 * (place + LINES * layer) as u64;
                self.up.name(*stream.ssrc(), name);
                stream.rtx().into_iter().for_each(|ssrc| self.up.name(*ssrc, name + 1));
            }
        }
    }

    /// The streams of parity that an answer announces are all that it may be sent from now on, and have names of their own.
    pub(crate) fn name_parity(&mut self, answer: &str) {
        self.parity = parity::answered(answer).ssrcs;
        for (place, ssrc) in self.parity.iter().enumerate() {
            self.down.name(*ssrc, (2 * self.screens.len() + place) as u64);
        }
    }

    /// Its NAT forgets it and gives it another port the next time.
    pub(crate) fn rebind(&mut self) {
        self.outside.set_port(self.outside.port() + 1);
    }

    /// Gives it a datagram, or time.
    pub(crate) fn take(&mut self, now: Instant, datagram: Option<(SocketAddr, &[u8])>) {
        let now = self.clock.local(now);
        let protocol = if self.protocol == Protocol::Udp { EngineProtocol::Udp } else { EngineProtocol::Tcp };
        let input = match datagram {
            Some((server, bytes)) => {
                let receive = Receive::new(protocol, server, self.inside, bytes);
                Input::Receive(now, receive.expect("what the server sends can be read"))
            }
            None => Input::Timeout(now),
        };
        self.rtc.handle_input(input).expect("a peer that works");
    }

    /// Everything that it has to say.
    pub(crate) fn drain(&mut self, now: Instant) -> Vec<Said> {
        let mut said = Vec::new();
        loop {
            match self.rtc.poll_output().expect("a peer that works") {
                Output::Timeout(at) => {
                    self.deadline = self.rtc.is_alive().then_some(at);
                    return said;
                }
                Output::Transmit(transmit) => said.push(Said::Datagram(transmit.contents.to_vec())),
                Output::Event(Event::Connected) => {
                    self.is_connected = true;
                    self.connected_at.get_or_insert(now);
                }
                Output::Event(Event::KeyframeRequest(request)) => said.push(Said::KeyframeWanted(request.mid)),
                Output::Event(Event::SenderFeedback(report)) => said.push(Said::Report(report)),
                Output::Event(Event::RtpPacket(packet)) => said.push(Said::Packet(Box::new(packet))),
                Output::Event(Event::IceConnectionStateChange(IceConnectionState::Disconnected)) => {
                    said.push(Said::Lost)
                }
                Output::Event(_) => {}
            }
        }
    }
}

fn address(net: [u8; 2], number: u64, port: u16) -> SocketAddr {
    SocketAddr::from(([net[0], net[1], (number >> 8) as u8, number as u8], port))
}
