//! What is watched: which track a sink shows and how large, and which layers therefore anybody sees. Of layers that nobody
//! does their publisher is told, so that neither its encoder nor its line need bring them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::{News, Router, SinkId, TrackId};
use crate::choice::{Wants, choose, prefer, prefer_sent, smallest_sent, wants_more};
use crate::error::NoCommonCodec;
use crate::layer::{Need, PublisherLine};
use crate::sink::Progress;
use crate::size::Size;
use crate::track::{Origin, Track};
use crate::trunk::Part;
use crate::{Departures, SessionId};

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
        let lines = self.publishers_lines(now);
        let is_layered = |track: &&Track| track.is_layered();
        let layered = self.tracks.values().filter(is_layered).filter_map(|track| Some((track.id, publisher(track)?)));
        let mut changed = BTreeSet::new();
        for (id, session) in layered.collect::<Vec<_>>() {
            let line = lines.get(&session).copied().unwrap_or_default();
            let has_unseen = self.tracks[&id].unseen_rids().next().is_some();
            let wants_unseen = (has_unseen && self.wants_unseen(&self.tracks[&id])).then_some(Need::Wanted);
            let track = self.tracks.get_mut(&id).expect("was just found");
            let mut is_changed = track.unseen.is_wanted() != wants_unseen.is_some();
            let mut is_news = track.unseen.note(now, wants_unseen, false, line) && has_unseen;
            let needs = self.needs(now, &self.tracks[&id]);
            let track = self.tracks.get_mut(&id).expect("was just found");
            for (layer, need) in track.layers.iter_mut().zip(needs).filter(|(layer, _)| layer.is_sent()) {
                is_changed |= layer.watch.is_wanted() != (need == Some(Need::Wanted));
                is_news |= layer.note_need(now, need, line);
            }
            if is_news {
                news.push(News::Watched(id, track.unpaused_rids().map(|rid| rid.to_string()).collect()));
            }
            changed.extend(is_changed.then_some(session));
        }
        for track in self.tracks.values_mut().filter(|track| publisher(track).is_some_and(|of| changed.contains(&of))) {
            track.layers.iter_mut().for_each(|layer| layer.watch.forget_what_was_in_vain());
        }
        if !changed.is_empty() {
            self.keep_house_soon(now);
        }
    }

    /// What the layers that publishers send show of their lines.
    fn publishers_lines(&self, now: Instant) -> BTreeMap<SessionId, PublisherLine> {
        let mut lines: BTreeMap<SessionId, PublisherLine> = BTreeMap::new();
        for (track, session) in self.tracks.values().filter_map(|track| Some((track, publisher(track)?))) {
            let line = lines.entry(session).or_default();
            line.lacks_room |= track.is_layered() && track.lacks_room(now);
            for layer in track.sent() {
                line.slowness = line.slowness.max(layer.watch.slowness);
                line.rate_bps += if layer.is_stalled(now) { 0 } else { layer.rate.bps };
            }
        }
        lines
    }

    /// True if somebody would see a larger layer of a track than has ever come.
    fn wants_unseen(&self, track: &Track) -> bool {
        self.trunks.values().any(|trunk| trunk.wanted(track.id).is_some())
            || self.wants(track).any(|wants| is_short(track, wants))
    }

    /// What those want who see a track, or would.
    fn wants(&self, track: &Track) -> impl Iterator<Item = Wants> {
        let sinks = track.sinks.iter().filter_map(|id| self.sink(*id));
        sinks.filter(|sink| sink.progress != Progress::LeftOut).map(|sink| sink.wants)
    }

    /// Who needs the layers of a track: those who want it, the best that there could be for them; and where that does not come
    /// although it may (its publisher's line has no room for it) those who would see this instead.
    fn needs(&self, now: Instant, track: &Track) -> Vec<Option<Need>> {
        let layers = &track.layers;
        let mut needs = vec![None; layers.len()];
        let mut add = |at: Option<usize>, need| {
            if let Some(known) = at.and_then(|at| needs.get_mut(at)) {
                *known = Some(need).max(*known);
            }
        };
        add(smallest_sent(layers), Need::Wanted);
        for part in self.trunks.values().filter_map(|trunk| trunk.wanted(track.id)) {
            match part {
                // Who watches at the far end is not known here.
                Part::Whole => (0..layers.len()).for_each(|at| add(Some(at), Need::Wanted)),
                Part::Best => add(prefer_sent(layers, Wants::default()), Need::Wanted),
            }
        }
        for wants in self.wants(track) {
            let is_short = is_short(track, wants);
            // Nothing is begun instead of what may come in a moment.
            let is_to_wait = |at: &usize| is_short && layers[*at].watch.is_paused() && track.unseen.is_awaited(now);
            add(prefer_sent(layers, wants).filter(|_| !is_short), Need::Wanted);
            add(prefer(now, layers, wants).filter(|at| !is_to_wait(at)), Need::Instead);
        }
        let shown = track.sinks.iter().filter_map(|id| Some(self.sink(*id)?.showing?.layer));
        shown.for_each(|at| add(Some(at), Need::Instead));
        needs
    }
}

/// Whose layers they are, where that may be told what is watched.
fn publisher(track: &Track) -> Option<SessionId> {
    if let Origin::Session(session, _) = track.origin { Some(session) } else { None }
}

/// True if somebody who wants this would see a larger layer of a track than has ever come.
fn is_short(track: &Track, wants: Wants) -> bool {
    track.unseen_rids().next().is_some()
        && prefer_sent(&track.layers, wants).is_some_and(|best| wants_more(&track.layers, best, wants))
}
