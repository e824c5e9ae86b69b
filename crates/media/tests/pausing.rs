//! Layers that nobody watches: what a publisher is told, and what viewers see of it.

#![allow(clippy::disallowed_methods, reason = "a test must begin at some instant")]

mod net;

use media::{News, SinkId, Size, TrackId};
use net::sps::sps;
use net::{Net, is_contiguous};
use str0m::media::{Direction, Rid};
use str0m::rtp::RtpWrite;

const TWO: &[&str] = &["small", "full"];
const THREE: &[&str] = &["small", "half", "full"];

/// A surgeon's browser, whose cameras come in several sizes, and no others of them than are watched.
struct Surgeon {
    net: Net,
    peer: usize,
    cameras: Vec<Camera>,
    rids: &'static [&'static str],
    frame: u32,
    /// It hears of it so many frames later.
    slowness: u32,
    /// Its line has room for so many of the largest.
    room_for: usize,
}

struct Camera {
    track: TrackId,
    sequences: Vec<u64>,
    sends: Vec<bool>,
    /// What it has been told, and after how many frames.
    told: Vec<(u32, Vec<String>)>,
}

impl Camera {
    fn told(&self) -> Vec<Vec<&str>> {
        self.told.iter().map(|(_, rids)| rids.iter().map(String::as_str).collect()).collect()
    }
}

impl Surgeon {
    fn new(rids: &'static [&'static str], cameras: usize) -> Self {
        let mut net = Net::new();
        net.rids = rids;
        let peer = net.peer(Direction::SendOnly, cameras);
        let camera = |line| Camera {
            track: net.track(peer, line),
            sequences: vec![100; rids.len()],
            sends: vec![false; rids.len()],
            told: Vec::new(),
        };
        let cameras = (0..cameras).map(camera).collect();
        Self { net, peer, cameras, rids, frame: 0, slowness: 3, room_for: usize::MAX }
    }

    fn run(&mut self, frames: u32) {
        for _ in 0..frames {
            self.hear();
            let is_asked = std::mem::take(&mut self.net.peers[self.peer].keyframe_requests) > 0;
            for (camera, layer) in self.each() {
                if self.cameras[camera].sends[layer] {
                    self.send(camera, layer, is_asked || self.frame.is_multiple_of(600));
                }
            }
            self.frame += 1;
            self.net.run(33);
        }
    }

    fn each(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let layers = self.rids.len();
        (0..self.cameras.len()).flat_map(move |camera| (0..layers).map(move |layer| (camera, layer)))
    }

    fn hear(&mut self) {
        for news in self.net.news.drain(..) {
            if let News::Watched(track, mut rids) = news {
                rids.sort_by_key(|rid| self.rids.iter().position(|known| known == rid));
                let camera = self.cameras.iter_mut().find(|camera| camera.track == track).expect("one of these");
                camera.told.push((self.frame, rids));
            }
        }
        let is_watched = |camera: &Camera, layer: usize| {
            let said = camera.told.iter().rfind(|(at, _)| at + self.slowness <= self.frame);
            said.is_none_or(|(_, rids)| rids.iter().any(|rid| rid == self.rids[layer]))
        };
        let watched: Vec<_> =
            self.each().filter(|(camera, layer)| is_watched(&self.cameras[*camera], *layer)).collect();
        let full = self.rids.len() - 1;
        for (camera, layer) in self.each() {
            self.cameras[camera].sends[layer] &= watched.contains(&(camera, layer));
        }
        for (camera, layer) in watched {
            // As browsers do, where their line has room for one more.
            let has_room =
                layer < full || self.cameras.iter().filter(|other| other.sends[full]).count() < self.room_for;
            if !self.cameras[camera].sends[layer] && has_room {
                self.cameras[camera].sends[layer] = true;
                self.send(camera, layer, true);
            }
        }
    }

    /// A frame of a layer, with its own number and the layer's in it.
    fn send(&mut self, camera: usize, layer: usize, is_keyframe: bool) {
        let name = self.rids[layer];
        let (width, height) = match name {
            "small" => (320, 180),
            "half" => (640, 360),
            _ => (1280, 720),
        };
        let sps = sps(width, height);
        let sets = [&[0x78, 0, sps.len() as u8], &sps[..], &[0, 2, 0x68, 1]].concat();
        let nal = if is_keyframe { 0x65 } else { 0x61 };
        let bytes = 100 + 800 * layer / (self.rids.len() - 1);
        let picture =
            |part: u32| [&[nal, layer as u8], &self.frame.to_be_bytes()[..], &vec![part as u8; bytes]].concat();
        let pictures = (0..1 + 9 * layer as u32 / (self.rids.len() as u32 - 1)).map(picture);
        let payloads: Vec<_> = is_keyframe.then_some(sets).into_iter().chain(pictures).collect();
        let peer = &mut self.net.peers[self.peer];
        let pt = peer.rtc.codec_config().params()[0].pt();
        let (mid, count) = (peer.mids[camera], payloads.len());
        for (at, payload) in payloads.into_iter().enumerate() {
            let sequence = &mut self.cameras[camera].sequences[layer];
            *sequence += 1;
            let write =
                RtpWrite::new(pt, (*sequence).into(), self.frame * 2970, self.net.now, payload).marker(at + 1 == count);
            let rid = Some(Rid::from(name));
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
}

#[test]
fn a_layer_that_nobody_watches_is_paused_and_comes_back_when_somebody_does() {
    let mut surgeon = Surgeon::new(TWO, 1);
    surgeon.run(60);
    let (viewer, sink) = surgeon.net.viewer(surgeon.cameras[0].track);
    surgeon.run(300);
    assert!(
        surgeon.cameras[0].told.is_empty(),
        "the large one is watched, and the small one always comes: {:?}",
        surgeon.cameras[0].told
    );
    assert_eq!(surgeon.seen(viewer, 0).last().map(|(layer, _)| *layer), Some(1));

    surgeon.resize(sink, 320, 180);
    let small_at = surgeon.frame;
    surgeon.run(1100);
    assert_eq!(surgeon.cameras[0].told(), [["small"]]);
    let paused_at = surgeon.cameras[0].told[0].0;
    assert!(paused_at - small_at > 880, "half a minute, for whoever looks back at once: {}", paused_at - small_at);
    let resting = surgeon.net.router.report().counters.keyframe_requests_upstream;
    surgeon.run(900);
    let asked = surgeon.net.router.report().counters.keyframe_requests_upstream - resting;
    assert_eq!((surgeon.cameras[0].told().len(), asked), (1, 0), "a paused layer is left in peace");

    let before = surgeon.net.peers[viewer].received.len();
    surgeon.resize(sink, 1280, 720);
    let large_at = surgeon.frame;
    surgeon.run(60);
    assert_eq!(surgeon.cameras[0].told(), [&["small"][..], &["small", "full"]]);
    assert!(
        surgeon.cameras[0].told[1].0 - large_at <= 1,
        "at once: after {} frames",
        surgeon.cameras[0].told[1].0 - large_at
    );
    let seen = surgeon.seen(viewer, before);
    let changed = seen.windows(2).filter(|two| two[0].0 != two[1].0).count();
    assert_eq!(
        (seen[0].0, changed, seen.last().map(|last| last.0)),
        (0, 1, Some(1)),
        "from small to large, once: {seen:?}"
    );
    assert!(seen.windows(2).all(|two| two[1].1 >= two[0].1), "nothing of what was before the pause: {seen:?}");
    let late = seen.iter().find(|(layer, _)| *layer == 1).map(|(_, frame)| frame - large_at);
    assert!(late.is_some_and(|late| late <= surgeon.slowness + 2), "{late:?} frames later");
    assert!(is_contiguous(&surgeon.net.peers[viewer].sequences()), "one stream to the viewer");
}

#[test]
fn what_nobody_watches_at_all_comes_small() {
    let mut surgeon = Surgeon::new(TWO, 1);
    surgeon.run(1000);
    assert_eq!(surgeon.cameras[0].told(), [["small"]]);
    let (viewer, _) = surgeon.net.viewer(surgeon.cameras[0].track);
    surgeon.run(2);
    assert_eq!(surgeon.seen(viewer, 0).first().map(|(layer, _)| *layer), Some(0), "a picture at once, from the cache");
    let came_at = surgeon.frame;
    surgeon.run(10);
    assert_eq!(surgeon.cameras[0].told().last(), Some(&vec!["small", "full"]));
    assert!(surgeon.cameras[0].told[1].0 <= came_at, "and the publisher knows at once");
    assert_eq!(surgeon.seen(viewer, 0).last().map(|(layer, _)| *layer), Some(1), "then what was asked for");
}

#[test]
fn a_publisher_that_is_not_told_goes_on_and_is_shown_as_ever() {
    let mut surgeon = Surgeon::new(TWO, 1);
    surgeon.slowness = u32::MAX / 2;
    surgeon.run(1000);
    assert_eq!(surgeon.cameras[0].told(), [["small"]]);
    let (viewer, _) = surgeon.net.viewer(surgeon.cameras[0].track);
    surgeon.run(2);
    assert_eq!(surgeon.seen(viewer, 0).first().map(|(layer, _)| *layer), Some(1), "its cache is whole");
}

#[test]
fn what_another_worker_wants_is_watched() {
    let mut surgeon = Surgeon::new(TWO, 1);
    let trunk = media::TrunkId(1);
    surgeon.net.router.open_trunk(trunk);
    surgeon.net.router.want(surgeon.net.now, trunk, surgeon.cameras[0].track, true);
    surgeon.run(1000);
    assert!(surgeon.cameras[0].told.is_empty(), "{:?}", surgeon.cameras[0].told);
    surgeon.net.router.want(surgeon.net.now, trunk, surgeon.cameras[0].track, false);
    surgeon.run(1000);
    assert_eq!(surgeon.cameras[0].told(), [["small"]]);
}

/// A browser's line has room for one large picture, and it goes on with the one that it has.
#[test]
fn what_nobody_watches_gives_way_at_once_where_a_line_has_no_room_for_what_somebody_does() {
    let mut surgeon = Surgeon::new(TWO, 2);
    surgeon.room_for = 1;
    let (viewer, sink) = surgeon.net.viewer(surgeon.cameras[0].track);
    surgeon.run(1000);
    assert_eq!(surgeon.cameras[1].told(), [["small"]]);
    let (before, chosen_at) = (surgeon.net.peers[viewer].received.len(), surgeon.frame);
    surgeon.net.watch(sink, surgeon.cameras[1].track);
    surgeon.run(90);
    assert_eq!(surgeon.cameras[0].told(), [["small"]], "no half minute for who looks back");
    let seen = surgeon.seen(viewer, before);
    let late = seen.iter().find(|(layer, _)| *layer == 1).map(|(_, frame)| frame - chosen_at);
    assert!(late.is_some_and(|late| late <= 25), "the large one {late:?} frames later: {seen:?}");
}

#[test]
fn the_next_best_is_asked_for_only_where_the_best_does_not_come() {
    for room_for in [1, 0] {
        let mut surgeon = Surgeon::new(THREE, 1);
        surgeon.run(1000);
        surgeon.room_for = room_for;
        let (viewer, _) = surgeon.net.viewer(surgeon.cameras[0].track);
        let chosen_at = surgeon.frame;
        surgeon.run(90);
        let told: Vec<_> = surgeon.cameras[0].told.iter().filter(|(at, _)| *at >= chosen_at).collect();
        let rids: Vec<_> = told.iter().map(|(_, rids)| rids.join(",")).collect();
        let seen = surgeon.seen(viewer, 0).last().map(|(layer, _)| *layer);
        if room_for > 0 {
            assert_eq!((rids, seen), (vec!["small,full".to_owned()], Some(2)), "it costs the encoder nothing else");
        } else {
            let wanted = ["small,full", "small,half,full"].map(str::to_owned).to_vec();
            assert_eq!((rids, seen), (wanted, Some(1)));
            let late = told[1].0 - told[0].0;
            assert!(late <= 35, "{late} frames later");
        }
    }
}

#[test]
fn a_size_for_which_there_was_no_room_yet_is_not_kept_away_for_ever() {
    let mut surgeon = Surgeon::new(THREE, 1);
    surgeon.room_for = 0;
    surgeon.run(1000);
    assert_eq!(surgeon.cameras[0].told(), [["small"]]);
    surgeon.room_for = 1;
    let (viewer, _) = surgeon.net.viewer(surgeon.cameras[0].track);
    surgeon.run(30);
    assert_eq!(surgeon.cameras[0].told(), [&["small"][..], &["small", "full"]], "and nothing is begun instead of it");
    assert_eq!(surgeon.seen(viewer, 0).last().map(|(layer, _)| *layer), Some(2));
}

#[test]
fn for_a_size_that_has_never_come_what_nobody_watches_gives_way_too() {
    let mut surgeon = Surgeon::new(THREE, 2);
    surgeon.room_for = 0;
    surgeon.net.viewer(surgeon.cameras[0].track);
    surgeon.run(40);
    assert!(surgeon.cameras[0].told.is_empty(), "all of it is watched: {:?}", surgeon.cameras[0].told);
    assert_eq!(surgeon.cameras[1].told(), [["small"]]);
}
