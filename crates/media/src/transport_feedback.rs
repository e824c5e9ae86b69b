//! Transport-wide feedback: which of all packets came, and when (draft-holmer-rmcat-transport-wide-cc-extensions-01
//! section 3.1).

/// A unit of arrival times.
pub(crate) const UNIT_US: i64 = 250;
/// The reference time is in units of 64 ms, 24 bits with a sign.
const REFERENCE_UNITS: i64 = 64_000 / UNIT_US;
/// After so many units the arrival times begin anew.
pub(crate) const WRAP_UNITS: i64 = REFERENCE_UNITS << 24;
/// Where the statuses begin, after header, SSRCs, base, count, reference time and number.
const HEAD: usize = 20;
/// No viewer has more packets on the way; run lengths could claim 65,535 in 16 bytes.
const MOST: usize = 8192;

/// One packet of which a feedback tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) sequence: u16,
    /// By the receiver's clock, in units of 250 us that wrap after [`WRAP_UNITS`]; none if it had not come.
    pub(crate) at_units: Option<i64>,
}

/// Reads a feedback with its RTCP header. Nothing is told of what it is too short for.
pub(crate) fn read(packet: &[u8], mut tell: impl FnMut(Arrival)) {
    let Some(&[_, _, _, _, _, _, _, _, _, _, _, _, base_0, base_1, count_0, count_1, ref_0, ref_1, ref_2, _]) =
        packet.first_chunk::<HEAD>()
    else {
        return;
    };
    let base = u16::from_be_bytes([base_0, base_1]);
    let count = usize::from(u16::from_be_bytes([count_0, count_1])).min(MOST);
    let mut at_units = i64::from(u32::from_be_bytes([0, ref_0, ref_1, ref_2])) * REFERENCE_UNITS;
    let statuses = &packet[HEAD..];
    // The deltas follow the last chunk, so that chunks are walked twice: to find that place, then to read.
    let Some(chunks) = chunks_of(statuses, count) else { return };
    let mut deltas = statuses[2 * chunks..].iter().copied();
    let mut sequence = base;
    let mut left = count;
    for chunk in statuses.as_chunks::<2>().0.iter().take(chunks) {
        for status in symbols(*chunk).take(left) {
            let delta = match status {
                1 => deltas.next().map(i64::from),
                2 | 3 => deltas.next().zip(deltas.next()).map(|(high, low)| i64::from(i16::from_be_bytes([high, low]))),
                _ => Some(0),
            };
            let Some(delta) = delta else { return };
            at_units += delta;
            tell(Arrival { sequence, at_units: (status != 0).then_some(at_units.rem_euclid(WRAP_UNITS)) });
            sequence = sequence.wrapping_add(1);
            left -= 1;
        }
    }
}

/// How many chunks hold so many statuses. None if there are not as many.
fn chunks_of(statuses: &[u8], count: usize) -> Option<usize> {
    let mut held = 0;
    let mut chunks = statuses.as_chunks::<2>().0.iter();
    let mut used = 0;
    while held < count {
        held += length(*chunks.next()?);
        used += 1;
    }
    Some(used)
}

/// Statuses in a chunk: a run, 14 of one bit, or 7 of two.
fn length(chunk: [u8; 2]) -> usize {
    let word = u16::from_be_bytes(chunk);
    match word >> 14 {
        0 | 1 => usize::from(word & 0x1fff),
        2 => 14,
        _ => 7,
    }
}

fn symbols(chunk: [u8; 2]) -> impl Iterator<Item = u16> {
    let word = u16::from_be_bytes(chunk);
    let symbol = move |at: usize| match word >> 14 {
        0 | 1 => word >> 13 & 3,
        2 => word >> (13 - at) & 1,
        _ => word >> (12 - 2 * at) & 3,
    };
    (0..length(chunk)).map(symbol)
}

#[cfg(test)]
mod tests {
    use hostile::Rng;

    use super::*;

    fn head(base: u16, count: u16, reference: u32) -> Vec<u8> {
        let mut packet = vec![0x8f, 205, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9];
        packet.extend(base.to_be_bytes());
        packet.extend(count.to_be_bytes());
        packet.extend(&reference.to_be_bytes()[1..]);
        packet.push(7);
        packet
    }

    fn all(packet: &[u8]) -> Vec<(u16, Option<i64>)> {
        let mut told = Vec::new();
        read(packet, |arrival| told.push((arrival.sequence, arrival.at_units)));
        told
    }

    #[test]
    fn all_kinds_of_chunks_are_read() {
        let mut packet = head(65_534, 12, 2);
        packet.extend([0x20, 3]); // three small deltas
        packet.extend([0b1100_0110, 0b0001_0010]); // 0 1 2 0 1 0 2
        packet.extend([0b1010_0000, 0]); // 1 0 ...
        packet.extend([4, 0, 8]);
        packet.extend([1, 0xff, 0xff, 2, 0x01, 0x00]);
        packet.push(1);
        let start = 2 * REFERENCE_UNITS;
        let want = [4, 4, 12, -1, 13, 12, -1, 14, -1, 270, 271, -1].map(|at| (at >= 0).then_some(start + at));
        let numbers = (0..12_u16).map(|step| 65_534_u16.wrapping_add(step));
        assert_eq!(all(&packet), numbers.zip(want).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_cut_short_tells_no_more_than_it_holds() {
        let mut packet = head(1, 3, 0);
        packet.extend([0x20, 3, 4, 4]);
        assert_eq!(all(&packet).len(), 2, "the third has no delta");
        assert_eq!(all(&packet[..21]), []);
        assert_eq!(all(&head(1, 3, 0)), []);
        let mut claims = head(1, 65_535, 0);
        claims.extend([0x1f, 0xff].repeat(9));
        assert_eq!(all(&claims).len(), MOST);
    }

    #[test]
    fn hostile_feedback_is_read_without_harm() {
        let mut good = head(65_534, 12, 0xff_ffff);
        good.extend([0x20, 3, 0b1100_0110, 0b0001_0010, 0xa0, 0, 4, 0, 8, 1, 0xff, 0xff, 2, 1, 0, 1]);
        hostile::play(20_000, |dice| {
            let bent = hostile::bent(dice, std::slice::from_ref(&good));
            let cut = dice.random_range(0..=bent.len());
            assert!(all(&bent[..cut]).len() <= MOST);
        });
    }
}
