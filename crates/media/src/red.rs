//! Redundant audio (RFC 2198): a packet of a voice carries the one before it once more, so that one that is lost is
//! there 20 ms later without being asked for. What publishers send so is taken apart, what viewers take so is put
//! together again: in between, a voice is single packets.

use std::collections::BTreeSet;

use str0m::media::Mid;

use crate::packet::Packet;

/// What a block's header can hold: 14 bits of timestamp, 10 of length.
const MOST_TICKS: u32 = (1 << 14) - 1;
const MOST_BYTES: usize = (1 << 10) - 1;
/// Packets that one carries once more, at most: as many as a browser can be told to put in. Of a datagram full of blocks
/// of one byte each a publisher would make two hundred and more for every viewer.
const MOST_BLOCKS: usize = 9;

/// The payload types by which a peer takes Opus, redundant and plain, on one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RedTypes {
    pub(crate) mid: Mid,
    pub(crate) red: u8,
    pub(crate) opus: u8,
}

impl RedTypes {
    /// Those of an offer: of each line that takes redundancy, and of each Opus that it takes so.
    pub(crate) fn of_offer(offer: &str) -> Vec<Self> {
        let mut found = Vec::new();
        for section in offer.split("\r\nm=").filter(|section| section.starts_with("audio ")) {
            let Some(mid) = section.lines().find_map(|line| line.strip_prefix("a=mid:")) else { continue };
            // Looked up and not searched for: an offer of 200 kB would take seconds.
            let types: BTreeSet<_> = section
                .lines()
                .filter_map(|line| line.strip_prefix("a=rtpmap:")?.strip_suffix(" red/48000/2"))
                .collect();
            let taken = section.lines().filter_map(|line| {
                let (red, blocks) = line.strip_prefix("a=fmtp:")?.split_once(' ')?;
                let (opus, earlier) = blocks.split_once('/').filter(|_| types.contains(red))?;
                let is_of_one = opus == earlier;
                is_of_one.then_some(Self { mid: mid.into(), red: red.parse().ok()?, opus: opus.parse().ok()? })
            });
            found.extend(taken);
        }
        found
    }
}

/// Writes the payload that carries `packet` and, before it, `earlier`. False, and nothing written, where that one is too
/// long ago or too long.
pub(crate) fn write(payload: &mut Vec<u8>, opus: u8, earlier: &Packet, packet: &Packet) -> bool {
    let ticks = packet.rtp_ticks.wrapping_sub(earlier.rtp_ticks);
    let length = earlier.payload.len();
    if !(1..=MOST_TICKS).contains(&ticks) || !(1..=MOST_BYTES).contains(&length) {
        return false;
    }
    payload.clear();
    let offset_and_length = ticks << 10 | length as u32;
    payload.push(0x80 | opus);
    payload.extend_from_slice(&offset_and_length.to_be_bytes()[1..]);
    payload.push(opus);
    payload.extend_from_slice(&earlier.payload);
    payload.extend_from_slice(&packet.payload);
    true
}

/// Takes a payload apart: gives what it carries once more, the oldest first, as the number of packets before its own, the
/// ticks before its own and the payload; then gives its own. None, and nothing given before, if it is malformed, not all
/// of it is of this type, or it carries more than [`MOST_BLOCKS`].
///
/// A block has a time and no number. Every sender that is known puts in the packets straight before its own, so that the
/// last block is one number back, the one before it two: whether that can be true, the times of its neighbours must say.
pub(crate) fn read<'a>(payload: &'a [u8], opus: u8, mut earlier: impl FnMut(u64, u32, &'a [u8])) -> Option<&'a [u8]> {
    let header = |header: &[u8]| {
        let word = u32::from_be_bytes([0, header[1], header[2], header[3]]);
        (header[0] & 0x7f, word >> 10, word as usize & MOST_BYTES)
    };
    let headers = || payload.chunks_exact(4).take_while(|header| header[0] & 0x80 != 0).take(MOST_BLOCKS).map(header);
    let count = headers().count();
    let (&own_type, mut rest) = payload.get(4 * count..)?.split_first()?;
    let bytes: usize = headers().map(|(_, _, bytes)| bytes).sum();
    if own_type != opus || bytes >= rest.len() || headers().any(|(of, _, _)| of != opus) {
        return None;
    }
    for (at, (_, ticks, bytes)) in headers().enumerate() {
        let (block, after) = rest.split_at(bytes);
        rest = after;
        if !block.is_empty() {
            earlier((count - at) as u64, ticks, block);
        }
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const OFFER: &str = "v=0\r\nm=audio 9 X 111 63 9\r\na=mid:a\r\na=rtpmap:111 opus/48000/2\r\n\
        a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\nm=audio 9 X 111\r\na=mid:b\r\na=rtpmap:111 opus/48000/2\r\n";

    #[test]
    fn only_redundancy_of_the_negotiated_opus_is_taken() {
        let types = |offer: &str| {
            let types =
                RedTypes::of_offer(offer).into_iter().map(|RedTypes { mid, red, opus }| (mid.to_string(), red, opus));
            types.collect::<Vec<_>>()
        };
        assert_eq!(types(OFFER), [("a".to_owned(), 63, 111)]);
        assert_eq!(types(&OFFER.replace("111/111", "111/96")), [], "two codecs in one packet");
        assert_eq!(types(&OFFER.replace("a=fmtp:63", "a=fmtp:9")), [], "of a type that is none for redundancy");
    }

    #[test]
    fn a_payload_is_as_in_the_rfc() {
        let packet =
            |ticks, bytes: &[u8]| Packet { payload: bytes.into(), ..Packet::example(Instant::now(), 1, ticks, true) };
        let mut payload = Vec::new();
        assert!(write(&mut payload, 111, &packet(u32::MAX, &[7; 3]), &packet(959, &[8; 2])));
        // 1, type 111; offset 960 and length 3; 0, type 111; the blocks.
        let length_and_offset = [(960_u32 >> 6) as u8, ((960 & 63) << 2) as u8, 3];
        let [a, b, c] = length_and_offset;
        assert_eq!(payload, [0x80 | 111, a, b, c, 111, 7, 7, 7, 8, 8]);
        assert!(!write(&mut payload, 111, &packet(0, &[7; 3]), &packet(19_200, &[8; 2])), "after a silence");
        assert!(!write(&mut payload, 111, &packet(0, &[7; 1200]), &packet(960, &[8; 2])));
        assert!(!write(&mut payload, 111, &packet(960, &[7; 3]), &packet(0, &[8; 2])), "it came late");
    }

    /// How many packets and ticks before it each packet was, and what it holds; then the packet itself.
    type Apart<'a> = (Vec<(u64, u32, &'a [u8])>, &'a [u8]);

    fn taken_apart(payload: &[u8]) -> Option<Apart<'_>> {
        let mut blocks = Vec::new();
        let own = read(payload, 111, |back, ticks, block| blocks.push((back, ticks, block)))?;
        Some((blocks, own))
    }

    /// A block's header: 1, type; ticks, length.
    fn header(of: u8, ticks: u32, bytes: u32) -> [u8; 4] {
        let [_, a, b, c] = (ticks << 10 | bytes).to_be_bytes();
        [0x80 | of, a, b, c]
    }

    #[test]
    fn what_was_put_together_is_taken_apart() {
        let packet =
            |ticks, bytes: &[u8]| Packet { payload: bytes.into(), ..Packet::example(Instant::now(), 1, ticks, true) };
        let mut payload = Vec::new();
        assert!(write(&mut payload, 111, &packet(0, &[7; 3]), &packet(960, &[8; 2])));
        assert_eq!(taken_apart(&payload), Some((vec![(1, 960, &[7; 3][..])], &[8; 2][..])));
        let two = [&header(111, 1920, 1)[..], &header(111, 960, 2), &[111, 1, 2, 2, 3]].concat();
        assert_eq!(taken_apart(&two), Some((vec![(2, 1920, &[1][..]), (1, 960, &[2; 2][..])], &[3][..])));
        assert_eq!(taken_apart(&[111, 5, 6]), Some((vec![], &[5, 6][..])), "the first after a silence");
        let empty = [&header(111, 960, 0)[..], &[111, 3]].concat();
        assert_eq!(taken_apart(&empty), Some((vec![], &[3][..])), "an empty block stands for nothing");
    }

    #[test]
    fn what_is_no_redundant_opus_is_not_taken() {
        let whole = [&header(111, 960, 2)[..], &[111, 2, 2, 3]].concat();
        assert!(taken_apart(&whole).is_some());
        for bytes in 0..whole.len() {
            assert_eq!(taken_apart(&whole[..bytes]), None, "{bytes} bytes of it");
        }
        assert_eq!(taken_apart(&[&header(9, 960, 2)[..], &[111, 2, 2, 3]].concat()), None, "a block of another codec");
        assert_eq!(taken_apart(&[&header(111, 960, 2)[..], &[9, 2, 2, 3]].concat()), None, "another codec");
    }

    #[test]
    fn hostile_payloads_are_taken_apart_without_harm() {
        let good = [
            [&header(111, 960, 3)[..], &[111, 7, 7, 7, 8, 8]].concat(),
            [&header(111, 16_383, 1)[..], &header(111, 960, 2), &[111, 1, 2, 2, 3]].concat(),
            vec![111, 1, 2, 3],
        ];
        let mut read = 0;
        hostile::play(100_000, |dice| {
            let payload = hostile::bent(dice, &good);
            let Some((blocks, own)) = taken_apart(&payload) else { return };
            let carried: usize = blocks.iter().map(|(_, _, block)| block.len()).sum();
            assert!(!own.is_empty() && carried + own.len() < payload.len(), "{payload:02x?}");
            assert!(blocks.windows(2).all(|pair| pair[0].0 > pair[1].0), "the oldest comes first: {payload:02x?}");
            read += usize::from(!blocks.is_empty());
        });
        assert!(read > 1000, "{read} had blocks");
    }

    #[test]
    fn one_packet_does_not_become_hundreds() {
        let blocks = |count| [&header(111, 960, 1).repeat(count)[..], &[111], &vec![1; count + 1]].concat();
        assert_eq!(taken_apart(&blocks(MOST_BLOCKS)).map(|(blocks, _)| blocks.len()), Some(MOST_BLOCKS));
        assert_eq!(taken_apart(&blocks(MOST_BLOCKS + 1)), None);
        assert_eq!(taken_apart(&blocks(240)), None);
    }

    #[test]
    fn hostile_offers_are_read_without_harm() {
        let splinters = ["\r\nm=", "a=mid:a", "a=fmtp:", "a=rtpmap:", " red/48000/2", "111/111", "256", "\n", "é", "/"];
        hostile::play(20_000, |dice| {
            let offer = hostile::torn(dice, &[OFFER], &splinters);
            let types = RedTypes::of_offer(&offer);
            assert!(types.len() <= offer.matches("a=fmtp:").count(), "{offer:?}");
            assert!(types.is_empty() || offer.contains(" red/48000/2"), "{offer:?}");
        });
    }

    #[test]
    fn long_offers_are_read_once() {
        let sdp = |bytes| {
            format!(
                "v=0\r\nm=audio 9 X 1\r\na=mid:a\r\n{}",
                "a=rtpmap:9 red/48000/2\r\na=fmtp:8 111/111\r\n".repeat(bytes / 43)
            )
        };
        let growth = hostile::growth(sdp, |sdp| assert_eq!(RedTypes::of_offer(sdp), []));
        assert!(growth < 32.0, "{growth} times the time for 8 times the length");
    }
}
