//! Publishing: what a member shows and says.

use std::time::Instant;

use media::{Encoding, Fault, Offer, SessionId, ThumbnailNews, TrackId};
use signaling::roster::FeedFault;
use signaling::{
    Feed, FeedId, FeedOffer, MemberId, PublishedFeed, Refusal, RefusalCode, RequestId, ServerMessage, SiteId, Voice,
    VoiceId, VoiceOffer,
};

use crate::annex::{Dispatch, Petition};
use crate::client::Publishing;
use crate::entitlement::Standing;
use crate::permission::Act;
use crate::plan::{Plan, PlannedFeed, plan};
use crate::room::{Answered, Published};
use crate::{ClientId, Outbox, Room};

impl Room {
    #[expect(clippy::too_many_arguments, reason = "the fields of one message, and who says it when")]
    pub(crate) fn publish(
        &mut self,
        now: Instant,
        client: ClientId,
        re: Option<RequestId>,
        offer: Result<Offer, Refusal>,
        feeds: Vec<FeedOffer>,
        voice: Option<VoiceOffer>,
        out: &mut Outbox,
    ) -> Answered {
        let member = self.clients[&client].member;
        let site = self.members[&member].member.site.clone();
        let is_voice_alone = feeds.is_empty() && voice.is_some();
        if !(self.members[&member].standing.may(Act::Show) || is_voice_alone && self.may_speak(member)) {
            let sentence = format!("The role {} does not publish this.", self.members[&member].role().as_str());
            return Err(Refusal::new(RefusalCode::NotAllowed, sentence));
        }
        let standing = &self.members[&member].standing;
        if let Some(offer) = feeds.iter().find(|offer| !standing.may_show(offer.kind)) {
            let sentence = format!("A feed of kind {} is a site's, and this member has none.", offer.kind.as_str());
            return Err(Refusal::new(RefusalCode::NotAllowed, sentence));
        }
        let mut offer = offer?;
        let mut plan = plan(offer.outline(), feeds, voice)?;
        self.recognize(now, client, &mut plan.feeds);
        let outdone = self.make_room_for_feeds(client, &plan.feeds)?;
        let former_voice = self.recognize_former(client, &mut plan);
        let (session, answer) = self.answer_publish(now, client, &mut offer, &plan, out)?;
        let before = self.clients.get_mut(&client).and_then(|client| client.publishing.take());
        let publishing = self.bind(now, (member, former_voice), site, session, &offer, plan, before.as_ref(), out);
        if let Some(before) = &before {
            self.unpublish_dropped(before, &publishing, out);
            if before.session != session {
                self.end_session(now, before.session, out);
            }
        }
        let named = publishing.feeds.iter().map(|(mid, feed)| PublishedFeed {
            mid: mid.clone(),
            feed: *feed,
            site: self.feeds[feed].what.site.clone(),
        });
        let message = ServerMessage::Published {
            re,
            sdp: answer,
            feeds: named.collect(),
            voice: publishing.voice.as_ref().map(|(_, voice)| *voice),
        };
        out.say(client, message);
        if let Some(client) = self.clients.get_mut(&client) {
            client.publishing = Some(publishing);
        }
        outdone.into_iter().for_each(|feed| self.give_way(now, feed, out));
        self.find_feeds(now, out);
        self.assign_voices(now, out);
        Ok(())
    }

    /// Finds out which of the planned feeds are known, and which of the others follow one.
    fn recognize(&self, now: Instant, client: ClientId, plan: &mut [PlannedFeed]) {
        let own = self.clients[&client].publishing.as_ref().map(|own| own.feeds.as_slice()).unwrap_or_default();
        let mut followed = Vec::new();
        for planned in plan {
            let known = own.iter().find(|(mid, _)| *mid == planned.mid).map(|(_, known)| *known);
            planned.known = known.filter(|known| self.feeds[known].what.kind == planned.offer.kind);
            if planned.known.is_none() {
                planned.follows = self.stopped(now, self.clients[&client].member, &planned.offer, &followed);
                followed.extend(planned.follows);
            }
        }
    }

    /// Finds what the member published under the same kind and label before it came back, and its voice.
    fn recognize_former(&mut self, client: ClientId, plan: &mut Plan) -> Option<VoiceId> {
        let client = self.clients.get_mut(&client)?;
        let has_voice = plan.voice.is_some();
        for planned in plan.feeds.iter_mut().filter(|planned| planned.known.is_none()) {
            let is_same = |feed: &Feed| feed.kind == planned.offer.kind && feed.label == planned.offer.label;
            planned.former = client.former.take_feed(is_same).filter(|former| !self.feeds.contains_key(former));
        }
        has_voice.then(|| client.former.take_voice()).flatten()
    }

    /// Answers the offer on the client's connection, or on a new one if the offer is of a new one.
    fn answer_publish(
        &mut self,
        now: Instant,
        client: ClientId,
        offer: &mut Offer,
        plan: &Plan,
        out: &mut Outbox,
    ) -> Result<(SessionId, String), Refusal> {
        let open = self.clients[&client].publishing.as_ref();
        let open = open.filter(|open| open.outline.is_same_connection(offer.outline())).map(|open| open.session);
        let named: Vec<String> = plan.feeds.iter().map(|feed| feed.mid.clone()).chain(plan.voice.clone()).collect();
        let session = open.unwrap_or_else(|| self.router.open_uplink(now, offer));
        self.answer(now, client, session, offer, &named, out)
    }

    /// Answers an offer on a session, and sees to it that every named m-line has a codec. A session that is new and
    /// cannot be answered is closed.
    pub(crate) fn answer(
        &mut self,
        now: Instant,
        client: ClientId,
        session: SessionId,
        offer: &mut Offer,
        named: &[String],
        out: &mut Outbox,
    ) -> Result<(SessionId, String), Refusal> {
        let answered = self.router.answer(now, session, offer, &mut out.departures, &mut self.news);
        let refusal = match answered {
            Err(error) => Refusal::new(RefusalCode::BadSdp, format!("{error}.")),
            Ok((answer, lines)) => {
                let lacks = named.iter().find(|mid| !lines.iter().any(|line| line.mid == **mid && line.has_encoding));
                match lacks {
                    None => {
                        self.sessions.insert(session, client);
                        return Ok((session, answer));
                    }
                    Some(mid) => {
                        let sentence = format!("The m-line {mid} offers no codec that this server forwards.");
                        Refusal::new(RefusalCode::NoCodec, sentence)
                    }
                }
            }
        };
        if !self.sessions.contains_key(&session) {
            self.router.close(now, session, &mut out.departures);
            self.news.retain(|news| !matches!(news, media::News::Way(of, _) if *of == session));
        }
        Err(refusal)
    }

    /// Makes a feed of each m-line that is to be one; what the client published before under the same `mid` and
    /// kind stays the same feed.
    #[expect(clippy::too_many_arguments, reason = "everything that binds a track to its site is decided here, once")]
    fn bind(
        &mut self,
        now: Instant,
        (member, former_voice): (MemberId, Option<VoiceId>),
        site: Option<SiteId>,
        session: SessionId,
        offer: &Offer,
        plan: Plan,
        before: Option<&Publishing>,
        out: &mut Outbox,
    ) -> Publishing {
        let same_session = before.filter(|before| before.session == session);
        let mut feeds = Vec::new();
        for PlannedFeed { mid, offer: feed, known, follows, former } in plan.feeds {
            let track = match (known, same_session) {
                (Some(known), Some(_)) => Some(self.feeds[&known].track),
                _ => self.router.bind_track(now, session, &mid, offer),
            };
            let Some(track) = track else { continue };
            let follows = follows.or_else(|| self.feeds[&known?].what.follows);
            let id = known.or(former).unwrap_or_else(|| FeedId(self.next_id()));
            let what = Feed {
                id,
                member,
                site: site.clone(),
                kind: feed.kind,
                label: feed.label,
                codec: known.and_then(|known| self.feeds[&known].what.codec.clone()),
                muted: known.is_some_and(|known| self.feeds[&known].what.muted),
                fault: None,
                follows,
            };
            if what.muted {
                self.router.mute_track(track, true);
            }
            let published = Published { what, track };
            self.tell_feed(&published, out);
            self.feeds.insert(id, published);
            feeds.push((mid, id));
        }
        let voice = plan.voice.and_then(|mid| {
            let known = before.and_then(|before| before.voice.as_ref()).filter(|(known, _)| *known == mid);
            let known = known.map(|(_, voice)| *voice);
            let track = match (known, same_session) {
                (Some(voice), Some(_)) => self.voices[&voice].track,
                _ => self.router.bind_track(now, session, &mid, offer)?,
            };
            let former = former_voice.filter(|former| !self.voices.contains_key(former));
            let id = known.or(former).unwrap_or_else(|| VoiceId(self.next_id()));
            let muted = known.is_some_and(|voice| self.voices[&voice].what.muted);
            let published = Published { what: Voice { id, member, site: site.clone(), muted }, track };
            self.tell_voice(&published, out);
            self.voices.insert(id, published);
            Some((mid, id))
        });
        self.settle_voices();
        Publishing { session, outline: offer.outline().clone(), feeds, voice }
    }

    pub(crate) fn tell_feed(&self, feed: &Published<Feed>, out: &mut Outbox) {
        let message = ServerMessage::FeedPublished { feed: feed.what.clone() };
        self.say_to_those(|standing| self.may_see(standing, &feed.what), &message, out);
        if self.may_see(&Standing::audience(), &feed.what) {
            self.dispatch(|| Dispatch::Feed(feed.clone()), out);
        }
    }

    pub(crate) fn tell_voice(&self, voice: &Published<Voice>, out: &mut Outbox) {
        let message = ServerMessage::VoicePublished { voice: voice.what.clone() };
        self.say_to_those(|standing| self.may_know_voice(standing, &voice.what), &message, out);
        if self.may_know_voice(&Standing::audience(), &voice.what) {
            self.dispatch(|| Dispatch::Voice(voice.clone()), out);
        }
    }

    fn unpublish_dropped(&mut self, before: &Publishing, after: &Publishing, out: &mut Outbox) {
        for (_, feed) in &before.feeds {
            if !after.feeds.iter().any(|(_, kept)| kept == feed) {
                self.unpublish_feed(*feed, out);
            }
        }
        if let Some((_, voice)) = &before.voice
            && after.voice.as_ref().is_none_or(|(_, kept)| kept != voice)
        {
            self.unpublish_voice(*voice, out);
        }
    }

    /// Everything that a connection published is over.
    pub(crate) fn unpublish_all(&mut self, now: Instant, publishing: &Publishing, out: &mut Outbox) {
        for (_, feed) in &publishing.feeds {
            self.unpublish_feed(*feed, out);
        }
        if let Some((_, voice)) = &publishing.voice {
            self.unpublish_voice(*voice, out);
        }
        self.find_feeds(now, out);
        self.assign_voices(now, out);
    }

    pub(crate) fn unpublish_feed(&mut self, id: FeedId, out: &mut Outbox) {
        let Some(gone) = self.feeds.remove(&id) else { return };
        self.unbind(gone.track, out);
        self.tell(|standing| self.may_see(standing, &gone.what), ServerMessage::FeedUnpublished { feed: id }, out);
    }

    pub(crate) fn unpublish_voice(&mut self, id: VoiceId, out: &mut Outbox) {
        let Some(gone) = self.voices.remove(&id) else { return };
        self.unbind(gone.track, out);
        let message = ServerMessage::VoiceUnpublished { voice: id };
        self.tell(|standing| self.may_know_voice(standing, &gone.what), message, out);
    }

    /// Nothing comes from a track any more. Of an annex it may be that only its home knows more of it, and may show it again.
    fn unbind(&mut self, track: TrackId, out: &mut Outbox) {
        self.router.unbind_track(track);
        if self.is_annex() {
            out.petitions.push(Petition::Wanted(track, false));
        }
    }

    pub(crate) fn mute_feed(
        &mut self,
        client: ClientId,
        re: Option<RequestId>,
        id: FeedId,
        muted: bool,
        out: &mut Outbox,
    ) -> Answered {
        if !self.clients[&client].publishes(id) || !self.feeds.contains_key(&id) {
            return Err(Refusal::new(RefusalCode::UnknownFeed, format!("Feed {id} is none of this client's.")));
        }
        self.set_feed_muted(id, muted, Some((client, re)), out);
        Ok(())
    }

    /// Holds a feed back from everybody, or lets it through again; `asked` is the client that wanted it so.
    pub(crate) fn set_feed_muted(
        &mut self,
        id: FeedId,
        muted: bool,
        asked: Option<(ClientId, Option<RequestId>)>,
        out: &mut Outbox,
    ) {
        let Some(feed) = self.feeds.get_mut(&id) else { return };
        feed.what.muted = muted;
        let (track, feed) = (feed.track, feed.what.clone());
        self.router.mute_track(track, muted);
        self.tell_answering(
            asked,
            |standing| self.may_see(standing, &feed),
            |re| ServerMessage::FeedMuted { re, feed: id, muted },
            out,
        );
    }

    /// The first packets of a feed say what its codec is.
    pub(crate) fn feed_started(&mut self, track: TrackId, encoding: Encoding, out: &mut Outbox) {
        let Some(feed) = self.feeds.values_mut().find(|feed| feed.track == track) else { return };
        let codec = Some(encoding.name().to_owned());
        if feed.what.codec != codec {
            feed.what.codec = codec;
            let feed = feed.clone();
            self.tell_feed(&feed, out);
        }
    }

    pub(crate) fn feed_faulted(&mut self, now: Instant, track: TrackId, fault: Option<Fault>, out: &mut Outbox) {
        let Some(feed) = self.feeds.values().find(|feed| feed.track == track) else { return };
        let fault = fault.map(|fault| match fault {
            Fault::BFrames => FeedFault::BFrames,
            Fault::NoKeyframe => FeedFault::NoKeyframe,
            Fault::Silent => FeedFault::Silent,
        });
        let id = feed.what.id;
        tracing::info!(room = %self.id, feed = id.0, ?fault, "feed fault changed");
        self.set_feed_fault(now, id, fault, out);
    }

    pub(crate) fn thumbnail_changed(&self, track: TrackId, news: ThumbnailNews, out: &mut Outbox) {
        if news == ThumbnailNews::OutOfReach
            && let Some(feed) = self.feeds.values().find(|feed| feed.track == track)
        {
            let feed = feed.what.id.0;
            tracing::info!(room = %self.id, feed, "no thumbnail is made of a feed larger than level 4 of H.264 allows");
        }
        out.thumbnails.push((track, news));
    }
}
