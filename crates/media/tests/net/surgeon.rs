//! A surgeon's browser, whose cameras come in several sizes, and no others of them than are watched.

use media::{News, SinkId, Size, TrackId};
use str0m::media::{Direction, Rid};
use str0m::rtp::RtpWrite;

use super::Net;
use super::sps::sps;

/// The browser, and all that it talks to.
pub(crate) struct Surgeon {
    pub(crate) net: Net,
    pub(crate) peer: usize,
    pub(crate) cameras: Vec<Camera>,
    rids: &'static [&'static str],
    pub(crate) frame: u32,
    /// It hears of it so many frames later.
    pub(crate) slowness: u32,
    /// Its line has room for so many of the largest.
    pub(crate) room_for: usize,
}

pub(crate) struct Camera {
    pub(crate) track: TrackId,
    sequences: Vec<u64>,
    pub(crate) sends: Vec<bool>,
    /// Its line carries so many of its sizes, the smallest first, and the largest only where there is room for that, too.
    pub(crate) carries: usize,
    /// What it has been told, and after how many frames.
    pub(crate) told: Vec<(u32, Vec<String>)>,
}

impl Camera {
    pub(crate) fn told(&self) -> Vec<Vec<&str>> {
        self.told.iter().map(|(_, rids)| rids.iter().map(String::as_str).collect()).collect()
    }
}

impl Surgeon {
    pub(crate) fn new(rids: &'static [&'static str], cameras: usize) -> Self {
        let mut net = Net::new();
        net.rids = rids;
        let peer = net.peer(Direction::SendOnly, cameras);
        let camera = |line| Camera {
            track: net.track(peer, line),
            sequences: vec![100; rids.len()],
            sends: vec![false; rids.len()],
            carries: rids.len(),
            told: Vec::new(),
        };
        let cameras = (0..cameras).map(camera).collect();
        Self { net, peer, cameras, rids, frame: 0, slowness: 3, room_for: usize::MAX }
    }

    pub(crate) fn run(&mut self, frames: u32) {
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
            let is_to_go_on = watched.contains(&(camera, layer)) && layer < self.cameras[camera].carries;
            self.cameras[camera].sends[layer] &= is_to_go_on;
        }
        for (camera, layer) in watched {
            // As browsers do, where their line has room for one more.
            let full_ones = self.cameras.iter().filter(|other| other.sends[full]).count();
            let has_room = layer < self.cameras[camera].carries && (layer < full || full_ones < self.room_for);
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

    pub(crate) fn resize(&mut self, sink: SinkId, width: u16, height: u16) {
        let (net, size) = (&mut self.net, Size { width, height });
        net.router.resize(net.now, sink, size, &mut net.departures, &mut net.news);
    }

    /// What it has been told of a camera since this frame: how many frames after it, and what.
    pub(crate) fn told_since(&self, camera: usize, frame: u32) -> Vec<(u32, String)> {
        let told = self.cameras[camera].told.iter().filter(|(at, _)| *at >= frame);
        told.map(|(at, rids)| (at - frame, rids.join("+"))).collect()
    }

    /// The layers and numbers of the frames that a viewer has had since so many packets.
    pub(crate) fn seen(&self, viewer: usize, since: usize) -> Vec<(u8, u32)> {
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
