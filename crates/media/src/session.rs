//! One peer connection: its ICE, DTLS and SRTP. The engine, str0m, must be drained after everything that is done to
//! it; [`Session::drain`] is the only place that does it, and every way in ends there.

mod event;

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use str0m::change::SdpOffer;
use str0m::format::PayloadParams;
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, MediaTime, Mid, Pt, Rid};
use str0m::net::{Protocol as EngineProtocol, Receive, TcpType};
use str0m::rtp::{AbsCaptureTime, Extension, ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc, RtcConfig};

pub use event::Way;
pub(crate) use event::{Drained, Line, SessionEvent};

use crate::answer;
use crate::dtls::{self, Certificate};
use crate::error::{DropReason, MediaError};
use crate::format::Encoding;
use crate::forward::Place;
use crate::packet::{Incoming, Packet};
use crate::{Datagram, Protocol, SessionId};

/// m-lines in one session: 16 slots, 8 voices, one data channel.
const LINES: usize = 25;
/// Packets kept for retransmission, per slot: a whole replay of a usual group of pictures, 1.2 MB.
const RESEND_PACKETS: usize = 1024;
const RESEND_AGE: Duration = Duration::from_secs(3);
/// Sender reports: twice a second, so that a viewer knows a frame's capture time soon after it joined.
const REPORT_INTERVAL: Duration = Duration::from_millis(500);
const STATS_INTERVAL: Duration = Duration::from_secs(1);

/// One peer connection.
#[derive(Debug)]
pub(crate) struct Session {
    id: SessionId,
    rtc: Rtc,
    lines: Vec<Line>,
    deadline: Option<Instant>,
    reached: Option<(Protocol, SocketAddr)>,
    ufrag: String,
    is_over: bool,
    /// `now` and the time since 1970 at the same moment: the only wall clock.
    epoch: (Instant, Duration),
}

impl Session {
    pub(crate) fn new(
        now: Instant,
        id: SessionId,
        epoch: (Instant, Duration),
        certificate: &Certificate,
        candidates: &[SocketAddr],
    ) -> Self {
        let mut config = RtcConfig::new()
            .set_rtp_mode(true)
            .set_ice_lite(true)
            .set_crypto_provider(dtls::crypto_provider())
            .set_dtls_cert(certificate.dtls_cert())
            .set_stats_interval(Some(STATS_INTERVAL))
            .set_rtcp_report_interval_video(REPORT_INTERVAL)
            .set_rtcp_report_interval_audio(REPORT_INTERVAL)
            // The order is the answer's, and so what a publisher sends that offers several.
            .clear_codecs()
            .enable_opus(true, false)
            .enable_h264(true)
            .enable_av1(true)
            .enable_vp9(true)
            .enable_h265(true)
            .enable_vp8(true);
        config.extension_map().set(5, Extension::PlayoutDelay);
        config.extension_map().set(6, Extension::AbsoluteCaptureTime);
        let mut rtc = config.build(now);
        for address in candidates {
            let udp = Candidate::builder().udp().host(*address).build();
            let tcp = Candidate::builder().tcp().host(*address).tcptype(TcpType::Passive).build();
            for candidate in [udp, tcp].into_iter().flatten() {
                rtc.add_local_candidate(candidate);
            }
        }
        Self { id, rtc, lines: Vec::new(), deadline: None, reached: None, ufrag: String::new(), is_over: false, epoch }
    }

    /// Takes an offer, the first or a later one, and gives the answer. An offer with other ICE credentials than the
    /// one before restarts ICE (RFC 8445 section 2.4).
    pub(crate) fn answer(
        &mut self,
        now: Instant,
        offer: &str,
        drained: &mut Drained<'_>,
    ) -> Result<String, MediaError> {
        let found = offer.lines().filter(|line| line.starts_with("m=")).count();
        if found > LINES {
            return Err(MediaError::TooManyLines { found, limit: LINES });
        }
        let answered = catch_unwind(AssertUnwindSafe(|| {
            let offer = SdpOffer::from_sdp_string(offer).map_err(|error| {
                // The parser's own words hold addresses of memory.
                tracing::debug!(session = self.id.0, %error, "an offer that is no SDP");
                MediaError::AnswerOffer("it is no SDP".to_owned())
            })?;
            let answer =
                self.rtc.sdp_api().accept_offer(offer).map_err(|error| MediaError::AnswerOffer(error.to_string()))?;
            Ok(answer.to_sdp_string())
        }));
        let answered = answered.unwrap_or_else(|_| {
            self.is_over = true;
            Err(MediaError::AnswerOffer("it is beyond this server".to_owned()))
        });
        let ufrag = self.rtc.direct_api().local_ice_credentials().ufrag;
        if ufrag != self.ufrag {
            drained.ways.push((self.id, Way::Ufrag(ufrag.clone())));
            self.ufrag = ufrag;
        }
        if let Ok(answer) = &answered {
            // The engine tells of m-lines only when SRTP is up; what was agreed on is known now.
            let mids = answer.lines().filter_map(|line| line.strip_prefix("a=mid:")).map(Mid::from);
            let lines = mids.filter_map(|mid| {
                let (media, direction) = self.rtc.media(mid).map(|media| (media, media.direction()))?;
                let is_video = media.kind() == MediaKind::Video;
                Some(Line { mid, is_video, incoming: direction.is_receiving(), outgoing: direction.is_sending() })
            });
            self.lines = lines.collect();
        }
        self.advance(now, drained);
        for line in &self.lines {
            if line.is_video
                && line.outgoing
                && let Some(tx) = self.rtc.direct_api().stream_tx_by_mid(line.mid, None)
            {
                tx.set_rtx_cache(RESEND_PACKETS, RESEND_AGE, None);
            }
        }
        answered.map(|answer| answer::complete(&answer))
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
        let worked = self
            .guard(|session| session.rtc.handle_input(Input::Receive(now, receive)).map_err(|error| error.to_string()));
        self.drain(drained);
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

    /// The encoding that a payload type of this session stands for.
    pub(crate) fn encoding(&self, pt: Pt) -> Option<Encoding> {
        Encoding::of(self.params().iter().find(|params| params.pt() == pt)?)
    }

    /// The payload type by which the peer takes this encoding on this line; none if it does not.
    pub(crate) fn payload_type(&self, mid: Mid, encoding: Encoding) -> Option<Pt> {
        encoding.choose(self.params(), self.rtc.media(mid)?.remote_pts())
    }

    fn params(&self) -> &[PayloadParams] {
        self.rtc.codec_config().params()
    }

    /// True if a line came to terms on at least one encoding that this server forwards.
    pub(crate) fn has_encoding(&self, mid: Mid) -> bool {
        let Some(media) = self.rtc.media(mid) else { return false };
        media.remote_pts().iter().any(|pt| self.encoding(*pt).is_some())
    }

    /// Asks the peer for a keyframe. It leaves with the next [`Session::advance`].
    pub(crate) fn ask_keyframe(&mut self, mid: Mid, rid: Option<Rid>) {
        if let Some(stream) = self.rtc.direct_api().stream_rx_by_mid(mid, rid) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    /// Puts a packet into a slot. It leaves with the next [`Session::advance`].
    pub(crate) fn write(&mut self, mid: Mid, pt: Pt, place: Place, packet: &Packet, is_video: bool) {
        let captured = self.epoch.1 + packet.captured_at.saturating_duration_since(self.epoch.0);
        let extensions = ExtensionValues {
            audio_level: packet.audio_level,
            voice_activity: packet.audio_level.map(|level| level > -127),
            // 0 to 0 takes the receiver's smoothing out: 18 ms from glass to glass instead of 53.
            play_delay_min: is_video.then_some(MediaTime::ZERO),
            play_delay_max: is_video.then_some(MediaTime::ZERO),
            abs_capture_time: Some(AbsCaptureTime {
                capture_time: SystemTime::UNIX_EPOCH + captured,
                clock_offset: None,
            }),
            ..ExtensionValues::default()
        };
        let mut payload = packet.payload.clone();
        if let Some(picture) = place.picture {
            picture.apply(Arc::make_mut(&mut payload));
        }
        let write = RtpWrite::new(pt, place.sequence.into(), place.rtp_ticks, packet.captured_at, payload)
            .marker(packet.marker)
            .nackable(is_video)
            .ext_vals(extensions);
        self.guard(|session| {
            if let Some(tx) = session.rtc.direct_api().stream_tx_by_mid(mid, None) {
                tx.write_rtp(write);
            }
            Ok(())
        });
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
        let protocol = if transmit.proto == EngineProtocol::Udp { Protocol::Udp } else { Protocol::Tcp };
        let reached = (protocol, transmit.destination);
        if self.reached != Some(reached) {
            self.reached = Some(reached);
            drained.ways.push((self.id, Way::Address(protocol, transmit.destination)));
        }
        drained.departures.push(self.id, protocol, transmit.source, transmit.destination, &transmit.contents);
    }

    fn tell(&mut self, event: Event, drained: &mut Drained<'_>) {
        let told = match event {
            Event::Connected | Event::IceConnectionStateChange(IceConnectionState::Connected) => {
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
                let incoming = Incoming {
                    sequence: *packet.seq_no,
                    rtp_ticks: packet.header.timestamp,
                    marker: packet.header.marker,
                    audio_level: packet.header.ext_vals.audio_level,
                    payload: packet.payload,
                };
                SessionEvent::Packet(stream.0, stream.1, packet.header.payload_type, incoming)
            }
            Event::KeyframeRequest(request) => SessionEvent::KeyframeWanted(request.mid),
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
            Event::MediaEgressStats(stats) => SessionEvent::Outgoing(Box::new(stats)),
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
