//! One track of a publisher: a camera with its encoder, or a microphone.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use signaling::FeedKind;
use str0m::Rtc;
use str0m::format::Codec as EngineCodec;
use str0m::media::{Mid, Pt};
use str0m::rtp::{AbsCaptureTime, ExtensionValues, RtpWrite};

use crate::body::{Body, Codec};

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

    fn clock_rate_hz(&self) -> u64 {
        if self.codec == Codec::Opus { 48_000 } else { 90_000 }
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
    sequence: u64,
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
            sequence: u64::from(lens.first_sequence),
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
        self.sequence = self.sequence.saturating_sub(back) & 0xffff;
        self.is_wanted = true;
    }

    /// It leaves out so many numbers.
    pub(crate) fn jump(&mut self, ahead: u64) {
        self.sequence += ahead;
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
        for part in 0..lens.parts {
            let body = Body {
                source: self.source,
                frame: self.frame,
                part,
                parts: lens.parts,
                is_keyframe,
                captured_us: since_began.saturating_sub(Lens::ENCODING).as_micros() as u64,
            };
            let mut values = ExtensionValues { audio_level: lens.kind.is_none().then_some(-30), ..Default::default() };
            if lens.tells_capture {
                let capture_time = wall(captured);
                values.abs_capture_time = Some(AbsCaptureTime { capture_time, clock_offset: None });
            }
            let payload = body.payload(lens.codec, lens.bytes);
            let write = RtpWrite::new(pt, self.sequence.into(), ticks, captured, payload)
                .marker(part + 1 == lens.parts)
                .nackable(lens.kind.is_some())
                .ext_vals(values);
            let mut api = rtc.direct_api();
            api.stream_tx_by_mid(self.mid, None).expect("a line that sends").write_rtp(write);
            self.sequence += 1;
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
