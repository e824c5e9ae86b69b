//! OpenSSL's DTLS 1.2 behind str0m's [`DtlsProvider`], for all peers.
//!
//! str0m's own DTLS accepts ECDSA certificates only, and GStreamer makes RSA ones. Everything else cryptographic
//! stays with aws-lc-rs; both libraries live in one process because aws-lc-rs prefixes its symbols.
//!
//! There is no DTLS 1.3 here: OpenSSL 3.0 has none. OpenSSL takes the time for its retransmissions from the system's
//! clock and not from the instants that str0m passes, so a test with a clock of its own drives a handshake only as
//! long as nothing is lost.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::srtp::SrtpProfileId;
use openssl::ssl::{SslContext, SslMethod, SslOptions, SslSessionCacheMode, SslVerifyMode, SslVersion};
use openssl::x509::X509;
use str0m::crypto::dtls::{DtlsCert, DtlsInstance, DtlsProvider, DtlsVersion, SrtpProfile};
use str0m::crypto::{self, CryptoError, CryptoProvider};

use self::connection::Connection;

mod connection;
mod record;
#[cfg(test)]
mod tests;
mod wire;

/// OpenSSL for DTLS, aws-lc-rs for the rest.
pub(crate) fn crypto_provider(keys: KeysGoTo) -> Arc<CryptoProvider> {
    let dtls_provider: &'static OpenSsl = match keys {
        KeysGoTo::Engine => &OpenSsl(KeysGoTo::Engine),
        KeysGoTo::Us => &OpenSsl(KeysGoTo::Us),
    };
    Arc::new(CryptoProvider { dtls_provider, ..crypto::from_feature_flags() })
}

/// Who gets the SRTP keys of a handshake. Never both: two senders with one key would use an index twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeysGoTo {
    /// str0m, which opens what a publisher sends.
    Engine,
    /// [`take_keys`]. str0m gets random ones, with which it can neither open nor seal anything.
    Us,
}

/// The SRTP keys of one handshake.
pub(crate) struct Keys {
    pub(crate) material: Vec<u8>,
    pub(crate) profile: SrtpProfile,
    /// We were the client of the handshake.
    pub(crate) is_client: bool,
}

thread_local! {
    /// str0m offers no way from a session to its DTLS instance, so that this is one: a handshake ends inside a call of
    /// a session, and that session looks here as soon as the call returns.
    static KEYS: RefCell<Option<Keys>> = const { RefCell::new(None) };
}

/// The keys of the handshake that ended on this thread since the last call.
pub(crate) fn take_keys() -> Option<Keys> {
    KEYS.take()
}

/// The server's DTLS certificate (ECDSA P-256, self-signed), made once and shared by all sessions: what proves a peer
/// is the fingerprint in its SDP, and a context per certificate is the dearest part of a handshake.
#[derive(Clone)]
pub struct Certificate(DtlsCert);

impl Certificate {
    /// A new certificate with a new key.
    pub fn generate() -> Self {
        let generated = OpenSsl(KeysGoTo::Engine).generate_certificate();
        Self(generated.expect("aws-lc-rs makes a P-256 key and signs with it; nothing of it depends on input"))
    }

    /// The certificate as str0m takes it.
    pub(crate) fn dtls_cert(&self) -> DtlsCert {
        self.0.clone()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate")
    }
}

/// SRTP profiles in the order in which we prefer them, with OpenSSL's names. GCM costs a sixth of CM with SHA-1.
const PROFILES: [(SrtpProfileId, SrtpProfile, &str); 3] = [
    (SrtpProfileId::SRTP_AEAD_AES_256_GCM, SrtpProfile::AEAD_AES_256_GCM, "SRTP_AEAD_AES_256_GCM"),
    (SrtpProfileId::SRTP_AEAD_AES_128_GCM, SrtpProfile::AEAD_AES_128_GCM, "SRTP_AEAD_AES_128_GCM"),
    (SrtpProfileId::SRTP_AES128_CM_SHA1_80, SrtpProfile::AES128_CM_SHA1_80, "SRTP_AES128_CM_SHA1_80"),
];

/// Handshakes by the profile they ended with, in this process; the same order as [`PROFILES`].
static HANDSHAKES: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];

/// How many handshakes of this process chose each SRTP profile, for metrics.
pub fn handshakes_by_profile() -> [(&'static str, u64); 3] {
    std::array::from_fn(|at| (PROFILES[at].2, HANDSHAKES[at].load(Ordering::Relaxed)))
}

/// Where str0m names no size: fits every path that WebRTC crosses.
const DEFAULT_MTU_BYTES: usize = 1200;

/// Makes [`Connection`]s.
#[derive(Debug)]
struct OpenSsl(KeysGoTo);

impl DtlsProvider for OpenSsl {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        crypto::from_feature_flags().dtls_provider.generate_certificate()
    }

    /// Never an error, on which str0m would panic: what cannot work fails with its first datagram instead.
    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        _: DtlsVersion,
        mtu_bytes: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let context = shared_context(certificate)
            .inspect_err(|error| tracing::error!(%error, "no DTLS context could be made from the certificate"))
            .ok();
        Ok(Box::new(Connection::new(context, mtu_bytes.unwrap_or(DEFAULT_MTU_BYTES), now, self.0)))
    }
}

/// The context of a certificate, made when it is first seen: making one costs more than the rest of a handshake.
///
/// Locked once per session, never per packet. A server has one certificate; four leave room for tests.
fn shared_context(certificate: &DtlsCert) -> Result<SslContext, ErrorStack> {
    static CONTEXTS: Mutex<VecDeque<(Vec<u8>, SslContext)>> = Mutex::new(VecDeque::new());
    let mut contexts = CONTEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, context)) = contexts.iter().find(|(der, _)| *der == certificate.certificate) {
        return Ok(context.clone());
    }
    let context = new_context(certificate)?;
    contexts.truncate(3);
    contexts.push_front((certificate.certificate.clone(), context.clone()));
    Ok(context)
}

fn new_context(certificate: &DtlsCert) -> Result<SslContext, ErrorStack> {
    ErrorStack::get();
    let mut context = SslContext::builder(SslMethod::dtls())?;
    context.set_min_proto_version(Some(SslVersion::DTLS1_2))?;
    // No resumption in any form, for each peer connection is new; no renegotiation, for it is an attack.
    context.set_options(SslOptions::NO_QUERY_MTU | SslOptions::NO_TICKET | SslOptions::NO_RENEGOTIATION);
    context.set_session_cache_mode(SslSessionCacheMode::OFF);
    context.set_cipher_list("ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES")?;
    context.set_tlsext_use_srtp(&PROFILES.map(|(_, _, name)| name).join(":"))?;
    context.set_certificate(X509::from_der(&certificate.certificate)?.as_ref())?;
    context.set_private_key(PKey::private_key_from_der(&certificate.private_key)?.as_ref())?;
    context.check_private_key()?;
    // Certificates are self-signed: OpenSSL checks that the peer has the key, str0m compares the fingerprint.
    context.set_verify_callback(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT, |_, _| true);
    Ok(context.build())
}
