//! Handshakes in memory. Nothing here has a clock of its own, for OpenSSL does not take ours: what is lost is waited
//! for in real time.
#![allow(clippy::disallowed_methods, reason = "OpenSSL reads the system's clock, so these tests must as well")]

use std::time::Duration;

use foreign_types::ForeignType;
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::Private;
use openssl::rsa::Rsa;
use openssl::x509::X509Name;
use str0m::crypto::dtls::{DtlsOutput, ProtocolVersion};

use super::connection::{FIRST_RETRANSMIT_US, next_retransmit_us};
use super::*;

mod garbage;
mod peers;

/// The longest that any handshake here may take before it counts as hung; the median is far below a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// xorshift64*: a seed is all the randomness a test has.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % sides
    }
}

fn certificate_of(key: &PKey<Private>) -> DtlsCert {
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_text("CN", "peer").unwrap();
    let name = name.build();
    let mut x509 = X509::builder().unwrap();
    x509.set_version(2).unwrap();
    x509.set_subject_name(&name).unwrap();
    x509.set_issuer_name(&name).unwrap();
    x509.set_pubkey(key).unwrap();
    x509.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    x509.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    x509.sign(key, MessageDigest::sha256()).unwrap();
    DtlsCert { certificate: x509.build().to_der().unwrap(), private_key: key.private_key_to_der().unwrap() }
}

fn rsa_2048() -> DtlsCert {
    certificate_of(&PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap())
}

fn ecdsa_p256() -> DtlsCert {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    certificate_of(&PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap())
}

/// One side of a handshake and what it told.
struct Side {
    dtls: Box<dyn DtlsInstance>,
    certificate: DtlsCert,
    told: Vec<Told>,
    wants: Instant,
}

#[derive(Debug, PartialEq)]
enum Told {
    Certificate(Vec<u8>),
    Keys(Vec<u8>, SrtpProfile),
    Connected,
    Data(Vec<u8>),
    CloseNotify,
}

impl Side {
    fn new(provider: &dyn DtlsProvider, certificate: DtlsCert, mtu_bytes: usize, active: bool) -> Self {
        let now = Instant::now();
        let mut dtls = provider.new_dtls(&certificate, now, DtlsVersion::Dtls12, Some(mtu_bytes)).unwrap();
        dtls.set_active(active);
        dtls.handle_timeout(now).unwrap();
        if active {
            dtls.handle_packet(&[]).unwrap();
        }
        Self { dtls, certificate, told: Vec::new(), wants: now }
    }

    fn ours(active: bool) -> Self {
        Self::new(&OpenSsl(KeysGoTo::Engine), Certificate::generate().0, 1150, active)
    }

    /// OpenSSL as GStreamer runs it: flights in many small datagrams.
    fn openssl(certificate: DtlsCert, active: bool) -> Self {
        Self::new(&OpenSsl(KeysGoTo::Engine), certificate, 256, active)
    }

    fn dimpl(active: bool) -> Self {
        let provider = crypto::from_feature_flags().dtls_provider;
        Self::new(provider, provider.generate_certificate().unwrap(), 1150, active)
    }

    /// Takes everything it has to tell; what it has to send comes back.
    fn drain(&mut self) -> Vec<Vec<u8>> {
        let mut datagrams = Vec::new();
        let mut buffer = [0; 2000];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                DtlsOutput::Packet(datagram) => datagrams.push(datagram.to_vec()),
                DtlsOutput::PeerCert(der) => self.told.push(Told::Certificate(der.to_vec())),
                DtlsOutput::KeyingMaterial(keys, profile) => self.told.push(Told::Keys(keys.to_vec(), profile)),
                DtlsOutput::Connected => self.told.push(Told::Connected),
                DtlsOutput::ApplicationData(data) => self.told.push(Told::Data(data.to_vec())),
                DtlsOutput::CloseNotify => self.told.push(Told::CloseNotify),
                DtlsOutput::Timeout(at) => {
                    self.wants = at;
                    return datagrams;
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn is_connected(&self) -> bool {
        self.told.contains(&Told::Connected)
    }
}

/// Carries everything both ways, without loss, until both are silent.
fn exchange(left: &mut Side, right: &mut Side) {
    loop {
        let (from_left, from_right) = (left.drain(), right.drain());
        if from_left.is_empty() && from_right.is_empty() {
            return;
        }
        from_left.iter().for_each(|datagram| right.dtls.handle_packet(datagram).unwrap());
        from_right.iter().for_each(|datagram| left.dtls.handle_packet(datagram).unwrap());
    }
}

/// Like [`exchange`], but loses 30 % of all datagrams and goes on until both are connected.
fn exchange_with_loss(left: &mut Side, right: &mut Side, seed: u64) {
    let mut dice = Dice(seed);
    let began = Instant::now();
    while !(left.is_connected() && right.is_connected()) {
        assert!(began.elapsed() < PATIENCE, "seed {seed}: hung");
        let (from_left, from_right) = (left.drain(), right.drain());
        let silent = from_left.is_empty() && from_right.is_empty();
        for datagram in from_left {
            if dice.below(10) >= 3 {
                right.dtls.handle_packet(&datagram).unwrap();
            }
        }
        for datagram in from_right {
            if dice.below(10) >= 3 {
                left.dtls.handle_packet(&datagram).unwrap();
            }
        }
        if silent {
            let until = left.wants.min(right.wants);
            std::thread::sleep(until.saturating_duration_since(Instant::now()).min(Duration::from_millis(50)));
            let now = Instant::now();
            left.dtls.handle_timeout(now).unwrap();
            right.dtls.handle_timeout(now).unwrap();
        }
    }
}

/// Both sides told the other's certificate first, then the same keys, then that they are connected.
fn assert_agreed(left: &Side, right: &Side) -> SrtpProfile {
    let [Told::Certificate(of_right), Told::Keys(left_keys, profile), Told::Connected] = &left.told[..3] else {
        panic!("{:?}", left.told)
    };
    let keys = right.told.iter().find_map(|told| match told {
        Told::Keys(keys, profile) => Some((keys, *profile)),
        _ => None,
    });
    assert_eq!(keys, Some((left_keys, *profile)));
    assert_eq!(*of_right, right.certificate.certificate);
    assert!(right.told.contains(&Told::Certificate(left.certificate.certificate.clone())));
    *profile
}

fn check(mut peer: impl FnMut(bool) -> Side) {
    for ours_active in [false, true] {
        let (mut ours, mut theirs) = (Side::ours(ours_active), peer(!ours_active));
        exchange(&mut ours, &mut theirs);
        assert_eq!(assert_agreed(&ours, &theirs), SrtpProfile::AEAD_AES_256_GCM, "we are active: {ours_active}");
        assert_eq!(ours.dtls.protocol_version(), Some(ProtocolVersion::DTLS1_2));
    }
}

#[test]
fn connects_with_rsa_in_both_roles() {
    let certificate = rsa_2048();
    check(|active| Side::openssl(certificate.clone(), active));
}

#[test]
fn connects_with_ecdsa_in_both_roles() {
    let certificate = ecdsa_p256();
    check(|active| Side::openssl(certificate.clone(), active));
}

#[test]
fn connects_with_another_implementation_in_both_roles() {
    check(Side::dimpl);
}

fn check_with_loss(ours_active: bool, mut peer: impl FnMut() -> Side) {
    for seed in 1..=4 {
        let (mut ours, mut theirs) = (Side::ours(ours_active), peer());
        exchange_with_loss(&mut ours, &mut theirs, seed * 7919 + u64::from(ours_active));
        assert_agreed(&ours, &theirs);
    }
}

#[test]
fn survives_loss_as_server_of_rsa() {
    let certificate = rsa_2048();
    check_with_loss(false, || Side::openssl(certificate.clone(), true));
}

#[test]
fn survives_loss_as_client_of_rsa() {
    let certificate = rsa_2048();
    check_with_loss(true, || Side::openssl(certificate.clone(), false));
}

#[test]
fn survives_loss_as_server_of_ecdsa() {
    let certificate = ecdsa_p256();
    check_with_loss(false, || Side::openssl(certificate.clone(), true));
}

#[test]
fn survives_loss_as_client_of_ecdsa() {
    let certificate = ecdsa_p256();
    check_with_loss(true, || Side::openssl(certificate.clone(), false));
}

#[test]
fn survives_loss_as_server_of_another_implementation() {
    check_with_loss(false, || Side::dimpl(true));
}

#[test]
fn survives_loss_as_client_of_another_implementation() {
    check_with_loss(true, || Side::dimpl(false));
}

#[test]
fn data_and_the_end_arrive() {
    for ours_active in [false, true] {
        let (mut ours, mut theirs) = (Side::ours(ours_active), Side::dimpl(!ours_active));
        assert_eq!(ours.dtls.send_application_data(b"early").unwrap(), 0, "nothing is taken before the handshake");
        exchange(&mut ours, &mut theirs);
        assert_eq!(ours.dtls.send_application_data(&[7; 1100]).unwrap(), 1100);
        exchange(&mut ours, &mut theirs);
        assert_eq!(theirs.told.last(), Some(&Told::Data(vec![7; 1100])));

        theirs.dtls.close().unwrap();
        exchange(&mut ours, &mut theirs);
        assert_eq!(ours.told.last(), Some(&Told::CloseNotify));

        ours.dtls.close().unwrap();
        assert!(ours.dtls.is_closing() && !ours.dtls.is_closed(), "our close_notify is not sent yet");
        exchange(&mut ours, &mut theirs);
        assert!(ours.dtls.is_closed());
        assert!(ours.dtls.send_application_data(b"late").is_err());
    }
}

/// What OpenSSL would write beyond its buffer is not given to it.
#[test]
fn a_record_is_as_long_as_its_buffer_at_most() {
    let (mut ours, mut theirs) = (Side::ours(true), Side::dimpl(false));
    exchange(&mut ours, &mut theirs);
    ours.dtls.send_application_data(&[7; 1900]).unwrap();
    exchange(&mut ours, &mut theirs);
    assert_eq!(theirs.told.last(), Some(&Told::Data(vec![7; 1900])));
    assert!(ours.dtls.send_application_data(&[7; 2049]).is_err());
    assert!(ours.dtls.is_closed());
}

#[test]
fn closes_in_every_state() {
    let certificate = Certificate::generate().0;
    let mut new = OpenSsl(KeysGoTo::Engine).new_dtls(&certificate, Instant::now(), DtlsVersion::Dtls12, None).unwrap();
    new.close().unwrap();
    assert!(new.is_closed());
    let mut handshaking = Side::ours(true);
    handshaking.dtls.close().unwrap();
    handshaking.drain();
    assert!(handshaking.dtls.is_closed());
}

#[test]
fn a_lost_flight_is_repeated_early() {
    let mut ours = Side::ours(true);
    let began = Instant::now();
    assert_eq!(ours.drain().len(), 1, "a ClientHello");
    assert!(ours.wants <= began + Duration::from_micros(FIRST_RETRANSMIT_US.into()));
    while ours.drain().is_empty() {
        assert!(began.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(5));
        ours.dtls.handle_timeout(Instant::now()).unwrap();
    }
    assert_eq!(
        [0, 100_000, 800_000, 1_600_000].map(|last| next_retransmit_us(std::ptr::null_mut(), last)),
        [100_000, 200_000, 1_600_000, 1_600_000]
    );
}

#[test]
fn without_gcm_the_old_profile_is_taken_and_counted() {
    let certificate = rsa_2048();
    let mut context = SslContext::builder(SslMethod::dtls()).unwrap();
    context.set_tlsext_use_srtp("SRTP_AES128_CM_SHA1_80").unwrap();
    context.set_certificate(&X509::from_der(&certificate.certificate).unwrap()).unwrap();
    context.set_private_key(&PKey::private_key_from_der(&certificate.private_key).unwrap()).unwrap();
    context.set_options(SslOptions::NO_QUERY_MTU);
    context.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
    let mut theirs = Side::openssl(certificate, true);
    let mut dtls = Connection::new(Some(context.build()), 256, Instant::now(), KeysGoTo::Engine);
    dtls.set_active(true);
    dtls.handle_packet(&[]).unwrap();
    theirs.dtls = Box::new(dtls);

    let counted = || handshakes_by_profile()[2];
    let before = counted();
    assert_eq!(before.0, "SRTP_AES128_CM_SHA1_80");
    let mut ours = Side::ours(false);
    exchange(&mut ours, &mut theirs);
    assert_eq!(assert_agreed(&ours, &theirs), SrtpProfile::AES128_CM_SHA1_80);
    assert!(counted().1 >= before.1 + 2, "one for each side");
}

#[test]
fn what_is_no_certificate_fails_late_and_without_panic() {
    let certificate = DtlsCert { certificate: vec![1, 2, 3], private_key: vec![4, 5, 6] };
    for active in [false, true] {
        let mut dtls =
            OpenSsl(KeysGoTo::Engine).new_dtls(&certificate, Instant::now(), DtlsVersion::Dtls13, None).unwrap();
        dtls.set_active(active);
        dtls.handle_timeout(Instant::now()).unwrap();
        assert!(dtls.handle_packet(&[]).is_err());
        assert!(dtls.is_closed());
    }
}

#[test]
fn one_context_serves_all_sessions_of_a_certificate() {
    let certificate = Certificate::generate().0;
    let address = |context: SslContext| context.as_ptr();
    assert_eq!(address(shared_context(&certificate).unwrap()), address(shared_context(&certificate).unwrap()));
}
