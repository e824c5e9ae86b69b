//! Parity over the packets of a picture (FlexFEC-03, draft-ietf-payload-flexible-fec-scheme-03): one that is lost is there again
//! without being asked for, where a viewer is so far away that asking takes too long.
//!
//! A picture's packets, up to ten at a time, are two groups, every other one each; five or fewer are one group. A group's
//! exclusive or mends one packet of it. Numbers that are written when a packet leaves are taken as zero (libwebrtc does so): of
//! what we send the transport-wide one.

use str0m::media::Mid;
use str0m::rtp::{ExtensionMap, Ssrc};

use crate::header::Header;

const GROUPS: usize = 2;
/// Packets of a block, and as many as one group mends one of.
const BLOCK: u64 = 10;
const GROUP: u32 = 5;
/// The fixed part of an RTP header, which is protected by fields of its own.
const FIXED: usize = 12;
/// The header of a parity packet for one stream and a mask of 15 bits.
const HEAD: usize = 20;
/// That no more of the mask follows.
const WHOLE_MASK: u16 = 1 << 15;
const FIRST_OF_MASK: u16 = 1 << 14;
/// The longest packet that a browser sends, and more.
const LONGEST: usize = 1500;
/// What the network takes of a datagram, less the headers of IPv6 and UDP.
const DATAGRAM: usize = 1452;
/// What sealing adds.
const TAG: usize = 16;

/// What a line has come to terms on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ParityTypes {
    pub(crate) mid: Mid,
    pub(crate) payload_type: u8,
    /// The stream that is protected, and that of its parity.
    pub(crate) media_ssrc: u32,
    pub(crate) ssrc: u32,
    /// The present offer has it, too.
    pub(crate) is_offered: bool,
}

impl ParityTypes {
    /// For a stream that has come to terms on this payload type; it has a number of its own, by chance.
    pub(crate) fn new(mid: Mid, payload_type: u8, media_ssrc: u32) -> Self {
        Self { mid, payload_type, media_ssrc, ssrc: *Ssrc::new(), is_offered: true }
    }
}

/// By which payload type an offer takes parity, on each line that does.
pub(crate) fn types_of_offer(offer: &str) -> Vec<(Mid, u8)> {
    let sections = offer.split("\r\nm=").filter(|section| section.starts_with("video "));
    let found = sections.filter_map(|section| {
        let mid = section.lines().find_map(|line| line.strip_prefix("a=mid:"))?;
        let mut types = section.lines().filter_map(|line| line.strip_prefix("a=rtpmap:"));
        let named = types.find_map(|of| of.strip_suffix(" flexfec-03/90000"))?;
        let is_listed = section.lines().next()?.split(' ').skip(3).any(|listed| listed == named);
        Some((Mid::from(mid), named.parse().ok()?)).filter(|(_, number): &(_, u8)| is_listed && *number < 128)
    });
    found.collect()
}

/// The parity of one stream.
#[derive(Debug)]
pub(crate) struct Parity {
    pub(crate) ssrc: u32,
    pub(crate) header: Header,
    pub(crate) payload_type: u8,
    pub(crate) last_sequence: u64,
    media_ssrc: u32,
    /// The number of the first packet of the present block.
    first: Option<u64>,
    groups: [Group; GROUPS],
    /// What protects its packets would be too long for a datagram.
    is_too_long: bool,
}

/// The exclusive or of some packets.
#[derive(Debug, Default, Clone)]
struct Group {
    mask: u16,
    /// The first two bytes of the headers, their lengths without the fixed part, their timestamps.
    head: [u8; 2],
    length: u16,
    ticks: [u8; 4],
    body: Vec<u8>,
}

impl Parity {
    pub(crate) fn new(types: ParityTypes, extensions: &ExtensionMap) -> Self {
        let ParityTypes { mid, payload_type, media_ssrc, ssrc, .. } = types;
        let group = || Group { body: Vec::with_capacity(LONGEST), ..Group::default() };
        let header = Header::new(ssrc, mid, true, extensions);
        let groups = [group(), group()];
        Self { ssrc, header, payload_type, last_sequence: 0, media_ssrc, first: None, groups, is_too_long: false }
    }

    /// Takes a packet as it leaves, with the place in its header of the number that is taken as zero. Packets that are
    /// late are not protected.
    pub(crate) fn take(&mut self, sequence: u64, header: &[u8], zeroed: Option<usize>, payload: &[u8]) {
        let length = header.len() - FIXED + payload.len();
        if header.len() + HEAD + length + TAG > DATAGRAM {
            self.is_too_long = true;
            return;
        }
        let first = *self.first.get_or_insert(sequence);
        let Some(offset) = sequence.checked_sub(first).filter(|offset| *offset < BLOCK) else { return };
        let group = &mut self.groups[offset as usize % GROUPS];
        group.mask |= FIRST_OF_MASK >> offset;
        xor(&mut group.head, &header[..2]);
        xor(&mut group.ticks, &header[4..8]);
        group.length ^= length as u16;
        if group.body.len() < length {
            group.body.resize(length, 0);
        }
        let (extensions, rest) = group.body.split_at_mut(header.len() - FIXED);
        xor(extensions, &header[FIXED..]);
        if let Some(at) = zeroed {
            xor(&mut extensions[at - FIXED..at - FIXED + 2], &header[at..at + 2]);
        }
        xor(rest, payload);
    }

    /// True if its packets can be protected: some publishers fill their datagrams.
    pub(crate) fn is_possible(&self) -> bool {
        !self.is_too_long
    }

    /// True if the block is over with this packet, the last of its picture or not.
    pub(crate) fn is_due(&self, sequence: u64, is_last: bool) -> bool {
        self.first.is_some_and(|first| is_last || sequence + 1 >= first + BLOCK)
    }

    /// Appends what one parity packet carries to `out`; false when there is no more of the block, and the next one begins.
    pub(crate) fn next(&mut self, out: &mut Vec<u8>) -> bool {
        let count: u32 = self.groups.iter().map(|group| group.mask.count_ones()).sum();
        let [even, odd] = &mut self.groups;
        if count <= GROUP && even.mask != 0 && odd.mask != 0 {
            even.join(odd);
        }
        let found = self.groups.iter_mut().find(|group| group.mask != 0);
        let (Some(first), Some(group)) = (self.first, found) else {
            self.first = None;
            return false;
        };
        out.clear();
        // Neither a retransmission nor of a fixed shape.
        out.extend_from_slice(&[group.head[0] & 0x3f, group.head[1]]);
        out.extend_from_slice(&group.length.to_be_bytes());
        out.extend_from_slice(&group.ticks);
        // One stream.
        out.extend_from_slice(&[1, 0, 0, 0]);
        out.extend_from_slice(&self.media_ssrc.to_be_bytes());
        out.extend_from_slice(&(first as u16).to_be_bytes());
        out.extend_from_slice(&(WHOLE_MASK | group.mask).to_be_bytes());
        debug_assert_eq!(out.len(), HEAD, "the shortest head there is");
        out.extend_from_slice(&group.body);
        group.clear();
        true
    }

    /// Packets of another publisher are to be protected: they may be shorter.
    pub(crate) fn begin_anew(&mut self) {
        self.is_too_long = false;
    }

    /// Forgets what has been taken: it is not to be sent any more.
    pub(crate) fn stop(&mut self) {
        self.first = None;
        self.groups.iter_mut().for_each(Group::clear);
    }
}

impl Group {
    fn join(&mut self, other: &mut Self) {
        self.mask |= other.mask;
        self.length ^= other.length;
        xor(&mut self.head, &other.head);
        xor(&mut self.ticks, &other.ticks);
        if self.body.len() < other.body.len() {
            self.body.resize(other.body.len(), 0);
        }
        xor(&mut self.body, &other.body);
        other.clear();
    }

    fn clear(&mut self) {
        (self.mask, self.head, self.length, self.ticks) = Default::default();
        self.body.clear();
    }
}

fn xor(into: &mut [u8], bytes: &[u8]) {
    into.iter_mut().zip(bytes).for_each(|(into, byte)| *into ^= byte);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet with a header of 20 bytes, whose transport-wide number is at 16.
    fn packet(sequence: u64, bytes: usize) -> (Vec<u8>, Vec<u8>) {
        let mut header = vec![0x90, 96 | if sequence.is_multiple_of(3) { 0x80 } else { 0 }];
        header.extend_from_slice(&(sequence as u16).to_be_bytes());
        header.extend_from_slice(&(sequence as u32 * 3000).to_be_bytes());
        header.extend_from_slice(&[0, 0, 0, 7, 0xbe, 0xde, 0, 1, 0x21, sequence as u8, 9, 0]);
        (header, (0..bytes).map(|at| (at as u64 * 7 + sequence) as u8).collect())
    }

    /// What a receiver makes of a parity packet and those that it has (section 6.3.2 of the draft).
    fn mended(parity: &[u8], has: &[(u64, Vec<u8>, Vec<u8>)], missing: u64) -> Option<(Vec<u8>, Vec<u8>)> {
        let base = u64::from(u16::from_be_bytes([parity[16], parity[17]]));
        let mask = u16::from_be_bytes([parity[18], parity[19]]) & 0x7fff;
        let covers =
            |sequence: u64| sequence >= base && sequence < base + 15 && mask >> (14 - (sequence - base)) & 1 == 1;
        if !covers(missing) {
            return None;
        }
        let mut fields: Vec<u8> = parity[..8].to_vec();
        let mut body = parity[HEAD..].to_vec();
        for (sequence, header, payload) in has.iter().filter(|(sequence, ..)| covers(*sequence) && *sequence != missing)
        {
            let mut header = header.clone();
            header[17..19].fill(0);
            let rest = [&header[FIXED..], payload].concat();
            assert!(*sequence != missing && rest.len() <= body.len());
            let length = (rest.len() as u16).to_be_bytes();
            let theirs =
                [header[0] & 0x3f, header[1], length[0], length[1], header[4], header[5], header[6], header[7]];
            xor(&mut fields, &theirs);
            xor(&mut body, &rest);
        }
        body.truncate(usize::from(u16::from_be_bytes([fields[2], fields[3]])));
        let mut header = vec![0x80 | fields[0], fields[1]];
        header.extend_from_slice(&(missing as u16).to_be_bytes());
        header.extend_from_slice(&fields[4..8]);
        header.extend_from_slice(&7u32.to_be_bytes());
        header.extend_from_slice(&body[..8]);
        Some((header, body[8..].to_vec()))
    }

    fn parities_of(packets: &[(u64, Vec<u8>, Vec<u8>)]) -> Vec<Vec<u8>> {
        let types = ParityTypes { mid: Mid::from("a"), payload_type: 49, media_ssrc: 7, ssrc: 8, is_offered: true };
        let mut parity = Parity::new(types, &ExtensionMap::empty());
        let mut parities = Vec::new();
        for (at, (sequence, header, payload)) in packets.iter().enumerate() {
            parity.take(*sequence, header, Some(17), payload);
            if parity.is_due(*sequence, at + 1 == packets.len()) {
                let mut out = Vec::new();
                while parity.next(&mut out) {
                    parities.push(out.clone());
                }
            }
        }
        parities
    }

    #[test]
    fn any_one_of_a_group_is_there_again() {
        for (count, parities) in [(1, 1), (2, 1), (5, 1), (6, 2), (9, 2), (10, 2), (11, 3), (24, 5)] {
            let packets: Vec<_> = (0..count)
                .map(|at| {
                    let (header, payload) = packet(65_530 + at, 1000 - at as usize * 13);
                    (65_530 + at, header, payload)
                })
                .collect();
            let made = parities_of(&packets);
            assert_eq!(made.len(), parities, "of {count}");
            for (sequence, header, payload) in packets.iter().filter(|(sequence, ..)| *sequence < 65_536) {
                let found: Vec<_> = made.iter().filter_map(|made| mended(made, &packets, *sequence)).collect();
                let mut header = header.clone();
                header[17..19].fill(0);
                assert_eq!(found, [(header, payload.clone())], "{sequence} of {count}");
            }
        }
    }

    #[test]
    fn what_is_late_or_was_stopped_is_left_out() {
        let types = ParityTypes { mid: Mid::from("a"), payload_type: 49, media_ssrc: 7, ssrc: 8, is_offered: true };
        let mut parity = Parity::new(types, &ExtensionMap::empty());
        let take = |parity: &mut Parity, sequence| {
            let (header, payload) = packet(sequence, 100);
            parity.take(sequence, &header, Some(17), &payload);
        };
        take(&mut parity, 50);
        take(&mut parity, 49);
        let mut out = Vec::new();
        assert!(parity.next(&mut out) && !parity.next(&mut Vec::new()));
        assert_eq!(out[16..HEAD], [0, 50, 0xc0, 0], "one packet");
        take(&mut parity, 60);
        parity.stop();
        assert!(!parity.is_due(61, true) && !parity.next(&mut out));
    }

    #[test]
    fn what_would_be_too_long_for_a_datagram_is_not_made() {
        let types = ParityTypes { mid: Mid::from("a"), payload_type: 49, media_ssrc: 7, ssrc: 8, is_offered: true };
        let mut parity = Parity::new(types, &ExtensionMap::empty());
        let take = |parity: &mut Parity, bytes| {
            let (header, payload) = packet(50, bytes);
            parity.take(50, &header, Some(17), &payload);
            (parity.is_possible(), parity.is_due(50, true))
        };
        assert_eq!(take(&mut parity, 1389), (false, false));
        parity.stop();
        assert_eq!(take(&mut parity, 1388), (false, true), "the next may be as long again");
        parity.begin_anew();
        assert_eq!(take(&mut parity, 1388), (true, true));
    }

    #[test]
    fn it_is_taken_where_it_is_offered() {
        let offer = "v=0\r\nm=video 9 X 96 49\r\na=mid:a\r\na=rtpmap:96 H264/90000\r\na=rtpmap:49 flexfec-03/90000\r\n\
            m=video 9 X 96\r\na=mid:b\r\na=rtpmap:96 H264/90000\r\n";
        assert_eq!(types_of_offer(offer), [(Mid::from("a"), 49)]);
        assert_eq!(types_of_offer(&offer.replace("49", "128")), [], "no payload type");
        assert_eq!(types_of_offer(&offer.replace(":49", ":50")), [], "none of the line's");
    }

    #[test]
    fn hostile_offers_are_looked_at_once() {
        let sdp = |bytes: usize| {
            format!("v=0\r\nm=video 9 X 96\r\na=mid:a\r\n{}", "a=rtpmap:49 flexfec-03/9\r\n".repeat(bytes / 28))
        };
        let growth = hostile::growth(sdp, |sdp| assert_eq!(types_of_offer(sdp), []));
        assert!(growth < 32.0, "{growth} times the time for 8 times the length");
    }
}
