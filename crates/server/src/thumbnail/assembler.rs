//! Puts the packets of an H.264 layer back together into access units (RFC 6184), from a keyframe on and without a gap.

use std::collections::BTreeMap;

use media::Packet;

/// Packets that may wait behind a missing one: then the rest has no connection until the next keyframe.
const PATIENCE_PACKETS: usize = 256;

const START: [u8; 4] = [0, 0, 0, 1];
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// Packets in order.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    waiting: BTreeMap<u64, Packet>,
    /// What comes next; none until a keyframe begins.
    next: Option<u64>,
}

/// One coded picture, in the packets that it came in.
#[derive(Debug)]
pub(super) struct Unit(Vec<Packet>);

impl Assembler {
    /// Begins anew with the next keyframe.
    pub(super) fn restart(&mut self) {
        *self = Self::default();
    }

    /// Takes one packet.
    pub(super) fn push(&mut self, packet: Packet) {
        match self.next {
            None if !packet.begins_keyframe => return,
            None => self.next = Some(packet.sequence),
            Some(next) if packet.sequence < next => return,
            Some(_) => {}
        }
        self.waiting.insert(packet.sequence, packet);
        if self.waiting.len() > PATIENCE_PACKETS && !self.is_whole() {
            self.skip();
        }
    }

    /// The next picture, if all of it is here.
    pub(super) fn next(&mut self) -> Option<Unit> {
        let first = self.next?;
        let last = (first..).map_while(|sequence| self.waiting.get(&sequence)).find(|packet| packet.marker)?.sequence;
        self.next = Some(last + 1);
        let rest = self.waiting.split_off(&(last + 1));
        Some(Unit(std::mem::replace(&mut self.waiting, rest).into_values().collect()))
    }

    fn is_whole(&self) -> bool {
        let span = self.next.zip(self.waiting.last_key_value()).map(|(next, (last, _))| last + 1 - next);
        span == Some(self.waiting.len() as u64)
    }

    /// What is missing will not come: goes on at a keyframe that is here already, or at the next.
    fn skip(&mut self) {
        let first = self.waiting.first_key_value().map(|(first, _)| *first);
        let is_later = |packet: &&Packet| packet.begins_keyframe && first != Some(packet.sequence);
        self.next = self.waiting.values().find(is_later).map(|packet| packet.sequence);
        self.waiting = self.next.map(|next| self.waiting.split_off(&next)).unwrap_or_default();
    }
}

impl Unit {
    /// True if a decoder may begin here.
    pub(super) fn is_keyframe(&self) -> bool {
        self.first().begins_keyframe
    }

    /// True if no other picture needs it. What comes last is of the picture itself.
    pub(super) fn is_spare(&self) -> bool {
        self.0.last().is_some_and(|packet| packet.temporal_layer > 0)
    }

    /// Its first packet.
    pub(super) fn first(&self) -> &Packet {
        &self.0[0]
    }

    /// Writes it as an Annex B byte stream; none if a packet is none of H.264's that WebRTC has.
    pub(super) fn write(&self, annex_b: &mut Vec<u8>) -> Option<()> {
        annex_b.clear();
        for packet in &self.0 {
            match *packet.payload {
                [header, fragment, ref rest @ ..] if header & 0x1f == FU_A => {
                    if fragment & 0x80 != 0 {
                        annex_b.extend_from_slice(&START);
                        annex_b.push(header & 0xe0 | fragment & 0x1f);
                    }
                    annex_b.extend_from_slice(rest);
                }
                [header, ref rest @ ..] if header & 0x1f == STAP_A => {
                    let mut rest = rest;
                    while let Some((length, after)) = rest.split_first_chunk::<2>() {
                        let (unit, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
                        annex_b.extend_from_slice(&START);
                        annex_b.extend_from_slice(unit);
                        rest = after;
                    }
                }
                [header, ..] if (1..STAP_A).contains(&(header & 0x1f)) => {
                    annex_b.extend_from_slice(&START);
                    annex_b.extend_from_slice(&packet.payload);
                }
                // A packet of padding alone.
                [] => {}
                _ => return None,
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const KEY: &[u8] = &[0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 2];

    fn packet(sequence: u64, marker: bool, payload: &[u8]) -> Packet {
        let now = Instant::now();
        Packet {
            sequence,
            rtp_ticks: 0,
            marker,
            begins_keyframe: payload == KEY,
            temporal_layer: 0,
            payload: payload.into(),
            arrived_at: now,
            captured_at: now,
            captured_ntp: 0,
            audio_level: None,
        }
    }

    fn pushed(assembler: &mut Assembler, packets: impl IntoIterator<Item = Packet>) -> Vec<Vec<u8>> {
        let mut pictures = Vec::new();
        for packet in packets {
            assembler.push(packet);
            while let Some(unit) = assembler.next() {
                let mut annex_b = Vec::new();
                unit.write(&mut annex_b).expect("of H.264's");
                pictures.push(annex_b);
            }
        }
        pictures
    }

    #[test]
    fn packets_out_of_order_become_pictures_in_order() {
        let mut assembler = Assembler::default();
        let packets = [
            packet(9, true, &[0x41, 1]),
            packet(10, false, KEY),
            packet(13, true, &[0x7c, 0x45, 8]),
            packet(12, false, &[0x7c, 0x85, 7]),
            packet(11, false, &[]),
            packet(12, false, &[0x7c, 0x85, 7]),
            packet(14, true, &[0x41, 2]),
        ];
        let pictures = pushed(&mut assembler, packets);
        let start = [0, 0, 0, 1];
        let first = [&start[..], &[0x67, 1], &start, &[0x68, 2], &start, &[0x65, 7, 8]].concat();
        assert_eq!(pictures, [first, [&start[..], &[0x41, 2]].concat()]);
    }

    #[test]
    fn what_never_comes_is_waited_for_only_so_long() {
        let mut assembler = Assembler::default();
        let payload = |sequence: u64| if sequence.is_multiple_of(100) { KEY } else { &[0x41, 1] };
        let packets = (100..1000).filter(|sequence| *sequence != 350).map(|at| packet(at, true, payload(at)));
        let pictures = pushed(&mut assembler, packets);
        assert_eq!(pictures.len(), 250 + 600, "it goes on at 400");
        let packets = (1001..3000).map(|sequence| packet(sequence, true, &[0x41, 1]));
        assert_eq!(pushed(&mut assembler, packets).len(), 0, "nothing more begins");
        assert!(assembler.waiting.is_empty());
    }

    #[test]
    fn hostile_packets_are_put_together_without_harm() {
        let good = [KEY.to_vec(), vec![0x7c, 0x85, 1, 2], vec![0x7c, 0x45, 3], vec![0x41, 9, 9], vec![]];
        let (mut assembler, mut annex_b) = (Assembler::default(), Vec::new());
        let (mut sequence, mut written) = (0, 0);
        hostile::play(20_000, |dice| {
            let payload = hostile::bent(dice, &good);
            sequence += 1;
            let bytes = payload.len();
            let is_key = payload.starts_with(&KEY[..1]);
            let packet = Packet { begins_keyframe: is_key, ..packet(sequence, bytes.is_multiple_of(2), &payload) };
            assembler.push(packet);
            while let Some(unit) = assembler.next() {
                written += usize::from(unit.write(&mut annex_b).is_some());
            }
            assert!(assembler.waiting.len() <= PATIENCE_PACKETS + 1);
        });
        assert!(written > 100, "{written} were put together");
    }
}
