//! What one layer has brought lately, once for all who need it: viewers that come or switch begin with its last
//! keyframe, so that the surgeon's encoder is not asked for one, and packets that a viewer lost are sent again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::packet::{Packet, ticks_before};

/// Most bytes since a keyframe: 38 seconds at 2.5 Mb/s. Past it the cache is given up and a keyframe is asked for.
const BYTES: usize = 12_000_000;
/// From here on a replay is long: two seconds at 2 Mb/s, or five of thirty frames of a picture that hardly moves.
/// Browsers send no keyframe by themselves.
const LONG_BYTES: usize = 500_000;
const LONG_FRAMES: usize = 150;
/// Most packets since a keyframe.
const PACKETS: usize = 16_000;
/// What is older than this and before the keyframe is not sent again: a receiver has given it up.
pub(crate) const RESEND_AGE: Duration = Duration::from_millis(1500);

/// The latest packets of one layer, in order of sequence.
#[derive(Debug, Default)]
pub(crate) struct History {
    packets: VecDeque<Packet>,
    /// The first packet of the last keyframe; none if none is kept.
    keyframe: Option<Keyframe>,
    has_forgotten: bool,
}

#[derive(Debug, Clone, Copy)]
struct Keyframe {
    sequence: u64,
    rtp_ticks: u32,
    /// Payload from it on.
    bytes: usize,
    /// Frames from it on, itself included; each has its own timestamp.
    frames: usize,
    newest_ticks: u32,
}

impl History {
    /// Keeps a packet, in its place.
    pub(crate) fn insert(&mut self, packet: &Packet) {
        let place = self.packets.iter().rposition(|kept| kept.sequence <= packet.sequence).map_or(0, |at| at + 1);
        if place > 0 && self.packets[place - 1].sequence == packet.sequence {
            return;
        }
        // What is older than all was forgotten, or is to be; but the first packets of a stream may overtake each other.
        if place == 0 && !self.packets.is_empty() && self.has_forgotten {
            return;
        }
        self.packets.insert(place, packet.clone());
        self.note_keyframe(place, packet);
        self.forget_old(packet.arrived_at);
    }

    /// Notes what the packet that was just put in this place means for the last keyframe.
    fn note_keyframe(&mut self, place: usize, packet: &Packet) {
        let bytes = packet.payload.len();
        match &mut self.keyframe {
            Some(keyframe) if packet.begins_keyframe && packet.rtp_ticks == keyframe.rtp_ticks => {
                keyframe.bytes += bytes;
                keyframe.sequence = keyframe.sequence.min(packet.sequence);
            }
            Some(keyframe) if packet.sequence < keyframe.sequence => {}
            Some(keyframe) if !packet.begins_keyframe => {
                keyframe.bytes += bytes;
                keyframe.frames += usize::from(packet.rtp_ticks != keyframe.newest_ticks);
                keyframe.newest_ticks = packet.rtp_ticks;
            }
            keyframe if packet.begins_keyframe => {
                let rtp_ticks = packet.rtp_ticks;
                let mut found =
                    Keyframe { sequence: packet.sequence, rtp_ticks, bytes: 0, frames: 1, newest_ticks: rtp_ticks };
                // If it came late, what follows it is there already.
                for kept in self.packets.range(place..) {
                    found.bytes += kept.payload.len();
                    found.frames += usize::from(kept.rtp_ticks != found.newest_ticks);
                    found.newest_ticks = kept.rtp_ticks;
                }
                *keyframe = Some(found);
            }
            _ => {}
        }
        let is_too_much = |keyframe: &mut Keyframe| {
            keyframe.bytes > BYTES || packet.sequence.saturating_sub(keyframe.sequence) > PACKETS as u64
        };
        self.keyframe.take_if(is_too_much);
    }

    fn forget_old(&mut self, now: Instant) {
        let keyframe = self.keyframe.map_or(u64::MAX, |keyframe| keyframe.sequence);
        let is_old = |first: &mut Packet| {
            first.sequence < keyframe && now.saturating_duration_since(first.arrived_at) > RESEND_AGE
        };
        while self.packets.pop_front_if(is_old).is_some() {
            self.has_forgotten = true;
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.packets.clear();
        self.keyframe = None;
        self.has_forgotten = true;
    }

    /// The packet with this sequence number.
    pub(crate) fn get(&self, sequence: u64) -> Option<&Packet> {
        let at = self.place_of(sequence);
        self.packets.get(at).filter(|packet| packet.sequence == sequence)
    }

    /// True if a packet of this number and timestamp is missing: none of this number is there, and what came before and
    /// after it is of earlier and later frames.
    pub(crate) fn lacks(&self, sequence: u64, rtp_ticks: u32) -> bool {
        let at = self.place_of(sequence);
        let before = at.checked_sub(1).and_then(|at| self.packets.get(at));
        before.is_some_and(|before| ticks_before(before.rtp_ticks, rtp_ticks))
            && self
                .packets
                .get(at)
                .is_none_or(|after| after.sequence != sequence && ticks_before(rtp_ticks, after.rtp_ticks))
    }

    /// The packets from this sequence number on, in order.
    pub(crate) fn from(&self, sequence: u64) -> impl Iterator<Item = &Packet> {
        self.packets.range(self.place_of(sequence)..)
    }

    /// The place of the first packet that is not before this sequence number.
    fn place_of(&self, sequence: u64) -> usize {
        let Some(first) = self.packets.front() else { return 0 };
        // Where nothing is missing it is where it must be.
        let guess = sequence.saturating_sub(first.sequence).min(self.packets.len() as u64) as usize;
        if self.packets.get(guess).is_some_and(|packet| packet.sequence == sequence) {
            return guess;
        }
        self.packets.partition_point(|packet| packet.sequence < sequence)
    }

    /// The first packet of the last keyframe, if it is kept.
    pub(crate) fn keyframe(&self) -> Option<u64> {
        self.keyframe.map(|keyframe| keyframe.sequence)
    }

    /// The oldest packet's sequence number.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.packets.front().map(|packet| packet.sequence)
    }

    /// The newest packet.
    pub(crate) fn newest(&self) -> Option<&Packet> {
        self.packets.back()
    }

    /// True if there is a keyframe and no packet after it is missing.
    pub(crate) fn is_whole(&self) -> bool {
        let (Some(keyframe), Some(newest)) = (self.keyframe, self.packets.back()) else { return false };
        let kept = self.packets.len() - self.place_of(keyframe.sequence);
        newest.sequence - keyframe.sequence + 1 == kept as u64
    }

    /// True if it is more than a viewer should be sent when the publisher can give a keyframe instead.
    pub(crate) fn is_long(&self) -> bool {
        self.keyframe.is_some_and(|keyframe| keyframe.bytes > LONG_BYTES || keyframe.frames > LONG_FRAMES)
    }

    /// Frames from the keyframe on.
    pub(crate) fn frames(&self) -> usize {
        self.keyframe.map_or(0, |keyframe| keyframe.frames)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u64, rtp_ticks: u32, begins_keyframe: bool) -> Packet {
        Packet::example(Instant::now(), sequence, rtp_ticks, begins_keyframe)
    }

    fn sequences(history: &History) -> Vec<u64> {
        history.from(history.keyframe().unwrap_or(0)).map(|packet| packet.sequence).collect()
    }

    #[test]
    fn begins_with_a_keyframe_and_its_parameter_sets() {
        let mut history = History::default();
        for (sequence, ticks, key) in [(1, 0, false), (2, 10, true), (3, 10, true), (4, 10, false), (5, 20, false)] {
            history.insert(&packet(sequence, ticks, key));
        }
        assert_eq!(sequences(&history), [2, 3, 4, 5]);
        assert_eq!(history.frames(), 2);
        history.insert(&packet(6, 30, true));
        history.insert(&packet(7, 30, true));
        assert_eq!(sequences(&history), [6, 7]);
        assert_eq!((history.keyframe.map(|keyframe| keyframe.bytes), history.frames()), (Some(200), 1));
        assert!(history.get(4).is_some(), "what was lost of the frames before can still be sent again");
    }

    #[test]
    fn a_late_packet_fills_its_hole() {
        let mut history = History::default();
        for (sequence, key) in [(1, true), (2, false), (4, false)] {
            history.insert(&packet(sequence, sequence as u32, key));
        }
        assert!(!history.is_whole());
        assert!(history.get(3).is_none());
        history.insert(&packet(3, 3, false));
        history.insert(&packet(3, 3, false));
        assert_eq!(sequences(&history), [1, 2, 3, 4]);
        assert!(history.is_whole() && history.get(3).is_some());
    }

    #[test]
    fn what_is_missing_has_a_place_between_its_neighbours() {
        let mut history = History::default();
        assert!(!history.lacks(3, 2880), "nothing came before it");
        for (sequence, ticks) in [(1, 960), (2, 1920), (5, 4800)] {
            history.insert(&packet(sequence, ticks, true));
        }
        assert!(history.lacks(3, 2880) && history.lacks(4, 3840) && history.lacks(6, 5760));
        assert!(!history.lacks(2, 1920) && !history.lacks(5, 4800), "they are there");
        assert!(!history.lacks(3, 1920) && !history.lacks(4, 4800), "of the frames beside it");
        assert!(!history.lacks(3, 960) && !history.lacks(4, 5760), "of frames further away");
        assert!(!history.lacks(0, 0), "before all that there is");
    }

    #[test]
    fn a_keyframe_that_came_late_is_none_to_begin_with() {
        let mut history = History::default();
        for (sequence, ticks, key) in [(1, 1, true), (2, 2, false), (5, 5, true), (6, 6, false), (3, 3, true)] {
            history.insert(&packet(sequence, ticks, key));
        }
        assert_eq!(history.keyframe(), Some(5));
    }

    #[test]
    fn what_follows_a_late_keyframe_is_counted() {
        let mut history = History::default();
        for (sequence, ticks, key) in [(1, 1, true), (3, 20, false), (4, 30, false), (2, 20, true), (5, 40, false)] {
            history.insert(&packet(sequence, ticks, key));
        }
        assert_eq!(history.keyframe(), Some(2));
        assert_eq!((history.keyframe.map(|keyframe| keyframe.bytes), history.frames()), (Some(400), 3));
    }

    #[test]
    fn is_bounded() {
        let mut history = History::default();
        let now = Instant::now();
        let at = |sequence: u64| now + Duration::from_millis(sequence);
        history.insert(&Packet::example(now, 0, 0, true));
        for sequence in 1..=PACKETS as u64 + 2 {
            history.insert(&Packet::example(at(sequence), sequence, 1, false));
        }
        assert_eq!(history.keyframe(), None);
        assert!(history.packets.len() < 2000, "only what is young is kept: {}", history.packets.len());
    }
}
