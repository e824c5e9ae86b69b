//! One viewer's view of one track after another: sequence numbers and timestamps without a seam.
//!
//! A viewer's slot keeps its SSRC for life. Whatever is put into it continues the numbers of what was there before,
//! so that a switch is, to the viewer, one stream with one more keyframe.
//!
//! What the cache replays at a start is older than what follows it live. Its timestamps are squeezed into the last
//! moments before the newest frame, because receivers pace frames by their timestamps: left as they were, a viewer
//! that joins two seconds into a group of pictures would stay two seconds behind.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use crate::format::Encoding;
use crate::packet::Packet;
use crate::picture::{PictureCount, PictureNumbers};

/// Timestamp distance of two replayed frames: 10 ticks of 90 kHz, so that 60 frames shift a stream by 7 ms at most.
const SQUEEZED_TICKS: u64 = 10;
/// The newest of them is as far from the others as a live frame is, so that a viewer knows it for one.
const NEWEST_TICKS: u64 = 1800;

/// A packet that comes so many left-out frames late, longer than it takes to be asked for and sent again, is not sent.
const LEFT_OUT: usize = 16;

/// Where a packet goes in the viewer's stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    /// Extended sequence number; the first of a stream is below 65,536 as SRTP's rollover counter requires.
    pub(crate) sequence: u64,
    /// RTP timestamp.
    pub(crate) rtp_ticks: u32,
    /// Other picture numbers for the payload or the dependency descriptor.
    pub(crate) picture: Option<PictureNumbers>,
    /// The marker bit: a picture of which the upper layers are left out ends sooner.
    pub(crate) marker: bool,
}

/// The state of one outgoing stream.
#[derive(Debug)]
pub(crate) struct Forward {
    clock_rate_hz: u64,
    /// What timestamps mean goes on over a switch: a browser makes one clock of the last twenty sender reports, and ages
    /// would be wrong until the reports of the clock before are forgotten.
    newest: Newest,
    last_sequence: u64,
    last_ticks: u64,
    source: Option<Source>,
    pictures: PictureCount,
}

/// A frame of the stream: its timestamp, and when it was captured.
#[derive(Debug)]
struct Newest {
    ticks: u64,
    captured_at: Instant,
}

/// How the present source's numbers become the stream's.
#[derive(Debug)]
struct Source {
    first_sequence: u64,
    /// Added to the source's sequence number, wrapping.
    sequence_offset: u64,
    /// What was left out of it lately, the newest last, and what was added to the numbers before that.
    left_out: VecDeque<(Range<u64>, u64)>,
    newest_in: u32,
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
    /// A stream in which nothing was sent yet: its timestamps count from `epoch`.
    pub(crate) fn new(epoch: Instant, clock_rate_hz: u32) -> Self {
        Self {
            clock_rate_hz: u64::from(clock_rate_hz),
            newest: Newest { ticks: 0, captured_at: epoch },
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
        self.newest = Newest { ticks: newest_out, captured_at: newest.captured_at };
        self.source = Some(Source {
            first_sequence,
            sequence_offset: (self.last_sequence + 1).wrapping_sub(first_sequence),
            left_out: VecDeque::new(),
            newest_in: newest.rtp_ticks,
            squeezed: Squeezed { until: newest.sequence, newest_out, frames_after: frames, last_in: None },
        });
        self.pictures.restart();
    }

    /// Leaves these packets of the source out, which none has been sent of and none after them: the numbers go on as if
    /// they had never been.
    pub(crate) fn leave_out(&mut self, packets: Range<u64>) {
        let Some(source) = &mut self.source else { return };
        if let Some((before, _)) = source.left_out.back_mut().filter(|(before, _)| before.end == packets.start) {
            before.end = packets.end;
            source.sequence_offset = source.sequence_offset.wrapping_sub(packets.end - packets.start);
            return;
        }
        if source.left_out.len() == LEFT_OUT
            && let Some((forgotten, _)) = source.left_out.pop_front()
        {
            source.first_sequence = forgotten.end;
        }
        let offset = source.sequence_offset;
        source.sequence_offset = offset.wrapping_sub(packets.end - packets.start);
        source.left_out.push_back((packets, offset));
    }

    /// The place of a packet; none if nothing flows or the packet is older than the source's start.
    pub(crate) fn place(&mut self, encoding: Encoding, packet: &Packet) -> Option<Place> {
        let source = self.source.as_mut().filter(|source| packet.sequence >= source.first_sequence)?;
        let sequence = source.place(packet.sequence)?;
        let ticks = source.ticks(packet, &mut self.newest);
        self.last_sequence = self.last_sequence.max(sequence);
        self.last_ticks = self.last_ticks.max(ticks);
        let picture = match &packet.descriptor {
            Some(descriptor) => Some(self.pictures.count_frame(descriptor.frame())),
            None => self.pictures.count(encoding, &packet.payload),
        };
        Some(Place { sequence, rtp_ticks: ticks as u32, picture, marker: packet.marker })
    }

    /// True for a packet of the present source that was not there yet when it was begun.
    pub(crate) fn is_live(&self, sequence: u64) -> bool {
        self.source.as_ref().is_some_and(|source| sequence > source.squeezed.until)
    }

    fn ticks_at(&self, moment: Instant) -> u64 {
        let Newest { ticks, captured_at } = self.newest;
        let span = |span: Duration| (span.as_micros() as u64).saturating_mul(self.clock_rate_hz) / 1_000_000;
        match moment.checked_duration_since(captured_at) {
            Some(since) => ticks.saturating_add(span(since)),
            None => ticks.saturating_sub(span(captured_at - moment)),
        }
    }

    /// The RTP timestamp of a moment; none if nothing flows.
    pub(crate) fn ticks_of(&self, moment: Instant) -> Option<u32> {
        self.is_flowing().then(|| self.ticks_at(moment) as u32)
    }
}

impl Source {
    /// The stream's number for one of the source's; none for what was left out.
    fn place(&self, sequence: u64) -> Option<u64> {
        let mut offset = self.sequence_offset;
        for (packets, before) in self.left_out.iter().rev() {
            if sequence >= packets.end {
                break;
            }
            if sequence >= packets.start {
                return None;
            }
            offset = *before;
        }
        Some(sequence.wrapping_add(offset))
    }

    fn ticks(&mut self, packet: &Packet, newest: &mut Newest) -> u64 {
        let squeezed = &mut self.squeezed;
        if packet.sequence <= squeezed.until {
            if squeezed.last_in.replace(packet.rtp_ticks) != Some(packet.rtp_ticks) {
                squeezed.frames_after = squeezed.frames_after.saturating_sub(1);
            }
            let before = SQUEEZED_TICKS * squeezed.frames_after;
            return squeezed.newest_out - if before > 0 { before + NEWEST_TICKS } else { 0 };
        }
        let ahead = packet.rtp_ticks.wrapping_sub(self.newest_in) as i32;
        let ticks = newest.ticks.saturating_add_signed(i64::from(ahead));
        if ahead > 0 {
            self.newest_in = packet.rtp_ticks;
            *newest = Newest { ticks, captured_at: packet.captured_at };
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

    /// FFmpeg sends its first half second at once: from then on its timestamps are so far ahead of their times.
    #[test]
    fn what_timestamps_mean_goes_on_over_a_switch() {
        let epoch = Instant::now();
        let at = |ms: u64| epoch + Duration::from_millis(ms);
        let frame = |sequence: u64, ticks_ms: u32, captured_ms: u64| {
            Packet::example(at(captured_ms), sequence, ticks_ms * 90, false)
        };
        let mut forward = Forward::new(epoch, 90_000);
        forward.start(1, &frame(1, 0, 1000), 1);
        let early = (2..17).map(|number| frame(number, 33 * number as u32, 1000 + number));
        let steady = (17..60).map(|number| frame(number, 33 * number as u32, 500 + 33 * number));
        early.chain(steady).for_each(|packet| assert!(forward.place(H264, &packet).is_some()));
        let before = forward.ticks_of(at(3000));
        forward.stop();
        forward.start(100, &frame(130, 7000, 5000), 1);
        let now = forward.place(H264, &frame(131, 7033, 5033)).expect("flows");
        assert_eq!(forward.ticks_of(at(3000)), before);
        assert_eq!(Some(now.rtp_ticks), forward.ticks_of(at(5033)));
    }

    #[test]
    fn what_is_left_out_leaves_no_hole() {
        let epoch = Instant::now();
        let mut forward = Forward::new(epoch, 90_000);
        let place = |forward: &mut Forward, sequence: u64| {
            let place = forward.place(H264, &packet(epoch, sequence, sequence as u32));
            place.map(|place| place.sequence)
        };
        forward.start(100, &packet(epoch, 100, 100), 1);
        assert_eq!(place(&mut forward, 100), Some(1));
        forward.leave_out(102..105);
        assert_eq!(place(&mut forward, 105), Some(3));
        forward.leave_out(106..107);
        assert_eq!(place(&mut forward, 107), Some(4));
        assert_eq!(place(&mut forward, 101), Some(2), "what was late");
        for left_out in [102, 104, 106] {
            assert_eq!(place(&mut forward, left_out), None, "{left_out}");
        }
        for frame in 0..LEFT_OUT as u64 {
            forward.leave_out(108 + 2 * frame..109 + 2 * frame);
            assert_eq!(place(&mut forward, 109 + 2 * frame), Some(5 + frame));
        }
        assert_eq!(place(&mut forward, 101), None, "too late for its number to be known");
        assert_eq!(place(&mut forward, 107), Some(4));
    }

    #[test]
    fn what_is_left_out_packet_by_packet_is_one_piece() {
        let epoch = Instant::now();
        let mut forward = Forward::new(epoch, 90_000);
        forward.start(100, &packet(epoch, 100, 100), 1);
        let place = |forward: &mut Forward, sequence: u64| {
            let place = forward.place(H264, &packet(epoch, sequence, sequence as u32));
            place.map(|place| place.sequence)
        };
        assert_eq!(place(&mut forward, 101), Some(2));
        (102..200).for_each(|sequence| forward.leave_out(sequence..sequence + 1));
        assert_eq!([100, 150, 199, 200].map(|sequence| place(&mut forward, sequence)), [Some(1), None, None, Some(3)]);
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
