//! What has come of one layer and has not gone out to all of its live viewers yet, in order of arrival.

use crate::packet::Packet;

/// More than a viewer may be behind and still be called live: two seconds at 6 Mb/s. What comes after it is found in
/// the history.
const MOST: usize = 1500;

/// The packets, and how many came before them since the layer began.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    packets: Vec<Packet>,
    before: u64,
}

impl Fresh {
    /// Adds what has just come.
    pub(crate) fn push(&mut self, packet: Packet) {
        if self.packets.len() == MOST {
            self.forget();
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
    }
}
