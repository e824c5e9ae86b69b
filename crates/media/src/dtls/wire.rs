//! What OpenSSL reads from and writes to in place of a socket.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

/// The two directions of one connection, with the borders of datagrams: one read takes one, one write makes one.
#[derive(Debug, Default)]
pub(super) struct Wire {
    pub(super) incoming: VecDeque<Vec<u8>>,
    pub(super) outgoing: VecDeque<Vec<u8>>,
    /// Whether anything was ever sent.
    pub(super) spoken: bool,
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let datagram = self.incoming.pop_front().ok_or(io::ErrorKind::WouldBlock)?;
        // A datagram beyond OpenSSL's buffer holds a record beyond the protocol's limit: cut, it is dropped as broken.
        let length = datagram.len().min(into.len());
        into[..length].copy_from_slice(&datagram[..length]);
        Ok(length)
    }
}

impl Write for Wire {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        self.outgoing.push_back(datagram.to_vec());
        self.spoken = true;
        Ok(datagram.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
