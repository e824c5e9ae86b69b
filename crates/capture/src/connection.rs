//! One WebRTC connection to the server: what both the publisher and the player are made of.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rtc::ice::mdns::MulticastDnsMode;
use rtc::ice::network_type::NetworkType;
use rtc::interceptor::Slot;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_OPUS, MIME_TYPE_RTX};
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use tokio::sync::{mpsc, watch};
use webrtc::error::Result as WebrtcResult;
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceCandidateInit,
    RTCIceGatheringState, RTCPeerConnectionState, RTCSessionDescription, Registry, SettingEngineBuilder,
    register_default_interceptors,
};

use crate::keyframe::{KeyframeForwarder, LAST_SLOT};
use crate::session::Session;
use crate::{Error, Target, Transport};

pub(crate) const AUDIO_LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
pub(crate) const ABS_CAPTURE_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";
pub(crate) const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";

/// The server is to be missed within seconds, not within the half minute of the defaults: after 2 s without an answer
/// the connection counts as disturbed, after 3 s as lost.
const DISTURBED_AFTER: Duration = Duration::from_secs(2);
const LOST_AFTER: Duration = Duration::from_secs(1);
const KEEPALIVE: Duration = Duration::from_millis(500);
/// The crate's own 200 ms between checks make two fifths of a second before the first packet; the server is near.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);
const CHECKS_PER_CANDIDATE: u16 = 250;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a connection is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionState {
    /// Being made.
    Connecting,
    /// Media flows.
    Connected,
    /// The server has been silent for a while; it may come back.
    Disturbed,
    /// Over: make another one.
    Lost,
}

/// A peer connection that is closed when it is dropped. The crate's own is not: its driver would go on for ever.
pub(crate) struct Connection {
    pub(crate) peer: Arc<dyn PeerConnection>,
    state: watch::Receiver<ConnectionState>,
    gathered: watch::Receiver<bool>,
    transport: Transport,
}

impl Connection {
    /// A connection without any media yet. What the peer sends arrives as tracks.
    pub(crate) async fn new(target: &Target) -> Result<(Self, mpsc::UnboundedReceiver<Arc<dyn TrackRemote>>), Error> {
        let local = target.local_address().await?;
        let (state_out, state) = watch::channel(ConnectionState::Connecting);
        let (gathered_out, gathered) = watch::channel(false);
        // As many as the answer has m-lines, which is two at most.
        let (tracks_out, tracks) = mpsc::unbounded_channel();
        let events = Events { state: state_out, gathered: gathered_out, tracks: tracks_out };
        let peer = build(target.transport, local, events).await.map_err(Error::Negotiate)?;
        Ok((Self { peer, state, gathered, transport: target.transport }, tracks))
    }

    /// Offers what was added, by way of a session on the server. Gives that session and the answer.
    pub(crate) async fn negotiate(&mut self, target: &Target) -> Result<(Session, String), Error> {
        let offer = self.peer.create_offer(None).await.map_err(Error::Negotiate)?;
        self.peer.set_local_description(offer).await.map_err(Error::Negotiate)?;
        self.gathered.wait_for(|gathered| *gathered).await.map_err(|_| Error::Gone)?;
        let offer = self.peer.local_description().await.ok_or(Error::Gone)?;
        let (session, answer) = Session::open(target, offer.sdp).await?;
        let accepted = self.accept(&answer).await;
        if accepted.is_err() {
            // The session on the server would wait for us until it gives up; its own failure to end adds nothing.
            session.close().await.ok();
        }
        accepted.map(|()| (session, answer))
    }

    async fn accept(&mut self, answer: &str) -> Result<(), Error> {
        let description = RTCSessionDescription::answer(answer.to_owned()).map_err(Error::Negotiate)?;
        self.peer.set_remote_description(description).await.map_err(Error::Negotiate)?;
        if self.transport == Transport::Tcp {
            // The crate dials a passive TCP candidate only if it comes by this way, never one inside the answer.
            for candidate in tcp_candidates(answer) {
                let candidate = RTCIceCandidateInit {
                    candidate: candidate.to_owned(),
                    sdp_mline_index: Some(0),
                    ..Default::default()
                };
                self.peer.add_ice_candidate(candidate).await.map_err(Error::Negotiate)?;
            }
        }
        let up = self.state.wait_for(|state| matches!(state, ConnectionState::Connected | ConnectionState::Lost));
        match tokio::time::timeout(CONNECT_TIMEOUT, up).await {
            Ok(Ok(state)) if *state == ConnectionState::Connected => Ok(()),
            _ => Err(Error::Unconnected),
        }
    }

    pub(crate) fn state(&self) -> watch::Receiver<ConnectionState> {
        self.state.clone()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let peer = Arc::clone(&self.peer);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { peer.close().await.ok() });
        }
    }
}

fn tcp_candidates(answer: &str) -> impl Iterator<Item = &str> {
    answer
        .lines()
        .filter_map(|line| line.trim().strip_prefix("a="))
        .filter(|line| line.starts_with("candidate:"))
        .filter(|line| line.split(' ').nth(2).is_some_and(|protocol| protocol.eq_ignore_ascii_case("tcp")))
}

async fn build(transport: Transport, local: IpAddr, events: Events) -> WebrtcResult<Arc<dyn PeerConnection>> {
    let mut media = MediaEngine::default();
    register_media(&mut media)?;
    let interceptors = register_default_interceptors(Registry::new(), &mut media)?
        .with(Slot::from(LAST_SLOT), KeyframeForwarder::default());
    let settings = SettingEngineBuilder::new()
        .with_ice_timeouts(Some(DISTURBED_AFTER), Some(LOST_AFTER), Some(KEEPALIVE))
        .with_ice_connection_attempts(Some(CHECK_INTERVAL), Some(CHECKS_PER_CANDIDATE))
        // The server names its addresses. Asking for `.local` names opens a multicast socket, which fails where there
        // is nothing but loopback.
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .with_include_loopback_candidate(local.is_loopback());
    let concrete = vec![std::net::SocketAddr::from((local, 0)).to_string()];
    // On UDP every interface is offered, so that a second network can carry on; a loopback server needs loopback.
    let anywhere = if local.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let builder = PeerConnectionBuilder::new()
        .with_media_engine(media)
        .with_interceptor_registry(interceptors)
        .with_handler(Arc::new(events));
    let peer = match transport {
        Transport::Udp => {
            let addresses = if local.is_loopback() { concrete } else { vec![anywhere.to_owned()] };
            builder.with_setting_engine(settings.build()).with_udp_addrs(addresses).build().await?
        }
        Transport::Tcp => {
            let kind = if local.is_ipv4() { NetworkType::Tcp4 } else { NetworkType::Tcp6 };
            let settings = settings.with_network_types(vec![kind]).build();
            builder.with_setting_engine(settings).with_udp_addrs(vec![]).with_tcp_addrs(concrete).build().await?
        }
    };
    Ok(Arc::new(peer))
}

/// Payload types are ours to choose, for we offer.
const H264_PAYLOAD_TYPE: u8 = 102;
const RTX_PAYLOAD_TYPE: u8 = 103;
const OPUS_PAYLOAD_TYPE: u8 = 111;

/// H.264 constrained baseline with retransmission, Opus, and nothing else: a box sends what it encodes.
fn register_media(media: &mut MediaEngine) -> WebrtcResult<()> {
    let feedback = [("nack", ""), ("nack", "pli"), ("ccm", "fir")]
        .map(|(kind, parameter)| RTCPFeedback { typ: kind.to_owned(), parameter: parameter.to_owned() });
    let video = RTCRtpCodec { rtcp_feedback: feedback.to_vec(), ..h264() };
    let rtx = RTCRtpCodec {
        mime_type: MIME_TYPE_RTX.to_owned(),
        clock_rate: VIDEO_RATE_HZ,
        sdp_fmtp_line: format!("apt={H264_PAYLOAD_TYPE}"),
        ..Default::default()
    };
    for (rtp_codec, payload_type, kind) in [
        (video, H264_PAYLOAD_TYPE, RtpCodecKind::Video),
        (rtx, RTX_PAYLOAD_TYPE, RtpCodecKind::Video),
        (opus(), OPUS_PAYLOAD_TYPE, RtpCodecKind::Audio),
    ] {
        media.register_codec(RTCRtpCodecParameters { rtp_codec, payload_type }, kind)?;
    }
    for (kind, uris) in [
        (RtpCodecKind::Video, &[MID, ABS_CAPTURE_TIME][..]),
        (RtpCodecKind::Audio, &[MID, ABS_CAPTURE_TIME, AUDIO_LEVEL]),
    ] {
        for uri in uris {
            media.register_header_extension(RTCRtpHeaderExtensionCapability { uri: (*uri).to_owned() }, kind, None)?;
        }
    }
    Ok(())
}

/// The RTP clock of video (RFC 6184 section 5.1).
pub(crate) const VIDEO_RATE_HZ: u32 = 90_000;

pub(crate) fn h264() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_H264.to_owned(),
        clock_rate: VIDEO_RATE_HZ,
        sdp_fmtp_line: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f".to_owned(),
        ..Default::default()
    }
}

pub(crate) fn opus() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: codec::opus::SAMPLE_RATE_HZ,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        ..Default::default()
    }
}

/// What the peer connection tells, turned into values that can be waited for.
struct Events {
    state: watch::Sender<ConnectionState>,
    gathered: watch::Sender<bool>,
    tracks: mpsc::UnboundedSender<Arc<dyn TrackRemote>>,
}

#[async_trait]
impl PeerConnectionEventHandler for Events {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.send_replace(true);
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        let state = match state {
            RTCPeerConnectionState::Connected => ConnectionState::Connected,
            RTCPeerConnectionState::Disconnected => ConnectionState::Disturbed,
            RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed => ConnectionState::Lost,
            _ => ConnectionState::Connecting,
        };
        self.state.send_if_modified(|now| {
            // Whatever the crate says after the end, it is the end.
            let changes = *now != state && *now != ConnectionState::Lost;
            if changes {
                *now = state;
            }
            changes
        });
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        // Nobody waits for tracks once the player is gone.
        self.tracks.send(track).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tcp_candidates_are_found_in_an_answer() {
        let answer = "v=0\r\na=candidate:1 1 udp 1 10.0.0.1 7881 typ host\r\n\
                      a=candidate:2 1 TCP 1 10.0.0.1 7881 typ host tcptype passive\r\n";
        assert_eq!(
            tcp_candidates(answer).collect::<Vec<_>>(),
            ["candidate:2 1 TCP 1 10.0.0.1 7881 typ host tcptype passive"]
        );
    }
}
