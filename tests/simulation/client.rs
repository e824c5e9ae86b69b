//! Who is in the room: what they say, and what they are told.

use std::time::Duration;

use media::Protocol;
use room::input::Grants;
use room::{ClientId, Door, Identity, Input, Request};
use signaling::client::OfSite;
use signaling::{
    ClientMessage, CloseReason, FeedChoice, FeedId, FeedKind, FeedOffer, Private, PublishedFeed, RefusalCode, Role,
    ServerMessage, SiteId, Slot, VoiceOffer,
};
use str0m::media::{Direction, MediaKind};

use crate::camera::{Camera, Lens};
use crate::clock::Clock;
use crate::link::Weather;
use crate::parity;
use crate::peer::{Peer, Place};
use crate::pipe::Pipe;
use crate::roster::Roster;
use crate::screen::Screen;
use crate::source::Source;
use crate::truth::Person;
use crate::worker::HOME;
use crate::world::{What, World};

/// A connection that was replaced goes on for so long: a browser closes it when the new one carries.
const OUTLIVES: Duration = Duration::from_millis(500);

/// One WebSocket, or one WHIP or WHEP session.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) worker: usize,
    pub(crate) role: Role,
    pub(crate) site: Option<SiteId>,
    pub(crate) publishing: Option<usize>,
    pub(crate) receiving: Option<usize>,
    pub(crate) refused: Vec<RefusalCode>,
    pub(crate) disconnected: u32,
    pub(crate) is_gone: bool,
    /// Has lost so much of its line that it need not see: what the scenario says.
    pub(crate) is_excused: bool,
    /// Offers to take parity with its pictures, as Chromium does.
    pub(crate) takes_parity: bool,
    pub(crate) roster: Roster,
    answer: Option<String>,
    /// What the lines were called that it published first.
    line_names: Vec<String>,
    published: Vec<PublishedFeed>,
    /// Told before the new connection's screens were there.
    shown: Vec<(u32, Option<FeedId>)>,
}

/// How a connection is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    pub(crate) weather: Weather,
    pub(crate) protocol: Protocol,
    pub(crate) ahead: Duration,
    pub(crate) drift_ppm: i64,
}

impl From<Weather> for Way {
    fn from(weather: Weather) -> Self {
        Self { weather, protocol: Protocol::Udp, ahead: Duration::ZERO, drift_ppm: 0 }
    }
}

impl World {
    /// Somebody comes into the home; gives its place.
    pub(crate) fn enter(&mut self, role: Role, site: Option<&str>) -> usize {
        self.enter_at(HOME, role, site)
    }

    /// Somebody comes in where a worker has the room or an annex of it.
    pub(crate) fn enter_at(&mut self, worker: usize, role: Role, site: Option<&str>) -> usize {
        let subject = format!("simulated {}", self.clients.len());
        self.enter_as(&subject, Door::WebSocket, worker, role, site)
    }

    /// A client of this subject comes in by this door.
    pub(crate) fn enter_as(
        &mut self,
        subject: &str,
        door: Door,
        worker: usize,
        role: Role,
        site: Option<&str>,
    ) -> usize {
        let at = self.clients.len();
        let site: Option<SiteId> = site.map(|site| site.parse().expect("a site id"));
        self.clients.push(Client {
            worker,
            role,
            site: site.clone(),
            publishing: None,
            receiving: None,
            refused: Vec::new(),
            disconnected: 0,
            is_gone: false,
            is_excused: false,
            takes_parity: false,
            roster: Roster::default(),
            answer: None,
            line_names: Vec::new(),
            published: Vec::new(),
            shown: Vec::new(),
        });
        let person = Person::new(role, site.clone());
        self.truth.change(self.now, |scene| drop(scene.people.insert(at, person)));
        let (subject, name) = (Private::new(subject.to_owned()), Private::new(name_of(at)));
        let identity = Identity { subject, name, role, site, grants: Grants::default() };
        self.handle(worker, Input::Joined { client: ClientId(at as u64), re: None, identity, door, returns: None });
        at
    }

    pub(crate) fn say(&mut self, client: usize, message: ClientMessage) {
        let worker = self.clients[client].worker;
        let mut request = Box::new(Request::new(None, message));
        // Every offer here is a connection's first.
        request.prepare(self.now, &self.workers[&worker].local, None);
        self.handle(worker, Input::Message { client: ClientId(client as u64), request });
    }

    /// Publishes all that these lenses show, on a connection of its own that replaces the one before.
    pub(crate) fn publish(&mut self, client: usize, lenses: &[Lens], way: Way) -> usize {
        let (at, mut peer) = self.peer(client, way);
        let kinds: Vec<_> = lenses.iter().map(Lens::line).collect();
        let (sdp, pending, mids) = peer.offer(&kinds, Direction::SendOnly);
        // What is published anew has the names that it had before, as browsers give them; the engine takes others.
        let engine_names: Vec<String> = mids.iter().map(ToString::to_string).collect();
        let known = &mut self.clients[client].line_names;
        known.extend(engine_names.iter().skip(known.len()).cloned());
        let names: Vec<String> = known[..mids.len()].to_vec();
        let sdp = renamed(&sdp, &engine_names, &names);
        let mid_of = |place: usize| Some(names[place].clone());
        let cameras = lenses.iter().enumerate();
        let feeds = cameras
            .clone()
            .filter_map(|(place, lens)| Some(FeedOffer { mid: mid_of(place), kind: lens.kind?, label: String::new() }));
        let voice = cameras.clone().find(|(_, lens)| lens.kind.is_none());
        let voice = voice.map(|(place, _)| VoiceOffer { mid: mid_of(place) });
        if let Some(before) = self.clients[client].publishing.take() {
            self.replace(before);
        }
        let feeds = feeds.collect();
        self.say(client, ClientMessage::Publish { sdp, feeds, voice });
        let answer = self.clients[client].answer.take().expect("an answer to publish");
        let answer = renamed(&answer, &names, &engine_names);
        peer.accept(pending, &answer);
        let published = std::mem::take(&mut self.clients[client].published);
        for (place, lens) in cameras {
            let source = self.sources.len() as u16;
            let feed = published.iter().find(|feed| feed.mid == names[place]).map(|feed| feed.feed);
            // A feed that is offered anew stays held back.
            let is_muted = feed.is_some_and(|feed| self.is_muted(feed));
            self.sources.push(Source {
                client,
                peer: at,
                site: self.clients[client].site.clone(),
                is_voice: lens.kind.is_none(),
                kind: lens.kind,
                feed,
                live_since: None,
                replaced_at: None,
                muted: vec![(self.now, is_muted)],
            });
            let mut camera = Camera::new(*lens, source, mids[place], peer.clock.local(self.now));
            let first = self.now + self.chance.span(lens.every);
            camera.due = Some(first);
            peer.cameras.push(camera);
            self.at(first, What::Film(at, place));
        }
        peer.name_streams();
        self.clients[client].publishing = Some(at);
        self.admit(at, peer, &answer);
        at
    }

    /// Opens a downlink with so many slots and places for voices, which replaces the one before.
    pub(crate) fn receive(&mut self, client: usize, slots: usize, voices: usize, way: Way) -> usize {
        let (at, mut peer) = self.peer(client, way);
        let line = |kind| (kind, None);
        let kinds = [vec![line(MediaKind::Video); slots], vec![line(MediaKind::Audio); voices]].concat();
        let (sdp, pending, mids) = peer.offer(&kinds, Direction::RecvOnly);
        let names: Vec<String> = mids.iter().map(ToString::to_string).collect();
        if let Some(before) = self.clients[client].receiving.take() {
            self.drop_peer(before);
        }
        let (video, audio) = names.split_at(slots);
        peer.offered = (sdp, video.to_vec(), audio.to_vec());
        let answer = self.offer_downlink(client, &peer.offered);
        peer.accept(pending, &parity::answered(&answer).rest);
        for (place, mid) in mids.into_iter().enumerate() {
            let slot = (place < slots).then_some(place as u32);
            let name = format!("seed {}, client {client}, line {place}", self.seed);
            peer.screens.push(Screen::new(name, slot, announced(&answer, &mid)));
        }
        for (place, screen) in peer.screens.iter().enumerate() {
            peer.down.name(screen.ssrc, 2 * place as u64);
            screen.resend_ssrc.into_iter().for_each(|ssrc| peer.down.name(ssrc, 2 * place as u64 + 1));
        }
        peer.name_parity(&answer);
        for (slot, feed) in std::mem::take(&mut self.clients[client].shown) {
            peer.screens[slot as usize].show(self.now, feed);
        }
        self.clients[client].receiving = Some(at);
        self.admit(at, peer, &answer);
        at
    }

    /// Offers its open downlink once more, as it was but for what the client takes beside its pictures.
    pub(crate) fn receive_again(&mut self, client: usize) {
        let at = self.clients[client].receiving.expect("an open downlink");
        let offered = self.peers[&at].offered.clone();
        let answer = self.offer_downlink(client, &offered);
        self.peers.get_mut(&at).expect("was just found").name_parity(&answer);
    }

    fn offer_downlink(&mut self, client: usize, (sdp, slots, voices): &(String, Vec<String>, Vec<String>)) -> String {
        let sdp = if self.clients[client].takes_parity { parity::offered(sdp) } else { sdp.clone() };
        self.say(client, ClientMessage::Receive { sdp, slots: slots.clone(), voices: voices.clone() });
        self.clients[client].answer.take().expect("an answer to receive")
    }

    fn peer(&mut self, client: usize, way: Way) -> (usize, Peer) {
        self.last_peer += 1;
        let Way { weather, protocol, ahead, drift_ppm } = way;
        let clock = Clock::new(self.began, ahead, drift_ppm);
        let number = self.last_peer as u64;
        let worker = self.clients[client].worker;
        let place = Place { client, worker, number, began: self.began, weather, protocol, clock, seed: self.seed };
        (self.last_peer, Peer::new(self.now, &place))
    }

    fn admit(&mut self, at: usize, mut peer: Peer, answer: &str) {
        peer.session = self.workers[&peer.worker].session_of(answer);
        self.by_session.insert((peer.worker, peer.session), at);
        self.by_outside.insert(peer.outside, at);
        if peer.protocol == Protocol::Tcp {
            self.pipes.insert(at, Pipe::new(1_000_000));
        }
        peer.take(self.now, None);
        self.peers.insert(at, peer);
        self.drain(at, None);
    }

    /// A publisher's connection has been replaced: it sends on for a while, and nothing of it may be seen any more.
    fn replace(&mut self, at: usize) {
        let now = self.now;
        for source in self.sources.iter_mut().filter(|source| source.peer == at) {
            source.replaced_at = Some(now);
        }
        self.at(now + OUTLIVES, What::Gone(at));
    }

    /// True while a source is what its feed shows.
    pub(crate) fn is_there(&self, source: &Source) -> bool {
        source.replaced_at.is_none() && self.peers.contains_key(&source.peer)
    }

    /// The peer is no more, and tells nobody.
    pub(crate) fn drop_peer(&mut self, at: usize) {
        let Some(peer) = self.peers.remove(&at) else { return };
        self.by_outside.retain(|_, peer| *peer != at);
        self.past.extend(peer.screens);
    }

    pub(crate) fn rebind(&mut self, at: usize) {
        let peer = self.peers.get_mut(&at).expect("a peer that is there");
        self.by_outside.remove(&peer.outside);
        peer.rebind();
        self.by_outside.insert(peer.outside, at);
    }

    pub(crate) fn watch(&mut self, client: usize, slot: u32, feed: Option<FeedId>) {
        let choice = feed.map(FeedChoice::Feed);
        self.say(client, ClientMessage::Watch { slot: Slot(slot), choice });
    }

    /// Whatever feed of this kind the site publishes.
    pub(crate) fn watch_site(&mut self, client: usize, slot: u32, site: &str, kind: FeedKind) {
        let of = OfSite { site: site.parse().expect("a site id"), kind };
        self.say(client, ClientMessage::Watch { slot: Slot(slot), choice: Some(FeedChoice::OfSite(of)) });
    }

    pub(crate) fn leave(&mut self, client: usize) {
        self.say(client, ClientMessage::Leave {});
        assert!(self.clients[client].is_gone, "who leaves is told so");
        self.drop_peers(client);
    }

    /// Its line is cut and its WebSocket closed; nobody is told anything.
    pub(crate) fn vanish(&mut self, client: usize) {
        self.drop_peers(client);
        let worker = self.clients[client].worker;
        self.handle(worker, Input::Left { client: ClientId(client as u64), reason: CloseReason::TimedOut });
    }

    pub(crate) fn drop_peers(&mut self, client: usize) {
        self.truth.change(self.now, |scene| drop(scene.people.remove(&client)));
        let peers = [self.clients[client].publishing, self.clients[client].receiving];
        peers.into_iter().flatten().for_each(|peer| self.drop_peer(peer));
    }

    /// Holds one of a client's feeds back, or lets it through.
    pub(crate) fn mute(&mut self, client: usize, feed: FeedId, muted: bool) {
        self.say(client, ClientMessage::MuteFeed { feed, muted });
        let source = self.sources.iter_mut().rev().find(|source| source.feed == Some(feed));
        source.expect("a feed that is there").muted.push((self.now, muted));
    }

    /// True if a feed is held back, of which there is or was a source.
    pub(crate) fn is_muted(&self, feed: FeedId) -> bool {
        self.sources.iter().rfind(|source| source.feed == Some(feed)).is_some_and(Source::is_muted)
    }

    /// The feeds of those that are in the room, by publisher.
    pub(crate) fn feeds(&self) -> Vec<(usize, FeedId)> {
        let there = |source: &&Source| self.is_there(source);
        self.sources.iter().filter(there).filter_map(|source| Some((source.client, source.feed?))).collect()
    }

    /// The server says something to a client.
    pub(crate) fn hear(&mut self, client: ClientId, message: ServerMessage) {
        let at = client.0 as usize;
        self.note(format!("client {at}"), || match &message {
            ServerMessage::Published { feeds, voice, .. } => {
                // The names of lines are the engine's, and by chance.
                format!("published {:?} {voice:?}", feeds.iter().map(|feed| feed.feed).collect::<Vec<_>>())
            }
            ServerMessage::Received { .. } => "received".to_owned(),
            other => format!("{other:?}"),
        });
        self.check_read(at, &message);
        let client = &mut self.clients[at];
        client.roster.hear(&message);
        match message {
            ServerMessage::Published { sdp, feeds, .. } => (client.answer, client.published) = (Some(sdp), feeds),
            ServerMessage::Received { sdp, .. } => client.answer = Some(sdp),
            ServerMessage::Watched { slot, feed, vacant, .. } => {
                let receiving = client.receiving.and_then(|peer| self.peers.get_mut(&peer));
                match receiving {
                    Some(peer) => {
                        let screen = &mut peer.screens[slot.0 as usize];
                        screen.show(self.now, feed);
                        screen.wait(self.now, vacant);
                    }
                    None => client.shown.push((slot.0, feed)),
                }
            }
            ServerMessage::Refused { code, .. } => client.refused.push(code),
            ServerMessage::Disconnected { .. } => client.disconnected += 1,
            ServerMessage::Closed { .. } => client.is_gone = true,
            _ => {}
        }
    }
}

/// What the token of a client calls it: no name is part of another's.
pub(crate) fn name_of(client: usize) -> String {
    format!("Dr. Simulated {client}.")
}

/// An SDP whose lines have other names.
fn renamed(sdp: &str, from: &[String], to: &[String]) -> String {
    let name = |known: &str| match from.iter().position(|name| name == known) {
        Some(place) => to[place].clone(),
        None => known.to_owned(),
    };
    let line = |line: &str| match (line.strip_prefix("a=mid:"), line.strip_prefix("a=group:BUNDLE ")) {
        (Some(mid), _) => format!("a=mid:{}\r\n", name(mid)),
        (_, Some(mids)) => format!("a=group:BUNDLE {}\r\n", mids.split(' ').map(name).collect::<Vec<_>>().join(" ")),
        _ => format!("{line}\r\n"),
    };
    sdp.lines().map(line).collect()
}

/// The SSRC that an answer announces for a line, and the one of its retransmissions.
fn announced(answer: &str, mid: &str) -> (u32, Option<u32>) {
    let section =
        answer.split("\r\nm=").find(|section| section.lines().any(|line| line.strip_prefix("a=mid:") == Some(mid)));
    let section = section.expect("the line is answered");
    let number = |text: Option<&str>| text.and_then(|text| text.parse().ok());
    if let Some(group) = section.lines().find_map(|line| line.strip_prefix("a=ssrc-group:FID ")) {
        let mut numbers = group.split(' ');
        return (number(numbers.next()).expect("an SSRC"), number(numbers.next()));
    }
    let alone = section.lines().find_map(|line| line.strip_prefix("a=ssrc:"));
    (number(alone.and_then(|line| line.split(' ').next())).expect("an SSRC"), None)
}
