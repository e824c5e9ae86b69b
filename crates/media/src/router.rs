//! All sessions of one room, the tracks that come in and the sinks that they go out by.

mod flow;
mod news;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

pub use news::{News, OfferedLine};
use slab::Slab;

use crate::deadline::Deadlines;
use crate::dtls::Certificate;
use crate::error::{DropReason, MediaError, NoCommonCodec};
use crate::report::{self, Counters, Report};
use crate::session::{Drained, Line, Session, SessionEvent, Way};
use crate::sink::Sink;
use crate::track::Track;
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
    tracks: BTreeMap<TrackId, Track>,
    sinks: BTreeMap<SinkId, Sink>,
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
            tracks: BTreeMap::new(),
            sinks: BTreeMap::new(),
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
