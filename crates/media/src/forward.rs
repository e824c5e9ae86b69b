//! One viewer's view of one track after another: sequence numbers and timestamps without a seam.
//!
//! A viewer's slot keeps its SSRC for life. Whatever is put into it continues the numbers of what was there before,
//! so that a switch is, to the viewer, one stream with one more keyframe.
//!
//! What the cache replays at a start is older than what follows it live. Its timestamps are squeezed into the last
//! moments before the newest frame, because receivers pace frames by their timestamps: left as they were, a viewer
//! that joins two seconds into a group of pictures would stay two seconds behind.

use std::time::Instant;

use crate::format::Encoding;
use crate::packet::Packet;
use crate::picture::{PictureCount, PicturePatch};

/// Timestamp distance of two replayed frames: 10 ticks of 90 kHz, so that 60 frames shift a stream by 7 ms at most.
const SQUEEZED_TICKS: u64 = 10;

/// Where a packet goes in the viewer's stream.
#[derive(Debug, PartialEq)]
pub(crate) struct Place {
    /// Extended sequence number; the first of a stream is below 65,536 as SRTP's rollover counter requires.
    pub(crate) sequence: u64,
    /// RTP timestamp.
    pub(crate) rtp_ticks: u32,
    /// Other picture numbers for the payload.
    pub(crate) picture: Option<PicturePatch>,
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

    /// Begins a source with its packets from a keyframe on (any packet for audio), in order, without gaps.
    /// Gives each its place.
    pub(crate) fn start<'a>(
        &mut self,
        encoding: Encoding,
        packets: impl ExactSizeIterator<Item = &'a Packet> + Clone,
        frames: usize,
    ) -> Vec<(&'a Packet, Place)> {
        let (Some(first), Some(newest)) = (packets.clone().next(), packets.clone().last()) else { return Vec::new() };
        let squeezed = SQUEEZED_TICKS * frames as u64;
        let newest_out = self.ticks_at(newest.captured_at).max(self.last_ticks + squeezed);
        self.source = Some(Source {
            first_sequence: first.sequence,
            sequence_offset: (self.last_sequence + 1).wrapping_sub(first.sequence),
            newest_in: newest.rtp_ticks,
            newest_out,
        });
        self.pictures.restart();
        let mut places = Vec::with_capacity(packets.len());
        let mut frames_after = frames as u64;
        let mut last_in = None;
        for packet in packets {
            if last_in.replace(packet.rtp_ticks) != Some(packet.rtp_ticks) {
                frames_after = frames_after.saturating_sub(1);
            }
            let ticks = newest_out - SQUEEZED_TICKS * frames_after;
            self.last_ticks = self.last_ticks.max(ticks);
            let sequence = self.sequence(packet.sequence).expect("the packets begin with the source's first");
            places.push((
                packet,
                Place { sequence, rtp_ticks: ticks as u32, picture: self.pictures.patch(encoding, &packet.payload) },
            ));
        }
        places
    }

    /// The place of a live packet; none if nothing flows or the packet is older than the source's start.
    pub(crate) fn place(&mut self, encoding: Encoding, packet: &Packet) -> Option<Place> {
        let sequence = self.sequence(packet.sequence)?;
        let source = self.source.as_mut()?;
        let ahead = packet.rtp_ticks.wrapping_sub(source.newest_in) as i32;
        let ticks = source.newest_out.saturating_add_signed(i64::from(ahead));
        if ahead > 0 {
            source.newest_in = packet.rtp_ticks;
            source.newest_out = ticks;
        }
        self.last_ticks = self.last_ticks.max(ticks);
        Some(Place { sequence, rtp_ticks: ticks as u32, picture: self.pictures.patch(encoding, &packet.payload) })
    }

    fn sequence(&mut self, of: u64) -> Option<u64> {
        let source = self.source.as_ref()?;
        if of < source.first_sequence {
            return None;
        }
        let sequence = of.wrapping_add(source.sequence_offset);
        self.last_sequence = self.last_sequence.max(sequence);
        Some(sequence)
    }

    fn ticks_at(&self, captured_at: Instant) -> u64 {
        let since = captured_at.saturating_duration_since(self.epoch);
        (since.as_micros() as u64).saturating_mul(self.clock_rate_hz) / 1_000_000
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const H264: Encoding = Encoding::H264 { packetization_mode: 1, profile_idc: 66 };

    fn packet(epoch: Instant, sequence: u64, frame: u32) -> Packet {
        Packet {
            sequence,
            rtp_ticks: frame.wrapping_mul(3000).wrapping_sub(3000),
            marker: true,
            begins_keyframe: false,
            payload: vec![0; 10].into(),
            captured_at: epoch + Duration::from_millis(u64::from(frame) * 33),
            audio_level: None,
        }
    }

    #[test]
    fn a_switch_leaves_no_seam() {
        let epoch = Instant::now();
        let mut forward = Forward::new(epoch, 90_000);
        let first: Vec<_> = (0..60).map(|frame| packet(epoch, 70_000 + u64::from(frame), frame)).collect();
        let mut sent: Vec<Place> = forward.start(H264, first.iter(), 60).into_iter().map(|(_, place)| place).collect();
        sent.extend(
            (60..70).map(|frame| forward.place(H264, &packet(epoch, 70_000 + u64::from(frame), frame)).expect("flows")),
        );
        let second: Vec<_> = (50..71).map(|frame| packet(epoch, 5 + u64::from(frame), frame)).collect();
        sent.extend(forward.start(H264, second.iter(), 21).into_iter().map(|(_, place)| place));
        sent.push(forward.place(H264, &packet(epoch, 76, 71)).expect("flows"));
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
        forward.start(H264, [packet(epoch, 10, 2)].iter(), 1);
        assert_eq!(forward.place(H264, &packet(epoch, 9, 1)), None);
        let late = forward.place(H264, &packet(epoch, 13, 4)).expect("flows").sequence;
        assert_eq!(forward.place(H264, &packet(epoch, 12, 3)).expect("flows").sequence, late - 1);
        forward.stop();
        assert_eq!(forward.place(H264, &packet(epoch, 14, 5)), None);
    }
}
