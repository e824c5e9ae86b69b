//! The room: its one verb, and what it holds.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use media::{Local, News, Router, RouterConfig, SessionId, Size, ThumbnailNews, TrackId, TrunkId, Way};
use signaling::client::Connection;
use signaling::{
    ClientMessage, CloseReason, Feed, FeedId, MemberId, Policy, Private, Programme, Refusal, RefusalCode, RequestId,
    RoomId, RoomKind, ServerMessage, SiteId, Voice, VoiceId,
};

use crate::annex::{Annex, Petition};
use crate::client::Client;
use crate::entitlement::Standing;
use crate::line::Lines;
use crate::member::{Asked, Present};
use crate::moderation::{Knock, Waiter};
use crate::outbox::{Closing, Outgoing, Route};
use crate::permission::Act;
use crate::playout::longest_delay;
use crate::policy::policy_of;
use crate::request::Request;
use crate::returning::Absent;
use crate::talk::Ringing;
use crate::text::Texts;
use crate::{ClientId, Door, Input, Outbox, Tapping};

/// What a room is made with.
#[derive(Debug, Clone)]
pub struct RoomConfig {
    /// Its identifier.
    pub id: RoomId,
    /// What it is for.
    pub kind: RoomKind,
    /// Time since 1970-01-01 UTC at the `now` that the room is made with: its only wall clock.
    pub since_1970: Duration,
    /// The server's side of its sessions.
    pub local: Arc<Local>,
    /// The longest that the server lets viewers of any room hold pictures back, where lines lose and jitter. Its kind may allow
    /// this one less.
    pub playout_delay_most: Duration,
}

/// One consultation as one value.
#[derive(Debug)]
pub struct Room {
    pub(crate) id: RoomId,
    pub(crate) kind: RoomKind,
    /// The server's bound, whatever the kind allows.
    pub(crate) playout_delay_most: Duration,
    pub(crate) router: Router,
    pub(crate) clients: BTreeMap<ClientId, Client>,
    pub(crate) members: BTreeMap<MemberId, Present>,
    pub(crate) feeds: BTreeMap<FeedId, Published<Feed>>,
    pub(crate) voices: BTreeMap<VoiceId, Published<Voice>>,
    pub(crate) sessions: HashMap<SessionId, ClientId>,
    pub(crate) speaking: Vec<VoiceId>,
    pub(crate) listen_at: Option<Instant>,
    pub(crate) lines: Lines,
    pub(crate) policy: Policy,
    pub(crate) programme: Programme,
    /// The site of the feed that the programme shows, if it has one.
    pub(crate) programme_site: Option<SiteId>,
    /// Who of the panel spoke last and shows a face.
    pub(crate) last_speaker: Option<MemberId>,
    pub(crate) calls: Vec<Ringing>,
    pub(crate) texts: Texts,
    /// Who waits at the door.
    pub(crate) waiting: BTreeMap<MemberId, Waiter>,
    /// The subjects that leads have sent out.
    pub(crate) removed: HashSet<Private<String>>,
    /// Who is sending somebody out just now.
    pub(crate) leaving: Option<Asked>,
    /// Those that may come back.
    pub(crate) absent: BTreeMap<MemberId, Absent>,
    /// A lead has ended it.
    pub(crate) is_ended: bool,
    pub(crate) news: Vec<News>,
    pub(crate) last_id: u32,
    /// When it was made, by both clocks.
    pub(crate) began: Instant,
    pub(crate) since_1970: Duration,
    /// The journal's.
    pub(crate) last_entry: u64,
    /// Where more of the audience is.
    pub(crate) annexes: BTreeSet<TrunkId>,
    /// None in a home.
    pub(crate) annex: Option<Annex>,
}

/// A feed or a voice with the track that brings it.
#[derive(Debug, Clone)]
pub struct Published<T> {
    pub(crate) what: T,
    pub(crate) track: TrackId,
}

/// What a client asked for was refused, or it has been answered already.
pub(crate) type Answered = Result<(), Refusal>;

impl Room {
    /// An empty room.
    pub fn new(now: Instant, config: RoomConfig) -> Self {
        let RoomConfig { id, kind, since_1970, local, playout_delay_most } = config;
        let longest = longest_delay(kind, playout_delay_most);
        Self {
            id,
            kind,
            playout_delay_most,
            router: Router::new(now, RouterConfig { since_1970, local, playout_delay_most: longest }),
            clients: BTreeMap::new(),
            members: BTreeMap::new(),
            feeds: BTreeMap::new(),
            voices: BTreeMap::new(),
            sessions: HashMap::new(),
            speaking: Vec::new(),
            listen_at: None,
            news: Vec::new(),
            last_id: 0,
            began: now,
            since_1970,
            last_entry: 0,
            lines: Lines::new(),
            policy: policy_of(kind),
            programme: Programme::default(),
            programme_site: None,
            last_speaker: None,
            calls: Vec::new(),
            texts: Texts::default(),
            waiting: BTreeMap::new(),
            removed: HashSet::new(),
            leaving: None,
            absent: BTreeMap::new(),
            is_ended: false,
            annexes: BTreeSet::new(),
            annex: None,
        }
    }

    /// The only way in: applies one input at `now` and appends every consequence to `out`.
    pub fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Outbox) {
        let Some(input) = self.wait(input, out) else { return };
        match input {
            Input::Joined { client, re, identity, door, returns } => {
                self.join(now, Knock { client, re, identity, door, returns }, out);
            }
            Input::Message { client, request } => self.message(now, client, *request, out),
            Input::Left { client, reason } => self.lose(now, client, reason, out),
            Input::Burst(datagrams) => {
                self.router.burst(now, datagrams, &mut out.departures, &mut self.news);
            }
            Input::Held { session, peer, is_held } => {
                self.router.hold(now, (session, peer), is_held, &mut out.departures, &mut self.news);
            }
            Input::Tick => {
                self.router.tick(now, &mut out.departures, &mut self.news);
                self.listen(now, out);
                self.end_old_calls(now, out);
                self.forget_absent(now);
            }
            Input::Petition(from, petition) => self.petition(now, from, petition, out),
            Input::Dispatch(dispatch) => self.hear(now, dispatch, out),
            Input::Refused(by, excerpts) => {
                excerpts.iter().for_each(|excerpt| self.router.hand_on_again(now, by, excerpt));
            }
            Input::Tap(tap, tapping) => self.tap(now, tap, tapping),
            Input::Thumbnail(track, picture) => {
                self.router.take_thumbnail(now, track, &picture, &mut out.departures, &mut self.news);
            }
            Input::Shutdown => {
                self.stop_all_waiting(None, CloseReason::ShuttingDown, out);
                for client in self.clients.keys().copied().collect::<Vec<_>>() {
                    self.lose(now, client, CloseReason::ShuttingDown, out);
                }
            }
        }
        self.follow_news(now, out);
        self.hand_on(out);
        self.keep_journal(now, out);
    }

    /// When the room wants [`Input::Tick`] if nothing else happens first.
    pub fn deadline(&self) -> Option<Instant> {
        [self.router.deadline(), self.listen_at, self.calls_deadline()].into_iter().flatten().min()
    }

    /// True while some of the audience has still to be sent what has come.
    pub fn is_serving(&self) -> bool {
        self.router.is_serving()
    }

    /// True when a lead has ended it.
    pub fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// True when nobody is in the room; the server may drop it.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty() && self.waiting.is_empty() && self.annexes.is_empty()
    }

    /// When something last came from a client's peer by any of its connections, or when the latest was opened; none
    /// where it has none.
    pub fn heard_at(&self, client: ClientId) -> Option<Instant> {
        let client = self.clients.get(&client)?;
        let sessions = [Connection::Publish, Connection::Receive].map(|connection| client.session(connection));
        sessions.into_iter().flatten().filter_map(|session| self.router.heard_at(session)).max()
    }

    pub(crate) fn next_id(&mut self) -> u32 {
        self.last_id = self.last_id.wrapping_add(1);
        self.last_id
    }

    fn message(&mut self, now: Instant, client: ClientId, request: Request, out: &mut Outbox) {
        let Request { re, message, offer } = request;
        let Some(member) = self.clients.get(&client).map(|client| client.member) else {
            if self.waiting.values().any(|waiter| waiter.is_of(client)) {
                self.answer_at_door(now, client, re, &message, out);
            }
            return;
        };
        if let Some(act) = Act::of(&message)
            && !self.is_annex()
            && !self.members[&member].standing.may(act)
        {
            let sentence = format!("The role {} may not do this.", self.members[&member].role().as_str());
            out.say(client, refused(re, Refusal::new(RefusalCode::NotAllowed, sentence)));
            return;
        }
        let offer = || offer.expect("a request has read the offer of its message");
        let answered = match message {
            ClientMessage::Publish { feeds, voice, .. } => self.publish(now, client, re, offer(), feeds, voice, out),
            ClientMessage::Receive { slots, voices, .. } => self.receive(now, client, re, offer(), slots, voices, out),
            ClientMessage::Watch { slot, choice } => self.watch(now, client, re, slot, choice, out),
            ClientMessage::Resize { slot, width, height } => {
                self.resize(now, client, slot, Size { width, height }, out)
            }
            ClientMessage::NoteAges { ages } => {
                self.note_ages(now, client, &ages);
                Ok(())
            }
            ClientMessage::MuteVoice { muted } => self.mute_voice(client, re, muted, out),
            ClientMessage::MuteFeed { feed, muted } => self.mute_feed(client, re, feed, muted, out),
            ClientMessage::Candidate { connection, candidate } => {
                self.candidate(now, client, connection, &candidate, out)
            }
            ClientMessage::Leave {} => {
                self.leaving = Some(Asked { member, re });
                self.leave(now, client, CloseReason::Left, out);
                self.leaving = None;
                Ok(())
            }
            ClientMessage::Join { .. } => {
                Err(Refusal::new(RefusalCode::AlreadyJoined, "This client is in the room already."))
            }
            // The server answers pings itself: it owns the wall clock.
            ClientMessage::Ping { .. } => Ok(()),
            message if self.is_annex() => {
                out.petitions.push(Petition::Said(member, re, Box::new(message)));
                Ok(())
            }
            message => self.act(now, Asked { member, re }, message, out),
        };
        if let Err(refusal) = answered {
            out.say(client, refused(re, refusal));
        }
    }

    fn tap(&mut self, now: Instant, tap: TrunkId, tapping: Tapping) {
        match tapping {
            Tapping::Open(track) => self.router.open_tap(now, tap, track),
            Tapping::GiveUp(excerpts) => {
                excerpts.iter().for_each(|excerpt| self.router.give_up(now, tap, excerpt));
            }
            Tapping::Close => self.router.close_trunk(tap),
        }
    }

    fn candidate(
        &mut self,
        now: Instant,
        client: ClientId,
        connection: Connection,
        candidate: &str,
        out: &mut Outbox,
    ) -> Answered {
        let session = self.clients[&client].session(connection);
        let session =
            session.ok_or_else(|| Refusal::new(RefusalCode::UnknownSession, "This connection was never offered."))?;
        if candidate.is_empty() {
            return Ok(());
        }
        self.router
            .add_candidate(now, session, candidate, &mut out.departures, &mut self.news)
            .map_err(|error| Refusal::new(RefusalCode::BadCandidate, error.to_string()))
    }

    /// Ends a session that its client no longer needs.
    pub(crate) fn end_session(&mut self, now: Instant, session: SessionId, out: &mut Outbox) {
        self.router.close(now, session, &mut out.departures);
        self.sessions.remove(&session);
        self.forget_line(session, out);
        out.routes.push(Route::Over(session));
    }

    /// The WebSocket clients whose member stands so.
    pub(crate) fn hearers(&self, stands: impl Fn(&Standing) -> bool) -> Vec<ClientId> {
        self.clients
            .iter()
            .filter(|(_, client)| client.door == Door::WebSocket)
            .filter(|(_, client)| stands(&self.members[&client.member].standing))
            .map(|(id, _)| *id)
            .collect()
    }

    fn follow_news(&mut self, now: Instant, out: &mut Outbox) {
        let mut news = std::mem::take(&mut self.news);
        while !news.is_empty() {
            for item in news.drain(..) {
                self.follow(now, item, out);
            }
            std::mem::swap(&mut news, &mut self.news);
        }
        self.news = news;
    }

    fn follow(&mut self, now: Instant, news: News, out: &mut Outbox) {
        match news {
            News::Way(session, Way::Ufrag(ufrag)) => out.routes.push(Route::Ufrag(ufrag, session)),
            News::Way(session, Way::Address(protocol, address)) => {
                out.routes.push(Route::Address(protocol, address, session));
            }
            News::Connected(session) => tracing::debug!(room = %self.id, session = session.0, "session connected"),
            News::Disconnected(session) => self.tell_disconnected(session, out),
            News::Over(session) => self.session_over(now, session, out),
            News::Started(track, encoding) => self.feed_started(track, encoding, out),
            News::Faulted(track, fault) => self.feed_faulted(now, track, fault, out),
            News::NoCommonCodec(sink) => self.no_common_codec(sink, out),
            News::Waiting(sink, wait) => self.slot_waits(sink, wait, out),
            News::Line(session, condition) => self.line_changed(session, condition, out),
            News::Wanted(track, is_wanted) => out.petitions.push(Petition::Wanted(track, is_wanted)),
            News::Watched(track, layers) => self.layers_watched(track, layers, out),
            News::Thumbnail(track, news) if self.is_annex() => {
                out.petitions.push(Petition::Thumbnail(track, news == ThumbnailNews::Begin));
            }
            News::Thumbnail(track, news) => self.thumbnail_changed(track, news, out),
            News::KeyframeWanted(track, ssrc, whom) => {
                out.petitions.push(Petition::KeyframeWanted(track, ssrc, whom));
            }
        }
    }

    fn tell_disconnected(&self, session: SessionId, out: &mut Outbox) {
        let Some(id) = self.sessions.get(&session) else { return };
        let client = &self.clients[id];
        if let Some(connection) = client.connection(session).filter(|_| client.door == Door::WebSocket) {
            out.say(*id, ServerMessage::Disconnected { connection });
        }
    }

    /// A session died: a WHIP or WHEP client with it, a WebSocket's connection is to be offered anew.
    fn session_over(&mut self, now: Instant, session: SessionId, out: &mut Outbox) {
        tracing::info!(room = %self.id, session = session.0, "session over");
        out.routes.push(Route::Over(session));
        self.tell_disconnected(session, out);
        self.forget_line(session, out);
        let Some(id) = self.sessions.remove(&session) else { return };
        let Some(client) = self.clients.get_mut(&id) else { return };
        if client.door != Door::WebSocket {
            self.leave(now, id, CloseReason::TimedOut, out);
            return;
        }
        match client.connection(session) {
            Some(Connection::Publish) => {
                if let Some(publishing) = client.publishing.take() {
                    self.unpublish_all(now, &publishing, out);
                }
            }
            Some(Connection::Receive) => client.receiving = None,
            None => {}
        }
    }
}

pub(crate) fn refused(re: Option<RequestId>, refusal: Refusal) -> ServerMessage {
    ServerMessage::Refused { re, code: refusal.code, message: refusal.message }
}

impl Outbox {
    pub(crate) fn say(&mut self, client: ClientId, message: ServerMessage) {
        self.messages.push(Outgoing { client, message });
    }

    pub(crate) fn close(&mut self, client: ClientId, reason: CloseReason) {
        self.closed.push(Closing { client, reason });
    }
}
