//! What has been sent under transport-wide numbers and not been accounted for yet.

use std::collections::VecDeque;

/// Two seconds of a panel of twelve feeds. What is older when the next is sent is forgotten.
const MOST: usize = 8192;

/// Packets in the order of their numbers.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    packets: VecDeque<Sent>,
    /// The number of the first.
    first: u16,
}

/// One packet that was sent: eight bytes, for there are as many as two seconds of a viewer's pictures.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    /// When, in microseconds that wrap.
    pub(crate) at_us: u32,
    /// On the wire, without UDP and IP.
    pub(crate) bytes: u16,
    pub(crate) fate: Fate,
    /// We ourselves have sent more than was live just before it.
    pub(crate) is_disturbed: bool,
}

/// What the receiver has said of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Unknown,
    Arrived,
    /// It had not come when a later one was reported; it may still come.
    Missing,
}

impl Flight {
    /// Notes the next packet. The numbers are those of one count without gaps.
    pub(crate) fn push(&mut self, sequence: u16, at_us: u32, bytes: u16, is_disturbed: bool) {
        if self.packets.len() == MOST {
            self.packets.pop_front();
            self.first = self.first.wrapping_add(1);
        }
        if self.packets.is_empty() {
            self.first = sequence;
        }
        self.packets.push_back(Sent { at_us, bytes, fate: Fate::Unknown, is_disturbed });
    }

    /// The packet with this number, if it is still known.
    pub(crate) fn get_mut(&mut self, sequence: u16) -> Option<&mut Sent> {
        self.packets.get_mut(usize::from(sequence.wrapping_sub(self.first)))
    }

    /// True if with this packet another one of those is missing that parity would have had in one group with it: of every other
    /// one in a block of ten (`parity.rs`) two stand before it, on average.
    pub(crate) fn is_missing_together(&self, sequence: u16) -> bool {
        let place = usize::from(sequence.wrapping_sub(self.first));
        let before = [2, 4].into_iter().filter_map(|back| self.packets.get(place.checked_sub(back)?));
        before.into_iter().any(|sent| sent.fate == Fate::Missing)
    }

    /// Forgets what was sent before this.
    pub(crate) fn forget_before(&mut self, at_us: u32) {
        while self.packets.front().is_some_and(|sent| (sent.at_us.wrapping_sub(at_us) as i32) < 0) {
            self.packets.pop_front();
            self.first = self.first.wrapping_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_found_by_their_numbers_over_the_wrap() {
        let mut flight = Flight::default();
        for step in 0..10_000_u32 {
            flight.push((60_000 + step) as u16, step * 100, step as u16, false);
        }
        let mut bytes = |sequence: u32| flight.get_mut(sequence as u16).map(|sent| sent.bytes);
        assert_eq!(bytes(69_999), Some(9_999));
        assert_eq!(bytes(61_808), Some(1_808), "the oldest of the last 8,192");
        assert_eq!(bytes(61_807), None);
        assert_eq!(bytes(70_000), None, "not sent yet");
        flight.forget_before(900_000);
        assert_eq!(flight.get_mut(69_000_u32 as u16).map(|sent| sent.bytes), Some(9_000));
        assert!(flight.get_mut(68_999_u32 as u16).is_none());
        flight.forget_before(2_000_000);
        flight.push(5, 2_000_000, 7, false);
        assert_eq!(flight.get_mut(5).map(|sent| sent.bytes), Some(7));
    }
}
