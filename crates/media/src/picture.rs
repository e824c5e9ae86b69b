//! Picture numbers inside VP8 and VP9 payloads, and frame numbers in the dependency descriptors of AV1.
//!
//! VP8 and VP9 number their pictures in the payload descriptor (RFC 7741 section 4.2, RFC 9628 section 4.2), and receivers
//! drop what seems to go back. So the numbers of one viewer's stream count on over every switch and replay.

use crate::format::Encoding;

/// Where a payload carries its picture numbers, and what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Numbers {
    /// Offset of the PictureID, its value, and whether it has 15 bits or 7.
    picture: (usize, u16, bool),
    /// Offset of the TL0PICIDX, and its value.
    tl0: Option<(usize, u8)>,
}

/// The picture numbers of one viewer's packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PictureNumbers {
    /// PictureID, of which a payload may carry only the lower 7 bits; of a dependency descriptor the frame's number.
    pub(crate) picture: u16,
    /// TL0PICIDX.
    pub(crate) tl0: u8,
}

impl PictureNumbers {
    /// Writes the numbers into a copy of the payload that they were counted for.
    pub(crate) fn write(self, encoding: Encoding, payload: &mut [u8]) {
        let Some(numbers) = numbers(encoding, payload) else { return };
        let (at, _, is_long) = numbers.picture;
        if is_long {
            payload[at] = 0x80 | (self.picture >> 8) as u8;
            payload[at + 1] = self.picture as u8;
        } else {
            payload[at] = self.picture as u8 & 0x7f;
        }
        if let Some((at, _)) = numbers.tl0 {
            payload[at] = self.tl0;
        }
    }
}

fn numbers(encoding: Encoding, payload: &[u8]) -> Option<Numbers> {
    match encoding {
        Encoding::Vp8 => vp8_numbers(payload),
        Encoding::Vp9 { .. } => vp9_numbers(payload),
        _ => None,
    }
}

/// The picture numbers of one viewer's stream.
#[derive(Debug, Default)]
pub(crate) struct PictureCount {
    last_picture: u16,
    last_tl0: u8,
    /// Added to the source's numbers, wrapping; none until the source's first packet.
    offsets: Option<(u16, u8)>,
}

impl PictureCount {
    /// Another source, or the same from its cache again: its numbers follow the last ones.
    pub(crate) fn restart(&mut self) {
        self.offsets = None;
    }

    /// The number that the frame of a dependency descriptor gets.
    pub(crate) fn count_frame(&mut self, frame: u16) -> PictureNumbers {
        let next = self.last_picture.wrapping_add(1);
        let (offset, _) = *self.offsets.get_or_insert((next.wrapping_sub(frame), 0));
        let picture = frame.wrapping_add(offset);
        if picture.wrapping_sub(self.last_picture) < 1 << 15 {
            self.last_picture = picture;
        }
        PictureNumbers { picture, tl0: 0 }
    }

    /// The numbers that a packet gets; none if its encoding or its payload has none.
    pub(crate) fn count(&mut self, encoding: Encoding, payload: &[u8]) -> Option<PictureNumbers> {
        let numbers = numbers(encoding, payload)?;
        let (_, picture, is_long) = numbers.picture;
        let (last_picture, last_tl0) = (self.last_picture, self.last_tl0);
        let (picture_offset, tl0_offset) = *self.offsets.get_or_insert_with(|| {
            let tl0 = numbers.tl0.map_or(0, |(_, tl0)| tl0);
            (last_picture.wrapping_add(1).wrapping_sub(picture), last_tl0.wrapping_add(1).wrapping_sub(tl0))
        });
        let bits = if is_long { 0x7fff } else { 0x7f };
        let picture = picture.wrapping_add(picture_offset) & bits;
        if picture.wrapping_sub(self.last_picture) & bits <= bits / 2 {
            self.last_picture = picture;
        }
        let tl0 = numbers.tl0.map_or(0, |(_, tl0)| tl0.wrapping_add(tl0_offset));
        if numbers.tl0.is_some() && tl0.wrapping_sub(self.last_tl0) < 0x80 {
            self.last_tl0 = tl0;
        }
        Some(PictureNumbers { picture, tl0 })
    }
}

/// RFC 7741 section 4.2: `X|R|N|S|R|PID`, `I|L|T|K|RSV`, PictureID, TL0PICIDX.
fn vp8_numbers(payload: &[u8]) -> Option<Numbers> {
    let (required, extension) = (*payload.first()?, *payload.get(1)?);
    if required & 0x80 == 0 || extension & 0x80 == 0 {
        return None;
    }
    let (picture, after) = picture_id(payload, 2)?;
    let tl0 = if extension & 0x40 == 0 { None } else { Some((after, *payload.get(after)?)) };
    Some(Numbers { picture, tl0 })
}

/// RFC 9628 section 4.2: `I|P|L|F|B|E|V|Z`, PictureID, layer indices, TL0PICIDX in non-flexible mode.
fn vp9_numbers(payload: &[u8]) -> Option<Numbers> {
    let required = *payload.first()?;
    if required & 0x80 == 0 {
        return None;
    }
    let (picture, after) = picture_id(payload, 1)?;
    let has_tl0 = required & 0x20 != 0 && required & 0x10 == 0;
    let tl0 = if has_tl0 { Some((after + 1, *payload.get(after + 1)?)) } else { None };
    Some(Numbers { picture, tl0 })
}

/// A PictureID of 7 or 15 bits and the offset after it.
fn picture_id(payload: &[u8], at: usize) -> Option<((usize, u16, bool), usize)> {
    let high = *payload.get(at)?;
    if high & 0x80 == 0 {
        return Some(((at, u16::from(high), false), at + 1));
    }
    let low = *payload.get(at + 1)?;
    Some(((at, u16::from(high & 0x7f) << 8 | u16::from(low), true), at + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VP9: Encoding = Encoding::Vp9 { profile: 0 };

    fn vp8(picture: u16, tl0: u8) -> Vec<u8> {
        vec![0x90, 0xe0, 0x80 | (picture >> 8) as u8, picture as u8, tl0, 0x20, 7]
    }

    fn vp9(picture: u16, tl0: u8) -> Vec<u8> {
        vec![0xa0, 0x80 | (picture >> 8) as u8, picture as u8, 0, tl0, 7]
    }

    #[test]
    fn pictures_count_on_over_a_switch() {
        for (encoding, payload) in [(Encoding::Vp8, vp8 as fn(u16, u8) -> Vec<u8>), (VP9, vp9)] {
            let mut count = PictureCount::default();
            let mut sent = Vec::new();
            let sources = [vec![(32_766, 254), (32_767, 255), (0, 0), (32_767, 255)], vec![(9, 3), (10, 4)]];
            for source in sources {
                count.restart();
                for (picture, tl0) in source {
                    let mut copy = payload(picture, tl0);
                    count.count(encoding, &copy).expect("it has numbers").write(encoding, &mut copy);
                    sent.push(copy);
                }
            }
            let wanted: Vec<_> = [1, 2, 3, 2, 4, 5].iter().map(|number| payload(*number, *number as u8)).collect();
            assert_eq!(sent, wanted, "{encoding:?}");
        }
    }

    #[test]
    fn frames_count_on_over_a_switch() {
        let mut count = PictureCount::default();
        let mut sent = Vec::new();
        for source in [vec![65_534, 65_535, 0, 65_535, 1], vec![900, 901], vec![899, 902]] {
            count.restart();
            sent.extend(source.into_iter().map(|frame| count.count_frame(frame).picture));
        }
        assert_eq!(sent, [1, 2, 3, 2, 4, 5, 6, 7, 10]);
    }

    #[test]
    fn short_or_plain_payloads_are_left_alone() {
        let mut count = PictureCount::default();
        for length in 0..5 {
            assert_eq!(count.count(Encoding::Vp8, &vp8(5, 5)[..length.min(4)]), None, "VP8 cut to {length}");
            assert_eq!(count.count(VP9, &vp9(5, 5)[..length.min(4)]), None, "VP9 cut to {length}");
        }
        assert_eq!(count.count(Encoding::Vp8, &[0x10, 1, 2, 3]), None);
        assert_eq!(count.count(Encoding::Av1 { profile: 0 }, &vp8(5, 5)), None);
    }

    #[test]
    fn hostile_payloads_are_changed_only_where_their_numbers_are() {
        let good = [vp8(32_766, 254), vp9(5, 5), vec![0x90, 0xc0, 5, 6, 7], vec![0xb0, 5, 0, 7], vec![0x10, 1]];
        let mut count = PictureCount::default();
        let mut understood = 0;
        hostile::play(50_000, |dice| {
            let payload = hostile::bent(dice, &good);
            for encoding in [Encoding::Vp8, VP9, Encoding::H265] {
                let Some(given) = count.count(encoding, &payload) else { continue };
                understood += 1;
                let mut copy = payload.clone();
                given.write(encoding, &mut copy);
                let (before, after) = (numbers(encoding, &payload).expect("some"), numbers(encoding, &copy));
                let (at, _, is_long) = before.picture;
                let bits = if is_long { 0x7fff } else { 0x7f };
                let tl0 = before.tl0.map(|(at, _)| (at, given.tl0));
                assert_eq!(
                    after,
                    Some(Numbers { picture: (at, given.picture & bits, is_long), tl0 }),
                    "{payload:02x?}"
                );
                let changed = copy.iter().zip(&payload).filter(|(new, old)| new != old).count();
                assert!(copy.len() == payload.len() && changed <= 3, "{payload:02x?}");
            }
        });
        assert!(understood > 1000, "{understood} were understood");
    }
}
