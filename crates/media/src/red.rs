//! Redundant audio (RFC 2198): a packet of a voice carries the one before it once more, so that one that is lost is
//! there 20 ms later without being asked for.

use std::collections::BTreeSet;

use str0m::media::Mid;

use crate::packet::Packet;

/// What a block's header can hold: 14 bits of timestamp, 10 of length.
const MOST_TICKS: u32 = (1 << 14) - 1;
const MOST_BYTES: usize = (1 << 10) - 1;

/// The payload types by which a peer takes Opus, redundant and plain, on one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RedTypes {
    pub(crate) mid: Mid,
    pub(crate) red: u8,
    pub(crate) opus: u8,
}

impl RedTypes {
    /// The types that an offer has for the line with this name, if it takes redundancy of just this Opus.
    pub(crate) fn of_offer(offer: &str, mid: Mid, opus: u8) -> Option<Self> {
        let sections = offer.split("\r\nm=").skip(1);
        let is_named = |section: &&str| section.lines().any(|line| line.strip_prefix("a=mid:") == Some(&*mid));
        let section = sections.into_iter().find(is_named)?;
        let types = section.lines().filter_map(|line| line.strip_prefix("a=rtpmap:")?.strip_suffix(" red/48000/2"));
        let blocks = format!(" {opus}/{opus}");
        // Looked up and not searched for: an offer of 200 kB would take seconds.
        let takes: BTreeSet<_> =
            section.lines().filter_map(|line| line.strip_prefix("a=fmtp:")?.strip_suffix(&blocks)).collect();
        let red = types.into_iter().find(|red| takes.contains(red))?.parse().ok()?;
        Some(Self { mid, red, opus })
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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const OFFER: &str = "v=0\r\nm=audio 9 X 111 63 9\r\na=mid:a\r\na=rtpmap:111 opus/48000/2\r\n\
        a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\nm=audio 9 X 111\r\na=mid:b\r\na=rtpmap:111 opus/48000/2\r\n";

    #[test]
    fn only_redundancy_of_the_negotiated_opus_is_taken() {
        let types = |mid, opus| RedTypes::of_offer(OFFER, Mid::from(mid), opus).map(|types| types.red);
        assert_eq!((types("a", 111), types("a", 96), types("b", 111), types("c", 111)), (Some(63), None, None, None));
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

    #[test]
    fn hostile_offers_are_read_without_harm() {
        let splinters = ["\r\nm=", "a=mid:a", "a=fmtp:", "a=rtpmap:", " red/48000/2", "111/111", "256", "\n", "é", "/"];
        hostile::play(20_000, |dice| {
            let offer = hostile::torn(dice, &[OFFER], &splinters);
            let types = RedTypes::of_offer(&offer, Mid::from("a"), 111);
            assert!(types.is_none_or(|types| offer.contains(&format!("a=fmtp:{} 111/111", types.red))), "{offer:?}");
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
        let growth = hostile::growth(sdp, |sdp| assert_eq!(RedTypes::of_offer(sdp, Mid::from("a"), 111), None));
        assert!(growth < 32.0, "{growth} times the time for 8 times the length");
    }
}
