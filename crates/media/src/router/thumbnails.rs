//! Thumbnails: a second, small layer for tracks whose publisher sends only one. Whoever owns the router makes them of what
//! a tap gives, and only while a viewer needs one.

use std::time::{Duration, Instant};

use super::{News, Router, SinkId, ThumbnailNews, TrackId};
use crate::Departures;
use crate::choice::Quality;
use crate::error::DropReason;
use crate::packet::Packet;
use crate::size::Size;
use crate::sps::units;
use crate::track::{Origin, Track};
use crate::trunk::TrunkId;

/// A thumbnail is as large as fits in here.
pub const THUMBNAIL: Size = Size { width: 320, height: 180 };
/// Of feeds that have fewer pixels than so many thumbnails none is made: from 1280 x 720 on a line gains more than a decoder
/// costs.
pub(crate) const WORTH: u32 = 16;
/// It is made on for so long after nobody has needed it, so that who looks again has it at once.
const UNNEEDED_AFTER: Duration = Duration::from_secs(5);

/// One picture of a thumbnail.
#[derive(Debug)]
pub struct ThumbnailPicture {
    /// The stream that it was made of.
    pub ssrc: u32,
    /// H.264 as an Annex B byte stream, of NAL units each of which fits into a packet; a keyframe with its parameter sets.
    pub annex_b: Vec<u8>,
    /// A packet of the picture that it was made of: the thumbnail has its times.
    pub source: Packet,
}

impl Router {
    /// Viewers at the far end of a trunk need a thumbnail of a track, or no more.
    pub fn want_thumbnail(&mut self, now: Instant, trunk: TrunkId, track: TrackId, is_wanted: bool) {
        if let Some(trunk) = self.trunks.get_mut(&trunk) {
            if is_wanted {
                trunk.thumbnails.insert(track)
            } else {
                trunk.thumbnails.remove(&track)
            };
            self.keep_house_soon(now);
        }
    }

    /// Takes a picture that was made of a track.
    pub fn take_thumbnail(
        &mut self,
        now: Instant,
        id: TrackId,
        picture: &ThumbnailPicture,
        departures: &mut Departures,
        news: &mut Vec<News>,
    ) {
        if self.add_thumbnail(now, id, picture).is_none() {
            self.counters.drops[DropReason::NotWanted.index()] += 1;
        }
        self.settle(now, departures, news);
    }

    fn add_thumbnail(&mut self, now: Instant, id: TrackId, picture: &ThumbnailPicture) -> Option<()> {
        let track = self.tracks.get(&id).filter(|track| !track.is_muted && self.thumbnails.contains_key(&track.id))?;
        let encoding = track.sent().find(|layer| layer.ssrc == picture.ssrc)?.encoding;
        // Another number than its source's, and always the same: of another source it is another stream.
        let at = self.layer_at(now, id, Quality::Thumbnail, (encoding, !picture.ssrc))?;
        self.note_fresh(id, at);
        let layer = &mut self.tracks.get_mut(&id)?.layers[at];
        let mut units = units(&picture.annex_b).peekable();
        while let Some(unit) = units.next() {
            let packet = Packet {
                marker: units.peek().is_none(),
                begins_keyframe: encoding.begins_keyframe(unit),
                spatial_layer: 0,
                temporal_layer: 0,
                descriptor: None,
                payload: unit.into(),
                arrived_at: now,
                ..picture.source.clone()
            };
            layer.take_made(now, packet);
        }
        Some(())
    }

    /// Says of which tracks a thumbnail is wanted, and of which none can be made, where that has changed.
    pub(super) fn note_thumbnails(&mut self, now: Instant, news: &mut Vec<News>) {
        for track in self.tracks.values_mut().filter(|track| matches!(track.origin, Origin::Session(..))) {
            let is_out_of_reach = track.is_out_of_reach();
            if is_out_of_reach && !track.was_out_of_reach {
                news.push(News::Thumbnail(track.id, ThumbnailNews::OutOfReach));
            }
            track.was_out_of_reach = is_out_of_reach;
        }
        let needed = self.tracks.values().filter(|track| self.needs_thumbnail(now, track)).map(|track| track.id);
        for track in needed.collect::<Vec<_>>() {
            if self.thumbnails.insert(track, now).is_none() {
                news.push(News::Thumbnail(track, ThumbnailNews::Begin));
            }
        }
        let Self { thumbnails, tracks, .. } = self;
        thumbnails.retain(|track, needed_at| {
            let is_wanted = tracks.contains_key(track) && now.saturating_duration_since(*needed_at) < UNNEEDED_AFTER;
            if !is_wanted {
                news.push(News::Thumbnail(*track, ThumbnailNews::End));
            }
            is_wanted
        });
    }

    /// True if somebody who watches the track needs no more than a thumbnail of it, or has no line for more, and it has one
    /// layer that is larger.
    fn needs_thumbnail(&self, now: Instant, track: &Track) -> bool {
        let Some((layer, thumbnail)) = track.thumbnail_of().filter(|_| !track.is_muted) else { return false };
        if layer.is_stalled(now) {
            return false;
        }
        let is_enough = |sink: &SinkId| {
            let wants = self.sink(*sink).map(|sink| sink.wants).unwrap_or_default();
            wants.size.is_some_and(|wanted| thumbnail.is_enough_for(wanted))
                || wants.most_bps.is_some_and(|most| layer.rate.bps > most)
        };
        let by_trunk = matches!(track.origin, Origin::Session(..))
            && self.trunks.values().any(|trunk| trunk.thumbnails.contains(&track.id));
        by_trunk || track.sinks.iter().any(is_enough)
    }
}
