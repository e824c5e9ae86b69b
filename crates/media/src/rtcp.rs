//! RTCP of our own way out: what viewers say of what they get, and what we say of what we send (RFC 3550 section 6,
//! RFC 4585, RFC 5104, RFC 3611).

use std::time::Duration;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;
const EXTENDED_REPORT: u8 = 207;
/// Seconds from 1900 to 1970.
const NTP_TO_1970: u64 = 2_208_988_800;

/// One thing that a viewer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feedback<'a> {
    /// A receiver report's block on one of our streams.
    Reception {
        ssrc: u32,
        /// Part lost since the last report, of 256.
        lost_of_256: u8,
        /// The middle of the NTP time of our last report that came there, and how long ago that was, in 1/65536 s.
        last_report: u32,
        since_last_report: u32,
    },
    /// Packets that did not come: the first, and which of the 16 after it (RFC 4585 section 6.2.1).
    Nack { ssrc: u32, first: u16, more: u16 },
    /// A keyframe is wanted: PLI or FIR.
    KeyframeWanted { ssrc: u32 },
    /// A transport-wide feedback with its header, for `transport_feedback`.
    Transport(&'a [u8]),
    /// The viewer's clock, to be given back: the middle of its NTP time (RFC 3611 section 4.4).
    ReferenceTime { from: u32, middle: u32 },
}

/// Reads a compound packet. What it cannot read it leaves out.
pub(crate) fn read<'a>(mut compound: &'a [u8], mut tell: impl FnMut(Feedback<'a>)) {
    while let Some((&[first, kind, high, low], _)) = compound.split_first_chunk::<4>() {
        let length = 4 * (1 + usize::from(u16::from_be_bytes([high, low])));
        let Some((packet, rest)) = compound.split_at_checked(length) else { return };
        compound = rest;
        if first >> 6 != 2 {
            return;
        }
        let count = first & 0x1f;
        match (kind, count) {
            (SENDER_REPORT, _) => read_receptions(packet.get(28..).unwrap_or(&[]), count, &mut tell),
            (RECEIVER_REPORT, _) => read_receptions(packet.get(8..).unwrap_or(&[]), count, &mut tell),
            (TRANSPORT_FEEDBACK, 1) => {
                let Some(ssrc) = word(packet, 8) else { continue };
                for entry in packet.get(12..).unwrap_or(&[]).as_chunks::<4>().0 {
                    let [a, b, c, d] = *entry;
                    let (first, more) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
                    tell(Feedback::Nack { ssrc, first, more });
                }
            }
            (TRANSPORT_FEEDBACK, 15) => tell(Feedback::Transport(packet)),
            (PAYLOAD_FEEDBACK, 1) => {
                if let Some(ssrc) = word(packet, 8) {
                    tell(Feedback::KeyframeWanted { ssrc });
                }
            }
            (PAYLOAD_FEEDBACK, 4) => {
                for entry in packet.get(12..).unwrap_or(&[]).as_chunks::<8>().0 {
                    tell(Feedback::KeyframeWanted {
                        ssrc: u32::from_be_bytes([entry[0], entry[1], entry[2], entry[3]]),
                    });
                }
            }
            (EXTENDED_REPORT, _) => read_extended(packet, &mut tell),
            _ => {}
        }
    }
}

fn read_receptions<'a>(blocks: &'a [u8], count: u8, tell: &mut impl FnMut(Feedback<'a>)) {
    for block in blocks.as_chunks::<24>().0.iter().take(usize::from(count)) {
        let word = |at: usize| u32::from_be_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
        tell(Feedback::Reception {
            ssrc: word(0),
            lost_of_256: block[4],
            last_report: word(16),
            since_last_report: word(20),
        });
    }
}

fn read_extended<'a>(packet: &'a [u8], tell: &mut impl FnMut(Feedback<'a>)) {
    let Some(from) = word(packet, 4) else { return };
    let mut blocks = packet.get(8..).unwrap_or(&[]);
    while let Some((&[kind, _, high, low], _)) = blocks.split_first_chunk::<4>() {
        let length = 4 * (1 + usize::from(u16::from_be_bytes([high, low])));
        let Some((block, rest)) = blocks.split_at_checked(length) else { return };
        blocks = rest;
        if let (4, Some(seconds), Some(fraction)) = (kind, word(block, 4), word(block, 8)) {
            tell(Feedback::ReferenceTime { from, middle: seconds << 16 | fraction >> 16 });
        }
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// NTP time, 32.32, of a time since 1970.
pub(crate) fn ntp(since_1970: Duration) -> u64 {
    ((since_1970.as_secs() + NTP_TO_1970) << 32) | ((u64::from(since_1970.subsec_nanos()) << 32) / 1_000_000_000)
}

/// The middle 32 bits of an NTP time.
pub(crate) fn ntp_middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// The round trip that a reception block shows, `now` being our NTP time (RFC 3550 section 6.4.1).
pub(crate) fn round_trip(now: u64, last_report: u32, since_last_report: u32) -> Option<Duration> {
    if last_report == 0 {
        return None;
    }
    let units = ntp_middle(now).wrapping_sub(last_report).wrapping_sub(since_last_report);
    // More than half a minute is a clock that was set.
    (units < 30 << 16).then(|| Duration::from_micros(u64::from(units) * 1_000_000 / 65_536))
}

/// What we say of one of our streams.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SenderReport {
    pub(crate) ssrc: u32,
    /// Our time, and the RTP timestamp of the same moment.
    pub(crate) ntp: u64,
    pub(crate) rtp_ticks: u32,
    pub(crate) packets: u32,
    /// Of payload.
    pub(crate) octets: u32,
}

/// Appends a sender report without blocks.
pub(crate) fn write_report(out: &mut Vec<u8>, report: &SenderReport) {
    out.extend_from_slice(&[0x80, SENDER_REPORT, 0, 6]);
    out.extend_from_slice(&report.ssrc.to_be_bytes());
    out.extend_from_slice(&report.ntp.to_be_bytes());
    for word in [report.rtp_ticks, report.packets, report.octets] {
        out.extend_from_slice(&word.to_be_bytes());
    }
}

/// Appends the canonical name of these streams (RFC 3550 section 6.5.1), at most 31 of them.
pub(crate) fn write_names(out: &mut Vec<u8>, streams: impl Iterator<Item = u32>, cname: &str) {
    let start = out.len();
    let name = &cname.as_bytes()[..cname.len().min(255)];
    // The item, and at least one zero that ends the list, padded to whole words.
    let padding = 4 - (2 + name.len()) % 4;
    out.extend_from_slice(&[0x80, SOURCE_DESCRIPTION, 0, 0]);
    for ssrc in streams {
        out[start] += 1;
        out.extend_from_slice(&ssrc.to_be_bytes());
        out.extend_from_slice(&[1, name.len() as u8]);
        out.extend_from_slice(name);
        out.resize(out.len() + padding, 0);
    }
    end_packet(out, start);
}

/// Appends a receiver report without blocks.
pub(crate) fn write_empty_report(out: &mut Vec<u8>, ssrc: u32) {
    out.extend_from_slice(&[0x80, RECEIVER_REPORT, 0, 1]);
    out.extend_from_slice(&ssrc.to_be_bytes());
}

/// Appends the answers to [`Feedback::ReferenceTime`]s: from whom, what it said, how long ago (RFC 3611 section 4.5).
pub(crate) fn write_reference_answers(
    out: &mut Vec<u8>,
    ssrc: u32,
    answers: impl Iterator<Item = (u32, u32, Duration)>,
) {
    let start = out.len();
    out.extend_from_slice(&[0x80, EXTENDED_REPORT, 0, 0]);
    out.extend_from_slice(&ssrc.to_be_bytes());
    let block = out.len();
    out.extend_from_slice(&[5, 0, 0, 0]);
    for (to, middle, since) in answers {
        let since = (since.as_micros() as u64 * 65_536 / 1_000_000) as u32;
        for word in [to, middle, since] {
            out.extend_from_slice(&word.to_be_bytes());
        }
    }
    end_packet(out, block);
    end_packet(out, start);
}

/// Writes the length, in words less one, of what began at `start` with a head of one word.
fn end_packet(out: &mut [u8], start: usize) {
    let words = ((out.len() - start) / 4 - 1) as u16;
    out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(packet: &[u8]) -> Vec<Feedback<'_>> {
        let mut told = Vec::new();
        read(packet, |feedback| told.push(feedback));
        told
    }

    fn said_by_a_viewer() -> Vec<u8> {
        let mut packet = vec![0x81, 201, 0, 7, 0, 0, 0, 1];
        packet.extend([0, 0, 0, 9, 64, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6]);
        packet.extend([0x81, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 9, 0, 100, 0x80, 1, 1, 0, 0, 0]);
        packet.extend([0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 9]);
        packet.extend([0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 8, 1, 0, 0, 0]);
        packet.extend([0x80, 207, 0, 4, 0, 0, 0, 1, 4, 0, 0, 2, 0, 1, 0, 2, 0, 3, 0, 4]);
        packet
    }

    #[test]
    fn reads_what_viewers_say() {
        assert_eq!(
            all(&said_by_a_viewer()),
            [
                Feedback::Reception { ssrc: 9, lost_of_256: 64, last_report: 5, since_last_report: 6 },
                Feedback::Nack { ssrc: 9, first: 100, more: 0x8001 },
                Feedback::Nack { ssrc: 9, first: 256, more: 0 },
                Feedback::KeyframeWanted { ssrc: 9 },
                Feedback::KeyframeWanted { ssrc: 8 },
                Feedback::ReferenceTime { from: 1, middle: 0x0002_0003 },
            ]
        );
    }

    #[test]
    fn every_piece_of_it_is_read_without_harm() {
        let packet =
            [0x81, 201, 0, 7, 0, 0, 0, 1, 0, 0, 0, 9, 64, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6];
        for length in 0..packet.len() {
            assert_eq!(all(&packet[..length]), [], "cut to {length}");
        }
    }

    #[test]
    fn what_is_written_has_the_length_that_it_says() {
        let mut out = Vec::new();
        let report =
            SenderReport { ssrc: 7, ntp: ntp(Duration::from_millis(1500)), rtp_ticks: 1, packets: 2, octets: 3 };
        write_report(&mut out, &report);
        for length in 0..9 {
            write_names(&mut out, [7, 8].into_iter(), &"x".repeat(length));
        }
        write_empty_report(&mut out, 7);
        write_reference_answers(&mut out, 7, [(8, 9, Duration::from_millis(500)); 2].into_iter());
        let mut rest = &out[..];
        let mut packets = 0;
        while let Some((&[first, _, high, low], _)) = rest.split_first_chunk::<4>() {
            assert_eq!(first >> 6, 2);
            rest = &rest[4 * (1 + usize::from(u16::from_be_bytes([high, low])))..];
            packets += 1;
        }
        assert_eq!((packets, rest.len()), (12, 0));
        assert_eq!(out[8..16], [0x83, 0xaa, 0x7e, 0x81, 0x80, 0, 0, 0], "1.5 s after 1970 in NTP time");
    }

    #[test]
    fn the_round_trip_is_what_is_left() {
        let now = ntp(Duration::from_secs(100));
        let sent = ntp_middle(ntp(Duration::from_millis(99_700)));
        let trip = round_trip(now, sent, 65_536 / 5).expect("a trip");
        assert!(trip.abs_diff(Duration::from_millis(100)) < Duration::from_millis(1), "{trip:?}");
        assert_eq!(round_trip(now, 0, 0), None);
        assert_eq!(round_trip(now, ntp_middle(now).wrapping_add(5), 0), None);
    }

    #[test]
    fn hostile_feedback_is_no_more_than_it_is_long() {
        let mut reports = Vec::new();
        write_report(&mut reports, &SenderReport { ssrc: 7, ntp: 1, rtp_ticks: 1, packets: 2, octets: 3 });
        write_names(&mut reports, [7, 8].into_iter(), "name");
        write_empty_report(&mut reports, 7);
        write_reference_answers(&mut reports, 7, [(8, 9, Duration::from_millis(500)); 2].into_iter());
        let good = [said_by_a_viewer(), reports];
        let mut understood = 0;
        hostile::play(50_000, |dice| {
            let packet = hostile::bent(dice, &good);
            let told = all(&packet);
            // Each takes at least one word, behind a head of two.
            assert!(4 * told.len() <= packet.len().saturating_sub(8), "{} told by {packet:02x?}", told.len());
            understood += usize::from(!told.is_empty());
            for feedback in told {
                if let Feedback::Reception { last_report, since_last_report, .. } = feedback {
                    let trip = round_trip(ntp(Duration::from_secs(100)), last_report, since_last_report);
                    assert!(trip.is_none_or(|trip| trip < Duration::from_secs(30)), "{trip:?}");
                }
            }
        });
        assert!(understood > 1000, "{understood} were understood");
    }
}
