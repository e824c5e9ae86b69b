//! A worker's UDP socket: coalesced datagrams in, runs segmented by the kernel out.

use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use media::{Protocol, Run, SessionId};
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};

use crate::address::{Addresses, canonical};
use crate::arrival::{Arrival, Batch};
use crate::route::Target;
use crate::tally::{DropReason, Tally};

/// What the kernel may hold for us; it gives as much of that as its own limit allows. 4 MiB are 30 ms at 1 Gbit/s.
const KERNEL_BUFFER_BYTES: usize = 4 * 1024 * 1024;
/// The most that the kernel coalesces into one buffer.
const BUFFER_BYTES: usize = 65_535;

/// The socket.
#[derive(Debug)]
pub struct Socket {
    socket: mio::net::UdpSocket,
    state: UdpSocketState,
    addresses: Addresses,
}

impl Socket {
    /// Takes over a bound socket.
    ///
    /// # Errors
    /// When the system refuses an option without which it cannot be used.
    pub fn new(socket: std::net::UdpSocket, addresses: Addresses) -> io::Result<Self> {
        let state = UdpSocketState::new((&socket).into())?;
        for grown in [
            state.set_recv_buffer_size((&socket).into(), KERNEL_BUFFER_BYTES),
            state.set_send_buffer_size((&socket).into(), KERNEL_BUFFER_BYTES),
        ] {
            if let Err(error) = grown {
                tracing::warn!(%error, "the kernel keeps its small buffers for the media socket");
            }
        }
        Ok(Self { socket: mio::net::UdpSocket::from_std(socket), state, addresses })
    }

    /// To be polled.
    pub fn source(&mut self) -> &mut mio::net::UdpSocket {
        &mut self.socket
    }

    /// Buffers to receive into.
    pub fn batch(&self) -> Batch {
        Batch { buffers: vec![vec![0; BUFFER_BYTES]; BATCH_SIZE], arrivals: Vec::new() }
    }

    /// Fills the batch with what has come. Returns when the kernel received the first of it (since 1970), and
    /// whether more may be waiting; none when nothing has come.
    pub fn receive(&self, batch: &mut Batch, tally: &mut Tally) -> Option<(Option<Duration>, bool)> {
        let mut metas = [RecvMeta::default(); BATCH_SIZE];
        let received = {
            let mut buffers = batch.buffers.iter_mut();
            let mut slices: [IoSliceMut<'_>; BATCH_SIZE] = std::array::from_fn(|_| {
                IoSliceMut::new(buffers.next().expect("a batch has as many buffers as the system call takes"))
            });
            self.state.recv((&self.socket).into(), &mut slices, &mut metas)
        };
        let filled = match received {
            Ok(filled) => filled,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            // what an ICMP message left behind for an earlier send; what is waiting is read the next time
            Err(_) => return Some((None, true)),
        };
        batch.arrivals.clear();
        for (buffer, meta) in metas[..filled].iter().enumerate() {
            let source = canonical(meta.addr);
            let destination = self.addresses.candidate(meta.dst_ip);
            let mut start = 0;
            while start < meta.len {
                let range = start..meta.len.min(start + meta.stride.max(1));
                start = range.end;
                tally.udp_received.add(1, range.len());
                batch.arrivals.push(Arrival {
                    target: NOBODY,
                    protocol: Protocol::Udp,
                    source,
                    destination,
                    buffer,
                    range,
                });
            }
        }
        Some((metas[0].timestamp, filled == BATCH_SIZE))
    }

    /// Sends a run. What cannot leave at once is dropped and counted: to wait would delay everybody.
    pub fn send(&self, run: &Run, bytes: &[u8], tally: &mut Tally) {
        let destination = self.addresses.outward(run.destination);
        let src_ip = self.addresses.source(run.source);
        let most = run.segment_bytes * self.state.max_gso_segments().max(1);
        for piece in bytes.chunks(most) {
            if let Err(error) = self.transmit(destination, src_ip, run.segment_bytes, piece, tally) {
                if error.kind() != ErrorKind::WouldBlock && piece.len() > run.segment_bytes {
                    // this network card or route refuses segmentation; each datagram may still pass
                    for single in piece.chunks(run.segment_bytes) {
                        if let Err(error) = self.transmit(destination, src_ip, run.segment_bytes, single, tally) {
                            tally.drop(reason(&error), 1);
                        }
                    }
                } else {
                    tally.drop(reason(&error), piece.len().div_ceil(run.segment_bytes));
                }
            }
        }
    }

    fn transmit(
        &self,
        destination: SocketAddr,
        src_ip: Option<IpAddr>,
        segment_bytes: usize,
        contents: &[u8],
        tally: &mut Tally,
    ) -> io::Result<()> {
        let segment_size = (contents.len() > segment_bytes).then_some(segment_bytes);
        let transmit = Transmit { destination, ecn: None, contents, segment_size, src_ip };
        self.state.try_send((&self.socket).into(), &transmit)?;
        tally.udp_sent.add(contents.len().div_ceil(segment_bytes), contents.len());
        tally.runs_sent += 1;
        Ok(())
    }
}

/// Stands in an arrival until it was looked up.
pub(crate) const NOBODY: Target = Target { room: usize::MAX, session: SessionId(u32::MAX) };

fn reason(error: &io::Error) -> DropReason {
    if error.kind() == ErrorKind::WouldBlock { DropReason::WouldBlock } else { DropReason::SendFailed }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Socket, std::net::UdpSocket) {
        let ours = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback");
        let theirs = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback");
        let addresses = Addresses::new(ours.local_addr().expect("bound"), &[], true).expect("no listing needed");
        (Socket::new(ours, addresses).expect("a socket"), theirs)
    }

    #[test]
    fn a_run_leaves_as_its_segments() {
        let (ours, theirs) = pair();
        let mut tally = Tally::default();
        let bytes: Vec<u8> = (0..250u8).collect();
        let run = Run {
            session: SessionId(0),
            protocol: Protocol::Udp,
            source: ours.addresses.candidates[0],
            destination: theirs.local_addr().expect("bound"),
            segment_bytes: 100,
            range: 0..250,
        };
        ours.send(&run, &bytes, &mut tally);
        let mut buffer = [0; 2000];
        let lengths: Vec<_> = (0..3).map(|_| theirs.recv(&mut buffer).expect("a segment")).collect();
        assert_eq!(lengths, [100, 100, 50]);
        assert_eq!((tally.udp_sent.datagrams, tally.udp_sent.bytes), (3, 250));
        assert_eq!(tally.dropped, [0; 7]);
    }

    #[test]
    fn what_came_is_found_in_the_batch() {
        let (ours, theirs) = pair();
        let mut tally = Tally::default();
        let mut batch = ours.batch();
        assert!(ours.receive(&mut batch, &mut tally).is_none());
        for length in [3, 5, 7] {
            theirs.send_to(&vec![length; usize::from(length)], ours.addresses.bound).expect("loopback");
        }
        let mut lengths = Vec::new();
        while lengths.len() < 3 {
            if ours.receive(&mut batch, &mut tally).is_some() {
                let all = 0..batch.arrivals.len();
                lengths.extend(batch.datagrams(all).iter().map(|datagram| (datagram.bytes.len(), datagram.bytes[0])));
            }
        }
        assert_eq!(lengths, [(3, 3), (5, 5), (7, 7)]);
        assert_eq!(batch.arrivals[0].source, theirs.local_addr().expect("bound"));
        assert_eq!(batch.arrivals[0].destination, ours.addresses.bound);
        assert_eq!((tally.udp_received.datagrams, tally.udp_received.bytes), (3, 15));
    }
}
