//! Whether anybody watches a layer, and what its publisher is told of it.

use std::time::{Duration, Instant};

/// A layer that nobody has watched for this long need not be sent: those who come and go cost its publisher no keyframes.
const UNWATCHED_AFTER: Duration = Duration::from_secs(30);
/// A layer that is wanted has come within this, or its publisher's line has no room for it beside what it brings.
const COMES_WITHIN: Duration = Duration::from_millis(500);
/// Where it has not come within this either, the next best is asked for: each costs an encoder. That is waited for longer, for
/// what is below it comes anyway. So long as its publisher takes to obey is added to both.
const AWAITED_FOR: Duration = Duration::from_secs(1);
const AWAITED_INSTEAD_FOR: Duration = Duration::from_secs(3);
/// Who takes longer does not understand what it is told.
const OBEYS_WITHIN: Duration = Duration::from_secs(3);
/// What rested because something larger had come, and is needed instead of that again within this, comes and goes no more.
const BRIEFLY_AGAIN: Duration = Duration::from_secs(60);

/// Who needs a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// Somebody who wants another one, and sees this or would until that comes.
    Instead,
    /// Somebody who wants this one.
    Wanted,
}

/// What is known of a publisher's line, and of the publisher.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PublisherLine {
    /// It has no room for something that is watched.
    pub(crate) lacks_room: bool,
    /// What comes over it in a second.
    pub(crate) rate_bps: u64,
    /// So long after it was told that nobody watches something that came no more.
    pub(crate) slowness: Duration,
}

/// What is known of it.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// Who needs it, and since when somebody does, or nobody; none before it was looked at.
    state: Option<(Option<Need>, Instant)>,
    /// Until when it may still come, where somebody needs it.
    awaited_until: Option<Instant>,
    /// Since when its publisher has been told that nobody watches it, and need not send it.
    paused_at: Option<Instant>,
    /// So long after that it came no more, the last time.
    pub(crate) slowness: Duration,
    /// It was asked for instead of something larger, and rests as soon as that is there; and when it last came to rest so.
    is_brief: bool,
    rested_at: Option<Instant>,
    in_vain: Option<InVain>,
}

impl Watch {
    /// Takes who needs it. One that nobody needs is paused in a while, or at once where it was there instead of something larger,
    /// did not come, or its publisher's line lacks room. True if its publisher is to be told.
    pub(crate) fn note(&mut self, now: Instant, need: Option<Need>, comes: bool, line: PublisherLine) -> bool {
        let (before, since) = self.state.unwrap_or((None, now));
        let since = if before.is_some() == need.is_some() { since } else { now };
        if before.is_none() && need.is_some() {
            self.ask(now, need, line);
        }
        self.is_brief &= need != Some(Need::Wanted);
        let was_in_vain = before == Some(Need::Instead) && need.is_none() && !comes && !self.is_awaited(now);
        if was_in_vain {
            let asked_at = self.since(true).unwrap_or(now);
            self.in_vain = Some(InVain::again(self.in_vain, now, asked_at, line.rate_bps));
        }
        let is_over = now.saturating_duration_since(since) >= UNWATCHED_AFTER;
        let is_to_rest = self.is_paused() || line.lacks_room || self.is_brief || was_in_vain || is_over;
        let is_paused = need.is_none() && is_to_rest;
        let is_news = is_paused != self.is_paused();
        if is_news && self.is_brief && comes {
            self.rested_at = Some(now);
        }
        self.paused_at = self.paused_at.or(Some(now)).filter(|_| is_paused);
        self.state = Some((need, since));
        is_news
    }

    fn ask(&mut self, now: Instant, need: Option<Need>, line: PublisherLine) {
        let is_instead = need == Some(Need::Instead);
        let awaited_for = if is_instead { AWAITED_INSTEAD_FOR } else { AWAITED_FOR };
        self.awaited_until = Some(now + awaited_for + line.slowness.min(OBEYS_WITHIN));
        let is_again = self.rested_at.is_some_and(|at| now.saturating_duration_since(at) < BRIEFLY_AGAIN);
        self.is_brief = is_instead && self.is_paused() && !is_again;
    }

    /// Takes when its last packet came.
    pub(crate) fn note_packet(&mut self, at: Instant) {
        let slowness = self.paused_at.and_then(|paused_at| at.checked_duration_since(paused_at));
        self.slowness = slowness.filter(|slowness| !slowness.is_zero()).unwrap_or(self.slowness);
    }

    /// Takes what comes over its publisher's line: where that is wider than it was when this did not come, it may now.
    pub(crate) fn note_line(&mut self, now: Instant, line: PublisherLine) {
        if let Some(in_vain) = &mut self.in_vain {
            in_vain.note_line(now, line.rate_bps);
        }
    }

    /// Something else is wanted of its publisher than when it did not come.
    pub(crate) fn forget_what_was_in_vain(&mut self) {
        self.in_vain = None;
    }

    /// True if its publisher was told that nobody watches it, and need not send it.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused_at.is_some()
    }

    /// True if somebody wants this very one.
    pub(crate) fn is_wanted(&self) -> bool {
        self.state.is_some_and(|(need, _)| need == Some(Need::Wanted))
    }

    /// True if it has been watched for so long that it should have come.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        self.since(true).is_some_and(|since| now.saturating_duration_since(since) >= COMES_WITHIN)
    }

    /// True if it has been needed for so short a time that it may still come.
    pub(crate) fn is_awaited(&self, now: Instant) -> bool {
        self.since(true).is_some() && self.awaited_until.is_some_and(|until| now < until)
    }

    /// True if it may still come, or might if somebody needed it.
    pub(crate) fn may_come(&self, now: Instant) -> bool {
        let is_to_be_left = self.in_vain.is_some_and(|in_vain| now < in_vain.again_at);
        self.is_awaited(now) || self.is_paused() && !is_to_be_left
    }

    fn since(&self, is_needed: bool) -> Option<Instant> {
        self.state.filter(|(need, _)| need.is_some() == is_needed).map(|(_, since)| since)
    }
}

/// That a layer was asked for instead of something larger and did not come. It is asked for again when that may have changed, and
/// else more and more seldom: who says so again and again has the publisher's encoder begin again and again.
#[derive(Debug, Clone, Copy)]
struct InVain {
    /// After the first.
    times: u32,
    again_at: Instant,
    /// The most that came over its publisher's line at any of those times, in bits a second.
    rate_bps: u64,
}

impl InVain {
    const AGAIN_AFTER: Duration = Duration::from_secs(2);
    const AGAIN_AT_LAST: Duration = Duration::from_secs(60);
    /// Of what came over a line, in percent, where it is wider: less is the pictures.
    const WIDER_PERCENT: u64 = 125;

    fn again(before: Option<Self>, now: Instant, asked_at: Instant, rate_bps: u64) -> Self {
        // What was there for so long has come meanwhile.
        let before = before.filter(|_| now.saturating_duration_since(asked_at) < Self::AGAIN_AT_LAST);
        let times = before.map_or(0, |before| (before.times + 1).min(8));
        let after = (Self::AGAIN_AFTER * (1 << times)).min(Self::AGAIN_AT_LAST);
        Self { times, again_at: now + after, rate_bps: before.map_or(0, |before| before.rate_bps).max(rate_bps) }
    }

    fn note_line(&mut self, now: Instant, rate_bps: u64) {
        if rate_bps * 100 > self.rate_bps * Self::WIDER_PERCENT {
            *self = Self { times: 0, again_at: now, rate_bps };
        }
    }
}
