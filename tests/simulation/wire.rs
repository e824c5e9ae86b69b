//! A listener on every wire out of the server. It has no keys: numbers are in the clear.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;
use std::time::Instant;

use media::SessionId;

/// The tag of AES-GCM, which all peers of the simulation speak (RFC 7714).
const TAG: usize = 16;

/// What is known of a datagram when it leaves.
#[derive(Debug, Clone)]
pub(crate) struct Stamp {
    pub(crate) sent_at: Instant,
    /// Its SSRC; none if it is not SRTP.
    pub(crate) ssrc: Option<u32>,
    /// What had been sent to the peer before a report.
    pub(crate) counts: Option<Rc<BTreeMap<u32, Count>>>,
}

/// Packets and octets of payload sent with one SSRC, as a sender report has them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) packets: u32,
    pub(crate) octets: u32,
}

/// Everything that was sealed with the keys of one session.
#[derive(Debug, Default)]
struct Sealed {
    newest: HashMap<u32, u64>,
    /// By SSRC and extended sequence number.
    indices: HashMap<(u32, u64), Vec<u8>>,
    rtcp: HashSet<u32>,
    counts: BTreeMap<u32, Count>,
}

/// What was heard.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    sessions: HashMap<(usize, SessionId), Sealed>,
    pub(crate) packets: u64,
}

impl Wire {
    /// Hears one datagram to the peer of a worker's session. Fails if it takes a number again that was used with these keys.
    pub(crate) fn hear(&mut self, now: Instant, session: (usize, SessionId), datagram: &[u8]) -> Stamp {
        let mut stamp = Stamp { sent_at: now, ssrc: None, counts: None };
        if !matches!(datagram.first(), Some(128..=191)) {
            return stamp;
        }
        let sealed = self.sessions.entry(session).or_default();
        if (192..=223).contains(&datagram[1]) {
            let index = word(datagram, datagram.len() - 4);
            assert_eq!(index >> 31, 1, "session {session:?}: a report in the clear");
            assert!(sealed.rtcp.insert(index), "session {session:?}: SRTCP index {index} twice");
            stamp.counts = Some(Rc::new(sealed.counts.clone()));
            return stamp;
        }
        let ssrc = word(datagram, 8);
        let sequence = u16::from_be_bytes([datagram[2], datagram[3]]);
        let newest = sealed.newest.entry(ssrc).or_insert(u64::from(sequence));
        let ahead = sequence.wrapping_sub(*newest as u16) as i16;
        let index = newest.checked_add_signed(ahead.into()).expect("no index below zero");
        *newest = index.max(*newest);
        // What tells one sealing from another: the tag.
        let tag = datagram[datagram.len() - TAG..].to_vec();
        if let Some(before) = sealed.indices.insert((ssrc, index), tag.clone()) {
            assert_eq!(before, tag, "session {session:?}: SSRC {ssrc} used the index {index} twice");
        }
        let count = sealed.counts.entry(ssrc).or_default();
        count.packets += 1;
        count.octets += (datagram.len() - header_length(datagram) - TAG) as u32;
        self.packets += 1;
        stamp.ssrc = Some(ssrc);
        stamp
    }

    /// The session is over, its keys are gone.
    pub(crate) fn forget(&mut self, session: (usize, SessionId)) {
        self.sessions.remove(&session);
    }
}

/// RFC 3550 section 5.1 and 5.3.1; there are no contributing sources.
fn header_length(datagram: &[u8]) -> usize {
    if datagram[0] & 0x10 == 0 {
        return 12;
    }
    16 + 4 * usize::from(u16::from_be_bytes([datagram[14], datagram[15]]))
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}
