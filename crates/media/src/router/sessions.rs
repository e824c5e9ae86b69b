//! The sessions of a router: how they come, are reached and go.

use std::time::{Duration, Instant};

use str0m::crypto;

use super::{Router, SinkId, TrackId};
use crate::condition::{LineCondition, Said};
use crate::downlink::Downlink;
use crate::dtls::KeysGoTo;
use crate::session::{Drained, Line, Session};
use crate::sink::Sink;
use crate::{Departures, Offer, SessionId, srtp};

/// A peer from which something came so lately is there, whatever ICE says of it: libnice sends no checks once it is connected,
/// only indications (RFC 8445 section 11), which the engine takes for nothing.
const HEARD_WITHIN: Duration = Duration::from_secs(5);
/// A session that is not connected this long after it was opened, or was lost this long ago, is over.
pub(super) const CONNECT_WITHIN: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) session: Session,
    pub(super) generation: u32,
    /// How many were opened before it.
    pub(super) number: u64,
    pub(super) is_connected: bool,
    /// The engine says that it is not, but the peer is still heard.
    pub(super) is_doubted: bool,
    /// When it is over if it does not connect.
    pub(super) connect_by: Instant,
    /// When something last came from the peer, or when it was opened.
    pub(super) heard_at: Instant,
    /// The earliest deadline in the heap; other entries of this session are stale.
    pub(super) queued: Option<Instant>,
    pub(super) tracks: Vec<TrackId>,
    /// What a viewer is sent; none for a publisher.
    pub(super) downlink: Option<Box<Downlink>>,
    pub(super) written_at: Option<Instant>,
    /// Of its line.
    pub(super) said: Said,
}

pub(super) fn index(id: SessionId) -> usize {
    (id.0 & 0xf_ffff) as usize
}

impl Router {
    /// Viewers that come from now on are told to hold pictures back for no longer than this.
    pub fn bound_playout_delay(&mut self, most: Duration) {
        self.config.playout_delay_most = most;
    }

    /// Opens a session for an offer, which may have been answered ahead.
    pub(super) fn open(&mut self, now: Instant, downlink: Option<Box<Downlink>>, offer: &mut Offer) -> SessionId {
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation & 0xfff;
        let entry = self.sessions.vacant_entry();
        let id = SessionId(generation << 20 | entry.key() as u32);
        let keys = if downlink.is_some() { KeysGoTo::Us } else { KeysGoTo::Engine };
        let prepared = offer.session.take().filter(|session| session.is_downlink() == downlink.is_some());
        let mut session = prepared.map_or_else(|| Session::new(now, &self.config.local, keys), |prepared| *prepared);
        session.enter(id);
        entry.insert(Entry {
            session,
            generation,
            number: self.counters.sessions_opened,
            is_connected: false,
            is_doubted: false,
            connect_by: now + CONNECT_WITHIN,
            heard_at: now,
            queued: None,
            tracks: Vec::new(),
            downlink,
            written_at: None,
            said: Said::default(),
        });
        self.counters.sessions_opened += 1;
        id
    }

    /// When something last came from a session's peer, or when the session was opened.
    pub fn heard_at(&self, id: SessionId) -> Option<Instant> {
        self.entry(id).map(|entry| entry.heard_at)
    }

    pub(super) fn entry(&self, id: SessionId) -> Option<&Entry> {
        self.sessions.get(index(id)).filter(|entry| entry.generation == id.0 >> 20)
    }

    pub(super) fn entry_mut(&mut self, id: SessionId) -> Option<&mut Entry> {
        self.sessions.get_mut(index(id)).filter(|entry| entry.generation == id.0 >> 20)
    }

    pub(super) fn sink(&self, id: SinkId) -> Option<&Sink> {
        self.entry(id.session)?.downlink.as_ref()?.sinks.get(usize::from(id.place))
    }

    pub(super) fn sink_mut(&mut self, id: SinkId) -> Option<&mut Sink> {
        self.entry_mut(id.session)?.downlink.as_mut()?.sinks.get_mut(usize::from(id.place))
    }

    pub(super) fn line(&self, session: SessionId, mid: &str, fits: impl Fn(&Line) -> bool) -> Option<Line> {
        let lines = self.entry(session)?.session.lines();
        lines.iter().find(|line| &*line.mid == mid && fits(line)).cloned()
    }

    /// The only way to a session: what it has to say afterwards is collected, its deadline noted.
    pub(super) fn touch<T>(
        &mut self,
        id: SessionId,
        departures: &mut Departures,
        act: impl FnOnce(&mut Session, &mut Drained<'_>) -> T,
    ) -> Option<T> {
        let entry = self.sessions.get_mut(index(id)).filter(|entry| entry.generation == id.0 >> 20)?;
        let mut drained = Drained { departures, ways: &mut self.ways, events: &mut self.events };
        let result = act(&mut entry.session, &mut drained);
        self.note_deadline(id);
        Some(result)
    }

    pub(super) fn note_deadline(&mut self, id: SessionId) {
        let Some(entry) = self.sessions.get_mut(index(id)) else { return };
        let is_waited_for = !entry.is_connected || entry.is_doubted;
        let connect_by = (is_waited_for && !entry.session.is_over()).then_some(entry.connect_by);
        let downlink = entry.downlink.as_ref().and_then(|downlink| downlink.deadline());
        let wanted = [entry.session.deadline(), downlink, connect_by].into_iter().flatten().min();
        if let Some(wanted) = wanted.filter(|wanted| entry.queued.is_none_or(|queued| *wanted < queued)) {
            entry.queued = Some(wanted);
            self.deadlines.push(wanted, id);
        }
    }

    /// Drops a session with its tracks and sinks.
    pub(super) fn forget(&mut self, id: SessionId) {
        let Some(entry) = self.entry(id) else { return };
        for track in entry.tracks.clone() {
            self.unbind_track(track);
        }
        let downlink = self.entry_mut(id).and_then(|entry| entry.downlink.take());
        for track in downlink.iter().flat_map(|downlink| &downlink.sinks).filter_map(|sink| sink.track) {
            if let Some(track) = self.tracks.get_mut(&track) {
                track.sinks.retain(|sink| sink.session != id);
            }
        }
        self.sessions.remove(index(id));
        self.counters.sessions_over += 1;
    }
}

impl Entry {
    /// The engine has lost its peer. True if nothing has come from that lately: it is looked at again when nothing would have.
    pub(super) fn lose(&mut self, now: Instant) -> bool {
        let is_lost = now.saturating_duration_since(self.heard_at) >= HEARD_WITHIN;
        (self.is_doubted, self.is_connected) = (!is_lost, !is_lost && self.is_connected);
        self.connect_by = if is_lost { now + CONNECT_WITHIN } else { self.heard_at + HEARD_WITHIN };
        is_lost
    }

    /// One of a publisher's tracks is over. Gives what is to be said of a line that carries none any more.
    pub(super) fn forget_track(&mut self, id: TrackId) -> Option<LineCondition> {
        self.tracks.retain(|known| *known != id);
        if self.tracks.is_empty() { self.said.forget() } else { None }
    }

    /// Its viewer may have offered parity that it did not take before, or offer it no more.
    pub(super) fn let_protect(&mut self) {
        for sink in self.downlink.iter_mut().flat_map(|downlink| &mut downlink.sinks) {
            self.session.let_protect(sink.mid, &mut sink.stream);
        }
    }

    /// The handshake is done: what is ours to send can be sealed.
    pub(super) fn open_downlink(&mut self, now: Instant, id: SessionId) {
        let (Some(downlink), Some(keys)) = (&mut self.downlink, self.session.take_keys()) else { return };
        let keys = srtp::derive(&crypto::from_feature_flags(), keys.profile, &keys.material, keys.is_client);
        if let (Some(keys), Some(path)) = (keys, self.session.path()) {
            downlink.open(now, id, path, keys, self.session.cname());
        }
    }
}
