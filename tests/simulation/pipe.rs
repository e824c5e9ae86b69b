//! An ICE-TCP connection as the server's worker has it: what waits in it, and when it is said to be full.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::wire::Stamp;

/// The worker's limits (crates/server, `limit.rs`).
const BACKLOG_BYTES: usize = 512 * 1024;
const FULL_BYTES: usize = 96 * 1024;
const EASY_BYTES: usize = 32 * 1024;

/// One connection, from the server to a peer.
#[derive(Debug)]
pub(crate) struct Pipe {
    bytes_per_second: u64,
    waiting: VecDeque<(Vec<u8>, Stamp)>,
    waiting_bytes: usize,
    stalled_until: Option<Instant>,
    is_full: bool,
    pub(crate) is_running: bool,
    pub(crate) dropped: u64,
    pub(crate) holds: u32,
}

impl Pipe {
    pub(crate) fn new(bytes_per_second: u64) -> Self {
        Self {
            bytes_per_second,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            stalled_until: None,
            is_full: false,
            is_running: false,
            dropped: 0,
            holds: 0,
        }
    }

    /// The network takes nothing more until then.
    pub(crate) fn stall(&mut self, until: Instant) {
        self.stalled_until = Some(until);
    }

    /// Queues a datagram whole, or drops it.
    pub(crate) fn push(&mut self, datagram: &[u8], stamp: Stamp) {
        if self.waiting_bytes + datagram.len() > BACKLOG_BYTES {
            self.dropped += 1;
            return;
        }
        self.waiting_bytes += datagram.len();
        self.waiting.push_back((datagram.to_vec(), stamp));
    }

    /// When the first datagram that waits is through.
    pub(crate) fn through_at(&self, now: Instant) -> Option<Instant> {
        let (first, _) = self.waiting.front()?;
        let begin = self.stalled_until.map_or(now, |until| until.max(now));
        Some(begin + Duration::from_micros(first.len() as u64 * 1_000_000 / self.bytes_per_second))
    }

    pub(crate) fn pop(&mut self) -> Option<(Vec<u8>, Stamp)> {
        let (datagram, stamp) = self.waiting.pop_front()?;
        self.waiting_bytes -= datagram.len();
        Some((datagram, stamp))
    }

    /// Whether it has become full, or is no more; none when nothing has changed.
    pub(crate) fn pressure(&mut self) -> Option<bool> {
        let is_full = self.waiting_bytes > if self.is_full { EASY_BYTES } else { FULL_BYTES };
        let is_changed = std::mem::replace(&mut self.is_full, is_full) != is_full;
        self.holds += u32::from(is_changed && is_full);
        is_changed.then_some(is_full)
    }
}
