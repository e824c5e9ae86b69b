//! One feed of which a thumbnail is made.

use std::sync::atomic::Ordering;
use std::sync::mpsc::TryRecvError;
use std::time::{Duration, Instant};

use codec::h264::{Decoder, Encoder, Settings};
use codec::{AccessUnit, Colour, Error, Planes, View};
use media::{Excerpt, Packet, Size, Sps, THUMBNAIL, ThumbnailPicture, TrunkId};

use super::assembler::{Assembler, Unit};
use super::{Budget, Counts, Newcomer};
use crate::limit::PARCELS_KEPT_FREE;
use crate::trunk::Parcel;

/// Ten pictures in a second, each at most this much too early.
const EVERY: Duration = Duration::from_millis(100);
const EARLY: Duration = Duration::from_millis(15);
/// A keyframe every four seconds, so that nobody's cache grows long; and at once for who begins.
const SETTINGS: Settings =
    Settings { fps: 10.0, bitrate_bps: 120_000, keyframe_interval_frames: 40, unit_bytes: Some(1100), colour: None };
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
    /// What the source says that its colours mean, and so the thumbnail: they are the same numbers.
    colour: Option<Colour>,
    /// That its pictures are out of reach was told.
    is_told: bool,
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
            colour: None,
            is_told: false,
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
        let captured_at = unit.first().captured_at;
        let due = self.due.unwrap_or(captured_at);
        let is_due = captured_at + EARLY >= due;
        if !is_due && unit.is_spare() {
            return Ok(None);
        }
        if unit.write(&mut self.annex_b).is_none() || !self.read_sets(counts) {
            self.waits = true;
            return Ok(None);
        }
        let decoder = match &mut self.decoder {
            Some(decoder) => decoder,
            none => none.insert(Decoder::new()?),
        };
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
            none => none.insert(Encoder::new(Settings { colour: self.colour, ..SETTINGS })?),
        };
        self.encoded_ms =
            (captured_at.saturating_duration_since(self.began).as_millis() as u64).max(self.encoded_ms + 1);
        let is_keyframe = self.newcomer.wants_keyframe.load(Ordering::Relaxed);
        encoder.encode_at(small, self.encoded_ms, is_keyframe)
    }

    /// Reads the parameter sets that came with a picture, before the decoder takes the memory that they ask for. False if
    /// that would be too much. What the router has seen in keyframes is not all: a set may stand in any access unit.
    fn read_sets(&mut self, counts: &Counts) -> bool {
        for sps in Sps::all_of(&self.annex_b) {
            let Some(sps) = sps.filter(Sps::is_within_reach) else {
                self.decoder = None;
                Counts::add(&counts.failed, 1);
                if !std::mem::replace(&mut self.is_told, true) {
                    tracing::info!(
                        tap = self.newcomer.id.0,
                        "a thumbnail waits: a decoder of its feed would be too large"
                    );
                }
                return false;
            };
            let colour = sps.colour.map(colour_of);
            if std::mem::replace(&mut self.colour, colour) != colour {
                // Another encoder says so, and begins with a keyframe.
                self.encoder = None;
            }
        }
        true
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

fn colour_of(said: media::Colour) -> Colour {
    let media::Colour { is_full_range, primaries, transfer, matrix } = said;
    Colour { is_full_range, primaries, transfer, matrix }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use media::{Certificate, Local};

    use super::*;
    use crate::directory::Hand;

    const BT601: Colour = Colour { is_full_range: false, primaries: 6, transfer: 6, matrix: 6 };
    /// x264's set for 4096 x 2304.
    const LARGE: [u8; 23] = *b"\x67\x42\xc0\x34\xda\x00\x40\x00\x48\x6c\x04\x40\0\0\x03\0\x40\0\0\x0f\x03\xc6\x0c";

    struct Maker {
        feed: Feed,
        counts: Counts,
        frames: u64,
        /// What the worker would get; none of it is taken.
        _parcels: tokio::sync::mpsc::Receiver<Parcel>,
        _poll: mio::Poll,
    }

    impl Maker {
        fn new() -> Self {
            let poll = mio::Poll::new().expect("a poll");
            let waker = Arc::new(mio::Waker::new(poll.registry(), mio::Token(0)).expect("a waker"));
            let (parcels, kept) = tokio::sync::mpsc::channel(1);
            let (letterbox, _) = crate::order::inbox();
            let local = Arc::new(Local { candidates: Vec::new(), certificate: Certificate::generate() });
            let back = Hand { letterbox, parcels, waker, local, clients: Arc::default(), is_full: Arc::default() };
            let (_, tapped) = crate::tap::tap(std::thread::current());
            let wants_keyframe = Arc::new(AtomicBool::new(false));
            let feed = Feed::new(Newcomer { id: TrunkId(1), tapped, wants_keyframe, back });
            Self { feed, counts: Counts::default(), frames: 0, _parcels: kept, _poll: poll }
        }

        /// The feed's next picture at thirty a second, in one packet. Gives what is made of it.
        fn make(&mut self, coded: &AccessUnit, temporal_layer: u8) -> Option<AccessUnit> {
            let captured_at = self.feed.began + Duration::from_millis(self.frames * 1000 / 30);
            self.frames += 1;
            self.feed.assembler.push(Packet {
                sequence: self.frames,
                rtp_ticks: self.frames as u32 * 3000,
                marker: true,
                begins_keyframe: coded.keyframe,
                spatial_layer: 0,
                temporal_layer,
                descriptor: None,
                payload: coded.annex_b[4..].into(),
                arrived_at: captured_at,
                captured_at,
                captured_ntp: 0,
                audio_level: None,
            });
            let unit = self.feed.assembler.next().expect("it is whole");
            self.feed.make(&unit, &self.counts).expect("it can be decoded")
        }

        fn decoded(&self) -> u64 {
            self.counts.decoded.load(Ordering::Relaxed)
        }
    }

    /// So many pictures of a publisher, the first a keyframe.
    fn pictures(colour: Option<Colour>, count: u64) -> Vec<AccessUnit> {
        let settings = Settings { fps: 30.0, bitrate_bps: 1_000_000, unit_bytes: None, colour, ..SETTINGS };
        let mut encoder = Encoder::new(settings).expect("an encoder");
        let planes = Planes::new(640, 360).expect("even sides");
        let coded = (0..count).map(|frame| encoder.encode_at(&planes, 1 + frame * 33, false));
        coded.map(|coded| coded.expect("encodes").expect("grey is cheap")).collect()
    }

    fn said(made: &AccessUnit) -> Option<Option<Colour>> {
        Sps::all_of(&made.annex_b).next().map(|sps| sps.expect("our own").colour.map(colour_of))
    }

    #[test]
    fn a_thumbnail_says_of_its_colours_what_its_source_says() {
        let mut maker = Maker::new();
        let full = Colour { is_full_range: true, ..Colour::BT709 };
        for colour in [Some(BT601), None, Some(full), Some(Colour::BT709)] {
            let made: Vec<_> = pictures(colour, 6).iter().filter_map(|coded| maker.make(coded, 0)).collect();
            assert_eq!(made.iter().map(said).collect::<Vec<_>>(), [Some(colour), None], "a keyframe, and no other");
        }
    }

    #[test]
    fn no_decoder_is_made_larger_than_it_may_be() {
        let mut maker = Maker::new();
        let mut pictures = pictures(None, 7);
        assert!(maker.make(&pictures[0], 0).is_some());
        // In the midst of a group of pictures, where no router looks.
        let hidden = [&[0, 0, 0, 1][..], &LARGE, &pictures[1].annex_b].concat();
        pictures[1].annex_b = hidden;
        assert!(maker.make(&pictures[1], 0).is_none());
        assert!(maker.feed.decoder.is_none() && maker.feed.waits);
        assert_eq!((maker.decoded(), maker.counts.failed.load(Ordering::Relaxed)), (1, 1));
    }

    #[test]
    fn pictures_that_no_other_needs_are_decoded_only_to_be_shown() {
        let mut maker = Maker::new();
        // A decoder would complain of it.
        let spare = AccessUnit { annex_b: vec![0, 0, 0, 1, 0x01, 0x9a, 1, 2, 3], keyframe: false };
        for coded in pictures(None, 10) {
            assert!(maker.make(&coded, 0).is_some());
            assert!(maker.make(&spare, 1).is_none() && maker.make(&spare, 1).is_none());
        }
        assert_eq!(maker.decoded(), 10);
    }
}
