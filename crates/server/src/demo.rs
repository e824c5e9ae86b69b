//! Three invented sites with four feeds and a voice each, published through the server's own WHIP endpoint as any
//! device would.
//!
//! The pictures are drawn and encoded once, when the demo first starts, kept for later starts, and sent in a loop with
//! correct times; see `codec::clip`. Frame numbers and site and feed stand in every picture's corner strip.

use std::num::NonZero;
use std::ops::Range;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;

use capture::{CaptureClock, LoopedClip, Looping, Target, loop_clip};
use codec::{Clip, ClipPlan, Motif};
use signaling::{FeedKind, Private, RoomId};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::clip_cache::ClipCache;

/// The invented sites, by the identifiers that their tokens must carry.
pub const SITES: [&str; 3] = ["site-a", "site-b", "site-c"];

/// What each site publishes: its kind, what is drawn, and the publisher's own words for it.
const FEEDS: [(FeedKind, Motif, &str); 4] = [
    (FeedKind::Endoscope, Motif::Endoscope, "Colonoscope"),
    (FeedKind::Ultrasound, Motif::Ultrasound, "Liver ultrasound"),
    (FeedKind::Ct, Motif::Ct, "CT abdomen"),
    (FeedKind::Room, Motif::Room, "Room camera"),
];
const FEED_COUNT: usize = SITES.len() * FEEDS.len();

/// Fundamental frequency of each site's voice: no one is near another or an octave of it.
pub const PITCHES_HZ: [f32; 3] = [110.0, 147.0, 196.0];

const WIDTH: usize = 640;
const HEIGHT: usize = 360;
const FPS: u32 = 25;
const LOOP_S: u32 = 8;
const BITRATE_BPS: u32 = 700_000;
/// Feeds are captured one after the other within a frame's time, so that they do not send in one burst.
const PHASE_STEP: Duration = Duration::from_micros(1_000_000 / (FPS as u64 * FEED_COUNT as u64));

/// Why the demo has no pictures.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A feed could not be drawn or encoded.
    #[error("cannot draw and encode a feed")]
    Draw(#[source] codec::Error),
    /// A feed could not be made ready to be sent.
    #[error("cannot prepare a feed for sending")]
    Prepare(#[source] capture::Error),
    /// A drawing thread died.
    #[error("a drawing thread stopped before all feeds were drawn")]
    Thread,
}

/// The sites at work: they publish, and come back by themselves after a restart of the server, until this is
/// dropped.
#[derive(Debug)]
pub struct Demo {
    feeds: JoinSet<()>,
    progress: Vec<watch::Receiver<Looping>>,
}

impl Demo {
    /// Waits until the server has taken every feed.
    pub async fn published(&mut self) {
        for feed in &mut self.progress {
            // The sender lives as long as its feed's task, and that as long as `self`.
            feed.wait_for(|now| now.connected).await.ok();
        }
    }

    /// How each feed fares, site by site.
    pub fn progress(&self) -> Vec<Looping> {
        self.progress.iter().map(|feed| *feed.borrow()).collect()
    }

    /// Never returns while the feeds run, which is until the end.
    pub async fn run(mut self) {
        while self.feeds.join_next().await.is_some() {}
    }
}

/// Makes twelve feeds and publishes each as soon as it is ready; returns when all are on their way.
///
/// `tokens` are device tokens for the room, one of each of [`SITES`]; a site's four connections all use its one. They
/// should be valid for as long as the demo may run.
///
/// # Errors
/// A feed could not be drawn. What the network does is no error: the feeds keep trying.
pub async fn start_sites(base_url: &str, room: &RoomId, tokens: [Private<String>; 3]) -> Result<Demo, DemoError> {
    let mut demo = Demo { feeds: JoinSet::new(), progress: Vec::with_capacity(FEED_COUNT) };
    let clocks = SITES.map(|_| CaptureClock::start());
    let mut clips = make_all();
    for _ in 0..FEED_COUNT {
        let (index, clip) = clips.recv().await.ok_or(DemoError::Thread)?;
        let clip = LoopedClip::new(clip.map_err(DemoError::Draw)?).map_err(DemoError::Prepare)?;
        let (site, (kind, _, label)) = (index / FEEDS.len(), FEEDS[index % FEEDS.len()]);
        let token = tokens[site].reveal().as_str();
        let target = Target::whip(base_url, room.as_str(), kind.as_str(), label, token).map_err(DemoError::Prepare)?;
        let (report, progress) = watch::channel(Looping::default());
        let (clock, phase) = (clocks[site], PHASE_STEP * index as u32);
        demo.progress.push(progress);
        demo.feeds.spawn(async move {
            loop_clip(target, &clip, clock, phase, &report).await;
        });
    }
    Ok(demo)
}

/// Takes all feeds from the cache, or draws and encodes them, on threads of their own; they come in the order in which
/// they are ready.
fn make_all() -> mpsc::Receiver<(usize, Result<Clip, codec::Error>)> {
    let (ready, clips) = mpsc::channel(FEED_COUNT);
    // Opened by the first thread that asks: it takes some hundredths of a second.
    let cache = Arc::new(LazyLock::new(ClipCache::open));
    let turns = Arc::new(Mutex::new(0..FEED_COUNT));
    for _ in 0..available_parallelism().map_or(1, NonZero::get).min(FEED_COUNT) {
        let (ready, cache, turns) = (ready.clone(), Arc::clone(&cache), Arc::clone(&turns));
        // Not the runtime's own threads: those would be waited for when the demo is stopped while it draws.
        let drawing = move || {
            let cache = LazyLock::force(&cache).as_ref();
            while let Some((index, kept)) = next_feed(&turns, cache) {
                let clip = kept.map_or_else(|| make(index, cache), Ok);
                // Nobody waits for it any more: the demo was stopped while it drew.
                if ready.blocking_send((index, clip)).is_err() {
                    return;
                }
            }
        };
        // Without any thread there is nobody left to send, which the receiver says.
        std::thread::Builder::new().name("drawing".to_owned()).spawn(drawing).ok();
    }
    clips
}

/// The next feed, and its clip if that has been kept.
fn next_feed(turns: &Mutex<Range<usize>>, cache: Option<&ClipCache>) -> Option<(usize, Option<Clip>)> {
    // Held until its line is written: two threads that begin at once would write theirs in any order.
    let mut turns = turns.lock().unwrap_or_else(PoisonError::into_inner);
    let turn = turns.next()?;
    // Kind by kind: endoscopes are what everybody looks at, and what takes longest to draw.
    let index = turn % SITES.len() * FEEDS.len() + turn / SITES.len();
    let kept = cache.and_then(|cache| cache.read(index, &plan(index)));
    if kept.is_none() {
        tracing::info!("drawing and encoding feed {} of {FEED_COUNT}", turn + 1);
    }
    Some((index, kept))
}

/// Draws and encodes a feed, and keeps it for the next start.
fn make(index: usize, cache: Option<&ClipCache>) -> Result<Clip, codec::Error> {
    let plan = plan(index);
    let clip = plan.make()?;
    if let Some(Err(error)) = cache.map(|cache| cache.keep(index, &plan, &clip)) {
        tracing::warn!(%error, "cannot keep an encoded feed: the next start draws it again");
    }
    Ok(clip)
}

/// The clip of one of the twelve feeds, counted site by site.
fn plan(index: usize) -> ClipPlan {
    let (site, feed) = (index / FEEDS.len(), index % FEEDS.len());
    let (kind, motif, _) = FEEDS[feed];
    let kind_index = FeedKind::ALL.iter().position(|known| *known == kind).unwrap_or_default();
    ClipPlan {
        motif,
        seed: site as u32 + 1,
        site: site as u8,
        kind: kind_index as u8,
        width: WIDTH,
        height: HEIGHT,
        fps: FPS,
        length_s: LOOP_S,
        bitrate_bps: BITRATE_BPS,
        // One microphone per site; it goes with the first feed.
        pitch_hz: (feed == 0).then_some(PITCHES_HZ[site]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_feeds_differ_and_three_have_a_voice() {
        let plans: Vec<ClipPlan> = (0..FEED_COUNT).map(plan).collect();
        let voices = plans.iter().filter(|plan| plan.pitch_hz.is_some()).count();
        assert_eq!(voices, SITES.len());
        for (index, one) in plans.iter().enumerate() {
            for other in &plans[..index] {
                assert_ne!((one.site, one.kind), (other.site, other.kind));
                assert!(one.motif != other.motif || one.seed != other.seed, "the same picture twice");
            }
            assert!(u32::from(one.frames()) == FPS * LOOP_S);
        }
    }
}
