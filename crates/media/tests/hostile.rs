//! Hostile datagrams, offers and candidates on a router with live sessions: they end nothing, cost nobody a packet, and
//! are answered to nobody.

#![allow(clippy::disallowed_methods, reason = "a test must begin at some instant")]

mod net;

use std::collections::HashSet;

use hostile::{Rng, StdRng};
use media::{Datagram, Departures, News, Offer, Protocol, SessionId};
use net::{Net, SERVER, is_contiguous};
use str0m::media::{Direction, MediaKind};
use str0m::{Candidate, RtcConfig};

/// Nobody of the room is there.
const STRANGER: &str = "10.9.9.9:999";

/// One publisher and two viewers in the middle of a consultation.
fn consultation() -> Net {
    let mut net = Net::new();
    let (publisher, track) = net.feed();
    for _ in 0..2 {
        net.viewer(track);
    }
    net.send(publisher, 30, 10);
    net
}

/// What a peer's engine offers: a voice and two pictures.
fn offer(net: &Net, direction: Direction) -> String {
    let mut rtc = RtcConfig::new().build(net.now);
    rtc.add_local_candidate(Candidate::host(STRANGER.parse().expect("address"), "udp").expect("candidate"));
    let mut api = rtc.sdp_api();
    for kind in [MediaKind::Audio, MediaKind::Video, MediaKind::Video] {
        api.add_media(kind, direction, None, None, None);
    }
    api.apply().expect("an offer").0.to_sdp_string()
}

/// A session that has been answered and that nobody has connected to.
fn fresh(net: &mut Net, direction: Direction) -> SessionId {
    let mut offer = Offer::read(offer(net, direction)).expect("an SDP");
    let (session, answer) = net.begin(direction, &mut offer);
    answer.expect("an answer");
    session
}

/// Everything that peers have said that is of this kind, by the first byte (RFC 7983 section 7); a few of each.
fn said(net: &Net, first: std::ops::RangeInclusive<u8>) -> Vec<Vec<u8>> {
    let of = |bytes: &&Vec<u8>| bytes.first().is_some_and(|byte| first.contains(byte));
    let said: Vec<_> = net.peers.iter().flat_map(|peer| peer.said.iter().filter(of).take(20)).cloned().collect();
    assert!(!said.is_empty(), "no peer said {first:?}");
    said
}

fn bent_datagram(dice: &mut StdRng, good: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let kind = &good[dice.random_range(0..good.len())];
    let mut bytes = hostile::bent(dice, kind);
    if dice.random_ratio(1, 10) && !bytes.is_empty() {
        bytes[0] = dice.random();
    }
    bytes
}

/// True for a connectivity check that is good up to its integrity: a copy of it is for the engine to believe.
fn is_check(bytes: &[u8], checks: &[Vec<u8>]) -> bool {
    checks.iter().any(|check| bytes.starts_with(&check[..check.len() - 8]))
}

#[test]
fn hostile_datagrams_end_nothing_and_reach_nobody() {
    let mut net = consultation();
    let mut fresh = [Direction::SendOnly, Direction::RecvOnly].map(|direction| fresh(&mut net, direction));
    let good = [said(&net, 0..=3), said(&net, 20..=63), said(&net, 128..=191)];
    let stranger = STRANGER.parse().expect("address");
    let live: Vec<_> = net.peers.iter().map(|peer| (peer.session, peer.address)).collect();
    net.run(1);
    let before = net.router.report().sessions;
    let (mut departures, mut news) = (Departures::default(), Vec::new());
    let mut moved = HashSet::new();
    hostile::play(40_000, |dice| {
        let (session, own) = match dice.random_range(0..8) {
            0 => (fresh[0], stranger),
            1 => (fresh[1], stranger),
            2 => (SessionId(77), stranger),
            other => live[other % live.len()],
        };
        // From elsewhere, or as if it were from the peer itself.
        let source = if dice.random() { own } else { stranger };
        let bytes = bent_datagram(dice, &good);
        let protocol = if dice.random_ratio(1, 10) { Protocol::Tcp } else { Protocol::Udp };
        let datagram =
            Datagram { session, protocol, source, destination: SERVER.parse().expect("address"), bytes: &bytes };
        net.router.burst(net.now, &[datagram], &mut departures, &mut news);
        let answered: usize = departures.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(answered <= 4 * bytes.len() + 2000, "{answered} bytes for {}", bytes.len());
        if source == stranger && is_check(&bytes, &good[0]) {
            // Whoever can hear a check and say it again can move the session to himself, as ICE is made: to be sent
            // what he has no keys for.
            moved.insert(session);
        }
        let is_known = |session| moved.contains(&session);
        let is_astray = departures.iter().any(|(run, _)| run.destination == stranger && !is_known(run.session));
        assert!(!is_astray, "a stranger was answered to {bytes:02x?}");
        for ended in news.iter().filter_map(|news| if let News::Over(ended) = news { Some(*ended) } else { None }) {
            // Before there are keys, DTLS believes what comes; who is let through to it then is the worker's affair.
            let place = fresh.iter().position(|fresh| *fresh == ended);
            let place = place.unwrap_or_else(|| panic!("{bytes:02x?} ended a session that is connected"));
            fresh[place] = self::fresh(&mut net, [Direction::SendOnly, Direction::RecvOnly][place]);
        }
        departures.clear();
        news.clear();
    });
    assert_eq!(net.router.report().sessions, before);
    for peer in &mut net.peers {
        peer.received.clear();
    }
    net.send(0, 30, 10);
    for viewer in 1..3 {
        let sequences = net.peers[viewer].sequences();
        assert!(sequences.len() >= 90 && is_contiguous(&sequences), "viewer {viewer} got {sequences:?}");
    }
}

/// What breaks readers of SDP and of candidates.
const SPLINTERS: &[&str] = &[
    "\r\n",
    "\n",
    "\0",
    "é",
    " ",
    ":",
    "/",
    "=",
    "-1",
    "0",
    "65536",
    "4294967296",
    "99999999999999999999",
    "m=video 9 X 96\r\n",
    "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n",
    "a=mid:",
    "a=mid:0\r\n",
    "a=mid:a-name-of-more-than-sixteen-bytes\r\n",
    "a=rtpmap:96 H264/90000\r\n",
    "a=rtpmap:63 red/48000/2\r\n",
    "a=fmtp:96 ",
    "sprop-parameter-sets=Z0LAHw==,aM4G;",
    "a=extmap:15 urn:ietf:params:rtp-hdrext:sdes:mid\r\n",
    "a=extmap:0 x\r\n",
    "a=extmap:255 x\r\n",
    "a=inactive\r\n",
    "a=ssrc:1 cname:x\r\n",
    "a=ssrc-group:FID 1 1\r\n",
    "a=rid:h send\r\n",
    "a=simulcast:send h;m;l\r\n",
    "a=setup:passive\r\n",
    "a=candidate:1 1 udp 1 10.0.0.9 9 typ host\r\n",
    "a=fingerprint:sha-256 00\r\n",
    "a=ice-ufrag:x\r\n",
    "a=group:BUNDLE\r\n",
];

#[test]
fn hostile_offers_are_answered_or_refused() {
    let mut net = consultation();
    let good = [Direction::SendOnly, Direction::RecvOnly, Direction::SendRecv].map(|direction| offer(&net, direction));
    let before = net.router.report().sessions;
    let (mut answered, mut rounds) = (0, 0);
    hostile::play(1_000, |dice| {
        rounds += 1;
        let direction = if dice.random() { Direction::SendOnly } else { Direction::RecvOnly };
        let mut begun = None;
        // The first, and one that changes it.
        for _ in 0..2 {
            let text = hostile::torn(dice, &good, SPLINTERS);
            let Ok(mut offer) = Offer::read(text.clone()) else { continue };
            let (session, said) = match begun {
                Some(session) => (session, net.answer(session, &text)),
                None => net.begin(direction, &mut offer),
            };
            begun = Some(session);
            let Ok((answer, lines)) = said else { continue };
            let (now, departures, news) = (net.now, &mut net.departures, &mut net.news);
            answered += 1;
            assert!(answer.starts_with("v=0\r\n") && lines.len() <= 25, "{text:?}");
            for line in lines {
                net.router.bind_track(now, session, &line.mid, &offer);
                net.router.bind_sink(session, &line.mid);
            }
            let candidate = hostile::torn(
                dice,
                &["candidate:1 1 udp 2130706175 10.0.0.9 9000 typ host generation 0 ufrag abcd network-id 1"],
                SPLINTERS,
            );
            net.router.add_candidate(now, session, &candidate, departures, news).ok();
        }
        if let Some(session) = begun {
            net.router.close(net.now, session, &mut net.departures);
        }
        net.departures.clear();
        net.news.clear();
    });
    assert!(answered > rounds / 20, "{answered} of {rounds} were answered");
    assert_eq!(net.router.report().sessions, before);
    net.send(0, 30, 10);
    assert!(is_contiguous(&net.peers[1].sequences()), "the others go on");
}
