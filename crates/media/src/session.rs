//! One peer connection: its ICE and DTLS, and the SRTP of what comes in. The engine, str0m, must be drained after
//! everything that is done to it; [`Session::drain`] is the only place that does it, and every way in ends there.

mod event;
mod formats;
mod nomination;

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime};

use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid};
use str0m::net::{Protocol as EngineProtocol, Receive, TcpType};
use str0m::rtp::Extension;
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc, RtcConfig};

pub use event::Way;
pub(crate) use event::{Drained, Line, SessionEvent};

use self::nomination::Nomination;
use crate::answer;
use crate::datagram::Path;
use crate::descriptor;
use crate::dtls::{self, Keys, KeysGoTo};
use crate::error::{DropReason, MediaError};
use crate::offer::Offer;
use crate::parity::ParityTypes;
use crate::red::RedTypes;
use crate::stream::Stream;
use crate::{Datagram, Local, Protocol, SessionId};

/// Reports to a publisher, and the engine's to a viewer: those never leave, so they are to cost nothing.
const REPORT_INTERVAL: Duration = Duration::from_millis(500);
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);
const STATS_INTERVAL: Duration = Duration::from_secs(1);

/// Candidates that may come after an offer; a browser on a dozen networks has not half as many.
const TRICKLED: usize = 256;

/// One peer connection.
#[derive(Debug)]
pub(crate) struct Session {
    id: SessionId,
    rtc: Rtc,
    lines: Vec<Line>,
    deadline: Option<Instant>,
    reached: Option<(Protocol, SocketAddr)>,
    ufrag: String,
    /// The lines on which voices are sent with redundancy.
    red: Vec<RedTypes>,
    /// Those on which pictures may be sent with parity.
    parity: Vec<ParityTypes>,
    is_over: bool,
    /// A viewer's: the engine has no true SRTP keys, so that no SRTP goes to it or comes from it.
    is_downlink: bool,
    nomination: Nomination,
    /// Candidates that came after the present ICE session's offer.
    trickled: usize,
    keys: Option<Keys>,
    /// What it has answered before it was in a router.
    prepared: Option<Result<String, MediaError>>,
}

impl Session {
    /// One of no router yet: [`Session::enter`].
    pub(crate) fn new(now: Instant, local: &Local, keys: KeysGoTo) -> Self {
        let is_downlink = keys == KeysGoTo::Us;
        let report_interval = if is_downlink { NEVER } else { REPORT_INTERVAL };
        let mut config = RtcConfig::new()
            .set_rtp_mode(true)
            .set_ice_lite(true)
            .set_crypto_provider(dtls::crypto_provider(keys))
            .set_dtls_cert(local.certificate.dtls_cert())
            .set_stats_interval((!is_downlink).then_some(STATS_INTERVAL))
            .set_rtcp_report_interval_video(report_interval)
            .set_rtcp_report_interval_audio(report_interval)
            // The order is the answer's, and so what a publisher sends that offers several.
            .clear_codecs()
            // With redundancy from publishers; to viewers it is ours to send, and the engine knows nothing of it.
            .enable_opus(true, !is_downlink)
            .enable_h264(true)
            .enable_av1(true)
            .enable_vp9(true)
            .enable_h265(true)
            .enable_vp8(true);
        config.extension_map().set(5, Extension::PlayoutDelay);
        config.extension_map().set(6, Extension::AbsoluteCaptureTime);
        config.extension_map().set(7, descriptor::extension());
        let mut rtc = config.build(now);
        for address in &local.candidates {
            let udp = Candidate::builder().udp().host(*address).build();
            let tcp = Candidate::builder().tcp().host(*address).tcptype(TcpType::Passive).build();
            for candidate in [udp, tcp].into_iter().flatten() {
                rtc.add_local_candidate(candidate);
            }
        }
        Self {
            id: SessionId(0),
            rtc,
            lines: Vec::new(),
            deadline: None,
            reached: None,
            ufrag: String::new(),
            red: Vec::new(),
            parity: Vec::new(),
            is_over: false,
            is_downlink,
            nomination: Nomination::default(),
            trickled: 0,
            keys: None,
            prepared: None,
        }
    }

    /// It is in a router now, under this number.
    pub(crate) fn enter(&mut self, id: SessionId) {
        self.id = id;
    }

    /// Answers its first offer before it is in a router.
    pub(crate) fn prepare(&mut self, offer: &mut Offer) {
        self.prepared = Some(self.negotiate(offer));
    }

    /// Takes an offer, the first or a later one, and gives the answer. An offer with other ICE credentials than the
    /// one before restarts ICE (RFC 8445 section 2.4).
    pub(crate) fn answer(
        &mut self,
        now: Instant,
        offer: &mut Offer,
        drained: &mut Drained<'_>,
    ) -> Result<String, MediaError> {
        let answered = self.prepared.take().unwrap_or_else(|| self.negotiate(offer));
        let ufrag = self.rtc.direct_api().local_ice_credentials().ufrag;
        if ufrag != self.ufrag {
            drained.ways.push((self.id, Way::Ufrag(ufrag.clone())));
            self.ufrag = ufrag;
            self.nomination.restart();
            self.trickled = 0;
        }
        self.advance(now, drained);
        answered
    }

    fn negotiate(&mut self, offer: &mut Offer) -> Result<String, MediaError> {
        let answered = catch_unwind(AssertUnwindSafe(|| {
            let sdp = offer.take_sdp()?;
            let answer =
                self.rtc.sdp_api().accept_offer(sdp).map_err(|error| MediaError::AnswerOffer(error.to_string()))?;
            Ok(answer.to_sdp_string())
        }));
        let answered = answered.unwrap_or_else(|_| {
            tracing::warn!(session = self.id.0, "the engine panicked on an offer; its session is over");
            self.is_over = true;
            Err(MediaError::AnswerOffer("it is beyond this server".to_owned()))
        });
        if let Ok(answer) = &answered {
            // The engine tells of m-lines only when SRTP is up; what was agreed on is known now.
            let mids = answer.lines().filter_map(|line| line.strip_prefix("a=mid:")).map(Mid::from);
            let lines = mids.filter_map(|mid| {
                let (media, direction) = self.rtc.media(mid).map(|media| (media, media.direction()))?;
                let is_video = media.kind() == MediaKind::Video;
                Some(Line { mid, is_video, incoming: direction.is_receiving(), outgoing: direction.is_sending() })
            });
            self.lines = lines.collect();
            self.agree(offer);
        }
        // An answer names nothing that the offer does not.
        let parity: Vec<_> = self.parity.iter().filter(|types| types.is_offered).copied().collect();
        answered.map(|answer| answer::complete(&answer, &self.red, &parity))
    }

    pub(crate) fn is_downlink(&self) -> bool {
        self.is_downlink
    }

    /// The m-lines negotiated so far, in the order of the offer.
    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }

    pub(crate) fn add_candidate(
        &mut self,
        now: Instant,
        candidate: &str,
        drained: &mut Drained<'_>,
    ) -> Result<(), MediaError> {
        let candidate = Candidate::from_sdp_string(candidate).map_err(|_| MediaError::ReadCandidate)?;
        if self.trickled == TRICKLED {
            return Err(MediaError::TooManyCandidates);
        }
        self.trickled += 1;
        self.guard(|session| {
            session.rtc.add_remote_candidate(candidate);
            Ok(())
        });
        self.advance(now, drained);
        Ok(())
    }

    pub(crate) fn receive(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        drained: &mut Drained<'_>,
    ) -> Result<(), DropReason> {
        let protocol = match datagram.protocol {
            Protocol::Udp => EngineProtocol::Udp,
            Protocol::Tcp => EngineProtocol::Tcp,
        };
        let receive = Receive::new(protocol, datagram.source, datagram.destination, datagram.bytes)
            .map_err(|_| DropReason::Malformed)?;
        self.nomination.check(now, datagram);
        let worked = self
            .guard(|session| session.rtc.handle_input(Input::Receive(now, receive)).map_err(|error| error.to_string()));
        self.drain(drained);
        self.keys = dtls::take_keys().or(self.keys.take());
        if worked { Ok(()) } else { Err(DropReason::Broken) }
    }

    /// Lets time pass, and lets out what was written.
    pub(crate) fn advance(&mut self, now: Instant, drained: &mut Drained<'_>) {
        self.guard(|session| session.rtc.handle_input(Input::Timeout(now)).map_err(|error| error.to_string()));
        self.drain(drained);
    }

    /// Ends the session: says goodbye to the peer.
    pub(crate) fn close(&mut self, now: Instant, drained: &mut Drained<'_>) {
        self.guard(|session| session.rtc.close().map_err(|error| error.to_string()));
        self.advance(now, drained);
        self.is_over = true;
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        if self.is_over { None } else { self.deadline }
    }

    /// Asks the peer for a keyframe of the stream with this SSRC: a line may have had others. It leaves with the next
    /// [`Session::advance`].
    pub(crate) fn ask_keyframe(&mut self, ssrc: u32) {
        if let Some(stream) = self.rtc.direct_api().stream_rx(&ssrc.into()) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    /// The outgoing stream of a line; none if there is none.
    pub(crate) fn stream(&mut self, line: &Line, epoch: Instant) -> Option<Stream> {
        let (ssrc, resend) = {
            let mut api = self.rtc.direct_api();
            let tx = api.stream_tx_by_mid(line.mid, None)?;
            (*tx.ssrc(), tx.rtx().map(|ssrc| *ssrc))
        };
        let extensions = self.rtc.media(line.mid)?.remote_extmap();
        let mut stream = Stream::new(epoch, ssrc, resend, line.mid, line.is_video, extensions);
        self.let_protect(line.mid, &mut stream);
        Some(stream)
    }

    /// The name that all streams to this peer have in common.
    pub(crate) fn cname(&self) -> &str {
        self.lines.iter().find_map(|line| self.rtc.media(line.mid)).map_or("", |media| media.cname())
    }

    /// The SRTP keys, once, as soon as they are known; a downlink's only.
    pub(crate) fn take_keys(&mut self) -> Option<Keys> {
        self.keys.take()
    }

    /// Where the peer wants what is sent to it.
    pub(crate) fn path(&self) -> Option<Path> {
        self.nomination.path()
    }

    /// Does something to the engine. An error or a panic of the engine ends this session and no other.
    fn guard(&mut self, act: impl FnOnce(&mut Self) -> Result<(), String>) -> bool {
        if self.is_over {
            return false;
        }
        let failure = match catch_unwind(AssertUnwindSafe(|| act(self))) {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => error,
            Err(_) => "the engine panicked".to_owned(),
        };
        tracing::warn!(session = self.id.0, failure, "session broken");
        self.is_over = true;
        false
    }

    fn drain(&mut self, drained: &mut Drained<'_>) {
        if self.is_over {
            drained.events.push((self.id, SessionEvent::Over));
            return;
        }
        let worked = self.guard(|session| {
            loop {
                match session.rtc.poll_output().map_err(|error| error.to_string())? {
                    Output::Timeout(at) => {
                        session.deadline = Some(at);
                        return Ok(());
                    }
                    Output::Transmit(transmit) => session.transmit(&transmit, drained),
                    Output::Event(event) => session.tell(event, drained),
                }
            }
        });
        if !worked || !self.rtc.is_alive() {
            self.is_over = true;
            drained.events.push((self.id, SessionEvent::Over));
        }
    }

    fn transmit(&mut self, transmit: &str0m::net::Transmit, drained: &mut Drained<'_>) {
        if self.nomination.answer(&transmit.contents) && self.is_downlink {
            drained.events.push((self.id, SessionEvent::Moved));
        }
        if is_srtp(&transmit.contents) && self.is_downlink {
            return;
        }
        let protocol = if transmit.proto == EngineProtocol::Udp { Protocol::Udp } else { Protocol::Tcp };
        let path = Path { protocol, source: transmit.source, destination: transmit.destination };
        if is_srtp(&transmit.contents) {
            // The engine does not know of a publisher's new port.
            drained.departures.push(self.id, self.nomination.path().unwrap_or(path), &transmit.contents);
            return;
        }
        let reached = (protocol, transmit.destination);
        if self.reached != Some(reached) {
            self.reached = Some(reached);
            drained.ways.push((self.id, Way::Address(protocol, transmit.destination)));
        }
        drained.departures.push(self.id, path, &transmit.contents);
    }

    fn tell(&mut self, event: Event, drained: &mut Drained<'_>) {
        let told = match event {
            // An ICE-lite agent is never `Connected`: a pair that works and is nominated completes it.
            Event::Connected
            | Event::IceConnectionStateChange(IceConnectionState::Connected | IceConnectionState::Completed) => {
                // ICE comes first; only DTLS makes a session.
                if !self.rtc.is_connected() {
                    return;
                }
                SessionEvent::Connected
            }
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) => SessionEvent::Disconnected,
            Event::Closed => SessionEvent::Over,
            Event::MediaAdded(added) => {
                self.direct(added.mid, added.direction);
                return;
            }
            Event::MediaChanged(changed) => {
                self.direct(changed.mid, changed.direction);
                return;
            }
            Event::RtpPacket(packet) => {
                let ssrc = packet.header.ssrc;
                let Some(stream) = self.rtc.direct_api().stream_rx(&ssrc).map(|rx| (rx.mid(), rx.rid())) else {
                    return;
                };
                SessionEvent::Packet(stream.0, stream.1, packet.header.payload_type, event::incoming(packet))
            }
            Event::SenderFeedback(feedback) => SessionEvent::Report {
                mid: feedback.mid,
                rid: feedback.rid,
                arrived: feedback.received_at,
                since_1970: feedback
                    .sender_info
                    .ntp_time
                    .duration_since(SystemTime::UNIX_EPOCH)
                    .unwrap_or(Duration::ZERO),
                rtp_ticks: feedback.sender_info.rtp_time.numer() as u32,
            },
            Event::MediaIngressStats(stats) => SessionEvent::Incoming(Box::new(stats)),
            _ => return,
        };
        drained.events.push((self.id, told));
    }

    fn direct(&mut self, mid: Mid, direction: Direction) {
        if let Some(line) = self.lines.iter_mut().find(|line| line.mid == mid) {
            line.incoming = direction.is_receiving();
            line.outgoing = direction.is_sending();
        }
    }
}

/// True for SRTP and SRTCP, by the first byte (RFC 7983 section 7).
pub(crate) fn is_srtp(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(128..=191))
}
