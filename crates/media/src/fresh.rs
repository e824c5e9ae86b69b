//! What has come of one layer and has not gone out to all of its live viewers yet, in order of arrival.

use std::time::Instant;

use crate::packet::Packet;

/// What all have been sent is forgotten as soon as it is so many packets, also while some wait for what came after.
const FORGOTTEN_AT_ONCE: u64 = 128;
/// More than a viewer may be behind and still be called live: two seconds at 6 Mb/s. What comes after it is found in
/// the history.
const MOST: usize = 1500;

/// The packets, and how many came before them since the layer began.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    packets: Vec<Packet>,
    before: u64,
    /// When something came, and how many packets had come before it.
    arrivals: Vec<(Instant, u64)>,
}

impl Fresh {
    /// Adds what has just come.
    pub(crate) fn push(&mut self, now: Instant, packet: Packet) {
        if self.packets.len() == MOST {
            self.forget();
        }
        if self.arrivals.last().is_none_or(|(at, _)| *at != now) {
            self.arrivals.push((now, self.count()));
        }
        self.packets.push(packet);
    }

    /// True if nobody is owed anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// How many packets have come since the layer began.
    pub(crate) fn count(&self) -> u64 {
        self.before + self.packets.len() as u64
    }

    /// How many of them are no more here.
    pub(crate) fn forgotten(&self) -> u64 {
        self.before
    }

    /// What came after so many packets.
    pub(crate) fn after(&self, count: u64) -> &[Packet] {
        let at = count.saturating_sub(self.before).min(self.packets.len() as u64);
        &self.packets[at as usize..]
    }

    /// All viewers have what they are to have.
    pub(crate) fn forget(&mut self) {
        self.before += self.packets.len() as u64;
        self.packets.clear();
        self.arrivals.clear();
    }

    /// All viewers have what came before this.
    pub(crate) fn forget_before(&mut self, since: Instant) {
        let earlier = self.arrivals.partition_point(|(at, _)| *at <= since).saturating_sub(1);
        let Some((_, count)) = self.arrivals.get(earlier).filter(|(_, count)| count - self.before >= FORGOTTEN_AT_ONCE)
        else {
            return;
        };
        self.packets.drain(..(count - self.before) as usize);
        self.before = *count;
        self.arrivals.drain(..earlier);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_all_have_is_forgotten_while_some_wait() {
        let start = Instant::now();
        let at = |burst: u64| start + Duration::from_millis(burst);
        let mut fresh = Fresh::default();
        for sequence in 0..1000 {
            fresh.push(at(sequence / 10), Packet::example(start, sequence, 0, false));
        }
        fresh.forget_before(at(12));
        assert_eq!(fresh.forgotten(), 0, "not worth it");
        fresh.forget_before(at(20));
        assert_eq!((fresh.forgotten(), fresh.count()), (200, 1000), "what came at that moment is kept");
        assert_eq!(fresh.after(203).first().map(|packet| packet.sequence), Some(203));
        fresh.forget_before(at(200));
        assert_eq!(fresh.forgotten(), 990, "the last arrival may be owed");
        fresh.forget();
        assert_eq!((fresh.forgotten(), fresh.after(0).len()), (1000, 0));
    }
}
