//! How a feed fares, and what takes its place.

use std::time::Instant;

use media::TrackId;
use signaling::roster::FeedFault;
use signaling::{CloseReason, Feed, FeedId, FeedOffer, MemberId, Refusal, RefusalCode, ServerMessage, limit};

use crate::client::Client;
use crate::plan::PlannedFeed;
use crate::room::Published;
use crate::{ClientId, Door, Outbox, Room};

impl Room {
    /// What this person or device has published under the same name and has stopped bringing anything, `but` for these: a box
    /// that was killed is back long before its session is given up, a page long before its WebSocket, and is another member
    /// then. Another camera under that name still comes.
    pub(crate) fn stopped(&self, now: Instant, member: MemberId, feed: &FeedOffer, but: &[FeedId]) -> Option<FeedId> {
        let publisher = |member: MemberId| {
            let present = &self.members[&member];
            (&present.whereabouts, &present.member.site)
        };
        let is_same = |what: &Feed| {
            (what.kind, &what.label) == (feed.kind, &feed.label) && publisher(what.member) == publisher(member)
        };
        let has_stopped = |feed: &&Published<Feed>| {
            is_same(&feed.what) && !but.contains(&feed.what.id) && self.router.has_stopped(now, feed.track)
        };
        self.feeds.values().rev().find(has_stopped).map(|feed| feed.what.id)
    }

    /// A site publishes four feeds at most, however many clients it has (row E02); silent ones apart. Gives those that are over
    /// when the planned ones come: those that are followed, where there is no place beside them.
    pub(crate) fn make_room_for_feeds(&self, client: ClientId, plan: &[PlannedFeed]) -> Result<Vec<FeedId>, Refusal> {
        let client = &self.clients[&client];
        let site = self.members[&client.member].member.site.as_ref();
        let is_anothers = |feed: &&Published<Feed>| {
            let what = &feed.what;
            let is_same = if site.is_some() { what.site.as_ref() == site } else { what.member == client.member };
            is_same && !client.publishes(what.id)
        };
        let mut others: Vec<_> = self.feeds.values().filter(is_anothers).collect();
        let wanted = plan.len();
        // One that has vanished does not keep the next one out, and no site has more than as many again of those.
        let live = |others: &[&Published<Feed>]| others.iter().filter(|feed| !feed.is_silent()).count();
        let have_room = |others: &[&Published<Feed>]| {
            live(others) + wanted <= limit::FEEDS_PER_SITE && others.len() + wanted <= 2 * limit::FEEDS_PER_SITE
        };
        if have_room(&others) {
            return Ok(Vec::new());
        }
        let is_followed = |feed: &mut &Published<Feed>| plan.iter().any(|new| new.follows == Some(feed.what.id));
        let outdone = others.extract_if(.., is_followed).map(|feed| feed.what.id).collect();
        if have_room(&others) {
            return Ok(outdone);
        }
        let sentence = format!(
            "A site publishes at most {} feeds at a time; it has {} and this would add {wanted}.",
            limit::FEEDS_PER_SITE,
            live(&others)
        );
        Err(Refusal::new(RefusalCode::TooManyFeeds, sentence))
    }

    /// A feed is over, for another has its place. So is a WHIP session that brought nothing else: if somebody is behind it
    /// after all, that is how it learns of it.
    pub(crate) fn give_way(&mut self, now: Instant, id: FeedId, out: &mut Outbox) {
        tracing::info!(room = %self.id, feed = id.0, "feed gave way");
        self.unpublish_feed(id, out);
        let holder = self.clients.iter_mut().find(|(_, client)| client.publishes(id));
        let Some((holder, Client { door, publishing: Some(publishing), .. })) = holder else { return };
        publishing.feeds.retain(|(_, feed)| *feed != id);
        let (holder, is_done) = (*holder, *door == Door::Whip && publishing.feeds.is_empty());
        if is_done {
            self.leave(now, holder, CloseReason::TimedOut, out);
        }
    }

    /// Tells a feed's publisher which of its layers are watched, where it can be told.
    pub(crate) fn layers_watched(&self, track: TrackId, layers: Vec<String>, out: &mut Outbox) {
        let Some((id, _)) = self.feeds.iter().find(|(_, feed)| feed.track == track) else { return };
        let publisher = self.clients.iter().find(|(_, client)| client.publishes(*id));
        if let Some((client, _)) = publisher.filter(|(_, client)| client.door == Door::WebSocket) {
            tracing::debug!(room = %self.id, feed = id.0, ?layers, "layers watched");
            out.say(*client, ServerMessage::LayersWatched { feed: *id, layers });
        }
    }

    pub(crate) fn set_feed_fault(&mut self, now: Instant, id: FeedId, fault: Option<FeedFault>, out: &mut Outbox) {
        let Some(feed) = self.feeds.get_mut(&id) else { return };
        feed.what.fault = fault;
        let feed = feed.what.clone();
        let message = ServerMessage::FeedFaulted { feed: id, fault };
        self.tell(|standing| self.may_see(standing, &feed), message, out);
        self.find_feeds(now, out);
    }
}

impl Published<Feed> {
    /// True if nothing comes of it: its publisher may be gone.
    pub(crate) fn is_silent(&self) -> bool {
        self.what.fault == Some(FeedFault::Silent)
    }
}
