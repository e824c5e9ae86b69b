//! A server in a hundred lines: answers one publisher after the other, passes its packets on to one player after the
//! other. It shares no code with what it tests but the `webrtc` crate below both.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{delete, post};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::MediaEngine;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp::Packet;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodingParameters, RTCRtpEncodingParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use tokio::sync::{Mutex, broadcast, watch};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState, RTCPeerConnectionState,
    RTCSessionDescription, Registry, SettingEngineBuilder, register_default_interceptors,
};

const TOKEN: &str = "Bearer a-token";
const CAPTURE_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";

pub(crate) struct Relay {
    pub(crate) url: String,
    shared: Arc<Shared>,
    server: tokio::task::JoinHandle<()>,
}

pub(crate) struct Shared {
    packets: broadcast::Sender<(RtpCodecKind, Packet)>,
    publishers: Mutex<Vec<Arc<dyn PeerConnection>>>,
    video: Mutex<Option<Arc<dyn TrackRemote>>>,
    deleted: watch::Sender<u32>,
    over_tcp: bool,
}

impl Relay {
    pub(crate) async fn start(over_tcp: bool) -> Self {
        let shared = Arc::new(Shared {
            packets: broadcast::channel(4096).0,
            publishers: Mutex::default(),
            video: Mutex::default(),
            deleted: watch::channel(0).0,
            over_tcp,
        });
        let router = Router::new()
            .route("/whip/room", post(whip))
            .route("/whep/room", post(whep))
            .route("/session", delete(end))
            .with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared, server }
    }

    /// Ends all publishers without a word over HTTP, as a server that dies does.
    pub(crate) async fn drop_publishers(&self) {
        for peer in self.shared.publishers.lock().await.drain(..) {
            peer.close().await.unwrap();
        }
    }

    pub(crate) async fn request_keyframe(&self) {
        let track = self.shared.video.lock().await.clone().unwrap();
        let media_ssrc = track.ssrcs().await[0];
        track.write_rtcp(vec![Box::new(PictureLossIndication { sender_ssrc: 1, media_ssrc })]).await.unwrap();
    }

    pub(crate) async fn has_video(&self) -> bool {
        self.shared.video.lock().await.is_some()
    }

    pub(crate) async fn deleted(&self, count: u32) {
        self.shared.deleted.subscribe().wait_for(|deleted| *deleted >= count).await.unwrap();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.server.abort();
    }
}

type Answer = Result<(StatusCode, [(header::HeaderName, &'static str); 2], String), (StatusCode, &'static str)>;

fn entitled(headers: &HeaderMap) -> Result<(), (StatusCode, &'static str)> {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    (token == Some(TOKEN)).then_some(()).ok_or((StatusCode::UNAUTHORIZED, r#"{"code":"bad_token"}"#))
}

async fn whip(State(shared): State<Arc<Shared>>, headers: HeaderMap, offer: String) -> Answer {
    entitled(&headers)?;
    let (peer, answer) = answer(&shared, offer, &[]).await;
    shared.publishers.lock().await.push(peer);
    Ok((StatusCode::CREATED, [(header::LOCATION, "/session"), (header::CONTENT_TYPE, "application/sdp")], answer))
}

async fn whep(State(shared): State<Arc<Shared>>, headers: HeaderMap, offer: String) -> Answer {
    entitled(&headers)?;
    let tracks =
        [(RtpCodecKind::Video, 11), (RtpCodecKind::Audio, 12)].map(|(kind, ssrc)| (kind, ssrc, track(kind, ssrc)));
    let (peer, answer) = answer(&shared, offer, &tracks).await;
    let mut packets = shared.packets.subscribe();
    tokio::spawn(async move {
        let _alive = peer;
        while let Ok((kind, mut packet)) = packets.recv().await {
            let (_, ssrc, track) = tracks.iter().find(|(of, ..)| *of == kind).unwrap();
            packet.header.ssrc = *ssrc;
            // Before the connection is up nobody listens yet.
            track.write_rtp(packet).await.ok();
        }
    });
    Ok((StatusCode::CREATED, [(header::LOCATION, "/session"), (header::CONTENT_TYPE, "application/sdp")], answer))
}

async fn end(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> impl IntoResponse {
    shared.deleted.send_modify(|deleted| *deleted += u32::from(entitled(&headers).is_ok()));
    StatusCode::OK
}

fn track(kind: RtpCodecKind, ssrc: u32) -> Arc<TrackLocalStaticRTP> {
    let codec = rtc::rtp_transceiver::rtp_sender::RTCRtpCodec {
        mime_type: if kind == RtpCodecKind::Video { "video/H264" } else { "audio/opus" }.to_owned(),
        clock_rate: if kind == RtpCodecKind::Video { 90_000 } else { 48_000 },
        channels: if kind == RtpCodecKind::Video { 0 } else { 2 },
        sdp_fmtp_line: if kind == RtpCodecKind::Video {
            "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f".to_owned()
        } else {
            "minptime=10;useinbandfec=1".to_owned()
        },
        ..Default::default()
    };
    let rtp_coding_parameters = RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() };
    let encoding = RTCRtpEncodingParameters { rtp_coding_parameters, active: true, codec, ..Default::default() };
    Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
        "relay".into(),
        format!("{ssrc}"),
        "relay".into(),
        kind,
        vec![encoding],
    )))
}

async fn answer(
    shared: &Arc<Shared>,
    offer: String,
    tracks: &[(RtpCodecKind, u32, Arc<TrackLocalStaticRTP>)],
) -> (Arc<dyn PeerConnection>, String) {
    let mut media = MediaEngine::default();
    media.register_default_codecs().unwrap();
    for kind in [RtpCodecKind::Video, RtpCodecKind::Audio] {
        let extension = RTCRtpHeaderExtensionCapability { uri: CAPTURE_TIME.to_owned() };
        media.register_header_extension(extension, kind, None).unwrap();
    }
    let interceptors = register_default_interceptors(Registry::new(), &mut media).unwrap();
    let (gathered_out, mut gathered) = watch::channel(false);
    let events = Events { shared: Arc::clone(shared), gathered: gathered_out };
    let settings = SettingEngineBuilder::new().with_include_loopback_candidate(true);
    let builder = PeerConnectionBuilder::new()
        .with_media_engine(media)
        .with_interceptor_registry(interceptors)
        .with_handler(Arc::new(events));
    let here = vec!["127.0.0.1:0".to_owned()];
    let peer: Arc<dyn PeerConnection> = if shared.over_tcp {
        let settings = settings.with_network_types(vec![rtc::ice::network_type::NetworkType::Tcp4]).build();
        Arc::new(builder.with_setting_engine(settings).with_tcp_addrs(here).build().await.unwrap())
    } else {
        Arc::new(builder.with_setting_engine(settings.build()).with_udp_addrs(here).build().await.unwrap())
    };
    peer.set_remote_description(RTCSessionDescription::offer(offer).unwrap()).await.unwrap();
    for (_, _, track) in tracks {
        peer.add_track(Arc::clone(track) as Arc<dyn TrackLocal>).await.unwrap();
    }
    let answer = peer.create_answer(None).await.unwrap();
    peer.set_local_description(answer).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), gathered.wait_for(|gathered| *gathered)).await.unwrap().unwrap();
    let answer = peer.local_description().await.unwrap().sdp;
    (peer, answer)
}

struct Events {
    shared: Arc<Shared>,
    gathered: watch::Sender<bool>,
}

#[async_trait]
impl PeerConnectionEventHandler for Events {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        self.gathered.send_if_modified(|gathered| {
            *gathered |= state == RTCIceGatheringState::Complete;
            *gathered
        });
    }

    async fn on_connection_state_change(&self, _: RTCPeerConnectionState) {}

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let kind = track.kind().await;
        if kind == RtpCodecKind::Video {
            *self.shared.video.lock().await = Some(Arc::clone(&track));
        }
        let packets = self.shared.packets.clone();
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    // No player at the moment is no error.
                    packets.send((kind, packet)).ok();
                }
            }
        });
    }
}
