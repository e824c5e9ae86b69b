//! The dependency descriptor of a packet's frame (RTP payload format for AV1, appendix A): of which layers the frame is, and
//! which frames it needs. Its sender counts frames in it, and receivers drop what seems to go back: towards viewers the
//! number is another one, everything else stays as it came.

use std::sync::Arc;

use str0m::rtp::{Extension, ExtensionSerializer, ExtensionValues};

const URI: &str = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";

/// Two flags, the template's identifier and the frame's number, which every descriptor has (section A.8.2).
const MANDATORY: usize = 3;
const ENDS_FRAME: u8 = 0x40;
const TEMPLATE_ID: u8 = 0x3f;

/// A dependency descriptor as it came: 3 to 255 bytes. What its fields mean, only the [`Structure`] of its stream says.
///
/// [`Structure`]: crate::structure::Structure
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor(Arc<[u8]>);

impl Descriptor {
    /// None if there are too few bytes for one, or more than a header extension has.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        (MANDATORY..=255).contains(&bytes.len()).then(|| Self(bytes.into()))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// True for the last packet of a frame.
    pub(crate) fn ends_frame(&self) -> bool {
        self.0[0] & ENDS_FRAME != 0
    }

    pub(crate) fn template(&self) -> u8 {
        self.0[0] & TEMPLATE_ID
    }

    /// The frame's number, by its sender's count.
    pub(crate) fn frame(&self) -> u16 {
        u16::from_be_bytes([self.0[1], self.0[2]])
    }

    /// Writes it with another number for its frame. All other numbers in it are distances.
    pub(crate) fn write(&self, out: &mut Vec<u8>, frame: u16) {
        out.push(self.0[0]);
        out.extend_from_slice(&frame.to_be_bytes());
        out.extend_from_slice(&self.0[MANDATORY..]);
    }
}

/// The extension as the engine negotiates it, and reads it for us.
pub(crate) fn extension() -> Extension {
    Extension::with_serializer(URI, Reader)
}

/// The line of an SDP that agrees to the extension, whatever its identifier.
pub(crate) fn is_agreed_by(line: &str) -> bool {
    line.starts_with("a=extmap:") && line.split(' ').nth(1) == Some(URI)
}

#[derive(Debug)]
struct Reader;

impl ExtensionSerializer for Reader {
    /// What the engine sends has none.
    fn write_to(&self, _: &mut [u8], _: &ExtensionValues) -> usize {
        0
    }

    fn parse_value(&self, bytes: &[u8], values: &mut ExtensionValues) -> bool {
        let descriptor = Descriptor::new(bytes);
        let is_one = descriptor.is_some();
        descriptor.into_iter().for_each(|descriptor| values.user_values.set(descriptor));
        is_one
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_frames_number_is_changed() {
        let descriptor = Descriptor::new(&[0xc5, 1, 2, 0x80, 9]).expect("long enough");
        assert!(descriptor.ends_frame());
        assert_eq!((descriptor.template(), descriptor.frame()), (5, 0x0102));
        let mut out = vec![7];
        descriptor.write(&mut out, 0xfffe);
        assert_eq!(out, [7, 0xc5, 0xff, 0xfe, 0x80, 9]);
        let descriptor = Descriptor::new(&[0x05, 1, 2]).expect("long enough");
        assert!(!descriptor.ends_frame());
        assert_eq!(Descriptor::new(&[0x05, 1]), None);
    }
}
