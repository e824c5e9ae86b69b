//! Whether anybody watches a layer, and what its publisher is told of it.

use std::time::{Duration, Instant};

/// A layer that nobody has watched for this long need not be sent: those who come and go cost its publisher no keyframes.
const UNWATCHED_AFTER: Duration = Duration::from_secs(30);
/// A layer that is wanted has come within this, or its publisher's line has no room for it beside what it brings.
const COMES_WITHIN: Duration = Duration::from_millis(500);
/// Where it has not come within this either, the next best is wanted: each costs an encoder.
const AWAITED_FOR: Duration = Duration::from_secs(1);

/// What is known of it.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// Whether somebody watches it, and since when it is so; none before it was looked at.
    state: Option<(bool, Instant)>,
    /// Its publisher was told that nobody watches it, and need not send it.
    pub(crate) is_paused: bool,
}

impl Watch {
    /// Takes whether somebody watches it. One that nobody watches is paused in a while, or at once if it `gives_way`. True if its
    /// publisher is to be told.
    pub(crate) fn note(&mut self, now: Instant, is_watched: bool, gives_way: bool) -> bool {
        let since = self.since(is_watched).unwrap_or(now);
        self.state = Some((is_watched, since));
        let is_over = gives_way || now.saturating_duration_since(since) >= UNWATCHED_AFTER;
        let is_paused = !is_watched && (self.is_paused || is_over);
        std::mem::replace(&mut self.is_paused, is_paused) != is_paused
    }

    /// True if it has been watched for so long that it should have come.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        self.since(true).is_some_and(|since| now.saturating_duration_since(since) >= COMES_WITHIN)
    }

    /// True if it has been wanted for so short a time that it may still come.
    pub(crate) fn is_awaited(&self, now: Instant) -> bool {
        self.since(true).is_some_and(|since| now.saturating_duration_since(since) < AWAITED_FOR)
    }

    fn since(&self, is_watched: bool) -> Option<Instant> {
        self.state.filter(|(is, _)| *is == is_watched).map(|(_, since)| since)
    }
}
