//! A clip as bytes, so that what took seconds to draw and encode can be kept.
//!
//! Read back by the same build only: whoever keeps the bytes remembers which one wrote them.

use std::hash::{DefaultHasher, Hasher};

use crate::h264::AccessUnit;
use crate::opus::Sound;
use crate::{Clip, ClipPlan};

/// Eight bytes before all others say whether those are what was written.
const CHECK_BYTES: usize = size_of::<u64>();

impl Clip {
    /// The clip with a checksum before it. All numbers are little endian: frames per second, how many pictures, each
    /// as its length, whether it is a keyframe and its bytes; how many sounds, each as its length, level and bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; CHECK_BYTES];
        bytes.extend(self.fps.to_le_bytes());
        bytes.extend((self.pictures.len() as u32).to_le_bytes());
        for picture in &self.pictures {
            bytes.extend((picture.annex_b.len() as u32).to_le_bytes());
            bytes.push(picture.keyframe.into());
            bytes.extend(&picture.annex_b);
        }
        bytes.extend((self.voice.len() as u32).to_le_bytes());
        for sound in &self.voice {
            bytes.extend((sound.packet.len() as u32).to_le_bytes());
            bytes.extend(sound.level_dbov.to_le_bytes());
            bytes.extend(&sound.packet);
        }
        let sum = check(&bytes[CHECK_BYTES..]);
        bytes[..CHECK_BYTES].copy_from_slice(&sum);
        bytes
    }
}

impl ClipPlan {
    /// The clip that [`Clip::to_bytes`] made these bytes of; none if they are not whole, or not of this plan.
    pub fn read(&self, bytes: &[u8]) -> Option<Clip> {
        let (sum, content) = bytes.split_first_chunk::<CHECK_BYTES>()?;
        let mut rest = Rest((check(content) == *sum).then_some(content)?);
        let fps = rest.number()?;
        let pictures = rest.all(|rest| {
            let (length, [keyframe]) = (rest.number()?, rest.chunk()?);
            Some(AccessUnit { annex_b: rest.bytes(length)?, keyframe: keyframe != 0 })
        })?;
        let voice = rest.all(|rest| {
            let (length, level) = (rest.number()?, rest.chunk()?);
            Some(Sound { packet: rest.bytes(length)?, level_dbov: i8::from_le_bytes(level) })
        })?;
        let is_ours = fps == self.fps
            && pictures.len() == usize::from(self.frames())
            && voice.is_empty() == self.pitch_hz.is_none()
            && rest.0.is_empty();
        is_ours.then_some(Clip { fps, pictures, voice })
    }
}

fn check(content: &[u8]) -> [u8; CHECK_BYTES] {
    let mut hasher = DefaultHasher::new();
    hasher.write(content);
    hasher.finish().to_le_bytes()
}

/// What is still to be read. Lengths are not believed before there is as much.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn chunk<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (chunk, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*chunk)
    }

    fn number(&mut self) -> Option<u32> {
        self.chunk().map(u32::from_le_bytes)
    }

    fn bytes(&mut self, length: u32) -> Option<Vec<u8>> {
        let (bytes, rest) = self.0.split_at_checked(length as usize)?;
        self.0 = rest;
        Some(bytes.to_vec())
    }

    fn all<T>(&mut self, one: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.number()?;
        (0..count).map(|_| one(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Motif;

    fn plan() -> ClipPlan {
        ClipPlan {
            motif: Motif::Ct,
            seed: 1,
            site: 0,
            kind: 2,
            width: 64,
            height: 36,
            fps: 5,
            length_s: 1,
            bitrate_bps: 100_000,
            pitch_hz: Some(110.0),
        }
    }

    #[test]
    fn a_clip_comes_back_as_it_was() {
        let clip = plan().make().unwrap();
        assert_eq!(plan().read(&clip.to_bytes()), Some(clip));
    }

    #[test]
    fn broken_bytes_are_no_clip() {
        let bytes = plan().make().unwrap().to_bytes();
        for length in 0..bytes.len() {
            assert_eq!(plan().read(&bytes[..length]), None, "the first {length} bytes");
        }
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 1;
            assert_eq!(plan().read(&broken), None, "byte {at} changed");
            // also where the checksum has been made to fit, nothing is believed that cannot be
            let sum = check(&broken[CHECK_BYTES..]);
            broken[..CHECK_BYTES].copy_from_slice(&sum);
            plan().read(&broken);
        }
    }

    #[test]
    fn a_clip_of_another_plan_is_refused() {
        let bytes = plan().make().unwrap().to_bytes();
        assert_eq!(ClipPlan { length_s: 2, ..plan() }.read(&bytes), None);
        assert_eq!(ClipPlan { pitch_hz: None, ..plan() }.read(&bytes), None);
    }
}
