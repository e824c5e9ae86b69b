//! The keyframe cache: everything since the last keyframe of one layer, so that a viewer that comes or switches
//! sees a picture at once and the surgeon's encoder is not asked for one.

use std::collections::VecDeque;

use crate::packet::Packet;

/// Most bytes kept: ten seconds at 4 Mb/s. Past it the cache is dropped and a keyframe is asked for, once.
const BYTES: usize = 5_000_000;
/// From here on a replay is long: two seconds at 2 Mb/s. Browsers send no keyframe by themselves.
const LONG_BYTES: usize = 500_000;
/// Most packets kept.
const PACKETS: usize = 8_000;

/// Everything since the last keyframe.
#[derive(Debug, Default)]
pub(crate) struct Gop {
    /// In order of sequence; begins with a keyframe's first packet.
    packets: VecDeque<Packet>,
    bytes: usize,
}

impl Gop {
    /// Keeps a packet, in its place; a keyframe drops what was before it.
    pub(crate) fn insert(&mut self, packet: &Packet) {
        if self.packets.is_empty() && !packet.begins_keyframe {
            return;
        }
        let place = self.packets.iter().rposition(|kept| kept.sequence <= packet.sequence).map_or(0, |at| at + 1);
        let is_known = place > 0 && self.packets[place - 1].sequence == packet.sequence;
        let is_before = place == 0 && self.packets.front().is_some_and(|first| first.rtp_ticks != packet.rtp_ticks);
        if is_known || is_before {
            return;
        }
        self.bytes += packet.payload.len();
        self.packets.insert(place, packet.clone());
        if packet.begins_keyframe {
            self.drop_before(packet.rtp_ticks);
        }
        if self.bytes > BYTES || self.packets.len() > PACKETS {
            self.clear();
        }
    }

    /// Drops what came before the frame with this timestamp. Parameter sets share their picture's timestamp.
    fn drop_before(&mut self, rtp_ticks: u32) {
        while let Some(first) = self.packets.pop_front_if(|first| first.rtp_ticks != rtp_ticks) {
            self.bytes -= first.payload.len();
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.packets.clear();
        self.bytes = 0;
    }

    /// The packets from the keyframe on, in order.
    pub(crate) fn packets(&self) -> impl ExactSizeIterator<Item = &Packet> + Clone {
        self.packets.iter()
    }

    /// True if there is a keyframe and no packet after it is missing.
    pub(crate) fn is_whole(&self) -> bool {
        match (self.packets.front(), self.packets.back()) {
            (Some(first), Some(last)) => last.sequence - first.sequence + 1 == self.packets.len() as u64,
            _ => false,
        }
    }

    /// True if it is more than a viewer should be sent when the publisher can give a keyframe instead.
    pub(crate) fn is_long(&self) -> bool {
        self.bytes > LONG_BYTES
    }

    /// Frames in the cache: each has its own timestamp.
    pub(crate) fn frames(&self) -> usize {
        let mut last = None;
        self.packets.iter().filter(|packet| last.replace(packet.rtp_ticks) != Some(packet.rtp_ticks)).count()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn packet(sequence: u64, rtp_ticks: u32, begins_keyframe: bool) -> Packet {
        Packet {
            sequence,
            rtp_ticks,
            marker: false,
            begins_keyframe,
            payload: vec![0; 100].into(),
            captured_at: Instant::now(),
            audio_level: None,
        }
    }

    fn sequences(gop: &Gop) -> Vec<u64> {
        gop.packets().map(|packet| packet.sequence).collect()
    }

    #[test]
    fn begins_with_a_keyframe_and_its_parameter_sets() {
        let mut gop = Gop::default();
        for (sequence, ticks, key) in [(1, 0, false), (2, 10, true), (3, 10, true), (4, 10, false), (5, 20, false)] {
            gop.insert(&packet(sequence, ticks, key));
        }
        assert_eq!(sequences(&gop), [2, 3, 4, 5]);
        gop.insert(&packet(6, 30, true));
        gop.insert(&packet(7, 30, true));
        assert_eq!(sequences(&gop), [6, 7]);
        assert_eq!(gop.bytes, 200);
    }

    #[test]
    fn a_late_packet_fills_its_hole() {
        let mut gop = Gop::default();
        for (sequence, key) in [(1, true), (2, false), (4, false)] {
            gop.insert(&packet(sequence, sequence as u32, key));
        }
        assert!(!gop.is_whole());
        gop.insert(&packet(3, 3, false));
        gop.insert(&packet(3, 3, false));
        assert_eq!(sequences(&gop), [1, 2, 3, 4]);
        assert!(gop.is_whole());
        assert_eq!(gop.frames(), 4);
    }

    #[test]
    fn is_bounded() {
        let mut gop = Gop::default();
        gop.insert(&packet(0, 0, true));
        for sequence in 1..=PACKETS as u64 {
            gop.insert(&packet(sequence, 1, false));
        }
        assert_eq!(gop.packets().len(), 0);
    }
}
