//! Layers that nobody watches: what a publisher is told, and what viewers see of it.

#![allow(clippy::disallowed_methods, reason = "a test must begin at some instant")]

mod net;

use media::{News, SinkId, Size, TrackId};
use net::sps::sps;
use net::{Net, is_contiguous};
use str0m::media::Rid;
use str0m::rtp::RtpWrite;

const RIDS: &[&str] = &["small", "full"];
const SIZES: [(u32, u32); 2] = [(320, 180), (1280, 720)];

/// A surgeon's camera in two sizes, which sends no other than those that are watched.
struct Camera {
    net: Net,
    peer: usize,
    track: TrackId,
    frame: u32,
    sequences: [u64; 2],
    sends: [bool; 2],
    /// What it has been told, and after how many frames.
    told: Vec<(u32, Vec<String>)>,
    /// It hears of it so many frames later.
    slowness: u32,
}

impl Camera {
    fn new() -> Self {
        let mut net = Net::new();
        net.rids = RIDS;
        let (peer, track) = net.feed();
        let told = Vec::new();
        Self { net, peer, track, frame: 0, sequences: [100; 2], sends: [true; 2], told, slowness: 3 }
    }

    fn run(&mut self, frames: u32) {
        for _ in 0..frames {
            self.hear();
            let is_asked = std::mem::take(&mut self.net.peers[self.peer].keyframe_requests) > 0;
            for layer in 0..RIDS.len() {
                if self.sends[layer] {
                    self.send(layer, is_asked || self.frame.is_multiple_of(600));
                }
            }
            self.frame += 1;
            self.net.run(33);
        }
    }

    fn hear(&mut self) {
        for news in self.net.news.drain(..) {
            if let News::Watched(track, mut rids) = news {
                assert_eq!(track, self.track);
                rids.sort_by_key(|rid| RIDS.iter().position(|known| known == rid));
                self.told.push((self.frame, rids));
            }
        }
        let Some((_, rids)) = self.told.iter().rfind(|(at, _)| at + self.slowness <= self.frame) else { return };
        let watched = [0, 1].map(|layer| rids.iter().any(|rid| rid == RIDS[layer]));
        for (layer, is_watched) in watched.iter().enumerate() {
            // As browsers do.
            if *is_watched && !self.sends[layer] {
                self.send(layer, true);
            }
        }
        self.sends = watched;
    }

    /// A frame of a layer, with its own number and the layer's in it.
    fn send(&mut self, layer: usize, is_keyframe: bool) {
        let (width, height) = SIZES[layer];
        let sps = sps(width, height);
        let sets = [&[0x78, 0, sps.len() as u8], &sps[..], &[0, 2, 0x68, 1]].concat();
        let nal = if is_keyframe { 0x65 } else { 0x61 };
        let picture = |part: u32| {
            [&[nal, layer as u8], &self.frame.to_be_bytes()[..], &[part as u8; 900][..100 + 800 * layer]].concat()
        };
        let pictures = (0..1 + 9 * layer as u32).map(picture);
        let payloads: Vec<_> = is_keyframe.then_some(sets).into_iter().chain(pictures).collect();
        let peer = &mut self.net.peers[self.peer];
        let pt = peer.rtc.codec_config().params()[0].pt();
        let (mid, count) = (peer.mids[0], payloads.len());
        for (at, payload) in payloads.into_iter().enumerate() {
            self.sequences[layer] += 1;
            let (sequence, ticks) = (self.sequences[layer].into(), self.frame * 2970);
            let write = RtpWrite::new(pt, sequence, ticks, self.net.now, payload).marker(at + 1 == count);
            let rid = Some(Rid::from(RIDS[layer]));
            let stream = peer.rtc.direct_api().stream_tx_by_mid(mid, rid).expect("a layer that was offered").ssrc();
            peer.rtc.direct_api().stream_tx(&stream).expect("was just found").write_rtp(write);
        }
        peer.drain();
    }

    fn resize(&mut self, sink: SinkId, width: u16, height: u16) {
        let (net, size) = (&mut self.net, Size { width, height });
        net.router.resize(net.now, sink, size, &mut net.departures, &mut net.news);
    }

    /// The layers and numbers of the frames that a viewer has had since so many packets.
    fn seen(&self, viewer: usize, since: usize) -> Vec<(u8, u32)> {
        let received = &self.net.peers[viewer].received;
        let frame = |payload: &[u8]| match payload {
            [0x65 | 0x61, layer, a, b, c, d, ..] => Some((*layer, u32::from_be_bytes([*a, *b, *c, *d]))),
            _ => None,
        };
        let mut frames: Vec<_> = received[since..].iter().filter_map(|packet| frame(&packet.payload)).collect();
        frames.dedup();
        frames
    }

    fn told(&self) -> Vec<Vec<&str>> {
        self.told.iter().map(|(_, rids)| rids.iter().map(String::as_str).collect()).collect()
    }
}

#[test]
fn a_layer_that_nobody_watches_is_paused_and_comes_back_when_somebody_does() {
    let mut camera = Camera::new();
    camera.run(60);
    let (viewer, sink) = camera.net.viewer(camera.track);
    camera.run(300);
    assert!(camera.told.is_empty(), "the large one is watched, and the small one always comes: {:?}", camera.told);
    assert_eq!(camera.seen(viewer, 0).last().map(|(layer, _)| *layer), Some(1));

    camera.resize(sink, 320, 180);
    let small_at = camera.frame;
    camera.run(1100);
    assert_eq!(camera.told(), [["small"]]);
    let paused_at = camera.told[0].0;
    assert!(paused_at - small_at > 880, "half a minute, for whoever looks back at once: {}", paused_at - small_at);
    let resting = camera.net.router.report().counters.keyframe_requests_upstream;
    camera.run(900);
    let asked = camera.net.router.report().counters.keyframe_requests_upstream - resting;
    assert_eq!((camera.told().len(), asked), (1, 0), "a paused layer is left in peace");

    let before = camera.net.peers[viewer].received.len();
    camera.resize(sink, 1280, 720);
    let large_at = camera.frame;
    camera.run(60);
    assert_eq!(camera.told(), [&["small"][..], &["small", "full"]]);
    assert!(camera.told[1].0 - large_at <= 1, "at once: after {} frames", camera.told[1].0 - large_at);
    let seen = camera.seen(viewer, before);
    let changed = seen.windows(2).filter(|two| two[0].0 != two[1].0).count();
    assert_eq!(
        (seen[0].0, changed, seen.last().map(|last| last.0)),
        (0, 1, Some(1)),
        "from small to large, once: {seen:?}"
    );
    assert!(seen.windows(2).all(|two| two[1].1 >= two[0].1), "nothing of what was before the pause: {seen:?}");
    let late = seen.iter().find(|(layer, _)| *layer == 1).map(|(_, frame)| frame - large_at);
    assert!(late.is_some_and(|late| late <= camera.slowness + 2), "{late:?} frames later");
    assert!(is_contiguous(&camera.net.peers[viewer].sequences()), "one stream to the viewer");
}

#[test]
fn what_nobody_watches_at_all_comes_small() {
    let mut camera = Camera::new();
    camera.run(1000);
    assert_eq!(camera.told(), [["small"]]);
    let (viewer, _) = camera.net.viewer(camera.track);
    camera.run(2);
    assert_eq!(camera.seen(viewer, 0).first().map(|(layer, _)| *layer), Some(0), "a picture at once, from the cache");
    let came_at = camera.frame;
    camera.run(10);
    assert_eq!(camera.told().last(), Some(&vec!["small", "full"]));
    assert!(camera.told[1].0 <= came_at, "and the publisher knows at once");
    assert_eq!(camera.seen(viewer, 0).last().map(|(layer, _)| *layer), Some(1), "then what was asked for");
}

#[test]
fn a_publisher_that_is_not_told_goes_on_and_is_shown_as_ever() {
    let mut camera = Camera::new();
    camera.slowness = u32::MAX / 2;
    camera.run(1000);
    assert_eq!(camera.told(), [["small"]]);
    let (viewer, _) = camera.net.viewer(camera.track);
    camera.run(2);
    assert_eq!(camera.seen(viewer, 0).first().map(|(layer, _)| *layer), Some(1), "its cache is whole");
}

#[test]
fn what_another_worker_wants_is_watched() {
    let mut camera = Camera::new();
    let trunk = media::TrunkId(1);
    camera.net.router.open_trunk(trunk);
    camera.net.router.want(camera.net.now, trunk, camera.track, true);
    camera.run(1000);
    assert!(camera.told.is_empty(), "{:?}", camera.told);
    camera.net.router.want(camera.net.now, trunk, camera.track, false);
    camera.run(1000);
    assert_eq!(camera.told(), [["small"]]);
}
