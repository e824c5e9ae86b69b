//! The RTP header of one stream that we send (RFC 3550 section 5.1, RFC 8285).
//!
//! Every packet of a stream carries the same header extensions in the same places, so that all headers have one
//! length: the packets of a frame then have one length too, and leave in one run. Only a dependency descriptor stands
//! behind them, of as many bytes as it has: most of a feed's have three, and its first packet of a keyframe has more.

use str0m::media::Mid;
use str0m::rtp::{Extension, ExtensionMap};

use crate::descriptor::{self, Descriptor};
use crate::packet::Packet;

/// The longest MID, 16 bytes, and everything else in the two-byte form.
const LONGEST: usize = 12 + 4 + (2 + 16) + (2 + 3) + (2 + 8) + (2 + 2) + (2 + 1) + 3;
const FIXED: usize = 12;
/// The extensions begin after the fixed part, their form and their length.
const START: usize = FIXED + 4;
const MARKER: u8 = 0x80;
/// In the one-byte form an identifier may be 1 to 14 (RFC 8285 section 4.2).
const ONE_BYTE_IDS: u8 = 14;

/// What every packet of a stream has in common.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    common: Common,
    /// For packets with a dependency descriptor, which may be longer than the one-byte form takes; none if the peer takes
    /// none.
    described: Option<Box<Described>>,
}

/// The same in the two-byte form, and the identifier of a dependency descriptor behind it.
#[derive(Debug, Clone)]
struct Described {
    common: Common,
    id: u8,
}

/// Everything but the dependency descriptor.
#[derive(Debug, Clone)]
struct Common {
    bytes: [u8; LONGEST],
    /// Without padding.
    length: usize,
    /// Where the value of each extension that differs from packet to packet is.
    playout_delay_at: Option<usize>,
    capture_time_at: Option<usize>,
    transport_sequence_at: Option<usize>,
    audio_level_at: Option<usize>,
}

/// What one packet has of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbers {
    pub(crate) payload_type: u8,
    pub(crate) marker: bool,
    pub(crate) sequence: u16,
    pub(crate) rtp_ticks: u32,
    pub(crate) transport_sequence: u16,
    /// Of its frame, where it has a dependency descriptor.
    pub(crate) frame: u16,
    /// How long pictures are to be held back, in units of 10 ms, at most 12 bits of them.
    pub(crate) playout_units: u16,
}

impl Header {
    /// The header of a stream with this SSRC on the line `mid`, for which the peer takes these extensions.
    pub(crate) fn new(ssrc: u32, mid: Mid, is_video: bool, extensions: &ExtensionMap) -> Self {
        let is_short = extensions.iter().all(|(id, _)| id <= ONE_BYTE_IDS);
        let common = |is_short| Common::new(ssrc, mid, is_video, extensions, is_short);
        let descriptor = extensions.id_of(descriptor::extension()).filter(|_| is_video);
        let described = |id| Box::new(Described { common: common(false), id });
        let mut header = Self { common: common(is_short), described: descriptor.map(described) };
        header.common.finish(is_short);
        header
    }

    /// The length of this packet's header: the same for all that have no descriptor.
    pub(crate) fn length(&self, packet: &Packet) -> usize {
        match self.described(packet) {
            Some((described, descriptor)) => {
                (described.common.length + 2 + descriptor.bytes().len()).next_multiple_of(4)
            }
            None => self.common.length,
        }
    }

    /// True if its packets carry a transport-wide number: the viewer does not know of others, and a number that they
    /// used up would be a loss to it.
    pub(crate) fn is_counted(&self) -> bool {
        self.common.transport_sequence_at.is_some()
    }

    /// Where the transport-wide number is in a header without dependency descriptor.
    pub(crate) fn counted_at(&self) -> Option<usize> {
        self.common.transport_sequence_at
    }

    /// True if there is a place for dependency descriptors.
    pub(crate) fn takes_descriptors(&self) -> bool {
        self.described.is_some()
    }

    /// Appends the header of one packet; gives its length.
    pub(crate) fn write(&self, out: &mut Vec<u8>, packet: &Packet, numbers: Numbers) -> usize {
        let start = out.len();
        let common = match self.described(packet) {
            Some((Described { common, id }, descriptor)) => {
                out.extend_from_slice(&common.bytes[..common.length]);
                out.extend_from_slice(&[*id, descriptor.bytes().len() as u8]);
                descriptor.write(out, numbers.frame);
                out.resize(start + (out.len() - start).next_multiple_of(4), 0);
                begin_extensions(&mut out[start..], false);
                common
            }
            None => {
                out.extend_from_slice(&self.common.bytes[..self.common.length]);
                &self.common
            }
        };
        common.fill(&mut out[start..], packet, numbers);
        out.len() - start
    }

    fn described<'a>(&'a self, packet: &'a Packet) -> Option<(&'a Described, &'a Descriptor)> {
        self.described.as_deref().zip(packet.descriptor.as_ref())
    }
}

impl Common {
    fn new(ssrc: u32, mid: Mid, is_video: bool, extensions: &ExtensionMap, is_short: bool) -> Self {
        let mut common = Self {
            bytes: [0; LONGEST],
            length: START,
            playout_delay_at: None,
            capture_time_at: None,
            transport_sequence_at: None,
            audio_level_at: None,
        };
        common.bytes[0] = 0x80;
        common.bytes[8..FIXED].copy_from_slice(&ssrc.to_be_bytes());
        let id_of = |extension| extensions.id_of(extension);
        common.element(is_short, id_of(Extension::RtpMid), mid.as_bytes());
        if is_video {
            common.playout_delay_at = common.element(is_short, id_of(Extension::PlayoutDelay), &[0; 3]);
        } else {
            common.audio_level_at = common.element(is_short, id_of(Extension::AudioLevel), &[0]);
        }
        common.capture_time_at = common.element(is_short, id_of(Extension::AbsoluteCaptureTime), &[0; 8]);
        common.transport_sequence_at = common.element(is_short, id_of(Extension::TransportSequenceNumber), &[0; 2]);
        common
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

    /// Nothing more comes behind it.
    fn finish(&mut self, is_short: bool) {
        if self.length == START {
            self.length = FIXED;
            return;
        }
        self.length = self.length.next_multiple_of(4);
        begin_extensions(&mut self.bytes[..self.length], is_short);
    }

    /// Writes what one packet has of its own.
    fn fill(&self, bytes: &mut [u8], packet: &Packet, numbers: Numbers) {
        bytes[1] = numbers.payload_type | if numbers.marker { MARKER } else { 0 };
        bytes[2..4].copy_from_slice(&numbers.sequence.to_be_bytes());
        bytes[4..8].copy_from_slice(&numbers.rtp_ticks.to_be_bytes());
        if let Some(at) = self.playout_delay_at {
            // The least and the most, 12 bits each: we know better than the receiver. 0 to 0 takes its own smoothing out, and
            // with it most of the delay on a clean line: 18 ms from glass to glass instead of 53.
            let [_, units @ ..] =
                (u32::from(numbers.playout_units) << 12 | u32::from(numbers.playout_units)).to_be_bytes();
            bytes[at..at + 3].copy_from_slice(&units);
        }
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

/// Says in a whole header that it has extensions, of which form, and how long they are.
fn begin_extensions(header: &mut [u8], is_short: bool) {
    let words = ((header.len() - START) / 4) as u8;
    let profile = if is_short { [0xbe, 0xde] } else { [0x10, 0] };
    header[0] |= 0x10;
    header[FIXED..START].copy_from_slice(&[profile[0], profile[1], 0, words]);
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use hostile::Rng;

    use super::*;

    const NUMBERS: Numbers = Numbers {
        payload_type: 96,
        marker: true,
        sequence: 0x0102,
        rtp_ticks: 3,
        transport_sequence: 0x0405,
        frame: 0x0607,
        playout_units: 0x89,
    };

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
        let length = header.write(&mut out, packet, NUMBERS);
        assert_eq!((out.len(), length), (header.length(packet), length));
        out
    }

    #[test]
    fn extensions_are_where_they_were_announced() {
        let header = Header::new(7, Mid::from("ab"), true, &map([1, 2, 3, 4]));
        let mut packet = Packet::example(Instant::now(), 1, 1, false);
        packet.captured_ntp = 0x1112_1314_1516_1718;
        let wanted = [
            &[0x90, 0xe0, 1, 2, 0, 0, 0, 3, 0, 0, 0, 7, 0xbe, 0xde, 0, 5][..],
            &[
                0x11, b'a', b'b', 0x22, 0x08, 0x90, 0x89, 0x37, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x41,
                4, 5, 0,
            ],
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
    fn a_descriptor_stands_behind_the_others_with_another_number() {
        let mut extensions = map([1, 2, 3, 4]);
        extensions.set(12, descriptor::extension());
        let header = Header::new(7, Mid::from("ab"), true, &extensions);
        let mut packet = Packet::example(Instant::now(), 1, 1, false);
        let plain = Header::new(7, Mid::from("ab"), true, &map([1, 2, 3, 4]));
        assert_eq!(written(&header, &packet), written(&plain, &packet), "where there is none, nothing is different");
        packet.descriptor = Descriptor::new(&[&[0x85, 9, 9][..], &[1; 30]].concat());
        let bytes = written(&header, &packet);
        assert_eq!(bytes[FIXED..FIXED + 2], [0x10, 0]);
        let found = read(&bytes);
        assert_eq!(found.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 2, 3, 4, 12]);
        assert_eq!(found[4].1, [&[0x85, 6, 7][..], &[1; 30]].concat());
        assert_eq!(written(&plain, &packet).len(), 36, "who does not take it is not sent it");
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
                descriptor::extension(),
            ] {
                if dice.random_ratio(4, 5) {
                    let most = if dice.random() { 14 } else { 16 };
                    extensions.set(dice.random_range(1..=most), extension);
                }
            }
            let mid = "0123456789abcdef"[..dice.random_range(0..=16)].to_owned();
            let header = Header::new(7, Mid::from(&mid[..]), dice.random(), &extensions);
            let mut packet = Packet::example(Instant::now(), 1, 1, false);
            packet.descriptor = Descriptor::new(&vec![9; dice.random_range(0..=260)]);
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
