//! What makes thumbnails: as the server has it, it taps a feed of one layer while a small picture of it is needed, and gives
//! one of every third frame back.

use std::collections::BTreeMap;
use std::time::Duration;

use media::{Packet, ThumbnailNews, ThumbnailPicture, TrackId, TrunkId};
use room::{Dispatch, Input, Tapping};

use crate::body::Body;
use crate::sps::sps;
use crate::worker::HOME;
use crate::world::{What, World};

/// The numbers of taps begin here; those of annexes are far below.
const TAPS: u64 = 1 << 32;
/// To decode, scale and encode one takes so long.
const TAKES: Duration = Duration::from_millis(20);
const EVERY: u32 = 3;
/// Pictures from one keyframe to the next, four seconds; their slices, and the bytes of one: 120 kb/s.
const GROUP: u32 = 40;
const SLICES: u8 = 2;
const SLICES_OF_KEYFRAME: u8 = 4;
const BYTES: usize = 650;

/// The thumbnails that are being made.
#[derive(Debug, Default)]
pub(crate) struct Thumbnails {
    making: BTreeMap<TrackId, Making>,
}

#[derive(Debug, Default)]
struct Making {
    frames: u32,
    made: u32,
    is_keyframe_wanted: bool,
}

/// True for the number of a tap, and of no annex.
pub(crate) fn is_tap(trunk: TrunkId) -> bool {
    trunk.0 >= TAPS
}

impl World {
    /// Does what the home wants of thumbnails, and takes what has been tapped for them.
    pub(crate) fn make_thumbnails(&mut self, news: Vec<(TrackId, ThumbnailNews)>, tapped: Vec<(TrunkId, Dispatch)>) {
        for (_, dispatch) in tapped {
            let Dispatch::Excerpts(excerpts) = dispatch else { continue };
            for excerpt in excerpts {
                let (track, ssrc) = (excerpt.track(), excerpt.ssrc());
                let ends = excerpt.packets().iter().filter(|packet| packet.marker);
                let pictures: Vec<_> = ends.filter_map(|packet| self.thumbnails.take(track, ssrc, packet)).collect();
                for picture in pictures {
                    self.at(self.now + TAKES, What::Thumbnail(track, Box::new(picture)));
                }
            }
        }
        for (track, news) in news {
            let tap = TrunkId(TAPS + u64::from(track.0));
            match news {
                ThumbnailNews::Begin => {
                    self.thumbnails.making.insert(track, Making::default());
                    self.handle(HOME, Input::Tap(tap, Tapping::Open(track)));
                }
                ThumbnailNews::End => {
                    self.thumbnails.making.remove(&track);
                    self.handle(HOME, Input::Tap(tap, Tapping::Close));
                }
                ThumbnailNews::Keyframe => {
                    let making = self.thumbnails.making.get_mut(&track);
                    making.into_iter().for_each(|making| making.is_keyframe_wanted = true);
                }
                ThumbnailNews::OutOfReach => {}
            }
        }
    }
}

impl Thumbnails {
    /// Takes the end of a frame; gives the picture that is made of it, if one is.
    fn take(&mut self, track: TrackId, ssrc: u32, packet: &Packet) -> Option<ThumbnailPicture> {
        let making = self.making.get_mut(&track)?;
        let body = Body::read(&packet.payload)?;
        making.frames += 1;
        if !making.frames.is_multiple_of(EVERY) {
            return None;
        }
        let is_keyframe = std::mem::take(&mut making.is_keyframe_wanted) || making.made.is_multiple_of(GROUP);
        let slices = if is_keyframe { SLICES_OF_KEYFRAME } else { SLICES };
        let slice = [&[if is_keyframe { 0x65 } else { 0x41 }][..], &[0x5a; BYTES]].concat();
        let sets = if is_keyframe { vec![sps(320, 180), vec![0x68, 1]] } else { vec![] };
        let units: Vec<_> = sets.into_iter().chain(vec![slice; slices.into()]).collect();
        let parts = units.len() as u8;
        let body = |part: u8| Body { frame: making.made, part, parts, is_keyframe, ..body };
        let stream = (0..).zip(units).flat_map(|(part, unit)| [vec![0, 0, 0, 1], unit, body(part).written()].concat());
        let annex_b = stream.collect();
        making.made += 1;
        Some(ThumbnailPicture { ssrc, annex_b, source: packet.clone() })
    }
}
