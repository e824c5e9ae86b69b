//! What flows through the router: from what sessions say to what viewers get.

use std::time::{Duration, Instant};

use str0m::media::{Mid, Pt, Rid};

use super::sessions::index;
use super::{News, Router, SinkId, TrackId};
use crate::choice::{Quality, choose};
use crate::error::{DropReason, NoCommonCodec};
use crate::format::Encoding;
use crate::packet::Incoming;
use crate::session::{SessionEvent, is_srtp};
use crate::sink::{Progress, Remedy, Sink};
use crate::track::Origin;
use crate::{Datagram, Departures, SessionId, report};

/// A viewer waits this long for a fresh keyframe before a long cache is replayed to it.
const PATIENCE: Duration = Duration::from_millis(400);

impl Router {
    /// Follows up everything that sessions have said, until nothing is left; then lets out what is to leave for the
    /// panel. The audience has its turn at the next tick, so that it delays nothing that has come meanwhile.
    pub(super) fn settle(&mut self, now: Instant, departures: &mut Departures, news: &mut Vec<News>) {
        self.settle_with(now, 0, departures, news);
    }

    /// The same, and a slice of so many bytes for the audience.
    pub(super) fn settle_with(
        &mut self,
        now: Instant,
        slice_bytes: usize,
        departures: &mut Departures,
        news: &mut Vec<News>,
    ) {
        loop {
            let mut events = std::mem::take(&mut self.events);
            for (session, event) in events.drain(..) {
                self.follow(now, session, event, departures, news);
            }
            if self.events.is_empty() {
                self.events = events;
            }
            news.extend(self.ways.drain(..).map(|(session, way)| News::Way(session, way)));
            news.extend(self.conditions.drain(..).map(|(session, condition)| News::Line(session, condition)));
            let mut offered = std::mem::take(&mut self.offered);
            for (track, layer) in offered.drain(..) {
                self.offer(now, track, layer, news);
            }
            self.offered = offered;
            self.let_out_all(now, slice_bytes, departures);
            if self.events.is_empty() && (self.written.is_empty() || self.rest_at.is_some()) {
                return;
            }
        }
    }

    /// What a viewer says of what it gets. None if the datagram is for the engine.
    pub(super) fn receive_feedback(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        departures: &mut Departures,
    ) -> Option<Result<(), DropReason>> {
        let id = datagram.session;
        let entry = self.sessions.get_mut(index(id)).filter(|entry| entry.generation == id.0 >> 20)?;
        entry.heard_at = now;
        let downlink = entry.downlink.as_mut().filter(|_| is_srtp(datagram.bytes))?;
        let mut wanted = std::mem::take(&mut self.wanted);
        let received = downlink.receive(now, datagram.bytes, &self.tracks, departures, &mut wanted);
        let (again, is_any_left_out) = downlink.spend(now, &self.tracks);
        downlink.want(now, &self.tracks);
        let condition = entry.said.note(now, downlink.condition());
        for place in again {
            // It had a codec before it was left out.
            self.begin(now, SinkId { session: id, place: place as u8 }).ok();
        }
        if is_any_left_out {
            self.thinned.push(id);
        }
        self.conditions.extend(condition.map(|condition| (id, condition)));
        for mid in wanted.drain(..) {
            self.remedy(now, id, mid);
        }
        self.wanted = wanted;
        self.counters.packets_resent += received.unwrap_or(0);
        Some(received.map(|_| ()).ok_or(DropReason::NotWanted))
    }

    fn follow(
        &mut self,
        now: Instant,
        session: SessionId,
        event: SessionEvent,
        departures: &mut Departures,
        news: &mut Vec<News>,
    ) {
        match event {
            SessionEvent::Packet(mid, rid, pt, incoming) => {
                let engine = self.entry(session).map(|entry| &entry.session);
                let carried = engine.and_then(|engine| engine.carried_by(pt));
                match engine.and_then(|engine| engine.encoding(carried.unwrap_or(pt))) {
                    Some(encoding) => self.arrive(now, session, mid, rid, (encoding, carried), incoming, news),
                    None => self.counters.drops[DropReason::UnknownEncoding.index()] += 1,
                }
            }
            SessionEvent::Connected => {
                self.entry_mut(session).into_iter().for_each(|entry| entry.is_doubted = false);
                if let Some(entry) = self.entry_mut(session)
                    && !std::mem::replace(&mut entry.is_connected, true)
                {
                    entry.open_downlink(now, session);
                    news.push(News::Connected(session));
                    self.begin_all(now, session);
                }
            }
            SessionEvent::Moved => {
                if let Some(entry) = self.entry_mut(session)
                    && let (Some(downlink), Some(path)) = (&mut entry.downlink, entry.session.path())
                {
                    downlink.move_to(path);
                }
            }
            SessionEvent::Disconnected => {
                if let Some(entry) = self.entry_mut(session) {
                    if entry.lose(now) {
                        news.push(News::Disconnected(session));
                    }
                    self.touch(session, departures, |_, _| ());
                }
            }
            SessionEvent::Over => {
                if self.entry(session).is_some() {
                    self.forget(session);
                    news.push(News::Over(session));
                }
            }
            SessionEvent::Report { mid, rid, arrived, since_1970, rtp_ticks } => {
                if let Some(layer) = self.layer_mut(session, mid, rid) {
                    layer.clock.report(arrived, since_1970, rtp_ticks);
                }
            }
            SessionEvent::Incoming(stats) => {
                if let Some(layer) = self.layer_mut(session, stats.mid, stats.rid) {
                    report::note_incoming(layer, &stats);
                }
            }
        }
    }

    fn layer_mut(&mut self, session: SessionId, mid: Mid, rid: Option<Rid>) -> Option<&mut crate::layer::Layer> {
        let track = self.track_of(session, mid)?;
        self.tracks.get_mut(&track)?.layers.iter_mut().find(|layer| layer.quality == Quality::Sent(rid))
    }

    fn track_of(&self, session: SessionId, mid: Mid) -> Option<TrackId> {
        let tracks = &self.entry(session)?.tracks;
        tracks
            .iter()
            .copied()
            .find(|track| self.tracks.get(track).is_some_and(|track| track.origin == Origin::Session(session, mid)))
    }

    /// One packet of one track: into the cache, and to every sink that shows its layer. Of one with redundancy, also what
    /// it carries once more; its encoding comes with the type of what it carries.
    #[expect(clippy::too_many_arguments, reason = "one packet with everything that says whose it is")]
    fn arrive(
        &mut self,
        now: Instant,
        session: SessionId,
        mid: Mid,
        rid: Option<Rid>,
        (encoding, carried): (Encoding, Option<Pt>),
        incoming: Incoming,
        news: &mut Vec<News>,
    ) {
        let Some(id) = self.track_of(session, mid) else {
            self.counters.drops[DropReason::NotWanted.index()] += 1;
            return;
        };
        let track = self.tracks.get_mut(&id).expect("a session's tracks are the router's");
        if track.is_muted {
            self.counters.drops[DropReason::NotWanted.index()] += 1;
            return;
        }
        let quality = Quality::Sent(rid);
        let before = track.layers.iter().find(|layer| layer.quality == quality).map(|layer| layer.encoding);
        let level = incoming.audio_level;
        let Some(at) = self.layer_at(now, id, quality, (encoding, incoming.ssrc)) else {
            self.counters.drops[DropReason::NotWanted.index()] += 1;
            return;
        };
        self.note_fresh(id, at);
        let track = self.tracks.get_mut(&id).expect("was just found");
        let layer = &mut track.layers[at];
        match carried {
            None => layer.take(now, incoming),
            Some(opus) if layer.take_redundant(now, incoming, *opus) => {}
            Some(_) => {
                self.counters.drops[DropReason::Malformed.index()] += 1;
                return;
            }
        }
        if let Some(level) = level {
            track.hear(level);
        }
        if before.map_or(track.layers.len() == 1, |before| before != encoding) {
            news.push(News::Started(id, encoding));
        }
    }

    /// The place of a track's layer; what shows another stream that was there stops.
    pub(super) fn layer_at(
        &mut self,
        now: Instant,
        id: TrackId,
        quality: Quality,
        kind: (Encoding, u32),
    ) -> Option<usize> {
        let track = self.tracks.get_mut(&id)?;
        let before =
            track.layers.iter().find(|layer| layer.quality == quality).map(|layer| (layer.encoding, layer.ssrc));
        let at = track.layer(now, (self.epoch, self.config.since_1970), quality, kind)?;
        if before.is_some_and(|before| before != kind) {
            self.stop_showing(id, at);
        }
        Some(at)
    }

    /// What shows a track's layer stops, and begins anew as soon as it can.
    pub(super) fn stop_showing(&mut self, id: TrackId, layer: usize) {
        let sinks = self.tracks.get(&id).map(|track| track.sinks.clone()).unwrap_or_default();
        for sink in sinks {
            let sink = self.sink_mut(sink).filter(|sink| sink.showing.is_some_and(|showing| showing.layer == layer));
            sink.into_iter().for_each(Sink::stop);
        }
    }

    /// Something is about to come for a layer.
    pub(super) fn note_fresh(&mut self, id: TrackId, layer: usize) {
        if self.tracks.get(&id).is_some_and(|track| track.layers[layer].fresh.is_empty()) {
            self.fresh.push((id, layer));
        }
        if self.offered.last() != Some(&(id, layer)) {
            self.offered.push((id, layer));
        }
    }

    /// Lets out what is fresh to every sink that shows the layer, and begins with those that wait for it.
    fn offer(&mut self, now: Instant, track: TrackId, layer: usize, news: &mut Vec<News>) {
        // Taken out because sinks are found by way of sessions; nothing is bound to the track meanwhile.
        let Some(sinks) = self.tracks.get_mut(&track).map(|track| std::mem::take(&mut track.sinks)) else { return };
        let is_change = self.tracks.get(&track).is_some_and(|track| track.may_be_changed_to(layer));
        for sink in &sinks {
            let is_left_out = self.sink_mut(*sink).is_some_and(|sink| sink.progress == Progress::LeftOut);
            let begins = match self.sink_mut(*sink).map(|sink| (sink.showing, sink.wants)) {
                Some((Some(showing), _)) if showing.layer == layer => {
                    self.note_written(now, sink.session);
                    false
                }
                Some((Some(showing), wants)) => {
                    let layers = &self.tracks[&track].layers;
                    is_change && !is_left_out && choose(now, layers, wants, Some(showing.layer)) == Some(layer)
                }
                Some((None, _)) => true,
                None => false,
            };
            if begins && self.begin(now, *sink).is_err() {
                news.push(News::NoCommonCodec(*sink));
            }
        }
        if let Some(track) = self.tracks.get_mut(&track) {
            track.sinks = sinks;
        }
    }

    /// Begins to show its track in a sink, if the track has anything that a viewer can begin with.
    pub(super) fn begin(&mut self, now: Instant, id: SinkId) -> Result<(), NoCommonCodec> {
        let Some(viewer) = self.sessions.get_mut(index(id.session)) else { return Ok(()) };
        let Some(downlink) = &mut viewer.downlink else { return Ok(()) };
        let Some(sink) = downlink.sinks.get_mut(usize::from(id.place)) else { return Ok(()) };
        let Some((source, track)) = sink.track.and_then(|id| Some((id, self.tracks.get_mut(&id)?))) else {
            return Ok(());
        };
        let showing = sink.showing.map(|showing| showing.layer);
        let Some(at) = choose(now, &track.layers, sink.wants, showing) else { return Ok(()) };
        let layer = &mut track.layers[at];
        let types = viewer.session.payload_types(sink.mid, layer.encoding).ok_or(NoCommonCodec)?;
        if !viewer.is_connected || track.is_muted {
            return Ok(());
        }
        if layer.encoding == Encoding::Opus {
            // Sound begins anywhere, with the next packet.
            sink.show(source, (at, layer), types);
            self.note_written(now, id.session);
            return Ok(());
        }
        if !layer.is_ready(now) {
            return Ok(());
        }
        if layer.history.is_long() && layer.asking.spare(now, downlink.rank.into()) {
            let until = *sink.patient_until.get_or_insert(now + PATIENCE);
            if now < until {
                self.housekeeping_at = Some(now);
                return Ok(());
            }
        }
        sink.show(source, (at, layer), types);
        sink.replay(layer);
        self.counters.keyframes_served += 1;
        self.note_written(now, id.session);
        Ok(())
    }

    fn begin_all(&mut self, now: Instant, session: SessionId) {
        let count = self.entry(session).and_then(|entry| Some(entry.downlink.as_ref()?.sinks.len())).unwrap_or(0);
        for place in 0..count {
            // A missing codec was told when the sink was given its track.
            self.begin(now, SinkId { session, place: place as u8 }).ok();
        }
    }

    /// A viewer asks for a keyframe: from the cache if that may help, else from the publisher.
    fn remedy(&mut self, now: Instant, session: SessionId, mid: Mid) {
        self.counters.keyframe_requests_received += 1;
        let is_scarce = self.is_scarce(now);
        let Some(downlink) = self.sessions.get_mut(index(session)).and_then(|entry| entry.downlink.as_mut()) else {
            return;
        };
        let Some(sink) = downlink.sinks.iter_mut().find(|sink| sink.mid == mid) else { return };
        let (Some(showing), Some(track)) = (sink.showing, sink.track.and_then(|track| self.tracks.get_mut(&track)))
        else {
            return;
        };
        let Some(layer) = track.layers.get_mut(showing.layer) else { return };
        if is_scarce && sink.progress == Progress::Skipping {
            // It goes on at the next keyframe, like all who were given up.
            return;
        }
        let is_to_replay = match sink.remedy(now, layer.history.is_whole(), layer.asking.is_deaf(now)) {
            Remedy::Wait => false,
            Remedy::Replay => true,
            Remedy::Ask => layer.is_ready(now) && !layer.asking.spare(now, downlink.rank.into()),
        };
        // What has fallen silent has nothing to show but what the viewer has seen: shown again, it would look newer than it is.
        if is_to_replay && !layer.is_silent(now) {
            sink.replay(layer);
            self.counters.keyframes_served += 1;
            self.note_written(now, session);
        }
    }
}
