//! A listener on every wire out of the server. It has no keys: numbers are in the clear.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;
use std::time::Instant;

use media::SessionId;

/// The tag of AES-GCM, which all peers of the simulation speak (RFC 7714).
const TAG: usize = 16;
/// Numbers further from the newest than this are no honest stream: no receiver could follow its rollovers, and neither
/// could we.
const FOLLOWED: u16 = 1 << 14;

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
    /// By SSRC and extended sequence number: what was used, of streams and of their retransmissions.
    indices: HashSet<(u32, u64)>,
    rtcp: HashSet<u32>,
    counts: BTreeMap<u32, Count>,
}

/// What was heard.
#[derive(Debug)]
pub(crate) struct Wire {
    seed: u64,
    sessions: HashMap<(usize, SessionId), Sealed>,
    pub(crate) packets: u64,
}

impl Wire {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, sessions: HashMap::new(), packets: 0 }
    }

    /// Hears one datagram to the peer of a worker's session. Fails if it takes a number again that was used with these
    /// keys, be it for the very same bytes: what is the same twice is one careless change from what is not.
    pub(crate) fn hear(&mut self, now: Instant, session: (usize, SessionId), datagram: &[u8]) -> Stamp {
        let mut stamp = Stamp { sent_at: now, ssrc: None, counts: None };
        if !matches!(datagram.first(), Some(128..=191)) {
            return stamp;
        }
        let (seed, sealed) = (self.seed, self.sessions.entry(session).or_default());
        if (192..=223).contains(&datagram[1]) {
            let index = word(datagram, datagram.len() - 4);
            assert_eq!(index >> 31, 1, "seed {seed}, session {session:?}: a report in the clear");
            assert!(sealed.rtcp.insert(index), "seed {seed}, session {session:?}: SRTCP index {index} twice");
            stamp.counts = Some(Rc::new(sealed.counts.clone()));
            return stamp;
        }
        let ssrc = word(datagram, 8);
        let sequence = u16::from_be_bytes([datagram[2], datagram[3]]);
        let newest = sealed.newest.entry(ssrc).or_insert(u64::from(sequence));
        let ahead = sequence.wrapping_sub(*newest as u16) as i16;
        assert!(
            ahead.unsigned_abs() < FOLLOWED,
            "seed {seed}, session {session:?}: SSRC {ssrc} goes on at {sequence} after {newest}"
        );
        let index = newest.checked_add_signed(ahead.into()).expect("no index below zero");
        *newest = index.max(*newest);
        assert!(
            sealed.indices.insert((ssrc, index)),
            "seed {seed}, session {session:?}: SSRC {ssrc} used the index {index} twice"
        );
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
