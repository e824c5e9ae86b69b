//! Which session wants time next: a heap, so that nothing ever sweeps over all of them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use crate::SessionId;

/// Deadlines of sessions. Entries may be stale: the caller compares with the session's own deadline.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    heap: BinaryHeap<Reverse<(Instant, SessionId)>>,
}

impl Deadlines {
    /// Notes a deadline.
    pub(crate) fn push(&mut self, at: Instant, session: SessionId) {
        self.heap.push(Reverse((at, session)));
    }

    /// The earliest deadline.
    pub(crate) fn earliest(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes the earliest entry that is due.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<SessionId> {
        if self.earliest()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, session))| session)
    }
}
