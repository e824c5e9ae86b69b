//! The journal: everything that happened in a room, in order, as somebody would be told who may know all of it.
//!
//! So the contract on the wire is also what is kept, and whoever can follow a room can follow its journal. What is nothing
//! but an answer, or passes by itself (`watched`, `speaking`), is not in it.

use std::time::Instant;

use signaling::ServerMessage;

use crate::{Outbox, Room};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Counts from 1 in each room. Where a number is missing, something that happened is not known.
    pub number: u64,
    /// When, in milliseconds since 1970-01-01 UTC by the server's clock.
    pub at_ms: u64,
    /// What was told of it.
    pub message: ServerMessage,
}

impl Room {
    /// Puts into the journal what came of the input that has just been handled.
    pub(crate) fn keep_journal(&mut self, now: Instant, out: &mut Outbox) {
        if self.is_annex() {
            // Its home keeps it.
            out.noted.clear();
            return;
        }
        let at_ms = (self.since_1970 + now.saturating_duration_since(self.began)).as_millis() as u64;
        for message in out.noted.drain(..) {
            self.last_entry += 1;
            out.journal.push(Entry { number: self.last_entry, at_ms, message });
        }
    }
}
