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
use crate::room::{Answered, refused};
use crate::{ClientId, Door, Identity, Outbox, Room};

/// A member in the room.
#[derive(Debug)]
pub(crate) struct Present {
    pub(crate) member: Member,
    pub(crate) standing: Standing,
    pub(crate) whereabouts: Whereabouts,
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
    pub(crate) fn join(
        &mut self,
        client: ClientId,
        re: Option<RequestId>,
        identity: Identity,
        door: Door,
        out: &mut Outbox,
    ) {
        let standing = Standing::of(&identity);
        if let Err(refusal) = self.admit(&standing) {
            out.say(client, refused(re, refusal));
            out.close(client, CloseReason::Refused);
            return;
        }
        let whereabouts = Whereabouts::Here(identity.subject.clone(), door);
        let known = self.members.values().find(|present| {
            door != Door::WebSocket && present.whereabouts == whereabouts && present.standing == standing
        });
        let known = known.map(|present| present.member.id);
        let Some(member) = known.or_else(|| self.enter(identity, standing, whereabouts, out)) else {
            let refusal = Refusal::new(RefusalCode::AtCapacity, "Too many come at once; try again.");
            out.say(client, refused(re, refusal));
            out.close(client, CloseReason::Refused);
            return;
        };
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

    fn admit(&self, standing: &Standing) -> Answered {
        let Some(site) = &standing.site else {
            return if belongs_to_site(standing.role) {
                let sentence =
                    format!("The role {} belongs to a site; its token must name one.", standing.role.as_str());
                Err(Refusal::new(RefusalCode::SiteRequired, sentence))
            } else {
                Ok(())
            };
        };
        let mut sites: Vec<&SiteId> =
            self.members.values().filter_map(|present| present.member.site.as_ref()).collect();
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
        identity: Identity,
        standing: Standing,
        whereabouts: Whereabouts,
        out: &mut Outbox,
    ) -> Option<MemberId> {
        let id = MemberId(self.member_number(out)?);
        let member = Member { id, name: identity.name, role: standing.role, site: standing.site.clone() };
        if self.is_annex() {
            out.petitions.push(Petition::Entered(member.clone()));
        }
        self.add_present(Present { member, standing, whereabouts, lines: BTreeMap::new() }, out);
        Some(id)
    }

    /// A member came whose clients are elsewhere.
    pub(crate) fn add_member(&mut self, member: Member, whereabouts: Whereabouts, out: &mut Outbox) {
        let standing = Standing { role: member.role, site: member.site.clone(), grants: Grants::default() };
        self.add_present(Present { member, standing, whereabouts, lines: BTreeMap::new() }, out);
    }

    fn add_present(&mut self, present: Present, out: &mut Outbox) {
        let message = ServerMessage::Entered { member: present.member.clone() };
        self.tell(|other| other.may_know(&present.standing), message, out);
        self.members.insert(present.member.id, present);
    }

    pub(crate) fn remove_member(&mut self, member: MemberId, out: &mut Outbox) {
        let Some(present) = self.members.remove(&member) else { return };
        self.tell(|other| other.may_know(&present.standing), ServerMessage::Left { member }, out);
    }

    fn joined(&self, re: Option<RequestId>, member: MemberId) -> ServerMessage {
        let present = &self.members[&member];
        let standing = &present.standing;
        let known = |other: &&Present| other.member.id == member || standing.may_know(&other.standing);
        let mut feeds: Vec<Feed> = self
            .feeds
            .values()
            .filter(|feed| standing.may_perceive(feed.what.site.as_ref()))
            .map(|feed| feed.what.clone())
            .collect();
        feeds.sort_by_key(|feed| (feed.site.is_none(), feed.site.clone(), place_of(feed), feed.id));
        ServerMessage::Joined {
            re,
            version: signaling::VERSION,
            room: self.id.clone(),
            kind: self.kind,
            you: present.member.clone(),
            members: self.members.values().filter(known).map(|other| other.member.clone()).collect(),
            feeds,
            voices: self
                .voices
                .values()
                .filter(|voice| standing.may_perceive(voice.what.site.as_ref()))
                .map(|voice| voice.what.clone())
                .collect(),
        }
    }

    /// Lets a client go, with everything that it had open; the member goes with its last client.
    pub(crate) fn leave(&mut self, now: Instant, client: ClientId, reason: CloseReason, out: &mut Outbox) {
        let Some(gone) = self.clients.remove(&client) else { return };
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
}

/// Where a feed stands among those of its site.
fn place_of(feed: &Feed) -> usize {
    signaling::FeedKind::ALL.iter().position(|kind| *kind == feed.kind).unwrap_or(usize::MAX)
}
