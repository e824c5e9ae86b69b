//! Of which layers a frame is: as its dependency descriptor says, else as its payload does.

use crate::descriptor::Descriptor;
use crate::format::Encoding;
use crate::structure::Structure;

/// NAL units of H.264 that have slices of a picture that is no keyframe, whole or in fragments (RFC 6184 section 5.2).
const SLICE: u8 = 1;
const FU_A: u8 = 28;
/// AV1's obu_extension_flag, the aggregation header's Z bit, and the types that have no layer of their own: temporal
/// delimiters and sequence headers.
const OBU_EXTENSION: u8 = 0x04;
const AGGREGATION_Z: u8 = 0x80;
const OBU_OF_ALL: [u8; 2] = [2, 1];

/// Of AV1 there are so many at most, of VP9 browsers send three. What is above is taken for the highest.
pub(crate) const SPATIAL_LAYERS: u8 = 4;

/// The layers of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct FrameLayers {
    /// 0 the smallest picture; others are made of those below.
    pub(crate) spatial: u8,
    /// 0 the one that all others need.
    pub(crate) temporal: u8,
}

/// What is known of one stream's frames, from packet to packet.
#[derive(Debug, Default)]
pub(crate) struct LayerReader {
    /// What the descriptors mean.
    structure: Option<Structure>,
    /// The timestamp of the latest packet, and its frame's layers.
    latest: Option<(u32, FrameLayers)>,
}

impl LayerReader {
    /// The layers of a packet that has just come; what does not say is of those of what came before it.
    pub(crate) fn of(
        &mut self,
        encoding: Encoding,
        rtp_ticks: u32,
        payload: &[u8],
        descriptor: Option<&Descriptor>,
    ) -> FrameLayers {
        let before = self.latest.filter(|(ticks, _)| *ticks == rtp_ticks).map(|(_, layers)| layers);
        let described = descriptor.and_then(|descriptor| self.described(descriptor));
        let layers = described.or_else(|| said(encoding, payload)).or(before).unwrap_or_default();
        self.latest = Some((rtp_ticks, layers));
        layers
    }

    fn described(&mut self, descriptor: &Descriptor) -> Option<FrameLayers> {
        let structure = Structure::of(descriptor);
        if structure.is_some() {
            self.structure = structure;
        }
        self.structure.as_ref()?.layers(descriptor)
    }
}

/// The layers that a payload says that it is of. None if it says nothing: a fragment of AV1 does not, and is of the layers of
/// what came before it.
fn said(encoding: Encoding, payload: &[u8]) -> Option<FrameLayers> {
    let temporal = match encoding {
        // A picture that is no reference is all that H.264 says without SVC: nal_ref_idc 0 (section 7.4.1 of H.264).
        Encoding::H264 { .. } => {
            let first = *payload.first()?;
            let nal_type = if first & 0x1f == FU_A { *payload.get(1)? } else { first } & 0x1f;
            u8::from(nal_type == SLICE && first & 0x60 == 0)
        }
        // nuh_temporal_id_plus1 (RFC 7798 section 1.1.4).
        Encoding::H265 => (*payload.get(1)? & 7).saturating_sub(1),
        Encoding::Vp8 => vp8(payload)?,
        Encoding::Vp9 { .. } => return vp9(payload).map(|(layers, _)| layers),
        Encoding::Av1 { .. } => return av1(payload),
        Encoding::Opus => return None,
    };
    Some(FrameLayers { spatial: 0, temporal })
}

/// RFC 7741 section 4.2: the TID where T is set, after PictureID and TL0PICIDX.
fn vp8(payload: &[u8]) -> Option<u8> {
    let (required, mut at) = (*payload.first()?, 1);
    if required & 0x80 == 0 {
        return Some(0);
    }
    let extension = *payload.get(at)?;
    at += 1;
    if extension & 0x80 != 0 {
        at += if *payload.get(at)? & 0x80 == 0 { 1 } else { 2 };
    }
    at += usize::from(extension & 0x40 != 0);
    if extension & 0x20 == 0 { Some(0) } else { Some(payload.get(at)? >> 6) }
}

/// RFC 9628 section 4.2: TID and SID where L is set, after PictureID; and where what follows them begins: TL0PICIDX is with
/// them where F is not set.
pub(crate) fn vp9(payload: &[u8]) -> Option<(FrameLayers, usize)> {
    let (required, mut at) = (*payload.first()?, 1);
    if required & 0x80 != 0 {
        at += if *payload.get(at)? & 0x80 == 0 { 1 } else { 2 };
    }
    if required & 0x20 == 0 {
        return Some((FrameLayers::default(), at));
    }
    let byte = *payload.get(at)?;
    let layers = FrameLayers { spatial: (byte >> 1 & 7).min(SPATIAL_LAYERS - 1), temporal: byte >> 5 };
    Some((layers, at + if required & 0x10 == 0 { 2 } else { 1 }))
}

/// The layers of the first OBU that has any (AV1 section 5.3.3, RTP payload format for AV1 section 4.4).
fn av1(payload: &[u8]) -> Option<FrameLayers> {
    let aggregation = *payload.first()?;
    if aggregation & AGGREGATION_Z != 0 {
        return None;
    }
    let count = aggregation >> 4 & 3;
    let mut rest = payload.get(1..)?;
    for place in 1.. {
        // The last of so many elements has no length.
        let element = if count == place {
            rest
        } else {
            let (length, size) = leb128(rest)?;
            let (element, after) = rest.get(size..)?.split_at_checked(length)?;
            rest = after;
            element
        };
        let header = *element.first()?;
        if !OBU_OF_ALL.contains(&(header >> 3 & 15)) {
            if header & OBU_EXTENSION == 0 {
                return Some(FrameLayers::default());
            }
            let byte = *element.get(1)?;
            return Some(FrameLayers { spatial: byte >> 3 & 3, temporal: byte >> 5 });
        }
        if count == place {
            return None;
        }
    }
    None
}

/// A number of AV1 (section 4.10.5) and how many bytes it takes.
fn leb128(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0_usize;
    for (place, byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((value, place + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const H264: Encoding = Encoding::H264 { packetization_mode: 1, profile_idc: 66 };
    const VP9: Encoding = Encoding::Vp9 { profile: 0 };
    const AV1: Encoding = Encoding::Av1 { profile: 0 };

    #[test]
    fn every_codec_says_it_in_its_own_way() {
        let cases: [(Encoding, &[u8], Option<u8>); 20] = [
            (H264, &[0x61, 1], Some(0)),
            (H264, &[0x01, 1], Some(1)),
            (H264, &[0x1c, 0x81, 1], Some(1)),
            (H264, &[0x7c, 0x01, 1], Some(0)),
            (H264, &[0x06, 1], Some(0)),
            (Encoding::H265, &[0x02, 0x01, 1], Some(0)),
            (Encoding::H265, &[0x02, 0x02, 1], Some(1)),
            (Encoding::Vp8, &[0x10, 1], Some(0)),
            (Encoding::Vp8, &[0x90, 0xe0, 0x81, 2, 3, 0x40, 1], Some(1)),
            (Encoding::Vp8, &[0x90, 0xa0, 0x01, 0xa0], Some(2)),
            (Encoding::Vp8, &[0x90, 0xc0, 0x01, 3], Some(0)),
            (VP9, &[0x80, 0x81, 2], Some(0)),
            (VP9, &[0xa0, 0x81, 2, 0x50, 3], Some(2)),
            (VP9, &[0x20, 0x20, 3], Some(1)),
            (AV1, &[0x10, 0x34, 0x20, 9], Some(1)),
            (AV1, &[0x10, 0x30, 9], Some(0)),
            (AV1, &[0x20, 2, 0x10, 0, 0x34, 0x48, 9], Some(2)),
            (AV1, &[0x00, 2, 0x10, 0, 3, 0x34, 0x20, 9], Some(1)),
            (AV1, &[0x90, 0x34, 0x20], None),
            (Encoding::Opus, &[1, 2, 3], None),
        ];
        for (encoding, payload, layer) in cases {
            let temporal = said(encoding, payload).map(|layers| layers.temporal);
            assert_eq!(temporal, layer, "{encoding:?} {payload:02x?}");
        }
    }

    #[test]
    fn vp9_and_av1_have_spatial_layers() {
        let cases: [(Encoding, &[u8], u8); 7] = [
            (VP9, &[0xaa, 0x81, 2, 0x00, 9, 7], 0),
            (VP9, &[0xa8, 0x81, 2, 0x03, 9, 7], 1),
            (VP9, &[0xb0, 0x05, 0x44, 7], 2),
            (VP9, &[0x20, 0x4e, 1], 3),
            (AV1, &[0x10, 0x34, 0x28, 9], 1),
            (AV1, &[0x20, 2, 0x10, 0, 0x34, 0x50, 9], 2),
            (AV1, &[0x10, 0x30, 0x28, 9], 0),
        ];
        for (encoding, payload, spatial) in cases {
            let layers = said(encoding, payload).expect("it says its layers");
            assert_eq!(layers.spatial, spatial, "{encoding:?} {payload:02x?}");
        }
    }

    #[test]
    fn hostile_payloads_are_read_without_harm() {
        let good: [&[u8]; 6] = [
            &[0x1c, 0x81, 1],
            &[0x02, 0x02, 1],
            &[0x90, 0xe0, 0x81, 2, 3, 0x40, 1],
            &[0xa0, 0x81, 2, 0x50, 3],
            &[0x20, 2, 0x10, 0, 0x34, 0x48, 9],
            &[0x00, 2, 0x10, 0, 0x83, 0, 0x34, 0x20, 9],
        ];
        let good = good.map(<[u8]>::to_vec);
        let mut above = [0; 5];
        hostile::play(100_000, |dice| {
            let payload = hostile::bent(dice, &good);
            for (encoding, above) in [H264, Encoding::H265, Encoding::Vp8, VP9, AV1].into_iter().zip(&mut above) {
                *above += u32::from(said(encoding, &payload).is_some_and(|layers| layers.temporal > 0));
            }
        });
        assert!(above.iter().all(|above| *above > 100), "{above:?} were above the lowest");
    }
}
