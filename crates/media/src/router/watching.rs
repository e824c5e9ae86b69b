//! What is watched: which track a sink shows and how large, and which layers therefore anybody sees. Of layers that nobody
//! does their publisher is told, so that neither its encoder nor its line need bring them.

use std::time::Instant;

use super::{News, Router, SinkId, TrackId};
use crate::Departures;
use crate::choice::{Quality, Wants, choose, prefer, prefer_sent, smallest_sent, wants_more};
use crate::error::NoCommonCodec;
use crate::sink::{Progress, Sink};
use crate::size::Size;
use crate::track::{Origin, Track};
use crate::trunk::Part;

impl Router {
    /// Puts a track into a sink, or empties it. The picture comes from the cache.
    ///
    /// # Errors
    /// If the viewer takes none of the codecs that the track is known to have; the sink is then empty.
    pub fn watch(
        &mut self,
        now: Instant,
        id: SinkId,
        track: Option<TrackId>,
        departures: &mut Departures,
        news: &mut Vec<News>,
    ) -> Result<(), NoCommonCodec> {
        let Some(sink) = self.sink_mut(id) else { return Ok(()) };
        let before = sink.track.take();
        sink.stop();
        if let Some(before) = before.and_then(|before| self.tracks.get_mut(&before)) {
            before.sinks.retain(|sink| *sink != id);
        }
        let Some(found) = track.and_then(|track| self.tracks.get_mut(&track)) else { return Ok(()) };
        found.sinks.push(id);
        if found.origin == (Origin::Home { is_wanted: false }) {
            found.origin = Origin::Home { is_wanted: true };
            news.push(News::Wanted(found.id, true));
        }
        self.sink_mut(id).expect("was just found").track = track;
        // Its publisher may have to be told that a layer is wanted.
        self.keep_house_soon(now);
        let shown = self.begin(now, id);
        self.settle(now, departures, news);
        if shown.is_err() {
            self.sink_mut(id).expect("was just found").track = None;
            if let Some(track) = track.and_then(|track| self.tracks.get_mut(&track)) {
                track.sinks.retain(|sink| *sink != id);
            }
        }
        shown
    }

    /// The track that a sink was given.
    pub fn watched(&self, id: SinkId) -> Option<TrackId> {
        self.sink(id)?.track
    }

    /// A viewer says how large a sink's picture is on its screen: nothing larger is sent than is needed for it. Whom that
    /// gives another layer is shown it from the cache, as with every switch.
    pub fn resize(&mut self, now: Instant, id: SinkId, size: Size, departures: &mut Departures, news: &mut Vec<News>) {
        let Some(sink) = self.sink_mut(id) else { return };
        let wants = Wants { size: Some(size), ..sink.wants };
        if std::mem::replace(&mut sink.wants, wants) == wants {
            return;
        }
        if self.is_to_show_another(now, id) == Some(true) {
            // A missing codec was told when the sink was given its track.
            self.begin(now, id).ok();
        }
        self.keep_house_soon(now);
        self.settle(now, departures, news);
    }

    /// True if a sink shows another layer than is chosen for it, or fewer spatial ones.
    fn is_to_show_another(&self, now: Instant, id: SinkId) -> Option<bool> {
        let sink = self.sink(id)?;
        let (layers, shown) = (&self.tracks.get(&sink.track?)?.layers, sink.showing?.layer);
        let is_too_little = sink.best_spatial(layers.get(shown)?) > sink.spatial;
        Some(is_too_little || choose(now, layers, sink.wants, Some(shown)) != Some(shown))
    }

    /// Says of each track of several layers which of them are watched, where that has changed. The smallest always is: it is
    /// what a new viewer sees first, and what is left when a line becomes narrow. What nobody watches gives way at once where
    /// its publisher's line has no room for what somebody does.
    pub(super) fn note_watched(&mut self, now: Instant, news: &mut Vec<News>) {
        let session = |track: &Track| match track.origin {
            Origin::Session(session, _) if track.is_layered() => Some(session),
            _ => None,
        };
        let layered: Vec<_> = self.tracks.values().filter_map(|track| Some((track.id, session(track)?))).collect();
        let short: Vec<_> = self.tracks.values().filter(|track| track.lacks_room(now)).filter_map(session).collect();
        for (id, session) in layered {
            let (gives_way, wants_unseen) = (short.contains(&session), self.wants_unseen(&self.tracks[&id]));
            let track = self.tracks.get_mut(&id).expect("was just found");
            let has_unseen = track.unseen_rids().next().is_some();
            let mut is_news = has_unseen && track.unseen.note(now, wants_unseen, gives_way);
            let watched = self.watched_layers(now, &self.tracks[&id]);
            let track = self.tracks.get_mut(&id).expect("was just found");
            for (at, layer) in track.layers.iter_mut().enumerate().filter(|(_, layer)| layer.is_sent()) {
                is_news |= layer.note_watched(now, watched.contains(&at), gives_way);
            }
            if is_news {
                let rid = |quality| if let Quality::Sent(rid) = quality { rid } else { None };
                let unpaused = track.layers.iter().filter(|layer| !layer.watch.is_paused);
                let unseen = track.unseen_rids().filter(|_| !track.unseen.is_paused);
                let rids = unpaused.filter_map(|layer| rid(layer.quality)).chain(unseen);
                news.push(News::Watched(id, rids.map(|rid| rid.to_string()).collect()));
            }
        }
    }

    /// True if somebody would see a larger layer of a track than has ever come.
    fn wants_unseen(&self, track: &Track) -> bool {
        let wants_more = |sink: &Sink| {
            let best = prefer_sent(&track.layers, sink.wants).filter(|_| sink.progress != Progress::LeftOut);
            best.is_some_and(|best| wants_more(&track.layers, best, sink.wants))
        };
        self.trunks.values().any(|trunk| trunk.wanted(track.id).is_some())
            || track.sinks.iter().filter_map(|id| self.sink(*id)).any(wants_more)
    }

    /// The layers that somebody sees or wants: the best that there could be, and where that does not come although it may
    /// (its publisher's line has no room for it) what there could be instead.
    fn watched_layers(&self, now: Instant, track: &Track) -> Vec<usize> {
        let layers = &track.layers;
        let by_trunk = self.trunks.values().filter_map(|trunk| trunk.wanted(track.id));
        let of_part = |part: Part| match part {
            // Who watches at the far end is not known here.
            Part::Whole => (0..layers.len()).collect::<Vec<_>>(),
            Part::Best => prefer_sent(layers, Wants::default()).into_iter().collect(),
        };
        // Nothing is begun instead of what may come in a moment.
        let is_to_wait = |at: usize| layers[at].watch.is_paused && track.unseen.is_awaited(now);
        let of_sink = |id: &SinkId| {
            let sink = self.sink(*id)?;
            let wanted = [prefer_sent(layers, sink.wants), prefer(now, layers, sink.wants)];
            let wanted = wanted.map(|at| at.filter(|at| sink.progress != Progress::LeftOut && !is_to_wait(*at)));
            Some(wanted.into_iter().chain([sink.showing.map(|showing| showing.layer)]).flatten())
        };
        let mut watched: Vec<usize> = smallest_sent(layers).into_iter().collect();
        watched.extend(by_trunk.flat_map(of_part));
        watched.extend(track.sinks.iter().filter_map(of_sink).flatten());
        watched
    }
}
