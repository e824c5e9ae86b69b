//! Which layers the frames of a stream have, as the dependency descriptor of its last keyframe says (RTP payload format for
//! AV1, section A.8). Every frame's descriptor names one of its templates.

use crate::bits::Bits;
use crate::descriptor::Descriptor;
use crate::frame_layers::{FrameLayers, SPATIAL_LAYERS};
use crate::size::Size;

/// Templates and temporal layers of one structure, at most: their identifiers have 6 and 3 bits.
const TEMPLATES: usize = 64;
const TEMPORAL_LAYERS: u8 = 8;
/// Where the flags of a descriptor's longer form are, in bits, and the first of them: a structure is in it.
const FLAGS_AT: usize = 24;
const HAS_STRUCTURE: u8 = 0x80;

/// next_layer_idc: how a template's layer follows from the one before.
const SAME_LAYER: u32 = 0;
const NEXT_TEMPORAL: u32 = 1;
const NEXT_SPATIAL: u32 = 2;

/// The templates of a stream, from one keyframe to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Structure {
    /// The first template's identifier; the others count on, modulo [`TEMPLATES`].
    first: u8,
    templates: Vec<FrameLayers>,
    /// By spatial layer; empty if it says none.
    sizes: Vec<Size>,
}

impl Structure {
    /// The structure that a descriptor brings; none if it brings none, or none that can be read.
    pub(crate) fn of(descriptor: &Descriptor) -> Option<Self> {
        let bytes = descriptor.bytes();
        if bytes.get(FLAGS_AT / 8)? & HAS_STRUCTURE == 0 {
            return None;
        }
        let mut bits = Bits::new(bytes, FLAGS_AT + 5);
        let first = bits.number(6)? as u8;
        let decode_targets = bits.number(5)? as usize + 1;
        let templates = templates(&mut bits)?;
        // Decode target indications.
        bits.skip(2 * decode_targets * templates.len())?;
        // Distances to the frames that are needed.
        for _ in &templates {
            while bits.number(1)? == 1 {
                bits.skip(4)?;
            }
        }
        let chains = bits.below(decode_targets as u32 + 1)?;
        if chains > 0 {
            for _ in 0..decode_targets {
                bits.below(chains)?;
            }
            bits.skip(4 * chains as usize * templates.len())?;
        }
        let mut sizes = Vec::new();
        if bits.number(1)? == 1 {
            let highest = templates.last().map_or(0, |layers| layers.spatial);
            for _ in 0..=highest {
                let [width, height] = [bits.number(16)?, bits.number(16)?].map(|less| (less as u16).saturating_add(1));
                sizes.push(Size { width, height });
            }
        }
        Some(Self { first, templates, sizes })
    }

    /// The layers of the frame that a descriptor is of; none if it is of another structure.
    pub(crate) fn layers(&self, descriptor: &Descriptor) -> Option<FrameLayers> {
        let place = usize::from(descriptor.template().wrapping_sub(self.first)) % TEMPLATES;
        self.templates.get(place).copied()
    }

    /// How large the pictures of its spatial layers are, the smallest first; empty if it does not say.
    pub(crate) fn sizes(&self) -> &[Size] {
        &self.sizes
    }
}

/// In order of their spatial layers.
fn templates(bits: &mut Bits<'_>) -> Option<Vec<FrameLayers>> {
    let mut templates = vec![FrameLayers::default()];
    while let Some(before) = templates.last().copied().filter(|_| templates.len() <= TEMPLATES) {
        let next = match bits.number(2)? {
            SAME_LAYER => before,
            NEXT_TEMPORAL => FrameLayers { temporal: before.temporal + 1, ..before },
            NEXT_SPATIAL => FrameLayers { spatial: before.spatial + 1, temporal: 0 },
            _ => return Some(templates),
        };
        if next.spatial >= SPATIAL_LAYERS || next.temporal >= TEMPORAL_LAYERS {
            return None;
        }
        templates.push(next);
    }
    None
}

impl Bits<'_> {
    /// A number below this one, not 0, of which the lower take one bit less than the others (section A.8.1: ns(n)).
    fn below(&mut self, bound: u32) -> Option<u32> {
        let width = bound.checked_ilog2()?;
        let short = (1 << (width + 1)) - bound;
        let value = self.number(width)?;
        if value < short {
            return Some(value);
        }
        Some((value << 1) - short + self.number(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keyframes of Chromium's encoder, 640 x 360: L1T3; L2T2, and three layers of which only the lower two are sent, the
    /// upper between keyframes made of the lower and not.
    const SAID: [&str; 4] = [
        "800001800214eaa860414d1410208427027f0167",
        "8000018003187aaaf130a0a014d1413823046008642222265013f00b3027f01670",
        "800001800514853aaaa8018004004002a02a0060010015d34514174d144c700874321651118543276809f8059813f80b38",
        "810001800514853abfaaa18f04304302a02a006001001b934515e082704608c0c787004321651111543276809f8059813f80b380",
    ];

    fn bytes(hex: &str) -> Vec<u8> {
        let pairs = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("digits"));
        pairs.map(|pair| u8::from_str_radix(pair, 16).expect("digits")).collect()
    }

    fn descriptor(hex: &str) -> Descriptor {
        Descriptor::new(&bytes(hex)).expect("long enough")
    }

    fn structure(hex: &str) -> Structure {
        Structure::of(&descriptor(hex)).expect("a structure")
    }

    #[test]
    fn what_browsers_send_is_read() {
        let layers = |hex| structure(hex).templates.iter().map(|it| (it.spatial, it.temporal)).collect::<Vec<_>>();
        assert_eq!(layers(SAID[0]), [(0, 0), (0, 0), (0, 1), (0, 2), (0, 2)]);
        assert_eq!(layers(SAID[1]), [(0, 0), (0, 0), (0, 1), (1, 0), (1, 0), (1, 1)]);
        for hex in &SAID[2..] {
            let spatial = |at| [(at, 0), (at, 0), (at, 1), (at, 2), (at, 2)];
            assert_eq!(layers(hex), [spatial(0), spatial(1)].concat());
        }
    }

    #[test]
    fn frames_are_of_the_layers_of_their_templates() {
        let structure = structure(SAID[0]);
        let layers = |hex| structure.layers(&descriptor(hex)).map(|layers| (layers.spatial, layers.temporal));
        assert_eq!(layers("830002"), Some((0, 2)));
        assert_eq!(layers("c20003"), Some((0, 1)));
        assert_eq!(layers("4500041b89808080"), None, "it has five");
    }

    #[test]
    fn hostile_descriptors_are_read_without_harm() {
        let good = SAID.map(bytes);
        let (mut read, mut named) = (0, 0);
        hostile::play(100_000, |dice| {
            let Some(descriptor) = Descriptor::new(&hostile::bent(dice, &good)) else { return };
            let Some(structure) = Structure::of(&descriptor) else { return };
            assert!(structure.templates.len() <= TEMPLATES);
            read += 1;
            named += u32::from(structure.layers(&descriptor).is_some());
        });
        assert!(read > 1000 && named > 1000, "{read} structures were read, {named} name their frame's layers");
    }
}
