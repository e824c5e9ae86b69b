//! All sessions of one room, the tracks that come in and the sinks that they go out by.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use slab::Slab;
use str0m::media::{Mid, Rid};

use crate::deadline::Deadlines;
use crate::dtls::Certificate;
use crate::error::{DropReason, MediaError, NoCommonCodec};
use crate::format::Encoding;
use crate::packet::{Incoming, Packet};
use crate::report::{self, Counters, Report};
use crate::session::{Drained, Line, Session, SessionEvent, Way};
use crate::sink::{Remedy, Showing, Sink};
use crate::track::{Fault, Track};
use crate::{Datagram, Departures, SessionId};

/// One incoming track, never used twice in a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId(pub u32);

/// One outgoing stream of one viewer, never used twice in a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SinkId(pub u32);

/// What a router is made with.
#[derive(Debug, Clone)]
pub struct RouterConfig {
    /// Time since 1970-01-01 UTC at the `now` that the router is made with.
    pub since_1970: Duration,
    /// The addresses that peers are told, for UDP and for ICE-TCP.
    pub candidates: Vec<SocketAddr>,
    /// The DTLS certificate of all sessions.
    pub certificate: Certificate,
}

/// One m-line of an answered offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedLine {
    /// Its `mid`.
    pub mid: String,
    /// Video or audio.
    pub is_video: bool,
    /// The peer sends on it.
    pub incoming: bool,
    /// The peer receives on it.
    pub outgoing: bool,
    /// Both ends know a codec that this server forwards.
    pub has_encoding: bool,
}

/// What a router tells its room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A session's datagrams are to be found in one more way.
    Way(SessionId, Way),
    /// ICE and DTLS are up, for the first time or again.
    Connected(SessionId),
    /// The peer is not to be reached; it may come back, or restart ICE.
    Disconnected(SessionId),
    /// The session is gone, with its tracks and sinks.
    Over(SessionId),
    /// A track's packets have begun to come, or have changed their encoding.
    Started(TrackId, Encoding),
    /// Something is wrong with a track, or no more.
    Faulted(TrackId, Option<Fault>),
    /// What a sink was to show, its viewer cannot take.
    NoCommonCodec(SinkId),
}

/// A session that is not connected this long after it was opened, or was lost this long ago, is over.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);
/// How often keyframes are asked for and faults are looked for; over tracks, which are few.
const HOUSEKEEPING: Duration = Duration::from_millis(100);

#[derive(Debug)]
struct Entry {
    session: Session,
    generation: u32,
    is_connected: bool,
    /// When it is over if it does not connect.
    connect_by: Instant,
    /// The earliest deadline in the heap; other entries of this session are stale.
    queued: Option<Instant>,
    tracks: Vec<TrackId>,
    sinks: Vec<SinkId>,
    has_writes: bool,
}

fn index(id: SessionId) -> usize {
    (id.0 & 0xf_ffff) as usize
}

/// All sessions of one room.
#[derive(Debug)]
pub struct Router {
    config: RouterConfig,
    epoch: Instant,
    sessions: Slab<Entry>,
    generation: u32,
    tracks: HashMap<TrackId, Track>,
    sinks: HashMap<SinkId, Sink>,
    last_id: u32,
    deadlines: Deadlines,
    replaying: Vec<(Instant, SinkId)>,
    housekeeping_at: Option<Instant>,
    written: Vec<SessionId>,
    events: Vec<(SessionId, SessionEvent)>,
    ways: Vec<(SessionId, Way)>,
    counters: Counters,
}

impl Router {
    /// A router without sessions.
    pub fn new(now: Instant, config: RouterConfig) -> Self {
        Self {
            config,
            epoch: now,
            sessions: Slab::new(),
            generation: 0,
            tracks: HashMap::new(),
            sinks: HashMap::new(),
            last_id: 0,
            deadlines: Deadlines::default(),
            replaying: Vec::new(),
            housekeeping_at: None,
            written: Vec::new(),
            events: Vec::new(),
            ways: Vec::new(),
            counters: Counters::default(),
        }
    }

    /// Opens a session. It is over by itself if no peer connects.
    pub fn open(&mut self, now: Instant) -> SessionId {
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation & 0xfff;
        let entry = self.sessions.vacant_entry();
        let id = SessionId(generation << 20 | entry.key() as u32);
        let session = Session::new(
            now,
            id,
            (self.epoch, self.config.since_1970),
            &self.config.certificate,
            &self.config.candidates,
        );
        entry.insert(Entry {
            session,
            generation,
            is_connected: false,
            connect_by: now + CONNECT_WITHIN,
            queued: None,
            tracks: Vec::new(),
            sinks: Vec::new(),
            has_writes: false,
        });
        self.counters.sessions_opened += 1;
        id
    }

    /// Answers an offer, the first or a later one.
    ///
    /// # Errors
    /// If the offer cannot be answered. The session stays as it was.
    pub fn answer(
        &mut self,
        now: Instant,
        session: SessionId,
        offer: &str,
        departures: &mut Departures,
        news: &mut Vec<News>,
    ) -> Result<(String, Vec<OfferedLine>), MediaError> {
        let answered = self.touch(session, departures, |session, drained| session.answer(now, offer, drained));
        let answer = answered.unwrap_or(Err(MediaError::NoSession));
        self.settle(now, departures, news);
        let answer = answer?;
        let entry = self.entry(session).ok_or(MediaError::NoSession)?;
        let session = &entry.session;
        let lines = session.lines().iter().map(|line| OfferedLine {
            mid: line.mid.to_string(),
            is_video: line.is_video,
            incoming: line.incoming,
            outgoing: line.outgoing,
            has_encoding: session.has_encoding(line.mid),
        });
        Ok((answer, lines.collect()))
    }

    /// Adds an ICE candidate of the peer.
    ///
    /// # Errors
    /// If it is none, or the session is over.
    pub fn add_candidate(
        &mut self,
        now: Instant,
        session: SessionId,
        candidate: &str,
        departures: &mut Departures,
        news: &mut Vec<News>,
    ) -> Result<(), MediaError> {
        let added = self.touch(session, departures, |session, drained| session.add_candidate(now, candidate, drained));
        self.settle(now, departures, news);
        added.unwrap_or(Err(MediaError::NoSession))
    }

    /// Takes an incoming m-line as a track. None if the session has no such line.
    pub fn bind_track(&mut self, now: Instant, session: SessionId, mid: &str, offer: &str) -> Option<TrackId> {
        let line = self.line(session, mid, |line| line.incoming)?;
        let id = TrackId(self.next_id());
        self.tracks.insert(id, Track::new(now, id, session, line.mid, line.is_video, offer));
        self.entry_mut(session)?.tracks.push(id);
        self.housekeeping_at.get_or_insert(now + HOUSEKEEPING);
        Some(id)
    }

    /// Takes an outgoing m-line as a sink. None if the session has no such line.
    pub fn bind_sink(&mut self, session: SessionId, mid: &str) -> Option<SinkId> {
        let line = self.line(session, mid, |line| line.outgoing)?;
        let id = SinkId(self.next_id());
        self.sinks.insert(id, Sink::new(self.epoch, session, line.mid, line.is_video));
        self.entry_mut(session)?.sinks.push(id);
        Some(id)
    }

    /// Ends a track: what shows it goes dark.
    pub fn unbind_track(&mut self, id: TrackId) {
        let Some(track) = self.tracks.remove(&id) else { return };
        if let Some(entry) = self.entry_mut(track.session) {
            entry.tracks.retain(|known| *known != id);
        }
        for sink in track.sinks {
            if let Some(sink) = self.sinks.get_mut(&sink) {
                sink.track = None;
                sink.stop();
            }
        }
    }

    /// Holds a track back, or lets it through again, for everybody.
    pub fn mute_track(&mut self, id: TrackId, muted: bool) {
        let Some(track) = self.tracks.get_mut(&id) else { return };
        track.is_muted = muted;
        track.loudness = -127;
        for sink in &track.sinks {
            if let Some(sink) = self.sinks.get_mut(sink) {
                sink.stop();
            }
        }
        for layer in &mut track.layers {
            // What was held back must never be seen, so the next picture begins with a new keyframe.
            layer.gop.clear();
            layer.want_keyframe();
        }
    }

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
        let Some(sink) = self.sinks.get_mut(&id) else { return Ok(()) };
        let before = sink.track.take();
        sink.stop();
        if let Some(before) = before.and_then(|before| self.tracks.get_mut(&before)) {
            before.sinks.retain(|sink| *sink != id);
        }
        let Some(track) = track.filter(|track| self.tracks.contains_key(track)) else { return Ok(()) };
        sink.track = Some(track);
        self.tracks.get_mut(&track).expect("was just found").sinks.push(id);
        let shown = self.begin(now, id);
        self.settle(now, departures, news);
        if shown.is_err() {
            self.sinks.get_mut(&id).expect("was just found").track = None;
            self.tracks.get_mut(&track).expect("was just found").sinks.retain(|sink| *sink != id);
        }
        shown
    }

    /// The track that a sink was given.
    pub fn watched(&self, id: SinkId) -> Option<TrackId> {
        self.sinks.get(&id)?.track
    }

    /// How loud an audio track was in the last moments: 0 the loudest, -127 silence.
    pub fn loudness(&self, id: TrackId) -> i8 {
        self.tracks.get(&id).map_or(-127, |track| track.loudness)
    }

    /// Takes what one wake-up of the sockets brought.
    pub fn burst(
        &mut self,
        now: Instant,
        datagrams: &[Datagram<'_>],
        departures: &mut Departures,
        news: &mut Vec<News>,
    ) {
        for datagram in datagrams {
            self.counters.datagrams += 1;
            let received =
                self.touch(datagram.session, departures, |session, drained| session.receive(now, datagram, drained));
            if let Err(reason) = received.unwrap_or(Err(DropReason::NoSession)) {
                self.counters.drops[reason.index()] += 1;
            }
        }
        self.settle(now, departures, news);
    }

    /// Does what time asks for.
    pub fn tick(&mut self, now: Instant, departures: &mut Departures, news: &mut Vec<News>) {
        // All that are due, first: what is done for one may make it due again, which is for the next tick.
        let due: Vec<SessionId> = std::iter::from_fn(|| self.deadlines.pop_due(now)).collect();
        for id in due {
            let Some(entry) = self.entry_mut(id) else { continue };
            if entry.queued.is_none_or(|queued| queued > now) {
                continue;
            }
            entry.queued = None;
            if !entry.is_connected && entry.connect_by <= now {
                self.touch(id, departures, |session, drained| session.close(now, drained));
                self.events.push((id, SessionEvent::Over));
                continue;
            }
            self.touch(id, departures, |session, drained| session.advance(now, drained));
        }
        let due = |at: &mut (Instant, SinkId)| at.0 <= now;
        for (_, sink) in self.replaying.extract_if(.., due).collect::<Vec<_>>() {
            self.note_written(sink);
        }
        if self.housekeeping_at.is_some_and(|at| at <= now) {
            self.keep_house(now, news);
        }
        self.settle(now, departures, news);
    }

    /// When [`Router::tick`] is wanted.
    pub fn deadline(&self) -> Option<Instant> {
        let replay = self.replaying.iter().map(|(at, _)| *at).min();
        [self.deadlines.earliest(), replay, self.housekeeping_at].into_iter().flatten().min()
    }

    /// Ends a session and what belongs to it: says goodbye to the peer, without [`News::Over`].
    pub fn close(&mut self, now: Instant, id: SessionId, departures: &mut Departures) {
        self.touch(id, departures, |session, drained| session.close(now, drained));
        self.forget(id);
        self.events.retain(|(session, _)| *session != id);
        self.ways.retain(|(session, _)| *session != id);
    }

    /// Figures for metrics.
    pub fn report(&self) -> Report {
        report::of(&self.tracks, &self.sinks, self.sessions.len(), &self.counters)
    }

    fn next_id(&mut self) -> u32 {
        self.last_id += 1;
        self.last_id
    }

    fn entry(&self, id: SessionId) -> Option<&Entry> {
        self.sessions.get(index(id)).filter(|entry| entry.generation == id.0 >> 20)
    }

    fn entry_mut(&mut self, id: SessionId) -> Option<&mut Entry> {
        self.sessions.get_mut(index(id)).filter(|entry| entry.generation == id.0 >> 20)
    }

    fn line(&self, session: SessionId, mid: &str, fits: impl Fn(&Line) -> bool) -> Option<Line> {
        let lines = self.entry(session)?.session.lines();
        lines.iter().find(|line| &*line.mid == mid && fits(line)).cloned()
    }

    /// The only way to a session: what it has to say afterwards is collected, its deadline noted.
    fn touch<T>(
        &mut self,
        id: SessionId,
        departures: &mut Departures,
        act: impl FnOnce(&mut Session, &mut Drained<'_>) -> T,
    ) -> Option<T> {
        let entry = self.sessions.get_mut(index(id)).filter(|entry| entry.generation == id.0 >> 20)?;
        let mut drained = Drained { departures, ways: &mut self.ways, events: &mut self.events };
        let result = act(&mut entry.session, &mut drained);
        let connect_by = (!entry.is_connected && !entry.session.is_over()).then_some(entry.connect_by);
        let wanted = [entry.session.deadline(), connect_by].into_iter().flatten().min();
        if let Some(wanted) = wanted.filter(|wanted| entry.queued.is_none_or(|queued| *wanted < queued)) {
            entry.queued = Some(wanted);
            self.deadlines.push(wanted, id);
        }
        Some(result)
    }

    /// Follows up everything that sessions have said, until nothing is left; then lets out what was written.
    fn settle(&mut self, now: Instant, departures: &mut Departures, news: &mut Vec<News>) {
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
                let sink = self.sinks.values_mut().find(|sink| sink.session == session && sink.mid == stats.mid);
                if let Some(sink) = sink {
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
    fn begin(&mut self, now: Instant, id: SinkId) -> Result<(), NoCommonCodec> {
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
        let Some(id) =
            self.sinks.iter().find(|(_, sink)| sink.session == session && sink.mid == mid).map(|(id, _)| *id)
        else {
            return;
        };
        let sink = self.sinks.get_mut(&id).expect("was just found");
        let (Some(showing), Some(track)) = (sink.showing, sink.track.and_then(|track| self.tracks.get_mut(&track)))
        else {
            return;
        };
        let Some(layer) = track.layers.get_mut(showing.layer) else { return };
        match sink.remedy(now, layer.gop.is_whole()) {
            Remedy::Wait => {}
            Remedy::Ask => layer.want_keyframe(),
            Remedy::Replay => {
                sink.replay(layer.encoding, layer.gop.packets(), layer.gop.frames());
                self.counters.keyframes_served += 1;
                self.note_written(id);
            }
        }
    }

    fn note_written(&mut self, sink: SinkId) {
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

    fn keep_house(&mut self, now: Instant, news: &mut Vec<News>) {
        self.housekeeping_at = (!self.tracks.is_empty()).then_some(now + HOUSEKEEPING);
        let mut asks = Vec::new();
        for track in self.tracks.values_mut() {
            for layer in &mut track.layers {
                if !track.is_muted && track.is_video && layer.is_to_ask(now) {
                    asks.push((track.session, track.mid, layer.rid));
                }
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
    }

    fn note_session_written(&mut self, session: SessionId) {
        if let Some(entry) = self.entry_mut(session)
            && !std::mem::replace(&mut entry.has_writes, true)
        {
            self.written.push(session);
        }
    }

    /// Drops a session with its tracks and sinks.
    fn forget(&mut self, id: SessionId) {
        let Some(entry) = self.entry(id) else { return };
        let (tracks, sinks) = (entry.tracks.clone(), entry.sinks.clone());
        for track in tracks {
            self.unbind_track(track);
        }
        for id in sinks {
            let track = self.sinks.remove(&id).and_then(|sink| sink.track);
            if let Some(track) = track.and_then(|track| self.tracks.get_mut(&track)) {
                track.sinks.retain(|sink| *sink != id);
            }
        }
        self.sessions.remove(index(id));
        self.counters.sessions_over += 1;
    }
}
