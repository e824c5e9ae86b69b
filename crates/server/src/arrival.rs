//! What one look at the sockets brought.

use std::net::SocketAddr;
use std::ops::Range;

use media::{Datagram, Protocol};

use crate::route::Target;

/// One datagram, still in the buffer that it was received into.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Whose it is; set once it was looked up.
    pub target: Target,
    /// How it came.
    pub protocol: Protocol,
    /// Where from.
    pub source: SocketAddr,
    /// To which candidate of ours.
    pub destination: SocketAddr,
    /// In which buffer.
    pub buffer: usize,
    /// Where in it.
    pub range: Range<usize>,
}

/// Datagrams and the buffers that they are in, both used again and again.
#[derive(Debug, Default)]
pub struct Batch {
    /// Received bytes.
    pub buffers: Vec<Vec<u8>>,
    /// The datagrams in them.
    pub arrivals: Vec<Arrival>,
}

impl Batch {
    /// The datagrams of one room as the room takes them; `range` is of arrivals.
    pub fn datagrams(&self, range: Range<usize>) -> Vec<Datagram<'_>> {
        self.arrivals[range]
            .iter()
            .map(|arrival| Datagram {
                session: arrival.target.session,
                protocol: arrival.protocol,
                source: arrival.source,
                destination: arrival.destination,
                bytes: &self.buffers[arrival.buffer][arrival.range.clone()],
            })
            .collect()
    }
}
