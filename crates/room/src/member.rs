//! Who is in the room: how members come, what they are told of it, and how they go.

use std::collections::BTreeMap;
use std::time::Instant;

use media::TrunkId;
use signaling::client::Connection;
use signaling::{
    CloseReason, Feed, LineCondition, Member, MemberId, Private, Refusal, RefusalCode, RequestId, Role, ServerMessage,
    SiteId, limit,
};

use crate::annex::Petition;
use crate::client::Client;
use crate::entitlement::{Standing, belongs_to_site};
use crate::input::Grants;
use crate::moderation::Knock;
use crate::returning::Absent;
use crate::room::{Answered, refused};
use crate::{ClientId, Door, Outbox, Room};

/// Who has asked for something, and with what `id`: the answer names it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) member: MemberId,
    pub(crate) re: Option<RequestId>,
}

/// A member in the room.
#[derive(Debug)]
pub(crate) struct Present {
    pub(crate) member: Member,
    pub(crate) standing: Standing,
    /// What its token said it was when it came.
    pub(crate) origin: (Role, Option<SiteId>),
    pub(crate) whereabouts: Whereabouts,
    /// Its token's subject, where it is known.
    pub(crate) subject: Option<Private<String>>,
    /// Its lines, towards the server and from it, where they are not good.
    pub(crate) lines: BTreeMap<Connection, LineCondition>,
}

/// Where a member's clients are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    /// In this room: whose they are and how they came.
    Here(Private<String>, Door),
    /// In an annex of this room.
    Annex(TrunkId),
    /// In the home of this annex.
    Home,
}

impl Present {
    /// A member whose clients are elsewhere.
    pub(crate) fn elsewhere(member: Member, whereabouts: Whereabouts, subject: Option<Private<String>>) -> Self {
        let standing = Standing { role: member.role, site: member.site.clone(), grants: Grants::default() };
        let origin = (member.role, member.site.clone());
        Self { member, standing, origin, whereabouts, subject, lines: BTreeMap::new() }
    }

    /// Anybody of the audience, and nobody: what it may know everybody of the audience may.
    pub(crate) fn of_audience() -> Self {
        let nobody = Member::new(MemberId(0), Private::new(String::new()), Role::Trainee, None);
        Self::elsewhere(nobody, Whereabouts::Home, None)
    }

    /// True for a member whose clients are in this room.
    pub(crate) fn is_here(&self) -> bool {
        matches!(self.whereabouts, Whereabouts::Here(..))
    }

    /// True for a role that publishes for a site.
    pub(crate) fn role(&self) -> Role {
        self.member.role
    }
}

impl Room {
    pub(crate) fn join(&mut self, now: Instant, knock: Knock, out: &mut Outbox) {
        if let Some(absent) = self.take_back(now, &knock, out) {
            self.come_back(knock, absent, out);
            return;
        }
        let standing = Standing::of(&knock.identity);
        let is_known =
            || self.members.values().any(|present| present.subject.as_ref() == Some(&knock.identity.subject));
        let admitted = self.admit(&standing, None).and_then(|()| match self.policy.locked && !is_known() {
            true => Err(Refusal::new(RefusalCode::RoomLocked, "A lead has locked this room.")),
            false => Ok(()),
        });
        if let Err(refusal) = admitted {
            out.say(knock.client, refused(knock.re, refusal));
            out.close(knock.client, CloseReason::Refused);
        } else if self.must_wait(&standing, &knock.identity.subject) {
            self.wait_at_door(knock, out);
        } else {
            self.come_in(knock, standing, out);
        }
    }

    /// Somebody is the member again that it was.
    fn come_back(&mut self, knock: Knock, absent: Absent, out: &mut Outbox) {
        let Knock { client, re, identity, door, .. } = knock;
        let Member { role, site, .. } = &absent.member;
        let standing = Standing { role: *role, site: site.clone(), grants: identity.grants };
        if let Err(refusal) = self.admit(&standing, None) {
            out.say(client, refused(re, refusal));
            out.close(client, CloseReason::Refused);
            return;
        }
        let (id, whereabouts) = (absent.member.id, Whereabouts::Here(identity.subject.clone(), door));
        self.enter((absent.member, absent.origin), standing, whereabouts, identity.subject, out);
        self.greet(client, re, id, door, out);
        if let Some(client) = self.clients.get_mut(&client) {
            client.former = absent.published;
        }
    }

    fn come_in(&mut self, knock: Knock, standing: Standing, out: &mut Outbox) {
        let Knock { client, re, identity, door, .. } = knock;
        let whereabouts = Whereabouts::Here(identity.subject.clone(), door);
        let known = self.members.values().find(|present| {
            door != Door::WebSocket && present.whereabouts == whereabouts && present.standing == standing
        });
        let known = known.map(|present| present.member.id);
        let number = known.or_else(|| self.member_number(out).map(MemberId));
        let Some(id) = number else {
            let refusal = Refusal::new(RefusalCode::AtCapacity, "Too many come at once; try again.");
            out.say(client, refused(re, refusal));
            out.close(client, CloseReason::Refused);
            return;
        };
        if known.is_none() {
            let member = Member::new(id, identity.name, standing.role, standing.site.clone());
            let origin = (standing.role, standing.site.clone());
            self.enter((member, origin), standing, whereabouts, identity.subject, out);
        }
        self.greet(client, re, id, door, out);
    }

    /// Somebody comes in whom a lead has admitted.
    pub(crate) fn enter_admitted(&mut self, member: Member, knock: Knock, out: &mut Outbox) {
        let Knock { client, re, identity, door, .. } = knock;
        let (standing, id) = (Standing::of(&identity), member.id);
        if let Err(refusal) = self.admit(&standing, None) {
            out.say(client, refused(re, refusal));
            out.close(client, CloseReason::Refused);
            return;
        }
        let whereabouts = Whereabouts::Here(identity.subject.clone(), door);
        let origin = (standing.role, standing.site.clone());
        self.enter((member, origin), standing, whereabouts, identity.subject, out);
        self.greet(client, re, id, door, out);
    }

    /// A client is a member now, and is told of everything.
    fn greet(&mut self, client: ClientId, re: Option<RequestId>, member: MemberId, door: Door, out: &mut Outbox) {
        self.clients.insert(client, Client::new(member, door));
        let joined = self.joined(re, member);
        out.say(client, joined);
        if door == Door::WebSocket && !self.speaking.is_empty() {
            self.tell_speaking(client, out);
        }
        if door == Door::WebSocket {
            self.tell_lines(client, out);
        }
    }

    /// A member by its number, which is there.
    pub(crate) fn member_mut(&mut self, id: MemberId) -> &mut Member {
        &mut self.members.get_mut(&id).expect("it was looked for before").member
    }

    /// Right where the room has a place for whoever stands so, once the one that it `replaces` is no more.
    pub(crate) fn admit(&self, standing: &Standing, replaces: Option<MemberId>) -> Answered {
        let Some(site) = &standing.site else {
            return if belongs_to_site(standing.role) {
                let sentence =
                    format!("The role {} belongs to a site; its token must name one.", standing.role.as_str());
                Err(Refusal::new(RefusalCode::SiteRequired, sentence))
            } else {
                Ok(())
            };
        };
        let mut sites: Vec<&SiteId> = self
            .members
            .values()
            .filter(|present| Some(present.member.id) != replaces)
            .filter_map(|present| present.member.site.as_ref())
            .collect();
        sites.push(site);
        sites.sort();
        sites.dedup();
        if sites.len() > limit::SITES_PER_ROOM {
            let sentence = format!("A room has at most {} sites.", limit::SITES_PER_ROOM);
            return Err(Refusal::new(RefusalCode::TooManySites, sentence));
        }
        Ok(())
    }

    fn enter(
        &mut self,
        (member, origin): (Member, (Role, Option<SiteId>)),
        standing: Standing,
        whereabouts: Whereabouts,
        subject: Private<String>,
        out: &mut Outbox,
    ) {
        if self.is_annex() {
            out.petitions.push(Petition::Entered(member.clone(), subject.clone()));
        }
        let is_web = matches!(whereabouts, Whereabouts::Here(_, Door::WebSocket));
        let kept = Some(subject.clone()).filter(|_| is_web);
        let (subject, lines) = (Some(subject), BTreeMap::new());
        self.add_present(Present { member, standing, origin, whereabouts, subject, lines }, out);
        if let Some(noted) = out.noted.last_mut() {
            noted.subject = kept;
        }
    }

    /// A member came.
    pub(crate) fn add_present(&mut self, present: Present, out: &mut Outbox) {
        let whole = ServerMessage::Entered { member: present.member.clone() };
        let member = present.member.clone();
        let for_one = |other: &Present, _: &ServerMessage| {
            let known = self.may_know(&other.standing, &member).then(|| other.standing.known(&member))?;
            Some(ServerMessage::Entered { member: known })
        };
        self.tell_each(None, whole, for_one, out);
        self.members.insert(present.member.id, present);
    }

    pub(crate) fn remove_member(&mut self, member: MemberId, out: &mut Outbox) {
        let Some(present) = self.members.remove(&member) else { return };
        let for_one = |other: &Present, whole: &ServerMessage| {
            self.may_know(&other.standing, &present.member).then(|| whole.clone())
        };
        self.tell_each(self.leaving, ServerMessage::Left { member, re: None }, for_one, out);
        self.leave_calls(member, out);
    }

    pub(crate) fn joined(&self, re: Option<RequestId>, member: MemberId) -> ServerMessage {
        let present = &self.members[&member];
        let standing = &present.standing;
        let known = self.members.values().map(|other| &other.member);
        let known = known.filter(|other| other.id == member || self.may_know(standing, other));
        // Of itself everybody knows everything.
        let known = known.map(|other| if other.id == member { other.clone() } else { standing.known(other) });
        let feeds = self.feeds.values().map(|feed| &feed.what).filter(|feed| self.may_see(standing, feed));
        let mut feeds: Vec<Feed> = feeds.cloned().collect();
        feeds.sort_by_key(|feed| (feed.site.is_none(), feed.site.clone(), place_of(feed), feed.id));
        let voices = self.voices.values().map(|voice| &voice.what);
        let is_lead = present.role() == Role::Lead;
        ServerMessage::Joined {
            re,
            version: signaling::VERSION,
            room: self.id.clone(),
            kind: self.kind,
            you: present.member.clone(),
            members: known.collect(),
            feeds,
            voices: voices.filter(|voice| self.may_know_voice(standing, voice)).cloned().collect(),
            policy: self.policy.clone(),
            programme: self.programme_of(present),
            said: self.said_before(present),
            questions: self.questions_of(present),
            calls: self.calls_of(present),
            waiting: self.waiting.values().filter(|_| is_lead).map(|waiter| waiter.member.clone()).collect(),
        }
    }

    /// Lets a client go, with everything that it had open; the member goes with its last client.
    pub(crate) fn leave(&mut self, now: Instant, client: ClientId, reason: CloseReason, out: &mut Outbox) {
        let Some(gone) = self.clients.remove(&client) else {
            self.stop_waiting(client, reason, out);
            return;
        };
        if let Some(publishing) = gone.publishing {
            self.unpublish_all(now, &publishing, out);
            self.end_session(now, publishing.session, out);
        }
        if let Some(receiving) = gone.receiving {
            self.end_session(now, receiving.session, out);
        }
        out.say(client, ServerMessage::Closed { reason });
        out.close(client, reason);
        if self.clients.values().any(|other| other.member == gone.member) {
            return;
        }
        if self.is_annex() {
            out.petitions.push(Petition::Left(gone.member));
        }
        self.remove_member(gone.member, out);
    }

    /// A client's connection is lost: unless its member has another, it may come back.
    pub(crate) fn lose(&mut self, now: Instant, client: ClientId, reason: CloseReason, out: &mut Outbox) {
        if let Some(member) = self.clients.get(&client).map(|client| client.member) {
            let published = self.published_by(client);
            self.remember(now, member, published);
        }
        self.leave(now, client, reason, out);
    }

    /// What a client publishes is over.
    pub(crate) fn end_publishing(&mut self, now: Instant, client: ClientId, out: &mut Outbox) {
        let publishing = self.clients.get_mut(&client).and_then(|client| client.publishing.take());
        if let Some(publishing) = publishing {
            self.unpublish_all(now, &publishing, out);
            out.say(client, ServerMessage::Disconnected { connection: Connection::Publish });
            self.end_session(now, publishing.session, out);
        }
    }
}

/// Where a feed stands among those of its site.
fn place_of(feed: &Feed) -> usize {
    signaling::FeedKind::ALL.iter().position(|kind| *kind == feed.kind).unwrap_or(usize::MAX)
}
