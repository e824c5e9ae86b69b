//! The journal: everything that happened in a room, in order, as somebody would be told who may know all of it.
//!
//! So the contract on the wire is also what is kept, and whoever can follow a room can follow its journal. What is nothing
//! but an answer, or passes by itself (`watched`, `speaking`), is not in it.

use std::time::Instant;

use signaling::{MemberId, Private, ServerMessage};

use crate::{Outbox, Room};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Counts from 1 in each room. Where a number is missing, something that happened is not known.
    pub number: u64,
    /// When, in milliseconds since 1970-01-01 UTC by the server's clock.
    pub at_ms: u64,
    /// Who did it; none where it came by itself.
    pub by: Option<MemberId>,
    /// Of who `entered` by a WebSocket: the subject of its token, by which it is known when it comes back. Never shown.
    pub subject: Option<Private<String>>,
    /// What was told of it.
    pub message: ServerMessage,
}

/// An entry before it is numbered.
#[derive(Debug)]
pub(crate) struct Noted {
    pub(crate) by: Option<MemberId>,
    pub(crate) subject: Option<Private<String>>,
    pub(crate) message: ServerMessage,
}

impl Outbox {
    /// Has something in the journal that nobody did.
    pub(crate) fn note(&mut self, message: ServerMessage) {
        self.noted.push(Noted { by: None, subject: None, message });
    }

    /// Has in the journal what somebody did.
    pub(crate) fn note_by(&mut self, by: Option<MemberId>, message: ServerMessage) {
        self.noted.push(Noted { by, subject: None, message });
    }
}

impl Room {
    /// Puts into the journal what came of the input that has just been handled.
    pub(crate) fn keep_journal(&mut self, now: Instant, out: &mut Outbox) {
        if self.is_annex() {
            // Its home keeps it.
            out.noted.clear();
            return;
        }
        let at_ms = self.wall_ms(now);
        for Noted { by, subject, message } in out.noted.drain(..) {
            self.last_entry += 1;
            out.journal.push(Entry { number: self.last_entry, at_ms, by, subject, message });
        }
    }
}
