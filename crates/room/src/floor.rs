//! The floor: how one of the audience comes to be heard, and what the audience sees.

use std::time::Instant;

use signaling::policy::Shown;
use signaling::{FeedChoice, MemberId, Programme, Refusal, RefusalCode, Role, ServerMessage, SiteId};

use crate::member::{Asked, Present, Whereabouts};
use crate::room::Answered;
use crate::talk::{unknown_member, unknown_site};
use crate::{Outbox, Room};

impl Room {
    pub(crate) fn raise_hand(&mut self, asked: Asked, raised: bool, out: &mut Outbox) -> Answered {
        self.member_mut(asked.member).hand = raised;
        let member = asked.member;
        let for_one = |present: &Present, whole: &ServerMessage| {
            (present.standing.is_panel() || present.member.id == member).then(|| whole.clone())
        };
        self.tell_each(Some(asked), ServerMessage::HandRaised { re: None, member, raised }, for_one, out);
        Ok(())
    }

    pub(crate) fn give_floor(
        &mut self,
        now: Instant,
        asked: Asked,
        member: MemberId,
        sites: Vec<SiteId>,
        out: &mut Outbox,
    ) -> Answered {
        let is_audience = |present: &&Present| present.role() == Role::Trainee;
        let present = self.members.get(&member).filter(is_audience).ok_or_else(|| unknown_member(member))?;
        if matches!(present.whereabouts, Whereabouts::Annex(_)) {
            let sentence = "This member is served by another worker of the server, from which nobody can be heard yet.";
            return Err(Refusal::new(RefusalCode::NotAllowed, sentence));
        }
        let mut sites = sites;
        sites.sort();
        sites.dedup();
        if let Some(unknown) = sites.iter().find(|site| !self.sites().contains(site)) {
            return Err(unknown_site(unknown));
        }
        let had_hand = present.member.hand;
        let change = |room: &mut Self| {
            let member = room.member_mut(member);
            (member.floor, member.hand) = (Some(sites.clone()), false);
        };
        self.shift(now, change, None, out);
        self.settle_voices();
        let whole = ServerMessage::FloorGiven { re: None, member, sites: sites.clone() };
        self.tell_each(Some(asked), whole, |present, whole| of_floor(member, &sites, present, whole), out);
        if had_hand {
            let for_one = |present: &Present, whole: &ServerMessage| {
                (present.standing.is_panel() || present.member.id == member).then(|| whole.clone())
            };
            self.tell_each(None, ServerMessage::HandRaised { re: None, member, raised: false }, for_one, out);
        }
        Ok(())
    }

    pub(crate) fn take_floor(&mut self, now: Instant, asked: Asked, member: MemberId, out: &mut Outbox) -> Answered {
        if member != asked.member && self.members[&asked.member].role() != Role::Lead {
            return Err(Refusal::new(RefusalCode::NotAllowed, "Only a lead takes another's floor."));
        }
        let floor = self.members.get(&member).and_then(|present| present.member.floor.clone());
        let sites = floor.ok_or_else(|| unknown_member(member))?;
        // Told to those who knew of it, before they know no more of who had it.
        let whole = ServerMessage::FloorTaken { re: None, member };
        self.tell_each(Some(asked), whole, |present, whole| of_floor(member, &sites, present, whole), out);
        let publishes = self.clients.iter().filter(|(_, client)| client.member == member);
        let publishers: Vec<_> = publishes.map(|(id, _)| *id).collect();
        self.shift(now, |room| room.member_mut(member).floor = None, None, out);
        if !self.may_speak(member) {
            publishers.into_iter().for_each(|client| self.end_publishing(now, client, out));
        }
        Ok(())
    }

    pub(crate) fn show_programme(
        &mut self,
        now: Instant,
        asked: Asked,
        programme: Programme,
        out: &mut Outbox,
    ) -> Answered {
        let site = match &programme {
            Programme::Open | Programme::Dark => None,
            Programme::Shown(Shown { feed: FeedChoice::OfSite(of), .. }) => Some(of.site.clone()),
            Programme::Shown(Shown { feed: FeedChoice::Feed(id), .. }) => {
                let unknown = || Refusal::new(RefusalCode::UnknownFeed, format!("There is no feed {id} in this room."));
                self.feeds.get(id).ok_or_else(unknown)?.what.site.clone()
            }
            Programme::Shown(Shown { feed: FeedChoice::OfProgramme(_), .. }) => {
                return Err(Refusal::new(RefusalCode::BadMessage, "A programme is not made of itself."));
            }
        };
        let message = ServerMessage::ProgrammeShown { re: None, programme: programme.clone() };
        let change = |room: &mut Self| (room.programme, room.programme_site) = (programme, site);
        self.shift(now, change, None, out);
        self.tell_each(Some(asked), message, programme_known, out);
        Ok(())
    }

    /// The programme as somebody may know it.
    pub(crate) fn programme_of(&self, present: &Present) -> Programme {
        let whole = ServerMessage::ProgrammeShown { re: None, programme: self.programme.clone() };
        if programme_known(present, &whole).is_some() { self.programme.clone() } else { Programme::default() }
    }

    /// The face of who of the panel speaks, or spoke last, as the programme shows it.
    pub(crate) fn note_speaker(&mut self) -> bool {
        let of_panel = |present: &&Present| present.standing.is_panel() && self.shows_face(present.member.id);
        let speaker = self.speaking.iter().filter_map(|voice| self.voices.get(voice));
        let heard = speaker.filter(|voice| self.may_hear(&crate::entitlement::Standing::audience(), &voice.what));
        let mut speaker = heard.filter_map(|voice| self.members.get(&voice.what.member)).filter(of_panel);
        let Some(id) = speaker.next().map(|present| present.member.id) else { return false };
        self.last_speaker.replace(id) != Some(id)
    }

    fn shows_face(&self, member: MemberId) -> bool {
        let is_face = |feed: &&signaling::Feed| feed.member == member && feed.kind == signaling::FeedKind::Face;
        self.feeds.values().map(|feed| &feed.what).any(|feed| is_face(&feed))
    }
}

/// Who has the floor is known to the panel, to itself, and to the sites where it is heard.
fn of_floor(member: MemberId, sites: &[SiteId], present: &Present, whole: &ServerMessage) -> Option<ServerMessage> {
    if present.standing.is_panel() || present.member.id == member {
        return Some(whole.clone());
    }
    let own = present.member.site.as_ref().filter(|site| sites.contains(site))?;
    Some(match whole {
        ServerMessage::FloorGiven { re, member, .. } => {
            ServerMessage::FloorGiven { re: *re, member: *member, sites: vec![own.clone()] }
        }
        whole => whole.clone(),
    })
}

/// The programme as somebody may know it: no site hears which other one is shown.
fn programme_known(present: &Present, whole: &ServerMessage) -> Option<ServerMessage> {
    (present.standing.is_panel() || matches!(present.role(), Role::Trainee | Role::Service)).then(|| whole.clone())
}
