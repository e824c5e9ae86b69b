//! Two of str0m's peers on our DTLS: what the handshake's outcome means to them.

use std::net::SocketAddr;
use std::time::Instant;

use str0m::change::{SdpAnswer, SdpOffer};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event as RtcEvent, Input, Output, Rtc, RtcError};

use super::*;

/// Two of str0m's peers, both on our DTLS, connected by a queue each.
fn connect(spoil: impl Fn(String) -> String) -> Result<(), RtcError> {
    let build = |lite| {
        let config = Rtc::builder().set_crypto_provider(crypto_provider(KeysGoTo::Engine)).set_ice_lite(lite);
        config.set_dtls_cert(Certificate::generate().dtls_cert()).build(Instant::now())
    };
    let mut peers = [(build(false), "127.0.0.1:1001"), (build(true), "127.0.0.1:1002")];
    for (rtc, address) in &mut peers {
        let address: SocketAddr = address.parse().unwrap();
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap()).unwrap();
    }
    let mut change = peers[0].0.sdp_api();
    change.add_channel("ink".to_owned());
    let (offer, pending) = change.apply().unwrap();
    let offer = SdpOffer::from_sdp_string(&spoil(offer.to_sdp_string())).unwrap();
    let answer = peers[1].0.sdp_api().accept_offer(offer)?;
    let answer = SdpAnswer::from_sdp_string(&answer.to_sdp_string()).unwrap();
    peers[0].0.sdp_api().accept_answer(pending, answer)?;

    let began = Instant::now();
    let mut open = [false; 2];
    while open != [true; 2] {
        assert!(began.elapsed() < PATIENCE);
        let mut moved = false;
        for at in 0..2 {
            loop {
                match peers[at].0.poll_output()? {
                    Output::Timeout(_) => break,
                    Output::Event(RtcEvent::ChannelOpen(..)) => open[at] = true,
                    Output::Event(_) => {}
                    Output::Transmit(transmit) => {
                        let bytes =
                            Receive::new(Protocol::Udp, transmit.source, transmit.destination, &transmit.contents)
                                .unwrap();
                        peers[1 - at].0.handle_input(Input::Receive(Instant::now(), bytes))?;
                        moved = true;
                    }
                }
            }
        }
        if !moved {
            std::thread::sleep(Duration::from_millis(2));
            for (rtc, _) in &mut peers {
                rtc.handle_input(Input::Timeout(Instant::now()))?;
            }
        }
    }
    Ok(())
}

#[test]
fn opens_a_data_channel_between_two_peers() {
    connect(|sdp| sdp).unwrap();
}

#[test]
fn refuses_a_certificate_that_the_sdp_did_not_announce() {
    let refused = connect(|sdp| {
        let (before, rest) = sdp.split_once("a=fingerprint:sha-256 ").unwrap();
        let digit = if rest.starts_with('0') { '1' } else { '0' };
        format!("{before}a=fingerprint:sha-256 {digit}{}", &rest[1..])
    });
    assert!(matches!(&refused, Err(RtcError::RemoteSdp(reason)) if reason.contains("fingerprint")), "{refused:?}");
}
