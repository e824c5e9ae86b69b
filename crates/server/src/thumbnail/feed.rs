//! One feed of which a thumbnail is made.

use std::sync::atomic::Ordering;
use std::sync::mpsc::TryRecvError;
use std::time::{Duration, Instant};

use codec::h264::{Decoder, Encoder, Settings};
use codec::{AccessUnit, Error, Planes, View};
use media::{Excerpt, Packet, Size, THUMBNAIL, ThumbnailPicture, TrunkId};

use super::assembler::{Assembler, Unit};
use super::{Budget, Counts, Newcomer};
use crate::limit::PARCELS_KEPT_FREE;
use crate::trunk::Parcel;

/// Ten pictures in a second, each at most this much too early.
const EVERY: Duration = Duration::from_millis(100);
const EARLY: Duration = Duration::from_millis(15);
/// A keyframe every four seconds, so that nobody's cache grows long; and at once for who begins.
const SETTINGS: Settings =
    Settings { fps: 10.0, bitrate_bps: 120_000, keyframe_interval_frames: 40, unit_bytes: Some(1100) };
/// Excerpts before the other feeds have their turn.
const EXCERPTS_AT_ONCE: usize = 8;

/// What became of a feed's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// There was nothing to do.
    Idle,
    /// There may be more.
    Busy,
    /// There will never be more.
    Over,
}

/// One feed.
pub(super) struct Feed {
    newcomer: Newcomer,
    assembler: Assembler,
    ssrc: u32,
    decoder: Option<Decoder>,
    encoder: Option<Encoder>,
    small: Option<Planes>,
    budget: Budget,
    /// Nothing can be decoded before the next keyframe.
    waits: bool,
    /// When the next picture is to have been captured.
    due: Option<Instant>,
    began: Instant,
    encoded_ms: u64,
    annex_b: Vec<u8>,
}

impl Feed {
    pub(super) fn new(newcomer: Newcomer) -> Self {
        let now = Instant::now();
        Self {
            newcomer,
            assembler: Assembler::default(),
            ssrc: 0,
            decoder: None,
            encoder: None,
            small: None,
            budget: Budget::new(now),
            waits: true,
            due: None,
            began: now,
            encoded_ms: 0,
            annex_b: Vec::new(),
        }
    }

    pub(super) fn id(&self) -> TrunkId {
        self.newcomer.id
    }

    /// Takes some of what has come.
    pub(super) fn turn(&mut self, share: f64, counts: &Counts) -> Turn {
        for taken in 0..EXCERPTS_AT_ONCE {
            match self.newcomer.tapped.next() {
                Ok(excerpt) => self.take(&excerpt, share, counts),
                Err(TryRecvError::Empty) if taken == 0 => return Turn::Idle,
                Err(TryRecvError::Empty) => return Turn::Busy,
                Err(TryRecvError::Disconnected) => return Turn::Over,
            }
        }
        Turn::Busy
    }

    fn take(&mut self, excerpt: &Excerpt, share: f64, counts: &Counts) {
        if excerpt.begins() || excerpt.ssrc() != self.ssrc {
            self.assembler.restart();
            self.waits = true;
        }
        if std::mem::replace(&mut self.ssrc, excerpt.ssrc()) != excerpt.ssrc() {
            // Another stream: its keyframe begins everything anew, also for viewers.
            self.decoder = None;
            self.newcomer.wants_keyframe.store(true, Ordering::Relaxed);
        }
        for packet in excerpt.packets() {
            self.assembler.push(packet.clone());
            while let Some(unit) = self.assembler.next() {
                self.show(&unit, share, counts);
            }
        }
    }

    fn show(&mut self, unit: &Unit, share: f64, counts: &Counts) {
        let now = Instant::now();
        let has_credit = self.budget.has_credit(now, share);
        self.waits = if unit.is_keyframe() { !has_credit } else { self.waits || !has_credit };
        if self.waits {
            Counts::add(&counts.skipped, 1);
            return;
        }
        match self.make(unit, counts) {
            Ok(Some(made)) => self.send(made, unit.first(), counts),
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(tap = self.newcomer.id.0, %error, "a picture of a thumbnail could not be made");
                self.waits = true;
                Counts::add(&counts.failed, 1);
            }
        }
        let took = now.elapsed();
        self.budget.take(took);
        Counts::add(&counts.busy_us, took.as_micros() as u64);
    }

    /// Decodes a picture, and makes the thumbnail's of it if one is due.
    fn make(&mut self, unit: &Unit, counts: &Counts) -> Result<Option<AccessUnit>, Error> {
        if unit.write(&mut self.annex_b).is_none() {
            self.waits = true;
            return Ok(None);
        }
        let decoder = match &mut self.decoder {
            Some(decoder) => decoder,
            none => none.insert(Decoder::new()?),
        };
        let captured_at = unit.first().captured_at;
        let due = self.due.unwrap_or(captured_at);
        let is_due = captured_at + EARLY >= due;
        let small = &mut self.small;
        let shown = decoder.look(&self.annex_b, |view| if is_due { shrink(view, small) } else { Ok(()) })?;
        let Some(shrunk) = shown else { return Ok(None) };
        Counts::add(&counts.decoded, 1);
        shrunk?;
        let Some(small) = self.small.as_ref().filter(|_| is_due) else { return Ok(None) };
        // Counted on from when it was due, so that 25 a second become 10 and not 8; but not from long ago.
        self.due = Some(due.max(captured_at.checked_sub(EVERY).unwrap_or(due)) + EVERY);
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            none => none.insert(Encoder::new(SETTINGS)?),
        };
        self.encoded_ms =
            (captured_at.saturating_duration_since(self.began).as_millis() as u64).max(self.encoded_ms + 1);
        let is_keyframe = self.newcomer.wants_keyframe.load(Ordering::Relaxed);
        encoder.encode_at(small, self.encoded_ms, is_keyframe)
    }

    /// Gives a picture to the worker; where that has no room, viewers go on at the next keyframe.
    fn send(&mut self, made: AccessUnit, source: &Packet, counts: &Counts) {
        let Newcomer { id, back, wants_keyframe, .. } = &self.newcomer;
        wants_keyframe.fetch_and(!made.keyframe, Ordering::Relaxed);
        let picture = ThumbnailPicture { ssrc: self.ssrc, annex_b: made.annex_b, source: source.clone() };
        let parcel = Parcel::Thumbnail(*id, Box::new(picture));
        if back.parcels.capacity() >= PARCELS_KEPT_FREE && back.parcels.try_send(parcel).is_ok() {
            back.wake();
            Counts::add(&counts.made, 1);
        } else {
            wants_keyframe.store(true, Ordering::Relaxed);
            Counts::add(&counts.refused, 1);
        }
    }
}

/// Draws a picture as small as it is wanted.
fn shrink(view: View<'_>, small: &mut Option<Planes>) -> Result<(), Error> {
    let side = |side: usize| u16::try_from(side).unwrap_or(u16::MAX);
    let size = Size { width: side(view.width), height: side(view.height) }.fitted(THUMBNAIL);
    let Size { width, height } = size.ok_or(Error::Size { width: view.width, height: view.height })?;
    let fits = |small: &Planes| (small.width(), small.height()) == (width.into(), height.into());
    let planes = match small.take().filter(fits) {
        Some(planes) => small.insert(planes),
        None => small.insert(Planes::new(width.into(), height.into())?),
    };
    view.shrink(planes)
}
