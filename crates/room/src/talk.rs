//! Talk: who of the panel attends which sites, whom its voices are for, and who calls whom.

use std::time::{Duration, Instant};

use signaling::{
    Call, CallId, CallOutcome, Direction, MemberId, Refusal, RefusalCode, Role, ServerMessage, SiteId, limit,
};

use crate::entitlement::is_panel;
use crate::member::{Asked, Present};
use crate::room::Answered;
use crate::text::check_text;
use crate::{Outbox, Room};

const RINGS: Duration = Duration::from_secs(limit::RINGS_S);

/// A call that is not over.
#[derive(Debug)]
pub(crate) struct Ringing {
    pub(crate) call: Call,
    until: Instant,
}

impl Room {
    pub(crate) fn attend(&mut self, now: Instant, asked: Asked, sites: Vec<SiteId>, out: &mut Outbox) -> Answered {
        let mut sites = sites;
        sites.sort();
        sites.dedup();
        let attends = &self.members[&asked.member].member.attends;
        if let Some(unknown) = sites.iter().find(|site| !self.sites().contains(site) && !attends.contains(site)) {
            return Err(unknown_site(unknown));
        }
        self.set_attended(now, asked, sites, out);
        Ok(())
    }

    fn set_attended(&mut self, now: Instant, asked: Asked, sites: Vec<SiteId>, out: &mut Outbox) {
        let member = asked.member;
        let attended = |sites| ServerMessage::Attended { re: None, member, sites };
        let whole = attended(sites.clone());
        let before = self.members[&member].member.attends.clone();
        let change = |room: &mut Self| room.member_mut(member).attends.clone_from(&sites);
        self.shift(now, change, None, out);
        let for_one = |present: &Present, whole: &ServerMessage| match &present.member.site {
            _ if present.standing.is_panel() => Some(whole.clone()),
            Some(site) if before.contains(site) != sites.contains(site) => {
                Some(attended(sites.iter().filter(|attended| *attended == site).cloned().collect()))
            }
            _ => None,
        };
        self.tell_each(Some(asked), whole, for_one, out);
    }

    pub(crate) fn direct_voice(&mut self, now: Instant, asked: Asked, to: Direction, out: &mut Outbox) -> Answered {
        let member = asked.member;
        self.shift(now, |room| room.member_mut(member).speaks_to = to, None, out);
        let whole = ServerMessage::VoiceDirected { re: None, member, to };
        self.tell_each(Some(asked), whole, to_panel, out);
        Ok(())
    }

    pub(crate) fn set_duty(
        &mut self,
        asked: Asked,
        member: MemberId,
        duty: Option<String>,
        out: &mut Outbox,
    ) -> Answered {
        let is_lead = self.members[&asked.member].role() == Role::Lead;
        if member != asked.member && !is_lead {
            return Err(Refusal::new(RefusalCode::NotAllowed, "Only a lead gives others a duty."));
        }
        let of_panel = |present: &&Present| is_panel(present.role());
        self.members.get(&member).filter(of_panel).ok_or_else(|| unknown_member(member))?;
        duty.iter().try_for_each(|duty| check_text(duty, limit::DUTY_BYTES))?;
        self.member_mut(member).duty.clone_from(&duty);
        let scene_free = |_: &Present, whole: &ServerMessage| Some(whole.clone());
        self.tell_each(Some(asked), ServerMessage::DutySet { re: None, member, duty }, scene_free, out);
        Ok(())
    }

    pub(crate) fn call(
        &mut self,
        now: Instant,
        asked: Asked,
        member: Option<MemberId>,
        duty: Option<String>,
        out: &mut Outbox,
    ) -> Answered {
        let caller = &self.members[&asked.member].member;
        let site = caller.site.clone().ok_or_else(|| Refusal::new(RefusalCode::SiteRequired, "Only a site calls."))?;
        let is_meant = |present: &&Present| match (member, &duty) {
            (Some(member), None) => present.member.id == member,
            (None, Some(duty)) => present.member.duty.as_ref() == Some(duty),
            _ => false,
        };
        if member.is_some() == duty.is_some() {
            return Err(Refusal::new(RefusalCode::BadMessage, "A call names either a member or a duty."));
        }
        let to: Vec<MemberId> = self.panel().filter(is_meant).map(|present| present.member.id).collect();
        if to.is_empty() {
            return Err(Refusal::new(RefusalCode::UnknownMember, "Nobody of the panel is meant by that."));
        }
        if self.calls.len() >= limit::CALLS {
            return Err(Refusal::new(RefusalCode::TooMany, "Too many calls are not over."));
        }
        // Who calls again means this call.
        let own: Vec<CallId> =
            self.calls.iter().filter(|ringing| ringing.call.by == asked.member).map(of_ringing).collect();
        for id in own {
            self.end_ringing(None, id, CallOutcome::Withdrawn, None, out);
        }
        let call = Call { id: CallId(self.next_id()), by: asked.member, site, to, duty };
        self.calls.push(Ringing { call: call.clone(), until: now + RINGS });
        self.tell_called(Some(asked), call, out);
        Ok(())
    }

    pub(crate) fn answer_call(&mut self, now: Instant, asked: Asked, id: CallId, out: &mut Outbox) -> Answered {
        let is_rung = |ringing: &&Ringing| ringing.call.id == id && ringing.call.to.contains(&asked.member);
        let call =
            self.calls.iter().find(is_rung).map(|ringing| ringing.call.clone()).ok_or_else(|| unknown_call(id))?;
        let mut sites = self.members[&asked.member].member.attends.clone();
        if !sites.contains(&call.site) {
            sites.push(call.site);
            sites.sort();
            self.set_attended(now, Asked { re: None, ..asked }, sites, out);
        }
        self.end_ringing(Some(asked), id, CallOutcome::Answered, Some(asked.member), out);
        Ok(())
    }

    pub(crate) fn end_call(&mut self, asked: Asked, id: CallId, out: &mut Outbox) -> Answered {
        let member = asked.member;
        let ringing = self.calls.iter().find(|ringing| ringing.call.id == id);
        match ringing.map(|ringing| &ringing.call) {
            Some(call) if call.by == member => {
                self.end_ringing(Some(asked), id, CallOutcome::Withdrawn, None, out);
                Ok(())
            }
            Some(call) if call.to.contains(&member) => {
                self.ring_no_more(Some(asked), id, member, out);
                Ok(())
            }
            _ => Err(unknown_call(id)),
        }
    }

    /// One of those who are rung declines, or has left; with the last of them the call is over.
    fn ring_no_more(&mut self, asked: Option<Asked>, id: CallId, member: MemberId, out: &mut Outbox) {
        let Some(ringing) = self.calls.iter_mut().find(|ringing| ringing.call.id == id) else { return };
        if ringing.call.to.len() == 1 {
            self.end_ringing(asked, id, CallOutcome::Declined, None, out);
            return;
        }
        ringing.call.to.retain(|rung| *rung != member);
        let call = ringing.call.clone();
        if let Some(asked) = asked {
            let over = ServerMessage::CallOver { re: None, call: id, outcome: CallOutcome::Declined, by: None };
            let alone = |present: &Present, whole: &ServerMessage| (present.member.id == member).then(|| whole.clone());
            let noted = out.noted.len();
            self.tell_each(Some(asked), over, alone, out);
            // It goes on for the others.
            out.noted.truncate(noted);
        }
        self.tell_called(None, call, out);
    }

    /// Somebody has left: what it called or was called for is over.
    pub(crate) fn leave_calls(&mut self, member: MemberId, out: &mut Outbox) {
        for id in self.calls.iter().map(of_ringing).collect::<Vec<_>>() {
            let Some(ringing) = self.calls.iter().find(|ringing| ringing.call.id == id) else { continue };
            if ringing.call.by == member {
                self.end_ringing(None, id, CallOutcome::Withdrawn, None, out);
            } else if ringing.call.to.contains(&member) {
                self.ring_no_more(None, id, member, out);
            }
        }
    }

    /// Calls that nobody has answered in time are over.
    pub(crate) fn end_old_calls(&mut self, now: Instant, out: &mut Outbox) {
        let old = self.calls.iter().filter(|ringing| ringing.until <= now).map(of_ringing);
        for id in old.collect::<Vec<_>>() {
            self.end_ringing(None, id, CallOutcome::Unanswered, None, out);
        }
    }

    /// When the next call is over by itself.
    pub(crate) fn calls_deadline(&self) -> Option<Instant> {
        self.calls.iter().map(|ringing| ringing.until).min()
    }

    /// The calls that concern a member.
    pub(crate) fn calls_of(&self, present: &Present) -> Vec<Call> {
        self.calls.iter().map(|ringing| &ringing.call).filter(|call| concerns(call, present)).cloned().collect()
    }

    fn tell_called(&self, asked: Option<Asked>, call: Call, out: &mut Outbox) {
        let for_one = |present: &Present, whole: &ServerMessage| concerns(&call, present).then(|| whole.clone());
        self.tell_each(asked, ServerMessage::Called { re: None, call: call.clone() }, for_one, out);
    }

    fn end_ringing(
        &mut self,
        asked: Option<Asked>,
        id: CallId,
        outcome: CallOutcome,
        by: Option<MemberId>,
        out: &mut Outbox,
    ) {
        let Some(place) = self.calls.iter().position(|ringing| ringing.call.id == id) else { return };
        let call = self.calls.remove(place).call;
        let for_one = |present: &Present, whole: &ServerMessage| concerns(&call, present).then(|| whole.clone());
        self.tell_each(asked, ServerMessage::CallOver { re: None, call: id, outcome, by }, for_one, out);
    }

    fn panel(&self) -> impl Iterator<Item = &Present> {
        self.members.values().filter(|present| is_panel(present.role()))
    }
}

/// A call concerns its site, who is rung, and the leads.
fn concerns(call: &Call, present: &Present) -> bool {
    present.role() == Role::Lead
        || call.to.contains(&present.member.id)
        || present.member.site.as_ref() == Some(&call.site)
}

fn of_ringing(ringing: &Ringing) -> CallId {
    ringing.call.id
}

/// For the panel alone.
pub(crate) fn to_panel(present: &Present, whole: &ServerMessage) -> Option<ServerMessage> {
    present.standing.is_panel().then(|| whole.clone())
}

pub(crate) fn unknown_member(member: MemberId) -> Refusal {
    Refusal::new(RefusalCode::UnknownMember, format!("There is no member {member} whom this could mean."))
}

pub(crate) fn unknown_site(site: &SiteId) -> Refusal {
    Refusal::new(RefusalCode::UnknownSite, format!("There is no site {site} in this room."))
}

fn unknown_call(call: CallId) -> Refusal {
    Refusal::new(RefusalCode::UnknownCall, format!("There is no call {} for this member.", call.0))
}
