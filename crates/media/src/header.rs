//! The RTP header of one stream that we send (RFC 3550 section 5.1, RFC 8285).
//!
//! Every packet of a stream carries the same header extensions in the same places, so that all headers have one
//! length: the packets of a frame then have one length too, and leave in one run.

use str0m::media::Mid;
use str0m::rtp::{Extension, ExtensionMap};

use crate::packet::Packet;

/// The longest MID, 16 bytes, and everything else in the two-byte form.
const LONGEST: usize = 12 + 4 + (2 + 16) + (2 + 3) + (2 + 8) + (2 + 2) + (2 + 1) + 3;
const FIXED: usize = 12;
const MARKER: u8 = 0x80;
/// In the one-byte form an identifier may be 1 to 14 (RFC 8285 section 4.2).
const ONE_BYTE_IDS: u8 = 14;

/// What every packet of a stream has in common.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    bytes: [u8; LONGEST],
    length: usize,
    /// Where the value of each extension that differs from packet to packet is.
    capture_time_at: Option<usize>,
    transport_sequence_at: Option<usize>,
    audio_level_at: Option<usize>,
}

/// What one packet has of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbers {
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) rtp_ticks: u32,
    pub(crate) transport_sequence: u16,
}

impl Header {
    /// The header of a stream with this SSRC on the line `mid`, for which the peer takes these extensions.
    pub(crate) fn new(ssrc: u32, mid: Mid, is_video: bool, extensions: &ExtensionMap) -> Self {
        let mut header = Self {
            bytes: [0; LONGEST],
            length: FIXED,
            capture_time_at: None,
            transport_sequence_at: None,
            audio_level_at: None,
        };
        header.bytes[0] = 0x80;
        header.bytes[8..FIXED].copy_from_slice(&ssrc.to_be_bytes());
        let is_short = extensions.iter().all(|(id, _)| id <= ONE_BYTE_IDS);
        let start = FIXED + 4;
        header.length = start;
        let id_of = |extension| extensions.id_of(extension);
        header.element(is_short, id_of(Extension::RtpMid), mid.as_bytes());
        if is_video {
            // 0 to 0 takes the receiver's smoothing out: 18 ms from glass to glass instead of 53.
            header.element(is_short, id_of(Extension::PlayoutDelay), &[0; 3]);
        } else {
            header.audio_level_at = header.element(is_short, id_of(Extension::AudioLevel), &[0]);
        }
        header.capture_time_at = header.element(is_short, id_of(Extension::AbsoluteCaptureTime), &[0; 8]);
        header.transport_sequence_at = header.element(is_short, id_of(Extension::TransportSequenceNumber), &[0; 2]);
        if header.length == start {
            header.length = FIXED;
            return header;
        }
        header.bytes[0] |= 0x10;
        header.length = header.length.next_multiple_of(4);
        let words = ((header.length - start) / 4) as u8;
        let profile = if is_short { [0xbe, 0xde] } else { [0x10, 0] };
        header.bytes[FIXED..start].copy_from_slice(&[profile[0], profile[1], 0, words]);
        header
    }

    /// Appends an extension; gives the place of its value, none if the peer does not take it.
    fn element(&mut self, is_short: bool, id: Option<u8>, value: &[u8]) -> Option<usize> {
        let id = id.filter(|_| (1..=16).contains(&value.len()))?;
        let length = value.len() as u8;
        let (head, size) = if is_short { ([id << 4 | (length - 1), 0], 1) } else { ([id, length], 2) };
        let at = self.length + size;
        self.bytes[self.length..at].copy_from_slice(&head[..size]);
        self.bytes[at..at + value.len()].copy_from_slice(value);
        self.length = at + value.len();
        Some(at)
    }

    /// The length of every packet's header.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// True if its packets carry a transport-wide number: the viewer does not know of others, and a number that they
    /// used up would be a loss to it.
    pub(crate) fn is_counted(&self) -> bool {
        self.transport_sequence_at.is_some()
    }

    /// Appends the header of one packet.
    pub(crate) fn write(&self, out: &mut Vec<u8>, packet: &Packet, numbers: Numbers) {
        let start = out.len();
        out.extend_from_slice(&self.bytes[..self.length]);
        let bytes = &mut out[start..];
        bytes[1] = numbers.payload_type | if packet.marker { MARKER } else { 0 };
        bytes[2..4].copy_from_slice(&numbers.sequence.to_be_bytes());
        bytes[4..8].copy_from_slice(&numbers.rtp_ticks.to_be_bytes());
        if let Some(at) = self.capture_time_at {
            bytes[at..at + 8].copy_from_slice(&packet.captured_ntp.to_be_bytes());
        }
        if let Some(at) = self.transport_sequence_at {
            bytes[at..at + 2].copy_from_slice(&numbers.transport_sequence.to_be_bytes());
        }
        if let Some(at) = self.audio_level_at {
            // RFC 6464: the sign is left out, and the highest bit says that it is a voice.
            let level = packet.audio_level.unwrap_or(-127).clamp(-127, 0).unsigned_abs();
            bytes[at] = level | if level < 127 { 0x80 } else { 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use hostile::Rng;

    use super::*;

    const NUMBERS: Numbers = Numbers { payload_type: 96, sequence: 0x0102, rtp_ticks: 3, transport_sequence: 0x0405 };

    fn map(ids: [u8; 4]) -> ExtensionMap {
        let mut map = ExtensionMap::empty();
        let [mid, delay, capture, transport] = ids;
        map.set(mid, Extension::RtpMid);
        map.set(delay, Extension::PlayoutDelay);
        map.set(capture, Extension::AbsoluteCaptureTime);
        map.set(transport, Extension::TransportSequenceNumber);
        map
    }

    fn written(header: &Header, packet: &Packet) -> Vec<u8> {
        let mut out = Vec::new();
        header.write(&mut out, packet, NUMBERS);
        assert_eq!(out.len(), header.length());
        out
    }

    #[test]
    fn extensions_are_where_they_were_announced() {
        let header = Header::new(7, Mid::from("ab"), true, &map([1, 2, 3, 4]));
        let mut packet = Packet::example(Instant::now(), 1, 1, false);
        packet.captured_ntp = 0x1112_1314_1516_1718;
        let wanted = [
            &[0x90, 0xe0, 1, 2, 0, 0, 0, 3, 0, 0, 0, 7, 0xbe, 0xde, 0, 5][..],
            &[0x11, b'a', b'b', 0x22, 0, 0, 0, 0x37, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x41, 4, 5, 0],
        ]
        .concat();
        assert_eq!(written(&header, &packet), wanted);
    }

    #[test]
    fn identifiers_above_fourteen_take_the_long_form() {
        let header = Header::new(7, Mid::from("a"), true, &map([1, 2, 3, 15]));
        let bytes = written(&header, &Packet::example(Instant::now(), 1, 1, false));
        assert_eq!(bytes[12..14], [0x10, 0]);
        assert_eq!(bytes[16..19], [1, 1, b'a']);
        assert_eq!(bytes.len() % 4, 0);
    }

    #[test]
    fn without_extensions_there_is_no_block() {
        let header = Header::new(7, Mid::from("a"), false, &ExtensionMap::empty());
        assert_eq!(written(&header, &Packet::example(Instant::now(), 1, 1, false)).len(), FIXED);
    }

    #[test]
    fn a_quiet_voice_is_marked_as_none() {
        let mut map = ExtensionMap::empty();
        map.set(1, Extension::AudioLevel);
        let header = Header::new(7, Mid::from("a"), false, &map);
        let mut packet = Packet::example(Instant::now(), 1, 1, false);
        let level = |packet: &Packet| written(&header, packet)[FIXED + 5];
        assert_eq!(level(&packet), 127);
        packet.audio_level = Some(-30);
        assert_eq!(level(&packet), 0x80 | 30);
    }

    /// The extensions of a packet as RFC 8285 has them, by identifier.
    fn read(bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let (is_short, mut rest) = (bytes[12..14] == [0xbe, 0xde], &bytes[16..]);
        assert_eq!(rest.len(), 4 * usize::from(u16::from_be_bytes([bytes[14], bytes[15]])));
        let mut found = Vec::new();
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            let (id, length) = match (first, is_short) {
                (0, _) => continue,
                (first, true) => (first >> 4, usize::from(first & 15) + 1),
                (first, false) => {
                    rest = &after[1..];
                    (*first, usize::from(after[0]))
                }
            };
            let (value, after) = rest.split_at(length);
            found.push((id, value.to_vec()));
            rest = after;
        }
        found
    }

    #[test]
    fn hostile_identifiers_give_headers_that_can_be_read() {
        hostile::play(20_000, |dice| {
            // A peer's offer chooses the identifiers: any, several times the same, some not at all.
            let mut extensions = ExtensionMap::empty();
            for extension in [
                Extension::RtpMid,
                Extension::PlayoutDelay,
                Extension::AudioLevel,
                Extension::AbsoluteCaptureTime,
                Extension::TransportSequenceNumber,
            ] {
                if dice.random_ratio(4, 5) {
                    let most = if dice.random() { 14 } else { 16 };
                    extensions.set(dice.random_range(1..=most), extension);
                }
            }
            let mid = "0123456789abcdef"[..dice.random_range(0..=16)].to_owned();
            let header = Header::new(7, Mid::from(&mid[..]), dice.random(), &extensions);
            let packet = Packet::example(Instant::now(), 1, 1, false);
            let bytes = written(&header, &packet);
            if bytes[0] & 0x10 == 0 {
                assert_eq!(bytes.len(), FIXED);
                return;
            }
            let found = read(&bytes);
            assert!(found.iter().all(|(id, _)| extensions.iter().any(|(known, _)| known == *id)), "{bytes:02x?}");
            let said = found.iter().find(|(id, _)| Some(*id) == extensions.id_of(Extension::RtpMid));
            assert!(said.is_none_or(|(_, value)| value == mid.as_bytes()), "{bytes:02x?}");
        });
    }
}
