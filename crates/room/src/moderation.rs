//! What leads do about members: who waits at the door is let in or turned away; who is in is silenced, moved or sent out.

use std::time::Instant;

use media::TrunkId;
use signaling::{
    ClientMessage, CloseReason, Member, MemberId, Private, Refusal, RefusalCode, RequestId, Role, ServerMessage,
    SiteId, limit,
};

use crate::annex::{Dispatch, Petition};
use crate::entitlement::{Standing, belongs_to_site};
use crate::member::{Asked, Present, Whereabouts};
use crate::room::{Answered, refused};
use crate::talk::unknown_member;
use crate::{ClientId, Door, Identity, Outbox, Room};

/// Somebody who waits at the door.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) member: Member,
    place: Place,
}

/// Where somebody waits.
#[derive(Debug)]
enum Place {
    /// Here.
    Here(Box<Knock>),
    /// In an annex, which knows the rest.
    Annex(TrunkId),
}

/// What a client has said to come in.
#[derive(Debug)]
pub(crate) struct Knock {
    pub(crate) client: ClientId,
    pub(crate) re: Option<RequestId>,
    pub(crate) identity: Identity,
    pub(crate) door: Door,
    /// The member that it says it was.
    pub(crate) returns: Option<MemberId>,
}

impl Waiter {
    /// True if it is this client that waits.
    pub(crate) fn is_of(&self, client: ClientId) -> bool {
        matches!(&self.place, Place::Here(knock) if knock.client == client)
    }
}

impl Room {
    /// Who waits at the door may go, and nothing else.
    pub(crate) fn answer_at_door(
        &mut self,
        now: Instant,
        client: ClientId,
        re: Option<RequestId>,
        message: &ClientMessage,
        out: &mut Outbox,
    ) {
        match message {
            ClientMessage::Leave {} => self.leave(now, client, CloseReason::Left, out),
            ClientMessage::Ping { .. } => {}
            _ => {
                let refusal = Refusal::new(RefusalCode::NotJoined, "This client waits until a lead lets it in.");
                out.say(client, refused(re, refusal));
            }
        }
    }

    /// True if whoever stands so must wait at the door.
    pub(crate) fn must_wait(&self, standing: &Standing, subject: &Private<String>) -> bool {
        self.policy.wait.contains(&standing.role) || self.removed.contains(subject)
    }

    /// Somebody must wait until a lead says more. Who comes by another door than a WebSocket could not be told so, and is refused.
    pub(crate) fn wait_at_door(&mut self, knock: Knock, out: &mut Outbox) {
        let refusal = match knock.door {
            _ if self.waiting.len() >= limit::WAITING => {
                Some(Refusal::new(RefusalCode::AtCapacity, "Too many wait at the door; try again."))
            }
            Door::WebSocket => None,
            Door::Whip | Door::Whep => {
                Some(Refusal::new(RefusalCode::NotAllowed, "A lead must let this role in, by the web client."))
            }
        };
        let number = refusal.is_none().then(|| self.member_number(out)).flatten();
        let Some(id) = number.map(MemberId) else {
            let full = || Refusal::new(RefusalCode::AtCapacity, "Too many come at once; try again.");
            out.say(knock.client, refused(knock.re, refusal.unwrap_or_else(full)));
            out.close(knock.client, CloseReason::Refused);
            return;
        };
        let standing = Standing::of(&knock.identity);
        let member = Member::new(id, knock.identity.name.clone(), standing.role, standing.site);
        out.say(knock.client, ServerMessage::Waiting { re: knock.re, room: self.id.clone() });
        if self.is_annex() {
            out.petitions.push(Petition::Knocked(member.clone()));
        }
        self.add_waiter(Waiter { member, place: Place::Here(Box::new(knock)) }, out);
    }

    /// Somebody waits at the door of an annex.
    pub(crate) fn wait_in_annex(&mut self, member: Member, annex: TrunkId, out: &mut Outbox) {
        self.add_waiter(Waiter { member, place: Place::Annex(annex) }, out);
    }

    fn add_waiter(&mut self, waiter: Waiter, out: &mut Outbox) {
        let whole = ServerMessage::Knocked { member: waiter.member.clone() };
        self.waiting.insert(waiter.member.id, waiter);
        self.tell_each(None, whole, to_leads, out);
    }

    pub(crate) fn admit_waiter(&mut self, asked: Asked, member: MemberId, out: &mut Outbox) -> Answered {
        let waiter = self.knock_over(Some(asked), member, true, out).ok_or_else(|| unknown_member(member))?;
        match waiter.place {
            Place::Annex(annex) => out.dispatches.push((annex, Dispatch::Admitted(member))),
            Place::Here(knock) => {
                self.removed.remove(&knock.identity.subject);
                self.enter_admitted(waiter.member, *knock, out);
            }
        }
        Ok(())
    }

    pub(crate) fn turn_away(&mut self, asked: Asked, member: MemberId, out: &mut Outbox) -> Answered {
        let waiter = self.knock_over(Some(asked), member, false, out).ok_or_else(|| unknown_member(member))?;
        self.close_waiter(waiter, CloseReason::TurnedAway, out);
        Ok(())
    }

    /// The home lets somebody in who waits here.
    pub(crate) fn admitted(&mut self, member: MemberId, out: &mut Outbox) {
        if let Some(Waiter { member, place: Place::Here(knock) }) = self.waiting.remove(&member) {
            self.enter_admitted(member, *knock, out);
        }
    }

    /// Somebody waits no more. Gives who it was.
    pub(crate) fn knock_over(
        &mut self,
        asked: Option<Asked>,
        member: MemberId,
        admitted: bool,
        out: &mut Outbox,
    ) -> Option<Waiter> {
        let waiter = self.waiting.remove(&member)?;
        self.tell_each(asked, ServerMessage::KnockOver { re: None, member, admitted }, to_leads, out);
        Some(waiter)
    }

    /// Who waits and has gone: a client here, or a member of an annex.
    pub(crate) fn stop_waiting(&mut self, client: ClientId, reason: CloseReason, out: &mut Outbox) {
        let Some(id) = self.waiting.values().find(|waiter| waiter.is_of(client)).map(|waiter| waiter.member.id) else {
            return;
        };
        if self.is_annex() {
            out.petitions.push(Petition::Left(id));
        }
        if let Some(waiter) = self.knock_over(None, id, false, out) {
            self.close_waiter(waiter, reason, out);
        }
    }

    /// Everybody who waits in an annex that is no more, or for a room that ends.
    pub(crate) fn stop_all_waiting(&mut self, of: Option<TrunkId>, reason: CloseReason, out: &mut Outbox) {
        let is_meant = |waiter: &&Waiter| match waiter.place {
            Place::Annex(annex) => of.is_none_or(|of| of == annex),
            Place::Here(_) => of.is_none(),
        };
        for id in self.waiting.values().filter(is_meant).map(|waiter| waiter.member.id).collect::<Vec<_>>() {
            if let Some(waiter) = self.knock_over(None, id, false, out) {
                self.close_waiter(waiter, reason, out);
            }
        }
    }

    fn close_waiter(&self, waiter: Waiter, reason: CloseReason, out: &mut Outbox) {
        match waiter.place {
            Place::Annex(annex) => out.dispatches.push((annex, Dispatch::Close(waiter.member.id, reason))),
            Place::Here(knock) => {
                out.say(knock.client, ServerMessage::Closed { reason });
                out.close(knock.client, reason);
            }
        }
    }

    /// The home ends what a member here has: in or at the door.
    pub(crate) fn close_member(&mut self, now: Instant, member: MemberId, reason: CloseReason, out: &mut Outbox) {
        if let Some(waiter) = self.waiting.remove(&member) {
            self.close_waiter(waiter, reason, out);
        }
        for client in self.clients_of(member) {
            self.leave(now, client, reason, out);
        }
    }

    pub(crate) fn silence_member(
        &mut self,
        asked: Asked,
        member: MemberId,
        silenced: bool,
        out: &mut Outbox,
    ) -> Answered {
        self.members.get(&member).ok_or_else(|| unknown_member(member))?;
        self.member_mut(member).silenced = silenced;
        self.settle_voices();
        let whole = ServerMessage::MemberSilenced { re: None, member, silenced };
        let known = self.members[&member].member.clone();
        let for_one = |present: &Present, whole: &ServerMessage| {
            let knows = present.member.id == member || self.may_know(&present.standing, &known);
            knows.then(|| whole.clone())
        };
        self.tell_each(Some(asked), whole, for_one, out);
        Ok(())
    }

    pub(crate) fn move_member(
        &mut self,
        now: Instant,
        asked: Asked,
        member: MemberId,
        (role, site): (Role, Option<SiteId>),
        out: &mut Outbox,
    ) -> Answered {
        let present = self.members.get(&member).ok_or_else(|| unknown_member(member))?;
        if !matches!(present.whereabouts, Whereabouts::Here(_, Door::WebSocket)) || member == asked.member {
            return Err(Refusal::new(RefusalCode::NotAllowed, "Only another member at a web client is moved."));
        }
        let standing = Standing { role, site: site.filter(|_| belongs_to_site(role)), grants: present.standing.grants };
        if standing == present.standing {
            return Err(Refusal::new(RefusalCode::BadMessage, "That is what this member is."));
        }
        self.admit(&standing, Some(member))?;
        self.move_to(now, asked, member, standing, out);
        Ok(())
    }

    /// What a member publishes is bound to where it was, so that is over; what it watches goes on as far as it may. To whoever
    /// knows it before and after it is another one; to itself the room is another one, too.
    fn move_to(&mut self, now: Instant, asked: Asked, member: MemberId, standing: Standing, out: &mut Outbox) {
        let clients = self.clients_of(member);
        clients.iter().for_each(|client| self.end_publishing(now, *client, out));
        self.leave_calls(member, out);
        let before = self.members[&member].member.clone();
        let knew: Vec<ClientId> = self.hearers(|standing| self.may_know(standing, &before));
        let audience = Standing::audience();
        let audience_knew = self.may_know(&audience, &before);
        let change = |room: &mut Self| {
            let present = room.members.get_mut(&member).expect("it is there");
            let Member { id, name, .. } = present.member.clone();
            present.member = Member::new(id, name, standing.role, standing.site.clone());
            present.standing = standing;
        };
        self.shift(now, change, None, out);
        let whole = ServerMessage::Moved { re: None, member: self.members[&member].member.clone() };
        for client in knew.into_iter().filter(|client| !clients.contains(client)) {
            let present = &self.members[&self.clients[&client].member];
            if self.may_know(&present.standing, &self.members[&member].member) {
                let re = asked.re.filter(|_| present.member.id == asked.member);
                let member = present.standing.known(&self.members[&member].member);
                out.say(client, ServerMessage::Moved { re, member });
            }
        }
        if audience_knew && self.may_know(&audience, &self.members[&member].member) {
            let member = audience.known(&self.members[&member].member);
            self.dispatch(|| Dispatch::Said(Box::new(ServerMessage::Moved { re: None, member: member.clone() })), out);
        }
        out.note_by(Some(asked.member), whole);
        for client in clients {
            let joined = self.joined(None, member);
            out.say(client, joined);
            self.refill_slots(now, client, out);
        }
    }

    pub(crate) fn remove_by_lead(
        &mut self,
        now: Instant,
        asked: Asked,
        member: MemberId,
        out: &mut Outbox,
    ) -> Answered {
        let present = self.members.get(&member).ok_or_else(|| unknown_member(member))?;
        if member == asked.member {
            return Err(Refusal::new(RefusalCode::NotAllowed, "Who wants to go says leave."));
        }
        let subject = match &present.whereabouts {
            Whereabouts::Here(subject, _) => Some(subject.clone()),
            Whereabouts::Annex(_) | Whereabouts::Home => present.subject.clone(),
        };
        // Bounded by how many leads can send out; who is older than all these may knock again unseen.
        if self.removed.len() < limit::WAITING {
            self.removed.extend(subject);
        }
        let annex = match present.whereabouts {
            Whereabouts::Annex(annex) => Some(annex),
            _ => None,
        };
        self.leaving = Some(asked);
        match annex {
            Some(annex) => {
                out.dispatches.push((annex, Dispatch::Close(member, CloseReason::Removed)));
                self.remove_member(member, out);
            }
            None => self.close_member(now, member, CloseReason::Removed, out),
        }
        self.leaving = None;
        Ok(())
    }

    pub(crate) fn end_room(&mut self, now: Instant, asked: Asked, out: &mut Outbox) {
        self.absent.clear();
        self.is_ended = true;
        self.stop_all_waiting(None, CloseReason::Ended, out);
        for present in self.members.values() {
            if let Whereabouts::Annex(annex) = present.whereabouts {
                out.dispatches.push((annex, Dispatch::Close(present.member.id, CloseReason::Ended)));
            }
        }
        for client in self.clients.keys().copied().collect::<Vec<_>>() {
            self.leave(now, client, CloseReason::Ended, out);
        }
        out.note_by(Some(asked.member), ServerMessage::Closed { reason: CloseReason::Ended });
    }

    pub(crate) fn clients_of(&self, member: MemberId) -> Vec<ClientId> {
        self.clients.iter().filter(|(_, client)| client.member == member).map(|(id, _)| *id).collect()
    }
}

pub(crate) fn to_leads(present: &Present, whole: &ServerMessage) -> Option<ServerMessage> {
    (present.role() == Role::Lead).then(|| whole.clone())
}
