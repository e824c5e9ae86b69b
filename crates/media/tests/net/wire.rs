//! What was sent to a peer, as anybody on the wire sees it.

use std::collections::BTreeMap;

/// True for SRTCP, in what is SRTP or SRTCP.
pub(crate) fn is_rtcp(datagram: &[u8]) -> bool {
    (192..=223).contains(&datagram[1])
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// The SRTP index of every packet, by SSRC: the sequence number with its rollovers counted, as a receiver does.
pub(crate) fn indices(heard: &[Vec<u8>]) -> BTreeMap<u32, Vec<u64>> {
    let mut indices: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for datagram in heard.iter().filter(|datagram| !is_rtcp(datagram)) {
        let sequence = u16::from_be_bytes([datagram[2], datagram[3]]);
        let known = indices.entry(word(datagram, 8)).or_default();
        let newest = known.iter().max().copied().unwrap_or(u64::from(sequence));
        let ahead = sequence.wrapping_sub(newest as u16) as i16;
        known.push(newest.checked_add_signed(ahead.into()).expect("no index below zero"));
    }
    indices
}

/// The SRTCP index of every report.
pub(crate) fn srtcp_indices(heard: &[Vec<u8>]) -> Vec<u32> {
    let reports = heard.iter().filter(|datagram| is_rtcp(datagram));
    let index = |datagram: &Vec<u8>| {
        let index = word(datagram, datagram.len() - 4);
        assert_eq!(index >> 31, 1, "it is encrypted");
        index
    };
    reports.map(index).collect()
}
