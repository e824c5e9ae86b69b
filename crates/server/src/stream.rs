//! One ICE-TCP connection (RFC 6544, passive side): datagrams framed by RFC 4571 in a byte stream.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use mio::net::TcpStream;

use crate::limit::{FRAME_BYTES, STRANGER_BYTES, STREAM_BACKLOG_BYTES, STREAM_EASY_BYTES, STREAM_FULL_BYTES};
use crate::tally::StreamEnd;

/// The connection.
#[derive(Debug)]
pub struct Stream {
    socket: TcpStream,
    /// The peer.
    pub peer: SocketAddr,
    /// The candidate of ours that it came to.
    pub destination: SocketAddr,
    /// When it was accepted.
    pub accepted_at: Instant,
    /// True once its session has proved itself here.
    pub known: bool,
    /// True while there may be something to read.
    pub readable: bool,
    received_bytes: usize,
    partial: Vec<u8>,
    waiting: Vec<u8>,
    written: usize,
    /// It was said to be full, and not to be empty again.
    full: bool,
}

impl Stream {
    /// Takes over an accepted connection.
    pub fn new(socket: TcpStream, peer: SocketAddr, destination: SocketAddr, now: Instant) -> Self {
        Self {
            socket,
            peer,
            destination,
            accepted_at: now,
            known: false,
            readable: true,
            received_bytes: 0,
            partial: Vec::new(),
            waiting: Vec::new(),
            written: 0,
            full: false,
        }
    }

    /// To be polled.
    pub fn source(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    /// Reads once and gives every whole frame to `taker`.
    ///
    /// # Errors
    /// Why it has to be closed.
    pub fn read(&mut self, scratch: &mut [u8], taker: impl FnMut(&[u8])) -> Result<(), StreamEnd> {
        match self.socket.read(scratch) {
            Ok(0) => Err(StreamEnd::Peer),
            Ok(length) => {
                self.received_bytes = self.received_bytes.saturating_add(length);
                if !self.known && self.received_bytes > STRANGER_BYTES {
                    return Err(StreamEnd::Bytes);
                }
                unframe(&mut self.partial, &scratch[..length], taker)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.readable = false;
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(_) => Err(StreamEnd::Peer),
        }
    }

    /// Appends one datagram to what is to be written; false when there is no room for it.
    pub fn push(&mut self, datagram: &[u8]) -> bool {
        let Ok(length) = u16::try_from(datagram.len()) else { return false };
        if self.waiting.len() - self.written + 2 + datagram.len() > STREAM_BACKLOG_BYTES {
            return false;
        }
        self.waiting.extend_from_slice(&length.to_be_bytes());
        self.waiting.extend_from_slice(datagram);
        true
    }

    /// Whether the connection has become full, or is no more; none when nothing has changed since the last call.
    pub fn pressure(&mut self) -> Option<bool> {
        let waiting = self.waiting.len() - self.written;
        let full = waiting > if self.full { STREAM_EASY_BYTES } else { STREAM_FULL_BYTES };
        (std::mem::replace(&mut self.full, full) != full).then_some(full)
    }

    /// Writes as much as the network takes.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn flush(&mut self) -> io::Result<()> {
        while self.written < self.waiting.len() {
            match self.socket.write(&self.waiting[self.written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(length) => self.written += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        // moved only now and then, so that a full connection does not copy its backlog for every datagram
        if self.written == self.waiting.len() || self.written > STREAM_BACKLOG_BYTES {
            self.waiting.drain(..self.written);
            self.written = 0;
        }
        Ok(())
    }
}

/// Cuts received bytes into frames; what is left of the last one waits in `partial`.
fn unframe(partial: &mut Vec<u8>, mut bytes: &[u8], mut taker: impl FnMut(&[u8])) -> Result<(), StreamEnd> {
    while !bytes.is_empty() {
        if partial.is_empty()
            && let Some((frame, rest)) = whole(bytes)?
        {
            taker(frame);
            bytes = rest;
            continue;
        }
        // at most to the end of the frame that has begun, so that `partial` never holds more than one
        let wanted = match partial.first_chunk() {
            None => 2 - partial.len(),
            Some(length) => 2 + usize::from(u16::from_be_bytes(*length)) - partial.len(),
        };
        let (part, rest) = bytes.split_at(wanted.min(bytes.len()));
        partial.extend_from_slice(part);
        bytes = rest;
        if let Some((frame, _)) = whole(partial)? {
            taker(frame);
            partial.clear();
        }
    }
    Ok(())
}

/// A frame and what follows it.
type Cut<'a> = (&'a [u8], &'a [u8]);

/// The first frame, if it is there as a whole.
fn whole(bytes: &[u8]) -> Result<Option<Cut<'_>>, StreamEnd> {
    let Some((length, rest)) = bytes.split_first_chunk() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes(*length));
    if length > FRAME_BYTES {
        return Err(StreamEnd::Frame);
    }
    Ok(rest.split_at_checked(length))
}

#[cfg(test)]
mod tests {
    use hostile::Rng;

    use super::*;

    fn framed(frames: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for frame in frames {
            bytes.extend_from_slice(&u16::try_from(frame.len()).expect("short").to_be_bytes());
            bytes.extend_from_slice(frame);
        }
        bytes
    }

    #[test]
    fn frames_are_the_same_however_the_stream_is_cut() {
        let frames: [&[u8]; 5] = [b"first", b"", b"x", &[7; 1200], b"last"];
        let bytes = framed(&frames);
        for piece in 1..bytes.len() {
            let (mut partial, mut seen) = (Vec::new(), Vec::new());
            for part in bytes.chunks(piece) {
                unframe(&mut partial, part, |frame| seen.push(frame.to_vec())).expect("short frames");
            }
            assert_eq!(seen, frames, "in pieces of {piece}");
            assert!(partial.is_empty());
        }
    }

    #[test]
    fn a_frame_longer_than_any_datagram_ends_it() {
        let mut partial = Vec::new();
        assert_eq!(unframe(&mut partial, &[0xff, 0xff, 0], |_| ()), Err(StreamEnd::Frame));
        assert_eq!(unframe(&mut partial, &[0xff], |_| ()), Ok(()));
        assert_eq!(unframe(&mut partial, &[0xff], |_| ()), Err(StreamEnd::Frame));
    }

    #[test]
    fn a_slow_peer_loses_whole_datagrams() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
        let here = listener.local_addr().expect("bound");
        let mut theirs = std::net::TcpStream::connect(here).expect("loopback");
        let (ours, peer) = listener.accept().expect("loopback");
        ours.set_nonblocking(true).expect("a socket");
        let mut stream = Stream::new(TcpStream::from_std(ours), peer, here, Instant::now());
        let mut pushed = 0u32;
        // until nothing fits, although the network was offered everything
        while stream.push(&[&pushed.to_be_bytes()[..], &[0; 1196]].concat()) {
            pushed += 1;
            stream.flush().expect("connected");
        }
        theirs.set_nonblocking(true).expect("a socket");
        let (mut partial, mut seen, mut scratch) = (Vec::new(), 0u32, vec![0; 65536]);
        while seen < pushed {
            stream.flush().expect("connected");
            match theirs.read(&mut scratch) {
                Ok(length) => unframe(&mut partial, &scratch[..length], |frame| {
                    assert_eq!(frame[..4], seen.to_be_bytes());
                    seen += 1;
                })
                .expect("short frames"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
        assert!(stream.push(b"room again") && stream.flush().is_ok());
    }

    #[test]
    fn hostile_streams_are_cut_alike_and_never_held_beyond_a_frame() {
        let good = [framed(&[b"first", b"", &[7; 300], b"last"]), framed(&[&[0; 1200], b"x"]), vec![0x10, 0, 1, 2, 3]];
        hostile::play(20_000, |dice| {
            let bytes = hostile::bent(dice, &good);
            let cut = |pieces: &mut dyn FnMut() -> usize| {
                let (mut partial, mut seen, mut rest) = (Vec::new(), Vec::new(), &bytes[..]);
                while !rest.is_empty() {
                    let (piece, after) = rest.split_at(pieces().clamp(1, rest.len()));
                    rest = after;
                    let result = unframe(&mut partial, piece, |frame| seen.push(frame.to_vec()));
                    assert!(partial.len() <= 2 + FRAME_BYTES, "{} held", partial.len());
                    if let Err(end) = result {
                        return (seen, None, Some(end));
                    }
                }
                (seen, Some(partial), None)
            };
            let whole = cut(&mut || usize::MAX);
            assert_eq!(cut(&mut || dice.random_range(1..600)), whole, "{bytes:02x?}");
            let length = |(seen, partial, _): &(Vec<Vec<u8>>, Option<Vec<u8>>, _)| {
                seen.iter().map(|frame| frame.len() + 2).sum::<usize>() + partial.as_ref().map_or(0, Vec::len)
            };
            assert!(whole.2.is_some() || length(&whole) == bytes.len(), "nothing is lost of {bytes:02x?}");
        });
    }
}
