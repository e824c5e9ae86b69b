//! What a client has been told of the room: at rest it is the truth, in the home and in every annex alike.

use std::collections::{BTreeMap, BTreeSet};

use signaling::client::Connection;
use signaling::{FeedId, LineCondition, MemberId, Role, ServerMessage};

use crate::client::Client;
use crate::source::Source;
use crate::world::World;

/// The members and feeds that a client knows of, and which of those are held back.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    pub(crate) me: Option<MemberId>,
    members: BTreeSet<MemberId>,
    feeds: BTreeMap<FeedId, bool>,
    /// Lines that are not good.
    pub(crate) lines: BTreeMap<(MemberId, Connection), LineCondition>,
}

impl Roster {
    pub(crate) fn hear(&mut self, message: &ServerMessage) {
        match message {
            ServerMessage::Joined { you, members, feeds, .. } => {
                self.me = Some(you.id);
                self.members = members.iter().map(|member| member.id).collect();
                self.feeds = feeds.iter().map(|feed| (feed.id, feed.muted)).collect();
                self.lines.clear();
            }
            ServerMessage::Entered { member } => {
                assert!(self.members.insert(member.id), "{:?} enters and is there: {self:?}", member.id);
            }
            ServerMessage::Left { member, .. } => {
                assert!(self.members.remove(member), "{member:?} leaves and is not there: {self:?}");
                self.lines.retain(|(whose, _), _| whose != member);
            }
            ServerMessage::FeedPublished { feed } => {
                self.feeds.insert(feed.id, feed.muted);
            }
            ServerMessage::FeedMuted { feed, muted, .. } => {
                self.feeds.insert(*feed, *muted);
            }
            ServerMessage::FeedUnpublished { feed } => {
                assert!(self.feeds.remove(feed).is_some(), "feed {feed} is over and was not there: {self:?}");
            }
            ServerMessage::LineChanged { member, connection, condition } => {
                let key = (*member, *connection);
                let before = match condition {
                    LineCondition::Good => self.lines.remove(&key),
                    _ => self.lines.insert(key, *condition),
                };
                assert_ne!(
                    before.unwrap_or_default(),
                    *condition,
                    "{member:?} {connection:?} is said to be what it was"
                );
            }
            _ => {}
        }
    }
}

impl World {
    /// Everybody knows of everybody and everything that it may know of, and of nothing else.
    pub(crate) fn check_rosters(&self) {
        let there = || self.clients.iter().filter(|client| !client.is_gone && client.roster.me.is_some());
        let is_there = |source: &&Source| self.is_there(source);
        let own = |other: &Client| {
            let me = other.roster.me;
            other.roster.lines.clone().into_iter().filter(move |((of, _), _)| Some(*of) == me)
        };
        for (at, client) in self.clients.iter().enumerate() {
            if client.is_gone || client.roster.me.is_none() {
                continue;
            }
            let me = client.roster.me;
            let known =
                self.clients.iter().enumerate().filter(|(_, other)| !other.is_gone && other.roster.me.is_some());
            let known = known.filter(|(other, _)| *other == at || self.truth.now.may_know(at, *other));
            let members: BTreeSet<MemberId> = known.filter_map(|(_, other)| other.roster.me).collect();
            let perceived = self.sources.iter().filter(is_there).filter(|source| self.truth.now.may_get(at, source));
            let feeds: BTreeMap<FeedId, bool> =
                perceived.filter_map(|source| Some((source.feed?, source.is_muted()))).collect();
            let who = format!("seed {}, {:?} {me:?} at worker {}", self.seed, client.role, client.worker);
            assert_eq!(client.roster.members, members, "{who} knows of other members than there are");
            let hears =
                |other: &&Client| client.role == Role::Lead || client.site.is_some() && client.site == other.site;
            let others = there().filter(|other| other.roster.me == me || hears(other));
            let lines: BTreeMap<_, _> = others.flat_map(own).collect();
            assert_eq!(client.roster.lines, lines, "{who} knows otherwise of a line than whose it is");
            assert_eq!(client.roster.feeds, feeds, "{who} knows of other feeds than there are");
        }
        // Whoever follows the journal knows everything.
        let (seed, journal) = (self.seed, &self.journal);
        let members: BTreeSet<MemberId> = there().filter_map(|client| client.roster.me).collect();
        assert_eq!(journal.members, members, "seed {seed}: the journal has other members than there are");
        let lines: BTreeMap<_, _> = there().flat_map(own).collect();
        assert_eq!(journal.lines, lines, "seed {seed}: the journal says otherwise of a line than whose it is");
        let all = self.sources.iter().filter(is_there);
        let feeds: BTreeMap<FeedId, bool> = all.filter_map(|source| Some((source.feed?, source.is_muted()))).collect();
        assert_eq!(journal.feeds, feeds, "seed {seed}: the journal has other feeds than there are");
    }
}
