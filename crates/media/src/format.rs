//! What a packet's payload is: its codec, and where its keyframes begin.

use str0m::format::{
    Codec, PayloadParams, detect_av1_keyframe, detect_h264_nalu, detect_h265_keyframe, detect_vp9_keyframe,
};
use str0m::media::Pt;
use str0m::rtp::Vp8Descriptor;

/// The encoding of a track's packets, as far as forwarding must know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// H.264 (RFC 6184) with its packetization mode and `profile_idc`.
    H264 {
        /// 0 or 1.
        packetization_mode: u8,
        /// The first byte of profile-level-id: 66 baseline, 77 main, 100 high.
        profile_idc: u8,
    },
    /// H.265 (RFC 7798).
    H265,
    /// VP8 (RFC 7741).
    Vp8,
    /// VP9 (RFC 9628) with its profile.
    Vp9 {
        /// 0 to 3.
        profile: u8,
    },
    /// AV1 (the AOM RTP specification) with its profile.
    Av1 {
        /// 0 to 2.
        profile: u8,
    },
    /// Opus (RFC 7587).
    Opus,
}

/// By which payload types a viewer takes an encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PayloadTypes {
    /// The encoding itself.
    pub(crate) own: u8,
    /// Its retransmissions (RFC 4588); none if the viewer takes none.
    pub(crate) resend: Option<u8>,
    /// Voices with redundancy (RFC 2198).
    pub(crate) red: Option<u8>,
}

impl Encoding {
    /// The encoding that these negotiated parameters stand for; none for what this server does not forward.
    pub(crate) fn of(params: &PayloadParams) -> Option<Self> {
        let format = params.spec().format;
        let profile = || format.profile_id.unwrap_or(0).min(3) as u8;
        match params.spec().codec {
            Codec::H264 => Some(Self::H264 {
                packetization_mode: format.packetization_mode.unwrap_or(0),
                profile_idc: format.profile_level_id.map_or(66, |id| (id >> 16) as u8),
            }),
            Codec::H265 => Some(Self::H265),
            Codec::Vp8 => Some(Self::Vp8),
            Codec::Vp9 => Some(Self::Vp9 { profile: profile() }),
            Codec::Av1 => Some(Self::Av1 { profile: profile() }),
            Codec::Opus => Some(Self::Opus),
            _ => None,
        }
    }

    /// The encoding name of an SDP rtpmap.
    pub fn name(self) -> &'static str {
        match self {
            Self::H264 { .. } => "H264",
            Self::H265 => "H265",
            Self::Vp8 => "VP8",
            Self::Vp9 { .. } => "VP9",
            Self::Av1 { .. } => "AV1",
            Self::Opus => "opus",
        }
    }

    /// RTP ticks a second.
    pub fn clock_rate_hz(self) -> u32 {
        if self == Self::Opus { 48_000 } else { 90_000 }
    }

    /// How well a receiver that negotiated `other` takes packets of `self`: none not at all, higher is better.
    ///
    /// H.264 decoders take any profile that they know at all, so the packetization mode decides and a differing
    /// profile only counts against: x264's High decodes where constrained baseline was negotiated.
    fn fit(self, other: Self) -> Option<u8> {
        match (self, other) {
            (
                Self::H264 { packetization_mode, profile_idc },
                Self::H264 { packetization_mode: other_mode, profile_idc: other_profile },
            ) => Some(2 * u8::from(packetization_mode == other_mode) + u8::from(profile_idc == other_profile)),
            _ => (self == other).then_some(0),
        }
    }

    /// The parameters, among those that a receiver negotiated, that take packets of this encoding best.
    pub(crate) fn choose(self, params: &[PayloadParams], negotiated: &[Pt]) -> Option<PayloadParams> {
        params
            .iter()
            .filter(|param| negotiated.contains(&param.pt()))
            .filter_map(|param| Some((self.fit(Self::of(param)?)?, param)))
            .max_by_key(|(fit, _)| *fit)
            .map(|(_, param)| *param)
    }

    /// True if the packet is the first of a keyframe's coded picture, or its parameter sets.
    pub(crate) fn begins_keyframe(self, payload: &[u8]) -> bool {
        match self {
            Self::H264 { .. } => [5, 7].iter().any(|nal| detect_h264_nalu(payload, *nal)),
            Self::H265 => detect_h265_keyframe(payload),
            Self::Vp8 => Vp8Descriptor::parse(payload).is_ok_and(|descriptor| descriptor.starts_keyframe(payload)),
            Self::Vp9 { .. } => detect_vp9_keyframe(payload),
            Self::Av1 { .. } => detect_av1_keyframe(payload),
            Self::Opus => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const H264: Encoding = Encoding::H264 { packetization_mode: 1, profile_idc: 66 };

    #[test]
    fn a_keyframe_begins_with_its_parameter_sets_or_its_first_slice() {
        assert!(H264.begins_keyframe(&[0x67, 1, 2]), "SPS alone");
        assert!(H264.begins_keyframe(&[0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 1]), "SPS and PPS in a STAP-A");
        assert!(H264.begins_keyframe(&[0x7c, 0x85, 1]), "first fragment of an IDR slice");
        assert!(!H264.begins_keyframe(&[0x7c, 0x05, 1]), "a later fragment");
        assert!(!H264.begins_keyframe(&[0x41, 1]), "another slice");
        assert!(!H264.begins_keyframe(&[]), "nothing");
    }

    #[test]
    fn h264_fits_by_mode_before_profile() {
        let high = Encoding::H264 { packetization_mode: 1, profile_idc: 100 };
        let mode_0 = Encoding::H264 { packetization_mode: 0, profile_idc: 100 };
        assert!(high.fit(H264) > high.fit(mode_0));
        assert_eq!(high.fit(Encoding::Vp8), None);
        assert_eq!(Encoding::Vp9 { profile: 0 }.fit(Encoding::Vp9 { profile: 2 }), None);
    }

    #[test]
    fn hostile_payloads_are_looked_at_without_harm() {
        let encodings = [
            H264,
            Encoding::H265,
            Encoding::Vp8,
            Encoding::Vp9 { profile: 0 },
            Encoding::Vp9 { profile: 2 },
            Encoding::Av1 { profile: 0 },
        ];
        let good = [
            // H.264: STAP-A, FU-A, single; H.265: parameter sets in an aggregation packet, a fragment, an IDR.
            vec![0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 1],
            vec![0x7c, 0x85, 1],
            vec![0x65, 1, 2],
            vec![0x60, 1, 0, 3, 0x40, 1, 9, 0, 3, 0x42, 1, 9],
            vec![0x62, 1, 0x93, 1, 2],
            vec![0x26, 1, 7],
            // VP8 and VP9 keyframes with long picture numbers, VP9 with a scalability structure.
            vec![0x90, 0xf0, 0x81, 0x02, 3, 0x20, 0x10, 2, 0, 0x9d, 1, 0x2a, 0x80, 2, 0xe0, 1],
            vec![0xaa, 0x81, 2, 0, 9, 0x18, 2, 0x80, 1, 0xe0, 0, 0x49, 0x83, 0x42],
            // AV1: a new sequence of two OBUs with their lengths.
            vec![0x28, 3, 0x08, 0, 0, 0x30, 1, 2, 3],
            vec![0x18, 0x0a, 11, 0, 0, 0, 0x24, 0xc4, 0xff, 0xdf, 0x3f, 0xfe, 0x60, 0x40],
        ];
        let mut begun = [0; 6];
        hostile::play(100_000, |dice| {
            let payload = hostile::bent(dice, &good);
            for (encoding, begun) in encodings.iter().zip(&mut begun) {
                *begun += u32::from(encoding.begins_keyframe(&payload));
            }
        });
        assert!(begun.iter().all(|begun| *begun > 100), "{begun:?} keyframes began");
    }
}
