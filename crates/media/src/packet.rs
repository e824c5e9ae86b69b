//! One RTP packet as the router keeps it: opened once, shared by every viewer, never edited.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::descriptor::Descriptor;

/// An RTP packet as its sender numbered it.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// Its sender's SSRC, also of one that came as a retransmission.
    pub(crate) ssrc: u32,
    /// Extended sequence number.
    pub(crate) sequence: u64,
    /// RTP timestamp.
    pub(crate) rtp_ticks: u32,
    /// The marker bit.
    pub(crate) marker: bool,
    /// Audio level, 0 the loudest, -127 silence (RFC 6464).
    pub(crate) audio_level: Option<i8>,
    /// When its sender says that it was captured, by its own clock, since 1970 (abs-capture-time).
    pub(crate) captured: Option<Duration>,
    /// What it says of its frame and of those that it needs.
    pub(crate) descriptor: Option<Descriptor>,
    /// The payload, without header.
    pub(crate) payload: Arc<[u8]>,
}

/// An RTP packet of one layer of one track.
#[derive(Debug, Clone)]
pub struct Packet {
    /// Extended sequence number in the layer's own count: that of its sender, plus one for each packet put in by us.
    pub sequence: u64,
    /// RTP timestamp as it came.
    pub rtp_ticks: u32,
    /// The marker bit: the last packet of a frame.
    pub marker: bool,
    /// True if a keyframe, or its parameter sets, begins here.
    pub begins_keyframe: bool,
    /// Its frame's spatial layer: 0 is the smallest picture, of which the others are made.
    pub spatial_layer: u8,
    /// Its frame's temporal layer: 0 is the one that all others need.
    pub temporal_layer: u8,
    /// What it says of its frame and of those that it needs; of AV1 only.
    pub descriptor: Option<Descriptor>,
    /// The payload, without header.
    pub payload: Arc<[u8]>,
    /// When it came.
    pub arrived_at: Instant,
    /// When the frame was captured, on our clock: from the sender where it can be believed, else the arrival.
    pub captured_at: Instant,
    /// The same as NTP time, 32.32 (RFC 5905), as viewers are told.
    pub captured_ntp: u64,
    /// Audio level, 0 the loudest, -127 silence (RFC 6464).
    pub audio_level: Option<i8>,
}

/// True if RTP timestamp `a` comes before `b`, wrap considered.
pub(crate) fn ticks_before(a: u32, b: u32) -> bool {
    a != b && b.wrapping_sub(a) < 1 << 31
}

#[cfg(test)]
impl Packet {
    /// A packet of 100 bytes whose frame is captured as it comes.
    pub(crate) fn example(now: Instant, sequence: u64, rtp_ticks: u32, begins_keyframe: bool) -> Self {
        Self {
            sequence,
            rtp_ticks,
            marker: true,
            begins_keyframe,
            spatial_layer: 0,
            temporal_layer: 0,
            descriptor: None,
            payload: vec![0; 100].into(),
            arrived_at: now,
            captured_at: now,
            captured_ntp: 0,
            audio_level: None,
        }
    }
}
