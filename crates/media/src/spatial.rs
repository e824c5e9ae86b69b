//! Spatial layers: smaller and larger pictures of one stream, the larger made from the smaller. A viewer can be given the
//! lower ones only: it has whole pictures that are smaller.

use crate::descriptor::Descriptor;
use crate::format::Encoding;
use crate::frame_layers::{SPATIAL_LAYERS, vp9};
use crate::packet::Packet;
use crate::rate::Rate;
use crate::size::Size;
use crate::structure::Structure;

const LAYERS: usize = SPATIAL_LAYERS as usize;
/// Flags of VP9's payload descriptor (RFC 9628 section 4.2), and of its scalability structure.
const REFERS: u8 = 0x50;
const ENDS_FRAME: u8 = 0x04;
const HAS_STRUCTURE: u8 = 0x02;
const HAS_SIZES: u8 = 0x10;
/// AV1's aggregation header: its last element goes on in the next packet.
const GOES_ON: u8 = 0x40;

/// The spatial layers of one stream.
#[derive(Debug, Default)]
pub(crate) struct SpatialLayers {
    /// The highest since the last keyframe, and between the two before.
    top: u8,
    top_before: u8,
    /// The last keyframe had a dependency descriptor.
    pub(crate) is_described: bool,
    /// The last keyframe's timestamp.
    keyframe_ticks: Option<u32>,
    /// As they were said since the last keyframe, the smallest first; empty if they were not.
    sizes: Vec<Size>,
    /// What each has brought since this was last measured; and what all up to each bring in a second, as a layer's rate is.
    bytes: [u64; LAYERS],
    rates: [Rate; LAYERS],
}

impl SpatialLayers {
    /// Takes note of a packet that is kept. True if it is above all that the last keyframe brought.
    pub(crate) fn note(&mut self, encoding: Encoding, packet: &Packet) -> bool {
        let sizes = sizes(encoding, packet);
        if packet.begins_keyframe && self.keyframe_ticks != Some(packet.rtp_ticks) {
            (self.top_before, self.top) = (self.top, 0);
            self.keyframe_ticks = Some(packet.rtp_ticks);
            self.is_described = packet.descriptor.is_some();
            self.sizes.clear();
        }
        self.sizes = sizes.unwrap_or_else(|| std::mem::take(&mut self.sizes));
        let has_grown = packet.spatial_layer > self.top && self.keyframe_ticks != Some(packet.rtp_ticks);
        self.top = self.top.max(packet.spatial_layer);
        self.bytes[usize::from(packet.spatial_layer).min(LAYERS - 1)] += packet.payload.len() as u64;
        has_grown
    }

    /// A second has passed.
    pub(crate) fn measure(&mut self) {
        let mut sum = 0;
        for (rate, bytes) in self.rates.iter_mut().zip(std::mem::take(&mut self.bytes)) {
            sum += bytes;
            rate.note(sum);
        }
    }

    /// The highest that there is, or was before the keyframe of which it has not come yet.
    pub(crate) fn top(&self) -> u8 {
        self.top.max(self.top_before).max(self.sizes.len().saturating_sub(1) as u8)
    }

    /// What comes up to this layer.
    pub(crate) fn rate(&self, up_to: u8) -> Rate {
        self.rates[usize::from(up_to).min(LAYERS - 1)]
    }

    /// How large the pictures are, up to this layer; where nobody says it each layer doubles both sides.
    pub(crate) fn size(&self, up_to: u8, whole: Size) -> Size {
        let known = self.sizes.get(usize::from(up_to)).copied();
        known.unwrap_or_else(|| whole.halved(usize::from(self.top().saturating_sub(up_to))))
    }

    /// How large the whole picture is, if the last keyframe said it.
    pub(crate) fn whole(&self) -> Option<Size> {
        self.sizes.last().copied()
    }
}

/// RFC 9628 section 4.2.1: the sizes in the scalability structure, behind the layers and the pictures that are referred to.
fn vp9_sizes(payload: &[u8]) -> Option<Vec<Size>> {
    let required = *payload.first().filter(|required| *required & HAS_STRUCTURE != 0)?;
    let (_, mut at) = vp9(payload)?;
    if required & REFERS == REFERS {
        // One distance or several, each but the last with its lowest bit.
        while payload.get(at)? & 1 != 0 {
            at += 1;
        }
        at += 1;
    }
    let structure = *payload.get(at)?;
    if structure & HAS_SIZES == 0 {
        return None;
    }
    let count = usize::from(structure >> 5) + 1;
    let sizes = payload.get(at + 1..at + 1 + 4 * count)?.chunks(4);
    let side = |bytes: &[u8]| u16::from_be_bytes([bytes[0], bytes[1]]);
    Some(sizes.take(LAYERS).map(|size| Size { width: side(size), height: side(&size[2..]) }).collect())
}

/// True for the last packet of a frame, of which a picture has one for each spatial layer.
pub(crate) fn ends_frame(encoding: Encoding, packet: &Packet) -> bool {
    let first = || packet.payload.first().copied().unwrap_or(0);
    match encoding {
        Encoding::Vp9 { .. } => first() & ENDS_FRAME != 0,
        Encoding::Av1 { .. } => packet.descriptor.as_ref().map_or(first() & GOES_ON == 0, Descriptor::ends_frame),
        _ => packet.marker,
    }
}

/// The sizes of all layers, where a packet says them.
fn sizes(encoding: Encoding, packet: &Packet) -> Option<Vec<Size>> {
    match encoding {
        Encoding::Vp9 { .. } => vp9_sizes(&packet.payload),
        _ => Structure::of(packet.descriptor.as_ref()?).map(|said| said.sizes().to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const VP9: Encoding = Encoding::Vp9 { profile: 0 };
    /// A keyframe of three spatial layers, whose sizes it says: the first packet of each.
    const KEYFRAME: [&[u8]; 3] = [
        &[0xaa, 0x81, 2, 0x00, 9, 0x50, 0, 160, 0, 90, 1, 64, 0, 180, 2, 128, 1, 104, 7],
        &[0xa8, 0x81, 2, 0x03, 9, 7],
        &[0xa8, 0x81, 2, 0x05, 9, 7],
    ];

    fn packet(layer: u8, begins_keyframe: bool, payload: &[u8]) -> Packet {
        let packet = Packet::example(Instant::now(), 1, 1, begins_keyframe);
        Packet { spatial_layer: layer, payload: payload.into(), ..packet }
    }

    #[test]
    fn vp9_says_the_sizes_of_its_layers() {
        let sizes = [(160, 90), (320, 180), (640, 360)].map(|(width, height)| Size { width, height });
        assert_eq!(vp9_sizes(KEYFRAME[0]), Some(sizes.to_vec()));
        assert_eq!(vp9_sizes(KEYFRAME[1]), None);
        // Chromium has just begun to send a second one.
        let begun = [0xfa, 0xfa, 0x4a, 0x10, 0x02, 0x30, 0x01, 0x40, 0x00, 0xb4, 0x02, 0x80, 0x01, 0x68];
        assert_eq!(vp9_sizes(&begun), Some(sizes[1..].to_vec()));
        assert!(
            ends_frame(VP9, &packet(1, false, &[0xa4, 1, 2, 9])) && !ends_frame(VP9, &packet(1, false, KEYFRAME[1]))
        );
    }

    #[test]
    fn a_layer_is_measured_with_those_below_it() {
        let mut layers = SpatialLayers::default();
        for (layer, payload) in (0..3).zip(KEYFRAME) {
            assert!(!layers.note(VP9, &packet(layer, true, payload)));
        }
        assert_eq!(layers.top(), 2);
        layers.measure();
        assert_eq!([0, 1, 2, 255].map(|at| layers.rate(at).bps), [19, 25, 31, 31].map(|bytes| bytes * 8));
        layers.note(VP9, &packet(0, false, KEYFRAME[0]));
        layers.measure();
        assert_eq!([0, 1, 2].map(|at| layers.rate(at).bps), [152, 180, 223], "the fullest of a few seconds");
        let whole = Size { width: 640, height: 360 };
        assert_eq!((layers.whole(), layers.size(1, whole).width), (Some(whole), 320));
    }

    #[test]
    fn layers_come_and_go_with_keyframes() {
        let mut layers = SpatialLayers::default();
        let mut note = |rtp_ticks, layer, begins_keyframe| {
            let packet = Packet { rtp_ticks, ..packet(layer, begins_keyframe, KEYFRAME[1]) };
            (layers.note(VP9, &packet), layers.top())
        };
        assert_eq!([note(1, 0, true), note(1, 1, false), note(2, 0, false)], [(false, 0), (false, 1), (false, 1)]);
        assert_eq!([note(2, 2, false), note(3, 2, false)], [(true, 2), (false, 2)], "none of the keyframe's");
        assert_eq!(note(4, 0, true), (false, 2), "a keyframe that has begun has not yet brought all");
        assert_eq!([note(5, 0, false), note(6, 0, true)], [(false, 2), (false, 0)], "nor will it");
    }

    #[test]
    fn hostile_payloads_are_read_without_harm() {
        let good = KEYFRAME.map(<[u8]>::to_vec);
        let mut said = 0;
        hostile::play(100_000, |dice| {
            let payload = hostile::bent(dice, &good);
            said += u32::from(vp9_sizes(&payload).is_some_and(|sizes| (1..=LAYERS).contains(&sizes.len())));
            ends_frame(VP9, &packet(0, false, &payload));
        });
        assert!(said > 100, "{said} said sizes");
    }
}
