//! A router that has its tracks from another: every packet once, its own cache, its own answers to losses.

#![allow(clippy::disallowed_methods, reason = "virtual time must begin somewhere")]

mod net;

use media::{Excerpt, News, SinkId, TrackId, TrunkId};
use net::{Net, is_contiguous};
use str0m::media::Direction;

const TRUNK: TrunkId = TrunkId(1);

/// A home with one publisher, and an annex.
struct House {
    home: Net,
    annex: Net,
    track: TrackId,
    /// The annex takes nothing now; and what it was given meanwhile.
    is_full: bool,
    refused: usize,
    carried: usize,
}

impl House {
    fn new() -> Self {
        let (mut home, mut annex) = (Net::new(), Net::new());
        annex.now = annex.now.max(home.now);
        home.now = annex.now;
        let (_, track) = home.feed();
        home.router.open_trunk(TRUNK);
        annex.router.bind_home_track(annex.now, track, true);
        Self { home, annex, track, is_full: false, refused: 0, carried: 0 }
    }

    /// A viewer in the annex; connecting takes its time there, which is made up for at home.
    fn viewer(&mut self) -> (usize, SinkId) {
        let peer = self.annex.peer(Direction::RecvOnly, 1);
        let sink = self.annex.sink(peer, 0);
        self.annex.watch(sink, self.track);
        self.step();
        (peer, sink)
    }

    fn step(&mut self) {
        // Whoever is behind catches up: connecting a peer takes one of them ahead.
        let now = self.home.now.max(self.annex.now);
        (self.home.now, self.annex.now) = (now, now);
        self.home.step();
        self.carry();
        self.annex.step();
        self.carry();
    }

    fn carry(&mut self) {
        for news in std::mem::take(&mut self.annex.news) {
            match news {
                News::Wanted(track, is_wanted) => self.home.router.want(self.home.now, TRUNK, track, is_wanted),
                News::KeyframeWanted(track, ssrc, whom) => {
                    self.home.router.want_keyframe(self.home.now, track, ssrc, whom);
                }
                _ => {}
            }
        }
        let excerpts: Vec<(TrunkId, Excerpt)> = self.home.router.excerpts().collect();
        for (trunk, excerpt) in excerpts {
            if self.is_full {
                self.refused += 1;
                self.home.router.hand_on_again(self.home.now, trunk, &excerpt);
            } else {
                self.carried += 1;
                let Net { router, departures, news, now, .. } = &mut self.annex;
                router.take_excerpts(*now, &[excerpt], departures, news);
            }
        }
    }

    fn send(&mut self, frames: u32, gop: u32) {
        for _ in 0..frames {
            let wanted = std::mem::take(&mut self.home.peers[0].keyframe_requests) > 0;
            let is_keyframe = self.home.peers[0].frame.is_multiple_of(gop) || wanted && self.home.peers[0].is_willing;
            self.home.send_frame(0, 0, is_keyframe);
            (0..33).for_each(|_| self.step());
        }
    }

    fn upstream(&self) -> u64 {
        self.home.router.report().counters.keyframe_requests_upstream
    }
}

#[test]
fn joins_and_losses_of_an_annex_are_nothing_to_its_home() {
    let mut house = House::new();
    house.send(40, 1000);
    let asked = house.upstream();
    let (first, _) = house.viewer();
    house.send(10, 1000);
    for _ in 0..4 {
        house.viewer();
        house.send(3, 1000);
    }
    house.annex.peers[first].loss_percent = 20;
    house.send(60, 1000);
    house.annex.peers[first].loss_percent = 0;
    house.send(5, 1000);
    assert_eq!(house.upstream(), asked, "the cache of the annex served them");
    assert_eq!(house.home.router.report().counters.packets_resent, 0);
    assert!(house.annex.router.report().counters.packets_resent > 10);
    for peer in &house.annex.peers {
        let sequences = peer.sequences();
        // The group of pictures from its only keyframe on, whenever the viewer came.
        assert_eq!(sequences.len() as u64, house.home.peers[0].sequence - 100, "all of it");
        assert!(is_contiguous(&sequences), "{sequences:?}");
    }
}

#[test]
fn what_an_annex_could_not_take_it_is_told_later() {
    let mut house = House::new();
    let (viewer, _) = house.viewer();
    house.send(20, 1000);
    house.is_full = true;
    house.send(20, 1000);
    assert!(house.refused > 20, "it is tried again and again: {}", house.refused);
    house.is_full = false;
    house.send(20, 1000);
    let sequences = house.annex.peers[viewer].sequences();
    assert!(is_contiguous(&sequences));
    assert_eq!(sequences.len() as u64, house.home.peers[0].sequence - 100);
}

#[test]
fn many_wants_of_an_annex_are_one_request() {
    let mut house = House::new();
    let viewers: Vec<_> = (0..5).map(|_| house.viewer()).collect();
    // It has begun before anybody kept it, as after a mute: nothing to begin with.
    house.home.peers[0].frame = 1;
    house.home.peers[0].is_willing = true;
    let asked = house.upstream();
    house.send(20, 1000);
    assert_eq!(house.upstream(), asked + 1);
    for (viewer, _) in viewers {
        assert!(house.annex.peers[viewer].received.len() > 40, "everybody has a picture");
    }
}

#[test]
fn what_nobody_in_the_annex_watches_is_not_carried() {
    let mut house = House::new();
    house.send(10, 1000);
    assert_eq!(house.carried, 0, "nobody has watched it yet");
    let (viewer, sink) = house.viewer();
    house.send(10, 1000);
    let Net { router, departures, news, now, .. } = &mut house.annex;
    router.watch(*now, sink, None, departures, news).expect("nothing");
    house.send(180, 1000);
    let carried = house.carried;
    house.send(10, 1000);
    assert_eq!(house.carried, carried, "it has been given up");
    let before = house.annex.peers[viewer].received.len();
    house.annex.watch(sink, house.track);
    house.send(10, 1000);
    let after = &house.annex.peers[viewer].received[before..];
    assert_eq!(after.len(), 3 * 220, "the whole group of pictures, and what has come since");
    assert!(is_contiguous(&house.annex.peers[viewer].sequences()));
}
