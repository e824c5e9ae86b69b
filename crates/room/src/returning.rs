//! Coming back: who has lost its connection, or the server, is the same member again, with all that it was; and a room that was
//! on a server that was killed is the same room again, by its journal.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use signaling::policy::Shown;
use signaling::{
    CloseReason, Feed, FeedChoice, FeedId, Member, MemberId, Policy, Private, Programme, Question, Role, Said,
    ServerMessage, SiteId, VoiceId, limit,
};

use crate::entitlement::Standing;
use crate::journal::Entry;
use crate::member::{Present, Whereabouts};
use crate::moderation::Knock;
use crate::policy::policy_of;
use crate::text::Texts;
use crate::{ClientId, Door, Outbox, Room, RoomConfig};

/// So long it is remembered what a member was that has not said `leave`.
pub const REMEMBERED: Duration = Duration::from_secs(15 * 60);

/// A member that may come back.
#[derive(Debug, Clone)]
pub(crate) struct Absent {
    pub(crate) member: Member,
    pub(crate) subject: Private<String>,
    /// What its token said it was when it came.
    pub(crate) origin: (Role, Option<SiteId>),
    pub(crate) published: Former,
    until: Instant,
}

/// What a member published before: published again, it is the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Former {
    feeds: Vec<Feed>,
    voice: Option<VoiceId>,
}

/// What a room remembers beside its connections: the same for a room and for what its journal makes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory {
    /// Who may do what.
    pub policy: Policy,
    /// What the audience sees.
    pub programme: Programme,
    /// Those that are in the room by a WebSocket, and those that may come back.
    pub members: Vec<Member>,
    /// What was said in text.
    pub said: Vec<Said>,
    /// What was asked.
    pub questions: Vec<Question>,
}

impl Former {
    /// The identifier of what was the same feed; it is nobody else's from now on.
    pub(crate) fn take_feed(&mut self, like: impl Fn(&Feed) -> bool) -> Option<FeedId> {
        let place = self.feeds.iter().position(like)?;
        Some(self.feeds.swap_remove(place).id)
    }

    pub(crate) fn take_voice(&mut self) -> Option<VoiceId> {
        self.voice.take()
    }

    fn note_feed(&mut self, feed: Feed) {
        self.feeds.retain(|known| known.id != feed.id && (known.kind, &known.label) != (feed.kind, &feed.label));
        self.feeds.push(feed);
        if self.feeds.len() > limit::FEEDS_PER_SITE * 2 {
            self.feeds.remove(0);
        }
    }
}

impl Room {
    /// The member that somebody is again who was in the room before; a client that is still there in its place is let go.
    pub(crate) fn take_back(&mut self, now: Instant, knock: &Knock, out: &mut Outbox) -> Option<Absent> {
        let id = knock.returns.filter(|_| knock.door == Door::WebSocket)?;
        // Whoever was sent out waits at the door, whichever member it says that it was.
        if self.removed.contains(&knock.identity.subject) {
            return None;
        }
        let is_his = |present: &&Present| matches!(&present.whereabouts, Whereabouts::Here(subject, Door::WebSocket) if *subject == knock.identity.subject);
        if self.members.get(&id).filter(is_his).is_some() {
            for client in self.clients_of(id) {
                self.lose(now, client, CloseReason::Replaced, out);
            }
        }
        let Standing { role, site, .. } = Standing::of(&knock.identity);
        let is_same =
            |absent: &&Absent| absent.subject == knock.identity.subject && absent.origin == (role, site.clone());
        self.absent.get(&id).filter(is_same)?;
        self.absent.remove(&id)
    }

    /// A member's last connection is lost: it may come back.
    pub(crate) fn remember(&mut self, now: Instant, member: MemberId, published: Former) {
        let Some(present) = self.members.get(&member) else { return };
        let Whereabouts::Here(subject, Door::WebSocket) = &present.whereabouts else { return };
        let absent = Absent {
            member: present.member.clone(),
            subject: subject.clone(),
            origin: present.origin.clone(),
            published,
            until: now + REMEMBERED,
        };
        self.absent.insert(member, absent);
        if self.absent.len() > limit::ABSENT {
            self.absent.pop_first();
        }
    }

    /// Everything that a client publishes, as it may be published again.
    pub(crate) fn published_by(&self, client: ClientId) -> Former {
        let Some(client) = self.clients.get(&client) else { return Former::default() };
        let mut former = client.former.clone();
        if let Some(publishing) = &client.publishing {
            for (_, feed) in &publishing.feeds {
                former.note_feed(self.feeds[feed].what.clone());
            }
            former.voice = publishing.voice.as_ref().map(|(_, voice)| *voice).or(former.voice);
        }
        former
    }

    /// Forgets who has been away for too long.
    pub(crate) fn forget_absent(&mut self, now: Instant) {
        self.absent.retain(|_, absent| absent.until > now);
    }

    /// True while somebody of the panel or of a site may come back: a room that is empty but for that is not over.
    pub fn is_expecting(&self) -> bool {
        self.absent.values().any(|absent| absent.member.role != Role::Trainee)
    }

    /// What it remembers.
    pub fn memory(&self) -> Memory {
        let comes_back = |present: &&Present| matches!(present.whereabouts, Whereabouts::Here(_, Door::WebSocket));
        let present = self.members.values().filter(comes_back).map(|present| &present.member);
        let mut members: BTreeMap<MemberId, Member> = present.map(|member| (member.id, member.clone())).collect();
        members.extend(self.absent.iter().map(|(id, absent)| (*id, absent.member.clone())));
        Memory {
            policy: self.policy.clone(),
            programme: self.programme.clone(),
            members: members.into_values().collect(),
            said: self.texts.said().cloned().collect(),
            questions: self.texts.questions().to_vec(),
        }
    }

    /// The room that this journal is of, as it was when the last entry was made, without anybody in it. What was there is said to
    /// be over in `out`. None if it had been ended.
    pub fn restored(now: Instant, config: RoomConfig, journal: Vec<Entry>, out: &mut Outbox) -> Option<Self> {
        let mut fold = Fold::new(policy_of(config.kind));
        let last_entry = journal.last().map_or(0, |entry| entry.number);
        for entry in journal {
            fold.follow(entry);
        }
        if fold.is_ended {
            return None;
        }
        let mut room = Self::new(now, config);
        (room.policy, room.programme, room.programme_site) = (fold.policy, fold.programme, fold.programme_site);
        (room.texts, room.removed) = (fold.texts, fold.removed);
        (room.last_entry, room.last_id) = (last_entry, fold.last_id);
        for (feed, _) in fold.feeds {
            out.note(ServerMessage::FeedUnpublished { feed });
        }
        for voice in fold.voices {
            out.note(ServerMessage::VoiceUnpublished { voice });
        }
        for (id, mut former) in fold.members {
            if former.is_there {
                out.note(ServerMessage::Left { member: id, re: None });
            }
            let Some(subject) = former.subject.take().filter(|_| former.is_web) else { continue };
            let Former { feeds, voice } = former.published;
            let absent = Absent {
                member: former.member,
                subject,
                origin: former.origin,
                published: Former { feeds, voice },
                until: now + REMEMBERED,
            };
            room.absent.insert(id, absent);
        }
        while room.absent.len() > limit::ABSENT {
            room.absent.pop_first();
        }
        room.keep_journal(now, out);
        Some(room)
    }
}

/// What a journal says of a room, entry by entry.
struct Fold {
    policy: Policy,
    programme: Programme,
    programme_site: Option<SiteId>,
    texts: Texts,
    members: BTreeMap<MemberId, Known>,
    feeds: BTreeMap<FeedId, Feed>,
    voices: Vec<VoiceId>,
    removed: std::collections::HashSet<Private<String>>,
    last_id: u32,
    is_ended: bool,
}

/// A member that a journal knows.
struct Known {
    member: Member,
    subject: Option<Private<String>>,
    origin: (Role, Option<SiteId>),
    published: Former,
    is_there: bool,
    /// It came by a WebSocket: only such come back.
    is_web: bool,
}

impl Fold {
    fn new(policy: Policy) -> Self {
        Self {
            policy,
            programme: Programme::default(),
            programme_site: None,
            texts: Texts::default(),
            members: BTreeMap::new(),
            feeds: BTreeMap::new(),
            voices: Vec::new(),
            removed: std::collections::HashSet::new(),
            last_id: 0,
            is_ended: false,
        }
    }

    fn follow(&mut self, entry: Entry) {
        let Entry { by, subject, message, .. } = entry;
        match message {
            ServerMessage::Entered { member } => self.enter(member, subject),
            ServerMessage::Left { member, .. } => self.leave(member, by),
            ServerMessage::FeedPublished { feed } => {
                self.note_id(feed.id.0);
                if let Some(known) = self.members.get_mut(&feed.member) {
                    known.published.note_feed(feed.clone());
                }
                self.feeds.insert(feed.id, feed);
            }
            ServerMessage::FeedUnpublished { feed } => drop(self.feeds.remove(&feed)),
            ServerMessage::VoicePublished { voice } => {
                self.note_id(voice.id.0);
                if let Some(known) = self.members.get_mut(&voice.member) {
                    known.published.voice = Some(voice.id);
                }
                if !self.voices.contains(&voice.id) {
                    self.voices.push(voice.id);
                }
            }
            ServerMessage::VoiceUnpublished { voice } => self.voices.retain(|known| *known != voice),
            ServerMessage::Attended { member, sites, .. } => self.change(member, |member| member.attends = sites),
            ServerMessage::VoiceDirected { member, to, .. } => self.change(member, |member| member.speaks_to = to),
            ServerMessage::DutySet { member, duty, .. } => self.change(member, |member| member.duty = duty),
            ServerMessage::HandRaised { member, raised, .. } => self.change(member, |member| member.hand = raised),
            ServerMessage::FloorGiven { member, sites, .. } => self.change(member, |member| member.floor = Some(sites)),
            ServerMessage::FloorTaken { member, .. } => self.change(member, |member| member.floor = None),
            ServerMessage::MemberSilenced { member, silenced, .. } => {
                self.change(member, |member| member.silenced = silenced);
            }
            ServerMessage::Moved { member, .. } => self.change(member.id, |known| *known = member),
            ServerMessage::PolicySet { policy, .. } => self.policy = policy,
            ServerMessage::ProgrammeShown { programme, .. } => {
                self.programme_site = self.site_of(&programme);
                self.programme = programme;
            }
            ServerMessage::Said { said, .. } => self.texts.take_said(said),
            ServerMessage::Asked { question, .. } => {
                self.note_id(question.id.0);
                self.texts.take_question(question);
            }
            ServerMessage::QuestionChanged { question, .. } => self.texts.take_question(question),
            ServerMessage::Called { call, .. } => self.note_id(call.id.0),
            ServerMessage::Knocked { member } => self.note_id(member.id.0),
            ServerMessage::Closed { reason: CloseReason::Ended } => self.is_ended = true,
            // Who waited knocks again, who was called is called again; the rest passes by itself or is of connections.
            _ => {}
        }
    }

    fn enter(&mut self, member: Member, subject: Option<Private<String>>) {
        self.note_id(member.id.0);
        let known = self.members.remove(&member.id);
        let (origin, published) = match known {
            Some(known) => (known.origin, known.published),
            None => ((member.role, member.site.clone()), Former::default()),
        };
        let is_web = subject.is_some();
        self.members.insert(member.id, Known { member, subject, origin, published, is_there: true, is_web });
    }

    fn leave(&mut self, member: MemberId, by: Option<MemberId>) {
        let Some(known) = self.members.get_mut(&member) else { return };
        known.is_there = false;
        match by {
            // Sent out.
            Some(by) if by != member => {
                let known = self.members.remove(&member);
                self.removed.extend(known.and_then(|known| known.subject));
            }
            // Said so itself.
            Some(_) => drop(self.members.remove(&member)),
            None => {}
        }
    }

    fn change(&mut self, member: MemberId, change: impl FnOnce(&mut Member)) {
        if let Some(known) = self.members.get_mut(&member) {
            change(&mut known.member);
        }
    }

    fn site_of(&self, programme: &Programme) -> Option<SiteId> {
        match programme {
            Programme::Shown(Shown { feed: FeedChoice::OfSite(of), .. }) => Some(of.site.clone()),
            Programme::Shown(Shown { feed: FeedChoice::Feed(feed), .. }) => self.feeds.get(feed)?.site.clone(),
            _ => None,
        }
    }

    fn note_id(&mut self, id: u32) {
        self.last_id = self.last_id.max(id);
    }
}
