//! One track of a publisher: a camera with its encoder, or a microphone.

use std::f64::consts::TAU;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use signaling::FeedKind;
use str0m::Rtc;
use str0m::format::Codec as EngineCodec;
use str0m::media::{MediaKind, Mid, Pt, Rid, Simulcast, SimulcastLayer};
use str0m::rtp::{AbsCaptureTime, ExtensionValues, RtpWrite};

use crate::body::{Body, Codec};
use crate::sps::sps;

/// How much a rate varies, and in what time.
const VARIES_BY: f64 = 0.2;
const VARIES_EVERY: Duration = Duration::from_secs(20);

/// One of several qualities that a camera sends side by side, largest first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quality {
    pub(crate) rid: &'static str,
    pub(crate) size: (u16, u16),
    /// Packets of a frame, and bytes of a packet.
    pub(crate) parts: u8,
    pub(crate) bytes: usize,
}

/// What a camera is like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lens {
    /// None for a microphone.
    pub(crate) kind: Option<FeedKind>,
    pub(crate) codec: Codec,
    pub(crate) every: Duration,
    /// Packets of a frame, and bytes of a packet.
    pub(crate) parts: u8,
    pub(crate) bytes: usize,
    /// What its keyframes say of its size; none where they say nothing that can be read.
    pub(crate) size: Option<(u16, u16)>,
    /// Sent side by side instead of all that stands above; none where there is one quality.
    pub(crate) qualities: &'static [Quality],
    /// A keyframe has so many times the packets of another frame.
    pub(crate) keyframe_times: u8,
    /// Its rate goes up and down by a fifth.
    pub(crate) varies: bool,
    /// Frames from one keyframe to the next.
    pub(crate) group: u32,
    pub(crate) first_sequence: u16,
    pub(crate) first_ticks: u32,
    /// Makes a keyframe when it is asked for one.
    pub(crate) is_willing: bool,
    /// Says with every frame when it was captured.
    pub(crate) tells_capture: bool,
}

impl Lens {
    /// H.264, 25 frames a second of three packets, a keyframe every two seconds.
    pub(crate) const fn of(kind: FeedKind) -> Self {
        Self {
            kind: Some(kind),
            codec: Codec::H264,
            every: Duration::from_millis(40),
            parts: 3,
            bytes: 100,
            size: None,
            qualities: &[],
            keyframe_times: 1,
            varies: false,
            group: 50,
            first_sequence: 1000,
            first_ticks: 90_000,
            is_willing: true,
            tells_capture: false,
        }
    }

    /// Opus, a packet every 60 ms.
    pub(crate) const MICROPHONE: Self = Self {
        kind: None,
        codec: Codec::Opus,
        every: Duration::from_millis(60),
        parts: 1,
        bytes: 60,
        group: 1,
        ..Self::of(FeedKind::Face)
    };

    /// The encoder of a frame takes this long: the frame is as old when it leaves.
    pub(crate) const ENCODING: Duration = Duration::from_millis(12);

    /// The m-line that it is offered on.
    pub(crate) fn line(&self) -> (MediaKind, Option<Simulcast>) {
        let mut simulcast = Simulcast::new();
        self.qualities.iter().for_each(|quality| simulcast.add_send_layer(SimulcastLayer::new(quality.rid)));
        let kind = if self.kind.is_some() { MediaKind::Video } else { MediaKind::Audio };
        (kind, (!self.qualities.is_empty()).then_some(simulcast))
    }

    /// What of a packet's bytes there are after so long, for the source with this number.
    fn varied(&self, bytes: usize, since_began: Duration, source: u16) -> usize {
        if !self.varies {
            return bytes;
        }
        let turns = since_began.div_duration_f64(VARIES_EVERY) + f64::from(source) * 0.37;
        (bytes as f64 * (1.0 + VARIES_BY * (TAU * turns).sin())) as usize
    }

    fn clock_rate_hz(&self) -> u64 {
        if self.codec == Codec::Opus { 48_000 } else { 90_000 }
    }
}

/// One stream of a camera.
#[derive(Debug)]
pub(crate) struct Sending {
    quality: Quality,
    sps: Vec<u8>,
    sequence: u64,
}

impl Sending {
    fn of(lens: &Lens) -> Vec<Self> {
        let sequence = u64::from(lens.first_sequence);
        let small = |(width, height): (u16, u16)| sps(width.into(), height.into());
        let sending = |quality: &Quality| Self { quality: *quality, sps: small(quality.size), sequence };
        if !lens.qualities.is_empty() {
            return lens.qualities.iter().map(sending).collect();
        }
        let quality = Quality { rid: "", size: (0, 0), parts: lens.parts, bytes: lens.bytes };
        vec![Self { quality, sps: lens.size.map_or(vec![0x67, 1], small), sequence }]
    }

    /// What its stream is called in simulcast.
    pub(crate) fn rid(&self) -> Option<Rid> {
        (!self.quality.rid.is_empty()).then(|| Rid::from(self.quality.rid))
    }
}

/// A camera that films.
#[derive(Debug)]
pub(crate) struct Camera {
    pub(crate) lens: Lens,
    pub(crate) source: u16,
    pub(crate) mid: Mid,
    /// When it sends its next frame; none while it is off.
    pub(crate) due: Option<Instant>,
    pub(crate) frame: u32,
    /// When the requests for a keyframe left the server.
    pub(crate) asked_at: Vec<Instant>,
    /// When its keyframes left, since the simulation began.
    pub(crate) keyframes_at: Vec<Duration>,
    pub(crate) sendings: Vec<Sending>,
    is_wanted: bool,
    /// Its own clock when it was made.
    began: Instant,
}

impl Camera {
    pub(crate) fn new(lens: Lens, source: u16, mid: Mid, began: Instant) -> Self {
        Self {
            lens,
            source,
            mid,
            due: None,
            frame: 0,
            asked_at: Vec::new(),
            keyframes_at: Vec::new(),
            sendings: Sending::of(&lens),
            is_wanted: false,
            began,
        }
    }

    /// A keyframe request came that left the server then. False if the network has only doubled it.
    pub(crate) fn ask(&mut self, sent_at: Instant) -> bool {
        self.is_wanted |= self.lens.is_willing;
        let is_new = !self.asked_at.contains(&sent_at);
        if is_new {
            self.asked_at.push(sent_at);
            self.asked_at.sort_unstable();
        }
        is_new
    }

    /// Its encoder begins anew, with a keyframe and so many numbers back.
    pub(crate) fn begin_anew(&mut self, back: u64) {
        self.sendings.iter_mut().for_each(|it| it.sequence = it.sequence.saturating_sub(back) & 0xffff);
        self.is_wanted = true;
    }

    /// It leaves out so many numbers.
    pub(crate) fn jump(&mut self, ahead: u64) {
        self.sendings.iter_mut().for_each(|sending| sending.sequence += ahead);
    }

    /// Sends one frame that was captured a moment ago, by the publisher's clock and by the true one.
    pub(crate) fn film(&mut self, rtc: &mut Rtc, local: Instant, since_began: Duration) {
        let captured = local - Lens::ENCODING;
        let lens = self.lens;
        let is_keyframe = self.frame.is_multiple_of(lens.group) || std::mem::take(&mut self.is_wanted);
        self.keyframes_at.extend(is_keyframe.then_some(since_began));
        let since_us = captured.saturating_duration_since(self.began).as_micros() as u64;
        let ticks = lens.first_ticks.wrapping_add((since_us * lens.clock_rate_hz() / 1_000_000) as u32);
        let pt = payload_type(rtc, self.mid, lens.codec);
        let frame = self.frame;
        for Sending { quality, sps, sequence } in &mut self.sendings {
            let bytes = lens.varied(quality.bytes, since_began, self.source);
            let parts = quality.parts * if is_keyframe { lens.keyframe_times } else { 1 };
            for part in 0..parts {
                let body = Body {
                    source: self.source,
                    frame,
                    part,
                    parts,
                    is_keyframe,
                    captured_us: since_began.saturating_sub(Lens::ENCODING).as_micros() as u64,
                };
                let audio_level = lens.kind.is_none().then_some(-30);
                let mut values = ExtensionValues { audio_level, ..Default::default() };
                if lens.tells_capture {
                    let capture_time = wall(captured);
                    values.abs_capture_time = Some(AbsCaptureTime { capture_time, clock_offset: None });
                }
                let payload = body.payload(lens.codec, bytes, sps);
                let write = RtpWrite::new(pt, (*sequence).into(), ticks, captured, payload)
                    .marker(part + 1 == parts)
                    .nackable(lens.kind.is_some())
                    .ext_vals(values);
                let rid = (!quality.rid.is_empty()).then(|| Rid::from(quality.rid));
                let mut api = rtc.direct_api();
                api.stream_tx_by_mid(self.mid, rid).expect("a line that sends").write_rtp(write);
                *sequence += 1;
            }
        }
        self.frame += 1;
    }
}

/// The wall clock that goes with a publisher's local clock: to the microsecond that of the engine's reports.
fn wall(local: Instant) -> SystemTime {
    static SAME_MOMENT: LazyLock<(Instant, SystemTime)> = LazyLock::new(|| (Instant::now(), SystemTime::now()));
    let (instant, time) = *SAME_MOMENT;
    match local.checked_duration_since(instant) {
        Some(after) => time + after,
        None => time - instant.duration_since(local),
    }
}

fn payload_type(rtc: &Rtc, mid: Mid, codec: Codec) -> Pt {
    let wanted = match codec {
        Codec::H264 => EngineCodec::H264,
        Codec::Vp8 => EngineCodec::Vp8,
        Codec::Opus => EngineCodec::Opus,
    };
    let agreed = rtc.media(mid).expect("an agreed line").remote_pts();
    let mut params = rtc.codec_config().params().iter();
    let fits = |params: &&str0m::format::PayloadParams| params.spec().codec == wanted && agreed.contains(&params.pt());
    params.find(fits).expect("a codec that both know").pt()
}
