//! The taps of a worker's rooms, whose consumers make thumbnails.

use std::collections::BTreeMap;

use media::{Excerpt, ThumbnailNews, ThumbnailPicture, TrackId, TrunkId};
use room::{Input, Tapping};

use super::Worker;
use crate::thumbnail::Making;

/// One thumbnail in the making.
struct Tapped {
    place: usize,
    track: TrackId,
    making: Making,
}

/// Everything that is tapped.
#[derive(Default)]
pub(super) struct Taps(BTreeMap<TrunkId, Tapped>);

impl Taps {
    /// Hands excerpts to the consumer of a tap; gives back what it does not take. What nobody taps is nobody's.
    pub(super) fn hand(&self, tap: TrunkId, excerpts: Vec<Excerpt>) -> Vec<Excerpt> {
        self.0.get(&tap).map(|tapped| tapped.making.tap.hand(excerpts)).unwrap_or_default()
    }

    /// A room is no more.
    pub(super) fn close(&mut self, place: usize) {
        self.0.retain(|_, tapped| tapped.place != place);
    }

    fn find(&self, place: usize, track: TrackId) -> Option<TrunkId> {
        let found = self.0.iter().find(|(_, tapped)| tapped.place == place && tapped.track == track);
        found.map(|(tap, _)| *tap)
    }
}

impl Worker {
    /// Sees to it that thumbnails are made as a room says.
    pub(super) fn make_thumbnails(&mut self, place: usize, news: impl Iterator<Item = (TrackId, ThumbnailNews)>) {
        for (track, news) in news {
            match (news, self.taps.find(place, track)) {
                (ThumbnailNews::Begin, None) => {
                    let Some((tap, making)) = self.thumbnails.begin(self.hand.clone()) else { continue };
                    self.taps.0.insert(tap, Tapped { place, track, making });
                    self.handle(place, Input::Tap(tap, Tapping::Open(track)));
                }
                (ThumbnailNews::Keyframe, Some(tap)) => {
                    if let Some(tapped) = self.taps.0.get(&tap) {
                        tapped.making.want_keyframe();
                    }
                }
                (ThumbnailNews::End, Some(tap)) => {
                    self.taps.0.remove(&tap);
                    self.handle(place, Input::Tap(tap, Tapping::Close));
                }
                (ThumbnailNews::OutOfReach, _) => self.thumbnails.note_out_of_reach(),
                _ => {}
            }
        }
    }

    /// Gives a room a picture that was made of one of its tracks.
    pub(super) fn take_thumbnail(&mut self, tap: TrunkId, picture: Box<ThumbnailPicture>) {
        if let Some(tapped) = self.taps.0.get(&tap) {
            self.handle(tapped.place, Input::Thumbnail(tapped.track, picture));
        }
    }
}
