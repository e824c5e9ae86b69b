//! One feed, and perhaps a voice, on their way to the server.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rtc::media_stream::MediaStreamTrack;
use rtc::rtp::Packet;
use rtc::rtp::codec::h264::H264Payloader;
use rtc::rtp::header::Header;
use rtc::rtp::packetizer::Payloader;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RTCRtpRtxParameters, RtpCodecKind,
};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use tokio::sync::watch;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_local::{TrackLocal, TrackLocalEvent};
use webrtc::rtp_transceiver::RtpTransceiver;

use crate::clock::rtp_ticks;
use crate::connection::{ABS_CAPTURE_TIME, AUDIO_LEVEL, Connection, ConnectionState, MID, VIDEO_RATE_HZ, h264, opus};
use crate::session::Session;
use crate::{CaptureClock, Error, Target};

/// Payload of one RTP packet: leaves room for headers, extensions and SRTP in 1280 bytes, IPv6's smallest MTU.
const PAYLOAD_BYTES: usize = 1180;

/// One coded picture, cut into RTP payloads. Cutting once is cheaper than once per round of a loop.
#[derive(Debug, Clone)]
pub struct VideoFrame {
    payloads: Vec<Bytes>,
}

impl VideoFrame {
    /// Cuts an access unit (Annex B) by RFC 6184: FU-A for what is long, STAP-A for the parameter sets.
    pub fn new(annex_b: impl Into<Bytes>) -> Result<Self, Error> {
        let payloads = H264Payloader::default().payload(PAYLOAD_BYTES, &annex_b.into()).map_err(Error::Packetize)?;
        Ok(Self { payloads })
    }
}

/// One Opus packet and how loud it is.
#[derive(Debug, Clone)]
pub struct VoicePacket {
    /// The packet.
    pub opus: Bytes,
    /// Its level, 0 the loudest, -127 silence (RFC 6464).
    pub level_dbov: i8,
}

/// What goes with the payload of one RTP packet.
#[derive(Debug, Clone, Copy, Default)]
struct Extra {
    capture_ntp: Option<u64>,
    level_dbov: Option<i8>,
}

/// A WHIP session: connected from the moment it exists until it is closed, dropped or lost.
///
/// It answers no keyframe request itself; whoever encodes watches [`Publisher::keyframe_requests`].
/// No congestion control and no pacer: the crate's pacer would let the voice queue behind the pictures.
pub struct Publisher {
    session: Session,
    connection: Connection,
    clock: CaptureClock,
    video: Stream,
    voice: Option<Stream>,
    keyframe_requests: watch::Receiver<u64>,
}

impl Publisher {
    /// Connects, with one video track and, if wanted, one audio track. All that is sent is timed by `clock`.
    pub async fn connect(target: &Target, clock: CaptureClock, with_voice: bool) -> Result<Self, Error> {
        let (mut connection, _) = Connection::new(target).await?;
        let video = Offered::new(&connection, RtpCodecKind::Video).await?;
        let voice = if with_voice { Some(Offered::new(&connection, RtpCodecKind::Audio).await?) } else { None };
        let (session, _) = connection.negotiate(target).await?;
        let video = video.accepted().await?;
        let voice = if let Some(voice) = voice { Some(voice.accepted().await?) } else { None };
        let keyframe_requests = count_keyframe_requests(Arc::clone(&video.track));
        Ok(Self { session, connection, clock, video, voice, keyframe_requests })
    }

    /// Sends one picture. Waits while the connection's queue is full.
    pub async fn send_video(&mut self, frame: &VideoFrame, captured: Duration) -> Result<(), Error> {
        let last = frame.payloads.len().saturating_sub(1);
        let ntp = self.clock.ntp(captured);
        for (index, payload) in frame.payloads.iter().enumerate() {
            let extra = Extra { capture_ntp: (index == 0).then_some(ntp), level_dbov: None };
            self.video.send(payload.clone(), captured, index == last, extra).await?;
        }
        Ok(())
    }

    /// Sends one Opus packet.
    pub async fn send_voice(&mut self, packet: &VoicePacket, captured: Duration) -> Result<(), Error> {
        let extra = Extra { capture_ntp: Some(self.clock.ntp(captured)), level_dbov: Some(packet.level_dbov) };
        let voice = self.voice.as_mut().ok_or(Error::NoVoice)?;
        voice.send(packet.opus.clone(), captured, false, extra).await
    }

    /// How many keyframe requests (PLI or FIR) have come; a change means that the next picture should be IDR.
    pub fn keyframe_requests(&self) -> watch::Receiver<u64> {
        self.keyframe_requests.clone()
    }

    /// The state of the connection, to look at or to wait for.
    pub fn state(&self) -> watch::Receiver<ConnectionState> {
        self.connection.state()
    }

    /// Ends the session on the server, then the connection.
    pub async fn close(self) -> Result<(), Error> {
        let ended = self.session.close().await;
        self.connection.peer.close().await.map_err(Error::Negotiate)?;
        ended
    }
}

/// Counts what the peer asks for on one track, until the connection ends.
fn count_keyframe_requests(track: Arc<TrackLocalStaticRTP>) -> watch::Receiver<u64> {
    let (count, requests) = watch::channel(0);
    tokio::spawn(async move {
        // The forwarder lets nothing but keyframe requests through.
        while let Some(TrackLocalEvent::OnRtcpPacket(_)) = track.poll().await {
            count.send_modify(|count| *count += 1);
        }
    });
    requests
}

/// A track that stands in the offer.
struct Offered {
    track: Arc<TrackLocalStaticRTP>,
    transceiver: Arc<dyn RtpTransceiver>,
    kind: RtpCodecKind,
    ssrc: u32,
}

impl Offered {
    async fn new(connection: &Connection, kind: RtpCodecKind) -> Result<Self, Error> {
        let (codec, rtx, name) = match kind {
            RtpCodecKind::Video => (h264(), Some(RTCRtpRtxParameters { ssrc: random() }), "video"),
            _ => (opus(), None, "voice"),
        };
        let ssrc = random();
        let encoding = encoding(codec, ssrc, rtx);
        // One stream name for both tracks: a browser then plays them in step.
        let track = MediaStreamTrack::new("capture".into(), name.into(), name.into(), kind, vec![encoding.clone()]);
        let track = Arc::new(TrackLocalStaticRTP::new(track));
        let init = RTCRtpTransceiverInit {
            direction: RTCRtpTransceiverDirection::Sendonly,
            streams: vec!["capture".into()],
            send_encodings: vec![encoding],
        };
        let transceiver = connection
            .peer
            .add_transceiver_from_track(Arc::clone(&track) as Arc<dyn TrackLocal>, Some(init))
            .await
            .map_err(Error::Negotiate)?;
        Ok(Self { track, transceiver, kind, ssrc })
    }

    /// The track with what the answer made of it.
    async fn accepted(self) -> Result<Stream, Error> {
        let sender = self.transceiver.sender().await.map_err(Error::Negotiate)?.ok_or(Error::Gone)?;
        let parameters = sender.get_parameters().await.map_err(Error::Negotiate)?.rtp_parameters;
        let payload_type = parameters.codecs.first().ok_or(Error::Incomplete("codec that we send"))?.payload_type;
        let extension = |uri: &str| {
            let found = parameters.header_extensions.iter().find(|extension| extension.uri == uri);
            found.and_then(|extension| u8::try_from(extension.id).ok())
        };
        let mid = self.transceiver.mid().await.map_err(Error::Negotiate)?.unwrap_or_default();
        let rate_hz = match self.kind {
            RtpCodecKind::Video => VIDEO_RATE_HZ,
            _ => codec::opus::SAMPLE_RATE_HZ,
        };
        Ok(Stream {
            track: self.track,
            payload_type,
            ssrc: self.ssrc,
            rate_hz,
            first_timestamp: random(),
            next_sequence: random() as u16,
            mid: extension(MID).map(|id| (id, Bytes::from(mid))),
            capture_time: extension(ABS_CAPTURE_TIME),
            audio_level: extension(AUDIO_LEVEL),
        })
    }
}

fn encoding(codec: RTCRtpCodec, ssrc: u32, rtx: Option<RTCRtpRtxParameters>) -> RTCRtpEncodingParameters {
    let rtp_coding_parameters = RTCRtpCodingParameters { ssrc: Some(ssrc), rtx, ..Default::default() };
    RTCRtpEncodingParameters { rtp_coding_parameters, active: true, codec, ..Default::default() }
}

/// Randomness keeps streams apart (RFC 3550 section 8.1); without a source of it, a fixed number does no harm here,
/// for every session is alone in its connection.
fn random() -> u32 {
    getrandom::u32().unwrap_or(0x5eed_f00d)
}

/// One RTP stream of ours: numbers its packets and says when their content was captured.
struct Stream {
    track: Arc<TrackLocalStaticRTP>,
    payload_type: u8,
    ssrc: u32,
    rate_hz: u32,
    first_timestamp: u32,
    next_sequence: u16,
    mid: Option<(u8, Bytes)>,
    capture_time: Option<u8>,
    audio_level: Option<u8>,
}

impl Stream {
    async fn send(&mut self, payload: Bytes, captured: Duration, marker: bool, extra: Extra) -> Result<(), Error> {
        let mut header = Header {
            version: 2,
            marker,
            payload_type: self.payload_type,
            sequence_number: self.next_sequence,
            timestamp: self.first_timestamp.wrapping_add(rtp_ticks(captured, self.rate_hz)),
            ssrc: self.ssrc,
            ..Default::default()
        };
        // The crate fills in none of these by itself.
        if let Some((id, mid)) = &self.mid {
            header.set_extension(*id, mid.clone()).map_err(Error::Packetize)?;
        }
        if let (Some(id), Some(ntp)) = (self.capture_time, extra.capture_ntp) {
            header.set_extension(id, Bytes::copy_from_slice(&ntp.to_be_bytes())).map_err(Error::Packetize)?;
        }
        if let (Some(id), Some(level_dbov)) = (self.audio_level, extra.level_dbov) {
            // The level without its sign, under the bit that says whether it is a voice (RFC 6464 section 3).
            let speaks = if level_dbov > -50 { 0x80 } else { 0 };
            let level = Bytes::from(vec![speaks | level_dbov.unsigned_abs().min(127)]);
            header.set_extension(id, level).map_err(Error::Packetize)?;
        }
        self.next_sequence = self.next_sequence.wrapping_add(1);
        self.track.write_rtp(Packet { header, payload }).await.map_err(|_| Error::Gone)
    }
}
