//! What a browser makes of the packets of one m-line: which frames it shows, when, and how long its picture stands.
//!
//! As Chromium does it: a frame is shown at its place in time, later by as much as it was told to hold back, or as soon as it
//! can be decoded where that is later. Where something is missing, the next keyframe is gone on with when its time has come.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::body::Body;

/// Browsers call it a freeze from three frames on, and from a frame and so much.
const FROZEN: Duration = Duration::from_millis(150);

/// The frames of one m-line, by their capture.
#[derive(Debug, Default)]
pub(crate) struct Player {
    frames: BTreeMap<u64, Frame>,
}

#[derive(Debug)]
struct Frame {
    number: u32,
    is_keyframe: bool,
    /// The parts that are not there yet, one bit for each.
    missing: u64,
    whole_at: Option<Instant>,
    held: Duration,
}

/// True if browsers call it so when a picture stands for that long where frames come so often.
fn is_frozen(stood: Duration, usual: Duration) -> bool {
    stood > (3 * usual).max(usual + FROZEN)
}

/// What was shown, or heard, in some time.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Shown {
    pub(crate) frames: usize,
    pub(crate) longest: Duration,
    /// How long pictures stood that are called frozen, altogether.
    pub(crate) frozen: Duration,
}

impl Player {
    /// Takes a packet, with what it says of holding back.
    pub(crate) fn take(&mut self, now: Instant, body: &Body, held: Duration) {
        let Body { frame: number, is_keyframe, captured_us, .. } = *body;
        let missing = u64::MAX >> (64 - body.parts);
        let frame = self.frames.entry(captured_us);
        let frame = frame.or_insert(Frame { number, is_keyframe, missing, whole_at: None, held });
        if frame.number == number && frame.whole_at.is_none() {
            frame.missing &= !(1 << body.part);
            frame.held = frame.held.max(held);
            frame.whole_at = (frame.missing == 0).then_some(now);
        }
    }

    /// When each frame was shown that was.
    fn shown(&self, began: Instant) -> Vec<Instant> {
        let place = |captured_us: &u64| began + Duration::from_micros(*captured_us);
        let whole = self.frames.iter().map(|(captured_us, frame)| (place(captured_us), frame));
        let whole: Vec<_> = whole.filter_map(|(place, frame)| Some((place, frame, frame.whole_at?))).collect();
        let quickest =
            whole.iter().map(|(place, _, whole_at)| whole_at.duration_since(*place)).min().unwrap_or_default();
        let frames: Vec<(&Frame, Instant)> =
            whole.into_iter().map(|(place, frame, at)| (frame, at.max(place + quickest + frame.held))).collect();
        let keyframe_after = |at: usize| (at..frames.len()).find(|at| frames[*at].0.is_keyframe);
        let mut shown: Vec<Instant> = Vec::new();
        let mut next = keyframe_after(0);
        while let Some(at) = next {
            let (frame, shows_at) = frames[at];
            let shows_at = shown.last().map_or(shows_at, |last| shows_at.max(*last));
            shown.push(shows_at);
            let follows = |after: &usize| frames.get(*after).is_some_and(|(next, _)| next.number == frame.number + 1);
            let decodable = Some(at + 1).filter(follows);
            let keyframe = keyframe_after(at + 1);
            let is_sooner = |decodable: usize, keyframe: usize| frames[decodable].1 <= frames[keyframe].1.max(shows_at);
            next = match (decodable, keyframe) {
                (Some(decodable), Some(keyframe)) if is_sooner(decodable, keyframe) => Some(decodable),
                (Some(decodable), None) => Some(decodable),
                (_, keyframe) => keyframe,
            };
        }
        shown
    }

    /// When the first frame was shown; and from when on none froze for so long, of frames that come so often.
    pub(crate) fn begins(&self, began: Instant, usual: Duration, moves_for: Duration) -> Option<(Instant, Instant)> {
        let shown = self.shown(began);
        let mut moves_from = *shown.first()?;
        for two in shown.windows(2) {
            if is_frozen(two[1].duration_since(two[0]), usual) {
                moves_from = two[1];
            }
            if two[1].duration_since(moves_from) >= moves_for {
                return Some((shown[0], moves_from));
            }
        }
        None
    }

    /// What was shown between two moments of frames that come so often.
    pub(crate) fn between(&self, began: Instant, from: Instant, until: Instant, usual: Duration) -> Shown {
        let times: Vec<Instant> =
            self.shown(began).into_iter().filter(|shown_at| (from..until).contains(shown_at)).collect();
        let mut shown = Shown { frames: times.len(), ..Shown::default() };
        let mut last_at = from;
        for at in times.into_iter().chain([until]) {
            let stood = at.duration_since(last_at);
            last_at = at;
            shown.longest = shown.longest.max(stood);
            if is_frozen(stood, usual) {
                shown.frozen += stood;
            }
        }
        shown
    }
}
