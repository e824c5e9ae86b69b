//! How a feed fares, and what takes its place.

use std::time::Instant;

use media::TrackId;
use signaling::roster::FeedFault;
use signaling::{Feed, FeedId, FeedOffer, MemberId, ServerMessage, SiteId};

use crate::client::Publishing;
use crate::room::Published;
use crate::{Door, Outbox, Room};

impl Room {
    /// What this member has published under the same name and has stopped bringing anything: a box that was killed is back
    /// long before its session is given up. Another camera under that name still comes.
    pub(crate) fn stopped(
        &self,
        now: Instant,
        (member, site): (MemberId, Option<&SiteId>),
        feed: &FeedOffer,
    ) -> Option<FeedId> {
        let is_same = |what: &Feed| {
            (what.member, what.site.as_ref(), what.kind, &what.label) == (member, site, feed.kind, &feed.label)
        };
        let stopped = |feed: &&Published<Feed>| is_same(&feed.what) && self.router.has_stopped(now, feed.track);
        self.feeds.values().rev().find(stopped).map(|feed| feed.what.id)
    }

    /// Tells a feed's publisher which of its layers are watched, where it can be told.
    pub(crate) fn layers_watched(&self, track: TrackId, layers: Vec<String>, out: &mut Outbox) {
        let Some((id, _)) = self.feeds.iter().find(|(_, feed)| feed.track == track) else { return };
        let publishes = |own: &Publishing| own.feeds.iter().any(|(_, feed)| feed == id);
        let publisher = self.clients.iter().find(|(_, client)| client.publishing.as_ref().is_some_and(publishes));
        if let Some((client, _)) = publisher.filter(|(_, client)| client.door == Door::WebSocket) {
            tracing::debug!(room = %self.id, feed = id.0, ?layers, "layers watched");
            out.say(*client, ServerMessage::LayersWatched { feed: *id, layers });
        }
    }

    pub(crate) fn set_feed_fault(&mut self, now: Instant, id: FeedId, fault: Option<FeedFault>, out: &mut Outbox) {
        let Some(feed) = self.feeds.get_mut(&id) else { return };
        feed.what.fault = fault;
        let site = feed.what.site.clone();
        let message = ServerMessage::FeedFaulted { feed: id, fault };
        self.tell(|standing| standing.may_perceive(site.as_ref()), message, out);
        self.find_feeds(now, out);
    }
}

impl Published<Feed> {
    /// True if nothing comes of it: its publisher may be gone.
    pub(crate) fn is_silent(&self) -> bool {
        self.what.fault == Some(FeedFault::Silent)
    }
}
