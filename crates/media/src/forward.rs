//! One viewer's view of one track after another: sequence numbers and timestamps without a seam.
//!
//! A viewer's slot keeps its SSRC for life. Whatever is put into it continues the numbers of what was there before,
//! so that a switch is, to the viewer, one stream with one more keyframe.
//!
//! What the cache replays at a start is older than what follows it live. Its timestamps are squeezed into the last
//! moments before the newest frame, because receivers pace frames by their timestamps: left as they were, a viewer
//! that joins two seconds into a group of pictures would stay two seconds behind.

use std::time::{Duration, Instant};

use crate::format::Encoding;
use crate::packet::Packet;
use crate::picture::{PictureCount, PictureNumbers};

/// Timestamp distance of two replayed frames: 10 ticks of 90 kHz, so that 60 frames shift a stream by 7 ms at most.
const SQUEEZED_TICKS: u64 = 10;
/// The newest of them is as far from the others as a live frame is, so that a viewer knows it for one.
const NEWEST_TICKS: u64 = 1800;

/// Where a packet goes in the viewer's stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    /// Extended sequence number; the first of a stream is below 65,536 as SRTP's rollover counter requires.
    pub(crate) sequence: u64,
    /// RTP timestamp.
    pub(crate) rtp_ticks: u32,
    /// Other picture numbers for the payload.
    pub(crate) picture: Option<PictureNumbers>,
}

/// The state of one outgoing stream.
#[derive(Debug)]
pub(crate) struct Forward {
    /// Timestamps of the stream count from here, so that they mean capture time whatever feed is shown.
    epoch: Instant,
    clock_rate_hz: u64,
    last_sequence: u64,
    last_ticks: u64,
    source: Option<Source>,
    pictures: PictureCount,
}

/// How the present source's numbers become the stream's.
#[derive(Debug)]
struct Source {
    first_sequence: u64,
    /// Added to the source's sequence number, wrapping.
    sequence_offset: u64,
    newest_in: u32,
    newest_out: u64,
    /// When the frame of these timestamps was captured.
    newest_captured_at: Instant,
    squeezed: Squeezed,
}

/// What of the source was there before it was begun.
#[derive(Debug)]
struct Squeezed {
    /// Its newest packet, and the stream's timestamp of that packet's frame.
    until: u64,
    newest_out: u64,
    /// Frames after the one that was placed last, and that frame's timestamp as it came.
    frames_after: u64,
    last_in: Option<u32>,
}

impl Forward {
    /// A stream in which nothing was sent yet.
    pub(crate) fn new(epoch: Instant, clock_rate_hz: u32) -> Self {
        Self {
            epoch,
            clock_rate_hz: u64::from(clock_rate_hz),
            last_sequence: 0,
            last_ticks: 0,
            source: None,
            pictures: PictureCount::default(),
        }
    }

    /// True while packets of a source pass through.
    pub(crate) fn is_flowing(&self) -> bool {
        self.source.is_some()
    }

    /// Ends the present source: nothing passes until the next [`Forward::start`].
    pub(crate) fn stop(&mut self) {
        self.source = None;
    }

    /// Begins a source with the packet of this sequence number, of a keyframe (any packet for audio). `newest` is
    /// what came of it last, `frames` how many frames it has from the first to the newest.
    pub(crate) fn start(&mut self, first_sequence: u64, newest: &Packet, frames: usize) {
        let frames = frames as u64;
        let newest_out =
            self.ticks_at(newest.captured_at).max(self.last_ticks + SQUEEZED_TICKS * frames + NEWEST_TICKS);
        self.source = Some(Source {
            first_sequence,
            sequence_offset: (self.last_sequence + 1).wrapping_sub(first_sequence),
            newest_in: newest.rtp_ticks,
            newest_out,
            newest_captured_at: newest.captured_at,
            squeezed: Squeezed { until: newest.sequence, newest_out, frames_after: frames, last_in: None },
        });
        self.pictures.restart();
    }

    /// The place of a packet; none if nothing flows or the packet is older than the source's start.
    pub(crate) fn place(&mut self, encoding: Encoding, packet: &Packet) -> Option<Place> {
        let source = self.source.as_mut().filter(|source| packet.sequence >= source.first_sequence)?;
        let sequence = packet.sequence.wrapping_add(source.sequence_offset);
        let ticks = source.ticks(packet);
        self.last_sequence = self.last_sequence.max(sequence);
        self.last_ticks = self.last_ticks.max(ticks);
        Some(Place { sequence, rtp_ticks: ticks as u32, picture: self.pictures.count(encoding, &packet.payload) })
    }

    fn ticks_at(&self, captured_at: Instant) -> u64 {
        let since = captured_at.saturating_duration_since(self.epoch);
        (since.as_micros() as u64).saturating_mul(self.clock_rate_hz) / 1_000_000
    }

    /// The RTP timestamp of a moment; none if nothing flows.
    pub(crate) fn ticks_of(&self, moment: Instant) -> Option<u32> {
        let source = self.source.as_ref()?;
        let ticks = |span: Duration| (span.as_micros() as u64 * self.clock_rate_hz / 1_000_000) as u32;
        let newest = source.newest_out as u32;
        Some(match moment.checked_duration_since(source.newest_captured_at) {
            Some(since) => newest.wrapping_add(ticks(since)),
            None => newest.wrapping_sub(ticks(source.newest_captured_at - moment)),
        })
    }
}

impl Source {
    fn ticks(&mut self, packet: &Packet) -> u64 {
        let squeezed = &mut self.squeezed;
        if packet.sequence <= squeezed.until {
            if squeezed.last_in.replace(packet.rtp_ticks) != Some(packet.rtp_ticks) {
                squeezed.frames_after = squeezed.frames_after.saturating_sub(1);
            }
            let before = SQUEEZED_TICKS * squeezed.frames_after;
            return squeezed.newest_out - if before > 0 { before + NEWEST_TICKS } else { 0 };
        }
        let ahead = packet.rtp_ticks.wrapping_sub(self.newest_in) as i32;
        let ticks = self.newest_out.saturating_add_signed(i64::from(ahead));
        if ahead > 0 {
            self.newest_in = packet.rtp_ticks;
            self.newest_out = ticks;
            self.newest_captured_at = packet.captured_at;
        }
        ticks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const H264: Encoding = Encoding::H264 { packetization_mode: 1, profile_idc: 66 };

    fn packet(epoch: Instant, sequence: u64, frame: u32) -> Packet {
        let captured_at = epoch + Duration::from_millis(u64::from(frame) * 33);
        Packet::example(captured_at, sequence, frame.wrapping_mul(3000).wrapping_sub(3000), false)
    }

    #[test]
    fn a_switch_leaves_no_seam() {
        let epoch = Instant::now();
        let mut forward = Forward::new(epoch, 90_000);
        forward.start(70_000, &packet(epoch, 70_059, 59), 60);
        let mut sent: Vec<Place> = (0..70)
            .map(|frame| forward.place(H264, &packet(epoch, 70_000 + u64::from(frame), frame)).expect("flows"))
            .collect();
        forward.start(55, &packet(epoch, 75, 70), 21);
        sent.extend(
            (50..72).map(|frame| forward.place(H264, &packet(epoch, 5 + u64::from(frame), frame)).expect("flows")),
        );
        for pair in sent.windows(2) {
            assert_eq!(pair[1].sequence, pair[0].sequence + 1);
            assert!(crate::packet::ticks_before(pair[0].rtp_ticks, pair[1].rtp_ticks), "{pair:?}");
        }
        assert!(sent[0].sequence < 65_536, "SRTP's rollover counter begins at 0");
        let newest = &sent[sent.len() - 1];
        assert!(newest.rtp_ticks.abs_diff(71 * 2970) < 4000, "timestamps mean capture time: {newest:?}");
    }

    #[test]
    fn what_is_older_than_the_start_is_left_out() {
        let epoch = Instant::now();
        let mut forward = Forward::new(epoch, 90_000);
        assert_eq!(forward.place(H264, &packet(epoch, 9, 1)), None);
        forward.start(10, &packet(epoch, 10, 2), 1);
        assert_eq!(forward.place(H264, &packet(epoch, 9, 1)), None);
        let late = forward.place(H264, &packet(epoch, 13, 4)).expect("flows").sequence;
        assert_eq!(forward.place(H264, &packet(epoch, 12, 3)).expect("flows").sequence, late - 1);
        forward.stop();
        assert_eq!(forward.place(H264, &packet(epoch, 14, 5)), None);
    }
}
