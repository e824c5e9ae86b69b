//! Packets that say what they are: behind a payload that looks like its codec's stands whose it is, which frame and
//! which part of it.

/// Also a length that no NAL unit has, which ends the reading of an aggregation packet.
const MARK: [u8; 4] = [0xff, 0xff, b'C', b'S'];
/// Else there would be zeros behind a payload, which begin a NAL unit in a byte stream.
const MASK: u8 = 0xa5;
/// And a zero at its end would be taken off there.
const END: u8 = 0x80;
const LENGTH: usize = MARK.len() + 2 + 4 + 1 + 1 + 1 + 8 + 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    H264,
    Vp8,
    Opus,
}

/// What a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Body {
    /// Which source of the simulation.
    pub(crate) source: u16,
    pub(crate) frame: u32,
    /// Which part of the frame, and of how many.
    pub(crate) part: u8,
    pub(crate) parts: u8,
    pub(crate) is_keyframe: bool,
    /// When the frame was captured, since the simulation began, by the one true clock.
    pub(crate) captured_us: u64,
}

impl Body {
    /// The whole payload, filled up to so many bytes; `sps` is what a keyframe of H.264 begins with.
    pub(crate) fn payload(&self, codec: Codec, bytes: usize, sps: &[u8]) -> Vec<u8> {
        let mut payload = match codec {
            Codec::H264 => self.h264(sps),
            Codec::Vp8 => self.vp8(),
            Codec::Opus => vec![0xfc],
        };
        if payload.first() != Some(&0x78) {
            payload.resize(bytes.saturating_sub(LENGTH).max(payload.len()), 0x5a);
        }
        payload.extend(self.written());
        payload
    }

    /// What is behind the payload.
    pub(crate) fn written(&self) -> Vec<u8> {
        let flags = [self.part, self.parts, u8::from(self.is_keyframe)];
        let body = [&self.source.to_be_bytes()[..], &self.frame.to_be_bytes(), &flags, &self.captured_us.to_be_bytes()];
        let masked = body.concat().into_iter().map(|byte| byte ^ MASK);
        MARK.into_iter().chain(masked).chain([END]).collect()
    }

    /// Parameter sets in a STAP-A first where it is a keyframe, then fragments of one slice (RFC 6184 section 5.8).
    fn h264(&self, sps: &[u8]) -> Vec<u8> {
        let first = u8::from(self.is_keyframe);
        if self.part < first {
            return [&[0x78, 0, sps.len() as u8], sps, &[0, 2, 0x68, 1]].concat();
        }
        let nal = if self.is_keyframe { 5 } else { 1 };
        let start = if self.part == first { 0x80 } else { 0 };
        let end = if self.part + 1 == self.parts { 0x40 } else { 0 };
        vec![0x7c, nal | start | end]
    }

    /// A descriptor with a picture number of 15 bits and TL0PICIDX (RFC 7741 section 4.2), then the frame's header.
    fn vp8(&self) -> Vec<u8> {
        let start = if self.part == 0 { 0x10 } else { 0 };
        let picture = self.frame as u16 & 0x7fff;
        let mut payload = vec![0x80 | start, 0xe0, 0x80 | (picture >> 8) as u8, picture as u8, self.frame as u8, 0x20];
        if self.part == 0 {
            let inter = u8::from(!self.is_keyframe);
            payload.extend([0x10 | inter, 2, 0, 0x9d, 0x01, 0x2a, 64, 1, 240, 0]);
        }
        payload
    }

    /// What a payload says of itself; none for what the server has put in.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let (_, body) = payload.split_at_checked(payload.len().checked_sub(LENGTH)?)?;
        let body: Vec<u8> = body.strip_prefix(&MARK)?.strip_suffix(&[END])?.iter().map(|byte| byte ^ MASK).collect();
        let (source, body) = body.split_first_chunk()?;
        let (frame, body) = body.split_first_chunk()?;
        let (&[part, parts, is_keyframe], body) = body.split_first_chunk()?;
        Some(Self {
            source: u16::from_be_bytes(*source),
            frame: u32::from_be_bytes(*frame),
            part,
            parts,
            is_keyframe: is_keyframe == 1,
            captured_us: u64::from_be_bytes(body.try_into().ok()?),
        })
    }
}

/// The number that a VP8 payload gives its picture.
pub(crate) fn vp8_picture(payload: &[u8]) -> Option<u16> {
    let &[0x80 | 0x90, 0xe0, high, low, ..] = payload else { return None };
    Some(u16::from_be_bytes([high & 0x7f, low]))
}

/// True for parameter sets that the server may put in before a keyframe.
pub(crate) fn is_sets(payload: &[u8]) -> bool {
    payload.first().is_some_and(|first| first & 0x1f == 24)
}
