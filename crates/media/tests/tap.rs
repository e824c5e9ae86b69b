//! A consumer in the server's process that looks at one layer: what it is too slow for it goes without.

#![allow(clippy::disallowed_methods, reason = "virtual time must begin somewhere")]

mod net;

use media::{Packet, TrackId, TrunkId};
use net::{Net, is_contiguous};

const TAP: TrunkId = TrunkId(7);
/// Packets of a frame.
const FRAME: u64 = 3;

/// A publisher, a viewer and a consumer.
struct Studio {
    net: Net,
    track: TrackId,
    viewer: usize,
    /// The consumer takes nothing now.
    is_full: bool,
    taken: Vec<Packet>,
    /// Where in `taken` something began.
    beginnings: Vec<usize>,
    refusals: usize,
}

impl Studio {
    fn new() -> Self {
        let mut net = Net::new();
        let (_, track) = net.feed();
        let (viewer, _) = net.viewer(track);
        Self { net, track, viewer, is_full: false, taken: Vec::new(), beginnings: Vec::new(), refusals: 0 }
    }

    fn open(&mut self) {
        self.net.router.open_tap(self.net.now, TAP, self.track);
        self.hand_over();
    }

    fn send(&mut self, frames: u32, gop: u32) {
        for _ in 0..frames {
            let is_keyframe = self.net.peers[0].frame.is_multiple_of(gop);
            self.net.send_frame(0, 0, is_keyframe);
            for _ in 0..33 {
                self.net.step();
                self.hand_over();
            }
        }
    }

    fn hand_over(&mut self) {
        for (tap, excerpt) in self.net.router.excerpts().collect::<Vec<_>>() {
            assert_eq!((tap, excerpt.track()), (TAP, self.track));
            if self.is_full {
                self.refusals += 1;
                self.net.router.give_up(self.net.now, tap, &excerpt);
                continue;
            }
            if excerpt.begins() {
                self.beginnings.push(self.taken.len());
            }
            self.taken.extend_from_slice(excerpt.packets());
        }
    }

    fn sequences(&self) -> Vec<u64> {
        self.taken.iter().map(|packet| packet.sequence).collect()
    }

    fn lost(&self) -> u64 {
        self.net.router.report().counters.tap_packets_lost
    }
}

#[test]
fn a_consumer_that_keeps_up_has_every_packet_from_the_last_keyframe_on() {
    let mut studio = Studio::new();
    studio.send(45, 30);
    studio.open();
    studio.send(45, 30);
    assert!(is_contiguous(&studio.sequences()));
    assert_eq!(studio.taken.len() as u64, 60 * FRAME, "frames 30 to 89");
    assert_eq!((studio.beginnings.as_slice(), studio.lost()), (&[0][..], 0));
    assert!(studio.taken[0].begins_keyframe);
    for frames in studio.taken.chunks(FRAME as usize).collect::<Vec<_>>().windows(2) {
        assert!(frames[0][0].captured_at < frames[1][0].captured_at, "each frame has its capture time");
        assert!(frames[0][0].captured_ntp < frames[1][0].captured_ntp);
    }
}

#[test]
fn one_that_does_not_keep_up_goes_without_and_on_at_a_keyframe() {
    let mut studio = Studio::new();
    studio.send(1, 30);
    studio.open();
    studio.send(9, 30);
    studio.is_full = true;
    studio.send(40, 30);
    // It was given the first frame that it could not take, then the keyframe of frame 30: no queue grows behind it.
    assert_eq!(studio.refusals, 2);
    studio.is_full = false;
    studio.send(25, 30);
    let (before, after) = studio.taken.split_at(studio.beginnings[1]);
    assert_eq!((before.len() as u64, after.len() as u64), (10 * FRAME, 15 * FRAME), "frames 0 to 9 and 60 to 74");
    assert!(after[0].begins_keyframe);
    let have = studio.sequences();
    assert!(is_contiguous(&have[..before.len()]) && is_contiguous(&have[before.len()..]));
    assert_eq!(studio.lost() + have.len() as u64, 75 * FRAME, "what it has not got was counted, and counted once");
    let seen = studio.net.peers[studio.viewer].sequences();
    assert!(is_contiguous(&seen) && seen.len() as u64 == 75 * FRAME, "the viewer has noticed nothing");
}

#[test]
fn a_closed_tap_is_nothing_to_the_router() {
    let mut studio = Studio::new();
    studio.send(5, 30);
    studio.open();
    studio.send(5, 30);
    studio.net.router.close_trunk(TAP);
    let taken = studio.taken.len();
    studio.send(35, 30);
    assert_eq!((studio.taken.len(), studio.lost()), (taken, 0));
    assert!(studio.net.router.deadline().is_some(), "the others go on");
}
