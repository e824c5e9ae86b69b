//! Where a viewer wants what it is sent: the pair that it nominated (RFC 8445 section 8.1.1).
//!
//! The engine knows it too, but tells nobody; and it stays with an old pair of the same priority, which is where a
//! viewer was before its NAT gave it another port. So its connectivity checks are read as they pass: one that carries
//! USE-CANDIDATE and that the engine answers with success, having verified its integrity, nominates.

use std::time::{Duration, Instant};

use is::stun::StunMessage;

use crate::Datagram;
use crate::datagram::Path;

/// A pair that was not nominated again for so long gives way to one of lower priority. Browsers check the pair that
/// they use at least every 2.5 s.
const STANDS: Duration = Duration::from_secs(3);
/// Binding success response.
const SUCCESS: [u8; 2] = [1, 1];

/// The nominated pair.
#[derive(Debug, Default)]
pub(crate) struct Nomination {
    nominated: Option<Check>,
    /// What the engine has just been given and has not answered yet.
    checking: Option<Check>,
}

/// A connectivity check with USE-CANDIDATE.
#[derive(Debug, Clone, Copy)]
struct Check {
    transaction: [u8; 12],
    path: Path,
    priority: u32,
    at: Instant,
}

impl Nomination {
    /// Looks at a datagram that the engine is about to be given.
    pub(crate) fn check(&mut self, now: Instant, datagram: &Datagram<'_>) {
        self.checking = nominating(datagram.bytes).map(|(transaction, priority)| Check {
            transaction,
            path: Path { protocol: datagram.protocol, source: datagram.destination, destination: datagram.source },
            priority,
            at: now,
        });
    }

    /// Looks at a datagram that the engine sends. True if the peer is to be found elsewhere from now on.
    pub(crate) fn answer(&mut self, sent: &[u8]) -> bool {
        let is_answer = |check: &mut Check| sent.starts_with(&SUCCESS) && sent.get(8..20) == Some(&check.transaction);
        let Some(check) = self.checking.take_if(is_answer) else { return false };
        match self.nominated {
            Some(before) if before.path == check.path => {
                self.nominated = Some(check);
                false
            }
            // Who nominates everything that works means the one of the highest priority.
            Some(before) if check.priority < before.priority && check.at < before.at + STANDS => false,
            _ => {
                self.nominated = Some(check);
                true
            }
        }
    }

    /// ICE begins anew: the old path serves until a new one is nominated, and that one need be no better, for the peer
    /// keeps nothing of the old session (RFC 8445 section 2.4).
    pub(crate) fn restart(&mut self) {
        if let Some(before) = &mut self.nominated {
            before.priority = 0;
        }
    }

    /// Where the peer is.
    pub(crate) fn path(&self) -> Option<Path> {
        self.nominated.map(|check| check.path)
    }
}

/// The transaction and the priority of a binding request with USE-CANDIDATE.
fn nominating(datagram: &[u8]) -> Option<([u8; 12], u32)> {
    // STUN begins with two zero bits; the parser is not asked about anything else.
    if datagram.first()? >> 6 != 0 {
        return None;
    }
    let message = StunMessage::parse(datagram).ok()?;
    let is_nominating = message.is_binding_request() && message.use_candidate();
    let transaction = *datagram.get(8..20)?.first_chunk()?;
    is_nominating.then(|| (transaction, message.prio().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Protocol, SessionId};

    fn request(transaction: u8, priority: u32, use_candidate: bool) -> Vec<u8> {
        let mut attributes = vec![0, 6, 0, 3, b'a', b':', b'b', 0, 0, 0x24, 0, 4];
        attributes.extend(priority.to_be_bytes());
        if use_candidate {
            attributes.extend([0, 0x25, 0, 0]);
        }
        // Whether the integrity holds is the engine's affair.
        attributes.extend([0, 8, 0, 20]);
        attributes.extend([0; 20]);
        let mut datagram = vec![0, 1, 0, attributes.len() as u8, 0x21, 0x12, 0xa4, 0x42];
        datagram.extend([transaction; 12]);
        datagram.extend(attributes);
        datagram
    }

    struct Peer {
        nomination: Nomination,
        now: Instant,
    }

    impl Peer {
        /// A check from this port, answered; true if it moved the peer.
        fn check(&mut self, port: u16, priority: u32, use_candidate: bool) -> bool {
            let bytes = request(port as u8, priority, use_candidate);
            let datagram = Datagram {
                session: SessionId(1),
                protocol: Protocol::Udp,
                source: ([10, 0, 0, 2], port).into(),
                destination: ([10, 0, 0, 1], 1).into(),
                bytes: &bytes,
            };
            self.nomination.check(self.now, &datagram);
            let mut answer = vec![1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
            answer.extend([port as u8; 12]);
            self.nomination.answer(&answer)
        }

        fn port(&self) -> Option<u16> {
            self.nomination.path().map(|path| path.destination.port())
        }
    }

    fn peer() -> Peer {
        Peer { nomination: Nomination::default(), now: Instant::now() }
    }

    #[test]
    fn only_an_answered_nomination_counts() {
        let mut peer = peer();
        assert!(!peer.check(1, 100, false));
        assert_eq!(peer.port(), None);
        let bytes = request(1, 100, true);
        for length in 0..bytes.len() {
            assert_eq!(nominating(&bytes[..length]), None, "cut to {length}");
        }
        assert!(peer.check(1, 100, true));
        assert!(!peer.nomination.answer(&[1, 1, 0, 0]), "what was answered is done");
    }

    #[test]
    fn a_new_port_of_the_same_candidate_is_followed_at_once() {
        let mut peer = peer();
        assert!(peer.check(1, 100, true));
        assert!(!peer.check(1, 100, true), "it is there already");
        assert!(peer.check(2, 100, true));
        assert_eq!(peer.port(), Some(2));
    }

    #[test]
    fn a_lesser_pair_waits_until_the_better_is_silent() {
        let mut peer = peer();
        peer.check(1, 100, true);
        assert!(!peer.check(2, 50, true));
        peer.now += STANDS;
        assert!(peer.check(2, 50, true));
        assert_eq!(peer.port(), Some(2));
    }

    #[test]
    fn after_a_restart_any_pair_is_followed() {
        let mut peer = peer();
        peer.check(1, 100, true);
        peer.nomination.restart();
        assert_eq!(peer.port(), Some(1), "until there is one");
        assert!(peer.check(2, 50, true));
        assert!(!peer.check(3, 40, true), "and from then on as ever");
    }

    #[test]
    fn hostile_checks_nominate_nobody_unless_answered() {
        let mut ice = request(1, 100, true);
        // ICE-CONTROLLING, SOFTWARE and FINGERPRINT, as browsers send them.
        ice.extend([0x80, 0x2a, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x80, 0x22, 0, 3, b'x', b'y', b'z', 0]);
        ice.extend([0x80, 0x28, 0, 4, 1, 2, 3, 4]);
        ice[3] = (ice.len() - 20) as u8;
        let good = [request(1, 100, true), request(2, 50, false), ice];
        let mut peer = peer();
        let mut understood = 0;
        hostile::play(100_000, |dice| {
            let bytes = hostile::bent(dice, &good);
            let datagram = Datagram {
                session: SessionId(1),
                protocol: Protocol::Udp,
                source: ([10, 0, 0, 2], 9).into(),
                destination: ([10, 0, 0, 1], 1).into(),
                bytes: &bytes,
            };
            peer.nomination.check(peer.now, &datagram);
            let checking = peer.nomination.checking;
            assert!(checking.is_none_or(|check| bytes[8..20] == check.transaction), "{bytes:02x?}");
            understood += u32::from(checking.is_some());
            let answer = hostile::bent(dice, &[vec![1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42], bytes.clone()]);
            let moved = peer.nomination.answer(&answer);
            assert!(!moved || answer[8..20] == bytes[8..20], "{answer:02x?}");
        });
        assert!(understood > 1000, "{understood} were understood");
    }
}
