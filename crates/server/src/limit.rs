//! How much the server takes on, and how much one client may ask of it.
//!
//! The limits of the contract on the wire are in [`signaling::limit`]; these are the server's own.

use std::time::{Duration, Instant};

/// WebSocket, WHIP and WHEP clients of the whole server.
pub const CLIENTS: usize = 10_000;
/// WHIP and WHEP sessions that one token subject may have at a time, in all rooms together. A capture box has four, a
/// wall of monitors twelve; one that has fallen silent gives way to the next. More is refused with `too_many`.
pub const SESSIONS_PER_SUBJECT: usize = 64;
/// A WHIP or WHEP session is silent when nothing has come from its peer for so long. Whoever has nothing to say still owes
/// a connectivity check every six seconds at most (RFC 7675 section 5.1), so two of them are missing; libnice sends none, but
/// media, and reports on what it gets. And a wall of twelve monitors that begins anew as
/// often as it may for long leaves 48 sessions in this time: there is a place for each, but not for a burst of 64 that comes first.
pub const SILENT_AFTER: Duration = Duration::from_secs(12);
/// A WHIP session that finds its site full of feeds waits so long for a place: half a second without a packet shows that a feed
/// has stopped, and a quarter more is for packets that were still on their way.
pub const PLACE_AWAITED: Duration = Duration::from_millis(750);
/// See [`PLACE_AWAITED`].
pub const PLACE_ASKED_FOR_EVERY: Duration = Duration::from_millis(250);
/// HTTP connections of the whole server, WebSockets among them.
pub const CONNECTIONS: usize = 12_000;
/// Orders of each rank that may wait for a worker; a sender waits when there is no place, so a flood slows its own source.
pub const INBOX_ORDERS: usize = 4096;
/// The audience keeps off the worker that has the room's panel until another has this many clients more: as many as one
/// core serves with one feed at a quarter of its time.
pub const HOME_RESERVE: usize = 250;
/// What may wait for a worker from other workers, and how much of it is kept free for what must not be lost.
pub const PARCELS: usize = 8192;
/// See [`PARCELS`].
pub const PARCELS_KEPT_FREE: usize = 4096;
/// What may wait for a slow consumer of a tap: a second of a feed of 8 Mb/s.
pub const TAP_PACKETS: usize = 1024;
/// The same in excerpts, of which each burst of a publisher makes one.
pub const TAP_EXCERPTS: usize = 512;
/// Thumbnails that one thread can be asked for at a time.
pub const THUMBNAILS_BEGUN: usize = 64;
/// Pages of the journal, of one room and input each, that may wait for the disk.
pub const JOURNAL_PAGES: usize = 4096;
/// Entries of a journal that one request is given.
pub const JOURNAL_ENTRIES_READ: usize = 1000;
/// What may be asked of the register and wait; more is refused with `at_capacity`.
pub const REGISTER_ORDERS: usize = 256;
/// Lines of the audit that one request is given.
pub const AUDIT_ENTRIES_READ: usize = 500;
/// A login lasts a day's work, and no longer.
pub const LOGIN_TTL: Duration = Duration::from_secs(12 * 3600);
/// Logins that one account may have at a time; the one that ends first gives way.
pub const LOGINS_PER_ACCOUNT: usize = 16;
/// What one account may ask of `/api/v1` in a second, on average; five times as much at once.
pub const REQUESTS_PER_SECOND: u32 = 20;
/// A password has so many characters at least; which they are is everybody's own affair (NIST SP 800-63B).
pub const PASSWORD_CHARACTERS: usize = 12;
/// A password in bytes.
pub const PASSWORD_BYTES: usize = 256;
/// Passwords that may wait to be hashed; more are refused with `at_capacity`.
pub const PASSWORDS_WAITING: usize = 32;
/// A join token that was asked for by somebody who is logged in lasts so long.
pub const TOKEN_TTL: Duration = Duration::from_secs(12 * 3600);
/// The same for a device, which nobody logs in to.
pub const DEVICE_TOKEN_TTL: Duration = Duration::from_secs(90 * 24 * 3600);
/// The longest period of an invite.
pub const INVITE_PERIOD: Duration = Duration::from_secs(90 * 24 * 3600);
/// Invites of one room that are kept.
pub const INVITES_PER_ROOM: usize = 1000;
/// The body of a request to `/api/v1` in bytes.
pub const REQUEST_BYTES: usize = 64 * 1024;
/// A file of sites in bytes: ten thousand of them.
pub const SITES_FILE_BYTES: usize = 4 * 1024 * 1024;
/// A join token in bytes; real ones have about 500.
pub const TOKEN_BYTES: usize = 8 * 1024;
/// A trickle ICE fragment in bytes.
pub const FRAGMENT_BYTES: usize = 64 * 1024;
/// What is read and thrown away of a body that is refused, so that its sender gets to read why.
pub const DRAINED_BYTES: usize = 32 * 1024 * 1024;
/// An HTTP body has to be there after this time.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// The head of an HTTP request has to be there after this time; also ends idle connections.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// A room answers a request in microseconds; one that takes this long has failed.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// The first message of a WebSocket has to be there after this time (rule J1).
pub const JOIN_TIMEOUT: Duration = Duration::from_secs(10);
/// A WebSocket is pinged this often ...
pub const PING_INTERVAL: Duration = Duration::from_secs(10);
/// ... and closed when nothing at all has come from it for this long.
pub const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);
/// One message has to be taken by the client's network within this time.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Messages refused with `too_many`, one after the other, before a WebSocket is closed.
pub const REFUSED_IN_A_ROW: u32 = 200;
/// A room that nobody is in is kept this long, so that a reload finds it as it was.
pub const EMPTY_ROOM_KEPT: Duration = Duration::from_secs(30);
/// ICE-TCP connections of one worker that have not yet proved whose they are; beyond it the oldest gives way.
pub const STRANGER_STREAMS: usize = 256;
/// As many of them may come from one IP address; more are refused. A hospital behind one address has thirty viewers who
/// join at once, each with up to two connections that take a second to prove themselves.
pub const STRANGER_STREAMS_PER_ADDRESS: usize = 64;
/// ICE-TCP connections of one worker.
pub const STREAMS: usize = 4096;
/// An ICE-TCP connection has to prove whose it is within this time ...
pub const STRANGER_TIMEOUT: Duration = Duration::from_secs(10);
/// ... and this many bytes.
pub const STRANGER_BYTES: usize = 16 * 1024;
/// One datagram in an ICE-TCP connection; senders keep to the MTU there, too.
pub const FRAME_BYTES: usize = 4096;
/// What may wait in one ICE-TCP connection; beyond it whole datagrams are dropped.
pub const STREAM_BACKLOG_BYTES: usize = 512 * 1024;
/// From here on it is full, and its session's pictures wait; until no more than this is left.
pub const STREAM_FULL_BYTES: usize = 96 * 1024;
/// See [`STREAM_FULL_BYTES`].
pub const STREAM_EASY_BYTES: usize = 32 * 1024;
/// Addresses that one session may send from; the oldest gives way.
pub const ADDRESSES_PER_SESSION: usize = 8;
/// The server is down this long after it was told to stop, at the latest.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(4);

/// A token bucket: so many a second on average, and so many at once.
#[derive(Debug)]
pub struct Bucket {
    per_second: f64,
    burst: f64,
    left: f64,
    filled: Instant,
}

impl Bucket {
    /// A full bucket.
    pub fn new(now: Instant, per_second: u32, burst: u32) -> Self {
        let (per_second, burst) = (f64::from(per_second), f64::from(burst));
        Self { per_second, burst, left: burst, filled: now }
    }

    /// A full bucket that gets one every so long.
    pub fn one_every(now: Instant, every: Duration, burst: u32) -> Self {
        let burst = f64::from(burst);
        Self { per_second: every.as_secs_f64().recip(), burst, left: burst, filled: now }
    }

    /// What was taken last is given back.
    pub fn give_back(&mut self) {
        self.left = (self.left + 1.0).min(self.burst);
    }

    /// Takes one; false when there is none.
    pub fn take(&mut self, now: Instant) -> bool {
        self.fill(now);
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }

    /// True if nothing of it is taken.
    pub fn is_full(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.left >= self.burst
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.left = (self.left + passed * self.per_second).min(self.burst);
        self.filled = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(start, 50, 100);
        let burst = (0..1000).filter(|_| bucket.take(start)).count();
        assert_eq!(burst, 100);
        let later = start + Duration::from_secs(1);
        let after_a_second = (0..1000).filter(|_| bucket.take(later)).count();
        assert_eq!(after_a_second, 50);
    }
}
