//! What a member may know of, and what it is told when that changes.

use std::collections::BTreeSet;
use std::time::Instant;

use signaling::{Feed, FeedId, Member, MemberId, Role, ServerMessage, SiteId, Voice, VoiceId};

use crate::annex::Dispatch;
use crate::entitlement::{Scene, Standing};
use crate::member::Asked;
use crate::{ClientId, Outbox, Room};

/// Everything that one who stands so may know of.
#[derive(Debug, Default, PartialEq, Eq)]
struct View {
    members: BTreeSet<MemberId>,
    feeds: BTreeSet<FeedId>,
    voices: BTreeSet<VoiceId>,
}

/// Those who stand alike: they see alike.
struct Onlookers {
    standing: Standing,
    clients: Vec<ClientId>,
    before: View,
}

impl Room {
    pub(crate) fn scene(&self) -> Scene<'_> {
        Scene {
            programme: &self.programme,
            programme_site: self.programme_site.as_ref(),
            are_sites_joined: self.policy.sites_joined,
        }
    }

    /// May see a feed. An annex knows of nothing that is not for its members.
    pub(crate) fn may_see(&self, standing: &Standing, feed: &Feed) -> bool {
        self.is_annex() || standing.may_see(feed, self.scene())
    }

    /// May know of a voice.
    pub(crate) fn may_know_voice(&self, standing: &Standing, voice: &Voice) -> bool {
        let speaker = || self.members.get(&voice.member);
        self.is_annex() || speaker().is_some_and(|speaker| standing.may_know_voice(&speaker.member, self.scene()))
    }

    /// May hear a voice.
    pub(crate) fn may_hear(&self, standing: &Standing, voice: &Voice) -> bool {
        let speaker = || self.members.get(&voice.member);
        self.is_annex() || speaker().is_some_and(|speaker| standing.may_hear(&speaker.member, self.scene()))
    }

    /// May know of a member. An annex is told of no other of the audience than who has the floor.
    pub(crate) fn may_know(&self, standing: &Standing, member: &Member) -> bool {
        match self.is_annex() {
            true => !matches!(member.role, Role::Trainee | Role::Service) || member.floor.is_some(),
            false => standing.may_know(member, self.scene()),
        }
    }

    /// The sites that have a member in the room.
    pub(crate) fn sites(&self) -> BTreeSet<&SiteId> {
        self.members.values().filter_map(|present| present.member.site.as_ref()).collect()
    }

    /// Does what changes who may know of what, and tells everybody: first of what is new to them, then what was done, then of
    /// what is theirs no more. Slots and voices follow.
    pub(crate) fn shift(
        &mut self,
        now: Instant,
        change: impl FnOnce(&mut Self),
        said: Option<(Asked, ServerMessage)>,
        out: &mut Outbox,
    ) {
        let before = self.onlookers();
        let audience_before = self.view(&Standing::audience());
        change(self);
        self.withhold(now);
        self.tell_new(&before, &audience_before, out);
        if let Some((asked, message)) = said {
            self.tell_each(Some(asked), message, |_, message| Some(message.clone()), out);
        }
        self.find_feeds(now, out);
        self.assign_voices(now, out);
        self.tell_gone(&before, &audience_before, out);
        if !self.speaking.is_empty() {
            for client in self.hearers(|_| true) {
                self.tell_speaking(client, out);
            }
        }
    }

    /// Those who are told of what there is, by how they stand.
    fn onlookers(&self) -> Vec<Onlookers> {
        let mut all: Vec<Onlookers> = Vec::new();
        for client in self.hearers(|_| true) {
            let standing = &self.members[&self.clients[&client].member].standing;
            match all.iter_mut().find(|alike| alike.standing == *standing) {
                Some(alike) => alike.clients.push(client),
                None => {
                    let before = self.view(standing);
                    all.push(Onlookers { standing: standing.clone(), clients: vec![client], before });
                }
            }
        }
        all
    }

    fn view(&self, standing: &Standing) -> View {
        let members = self.members.values().map(|present| &present.member);
        let members = members.filter(|member| self.may_know(standing, member)).map(|member| member.id);
        let feeds = self.feeds.values().map(|feed| &feed.what).filter(|feed| self.may_see(standing, feed));
        let voices = self.voices.values().map(|voice| &voice.what);
        let voices = voices.filter(|voice| self.may_know_voice(standing, voice)).map(|voice| voice.id);
        View { members: members.collect(), feeds: feeds.map(|feed| feed.id).collect(), voices: voices.collect() }
    }

    fn tell_new(&self, before: &[Onlookers], audience_before: &View, out: &mut Outbox) {
        for alike in before {
            // Who was moved is told by who moved it.
            let clients = alike.clients.iter().filter(|client| self.stands(**client, &alike.standing));
            let clients: Vec<ClientId> = clients.copied().collect();
            let after = self.view(&alike.standing);
            let news = self.news(&alike.standing, &alike.before, &after);
            for client in clients {
                let own = self.clients[&client].member;
                let is_own =
                    |message: &ServerMessage| matches!(message, ServerMessage::Entered { member } if member.id == own);
                for message in news.iter().filter(|message| !is_own(message)) {
                    out.say(client, message.clone());
                }
            }
        }
        if self.annexes.is_empty() {
            return;
        }
        let audience = Standing::audience();
        let after = self.view(&audience);
        for message in self.news(&audience, audience_before, &after) {
            match &message {
                ServerMessage::FeedPublished { feed } => {
                    self.dispatch(|| Dispatch::Feed(self.feeds[&feed.id].clone()), out);
                }
                ServerMessage::VoicePublished { voice } => {
                    self.dispatch(|| Dispatch::Voice(self.voices[&voice.id].clone()), out);
                }
                message => self.dispatch(|| Dispatch::Said(Box::new(message.clone())), out),
            }
        }
    }

    fn news(&self, standing: &Standing, before: &View, after: &View) -> Vec<ServerMessage> {
        let entered = after.members.difference(&before.members).map(|id| &self.members[id].member);
        let entered = entered.map(|member| ServerMessage::Entered { member: standing.known(member) });
        let feeds = after.feeds.difference(&before.feeds).map(|id| self.feeds[id].what.clone());
        let feeds = feeds.map(|feed| ServerMessage::FeedPublished { feed });
        let voices = after.voices.difference(&before.voices).map(|id| self.voices[id].what.clone());
        let voices = voices.map(|voice| ServerMessage::VoicePublished { voice });
        entered.chain(feeds).chain(voices).collect()
    }

    fn tell_gone(&self, before: &[Onlookers], audience_before: &View, out: &mut Outbox) {
        for alike in before {
            let gone = gone(&alike.before, &self.view(&alike.standing));
            for client in alike.clients.iter().filter(|client| self.stands(**client, &alike.standing)) {
                let own = self.clients[client].member;
                let is_own =
                    |message: &ServerMessage| matches!(message, ServerMessage::Left { member, .. } if *member == own);
                for message in gone.iter().filter(|message| !is_own(message)) {
                    out.say(*client, message.clone());
                }
            }
        }
        if !self.annexes.is_empty() {
            for message in gone(audience_before, &self.view(&Standing::audience())) {
                self.dispatch(|| Dispatch::Said(Box::new(message.clone())), out);
            }
        }
    }

    fn stands(&self, client: ClientId, so: &Standing) -> bool {
        let member = self.clients.get(&client).and_then(|client| self.members.get(&client.member));
        member.is_some_and(|present| present.standing == *so)
    }
}

fn gone(before: &View, after: &View) -> Vec<ServerMessage> {
    let voices = before.voices.difference(&after.voices).map(|voice| ServerMessage::VoiceUnpublished { voice: *voice });
    let feeds = before.feeds.difference(&after.feeds).map(|feed| ServerMessage::FeedUnpublished { feed: *feed });
    let left = before.members.difference(&after.members);
    let left = left.map(|member| ServerMessage::Left { member: *member, re: None });
    voices.chain(feeds).chain(left).collect()
}
