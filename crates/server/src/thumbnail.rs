//! Thumbnails: a small layer for feeds whose publisher sends only one, made while some viewer needs it.
//!
//! Decoded, scaled and encoded on threads of their own, few and with a bound on their time: a feed that costs more than
//! its share has fewer pictures, and no worker ever waits for one.

mod assembler;
mod feed;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Thread;
use std::time::Duration;

use media::TrunkId;

use crate::directory::Hand;
use crate::limit::THUMBNAILS_BEGUN;
use crate::tap::{Tap, Tapped, tap};
use crate::thumbnail::feed::{Feed, Turn};

/// What of a core one feed may take, and all feeds of one thread together.
const FEED_SHARE: f64 = 0.10;
const THREAD_SHARE: f64 = 0.50;
/// Numbers of taps come after this: they are none of trunks to annexes.
const FIRST_TAP: u64 = 1 << 63;

/// All threads that make thumbnails.
#[derive(Debug)]
pub struct Thumbnails {
    makers: Vec<Maker>,
    next: AtomicU64,
    counts: Arc<Counts>,
}

/// One thread.
#[derive(Debug)]
struct Maker {
    newcomers: SyncSender<Newcomer>,
    thread: Thread,
    feeds: Arc<AtomicUsize>,
}

/// A feed on its way to its thread.
#[derive(Debug)]
struct Newcomer {
    id: TrunkId,
    tapped: Tapped,
    wants_keyframe: Arc<AtomicBool>,
    back: Hand,
}

/// The worker's end of one thumbnail in the making. It is made until this is dropped.
#[derive(Debug)]
pub(crate) struct Making {
    /// Where the feed's packets go.
    pub(crate) tap: Tap,
    wants_keyframe: Arc<AtomicBool>,
}

/// What has been done since the server started.
#[derive(Debug, Default)]
pub struct Counts {
    /// Feeds of which one is made now.
    pub feeds: AtomicUsize,
    /// Pictures decoded.
    pub decoded: AtomicU64,
    /// Pictures made and sent.
    pub made: AtomicU64,
    /// Pictures left out because the feed's share of time was used up.
    pub skipped: AtomicU64,
    /// Pictures that could not be decoded, scaled or encoded.
    pub failed: AtomicU64,
    /// Pictures for which the worker had no room.
    pub refused: AtomicU64,
    /// Feeds of which none is made: a decoder of their pictures would be too large.
    pub out_of_reach: AtomicU64,
    /// Time that all of it took.
    pub busy_us: AtomicU64,
}

impl Counts {
    fn add(count: &AtomicU64, more: u64) {
        count.fetch_add(more, Ordering::Relaxed);
    }
}

impl Thumbnails {
    /// Starts one thread for every four cores, four at most. They sleep until there is a feed.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(cores: usize) -> io::Result<Arc<Self>> {
        let counts = Arc::new(Counts::default());
        let makers = (0..(cores / 4).clamp(1, 4)).map(|number| {
            let (newcomers, coming) = sync_channel(THUMBNAILS_BEGUN);
            let feeds = Arc::new(AtomicUsize::new(0));
            let (counts, has) = (counts.clone(), feeds.clone());
            let thread = std::thread::Builder::new().name(format!("thumbnails-{number}"));
            let handle = thread.spawn(move || run(&coming, &has, &counts))?;
            Ok(Maker { newcomers, thread: handle.thread().clone(), feeds })
        });
        let makers = makers.collect::<io::Result<_>>()?;
        Ok(Arc::new(Self { makers, next: AtomicU64::new(FIRST_TAP), counts }))
    }

    /// What has been done.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// A feed has pictures of which none can be made.
    pub(crate) fn note_out_of_reach(&self) {
        Counts::add(&self.counts.out_of_reach, 1);
    }

    /// Begins to make one; its pictures come back as parcels. None where too many begin at once.
    pub(crate) fn begin(&self, back: Hand) -> Option<(TrunkId, Making)> {
        let maker = self.makers.iter().min_by_key(|maker| maker.feeds.load(Ordering::Relaxed))?;
        let id = TrunkId(self.next.fetch_add(1, Ordering::Relaxed));
        let (tap, tapped) = tap(maker.thread.clone());
        let wants_keyframe = Arc::new(AtomicBool::new(true));
        let newcomer = Newcomer { id, tapped, wants_keyframe: wants_keyframe.clone(), back };
        maker.newcomers.try_send(newcomer).ok()?;
        maker.thread.unpark();
        Some((id, Making { tap, wants_keyframe }))
    }
}

impl Making {
    /// The next picture is to be a keyframe.
    pub(crate) fn want_keyframe(&self) {
        self.wants_keyframe.store(true, Ordering::Relaxed);
    }
}

/// One thread's life: it ends when nobody can bring it a feed any more.
fn run(newcomers: &Receiver<Newcomer>, has: &AtomicUsize, counts: &Counts) {
    let mut feeds: Vec<Feed> = Vec::new();
    loop {
        if feeds.is_empty() {
            let Ok(newcomer) = newcomers.recv() else { return };
            feeds.push(Feed::new(newcomer));
        }
        feeds.extend(newcomers.try_iter().map(Feed::new));
        note_feeds(has, feeds.len(), counts);
        let share = FEED_SHARE.min(THREAD_SHARE / feeds.len() as f64);
        let mut is_idle = true;
        feeds.retain_mut(|feed| {
            let turn = catch_unwind(AssertUnwindSafe(|| feed.turn(share, counts))).unwrap_or_else(|_| {
                tracing::error!(tap = feed.id().0, "a thumbnail failed and is no longer made");
                Turn::Over
            });
            is_idle &= turn == Turn::Idle;
            turn != Turn::Over
        });
        note_feeds(has, feeds.len(), counts);
        if is_idle && !feeds.is_empty() {
            std::thread::park();
        }
    }
}

fn note_feeds(has: &AtomicUsize, feeds: usize, counts: &Counts) {
    let before = has.swap(feeds, Ordering::Relaxed);
    counts.feeds.fetch_add(feeds.wrapping_sub(before), Ordering::Relaxed);
}

/// A feed's right to time: what it may take adds up, and what it took is taken off.
#[derive(Debug)]
struct Budget {
    credit_s: f64,
    at: std::time::Instant,
}

/// What a feed may save: it begins with the group of pictures that its tap has had to catch up with.
const SAVED_S: f64 = 0.3;

impl Budget {
    fn new(now: std::time::Instant) -> Self {
        Self { credit_s: SAVED_S, at: now }
    }

    /// True if there is anything left to take.
    fn has_credit(&mut self, now: std::time::Instant, share: f64) -> bool {
        let passed = now.saturating_duration_since(std::mem::replace(&mut self.at, now));
        self.credit_s = (self.credit_s + passed.as_secs_f64() * share).min(SAVED_S);
        self.credit_s > 0.0
    }

    fn take(&mut self, took: Duration) {
        self.credit_s -= took.as_secs_f64();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn nobody_takes_more_than_its_share_for_long() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        let step = Duration::from_millis(33);
        let mut taken = Duration::ZERO;
        for frame in 0..900 {
            if budget.has_credit(start + step * frame, 0.1) {
                let took = Duration::from_millis(20);
                budget.take(took);
                taken += took;
            }
        }
        let share = taken.as_secs_f64() / (step * 900).as_secs_f64();
        assert!((0.1..0.115).contains(&share), "{share} of a core");
    }
}
