//! H.264 parameter sets for streams that do not repeat them.
//!
//! A decoder needs SPS and PPS before each keyframe that it may begin with. Some encoders send them once, some only
//! in the offer's `sprop-parameter-sets` (RFC 6184 section 8.1). They are remembered and put in before such keyframes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const SPS: u8 = 7;
const PPS: u8 = 8;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
const IDR: u8 = 5;

/// The latest SPS and PPS of a stream.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct ParameterSets {
    sps: Vec<u8>,
    pps: Vec<u8>,
}

impl ParameterSets {
    /// The parameter sets that an offer carries for the m-line `mid`; empty if it carries none.
    pub(crate) fn of_offer(sdp: &str, mid: &str) -> Self {
        let mut sets = Self::default();
        let sections: Vec<&str> = sdp.split("\nm=").skip(1).collect();
        let ours = sections.iter().find(|section| section.lines().any(|line| line.strip_prefix("a=mid:") == Some(mid)));
        let values = ours.into_iter().flat_map(|section| section.lines()).filter(|line| line.starts_with("a=fmtp:"));
        let values = values.filter_map(|line| line.split_once("sprop-parameter-sets=")).map(|(_, value)| value);
        for set in values.flat_map(|value| value.split([';', ' ', '\r']).next().unwrap_or("").split(',')) {
            if let Ok(nal) = STANDARD.decode(set) {
                sets.keep(&nal);
            }
        }
        sets
    }

    /// Remembers the sets that a packet carries. True if it carried an SPS.
    pub(crate) fn take(&mut self, payload: &[u8]) -> bool {
        let mut has_sps = false;
        for nal in nals(payload) {
            has_sps |= nal.first().is_some_and(|first| first & 0x1f == SPS);
            self.keep(nal);
        }
        has_sps
    }

    fn keep(&mut self, nal: &[u8]) {
        // A set of more than 1 kB is none, and would not fit into one packet.
        let Some(first) = nal.first().filter(|_| nal.len() <= 1000) else { return };
        match first & 0x1f {
            SPS => self.sps = nal.to_vec(),
            PPS => self.pps = nal.to_vec(),
            _ => {}
        }
    }

    /// Both sets as one STAP-A payload (RFC 6184 section 5.7.1); none if one is not known.
    pub(crate) fn payload(&self) -> Option<Vec<u8>> {
        if self.sps.is_empty() || self.pps.is_empty() || self.sps.len() + self.pps.len() > 1100 {
            return None;
        }
        let reference = (self.sps[0] | self.pps[0]) & 0x60;
        let mut payload = vec![reference | STAP_A];
        for set in [&self.sps, &self.pps] {
            payload.extend_from_slice(&(set.len() as u16).to_be_bytes());
            payload.extend_from_slice(set);
        }
        Some(payload)
    }
}

/// True if an IDR slice begins in the packet.
pub(crate) fn begins_idr(payload: &[u8]) -> bool {
    match payload {
        [header, fu, ..] if header & 0x1f == FU_A => fu & 0x80 != 0 && fu & 0x1f == IDR,
        _ => nals(payload).any(|nal| nal.first().is_some_and(|first| first & 0x1f == IDR)),
    }
}

/// The SPS that a packet carries.
pub(crate) fn sps(payload: &[u8]) -> Option<&[u8]> {
    nals(payload).find(|nal| nal.first().is_some_and(|first| first & 0x1f == SPS))
}

/// The whole NAL units of a single-NAL or STAP-A packet.
fn nals(payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    let kind = payload.first().map_or(0, |first| first & 0x1f);
    let mut rest = match kind {
        STAP_A => &payload[1..],
        _ => &[],
    };
    let single = (1..STAP_A).contains(&kind).then_some(payload);
    let aggregated = std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let nal = after.get(..usize::from(u16::from_be_bytes(*length)))?;
        rest = &after[nal.len()..];
        Some(nal)
    });
    single.into_iter().chain(aggregated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_an_offer() {
        let sdp = "v=0\r\nm=audio 9 X 111\r\na=mid:a\r\nm=video 9 X 96\r\na=mid:v\r\n\
                   a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LAHw==,aM4G;x=1\r\n";
        let sets = ParameterSets::of_offer(sdp, "v");
        assert_eq!(sets.payload(), Some(vec![0x78, 0, 4, 0x67, 0x42, 0xc0, 0x1f, 0, 3, 0x68, 0xce, 0x06]));
        assert_eq!(ParameterSets::of_offer(sdp, "a").payload(), None);
        assert_eq!(ParameterSets::of_offer("garbage", "v"), ParameterSets::default());
    }

    #[test]
    fn sets_in_band() {
        let mut sets = ParameterSets::default();
        assert!(sets.take(&[0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 2]));
        assert!(!sets.take(&[0x41, 1, 2]));
        assert!(!sets.take(&[0x78, 0xff, 0xff, 0x67]));
        assert!(!sets.take(&[]));
        assert_eq!(sets.payload(), Some(vec![0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 2]));
    }

    #[test]
    fn idr_in_every_packaging() {
        for (payload, begins) in [
            (&[0x65, 1][..], true),
            (&[0x7c, 0x85], true),
            (&[0x7c, 0x45], false),
            (&[0x78, 0, 1, 0x65], true),
            (&[0x41, 1], false),
            (&[], false),
        ] {
            assert_eq!(begins_idr(payload), begins, "{payload:?}");
        }
    }

    #[test]
    fn hostile_payloads_leave_sets_that_are_read_again() {
        let good =
            [vec![0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 2], vec![0x67, 1, 2, 3], vec![0x68, 1], vec![0x7c, 0x85, 1, 2]];
        let mut sets = ParameterSets::default();
        hostile::play(50_000, |dice| {
            let payload = hostile::bent(dice, &good);
            let has_sps = sets.take(&payload);
            let lengths: usize = nals(&payload).map(<[u8]>::len).sum();
            assert!(lengths <= payload.len() && (!has_sps || lengths > 0), "{payload:02x?}");
            assert!(!begins_idr(&payload) || payload.len() > usize::from(payload[0] & 0x1f == FU_A));
            if let Some(written) = sets.payload() {
                let mut again = ParameterSets::default();
                assert!(again.take(&written) && written.len() < 1200);
                assert_eq!(again, sets, "{payload:02x?}");
            }
        });
    }

    #[test]
    fn hostile_offers_leave_sets_that_fit() {
        let sdp = "v=0\r\nm=video 9 X 96\r\na=mid:v\r\na=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LAHw==,aM4G;x=1\r\n";
        let splinters =
            ["sprop-parameter-sets=", ",", ";", "=", "Z0LA", "\nm=", "a=mid:v\r\n", "a=fmtp:", "é", "\0", "////"];
        hostile::play(20_000, |dice| {
            let sets = ParameterSets::of_offer(&hostile::torn(dice, &[sdp], &splinters), "v");
            assert!(sets.sps.len() <= 1000 && sets.pps.len() <= 1000);
        });
    }

    #[test]
    fn long_offers_are_read_once() {
        let sdp = |bytes| {
            format!(
                "v=0\r\nm=video 9 X 1\r\na=mid:v\r\n{}",
                "a=fmtp:9 sprop-parameter-sets=Z0LA,\r\n".repeat(bytes / 37)
            )
        };
        let growth = hostile::growth(sdp, |sdp| drop(ParameterSets::of_offer(sdp, "v")));
        assert!(growth < 32.0, "{growth} times the time for 8 times the length");
    }
}
