//! Temporal layers: which frames of a stream no other frame needs, as far as its packets say so.

use crate::format::Encoding;
use crate::history::History;
use crate::packet::Packet;

/// NAL units of H.264 that have slices of a picture that is no keyframe, whole or in fragments (RFC 6184 section 5.2).
const SLICE: u8 = 1;
const FU_A: u8 = 28;
/// AV1's obu_extension_flag, the aggregation header's Z bit, and the types that have no layer of their own: temporal
/// delimiters and sequence headers.
const OBU_EXTENSION: u8 = 0x04;
const AGGREGATION_Z: u8 = 0x80;
const OBU_OF_ALL: [u8; 2] = [2, 1];

/// The temporal layers of one stream.
#[derive(Debug, Default)]
pub(crate) struct TemporalLayers {
    /// The timestamp of the latest packet, and its layer.
    latest: Option<(u32, u8)>,
    /// The highest since the last keyframe.
    top: u8,
}

impl TemporalLayers {
    /// The layer of a packet that has just come; what does not say is of the layer of what came before it.
    pub(crate) fn of(&mut self, encoding: Encoding, rtp_ticks: u32, payload: &[u8]) -> u8 {
        let before = self.latest.filter(|(ticks, _)| *ticks == rtp_ticks).map(|(_, layer)| layer);
        let layer = temporal_layer(encoding, payload).or(before).unwrap_or(0);
        self.latest = Some((rtp_ticks, layer));
        layer
    }

    /// Takes note of a packet that is kept.
    pub(crate) fn note(&mut self, packet: &Packet) {
        self.top = if packet.begins_keyframe { 0 } else { self.top.max(packet.temporal_layer) };
    }

    /// If a frame begins with this packet, is whole, and no other frame needs it: the sequence number after it.
    pub(crate) fn after_spare_frame(&self, history: &History, first: &Packet) -> Option<u64> {
        let is_spare = |packet: &Packet| packet.temporal_layer > 0 && packet.temporal_layer == self.top;
        if !is_spare(first) || history.get(first.sequence.checked_sub(1)?)?.rtp_ticks == first.rtp_ticks {
            return None;
        }
        let mut after = first.sequence;
        for packet in history.from(first.sequence) {
            if packet.sequence != after || packet.rtp_ticks != first.rtp_ticks || !is_spare(packet) {
                return None;
            }
            after += 1;
            if packet.marker {
                return Some(after);
            }
        }
        None
    }
}

/// The temporal layer that a payload says that it is of, 0 the one that all others need. None if it says nothing: a
/// fragment of AV1 does not, and is of the layer of what came before it.
fn temporal_layer(encoding: Encoding, payload: &[u8]) -> Option<u8> {
    match encoding {
        // A picture that is no reference is all that H.264 says without SVC: nal_ref_idc 0 (section 7.4.1 of H.264).
        Encoding::H264 { .. } => {
            let first = *payload.first()?;
            let nal_type = if first & 0x1f == FU_A { *payload.get(1)? } else { first } & 0x1f;
            Some(u8::from(nal_type == SLICE && first & 0x60 == 0))
        }
        // nuh_temporal_id_plus1 (RFC 7798 section 1.1.4).
        Encoding::H265 => Some((*payload.get(1)? & 7).saturating_sub(1)),
        Encoding::Vp8 => vp8(payload),
        Encoding::Vp9 { .. } => vp9(payload),
        Encoding::Av1 { .. } => av1(payload),
        Encoding::Opus => None,
    }
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

/// RFC 9628 section 4.2: the TID where L is set, after PictureID.
fn vp9(payload: &[u8]) -> Option<u8> {
    let (required, mut at) = (*payload.first()?, 1);
    if required & 0x80 != 0 {
        at += if *payload.get(at)? & 0x80 == 0 { 1 } else { 2 };
    }
    if required & 0x20 == 0 { Some(0) } else { Some(payload.get(at)? >> 5) }
}

/// The temporal_id of the first OBU that has a layer (AV1 section 5.3.3, RTP payload format for AV1 section 4.4).
fn av1(payload: &[u8]) -> Option<u8> {
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
            let layer = if header & OBU_EXTENSION == 0 { 0 } else { element.get(1)? >> 5 };
            return Some(layer);
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
            assert_eq!(temporal_layer(encoding, payload), layer, "{encoding:?} {payload:02x?}");
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
                *above += u32::from(temporal_layer(encoding, &payload).is_some_and(|layer| layer > 0));
            }
        });
        assert!(above.iter().all(|above| *above > 100), "{above:?} were above the lowest");
    }
}
