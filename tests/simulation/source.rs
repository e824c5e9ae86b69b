//! What publishes a track, as the simulation knows it.

use std::time::{Duration, Instant};

use signaling::{FeedId, FeedKind, SiteId};

/// One track of one publisher: what packets name.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) client: usize,
    pub(crate) peer: usize,
    pub(crate) site: Option<SiteId>,
    pub(crate) is_voice: bool,
    /// None for a voice.
    pub(crate) kind: Option<FeedKind>,
    pub(crate) feed: Option<FeedId>,
    /// Since when frames have left its publisher.
    pub(crate) live_since: Option<Instant>,
    /// When its publisher offered something else in its place; none while it is what its feed shows.
    pub(crate) replaced_at: Option<Instant>,
    /// Since when it is let through, or held back; the latest last.
    pub(crate) muted: Vec<(Instant, bool)>,
}

impl Source {
    pub(crate) fn is_muted(&self) -> bool {
        self.muted.last().is_some_and(|(_, muted)| *muted)
    }

    /// Held back at that moment and longer than this before it, and just after it.
    pub(crate) fn was_muted(&self, at: Instant, longer_than: Duration) -> bool {
        let before = self.muted.iter().rfind(|(since, _)| *since < at);
        before.is_some_and(|(since, muted)| *muted && at.duration_since(*since) > longer_than)
            && !self.muted.iter().any(|(since, _)| *since == at)
    }

    pub(crate) fn let_through_at(&self) -> Option<Instant> {
        self.muted.last().map(|(at, _)| *at)
    }
}
