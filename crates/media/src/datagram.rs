//! What comes from the network and what goes to it.

use std::net::SocketAddr;
use std::ops::Range;

/// How a datagram travels. Over TCP each is one frame of RFC 4571.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// UDP.
    Udp,
    /// ICE-TCP (RFC 6544), passive side.
    Tcp,
}

/// One session of a router: one peer connection. The upper 12 bits tell apart what used the same place before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u32);

/// Both ends of the way that a peer's datagrams go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) protocol: Protocol,
    /// Our own address.
    pub(crate) source: SocketAddr,
    /// The peer's.
    pub(crate) destination: SocketAddr,
}

/// One datagram as it came, unopened.
#[derive(Debug, Clone, Copy)]
pub struct Datagram<'a> {
    /// The session that its source address or ICE user name belongs to.
    pub session: SessionId,
    /// How it came.
    pub protocol: Protocol,
    /// The peer's address.
    pub source: SocketAddr,
    /// Our own address that it was sent to.
    pub destination: SocketAddr,
    /// The whole datagram.
    pub bytes: &'a [u8],
}

/// One destination, one segment size, one contiguous piece of the slab: what one `sendmsg` with UDP segmentation takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Whose it is.
    pub session: SessionId,
    /// How it goes.
    pub protocol: Protocol,
    /// Our own address to send from.
    pub source: SocketAddr,
    /// Where to.
    pub destination: SocketAddr,
    /// Every datagram has this length, only the last may be shorter.
    pub segment_bytes: usize,
    /// Where in the slab.
    pub range: Range<usize>,
}

/// Everything that is to leave, in order: a slab of bytes and the runs in it.
#[derive(Debug, Default)]
pub struct Departures {
    slab: Vec<u8>,
    runs: Vec<Run>,
}

/// The kernel takes at most 64 segments and 65,507 bytes in one call.
const RUN_SEGMENTS: usize = 64;
const RUN_BYTES: usize = 65_000;

impl Departures {
    /// Nothing to send; keeps its memory.
    pub fn clear(&mut self) {
        self.slab.clear();
        self.runs.clear();
    }

    /// True when nothing is to be sent.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How much is to be sent.
    pub(crate) fn bytes(&self) -> usize {
        self.slab.len()
    }

    /// The runs and the bytes of each, in the order in which they are to leave.
    pub fn iter(&self) -> impl Iterator<Item = (&Run, &[u8])> {
        self.runs.iter().map(|run| (run, &self.slab[run.range.clone()]))
    }

    /// Appends one datagram.
    pub(crate) fn push(&mut self, session: SessionId, path: Path, datagram: &[u8]) {
        self.write(session, path, |slab| slab.extend_from_slice(datagram));
    }

    /// Appends one datagram that is written at the end of the slab: to the last run where it fits.
    pub(crate) fn write(&mut self, session: SessionId, path: Path, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.slab.len();
        write(&mut self.slab);
        let end = self.slab.len();
        let length = end - start;
        if let Some(run) = self.runs.last_mut() {
            let whole = run.range.len().is_multiple_of(run.segment_bytes);
            let grown = end - run.range.start;
            if run.session == session
                && run.destination == path.destination
                && run.protocol == path.protocol
                && run.source == path.source
                && whole
                && length <= run.segment_bytes
                && grown <= RUN_BYTES
                && grown <= RUN_SEGMENTS * run.segment_bytes
            {
                run.range.end = end;
                return;
            }
        }
        let Path { protocol, source, destination } = path;
        self.runs.push(Run { session, protocol, source, destination, segment_bytes: length.max(1), range: start..end });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_of_a_run_is_shorter() {
        let path = Path {
            protocol: Protocol::Udp,
            source: "127.0.0.1:1".parse().expect("address"),
            destination: "127.0.0.1:2".parse().expect("address"),
        };
        let mut departures = Departures::default();
        for length in [1200, 1200, 700, 700, 1200, 1200] {
            departures.push(SessionId(1), path, &vec![0; length]);
        }
        departures.push(SessionId(2), path, &[0; 1200]);
        let shape: Vec<_> =
            departures.iter().map(|(run, bytes)| (run.session.0, run.segment_bytes, bytes.len())).collect();
        assert_eq!(shape, [(1, 1200, 3100), (1, 700, 700), (1, 1200, 2400), (2, 1200, 1200)]);
    }
}
