//! One real peer: publishes a synthetic stream by WHIP, or plays a feed by WHEP.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

/// A peer and what it has seen.
#[derive(Debug)]
pub struct Peer {
    rtc: Rtc,
    socket: UdpSocket,
    address: SocketAddr,
    mid: Mid,
    /// Where to end the session, and with which token.
    resource: Option<(String, String)>,
    joined_at: Instant,
    deadline: Instant,
    sequence: u64,
    frame: u32,
    /// DTLS is up.
    pub is_connected: bool,
    /// From the POST to the first media packet.
    pub first_packet_after: Option<Duration>,
    /// Media packets received.
    pub packets: u64,
    /// Bytes of payload received.
    pub bytes: u64,
    /// Keyframe requests received.
    pub keyframe_requests: u64,
    /// Opens the media packets that it gets; else it only reads their headers.
    pub opens: bool,
    /// From the publisher's send to this peer's receive, of every packet that was opened.
    pub delays: Vec<Duration>,
}

/// Where in a payload the time is that it was sent: microseconds since the program began.
const SENT_AT: std::ops::Range<usize> = 8..16;

fn begin(here: IpAddr) -> Result<(Rtc, UdpSocket, SocketAddr)> {
    let socket = UdpSocket::bind((here, 0)).context("bind a socket")?;
    socket.set_nonblocking(true)?;
    let address = socket.local_addr()?;
    let mut rtc = RtcConfig::new().set_rtp_mode(true).clear_codecs().enable_h264(true).build(Instant::now());
    rtc.add_local_candidate(Candidate::host(address, "udp")?);
    Ok((rtc, socket, address))
}

fn since_start(now: Instant) -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    now.saturating_duration_since(*START.get_or_init(|| now))
}

impl Peer {
    /// Publishes a feed: `POST /whip/{room}`.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn publish(http: &str, room: &str, kind: &str, token: &str) -> Result<Self> {
        Self::open(&format!("{http}/whip/{room}?feed={kind}"), http, token, Direction::SendOnly)
    }

    /// Plays a feed: `POST /whep/{room}`.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn play(http: &str, room: &str, site: &str, kind: &str, token: &str) -> Result<Self> {
        Self::open(&format!("{http}/whep/{room}?site={site}&feed={kind}"), http, token, Direction::RecvOnly)
    }

    fn open(url: &str, http: &str, token: &str, direction: Direction) -> Result<Self> {
        let joined_at = Instant::now();
        let (mut rtc, socket, address) = begin(Ipv4Addr::LOCALHOST.into())?;
        let mut api = rtc.sdp_api();
        let mid = api.add_media(MediaKind::Video, direction, None, None, None);
        let (offer, pending) = api.apply().context("make an offer")?;
        let mut response = ureq::post(url)
            .header("Authorization", format!("Bearer {token}"))
            .content_type("application/sdp")
            .send(offer.to_sdp_string())
            .map_err(|error| anyhow!("{url}: {error}"))?;
        let location = response.headers().get("Location").and_then(|value| value.to_str().ok()).unwrap_or("");
        let location = format!("{http}{location}");
        let answer = response.body_mut().read_to_string()?;
        rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(&answer)?)?;
        let mut peer = Self::new(rtc, socket, address, mid, joined_at)?;
        peer.resource = Some((location, token.to_owned()));
        Ok(peer)
    }

    /// Publishes to somebody else's server: `exchange` gives the answer to an offer.
    ///
    /// # Errors
    /// If there is none.
    pub fn offer(here: IpAddr, exchange: impl FnOnce(&str) -> Result<String>) -> Result<Self> {
        let joined_at = Instant::now();
        let (mut rtc, socket, address) = begin(here)?;
        let mut api = rtc.sdp_api();
        let mid = api.add_media(MediaKind::Video, Direction::SendOnly, None, None, None);
        let (offer, pending) = api.apply().context("make an offer")?;
        let answer = exchange(&offer.to_sdp_string())?;
        rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(&answer)?)?;
        Self::new(rtc, socket, address, mid, joined_at)
    }

    /// Plays from somebody else's server, which offers; `reply` takes the answer.
    ///
    /// # Errors
    /// If the offer cannot be answered.
    pub fn answer(here: IpAddr, offer: &str, reply: impl FnOnce(&str) -> Result<()>) -> Result<Self> {
        let joined_at = Instant::now();
        let (mut rtc, socket, address) = begin(here)?;
        let answer = rtc.sdp_api().accept_offer(SdpOffer::from_sdp_string(offer)?)?;
        reply(&answer.to_sdp_string())?;
        let mid = offer.lines().find_map(|line| line.strip_prefix("a=mid:")).context("a mid")?;
        Self::new(rtc, socket, address, mid.into(), joined_at)
    }

    fn new(rtc: Rtc, socket: UdpSocket, address: SocketAddr, mid: Mid, joined_at: Instant) -> Result<Self> {
        let mut peer = Self {
            rtc,
            socket,
            address,
            mid,
            resource: None,
            joined_at,
            deadline: joined_at,
            sequence: 1,
            frame: 0,
            is_connected: false,
            first_packet_after: None,
            packets: 0,
            bytes: 0,
            keyframe_requests: 0,
            opens: true,
            delays: Vec::new(),
        };
        peer.advance(Instant::now())?;
        Ok(peer)
    }

    /// The socket, to wait for.
    pub fn socket(&self) -> &UdpSocket {
        &self.socket
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
        self.drain(now)
    }

    /// Takes everything that has arrived.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn receive(&mut self, now: Instant, buffer: &mut [u8]) -> Result<()> {
        while let Ok((length, source)) = self.socket.recv_from(buffer) {
            let is_media = length >= 12 && buffer[0] >> 6 == 2 && !(192..=223).contains(&buffer[1]);
            if is_media && !self.opens {
                self.note(now);
                continue;
            }
            if let Ok(datagram) = Receive::new(Protocol::Udp, source, self.address, &buffer[..length]) {
                self.rtc.handle_input(Input::Receive(now, datagram))?;
                self.drain(now)?;
            }
        }
        Ok(())
    }

    /// Counts from now on.
    pub fn forget_what_was_seen(&mut self) {
        self.packets = 0;
        self.delays.clear();
    }

    fn note(&mut self, now: Instant) {
        self.first_packet_after.get_or_insert_with(|| now.duration_since(self.joined_at));
        self.packets += 1;
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
                    let mut payload = vec![part as u8; 1150];
                    payload[SENT_AT].copy_from_slice(&(since_start(Instant::now()).as_micros() as u64).to_be_bytes());
                    payload[0] = 0x7c;
                    payload[1] = nal | if starts { 0x80 } else { 0 } | if part + 1 == packets { 0x40 } else { 0 };
                    payload
                }
            };
            let ticks = self.frame.wrapping_mul(3000);
            let write =
                RtpWrite::new(pt, self.sequence.into(), ticks, now, payload).marker(part + 1 == packets).nackable(true);
            self.sequence += 1;
            let mid = self.mid;
            self.rtc.direct_api().stream_tx_by_mid(mid, None).context("a sending line")?.write_rtp(write);
        }
        self.frame += 1;
        self.advance(now)
    }

    /// Ends the session: `DELETE`.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn leave(self) -> Result<()> {
        if let Some((location, token)) = &self.resource {
            ureq::delete(location).header("Authorization", format!("Bearer {token}")).call()?;
        }
        Ok(())
    }

    fn drain(&mut self, now: Instant) -> Result<()> {
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
                    self.note(now);
                    self.bytes += packet.payload.len() as u64;
                    if let Some(sent_at) = packet.payload.get(SENT_AT).and_then(|bytes| bytes.try_into().ok()) {
                        let sent_at = Duration::from_micros(u64::from_be_bytes(sent_at));
                        self.delays.push(since_start(now).saturating_sub(sent_at));
                    }
                }
                Output::Event(_) => {}
            }
        }
    }
}
