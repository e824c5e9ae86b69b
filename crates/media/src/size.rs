//! How large the pictures of a stream are, as their keyframes say.

use str0m::rtp::Vp8Descriptor;

use crate::format::Encoding;
use crate::sps::Sps;

/// Width and height of a picture, or of its place on a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Pixels from left to right.
    pub width: u16,
    /// Pixels from top to bottom.
    pub height: u16,
}

impl Size {
    /// The size that a packet says which begins a keyframe; none if it says none, or none that is read here: of VP9, AV1
    /// and H.265 only the rates tell layers apart.
    pub(crate) fn of_keyframe(encoding: Encoding, payload: &[u8]) -> Option<Self> {
        match encoding {
            Encoding::H264 { .. } => Sps::of_keyframe(encoding, payload).map(|sps| sps.size),
            Encoding::Vp8 => of_vp8(payload),
            _ => None,
        }
    }

    /// True if a picture of this size, shown whole in a place of that size, is not made larger than it is.
    pub(crate) fn is_enough_for(self, place: Self) -> bool {
        self.width >= place.width || self.height >= place.height
    }

    pub(crate) fn area(self) -> u32 {
        u32::from(self.width) * u32::from(self.height)
    }

    pub(crate) fn halved(self, times: usize) -> Self {
        let times = times.min(15);
        Self { width: self.width >> times, height: self.height >> times }
    }

    /// The largest size of the same shape that fits into `place` and is no larger than this, with even sides; none if a side
    /// would be nothing.
    pub fn fitted(self, place: Self) -> Option<Self> {
        let (width, height) = (u32::from(self.width), u32::from(self.height));
        let (most_width, most_height) = (u32::from(place.width), u32::from(place.height));
        let fitted = if width <= most_width && height <= most_height {
            (width, height)
        } else if width * most_height > height * most_width {
            (most_width, (height * most_width + width / 2) / width)
        } else {
            ((width * most_height + height / 2) / height, most_height)
        };
        let even = |side: u32| (side & !1) as u16;
        let fitted = Self { width: even(fitted.0), height: even(fitted.1) };
        (fitted.width > 0 && fitted.height > 0).then_some(fitted)
    }
}

/// RFC 7741: the payload descriptor, then the frame header of RFC 6386 section 9.1.
fn of_vp8(payload: &[u8]) -> Option<Size> {
    Vp8Descriptor::parse(payload).ok().filter(|descriptor| descriptor.starts_keyframe(payload))?;
    let mut header = 1;
    if payload[0] & 0x80 != 0 {
        let extension = *payload.get(1)?;
        let is_long = extension & 0x80 != 0 && payload.get(2)? & 0x80 != 0;
        let flagged = [0x80, 0x40].iter().filter(|bit| extension & **bit != 0).count();
        header += 1 + flagged + usize::from(is_long) + usize::from(extension & 0x30 != 0);
    }
    let [0x9d, 0x01, 0x2a, w0, w1, h0, h1] = payload.get(header + 3..header + 10)? else { return None };
    let side = |low: u8, high: u8| u16::from_le_bytes([low, high]) & 0x3fff;
    let size = Size { width: side(*w0, *w1), height: side(*h0, *h1) };
    (size.area() > 0).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    const H264: Encoding = Encoding::H264 { packetization_mode: 1, profile_idc: 66 };
    /// x264's for 1920 x 1080 in High, which is cropped from 1088 rows, and has an emulation byte.
    const HIGH: &str = "67640028acd940780227e5c044000003000400000300f03c60c658";
    /// openh264's for 640 x 360 in constrained baseline, cropped from 368 rows.
    const BASELINE: &str = "6742c01e8c8d40501ed03c2211a8";

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
    }

    fn size(width: u16, height: u16) -> Size {
        Size { width, height }
    }

    #[test]
    fn keyframes_say_how_large_they_are() {
        assert_eq!(Size::of_keyframe(H264, &bytes(HIGH)), Some(size(1920, 1080)));
        assert_eq!(Size::of_keyframe(H264, &bytes(BASELINE)).map(|size| size.width), Some(640));
        assert_eq!(Size::of_keyframe(H264, &[0x65, 1, 2]), None);
        let vp8 = [0x90, 0xf0, 0x81, 0x02, 3, 0x20, 0x10, 2, 0, 0x9d, 1, 0x2a, 0x80, 2, 0xe0, 1];
        assert_eq!(Size::of_keyframe(Encoding::Vp8, &vp8), Some(size(640, 480)));
    }

    #[test]
    fn pictures_fit_and_keep_their_shape() {
        let place = size(320, 180);
        for (from, to) in [
            (size(1920, 1080), size(320, 180)),
            (size(1280, 1024), size(224, 180)),
            (size(1080, 1920), size(100, 180)),
            (size(3000, 200), size(320, 20)),
            (size(160, 120), size(160, 120)),
        ] {
            assert_eq!(from.fitted(place), Some(to), "{from:?}");
        }
        assert_eq!(size(6000, 2).fitted(place), None);
        assert!(place.is_enough_for(size(320, 400)) && place.is_enough_for(size(400, 180)));
        assert!(!place.is_enough_for(size(321, 181)));
    }

    #[test]
    fn hostile_keyframes_are_of_some_size_or_none() {
        let vp8 = vec![0x90, 0xf0, 0x81, 0x02, 3, 0x20, 0x10, 2, 0, 0x9d, 1, 0x2a, 0x80, 2, 0xe0, 1];
        let good = [bytes(HIGH), bytes(BASELINE), vp8];
        let mut known = 0;
        hostile::play(100_000, |dice| {
            let payload = hostile::bent(dice, &good);
            for encoding in [H264, Encoding::Vp8] {
                let size = Size::of_keyframe(encoding, &payload);
                assert!(size.is_none_or(|size| size.area() > 0), "{payload:02x?}");
                known += u32::from(size.is_some());
            }
        });
        assert!(known > 1000, "{known} were understood");
    }
}
