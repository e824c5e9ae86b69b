//! One real peer: publishes a synthetic stream, or plays what it is sent.

use std::io::IoSliceMut;
use std::net::{IpAddr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use nix::sys::socket::sockopt::{RcvBuf, RcvBufForce, ReceiveTimestampns};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, setsockopt};
use nix::sys::time::TimeSpec;
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

use crate::picture::FirstPicture;
use crate::resource::Resource;

/// Bytes of each packet's payload, but for the parameter sets: two of FU-A, then stamps.
pub const PAYLOAD: usize = 2 + 82 * STAMP;
/// A mark and the time that it was sent, in microseconds since 1970. A payload is full of them, because some servers cut
/// a picture into packets of their own.
const STAMP: usize = 14;
const MARK: [u8; 6] = *b"bench:";
const KERNEL_BUFFER_BYTES: usize = 1024 * 1024;
/// What AES-GCM adds.
const TAG: usize = 16;

/// A peer and what it has seen.
#[derive(Debug)]
pub struct Peer {
    rtc: Rtc,
    socket: UdpSocket,
    address: SocketAddr,
    mid: Mid,
    /// What is to be deleted at the end, if the server knows it as such.
    pub resource: Option<Resource>,
    joined_at: Instant,
    deadline: Instant,
    sequence: u64,
    frame: u32,
    picture: FirstPicture,
    /// DTLS is up.
    pub is_connected: bool,
    /// From the request to join to the last packet of the first whole keyframe.
    pub first_picture_after: Option<Duration>,
    /// Bytes of payload sent.
    pub bytes_sent: u64,
    /// Media packets received.
    pub packets: u64,
    /// Bytes of payload in them.
    pub bytes: u64,
    /// Keyframe requests received.
    pub keyframe_requests: u64,
    /// Opens the media packets that it gets; else it only reads their headers.
    pub opens: bool,
    /// From the publisher's send until the kernel had it for this peer, of every packet that was opened.
    pub delays: Vec<Duration>,
}

/// Since 1970, on the clock by which the kernel says when it received something.
fn now_since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

impl Peer {
    /// Offers one line that sends, or so many that receive; `exchange` gives the answer.
    ///
    /// # Errors
    /// If there is none.
    pub fn offer(
        here: IpAddr,
        direction: Direction,
        lines: usize,
        exchange: impl FnOnce(&str) -> Result<String>,
    ) -> Result<Self> {
        let mut peer = Self::new(here)?;
        let mut api = peer.rtc.sdp_api();
        for _ in 0..lines {
            peer.mid = api.add_media(MediaKind::Video, direction, None, None, None);
        }
        let (offer, pending) = api.apply().context("make an offer")?;
        let answer = SdpAnswer::from_sdp_string(&exchange(&offer.to_sdp_string())?)?;
        peer.rtc.sdp_api().accept_answer(pending, answer)?;
        peer.advance(Instant::now())?;
        Ok(peer)
    }

    /// Answers an offer; `reply` takes the answer.
    ///
    /// # Errors
    /// If the offer cannot be answered.
    pub fn answer(here: IpAddr, offer: &str, reply: impl FnOnce(&str) -> Result<()>) -> Result<Self> {
        let mut peer = Self::new(here)?;
        let answer = peer.rtc.sdp_api().accept_offer(SdpOffer::from_sdp_string(offer)?)?;
        reply(&answer.to_sdp_string())?;
        peer.advance(Instant::now())?;
        Ok(peer)
    }

    fn new(here: IpAddr) -> Result<Self> {
        let joined_at = Instant::now();
        let socket = UdpSocket::bind((here, 0)).context("bind a socket")?;
        socket.set_nonblocking(true)?;
        setsockopt(&socket, ReceiveTimestampns, &true).context("ask for times of receipt")?;
        // More than the system allows everybody, where that may be had: this program has many sockets to read.
        setsockopt(&socket, RcvBufForce, &KERNEL_BUFFER_BYTES)
            .or_else(|_| setsockopt(&socket, RcvBuf, &KERNEL_BUFFER_BYTES))?;
        let address = socket.local_addr()?;
        let mut rtc = RtcConfig::new().set_rtp_mode(true).clear_codecs().enable_h264(true).build(joined_at);
        rtc.add_local_candidate(Candidate::host(address, "udp")?);
        Ok(Self {
            rtc,
            socket,
            address,
            mid: "0".into(),
            resource: None,
            joined_at,
            deadline: joined_at,
            sequence: 1,
            frame: 0,
            picture: FirstPicture::default(),
            is_connected: false,
            first_picture_after: None,
            bytes_sent: 0,
            packets: 0,
            bytes: 0,
            keyframe_requests: 0,
            opens: true,
            delays: Vec::new(),
        })
    }

    /// The socket, to wait for.
    pub fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// Where it receives.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// When [`Peer::advance`] is wanted.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn advance(&mut self, now: Instant) -> Result<()> {
        self.rtc.handle_input(Input::Timeout(now))?;
        self.drain(now, Duration::ZERO)
    }

    /// Takes everything that has arrived.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn receive(&mut self, now: Instant, buffer: &mut [u8]) -> Result<()> {
        while let Some((length, source, received_at)) = self.receive_one(buffer) {
            let is_media = length >= 12 && buffer[0] >> 6 == 2 && !(192..=223).contains(&buffer[1]);
            if is_media && !self.opens {
                self.packets += 1;
                self.bytes += sealed_payload_bytes(&buffer[..length]);
                continue;
            }
            if let Ok(datagram) = Receive::new(Protocol::Udp, source, self.address, &buffer[..length]) {
                self.rtc.handle_input(Input::Receive(now, datagram))?;
                self.drain(now, received_at)?;
            }
        }
        Ok(())
    }

    /// One datagram, its source, and when the kernel received it: what it waited for this program does not count.
    /// Who does not open media is spared the time.
    fn receive_one(&self, buffer: &mut [u8]) -> Option<(usize, SocketAddr, Duration)> {
        if !self.opens {
            let (length, source) = self.socket.recv_from(buffer).ok()?;
            return Some((length, source, Duration::ZERO));
        }
        let mut control = nix::cmsg_space!(TimeSpec);
        let mut slices = [IoSliceMut::new(buffer)];
        let fd = self.socket.as_raw_fd();
        let message = recvmsg::<SockaddrIn>(fd, &mut slices, Some(&mut control), MsgFlags::empty()).ok()?;
        let received_at = message.cmsgs().ok()?.find_map(|control| match control {
            ControlMessageOwned::ScmTimestampns(at) => Some(Duration::from(at)),
            _ => None,
        });
        let source = SocketAddrV4::from(message.address?);
        Some((message.bytes, source.into(), received_at.unwrap_or_else(now_since_1970)))
    }

    /// Counts from now on.
    pub fn forget_what_was_seen(&mut self) {
        (self.bytes_sent, self.packets, self.bytes) = (0, 0, 0);
        self.delays.clear();
    }

    /// Sends one frame of so many packets of 1,200 bytes; a keyframe where it is asked for or due.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn send_frame(&mut self, now: Instant, packets: usize, is_keyframe: bool) -> Result<()> {
        let pt = self.rtc.codec_config().params()[0].pt();
        let nal = if is_keyframe { 5 } else { 1 };
        for part in 0..packets {
            let payload: Vec<u8> = match (is_keyframe, part) {
                (true, 0) => vec![0x78, 0, 4, 0x67, 0x42, 0xc0, 0x1f, 0, 3, 0x68, 0xce, 6],
                (_, part) => {
                    let starts = part == usize::from(is_keyframe);
                    let fu_header = nal | if starts { 0x80 } else { 0 } | if part + 1 == packets { 0x40 } else { 0 };
                    let stamp = [&MARK[..], &(now_since_1970().as_micros() as u64).to_be_bytes()].concat();
                    [0x7c, fu_header].into_iter().chain(stamp.into_iter().cycle()).take(PAYLOAD).collect()
                }
            };
            let (ticks, payload_bytes) = (self.frame.wrapping_mul(3000), payload.len() as u64);
            let write =
                RtpWrite::new(pt, self.sequence.into(), ticks, now, payload).marker(part + 1 == packets).nackable(true);
            self.sequence += 1;
            self.bytes_sent += payload_bytes;
            let mid = self.mid;
            self.rtc.direct_api().stream_tx_by_mid(mid, None).context("a sending line")?.write_rtp(write);
        }
        self.frame += 1;
        self.advance(now)
    }

    /// Ends the session, where the server gave it a resource.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn leave(self) -> Result<()> {
        self.resource.map_or(Ok(()), Resource::delete)
    }

    fn drain(&mut self, now: Instant, received_at: Duration) -> Result<()> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(at) => {
                    self.deadline = at;
                    return Ok(());
                }
                Output::Transmit(transmit) => {
                    // A full socket buffer loses the datagram, as a network would.
                    self.socket.send_to(&transmit.contents, transmit.destination).ok();
                }
                Output::Event(Event::Connected) => self.is_connected = true,
                Output::Event(Event::KeyframeRequest(_)) => self.keyframe_requests += 1,
                Output::Event(Event::RtpPacket(packet)) => {
                    self.packets += 1;
                    self.bytes += packet.payload.len() as u64;
                    self.delays.extend(sent_at(&packet.payload).map(|sent_at| received_at.saturating_sub(sent_at)));
                    if self.first_picture_after.is_none()
                        && self.picture.take(*packet.seq_no, packet.header.marker, &packet.payload)
                    {
                        self.first_picture_after = Some(now.duration_since(self.joined_at));
                    }
                }
                Output::Event(_) => {}
            }
        }
    }
}

/// When the first stamp of a payload was made.
fn sent_at(payload: &[u8]) -> Option<Duration> {
    let at = payload.windows(MARK.len()).take(2 * STAMP).position(|bytes| bytes == MARK)?;
    let micros = payload.get(at + MARK.len()..at + STAMP)?.try_into().ok()?;
    Some(Duration::from_micros(u64::from_be_bytes(micros)))
}

/// Bytes of payload in a sealed packet, by its header (RFC 3550 section 5.1).
fn sealed_payload_bytes(packet: &[u8]) -> u64 {
    let sources = 12 + usize::from(packet[0] & 0xf) * 4;
    let extension = match packet.get(sources..sources + 4) {
        Some(&[_, _, high, low]) if packet[0] & 0x10 != 0 => 4 + usize::from(u16::from_be_bytes([high, low])) * 4,
        _ => 0,
    };
    packet.len().saturating_sub(sources + extension + TAG) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_measured_without_opening_it() {
        let plain = [&[0x80; 12][..], &[0; 100 + TAG]].concat();
        assert_eq!(sealed_payload_bytes(&plain), 100);
        let extended = [&[0x90; 12][..], &[0xbe, 0xde, 0, 2], &[0; 8], &[0; 100 + TAG]].concat();
        assert_eq!(sealed_payload_bytes(&extended), 100);
        assert_eq!(sealed_payload_bytes(&[0x9f; 12]), 0);
    }

    #[test]
    fn a_stamp_is_found_wherever_a_packet_begins() {
        let stamp = [&MARK[..], &7_000_000_u64.to_be_bytes()].concat();
        let stream: Vec<u8> = stamp.into_iter().cycle().take(10 * STAMP).collect();
        for begin in 0..STAMP {
            assert_eq!(sent_at(&stream[begin..]), Some(Duration::from_secs(7)));
        }
        assert_eq!(sent_at(&[1; 100]), None);
    }
}
