//! Viewers who need no more than a thumbnail of a feed that has one layer.

#![allow(clippy::disallowed_methods, reason = "virtual time must begin somewhere")]

mod net;

use media::{News, Packet, SinkId, Size, ThumbnailNews, ThumbnailPicture, TrackId, TrunkId};
use net::sps::sps;
use net::{Net, is_contiguous};
use str0m::media::Direction;

const TAP: TrunkId = TrunkId(7);
const SMALL: Size = Size { width: 320, height: 180 };
const LARGE: Size = Size { width: 1920, height: 1080 };

/// A publisher of one layer, viewers, and a maker of thumbnails as the server has one.
struct House {
    net: Net,
    track: TrackId,
    told: Vec<ThumbnailNews>,
    is_tapped: bool,
    wants_keyframe: bool,
    /// Frames that the maker has seen, and their source.
    seen: u32,
    made: u32,
    /// It has made this and has not given it back yet.
    held: Vec<ThumbnailPicture>,
    holds: bool,
}

impl House {
    fn new() -> Self {
        let mut net = Net::new();
        let publisher = net.peer(Direction::SendOnly, 1);
        net.peers[publisher].sps = sps(1920, 1080);
        let track = net.track(publisher, 0);
        Self {
            net,
            track,
            told: Vec::new(),
            is_tapped: false,
            wants_keyframe: false,
            seen: 0,
            made: 0,
            held: Vec::new(),
            holds: false,
        }
    }

    fn viewer(&mut self, size: Option<Size>) -> (usize, SinkId) {
        let peer = self.net.peer(Direction::RecvOnly, 1);
        let sink = self.net.sink(peer, 0);
        self.net.watch(sink, self.track);
        if let Some(size) = size {
            self.resize(sink, size);
        }
        (peer, sink)
    }

    fn resize(&mut self, sink: SinkId, size: Size) {
        let Net { router, now, departures, news, .. } = &mut self.net;
        router.resize(*now, sink, size, departures, news);
    }

    /// Frames at thirty a second with a keyframe every `gop`; thumbnails of every third.
    fn send(&mut self, frames: u32, gop: u32) {
        for _ in 0..frames {
            let is_keyframe = self.net.peers[0].frame.is_multiple_of(gop);
            self.net.send_frame(0, 0, is_keyframe);
            for _ in 0..33 {
                self.net.step();
                self.follow();
            }
        }
    }

    fn follow(&mut self) {
        for news in std::mem::take(&mut self.net.news) {
            let News::Thumbnail(track, told) = news else { continue };
            assert_eq!(track, self.track);
            self.told.push(told);
            match told {
                ThumbnailNews::Begin => self.net.router.open_tap(self.net.now, TAP, track),
                ThumbnailNews::End => self.net.router.close_trunk(TAP),
                ThumbnailNews::Keyframe => {}
                ThumbnailNews::OutOfReach => continue,
            }
            self.is_tapped = told != ThumbnailNews::End;
            self.wants_keyframe |= told != ThumbnailNews::End;
        }
        for (_, excerpt) in self.net.router.excerpts().collect::<Vec<_>>() {
            for packet in excerpt.packets().iter().filter(|packet| packet.marker) {
                self.seen += 1;
                if self.seen.is_multiple_of(3) {
                    let picture = self.picture(excerpt.ssrc(), packet);
                    self.held.push(picture);
                }
            }
        }
        if !self.holds {
            for picture in std::mem::take(&mut self.held) {
                let Net { router, now, departures, news, .. } = &mut self.net;
                router.take_thumbnail(*now, self.track, &picture, departures, news);
            }
        }
    }

    fn picture(&mut self, ssrc: u32, source: &Packet) -> ThumbnailPicture {
        let is_keyframe = std::mem::take(&mut self.wants_keyframe) || self.made.is_multiple_of(40);
        self.made += 1;
        let slice = [&[0, 0, 0, 1, if is_keyframe { 0x65 } else { 0x41 }], &b"thumbnail"[..], &[7; 300]].concat();
        let sets = [&[0, 0, 0, 1][..], &sps(320, 180), &[0, 0, 0, 1, 0x68, 1]].concat();
        let annex_b = if is_keyframe { [sets, slice].concat() } else { slice };
        ThumbnailPicture { ssrc, annex_b, source: source.clone() }
    }

    /// Of what a viewer got from this packet on, how many frames were of the thumbnail and how many of the feed.
    fn got(&self, peer: usize, from: usize) -> (usize, usize) {
        let frames = self.net.peers[peer].received[from..].iter().filter(|packet| packet.header.marker);
        let (small, large): (Vec<_>, Vec<_>) = frames.partition(|packet| packet.payload.len() < 900);
        (small.len(), large.len())
    }

    /// How much it has got until now. What it got has no seam.
    fn sum(&self, peer: usize) -> usize {
        let packets = &self.net.peers[peer].received;
        assert!(is_contiguous(&self.net.peers[peer].sequences()));
        for pair in packets.windows(2) {
            let ahead = pair[1].header.timestamp.wrapping_sub(pair[0].header.timestamp);
            // One that does not come is waited for three seconds.
            assert!(ahead < 7 * 45_000, "{ahead} ticks from one packet to the next");
        }
        packets.len()
    }
}

#[test]
fn nobody_needs_one_and_none_is_made() {
    let mut house = House::new();
    house.send(10, 30);
    let (_, sink) = house.viewer(None);
    house.send(30, 30);
    house.resize(sink, LARGE);
    house.send(30, 30);
    house.resize(sink, Size { width: 640, height: 360 });
    house.send(30, 30);
    assert_eq!((house.told.as_slice(), house.seen), (&[][..], 0));
}

#[test]
fn whoever_needs_no_more_is_given_a_thumbnail_and_others_the_feed() {
    let mut house = House::new();
    let (small, sink) = house.viewer(Some(SMALL));
    let (large, _) = house.viewer(Some(LARGE));
    let (silent, _) = house.viewer(None);
    house.send(30, 30);
    assert_eq!(house.told[0], ThumbnailNews::Begin);
    let before = [small, large, silent].map(|peer| house.sum(peer));
    house.send(30, 30);
    assert_eq!(house.got(small, before[0]), (10, 0), "every third frame");
    assert_eq!([house.got(large, before[1]), house.got(silent, before[2])], [(0, 30); 2]);
    // As large as the others: at once and from the cache, in the midst of a group of pictures.
    let before = house.sum(small);
    house.send(10, 30);
    house.resize(sink, LARGE);
    house.net.run(30);
    assert_eq!(house.got(small, before), (3, 10));
    let before = house.sum(small);
    house.send(20, 1000);
    assert_eq!(house.got(small, before), (0, 20));
    // And back, while the thumbnail is still made.
    house.resize(sink, SMALL);
    house.net.run(30);
    let before = house.sum(small);
    house.send(30, 1000);
    assert_eq!(house.got(small, before), (10, 0));
    house.sum(small);
    let begun = house.told.iter().filter(|told| **told == ThumbnailNews::Begin).count();
    assert_eq!(begun, 1);
}

#[test]
fn it_is_made_no_longer_than_it_is_needed() {
    let mut house = House::new();
    let (peer, sink) = house.viewer(Some(SMALL));
    house.send(30, 30);
    house.resize(sink, LARGE);
    house.send(120, 30);
    assert!(house.is_tapped, "who looks again has it at once");
    house.send(60, 30);
    assert_eq!(house.told.last(), Some(&ThumbnailNews::End));
    let made = house.made;
    house.send(30, 30);
    assert_eq!(house.made, made);
    // Needed again it begins with a keyframe and where it ended.
    house.resize(sink, SMALL);
    house.send(30, 30);
    let before = house.sum(peer);
    house.send(30, 30);
    assert_eq!(house.got(peer, before), (10, 0));
    house.net.router.unbind_track(house.track);
    house.send(10, 30);
    assert_eq!(house.told.last(), Some(&ThumbnailNews::End), "the feed is over");
}

#[test]
fn where_nobody_makes_one_the_feed_is_shown() {
    let mut house = House::new();
    let (peer, _) = house.viewer(Some(SMALL));
    house.holds = true;
    house.send(60, 30);
    let before = house.sum(peer);
    house.send(30, 1000);
    assert_eq!(house.got(peer, before), (0, 30));
    house.holds = false;
    house.send(9, 1000);
    let before = house.sum(peer);
    house.send(30, 1000);
    assert_eq!(house.got(peer, before), (10, 0));
    house.holds = true;
    house.send(100, 30);
    let before = house.sum(peer);
    house.send(30, 30);
    assert_eq!(house.got(peer, before), (0, 30), "after three seconds it is no longer waited for");
}

#[test]
fn what_was_made_before_a_mute_is_not_seen_after_it() {
    let mut house = House::new();
    let (peer, _) = house.viewer(Some(SMALL));
    house.send(60, 30);
    house.holds = true;
    house.send(6, 30);
    house.net.router.mute_track(house.track, true);
    let before = house.sum(peer);
    house.holds = false;
    house.send(30, 30);
    assert_eq!(house.got(peer, before), (0, 0));
    house.net.router.mute_track(house.track, false);
    house.wants_keyframe = true;
    house.send(60, 30);
    let before = house.sum(peer);
    house.send(30, 30);
    assert_eq!(house.got(peer, before), (10, 0), "it goes on");
}

#[test]
fn of_pictures_that_are_too_large_to_be_decoded_here_none_is_made() {
    let mut house = House::new();
    let (peer, _) = house.viewer(Some(SMALL));
    house.net.peers[0].sps = sps(4096, 2304);
    house.send(90, 30);
    assert_eq!((house.told.as_slice(), house.seen), (&[ThumbnailNews::OutOfReach][..], 0), "it is said once");
    let before = house.sum(peer);
    house.send(30, 30);
    assert_eq!(house.got(peer, before), (0, 30));
    // Its publisher makes its pictures smaller, and larger again.
    house.net.peers[0].sps = sps(1920, 1080);
    house.send(60, 30);
    let before = house.sum(peer);
    house.send(30, 30);
    assert_eq!(house.got(peer, before), (10, 0));
    house.net.peers[0].sps = sps(4096, 2304);
    house.send(240, 30);
    let told = house.told.iter().filter(|told| **told != ThumbnailNews::Keyframe).collect::<Vec<_>>();
    let (begin, end, too_large) = (ThumbnailNews::Begin, ThumbnailNews::End, ThumbnailNews::OutOfReach);
    assert_eq!(told, [&too_large, &begin, &too_large, &end]);
    let before = house.sum(peer);
    house.send(30, 30);
    assert_eq!(house.got(peer, before), (0, 30));
}
