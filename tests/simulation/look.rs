//! What must hold of everything that a viewer gets.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use signaling::{FeedId, Said, ServerMessage, SiteId};
use str0m::media::{KeyframeRequestKind, Mid, SenderFeedback};
use str0m::rtp::RtpPacket;

use crate::body::Body;
use crate::client::name_of;
use crate::life::SITES;
use crate::screen::{RESENT_WITHIN, Screen, Told};
use crate::source::Source;
use crate::trunk::LOOKS_WITHIN;
use crate::truth::Scene;
use crate::wire::Stamp;
use crate::worker::{HOME, SINCE_1970};
use crate::world::World;

/// A viewer that has asked for a keyframe asks again after so long.
const ASKS_AGAIN: Duration = Duration::from_secs(1);

impl World {
    /// A viewer opened a packet.
    pub(crate) fn see(&mut self, at: usize, packet: &RtpPacket, stamp: &Stamp) {
        let peer = self.peers.get_mut(&at).expect("it has just got something");
        let client = &self.clients[peer.client];
        let is_of = |screen: &&mut Screen| {
            stamp.ssrc == Some(screen.ssrc) || stamp.ssrc == screen.resend_ssrc.filter(|_| stamp.ssrc.is_some())
        };
        if stamp.ssrc.is_some_and(|ssrc| peer.parity.contains(&ssrc)) {
            return;
        }
        let screen = peer.screens.iter_mut().find(is_of).expect("only what was announced leaves the server");
        screen.packets += 1;
        let name = screen.sight.name.clone();
        let is_resent = stamp.ssrc == screen.resend_ssrc;
        let body = Body::read(&packet.payload);
        if let Some(body) = body {
            let source = &self.sources[usize::from(body.source)];
            // What is said to an annex is on the way for a while.
            let told_within = if client.worker == HOME { Duration::ZERO } else { LOOKS_WITHIN };
            // What was lost before may be sent again after.
            let in_time = if is_resent { RESENT_WITHIN } else { told_within };
            let may_get = self.truth.held(stamp.sent_at, in_time, |scene| scene.may_get(peer.client, source));
            assert!(may_get, "{name}: {:?} must not get {source:?} in {:?}", client.role, self.truth.now);
            self.got.insert((peer.client, usize::from(body.source)), self.now);
            assert_eq!(source.is_voice, screen.slot.is_none(), "{name}: pictures and sound are mixed up");
            let is_held_back = source.was_muted(stamp.sent_at, told_within);
            assert!(!is_held_back, "{name}: a packet of {source:?}, which its publisher holds back");
            let is_over = source.replaced_at.is_some_and(|at| stamp.sent_at > at + told_within);
            assert!(!is_over, "{name}: a packet of {source:?}, in whose place is another");
            if let Some(feed) = source.feed {
                let is_right = screen.may_show(feed, stamp.sent_at, is_resent);
                assert!(is_right, "{name}: a packet of feed {feed}, which is not in this slot: {:?}", screen.shows);
            }
        }
        let mut frames = Vec::new();
        if screen.slot.is_some() {
            frames = screen.sight.take(self.now, *packet.seq_no, packet.header.timestamp, &packet.payload);
        }
        let values = &packet.header.ext_vals;
        let (least, most) = (values.play_delay_min, values.play_delay_max);
        assert_eq!(least, most, "{name}: the browser is left no choice");
        screen.playout_delay = least.map(Duration::from).or(screen.playout_delay);
        let carried = values.abs_capture_time.as_ref();
        if let (Some(body), Some(carried)) = (body, carried) {
            let reported = screen.reported(packet.header.timestamp);
            screen.told.push(Told {
                at: self.now,
                carried_error_us: error_us(carried.capture_time, body.captured_us),
                reported_error_us: reported.map(|reported| error_us(reported, body.captured_us)),
            });
        }
        let held = screen.playout_delay.unwrap_or_default();
        body.iter().for_each(|body| screen.player.take(self.now, body, held));
        let sequence = *packet.seq_no;
        self.note(name.clone(), || format!("got {sequence}, again: {is_resent}: {body:?}"));
        for frame in frames {
            self.note(name.clone(), || format!("sees {} of {}", frame.frame, frame.source));
        }
    }

    /// Nobody is told a name, of a person or of a site, that is not for it.
    pub(crate) fn check_read(&self, at: usize, message: &ServerMessage) {
        let mut value = serde_json::to_value(message).expect("a message is JSON");
        // Who may read what was said may read who said it, who may have left or be elsewhere now.
        let said: Vec<Said> = serde_json::from_value(match value["said"].take() {
            Value::Array(said) => said.into(),
            Value::Null => Value::Array(Vec::new()),
            said => Value::Array(vec![said]),
        })
        .expect("what was said");
        let text = value.to_string();
        let is_home = |client: usize| self.clients[client].worker == HOME;
        // Who has just come where something is known later is told what held before it came.
        let held_lately = |is_late: bool, what: &dyn Fn(&Scene) -> bool| {
            let told_within = if is_late { LOOKS_WITHIN } else { Duration::ZERO };
            let newcomer = self.truth.now.people.get(&at).filter(|_| is_late);
            self.truth.held(self.now, told_within, |scene| match newcomer {
                Some(person) if !scene.people.contains_key(&at) => what(&scene.with(at, person)),
                _ => what(scene),
            })
        };
        let held = |what: &dyn Fn(&Scene) -> bool| held_lately(!is_home(at), what);
        for other in (0..self.clients.len()).filter(|other| *other != at && text.contains(&name_of(*other))) {
            let is_late = !is_home(at) || !is_home(other);
            let may_know = held_lately(is_late, &|scene| scene.may_know(at, other));
            assert!(may_know, "client {at} must not know of {other}: {text} in {:?}", self.truth.now);
        }
        for said in said {
            let may_read = held(&|scene| scene.may_read_said(at, &said.to));
            assert!(may_read, "client {at} must not read {said:?} in {:?}", self.truth.now);
        }
        for site in SITES.iter().map(|site| site.parse::<SiteId>().expect("a site id")) {
            let may_read = !text.contains(site.as_str()) || held(&|scene| scene.may_read(at, &site));
            assert!(may_read, "client {at} must not know of {site}: {text} in {:?}", self.truth.now);
        }
    }

    /// A sender report came: it must count what had been sent when it left.
    pub(crate) fn read_report(&mut self, at: usize, report: &SenderFeedback, stamp: &Stamp) {
        let peer = self.peers.get_mut(&at).expect("it has just got something");
        let info = &report.sender_info;
        let Some(screen) = peer.screens.iter_mut().find(|screen| screen.ssrc == *info.ssrc) else { return };
        let counts = stamp.counts.as_ref().expect("a report leaves as SRTCP");
        let sent = counts.get(&screen.ssrc).copied().unwrap_or_default();
        assert_eq!(
            (info.sender_packet_count, info.sender_octet_count),
            (sent.packets, sent.octets),
            "{}: a sender report that miscounts",
            screen.sight.name
        );
        screen.report = Some(*report);
    }

    /// A publisher is asked for a keyframe by what left at that moment.
    pub(crate) fn ask_camera(&mut self, at: usize, mid: Mid, sent_at: Instant) {
        let peer = self.peers.get_mut(&at).expect("it has just got something");
        let way = peer.up.weather.delay;
        let camera = peer.cameras.iter_mut().position(|camera| camera.mid == mid).expect("what it offered");
        if !peer.cameras[camera].ask(sent_at) {
            return;
        }
        let camera = &self.peers[&at].cameras[camera];
        // Of several layers each is asked for by itself.
        if camera.lens.qualities.is_empty() {
            self.check_asked(way, camera);
        }
        let source = camera.source;
        self.note(format!("source {source}"), || "is asked for a keyframe".to_owned());
    }

    /// Every viewer looks at every slot.
    pub(crate) fn look(&mut self) {
        let now = self.now;
        let mut asks = Vec::new();
        let live = self.live();
        for (at, peer) in &mut self.peers {
            let is_excused = self.clients[peer.client].is_excused;
            for screen in peer.screens.iter_mut().filter(|screen| screen.slot.is_some()) {
                let Some((since, feed)) = screen.shown() else { continue };
                let (Some(live_since), Some(connected_at)) = (live.get(&feed), peer.connected_at) else { continue };
                // Who waits, and knows, does not look; when it goes on, it has as long as everybody.
                let goes_on_at = screen.waits.last().map_or(since, |(at, _)| *at);
                if screen.waits_for().is_some() {
                    continue;
                }
                let since = since.max(*live_since).max(connected_at).max(goes_on_at);
                let dark = now.saturating_duration_since(screen.sight.decoded_at.map_or(since, |at| at.max(since)));
                if !is_excused {
                    screen.sight.look(now, since);
                    self.worst_dark = self.worst_dark.max(dark);
                    assert!(dark <= self.patience, "{}: dark for {dark:?}: {:?}", screen.sight.name, screen.shows);
                }
                if dark > self.asks_after && screen.asked_at.is_none_or(|asked| now.duration_since(asked) >= ASKS_AGAIN)
                {
                    screen.asked_at = Some(now);
                    screen.requests += 1;
                    asks.push((*at, screen.ssrc));
                }
            }
        }
        asks.into_iter().for_each(|(at, ssrc)| self.want_keyframe(at, ssrc));
    }

    /// A viewer asks for a keyframe on the line with this SSRC.
    pub(crate) fn want_keyframe(&mut self, at: usize, ssrc: u32) {
        let peer = self.peers.get_mut(&at).expect("a viewer that is there");
        if let Some(stream) = peer.rtc.direct_api().stream_rx(&ssrc.into()) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
        peer.take(self.now, None);
        self.drain(at, None);
    }

    /// The feeds of which frames come, and since when.
    fn live(&self) -> BTreeMap<FeedId, Instant> {
        let there = |source: &&Source| self.is_there(source) && !source.is_muted();
        let there = self.sources.iter().filter(there);
        there.filter_map(|source| Some((source.feed?, source.live_since?.max(source.let_through_at()?)))).collect()
    }

    /// The weather clears, and everything that was lost is found again or over.
    pub(crate) fn settle(&mut self) {
        for peer in self.peers.values_mut() {
            peer.up.weather.lost_permille = 0;
            peer.down.weather.lost_permille = 0;
        }
        self.run_ms(4000);
        let live = self.live();
        let is_live = |screen: &&Screen| screen.shown().is_some_and(|(_, feed)| live.contains_key(&feed));
        for screen in self.peers.values().flat_map(|peer| &peer.screens).filter(is_live) {
            assert_eq!(screen.sight.hole(self.now), None, "{}: a hole that stays", screen.sight.name);
        }
        self.check_rosters();
    }

    /// All slots there are and were.
    pub(crate) fn screens(&self) -> impl Iterator<Item = &Screen> {
        self.peers.values().flat_map(|peer| &peer.screens).chain(&self.past).filter(|screen| screen.slot.is_some())
    }
}

/// How much later than the truth a capture time is.
fn error_us(told: SystemTime, captured_us: u64) -> i64 {
    let told = told.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    told.as_micros() as i64 - SINCE_1970.as_micros() as i64 - captured_us as i64
}
