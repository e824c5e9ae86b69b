//! A voice that its publisher sends with redundancy (RFC 2198): agreed to, taken apart, and what was lost found in it.

#![allow(clippy::disallowed_methods, reason = "a test must begin at some instant")]

mod net;

use media::{Offer, Rank};
use net::Net;
use str0m::format::PayloadParams;
use str0m::media::{Direction, MediaKind, Pt};
use str0m::rtp::RtpWrite;
use str0m::{Input, RtcConfig};

/// Opus as browsers offer it to send: with redundancy, or without.
fn opus(has_red: bool) -> RtcConfig {
    RtcConfig::new().clear_codecs().enable_opus(true, has_red)
}

/// The answer to the offer of one who sends a voice, or hears one.
fn answer(net: &mut Net, direction: Direction, has_red: bool) -> String {
    let mut rtc = opus(has_red).build(net.now);
    let mut api = rtc.sdp_api();
    api.add_media(MediaKind::Audio, direction, None, None, None);
    let (offer, _) = api.apply().expect("an offer");
    let mut offer = Offer::read(offer.to_sdp_string()).expect("an SDP");
    net.begin(direction, &mut offer).1.expect("an answer").0
}

#[test]
fn redundancy_is_agreed_to_where_it_is_offered() {
    let mut net = Net::new();
    let with = answer(&mut net, Direction::SendOnly, true);
    // Browsers send by the first type of the line.
    assert!(with.contains("m=audio 9 UDP/TLS/RTP/SAVPF 63 111\r\n"), "{with}");
    assert_eq!(with.matches("a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n").count(), 1, "{with}");
    assert!(with.contains("a=fmtp:111 minptime=10;useinbandfec=1\r\n"), "{with}");
    let without = answer(&mut net, Direction::SendOnly, false);
    assert!(without.contains("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n") && !without.contains("red/"), "{without}");
    assert!(without.contains("a=fmtp:111 minptime=10;useinbandfec=1\r\n"), "{without}");
    for has_red in [true, false, true, false] {
        let said = answer(&mut net, Direction::RecvOnly, has_red);
        assert_eq!(
            said.matches("a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n").count(),
            usize::from(has_red),
            "{said}"
        );
    }
}

impl Net {
    /// Sends one packet of a voice.
    fn say(&mut self, peer: usize, payload_type: Pt, sequence: u64, payload: Vec<u8>) {
        let peer = &mut self.peers[peer];
        let write = RtpWrite::new(payload_type, sequence.into(), sequence as u32 * 960, self.now, payload);
        let stream = peer.mids[0];
        peer.rtc.direct_api().stream_tx_by_mid(stream, None).expect("a sending line").write_rtp(write);
        peer.rtc.handle_input(Input::Timeout(self.now)).expect("time passes");
        peer.drain();
        self.run(20);
    }
}

#[test]
fn viewers_get_what_was_lost_on_the_way_in() {
    let mut net = Net::new();
    let publisher = net.peer_with(MediaKind::Audio, opus(true), Direction::SendOnly, 1);
    let track = net.track(publisher, 0);
    net.rank = Rank::Audience;
    let viewer = net.peer_with(MediaKind::Audio, opus(false), Direction::RecvOnly, 1);
    let sink = net.sink(viewer, 0);
    net.watch(sink, track);
    let params: PayloadParams = net.peers[publisher].rtc.codec_config().params()[0];
    let red = params.red().expect("it was agreed to");
    let word = |sequence: u64| format!("word {sequence}").into_bytes();
    for sequence in (100..300_u64).filter(|sequence| sequence % 7 != 0) {
        let before = word(sequence - 1);
        let header = (960 << 10 | before.len() as u32).to_be_bytes();
        let headers = [0x80 | *params.pt(), header[1], header[2], header[3], *params.pt()];
        net.say(publisher, red, sequence, [&headers[..], &before, &word(sequence)].concat());
    }
    // One that is no redundancy, and one without.
    net.say(publisher, red, 300, vec![0x80, 1]);
    net.say(publisher, params.pt(), 301, word(301));
    let said: Vec<String> =
        net.peers[viewer].received.iter().map(|packet| String::from_utf8_lossy(&packet.payload).into_owned()).collect();
    let expected: Vec<String> = (100..300).chain([301]).map(|sequence| format!("word {sequence}")).collect();
    assert_eq!(said, expected, "every word once, and in order");
    let report = net.router.report();
    let track = report.tracks.iter().find(|report| report.track == track).expect("the voice");
    assert_eq!((track.packets, track.recovered), (201, 28));
    assert_eq!(report.counters.drops[media::DropReason::Malformed.index()], 1);
}
