//! Figures of a room, for metrics. Collected once a second, never per packet. Ids only.

use media::{Counters, Rank, SinkReport, TrackReport};
use signaling::{FeedId, FeedKind, MemberId, Role, RoomId, SiteId, VoiceId};

use crate::Room;
use crate::client::Shown;

/// The figures of one room.
#[derive(Debug, Clone)]
pub struct Report {
    /// The room.
    pub room: RoomId,
    /// Members now whose clients are here and not in an annex or the home.
    pub members: usize,
    /// Clients now: WebSockets, WHIP and WHEP sessions.
    pub clients: usize,
    /// Media sessions now.
    pub sessions: usize,
    /// Counts since the room began.
    pub counters: Counters,
    /// Its feeds now.
    pub feeds: Vec<FeedReport>,
    /// Its voices now.
    pub voices: Vec<VoiceReport>,
    /// Its viewers' slots now.
    pub viewers: Vec<ViewerReport>,
}

/// The figures of one feed.
#[derive(Debug, Clone)]
pub struct FeedReport {
    /// Which.
    pub feed: FeedId,
    /// Whose.
    pub site: Option<SiteId>,
    /// What it shows.
    pub kind: FeedKind,
    /// How it comes.
    pub track: TrackReport,
}

/// The figures of one voice.
#[derive(Debug, Clone)]
pub struct VoiceReport {
    /// Which.
    pub voice: VoiceId,
    /// Whose.
    pub site: Option<SiteId>,
    /// How it comes.
    pub track: TrackReport,
}

/// The figures of one viewer's slot.
#[derive(Debug, Clone)]
pub struct ViewerReport {
    /// Who watches.
    pub member: MemberId,
    /// What it is in the room for.
    pub role: Role,
    /// Its site, if it belongs to one.
    pub site: Option<SiteId>,
    /// When it is served.
    pub rank: Rank,
    /// In which slot, from 0.
    pub slot: usize,
    /// What.
    pub feed: Option<FeedId>,
    /// How it goes.
    pub sink: SinkReport,
    /// How old that is on its screen, as the viewer says.
    pub shown: Option<Shown>,
}

impl Room {
    /// Figures for metrics.
    pub fn report(&self) -> Report {
        let router = self.router.report();
        let track = |id| router.tracks.iter().find(|report| report.track == id).cloned();
        // An annex has them from its home, which reports them.
        let own_feeds = self.feeds.values().filter(|_| !self.is_annex());
        let own_voices = self.voices.values().filter(|_| !self.is_annex());
        let feeds = own_feeds.filter_map(|feed| {
            let what = &feed.what;
            Some(FeedReport { feed: what.id, site: what.site.clone(), kind: what.kind, track: track(feed.track)? })
        });
        let voices = own_voices.filter_map(|voice| {
            Some(VoiceReport { voice: voice.what.id, site: voice.what.site.clone(), track: track(voice.track)? })
        });
        // They are in order, and of thousands of viewers each would be looked for among all.
        let sink = |id| {
            let at = router.sinks.binary_search_by_key(&id, |report| report.sink).ok()?;
            Some(router.sinks[at].clone())
        };
        let sink = &sink;
        let viewers = self.clients.values().flat_map(|client| {
            let slots = client.receiving.iter().flat_map(|receiving| receiving.slots.iter().enumerate());
            let standing = &self.members[&client.member].standing;
            slots.filter_map(move |(index, slot)| {
                Some(ViewerReport {
                    member: client.member,
                    role: standing.role,
                    site: standing.site.clone(),
                    rank: standing.rank(),
                    slot: index,
                    feed: slot.feed,
                    sink: sink(slot.sink)?,
                    shown: slot.shown,
                })
            })
        });
        Report {
            room: self.id.clone(),
            members: self.members.values().filter(|present| present.is_here()).count(),
            clients: self.clients.len(),
            sessions: router.sessions,
            counters: router.counters.clone(),
            feeds: feeds.collect(),
            voices: voices.collect(),
            viewers: viewers.collect(),
        }
    }
}
