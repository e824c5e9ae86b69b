//! One m-line of a viewer: what it was told to expect there, and what came.

use std::time::{Duration, Instant, SystemTime};

use signaling::{FeedId, VacantReason};
use str0m::media::SenderFeedback;

use crate::player::Player;
use crate::sight::Sight;

/// What was lost of a feed may be sent again so long after the slot was given another.
pub(crate) const RESENT_WITHIN: Duration = Duration::from_secs(3);

/// A slot, or a place for a voice.
#[derive(Debug)]
pub(crate) struct Screen {
    /// None for a voice.
    pub(crate) slot: Option<u32>,
    pub(crate) ssrc: u32,
    pub(crate) resend_ssrc: Option<u32>,
    pub(crate) sight: Sight,
    pub(crate) player: Player,
    /// What the server said that the slot shows, and when.
    pub(crate) shows: Vec<(Instant, Option<FeedId>)>,
    /// When it was told what it waits for, the server's capacity or its own line, and that it goes on; the latest last.
    pub(crate) waits: Vec<(Instant, Option<VacantReason>)>,
    pub(crate) asked_at: Option<Instant>,
    pub(crate) requests: u32,
    pub(crate) packets: u64,
    pub(crate) report: Option<SenderFeedback>,
    pub(crate) told: Vec<Told>,
    /// How long the last packet said that pictures are to be held back.
    pub(crate) playout_delay: Option<Duration>,
}

/// How far from the truth it is when a frame is said to have been captured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) at: Instant,
    /// By the packets' own words, and by the sender reports.
    pub(crate) carried_error_us: i64,
    pub(crate) reported_error_us: Option<i64>,
}

impl Screen {
    pub(crate) fn new(name: String, slot: Option<u32>, (ssrc, resend_ssrc): (u32, Option<u32>)) -> Self {
        Self {
            slot,
            ssrc,
            resend_ssrc,
            sight: Sight::of(name),
            player: Player::default(),
            shows: Vec::new(),
            waits: Vec::new(),
            asked_at: None,
            requests: 0,
            packets: 0,
            report: None,
            told: Vec::new(),
            playout_delay: None,
        }
    }

    pub(crate) fn show(&mut self, now: Instant, feed: Option<FeedId>) {
        self.shows.push((now, feed));
    }

    pub(crate) fn wait(&mut self, now: Instant, vacant: Option<VacantReason>) {
        let wait = vacant.filter(|vacant| matches!(vacant, VacantReason::Capacity | VacantReason::Line));
        if self.waits_for() != wait {
            self.waits.push((now, wait));
        }
    }

    /// What it waits for, and knows.
    pub(crate) fn waits_for(&self) -> Option<VacantReason> {
        self.waits.last().and_then(|(_, wait)| *wait)
    }

    /// What it shows, and since when.
    pub(crate) fn shown(&self) -> Option<(Instant, FeedId)> {
        let (since, feed) = self.shows.last()?;
        let earlier = self.shows.iter().rev().take_while(|(_, other)| other == feed).last();
        Some((earlier.map_or(*since, |(at, _)| *at), (*feed)?))
    }

    /// Whether a packet of this feed could be sent then: the first time, or again.
    pub(crate) fn may_show(&self, feed: FeedId, sent_at: Instant, is_resent: bool) -> bool {
        let since = if is_resent { sent_at - RESENT_WITHIN } else { sent_at };
        let present = self.shows.iter().rposition(|(at, _)| *at < since);
        let candidates = self.shows[present.unwrap_or(0)..].iter().filter(|(at, _)| *at <= sent_at);
        candidates.into_iter().any(|(_, shown)| *shown == Some(feed))
    }

    /// The capture time of a frame by the latest sender report.
    pub(crate) fn reported(&self, rtp_ticks: u32) -> Option<SystemTime> {
        let report = &self.report.as_ref()?.sender_info;
        let ahead = i64::from(rtp_ticks.wrapping_sub(report.rtp_time.numer() as u32) as i32);
        let ahead_us = ahead * 1_000_000 / 90_000;
        Some(if ahead_us >= 0 {
            report.ntp_time + Duration::from_micros(ahead_us as u64)
        } else {
            report.ntp_time - Duration::from_micros(ahead_us.unsigned_abs())
        })
    }
}
