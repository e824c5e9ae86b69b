//! Annexes: where the audience of a room is when it is not with the panel, on another worker.
//!
//! An annex is a [`Room`] that publishes nothing and has all it shows from its home: the roster by the messages that any
//! of its clients would be told, the media as excerpts of the home's histories. It answers its clients by itself, so
//! that a join, a switch or a lost packet of the audience is nothing to the home.

use std::collections::BTreeMap;
use std::time::Instant;

use media::{Excerpt, Spared, TrackId, TrunkId};
use signaling::client::Connection;
use signaling::{
    ClientMessage, CloseReason, Feed, LineCondition, Member, MemberId, Policy, Private, Programme, Refusal,
    RefusalCode, RequestId, RoomKind, ServerMessage, SiteId, Voice, VoiceId,
};

use crate::entitlement::Standing;
use crate::member::{Asked, Present, Whereabouts};
use crate::permission::Act;
use crate::playout::longest_delay;
use crate::room::{Published, refused};
use crate::{Input, Outbox, Room, RoomConfig};

/// What a home says to an annex, in order. None of it may be lost but excerpts, which are said again when they are given
/// back by [`Input::Refused`].
#[derive(Debug)]
pub enum Dispatch {
    /// The annex is one of the home's; this is what there is.
    Opened(Box<Opening>),
    /// What anybody of the audience is told.
    Said(Box<ServerMessage>),
    /// What one of its members alone is told.
    SaidTo(MemberId, Box<ServerMessage>),
    /// A lead lets somebody in who waits there.
    Admitted(MemberId),
    /// What one of its members has is over, or one who waits there is turned away.
    Close(MemberId, CloseReason),
    /// A feed came or has changed.
    Feed(Published<Feed>),
    /// A voice came or has changed.
    Voice(Published<Voice>),
    /// Media.
    Excerpts(Vec<Excerpt>),
    /// A block of numbers for its members: those after this one.
    Numbers(u32),
}

/// What an annex begins with.
#[derive(Debug)]
pub struct Opening {
    kind: RoomKind,
    /// Numbers of the annex's members come after this.
    last_id: u32,
    members: Vec<Member>,
    feeds: Vec<Published<Feed>>,
    voices: Vec<Published<Voice>>,
    speaking: Vec<VoiceId>,
    policy: Policy,
    programme: (Programme, Option<SiteId>),
}

/// What an annex says to its home, in order. None of it may be lost.
#[derive(Debug)]
pub enum Petition {
    /// It wants to be one of the home's.
    Open,
    /// A member came into it, with the subject of its token.
    Entered(Member, Private<String>),
    /// Somebody waits at its door.
    Knocked(Member),
    /// One of its members does something that is not about its own connections.
    Said(MemberId, Option<RequestId>, Box<ClientMessage>),
    /// A member went.
    Left(MemberId),
    /// The packets of a track are wanted, or no more.
    Wanted(TrackId, bool),
    /// A thumbnail of a track is needed, or no more.
    Thumbnail(TrackId, bool),
    /// A track needs a keyframe of the layer with this SSRC, and for whom.
    KeyframeWanted(TrackId, u32, Spared),
    /// The line of one of its members has become better or worse.
    Line(MemberId, Connection, LineCondition),
    /// Another block of numbers for its members.
    Numbers,
    /// It is no more.
    Closed,
}

/// What a room is that is an annex.
#[derive(Debug, Default)]
pub(crate) struct Annex {
    is_open: bool,
    /// The last number that it has given a member, how many more of its block there are, and the block after it.
    last_id: u32,
    left: u32,
    next_block: Option<u32>,
    /// What clients have said before it was open.
    waiting: Vec<Input<'static>>,
}

/// Members that an annex can number with one block of its home's numbers. It asks for another when half is left.
const BLOCK: u32 = 1 << 12;
/// What clients may say before an annex is open, which takes a millisecond.
const WAITING: usize = 4096;

impl Room {
    /// An empty annex. Until its home has said [`Dispatch::Opened`], what its clients say waits.
    pub fn annex(now: Instant, config: RoomConfig) -> Self {
        let mut room = Self::new(now, config);
        room.annex = Some(Annex::default());
        room
    }

    /// True for an annex.
    pub fn is_annex(&self) -> bool {
        self.annex.is_some()
    }

    /// Gives the input back if it can be handled now.
    pub(crate) fn wait<'a>(&mut self, input: Input<'a>, out: &mut Outbox) -> Option<Input<'a>> {
        let Some(annex) = self.annex.as_mut().filter(|annex| !annex.is_open) else { return Some(input) };
        let is_full = annex.waiting.len() >= WAITING;
        match input {
            Input::Joined { client, re, .. } if is_full => {
                let refusal = Refusal::new(RefusalCode::AtCapacity, "Too many come at once; try again.");
                out.say(client, refused(re, refusal));
                out.close(client, CloseReason::Refused);
            }
            Input::Message { .. } if is_full => {}
            Input::Joined { client, re, identity, door, returns } => {
                annex.waiting.push(Input::Joined { client, re, identity, door, returns });
            }
            Input::Message { client, request } => annex.waiting.push(Input::Message { client, request }),
            Input::Left { client, reason } => annex.waiting.push(Input::Left { client, reason }),
            input => return Some(input),
        }
        None
    }

    /// The number of one more member; none while all are used up, which a home that answers does not let happen.
    pub(crate) fn member_number(&mut self, out: &mut Outbox) -> Option<u32> {
        let Some(annex) = &mut self.annex else { return Some(self.next_id()) };
        if annex.left == 0 {
            (annex.last_id, annex.left) = (annex.next_block.take()?, BLOCK);
        }
        annex.left -= 1;
        annex.last_id = annex.last_id.wrapping_add(1);
        if annex.left == BLOCK / 2 {
            out.petitions.push(Petition::Numbers);
        }
        Some(annex.last_id)
    }

    /// Takes what one of its annexes says.
    pub(crate) fn petition(&mut self, now: Instant, from: TrunkId, petition: Petition, out: &mut Outbox) {
        if !matches!(petition, Petition::Open) && !self.annexes.contains(&from) {
            return;
        }
        match petition {
            Petition::Open => {
                self.annexes.insert(from);
                self.router.open_trunk(from);
                let opening = Box::new(self.opening());
                out.dispatches.push((from, Dispatch::Opened(opening)));
            }
            Petition::Entered(member, subject) => {
                let id = member.id;
                let is_removed = self.removed.contains(&subject);
                self.add_present(Present::elsewhere(member, Whereabouts::Annex(from), Some(subject)), out);
                if is_removed {
                    out.dispatches.push((from, Dispatch::Close(id, CloseReason::Removed)));
                }
            }
            Petition::Knocked(member) => self.wait_in_annex(member, from, out),
            Petition::Said(member, re, message) => self.act_in_annex(now, from, Asked { member, re }, *message, out),
            Petition::Left(member) => {
                self.remove_member(member, out);
                self.knock_over(None, member, false, out);
            }
            Petition::Wanted(track, is_wanted) => {
                self.router.want(now, from, track, is_wanted && self.is_for_audience(track));
            }
            Petition::Thumbnail(track, is_wanted) => {
                self.router.want_thumbnail(now, from, track, is_wanted && self.is_for_audience(track));
            }
            Petition::KeyframeWanted(track, ssrc, whom) => self.router.want_keyframe(now, track, ssrc, whom),
            Petition::Line(member, connection, condition) => self.set_line(member, connection, condition, out),
            Petition::Numbers => {
                out.dispatches.push((from, Dispatch::Numbers(self.last_id)));
                self.last_id = self.last_id.wrapping_add(BLOCK);
            }
            Petition::Closed => {
                self.annexes.remove(&from);
                self.router.close_trunk(from);
                let is_there = |present: &&Present| matches!(present.whereabouts, Whereabouts::Annex(id) if id == from);
                let gone: Vec<_> = self.members.values().filter(is_there).map(|present| present.member.id).collect();
                for member in gone {
                    self.remove_member(member, out);
                }
                self.stop_all_waiting(Some(from), CloseReason::Internal, out);
            }
        }
    }

    /// What a member of an annex does.
    fn act_in_annex(&mut self, now: Instant, annex: TrunkId, asked: Asked, message: ClientMessage, out: &mut Outbox) {
        let Some(present) = self.members.get(&asked.member) else { return };
        let may = Act::of(&message).is_none_or(|act| present.standing.may(act));
        let sentence = || format!("The role {} may not do this.", present.role().as_str());
        let refusal = (!may).then(|| Refusal::new(RefusalCode::NotAllowed, sentence()));
        let answered = refusal.map_or_else(|| self.act(now, asked, message, out), Err);
        if let Err(refusal) = answered {
            out.dispatches.push((annex, Dispatch::SaidTo(asked.member, Box::new(refused(asked.re, refusal)))));
        }
    }

    /// True of what the audience may see or hear now: nothing else is handed on to an annex, whatever that asks for.
    fn is_for_audience(&self, track: TrackId) -> bool {
        let audience = Standing::audience();
        let is_feed = |feed: &Published<Feed>| feed.track == track && self.may_see(&audience, &feed.what);
        let is_voice = |voice: &Published<Voice>| voice.track == track && self.may_hear(&audience, &voice.what);
        self.feeds.values().any(is_feed) || self.voices.values().any(is_voice)
    }

    /// What is not for the audience any more is handed on to no annex from now on.
    pub(crate) fn withhold(&mut self, now: Instant) {
        let tracks = self.feeds.values().map(|feed| feed.track).chain(self.voices.values().map(|voice| voice.track));
        let withheld: Vec<TrackId> = tracks.filter(|track| !self.is_for_audience(*track)).collect();
        for annex in self.annexes.clone() {
            for track in &withheld {
                self.router.want(now, annex, *track, false);
                self.router.want_thumbnail(now, annex, *track, false);
            }
        }
    }

    fn opening(&mut self) -> Opening {
        let audience = Standing::audience();
        let last_id = self.last_id;
        self.last_id = self.last_id.wrapping_add(BLOCK);
        let members = self.members.values().map(|present| &present.member);
        let members = members.filter(|member| self.may_know(&audience, member));
        let feeds = self.feeds.values().filter(|feed| self.may_see(&audience, &feed.what));
        let voices = self.voices.values().filter(|voice| self.may_know_voice(&audience, &voice.what));
        Opening {
            kind: self.kind,
            last_id,
            members: members.map(|member| audience.known(member)).collect(),
            feeds: feeds.cloned().collect(),
            voices: voices.cloned().collect(),
            speaking: self.heard_by(&audience),
            policy: self.policy.clone(),
            programme: (self.programme.clone(), self.programme_site.clone()),
        }
    }

    /// Takes what its home says.
    pub(crate) fn hear(&mut self, now: Instant, dispatch: Dispatch, out: &mut Outbox) {
        match dispatch {
            Dispatch::Opened(opening) => self.open(now, *opening, out),
            Dispatch::Said(message) => self.follow_home(now, *message, out),
            Dispatch::SaidTo(member, message) => {
                for client in self.clients_of(member) {
                    out.say(client, (*message).clone());
                }
            }
            Dispatch::Admitted(member) => self.admitted(member, out),
            Dispatch::Close(member, reason) => self.close_member(now, member, reason, out),
            Dispatch::Feed(feed) => {
                self.add_feed(now, feed, out);
                self.find_feeds(now, out);
            }
            Dispatch::Voice(voice) => {
                self.add_voice(now, voice, out);
                self.assign_voices(now, out);
            }
            Dispatch::Numbers(before) => {
                if let Some(annex) = &mut self.annex {
                    annex.next_block = Some(before);
                }
            }
            Dispatch::Excerpts(excerpts) => {
                self.router.take_excerpts(now, &excerpts, &mut out.departures, &mut self.news);
            }
        }
    }

    fn open(&mut self, now: Instant, opening: Opening, out: &mut Outbox) {
        let Opening { kind, last_id, members, feeds, voices, speaking, policy, programme } = opening;
        (self.kind, self.speaking, self.policy) = (kind, speaking, policy);
        (self.programme, self.programme_site) = programme;
        self.router.bound_playout_delay(longest_delay(kind, self.playout_delay_most));
        for member in members {
            self.add_present(Present::elsewhere(member, Whereabouts::Home, None), out);
        }
        feeds.into_iter().for_each(|feed| self.add_feed(now, feed, out));
        voices.into_iter().for_each(|voice| self.add_voice(now, voice, out));
        let Some(annex) = &mut self.annex else { return };
        annex.is_open = true;
        (annex.last_id, annex.left) = (last_id, BLOCK);
        for input in std::mem::take(&mut annex.waiting) {
            self.handle(now, input, out);
        }
    }

    fn add_feed(&mut self, now: Instant, feed: Published<Feed>, out: &mut Outbox) {
        let before = self.feeds.get(&feed.what.id).map(|known| known.track);
        self.take_track(now, before, (feed.track, true), feed.what.muted);
        self.tell_feed(&feed, out);
        self.feeds.insert(feed.what.id, feed);
    }

    fn add_voice(&mut self, now: Instant, voice: Published<Voice>, out: &mut Outbox) {
        let before = self.voices.get(&voice.what.id).map(|known| known.track);
        self.take_track(now, before, (voice.track, false), voice.what.muted);
        self.tell_voice(&voice, out);
        self.voices.insert(voice.what.id, voice);
    }

    /// Takes the home's track for what is new here, or was offered anew there and has another than before.
    fn take_track(
        &mut self,
        now: Instant,
        before: Option<TrackId>,
        (track, is_video): (TrackId, bool),
        is_muted: bool,
    ) {
        if before != Some(track) {
            before.into_iter().for_each(|before| self.router.unbind_track(before));
            self.router.bind_home_track(now, track, is_video);
            self.router.mute_track(track, is_muted);
        }
    }

    /// What the audience is told is also what has become of the room.
    fn follow_home(&mut self, now: Instant, message: ServerMessage, out: &mut Outbox) {
        match message {
            ServerMessage::Entered { member } => {
                self.add_present(Present::elsewhere(member, Whereabouts::Home, None), out);
            }
            ServerMessage::Left { member, .. } => self.remove_member(member, out),
            ServerMessage::Moved { ref member, .. } => {
                if let Some(present) = self.members.get_mut(&member.id) {
                    *present = Present::elsewhere(member.clone(), Whereabouts::Home, None);
                }
                self.say_to_those(|_| true, &message, out);
            }
            ServerMessage::PolicySet { ref policy, .. } => {
                self.policy.clone_from(policy);
                self.say_to_those(|_| true, &message, out);
            }
            ServerMessage::ProgrammeShown { ref programme, .. } => {
                self.programme.clone_from(programme);
                self.say_to_those(|_| true, &message, out);
                self.find_feeds(now, out);
            }
            ServerMessage::FeedUnpublished { feed } => {
                self.unpublish_feed(feed, out);
                self.find_feeds(now, out);
            }
            ServerMessage::VoiceUnpublished { voice } => {
                self.unpublish_voice(voice, out);
                self.assign_voices(now, out);
            }
            ServerMessage::FeedMuted { feed, muted, .. } => self.set_feed_muted(feed, muted, None, out),
            ServerMessage::VoiceMuted { voice, muted, .. } => self.set_voice_muted(voice, muted, None, out),
            ServerMessage::FeedFaulted { feed, fault } => self.set_feed_fault(now, feed, fault, out),
            ServerMessage::Speaking { voices } => self.set_speaking(now, voices, out),
            message => self.say_to_those(|_| true, &message, out),
        }
    }

    /// Hands on to the annexes what the router has for them.
    pub(crate) fn hand_on(&mut self, out: &mut Outbox) {
        let mut by_annex: BTreeMap<TrunkId, Vec<Excerpt>> = BTreeMap::new();
        for (annex, excerpt) in self.router.excerpts() {
            by_annex.entry(annex).or_default().push(excerpt);
        }
        let dispatches = by_annex.into_iter().map(|(annex, excerpts)| (annex, Dispatch::Excerpts(excerpts)));
        out.dispatches.extend(dispatches);
    }

    /// Says something to every annex.
    pub(crate) fn dispatch(&self, what: impl Fn() -> Dispatch, out: &mut Outbox) {
        out.dispatches.extend(self.annexes.iter().map(|annex| (*annex, what())));
    }
}
