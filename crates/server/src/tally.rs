//! What a worker counts while it works. It adds up for itself and shows its sums once a second, so that no packet
//! touches anything shared.

use std::time::Duration;

use media::Rank;

/// Why a datagram went no further. Counted, never logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// UDP from an address that belongs to no session, and no connectivity check of one.
    Stranger,
    /// The same by ICE-TCP.
    StrangerStream,
    /// The room had been closed.
    NoRoom,
    /// UDP would have had to wait.
    WouldBlock,
    /// The network refused it.
    SendFailed,
    /// An ICE-TCP connection had too much waiting already.
    Backlog,
    /// There is no such ICE-TCP connection any more.
    NoStream,
}

impl DropReason {
    /// Every reason, in the order of [`Tally::dropped`].
    pub const ALL: [Self; 7] = [
        Self::Stranger,
        Self::StrangerStream,
        Self::NoRoom,
        Self::WouldBlock,
        Self::SendFailed,
        Self::Backlog,
        Self::NoStream,
    ];

    /// The word in the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stranger => "stranger",
            Self::StrangerStream => "stranger_stream",
            Self::NoRoom => "no_room",
            Self::WouldBlock => "would_block",
            Self::SendFailed => "send_failed",
            Self::Backlog => "backlog",
            Self::NoStream => "no_stream",
        }
    }
}

/// Why an ICE-TCP connection was closed before its session was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEnd {
    /// The peer closed it, or the network did.
    Peer,
    /// Too many connections of strangers, or too many at all.
    Crowd,
    /// It did not prove whose it is in time.
    Time,
    /// It sent too much before it proved whose it is.
    Bytes,
    /// It sent a longer frame than any peer does.
    Frame,
}

impl StreamEnd {
    /// Every end, in the order of [`Tally::streams_ended`].
    pub const ALL: [Self; 5] = [Self::Peer, Self::Crowd, Self::Time, Self::Bytes, Self::Frame];

    /// The word in the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Crowd => "crowd",
            Self::Time => "time",
            Self::Bytes => "bytes",
            Self::Frame => "frame",
        }
    }
}

/// Upper edges of the buckets of a delay, in seconds; the budget is 1 ms (PRODUCT section 4).
pub const DELAY_EDGES: [f64; 14] =
    [25e-6, 50e-6, 100e-6, 200e-6, 400e-6, 700e-6, 1e-3, 2e-3, 5e-3, 10e-3, 20e-3, 50e-3, 100e-3, 1.0];

/// Upper edges of the buckets of a path and of an age, in seconds: among them the budget of 100 ms, and 200 and 300 ms,
/// where a picture's age turns amber and red (PRODUCT section 4).
pub const AGE_EDGES: [f64; 16] =
    [1e-3, 2e-3, 5e-3, 10e-3, 20e-3, 35e-3, 50e-3, 75e-3, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 10.0];

/// How long something took, counted by bucket.
#[derive(Debug, Clone, Copy)]
pub struct Delays<const EDGES: usize> {
    edges: &'static [f64; EDGES],
    /// How many fell at or below each edge and above the one before.
    counts: [u64; EDGES],
    /// How many were above all edges.
    above: u64,
    /// All of them together, in seconds.
    pub sum_s: f64,
}

impl<const EDGES: usize> Delays<EDGES> {
    /// None yet, to be counted by these edges in seconds, the lowest first.
    pub const fn new(edges: &'static [f64; EDGES]) -> Self {
        Self { edges, counts: [0; EDGES], above: 0, sum_s: 0.0 }
    }

    /// Counts one.
    pub fn add(&mut self, delay: Duration) {
        let delay_s = delay.as_secs_f64();
        match self.edges.iter().position(|edge| delay_s <= *edge) {
            Some(bucket) => self.counts[bucket] += 1,
            None => self.above += 1,
        }
        self.sum_s += delay_s;
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.above
    }

    /// Each bucket's upper edge and how many fell into it; the last has no edge.
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let edges = self.edges.iter().copied().zip(self.counts);
        edges.chain([(f64::INFINITY, self.above)]).collect()
    }
}

impl Default for Delays<{ DELAY_EDGES.len() }> {
    fn default() -> Self {
        Self::new(&DELAY_EDGES)
    }
}

/// Datagrams and their bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Traffic {
    /// How many.
    pub datagrams: u64,
    /// How many bytes, without headers.
    pub bytes: u64,
}

impl Traffic {
    /// Counts some.
    pub fn add(&mut self, datagrams: usize, bytes: usize) {
        self.datagrams += datagrams as u64;
        self.bytes += bytes as u64;
    }
}

/// One worker's sums since it started, and its sizes as they are now.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Received by UDP.
    pub udp_received: Traffic,
    /// Received by ICE-TCP.
    pub tcp_received: Traffic,
    /// Sent by UDP.
    pub udp_sent: Traffic,
    /// Sent by ICE-TCP.
    pub tcp_sent: Traffic,
    /// Runs sent by UDP: system calls, where the kernel segments.
    pub runs_sent: u64,
    /// Datagrams dropped, by [`DropReason::ALL`].
    pub dropped: [u64; DropReason::ALL.len()],
    /// ICE-TCP connections closed early, by [`StreamEnd::ALL`].
    pub streams_ended: [u64; StreamEnd::ALL.len()],
    /// From the kernel's receipt of a burst's first datagram until what follows from it has left, here or in an annex;
    /// each slice of the audience counts.
    pub forwarding: Delays<{ DELAY_EDGES.len() }>,
    /// How long messages waited for the worker, by [`Rank::ALL`].
    pub waited: [Delays<{ DELAY_EDGES.len() }>; Rank::ALL.len()],
    /// Rooms that were closed because something in them failed.
    pub panics: u64,
    /// Excerpts that another worker had no room for; it has them later.
    pub excerpts_refused: u64,
    /// Rooms now.
    pub rooms: usize,
    /// Annexes of other workers' rooms now.
    pub annexes: usize,
    /// Clients now.
    pub clients: usize,
    /// Sessions now: peer connections that have a route.
    pub sessions: usize,
    /// ICE-TCP connections now.
    pub streams: usize,
}

impl Tally {
    /// Counts dropped datagrams.
    pub fn drop(&mut self, reason: DropReason, datagrams: usize) {
        self.dropped[reason as usize] += datagrams as u64;
    }

    /// How long messages of this rank waited.
    pub fn waited_mut(&mut self, rank: Rank) -> &mut Delays<{ DELAY_EDGES.len() }> {
        &mut self.waited[rank as usize]
    }

    /// Counts a connection's early end.
    pub fn end(&mut self, end: StreamEnd) {
        self.streams_ended[end as usize] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_stand_where_they_are_counted() {
        assert!(DropReason::ALL.iter().enumerate().all(|(place, reason)| *reason as usize == place));
        assert!(StreamEnd::ALL.iter().enumerate().all(|(place, end)| *end as usize == place));
        assert!(Rank::ALL.iter().enumerate().all(|(place, rank)| *rank as usize == place));
    }

    #[test]
    fn a_delay_falls_into_one_bucket() {
        let mut delays = Delays::default();
        for delay_us in [1, 25, 26, 1000, 1001, 10_000_000] {
            delays.add(Duration::from_micros(delay_us));
        }
        assert_eq!(delays.count(), 6);
        let counts: Vec<u64> = delays.buckets().iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [2, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1]);
    }
}
