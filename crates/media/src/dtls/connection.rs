//! One DTLS association: str0m's calls on one side, OpenSSL's state machine on the other.
#![allow(
    unsafe_code,
    reason = "four calls about timers and buffers that the openssl crate does not wrap; each says why it is sound"
)]

use std::collections::VecDeque;
use std::ffi::{c_int, c_uint};
use std::ptr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use foreign_types::ForeignTypeRef;
use openssl::error::ErrorStack;
use openssl::ssl::{ErrorCode, Ssl, SslContext, SslRef, SslStream};
use str0m::crypto::dtls::{DtlsImplError, DtlsInstance, DtlsOutput, KeyingMaterial, ProtocolVersion, SrtpProfile};

use super::record::{has_stub, is_client_hello, shortest_sealed};
use super::wire::Wire;
use super::{HANDSHAKES, KEYS, Keys, KeysGoTo, PROFILES};

/// A record for a handshake or a data channel never carries more (RFC 5246 section 6.2.1).
const RECORD_BYTES: usize = 16 * 1024;
/// What we write is never longer: OpenSSL's buffer for it, which stays for as long as the viewer, is made for this and
/// not for the 16 KiB that the protocol allows. str0m's data channels write less than a datagram.
const LONGEST_WRITE_BYTES: u16 = 2048;
/// OpenSSL begins with one second. Ours is short because a lost flight is a black screen, and small: two datagrams.
pub(super) const FIRST_RETRANSMIT_US: c_uint = 100_000;
const LONGEST_RETRANSMIT_US: c_uint = 1_600_000;
/// How far away "no timer" is.
const IDLE: Duration = Duration::from_secs(24 * 60 * 60);

// `DTLS_CTRL_GET_TIMEOUT` and `DTLS_CTRL_HANDLE_TIMEOUT` of <openssl/ssl.h>, where they are macros around `SSL_ctrl`.
const GET_TIMEOUT: c_int = 73;
const HANDLE_TIMEOUT: c_int = 74;
// `SSL_CTRL_SET_MAX_SEND_FRAGMENT` of the same file.
const SET_LONGEST_WRITE: c_int = 52;

unsafe extern "C" {
    fn DTLS_set_timer_cb(ssl: *mut openssl_sys::SSL, callback: extern "C" fn(*mut openssl_sys::SSL, c_uint) -> c_uint);
}

/// Called by OpenSSL with 0 for the first timeout of a flight, then with the last one.
pub(super) extern "C" fn next_retransmit_us(_: *mut openssl_sys::SSL, last_us: c_uint) -> c_uint {
    if last_us == 0 { FIRST_RETRANSMIT_US } else { (last_us * 2).min(LONGEST_RETRANSMIT_US) }
}

/// What str0m is to be told, in order.
#[derive(Debug)]
enum Event {
    PeerCertificate(Vec<u8>),
    Keys(KeyingMaterial, SrtpProfile),
    Connected,
    Data(Vec<u8>),
    CloseNotify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Without a role.
    New,
    Handshaking,
    Established,
    /// By either side; what is still to be sent is in the wire.
    Closed,
    Failed,
}

/// What went wrong, for the log; str0m only wants to know that something did.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("no connection could be made")]
    Make(#[source] ErrorStack),
    #[error("the handshake")]
    Handshake(#[source] openssl::ssl::Error),
    #[error("a flight was repeated too often without an answer")]
    Retransmit(#[source] ErrorStack),
    #[error("the peer showed no certificate")]
    NoCertificate,
    #[error("the peer's certificate could not be written out")]
    WriteCertificate(#[source] ErrorStack),
    #[error("no SRTP profile in common")]
    NoProfile,
    #[error("keys could not be exported")]
    ExportKeys(#[source] ErrorStack),
    #[error("reading")]
    Read(#[source] openssl::ssl::Error),
    #[error("{0} bytes are too long to be written")]
    TooLong(usize),
    #[error("writing")]
    Write(#[source] openssl::ssl::Error),
    #[error("there is no context")]
    NoContext,
}

/// One DTLS association.
#[derive(Debug)]
pub(super) struct Connection {
    /// None if the certificate was none.
    context: Option<SslContext>,
    mtu_bytes: usize,
    active: bool,
    state: State,
    /// Some once a role is set, unless making it failed.
    stream: Option<SslStream<Wire>>,
    events: VecDeque<Event>,
    /// The last instant that str0m told. Timeouts count from it; when it is old str0m asks at once and it is new again.
    now: Instant,
    keys: KeysGoTo,
    /// The body of a record under the agreed cipher has as many bytes at least.
    shortest_sealed: usize,
}

impl Connection {
    /// Without a role yet. Without a context it fails as soon as it has one.
    pub(super) fn new(context: Option<SslContext>, mtu_bytes: usize, now: Instant, keys: KeysGoTo) -> Self {
        Self {
            context,
            mtu_bytes,
            active: false,
            state: State::New,
            stream: None,
            events: VecDeque::new(),
            now,
            keys,
            shortest_sealed: 0,
        }
    }
}

impl DtlsInstance for Connection {
    fn set_active(&mut self, active: bool) {
        self.active = active;
        self.state = State::Handshaking;
        if let Err(failure) = self.start() {
            self.fail(&failure);
        }
    }

    /// An empty packet is str0m's word for "begin".
    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        match self.state {
            State::New | State::Closed => return Ok(()),
            State::Failed => return Err(DtlsImplError::ConnectionClosed),
            State::Handshaking | State::Established => {}
        }
        let silent = !self.active && !self.wire().spoken;
        if silent && !is_client_hello(packet) {
            return Ok(());
        }
        if self.state == State::Established && has_stub(packet, self.shortest_sealed) {
            return Ok(());
        }
        if !packet.is_empty() {
            self.wire().incoming.push_back(packet.to_vec());
        }
        let result = match self.advance() {
            // A server that has not spoken has nothing to lose, so a forged ClientHello must not end the session.
            // The price: a client without a common cipher hears nothing.
            Err(failure) if silent => {
                tracing::debug!(?failure, "ignored a useless ClientHello");
                self.start()
            }
            result => result,
        };
        result.map_err(|failure| self.fail(&failure))
    }

    fn poll_output<'a>(&mut self, into: &'a mut [u8]) -> DtlsOutput<'a> {
        if let Some(datagram) = self.stream.as_mut().and_then(|stream| stream.get_mut().outgoing.pop_front()) {
            return lend(&datagram, into, DtlsOutput::Packet);
        }
        match self.events.pop_front() {
            Some(Event::PeerCertificate(der)) => lend(&der, into, DtlsOutput::PeerCert),
            Some(Event::Keys(keys, profile)) => DtlsOutput::KeyingMaterial(keys, profile),
            Some(Event::Connected) => DtlsOutput::Connected,
            Some(Event::Data(data)) => lend(&data, into, DtlsOutput::ApplicationData),
            Some(Event::CloseNotify) => DtlsOutput::CloseNotify,
            None => DtlsOutput::Timeout(self.now + self.until_retransmit().unwrap_or(IDLE)),
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.now = now;
        self.retransmit().map_err(|failure| self.fail(&failure))
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        match self.state {
            State::New | State::Handshaking => return Ok(0),
            State::Closed | State::Failed => return Err(DtlsImplError::ConnectionClosed),
            State::Established => {}
        }
        if data.len() > usize::from(LONGEST_WRITE_BYTES) {
            return Err(self.fail(&Failure::TooLong(data.len())));
        }
        ErrorStack::get();
        self.stream().ssl_write(data).map_err(|error| self.fail(&Failure::Write(error)))
    }

    fn is_active(&self) -> bool {
        self.active
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        (self.state == State::Established).then_some(ProtocolVersion::DTLS1_2)
    }

    fn is_closing(&self) -> bool {
        self.state == State::Closed
    }

    fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed | State::Failed)
            && self.stream.as_ref().is_none_or(|stream| stream.get_ref().outgoing.is_empty())
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        if self.state == State::Established {
            ErrorStack::get();
            // Only the sending of our close_notify matters; str0m does not wait for the peer's.
            if let Err(error) = self.stream().shutdown() {
                tracing::debug!(%error, "no close_notify could be sent");
            }
        }
        if self.state != State::Failed {
            self.state = State::Closed;
        }
        Ok(())
    }
}

impl Connection {
    /// Begins, or begins anew, as if no datagram had come.
    fn start(&mut self) -> Result<(), Failure> {
        let context = self.context.as_ref().ok_or(Failure::NoContext)?;
        ErrorStack::get();
        let mut ssl = Ssl::new(context).map_err(Failure::Make)?;
        ssl.set_mtu(self.mtu_bytes.min(LONGEST_WRITE_BYTES.into()) as u32).map_err(Failure::Make)?;
        // SAFETY: the pointer is of a live SSL made for DTLS; the callback is a plain function that lives for ever and
        // touches nothing behind its arguments.
        unsafe { DTLS_set_timer_cb(ssl.as_ptr(), next_retransmit_us) };
        // SAFETY: the SSL is live, and this command does not look at its last argument. OpenSSL does not check a write
        // against its buffer: `send_application_data` does, and handshakes are cut to the MTU.
        unsafe { openssl_sys::SSL_ctrl(ssl.as_ptr(), SET_LONGEST_WRITE, LONGEST_WRITE_BYTES.into(), ptr::null_mut()) };
        if self.active {
            ssl.set_connect_state()
        } else {
            ssl.set_accept_state()
        }
        self.stream = Some(SslStream::new(ssl, Wire::default()).map_err(Failure::Make)?);
        Ok(())
    }

    /// Does what can be done with what has come.
    fn advance(&mut self) -> Result<(), Failure> {
        if self.state == State::Handshaking {
            // A stale entry in the thread's error queue would turn "wants more" into a fatal error.
            ErrorStack::get();
            match self.stream().do_handshake() {
                Ok(()) => self.established()?,
                Err(error) if error.code() == ErrorCode::WANT_READ => return Ok(()),
                Err(error) => return Err(Failure::Handshake(error)),
            }
        }
        self.read()
    }

    /// The handshake is done. The certificate goes first, so that str0m refuses a wrong one before it has keys.
    ///
    /// This is the only place where the engine's SRTP keys are in our hands: our own way out takes them here.
    fn established(&mut self) -> Result<(), Failure> {
        let ssl = self.stream().ssl();
        let certificate = ssl.peer_certificate().ok_or(Failure::NoCertificate)?;
        let certificate = certificate.to_der().map_err(Failure::WriteCertificate)?;
        let chosen = ssl.selected_srtp_profile().ok_or(Failure::NoProfile)?.id();
        let at = PROFILES.iter().position(|(id, _, _)| id.as_raw() == chosen.as_raw()).ok_or(Failure::NoProfile)?;
        let profile = PROFILES[at].1;
        let shortest_sealed = ssl.current_cipher().map_or(0, |cipher| shortest_sealed(cipher.name()));
        let mut material = vec![0; profile.keying_material_len()];
        // RFC 5764 section 4.2.
        ssl.export_keying_material(&mut material, "EXTRACTOR-dtls_srtp", None).map_err(Failure::ExportKeys)?;
        let mut engines = material.clone();
        if self.keys == KeysGoTo::Us {
            openssl::rand::rand_bytes(&mut engines).map_err(Failure::ExportKeys)?;
            KEYS.set(Some(Keys { material, profile, is_client: self.active }));
        }
        HANDSHAKES[at].fetch_add(1, Ordering::Relaxed);
        self.shortest_sealed = shortest_sealed;
        self.state = State::Established;
        self.events.push_back(Event::PeerCertificate(certificate));
        self.events.push_back(Event::Keys(KeyingMaterial::new(&engines), profile));
        self.events.push_back(Event::Connected);
        Ok(())
    }

    /// Reads all records that have come: data channels, the peer's close. Also lets OpenSSL repeat our last flight
    /// when the peer repeats its own, so it is called for every datagram.
    fn read(&mut self) -> Result<(), Failure> {
        let mut record = [0; RECORD_BYTES];
        loop {
            ErrorStack::get();
            match self.stream().ssl_read(&mut record) {
                Ok(length) => self.events.push_back(Event::Data(record[..length].to_vec())),
                Err(error) => match error.code() {
                    ErrorCode::WANT_READ => return Ok(()),
                    ErrorCode::ZERO_RETURN => {
                        self.events.push_back(Event::CloseNotify);
                        return Ok(());
                    }
                    _ => return Err(Failure::Read(error)),
                },
            }
        }
    }

    /// How long until the current flight is to be repeated; none if nothing is waiting for an answer.
    fn until_retransmit(&self) -> Option<Duration> {
        if self.state != State::Handshaking {
            return None;
        }
        let mut left = libc::timeval { tv_sec: 0, tv_usec: 0 };
        // SAFETY: the SSL is live, and this command writes one `timeval` to its last argument, which is one.
        let running = unsafe { control(self.stream.as_ref()?.ssl(), GET_TIMEOUT, &raw mut left) };
        (running == 1).then(|| {
            Duration::from_secs(left.tv_sec.try_into().unwrap_or(0))
                + Duration::from_micros(left.tv_usec.try_into().unwrap_or(0))
        })
    }

    /// Repeats the current flight if its time is over by OpenSSL's clock.
    fn retransmit(&mut self) -> Result<(), Failure> {
        if self.state != State::Handshaking {
            return Ok(());
        }
        ErrorStack::get();
        // SAFETY: the SSL is live, and this command does not look at its last argument.
        let result = unsafe { control(self.stream().ssl(), HANDLE_TIMEOUT, ptr::null_mut()) };
        if result < 0 { Err(Failure::Retransmit(ErrorStack::get())) } else { Ok(()) }
    }

    fn fail(&mut self, failure: &Failure) -> DtlsImplError {
        tracing::debug!(?failure, "a DTLS connection failed");
        self.state = State::Failed;
        DtlsImplError::ConnectionClosed
    }

    fn stream(&mut self) -> &mut SslStream<Wire> {
        self.stream.as_mut().expect("a state other than new and failed has a stream")
    }

    fn wire(&mut self) -> &mut Wire {
        self.stream().get_mut()
    }
}

/// `SSL_ctrl` for the commands about time.
///
/// # Safety
/// `time` is what the command wants: null, or a place for one `timeval`.
unsafe fn control(ssl: &SslRef, command: c_int, time: *mut libc::timeval) -> i64 {
    // SAFETY: a reference to an SSL is to a live one, and the caller answers for the rest. Through a shared reference,
    // because the crate gives no other to a stream's SSL; whoever repeats a flight holds the stream exclusively.
    unsafe { openssl_sys::SSL_ctrl(ssl.as_ptr(), command, 0, time.cast()) }
}

/// Copies bytes to where str0m wants them. Its buffer has 2000 bytes: a longer certificate or data record is fatal to
/// the session that sent it.
fn lend<'a>(bytes: &[u8], into: &'a mut [u8], output: fn(&'a [u8]) -> DtlsOutput<'a>) -> DtlsOutput<'a> {
    match into.get_mut(..bytes.len()) {
        Some(place) => {
            place.copy_from_slice(bytes);
            output(place)
        }
        None => DtlsOutput::BufferTooSmall { needed: bytes.len() },
    }
}
