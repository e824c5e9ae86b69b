//! The sequence parameter set of H.264: how large the pictures of a stream are, what a decoder needs for them, and what
//! their numbers mean as colours.

use crate::bits::Bits;
use crate::format::Encoding;
use crate::parameter_sets;
use crate::size::Size;

/// Level 4 of Recommendation ITU-T H.264 (table A-1, MaxFS): 1920 x 1088 is 8160 macroblocks.
const MOST_BLOCKS: u32 = 8192;
/// A decoder keeps whole pictures for those to come: at 1920 x 1080 level 4 has 4, level 5 has 13, the slow presets of x264
/// keep 5 to 8.
const MOST_KEPT_BLOCKS: u32 = 8 * MOST_BLOCKS;

/// What a sequence parameter set says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sps {
    /// Of the pictures as they are shown.
    pub size: Size,
    /// Macroblocks of a picture as it is coded, which is before it is cropped.
    pub blocks: u32,
    /// How many pictures a decoder keeps for those to come.
    pub references: u32,
    /// What the colours mean; none where nothing is said.
    pub colour: Option<Colour>,
}

/// What the numbers of a picture mean as colours, in the code points of Recommendation ITU-T H.273, where 2 says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour {
    /// Black is 0 and white 255, not 16 and 235.
    pub is_full_range: bool,
    /// Colour primaries.
    pub primaries: u8,
    /// Transfer characteristics.
    pub transfer: u8,
    /// Matrix coefficients.
    pub matrix: u8,
}

/// The code point that says nothing.
const UNSPECIFIED: u8 = 2;
/// The shape of a pixel is said by two numbers (Extended_SAR).
const EXTENDED_SHAPE: u32 = 255;

impl Sps {
    /// The set that a packet carries which begins a keyframe; none if it carries none, or is none of H.264's.
    pub(crate) fn of_keyframe(encoding: Encoding, payload: &[u8]) -> Option<Self> {
        matches!(encoding, Encoding::H264 { .. }).then(|| parameter_sets::sps(payload).and_then(Self::read))?
    }

    /// Reads a NAL unit of type 7, or 15, which begins alike (section 7.3.2.1.1); none where it is cut off or no such thing.
    pub(crate) fn read(nal: &[u8]) -> Option<Self> {
        let unescaped = without_emulation(nal.get(1..)?);
        let mut bits = Bits::new(&unescaped, 0);
        let profile_idc = bits.number(8)?;
        bits.number(16)?;
        bits.golomb()?;
        let mut chroma_format = 1;
        if [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135].contains(&profile_idc) {
            chroma_format = bits.golomb()?;
            bits.skip_high(chroma_format)?;
        }
        bits.golomb()?;
        bits.skip_order()?;
        let references = bits.golomb()?;
        bits.number(1)?;
        let width_in_blocks = bits.golomb()?.checked_add(1)?;
        let height_in_units = bits.golomb()?.checked_add(1)?;
        let is_in_frames = bits.number(1)?;
        if is_in_frames == 0 {
            bits.number(1)?;
        }
        bits.number(1)?;
        let mut crop = [0; 4];
        if bits.number(1)? == 1 {
            for side in &mut crop {
                *side = bits.golomb()?;
            }
        }
        let (unit_x, unit_y) = match chroma_format {
            1 => (2, 2),
            2 => (2, 1),
            _ => (1, 1),
        };
        let fields = 2 - is_in_frames;
        let height_in_blocks = height_in_units.checked_mul(fields)?;
        let side = |blocks: u32, crop: [u32; 2], unit: u32| {
            let cropped = crop[0].checked_add(crop[1])?.checked_mul(unit)?;
            u16::try_from(blocks.checked_mul(16)?.checked_sub(cropped)?).ok().filter(|side| *side > 0)
        };
        let size = Size {
            width: side(width_in_blocks, [crop[0], crop[1]], unit_x)?,
            height: side(height_in_blocks, [crop[2], crop[3]], unit_y * fields)?,
        };
        let blocks = width_in_blocks.checked_mul(height_in_blocks)?;
        Some(Self { size, blocks, references, colour: bits.colour() })
    }

    /// Every set in an access unit, an Annex B byte stream; none for one that cannot be read.
    pub fn all_of(annex_b: &[u8]) -> impl Iterator<Item = Option<Self>> {
        units(annex_b).filter(|unit| [7, 15].contains(&(unit[0] & 0x1f))).map(Self::read)
    }

    /// True if a server can carry a decoder of these pictures for each of its feeds. That of 1920 x 1080 takes 33 MB with one
    /// reference and 65 MB, which is the most, with eight; that of 4096 x 2304 takes 114 MB with one, and more with each.
    pub fn is_within_reach(&self) -> bool {
        self.blocks <= MOST_BLOCKS
            && self.blocks.checked_mul(self.references).is_some_and(|kept| kept <= MOST_KEPT_BLOCKS)
    }
}

/// The NAL units of an Annex B byte stream.
pub(crate) fn units(annex_b: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = annex_b;
    std::iter::from_fn(move || {
        let start = rest.windows(3).position(|three| three == [0, 0, 1])? + 3;
        let after = &rest[start..];
        let length = after.windows(3).position(|three| three == [0, 0, 1] || three == [0, 0, 0]).unwrap_or(after.len());
        rest = &after[length..];
        Some(&after[..length])
    })
    .filter(|unit| !unit.is_empty())
}

/// What the NAL unit says without the bytes that only keep start codes out of it (section 7.4.1).
fn without_emulation(nal: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(nal.len());
    let mut zeros = 0;
    for byte in nal {
        if zeros >= 2 && *byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        plain.push(*byte);
    }
    plain
}

impl Bits<'_> {
    /// Exp-Golomb (section 9.1); none if it is longer than any that is allowed.
    fn golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.number(1)? == 0 {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1_u32 << zeros) - 1 + self.number(zeros)?)
    }

    /// What the profiles from High on say of samples and scaling.
    fn skip_high(&mut self, chroma_format: u32) -> Option<()> {
        if chroma_format == 3 {
            self.number(1)?;
        }
        self.golomb()?;
        self.golomb()?;
        self.number(1)?;
        if self.number(1)? == 1 {
            for list in 0..if chroma_format == 3 { 12 } else { 8 } {
                if self.number(1)? == 1 {
                    self.skip_scaling_list(if list < 6 { 16 } else { 64 })?;
                }
            }
        }
        Some(())
    }

    /// How the order of pictures is said.
    fn skip_order(&mut self) -> Option<()> {
        match self.golomb()? {
            0 => {
                self.golomb()?;
            }
            1 => {
                self.number(1)?;
                self.golomb()?;
                self.golomb()?;
                for _ in 0..self.golomb().filter(|count| *count <= 255)? {
                    self.golomb()?;
                }
            }
            _ => {}
        }
        Some(())
    }

    /// The beginning of the usability information (section E.1.1), as far as the colours.
    fn colour(&mut self) -> Option<Colour> {
        if self.number(1)? == 0 {
            return None;
        }
        let has_shape = self.number(1)? == 1;
        if has_shape && self.number(8)? == EXTENDED_SHAPE {
            self.number(32)?;
        }
        let has_overscan = self.number(1)? == 1;
        if has_overscan {
            self.number(1)?;
        }
        let has_signal = self.number(1)? == 1;
        if !has_signal {
            return None;
        }
        self.number(3)?;
        let is_full_range = self.number(1)? == 1;
        let mut points = [UNSPECIFIED; 3];
        if self.number(1)? == 1 {
            for point in &mut points {
                *point = self.number(8)? as u8;
            }
        }
        let [primaries, transfer, matrix] = points;
        Some(Colour { is_full_range, primaries, transfer, matrix })
    }

    /// Section 7.3.2.1.1.1.
    fn skip_scaling_list(&mut self, length: usize) -> Option<()> {
        let (mut last, mut next) = (8_i64, 8_i64);
        for _ in 0..length {
            if next != 0 {
                let code = i64::from(self.golomb()?);
                let delta = if code % 2 == 0 { -(code / 2) } else { (code + 1) / 2 };
                next = (last + delta + 256) % 256;
            }
            last = if next == 0 { last } else { next };
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// x264's for 1280 x 720, by what was said of their colours: BT.601, BT.709 in full range, nothing, only full range.
    const BT601: &str = "6742c01fda014016ec05a8101032000003000200000300781e306540";
    const FULL: &str = "6742c01fda014016ec05b810100a000003000200000300781e306540";
    const SILENT: &str = "6742c01fda014016ec0440000003004000000f03c60ca8";
    const RANGE: &str = "6742c01fda014016ec05b2000003000200000300781e306540";
    /// Its for 1920 x 1080: pixels that are not square, five references, cropped from 1088 rows; and one that is too large.
    const WIDE: &str = "6742c032d980780227e5ffc001c0015a810100a0000003002000000781e3064d";
    const LARGE: &str = "6742c034da004000486c0440000003004000000f03c60ca8";

    fn read(hex: &str) -> Sps {
        Sps::read(&bytes(hex)).expect("a whole one")
    }

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
    }

    fn colour(is_full_range: bool, points: [u8; 3]) -> Option<Colour> {
        let [primaries, transfer, matrix] = points;
        Some(Colour { is_full_range, primaries, transfer, matrix })
    }

    #[test]
    fn colours_are_what_the_encoder_was_told() {
        for (hex, said) in [
            (BT601, colour(false, [2, 2, 6])),
            (FULL, colour(true, [2, 2, 1])),
            (SILENT, None),
            (RANGE, colour(true, [2, 2, 2])),
            (WIDE, colour(false, [2, 2, 1])),
        ] {
            assert_eq!(read(hex).colour, said, "{hex}");
        }
        let cut = bytes(BT601);
        let cut = Sps::read(&cut[..11]).expect("what says the size is there");
        assert_eq!((cut.size, cut.colour), (read(BT601).size, None));
    }

    #[test]
    fn a_decoder_that_would_be_too_large_is_out_of_reach() {
        let high = read(WIDE);
        assert_eq!((high.size, high.blocks, high.references), (Size { width: 1920, height: 1080 }, 8160, 5));
        assert_eq!((read(LARGE).size, read(LARGE).blocks), (Size { width: 4096, height: 2304 }, 36_864));
        for (blocks, references, is_within) in
            [(8160, 8, true), (8160, 9, false), (8193, 0, false), (3600, 16, true), (3600, u32::MAX, false)]
        {
            assert_eq!(Sps { blocks, references, ..high }.is_within_reach(), is_within, "{blocks} {references}");
        }
    }

    #[test]
    fn every_set_of_an_access_unit_is_found() {
        let start = [0, 0, 0, 1];
        let unit =
            [&start[..], &[9, 16], &start, &bytes(LARGE), &start, &[0x68, 1], &[0, 0, 1, 0x67], &start, &[0x65, 7]];
        let found: Vec<_> = Sps::all_of(&unit.concat()).collect();
        assert_eq!(found, [Some(read(LARGE)), None]);
    }

    #[test]
    fn units_stand_between_start_codes() {
        let annex_b = [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 3, 0, 4];
        assert_eq!(units(&annex_b).collect::<Vec<_>>(), [&[0x67, 1][..], &[0x68, 2], &[0x65, 3, 0, 4]]);
        assert_eq!(units(&[]).count() + units(&[1, 2, 3]).count() + units(&[0, 0, 1]).count(), 0);
    }

    #[test]
    fn hostile_sets_are_read_or_not() {
        let good = [BT601, FULL, SILENT, RANGE, WIDE, LARGE].map(bytes);
        let (mut said, mut within) = (0, 0);
        hostile::play(100_000, |dice| {
            let nal = hostile::bent(dice, &good);
            let Some(sps) = Sps::read(&nal) else { return };
            // A picture is never larger than its blocks.
            assert!(sps.size.area() > 0 && u64::from(sps.size.area()) <= 256 * u64::from(sps.blocks), "{nal:02x?}");
            assert!(!sps.is_within_reach() || sps.blocks <= MOST_BLOCKS, "{nal:02x?}");
            said += u32::from(sps.colour.is_some());
            within += u32::from(sps.is_within_reach());
        });
        assert!(said > 1000 && within > 1000, "{said} said a colour, {within} were within reach");
    }

    #[test]
    fn hostile_access_units_are_read_once() {
        for text in ["\0\0\u{1}gB", "\0\0\u{3}D", "\0\0\0"] {
            let unit = |bytes| format!("\0\0\u{1}g{}", text.repeat(bytes / text.len()));
            let growth = hostile::growth(unit, |unit| assert!(Sps::all_of(unit.as_bytes()).count() > 0));
            assert!(growth < 32.0, "{growth} times the time for 8 times the length");
        }
    }
}
