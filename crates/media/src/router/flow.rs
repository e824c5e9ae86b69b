//! What flows through the router: from what sessions say to what viewers get.

use std::time::{Duration, Instant};

use str0m::media::{Mid, Rid};

use super::{CONNECT_WITHIN, HOUSEKEEPING, News, Router, SinkId, TrackId, index};
use crate::error::{DropReason, NoCommonCodec};
use crate::format::Encoding;
use crate::packet::{Incoming, Packet};
use crate::report;
use crate::session::SessionEvent;
use crate::sink::{Remedy, Showing};
use crate::{Departures, SessionId};

/// A viewer waits this long for a fresh keyframe before a long cache is replayed to it.
const PATIENCE: Duration = Duration::from_millis(400);

impl Router {
    /// Follows up everything that sessions have said, until nothing is left; then lets out what was written.
    pub(super) fn settle(&mut self, now: Instant, departures: &mut Departures, news: &mut Vec<News>) {
        loop {
            let mut events = std::mem::take(&mut self.events);
            for (session, event) in events.drain(..) {
                self.follow(now, session, event, departures, news);
            }
            if self.events.is_empty() {
                self.events = events;
            }
            news.extend(self.ways.drain(..).map(|(session, way)| News::Way(session, way)));
            let mut written = std::mem::take(&mut self.written);
            for session in written.drain(..) {
                self.let_out(now, session, departures);
            }
            self.written = written;
            if self.events.is_empty() && self.written.is_empty() {
                return;
            }
        }
    }

    fn let_out(&mut self, now: Instant, id: SessionId, departures: &mut Departures) {
        let Some(entry) = self.entry_mut(id) else { return };
        entry.has_writes = false;
        for sink in entry.sinks.clone() {
            self.flush(now, sink);
        }
        self.touch(id, departures, |session, drained| session.advance(now, drained));
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
                let encoding = self.entry(session).and_then(|entry| entry.session.encoding(pt));
                match encoding {
                    Some(encoding) => self.arrive(now, session, mid, rid, encoding, incoming, news),
                    None => self.counters.drops[DropReason::UnknownEncoding.index()] += 1,
                }
            }
            SessionEvent::Connected => {
                if let Some(entry) = self.entry_mut(session)
                    && !std::mem::replace(&mut entry.is_connected, true)
                {
                    news.push(News::Connected(session));
                    self.begin_all(now, session);
                }
            }
            SessionEvent::Disconnected => {
                if let Some(entry) = self.entry_mut(session) {
                    entry.is_connected = false;
                    entry.connect_by = now + CONNECT_WITHIN;
                    news.push(News::Disconnected(session));
                    self.touch(session, departures, |_, _| ());
                }
            }
            SessionEvent::Over => {
                if self.entry(session).is_some() {
                    self.forget(session);
                    news.push(News::Over(session));
                }
            }
            SessionEvent::KeyframeWanted(mid) => self.remedy(now, session, mid),
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
            SessionEvent::Outgoing(stats) => {
                if let Some(sink) = self.sink_of(session, stats.mid).and_then(|sink| self.sinks.get_mut(&sink)) {
                    sink.loss = stats.loss.or(sink.loss);
                    sink.round_trip = stats.rtt.or(sink.round_trip);
                }
            }
        }
    }

    fn layer_mut(&mut self, session: SessionId, mid: Mid, rid: Option<Rid>) -> Option<&mut crate::layer::Layer> {
        let track = self.track_of(session, mid)?;
        self.tracks.get_mut(&track)?.layers.iter_mut().find(|layer| layer.rid == rid)
    }

    fn sink_of(&self, session: SessionId, mid: Mid) -> Option<SinkId> {
        let sinks = &self.entry(session)?.sinks;
        sinks.iter().copied().find(|sink| self.sinks.get(sink).is_some_and(|sink| sink.mid == mid))
    }

    fn track_of(&self, session: SessionId, mid: Mid) -> Option<TrackId> {
        let tracks = &self.entry(session)?.tracks;
        tracks.iter().copied().find(|track| self.tracks.get(track).is_some_and(|track| track.mid == mid))
    }

    /// One packet of one track: into the cache, and to every sink that shows its layer.
    #[expect(clippy::too_many_arguments, reason = "one packet with everything that says whose it is")]
    fn arrive(
        &mut self,
        now: Instant,
        session: SessionId,
        mid: Mid,
        rid: Option<Rid>,
        encoding: Encoding,
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
        let had = track.layers.iter().find(|layer| layer.rid == rid).map(|layer| layer.encoding);
        let Some(layer) = track.layer(now, self.epoch, rid, encoding) else {
            self.counters.drops[DropReason::NotWanted.index()] += 1;
            return;
        };
        if let Some(level) = incoming.audio_level {
            track.hear(level);
        }
        let (sets, packet) = track.layers[layer].take(now, incoming);
        let sinks = track.sinks.clone();
        if had != Some(encoding) {
            news.push(News::Started(id, encoding));
            for sink in &sinks {
                if let Some(sink) = self.sinks.get_mut(sink) {
                    sink.stop();
                }
            }
        }
        for sink in sinks {
            self.offer(now, sink, layer, sets.as_ref(), &packet, news);
        }
    }

    /// Gives a live packet to a sink, beginning with it if it waits for one.
    fn offer(
        &mut self,
        now: Instant,
        id: SinkId,
        layer: usize,
        sets: Option<&Packet>,
        packet: &Packet,
        news: &mut Vec<News>,
    ) {
        let Some(sink) = self.sinks.get_mut(&id) else { return };
        match sink.showing {
            Some(showing) if showing.layer == layer && sink.forward.is_flowing() => {
                for packet in sets.into_iter().chain([packet]) {
                    sink.push(showing.encoding, packet);
                }
                self.note_written(id);
            }
            _ => {
                if self.begin(now, id).is_err() {
                    news.push(News::NoCommonCodec(id));
                }
                self.begin_sound(id, packet);
            }
        }
    }

    fn begin_sound(&mut self, id: SinkId, packet: &Packet) {
        let Some(sink) = self.sinks.get_mut(&id) else { return };
        if let Some(showing) = sink.showing.filter(|showing| showing.encoding == Encoding::Opus) {
            sink.replay(showing.encoding, std::iter::once(packet), 1);
            self.note_written(id);
        }
    }

    /// Begins to show its track in a sink, if the track has anything that a viewer can begin with.
    pub(super) fn begin(&mut self, now: Instant, id: SinkId) -> Result<(), NoCommonCodec> {
        let Some(sink) = self.sinks.get_mut(&id) else { return Ok(()) };
        let Some(track) = sink.track.and_then(|track| self.tracks.get_mut(&track)) else { return Ok(()) };
        let Some(at) = track.best_layer(now) else { return Ok(()) };
        let viewer = self.sessions.get(index(sink.session)).expect("a sink ends with its session");
        let layer = &mut track.layers[at];
        let pt = viewer.session.payload_type(sink.mid, layer.encoding).ok_or(NoCommonCodec)?;
        if !viewer.is_connected || track.is_muted {
            return Ok(());
        }
        let showing = Showing { layer: at, encoding: layer.encoding, pt };
        if layer.encoding == Encoding::Opus {
            // Sound begins anywhere, with the next packet.
            sink.showing = Some(showing);
            return Ok(());
        }
        if !layer.gop.is_whole() {
            layer.want_keyframe();
            return Ok(());
        }
        if layer.gop.is_long() && !layer.is_deaf() {
            layer.want_keyframe();
            let until = *sink.patient_until.get_or_insert(now + PATIENCE);
            if now < until {
                self.housekeeping_at = Some(now);
                return Ok(());
            }
        }
        sink.showing = Some(showing);
        sink.replay(layer.encoding, layer.gop.packets(), layer.gop.frames());
        self.counters.keyframes_served += 1;
        self.note_written(id);
        Ok(())
    }

    fn begin_all(&mut self, now: Instant, session: SessionId) {
        let sinks = self.entry(session).map(|entry| entry.sinks.clone()).unwrap_or_default();
        for sink in sinks {
            // A missing codec was told when the sink was given its track.
            self.begin(now, sink).ok();
        }
    }

    /// A viewer asks for a keyframe: from the cache if that may help, else from the publisher.
    fn remedy(&mut self, now: Instant, session: SessionId, mid: Mid) {
        self.counters.keyframe_requests_received += 1;
        let Some(id) = self.sink_of(session, mid) else { return };
        let sink = self.sinks.get_mut(&id).expect("was just found");
        let (Some(showing), Some(track)) = (sink.showing, sink.track.and_then(|track| self.tracks.get_mut(&track)))
        else {
            return;
        };
        let Some(layer) = track.layers.get_mut(showing.layer) else { return };
        match sink.remedy(now, layer.gop.is_whole(), layer.is_deaf()) {
            Remedy::Wait => {}
            Remedy::Ask => layer.want_keyframe(),
            Remedy::Replay => {
                sink.replay(layer.encoding, layer.gop.packets(), layer.gop.frames());
                self.counters.keyframes_served += 1;
                self.note_written(id);
            }
        }
    }

    pub(super) fn note_written(&mut self, sink: SinkId) {
        if let Some(session) = self.sinks.get(&sink).map(|sink| sink.session) {
            self.note_session_written(session);
        }
    }

    fn flush(&mut self, now: Instant, id: SinkId) {
        let Some(sink) = self.sinks.get_mut(&id) else { return };
        let Some(showing) = sink.showing else { return };
        let entry = self.sessions.get_mut(index(sink.session)).expect("a sink ends with its session");
        let (mid, is_video) = (sink.mid, sink.is_video);
        for (place, packet) in sink.batch() {
            entry.session.write(mid, showing.pt, place, &packet, is_video);
            self.counters.packets_forwarded += 1;
        }
        if let Some(at) = sink.next_batch_at(now) {
            self.replaying.push((at, id));
        }
    }

    pub(super) fn keep_house(&mut self, now: Instant, news: &mut Vec<News>) {
        self.housekeeping_at = (!self.tracks.is_empty()).then_some(now + HOUSEKEEPING);
        let mut asks = Vec::new();
        let mut layered = Vec::new();
        for track in self.tracks.values_mut() {
            for layer in &mut track.layers {
                layer.measure(now);
                if !track.is_muted && track.is_video && layer.is_to_ask(now) {
                    asks.push((track.session, track.mid, layer.rid));
                }
            }
            if track.layers.len() > 1 {
                layered.push(track.id);
            }
            let fault = track.present_fault(now);
            if fault != track.fault {
                track.fault = fault;
                news.push(News::Faulted(track.id, fault));
            }
        }
        for (session, mid, rid) in asks {
            if let Some(entry) = self.entry_mut(session) {
                entry.session.ask_keyframe(mid, rid);
                self.counters.keyframe_requests_upstream += 1;
                self.note_session_written(session);
            }
        }
        for track in layered {
            self.change_layers(now, track);
        }
    }

    /// Viewers of another layer than the best are taken there, as soon as it has a keyframe for them.
    fn change_layers(&mut self, now: Instant, id: TrackId) {
        let track = &self.tracks[&id];
        let Some(best) = track.best_layer(now) else { return };
        let others = |sink: &SinkId| {
            let showing = self.sinks.get(sink).and_then(|sink| sink.showing);
            showing.is_some_and(|showing| showing.layer != best && self.is_worth_changing(id, showing.layer, best, now))
        };
        let sinks: Vec<SinkId> = track.sinks.iter().copied().filter(others).collect();
        for sink in sinks {
            // A missing codec was told when the sink was given its track.
            self.begin(now, sink).ok();
        }
    }

    fn is_worth_changing(&self, track: TrackId, from: usize, to: usize, now: Instant) -> bool {
        let layers = &self.tracks[&track].layers;
        layers[from].is_silent(now) || layers[to].rate_bytes > layers[from].rate_bytes * 5 / 4
    }

    fn note_session_written(&mut self, session: SessionId) {
        if let Some(entry) = self.entry_mut(session)
            && !std::mem::replace(&mut entry.has_writes, true)
        {
            self.written.push(session);
        }
    }
}
