//! All sessions of one room, the tracks that come in and the sinks that they go out by.

mod flow;
mod housekeeping;
mod news;
mod serving;
mod sessions;
mod thumbnails;
mod trunks;
mod watching;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::sessions::Entry;
pub use news::{News, OfferedLine, ThumbnailNews};
use slab::Slab;
use str0m::media::{Mid, Rid};
pub(crate) use thumbnails::WORTH;
pub use thumbnails::{THUMBNAIL, ThumbnailPicture};

use crate::condition::LineCondition;
use crate::deadline::Deadlines;
use crate::downlink::Downlink;
use crate::error::{DropReason, MediaError};
use crate::offer::Offer;
use crate::parameter_sets::ParameterSets;
use crate::playout::Playout;
use crate::rank::Rank;
use crate::report::{self, Counters, Report};
use crate::session::{SessionEvent, Way};
use crate::sink::Sink;
use crate::track::{LAYERS, Origin, Track};
use crate::trunk::{Excerpt, Trunk, TrunkId};
use crate::{Datagram, Departures, Local, SessionId};

/// One incoming track, never used twice in a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId(pub u32);

/// One outgoing m-line of one viewer, as long as its session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SinkId {
    pub(crate) session: SessionId,
    pub(crate) place: u8,
}

impl SinkId {
    /// The viewer's session.
    pub fn session(&self) -> SessionId {
        self.session
    }
}

/// What a router is made with.
#[derive(Debug, Clone)]
pub struct RouterConfig {
    /// Time since 1970-01-01 UTC at the `now` that the router is made with.
    pub since_1970: Duration,
    /// The server's side of its sessions.
    pub local: Arc<Local>,
    /// The longest that viewers are told to hold pictures back, where lines lose and jitter.
    pub playout_delay_most: Duration,
}

/// How often keyframes are asked for and faults are looked for; over tracks, which are few.
const HOUSEKEEPING: Duration = Duration::from_millis(100);

/// All sessions of one room.
#[derive(Debug)]
pub struct Router {
    config: RouterConfig,
    epoch: Instant,
    sessions: Slab<Entry>,
    generation: u32,
    tracks: BTreeMap<TrackId, Track>,
    last_id: u32,
    deadlines: Deadlines,
    housekeeping_at: Option<Instant>,
    /// Layers that have something which not all viewers have been sent; and those whose viewers have still to be noted.
    fresh: Vec<(TrackId, usize)>,
    offered: Vec<(TrackId, usize)>,
    /// Sessions that are to be let out, and who is served first.
    written: Vec<(Rank, SessionId)>,
    /// When some of them were left for the next tick.
    rest_at: Option<Instant>,
    /// When some who waited were last given up.
    gave_up_at: Option<Instant>,
    /// Until when the audience goes without the frames that no other frame needs.
    spares_until: Option<Instant>,
    /// Viewers of whom some sink has lost its picture for want of capacity.
    thinned: Vec<SessionId>,
    /// Tracks of which a thumbnail is wanted, and when it was last needed.
    thumbnails: BTreeMap<TrackId, Instant>,
    trunks: BTreeMap<TrunkId, Trunk>,
    /// What is to be handed on by them.
    excerpts: Vec<(TrunkId, Excerpt)>,
    wanted: Vec<Mid>,
    events: Vec<(SessionId, SessionEvent)>,
    ways: Vec<(SessionId, Way)>,
    conditions: Vec<(SessionId, LineCondition)>,
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
            last_id: 0,
            deadlines: Deadlines::default(),
            housekeeping_at: None,
            fresh: Vec::new(),
            offered: Vec::new(),
            written: Vec::new(),
            rest_at: None,
            gave_up_at: None,
            spares_until: None,
            thinned: Vec::new(),
            thumbnails: BTreeMap::new(),
            trunks: BTreeMap::new(),
            excerpts: Vec::new(),
            wanted: Vec::new(),
            events: Vec::new(),
            ways: Vec::new(),
            conditions: Vec::new(),
            counters: Counters::default(),
        }
    }

    /// Opens a publisher's session for its first offer. It is over by itself if no peer connects.
    pub fn open_uplink(&mut self, now: Instant, offer: &mut Offer) -> SessionId {
        self.open(now, None, offer)
    }

    /// Opens a viewer's session for its first offer. It is over by itself if no peer connects.
    pub fn open_downlink(&mut self, now: Instant, rank: Rank, offer: &mut Offer) -> SessionId {
        let playout = Playout::new(self.config.playout_delay_most);
        let downlink = Box::new(Downlink::new(rank, (self.epoch, self.config.since_1970), playout));
        self.open(now, Some(downlink), offer)
    }

    /// Answers an offer, the first or a later one.
    ///
    /// # Errors
    /// If the offer cannot be answered. The session stays as it was.
    pub fn answer(
        &mut self,
        now: Instant,
        session: SessionId,
        offer: &mut Offer,
        departures: &mut Departures,
        news: &mut Vec<News>,
    ) -> Result<(String, Vec<OfferedLine>), MediaError> {
        let answered = self.touch(session, departures, |session, drained| session.answer(now, offer, drained));
        let answer = answered.unwrap_or(Err(MediaError::NoSession));
        self.entry_mut(session).into_iter().for_each(Entry::let_protect);
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

    /// Takes an incoming m-line as a track. None if the session is no uplink or has no such line.
    pub fn bind_track(&mut self, now: Instant, session: SessionId, mid: &str, offer: &Offer) -> Option<TrackId> {
        self.entry(session).filter(|entry| entry.downlink.is_none())?;
        let line = self.line(session, mid, |line| line.incoming)?;
        let id = TrackId(self.next_id());
        let (origin, sets) = (Origin::Session(session, line.mid), ParameterSets::of_offer(&offer.text, &line.mid));
        let offered = offer.outline().lines.iter().find(|offered| offered.mid == mid).map(|offered| &offered.rids);
        let rids = offered.into_iter().flatten().take(LAYERS).map(|rid| Rid::from(rid.as_str())).collect();
        self.tracks.insert(id, Track::new(now, id, origin, line.is_video, (sets, rids)));
        self.entry_mut(session)?.tracks.push(id);
        self.housekeeping_at.get_or_insert(now + HOUSEKEEPING);
        Some(id)
    }

    /// Takes an outgoing m-line as a sink, always the same one: it counts what has been sealed under its SSRC. None if the
    /// session is no downlink or has no such line.
    pub fn bind_sink(&mut self, session: SessionId, mid: &str) -> Option<SinkId> {
        let line = self.line(session, mid, |line| line.outgoing)?;
        let epoch = self.epoch;
        let entry = self.entry_mut(session)?;
        let downlink = entry.downlink.as_mut()?;
        if let Some(place) = downlink.sinks.iter().position(|sink| sink.mid == line.mid) {
            return Some(SinkId { session, place: place as u8 });
        }
        let place = u8::try_from(downlink.sinks.len()).ok()?;
        let stream = entry.session.stream(&line, epoch)?;
        downlink.sinks.push(Sink::new(epoch, line.mid, line.is_video, stream));
        Some(SinkId { session, place })
    }

    /// Ends a track: what shows it goes dark.
    pub fn unbind_track(&mut self, id: TrackId) {
        let Some(track) = self.tracks.remove(&id) else { return };
        if let Origin::Session(session, _) = track.origin
            && let Some(entry) = self.entry_mut(session)
        {
            let said = entry.forget_track(id);
            self.conditions.extend(said.map(|condition| (session, condition)));
        }
        for sink in track.sinks {
            if let Some(sink) = self.sink_mut(sink) {
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
        for layer in &mut track.layers {
            // What was held back must never be seen, so the next picture begins with a new keyframe.
            layer.history.clear();
            layer.fresh.forget();
            layer.asking.want();
        }
        for sink in track.sinks.clone() {
            if let Some(sink) = self.sink_mut(sink) {
                sink.stop();
            }
        }
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
            let received = match self.receive_feedback(now, datagram, departures) {
                None => {
                    self.touch(datagram.session, departures, |session, drained| session.receive(now, datagram, drained))
                }
                received => received,
            };
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
            if entry.is_doubted && entry.connect_by <= now && entry.lose(now) {
                news.push(News::Disconnected(id));
            }
            let Some(entry) = self.entry_mut(id) else { continue };
            if !entry.is_connected && entry.connect_by <= now {
                self.touch(id, departures, |session, drained| session.close(now, drained));
                self.events.push((id, SessionEvent::Over));
                continue;
            }
            if let Some(downlink) = self.entry_mut(id).and_then(|entry| entry.downlink.as_mut())
                && downlink.deadline().is_some_and(|at| at <= now)
            {
                downlink.report(now, departures);
                self.note_written(now, id);
            }
            self.touch(id, departures, |session, drained| session.advance(now, drained));
        }
        if self.housekeeping_at.is_some_and(|at| at <= now) {
            self.keep_house(now, news);
        }
        self.settle_with(now, serving::SLICE_BYTES, departures, news);
    }

    /// When [`Router::tick`] is wanted.
    pub fn deadline(&self) -> Option<Instant> {
        let trunks = self.trunks.values().filter_map(Trunk::deadline).min();
        [self.deadlines.earliest(), self.housekeeping_at, self.rest_at, trunks].into_iter().flatten().min()
    }

    /// True while some of the audience has still to be sent what has come.
    pub fn is_serving(&self) -> bool {
        self.rest_at.is_some()
    }

    /// Ends a session and what belongs to it: says goodbye to the peer, without [`News::Over`].
    pub fn close(&mut self, now: Instant, id: SessionId, departures: &mut Departures) {
        self.touch(id, departures, |session, drained| session.close(now, drained));
        self.forget(id);
        self.events.retain(|(session, _)| *session != id);
        self.ways.retain(|(session, _)| *session != id);
        self.conditions.retain(|(session, _)| *session != id);
    }

    /// The ICE-TCP connection from `peer` is full, or no more: while it is, its viewer's pictures wait, so that nothing
    /// is dropped half-way.
    pub fn hold(
        &mut self,
        now: Instant,
        (id, peer): (SessionId, SocketAddr),
        is_held: bool,
        departures: &mut Departures,
        news: &mut Vec<News>,
    ) {
        let Some(downlink) = self.entry_mut(id).and_then(|entry| entry.downlink.as_mut()) else { return };
        downlink.hold(peer, is_held);
        self.note_written(now, id);
        self.settle(now, departures, news);
    }

    /// Figures for metrics.
    pub fn report(&self) -> Report {
        let downlinks = self.sessions.iter().filter_map(|(place, entry)| {
            let id = SessionId(entry.generation << 20 | place as u32);
            Some((id, &**entry.downlink.as_ref()?))
        });
        report::of(&self.tracks, downlinks, self.sessions.len(), &self.counters)
    }

    fn next_id(&mut self) -> u32 {
        self.last_id += 1;
        self.last_id
    }
}
