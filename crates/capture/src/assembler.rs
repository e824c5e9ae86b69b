//! Puts the packets of a feed back together into access units that a decoder takes.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use rtc::rtp::codec::h264::{H264Packet, SPS_NALU_TYPE, STAPA_NALU_TYPE};
use rtc::rtp::packetizer::Depacketizer;

use crate::ReceivedPacket;

/// How many packets may wait behind a missing one before it is given up: more than a second of a demo feed, within
/// which a retransmission comes or never will.
const PATIENCE_PACKETS: usize = 300;

/// One whole picture as it was sent.
#[derive(Debug, Clone)]
pub struct ReceivedFrame {
    /// The access unit.
    pub annex_b: Vec<u8>,
    /// Its RTP timestamp.
    pub timestamp: u32,
    /// Its capture time (NTP's 64 bits), if the sender said it.
    pub captured_ntp: Option<u64>,
    /// When its last packet came.
    pub received: std::time::Instant,
}

/// Orders packets and joins them. Begins with the first keyframe; after a loss, goes on with the next whole picture.
#[derive(Debug, Default)]
pub struct Assembler {
    waiting: BTreeMap<u64, ReceivedPacket>,
    next: Option<u64>,
    /// Pictures given up because a packet of theirs never came.
    pub broken: u64,
}

impl Assembler {
    /// Takes one packet of the feed; gives the pictures that it completes.
    pub fn push(&mut self, packet: ReceivedPacket) -> Vec<ReceivedFrame> {
        if self.next.is_some_and(|next| packet.sequence < next) {
            return Vec::new();
        }
        self.waiting.insert(packet.sequence, packet);
        if self.next.is_none() {
            self.begin();
        }
        let mut frames = Vec::new();
        loop {
            while let Some(frame) = self.take_frame() {
                frames.extend(frame);
            }
            if self.next.is_none() || self.waiting.len() < PATIENCE_PACKETS || !self.give_up() {
                return frames;
            }
        }
    }

    /// Looks for the first keyframe. Its first packet may come after the others of it.
    fn begin(&mut self) {
        let first = self.waiting.values().find(|packet| begins_keyframe(&packet.payload));
        self.next = first.map(|packet| packet.sequence);
        match self.next {
            Some(next) => self.waiting = self.waiting.split_off(&next),
            None if self.waiting.len() > PATIENCE_PACKETS => drop(self.waiting.pop_first()),
            None => {}
        }
    }

    /// Takes the next picture out if all of it is here; the inner value is none if it does not parse.
    fn take_frame(&mut self) -> Option<Option<ReceivedFrame>> {
        let first = self.next?;
        let last = (first..).map_while(|sequence| self.waiting.get(&sequence)).find(|packet| packet.marker)?.sequence;
        self.next = Some(last + 1);
        let rest = self.waiting.split_off(&(last + 1));
        let packets: Vec<_> = std::mem::replace(&mut self.waiting, rest).into_values().collect();
        let frame = join(&packets);
        self.broken += u64::from(frame.is_none());
        Some(frame)
    }

    /// Skips to after the next marker beyond the hole.
    fn give_up(&mut self) -> bool {
        let Some(marker) = self.waiting.values().find(|packet| packet.marker).map(|packet| packet.sequence) else {
            return false;
        };
        self.next = Some(marker + 1);
        self.waiting = self.waiting.split_off(&(marker + 1));
        self.broken += 1;
        true
    }
}

pub(crate) fn begins_keyframe(payload: &Bytes) -> bool {
    // STAP-A: one octet, then the length and the first unit. Parameter sets alone come as a unit of their own.
    let kind = |at: usize| payload.get(at).map(|octet| octet & 0x1f);
    match kind(0) {
        Some(STAPA_NALU_TYPE) => kind(3) == Some(SPS_NALU_TYPE),
        first => first == Some(SPS_NALU_TYPE),
    }
}

fn join(packets: &[ReceivedPacket]) -> Option<ReceivedFrame> {
    let (first, last) = (packets.first()?, packets.last()?);
    let mut depacketizer = H264Packet::default();
    let mut annex_b = BytesMut::new();
    for packet in packets {
        annex_b.extend_from_slice(&depacketizer.depacketize(&packet.payload).ok()?);
    }
    Some(ReceivedFrame {
        annex_b: annex_b.into(),
        timestamp: first.timestamp,
        captured_ntp: packets.iter().find_map(|packet| packet.captured_ntp),
        received: last.received,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::MediaKind;

    fn packet(sequence: u64, marker: bool, payload: &'static [u8]) -> ReceivedPacket {
        ReceivedPacket {
            media: MediaKind::Video,
            sequence,
            timestamp: 0,
            marker,
            payload: Bytes::from_static(payload),
            captured_ntp: None,
            received: Instant::now(),
        }
    }

    const KEY: &[u8] = &[0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 2];

    #[test]
    fn packets_out_of_order_become_pictures_in_order() {
        let mut assembler = Assembler::default();
        assert!(assembler.push(packet(9, true, b"\x41old")).is_empty(), "nothing before a keyframe");
        assert!(assembler.push(packet(12, true, b"\x41b")).is_empty());
        assert!(assembler.push(packet(10, false, KEY)).is_empty());
        let frames = assembler.push(packet(11, true, b"\x65a."));
        let sizes: Vec<usize> = frames.iter().map(|frame| frame.annex_b.len()).collect();
        assert_eq!(sizes.len(), 1, "the second is too short to be a unit");
        assert_eq!(&frames[0].annex_b[..5], [0, 0, 0, 1, 0x67]);
        assert_eq!(assembler.broken, 1);
    }

    #[test]
    fn a_lost_packet_costs_its_picture_only() {
        let mut assembler = Assembler::default();
        assert_eq!(assembler.push(packet(1, true, KEY)).len(), 1);
        let mut frames = 0;
        for sequence in (3..700).filter(|sequence| *sequence != 400) {
            frames += assembler.push(packet(sequence, sequence % 2 == 0, b"\x41abc")).len();
        }
        // 2 and 400 never come: 3-4 is lost with nothing before it, 399-400 has no marker and takes 401-402 along.
        assert!(frames >= 340, "{frames}");
        assert!(assembler.broken >= 1);
    }
}
