//! What one stream has sent lately: which of the source's packets went out under which number. The packets
//! themselves are in the layer's history, once for all viewers.

use std::time::{Duration, Instant};

use crate::forward::Place;
use crate::picture::PictureNumbers;

/// Packets remembered of a video stream: a whole replay of a usual group of pictures, 1.2 MB.
const VIDEO: usize = 1024;
/// Of a voice nothing is sent again; what is remembered only keeps a number from being used twice.
const AUDIO: usize = 64;
/// A lost packet is not sent again sooner than this after the last time, or than three quarters of the round trip: who asks
/// again waits for the round trip as it knows it, which may be shorter than ours, and does not ask a third time soon.
const RESEND_AGAIN: Duration = Duration::from_millis(20);

/// The latest packets of a stream.
#[derive(Debug)]
pub(crate) struct SentLog {
    /// By the sequence number they went out with, modulo the length. Made with the first packet.
    entries: Vec<Entry>,
    /// At the same places the picture numbers, of a stream that has them.
    pictures: Vec<PictureNumbers>,
    size: usize,
    newest: u64,
    epoch: Instant,
}

/// One packet as it was sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SentPacket {
    /// The source's sequence number.
    pub(crate) source: u64,
    /// Which source it was, of those that the stream has had.
    pub(crate) source_number: u8,
    /// Where it went.
    pub(crate) place: Place,
}

/// The lower bits of it all: 16 bytes a packet, a thousand packets a slot, a dozen slots a viewer.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    /// Of the sequence number; zero is none, for the first packet of a stream is number 1.
    sequence: u32,
    source: u32,
    rtp_ticks: u32,
    /// When it was sent again; zero is never. A minute later it looks as if it were now, and nobody asks that late.
    resent_ms: u16,
    source_number: u8,
    /// [`HAS_PICTURE`] and [`MARKER`].
    flags: u8,
}

/// A packet with picture numbers; one with the marker bit.
const HAS_PICTURE: u8 = 1;
const MARKER: u8 = 2;

impl SentLog {
    pub(crate) fn new(epoch: Instant, is_video: bool) -> Self {
        Self { entries: Vec::new(), pictures: Vec::new(), size: if is_video { VIDEO } else { AUDIO }, newest: 0, epoch }
    }

    /// Notes a packet that is about to be sealed. False if its number was used before, or may have been: sealing it
    /// would use a (key, SSRC, index) twice, which with AES-GCM gives the authentication key away.
    #[must_use]
    pub(crate) fn note(&mut self, sent: SentPacket) -> bool {
        if self.entries.is_empty() {
            self.entries = vec![Entry::default(); self.size];
        }
        let sequence = sent.place.sequence;
        if sequence == 0 || sequence + self.size as u64 <= self.newest {
            return false;
        }
        let at = sequence as usize % self.size;
        let entry = &mut self.entries[at];
        if sequence <= self.newest && entry.sequence == sequence as u32 {
            return false;
        }
        self.newest = self.newest.max(sequence);
        *entry = Entry {
            sequence: sequence as u32,
            source: sent.source as u32,
            rtp_ticks: sent.place.rtp_ticks,
            resent_ms: 0,
            source_number: sent.source_number,
            flags: u8::from(sent.place.picture.is_some()) * HAS_PICTURE + u8::from(sent.place.marker) * MARKER,
        };
        if let Some(picture) = sent.place.picture {
            if self.pictures.is_empty() {
                self.pictures = vec![PictureNumbers::default(); self.size];
            }
            self.pictures[at] = picture;
        }
        true
    }

    /// The packet that went out with these lower bits of a sequence number, if it may be sent again now; `near` is a
    /// sequence number of its source. Beside it how long ago it was sent again before, if it was.
    pub(crate) fn again(
        &mut self,
        now: Instant,
        sequence: u16,
        round_trip: Option<Duration>,
        near: impl Fn(u8) -> Option<u64>,
    ) -> Option<(SentPacket, Option<Duration>)> {
        let back = (self.newest as u16).wrapping_sub(sequence);
        let sequence = self.newest.checked_sub(u64::from(back))?;
        let at = sequence as usize % self.size;
        let entry = self.entries.get_mut(at)?;
        if sequence == 0 || entry.sequence != sequence as u32 {
            return None;
        }
        let now_ms = (now.saturating_duration_since(self.epoch).as_millis() as u16).max(1);
        let wait = (round_trip.unwrap_or_default() * 3 / 4).max(RESEND_AGAIN);
        let since = Duration::from_millis(now_ms.wrapping_sub(entry.resent_ms).into());
        let before = (entry.resent_ms != 0).then_some(since);
        if before.is_some_and(|before| before < wait) {
            return None;
        }
        entry.resent_ms = now_ms;
        Some((entry.sent(sequence, self.pictures.get(at), near)?, before))
    }

    /// The packet that went out so many before the last.
    pub(crate) fn back(&self, count: u64, near: impl Fn(u8) -> Option<u64>) -> Option<SentPacket> {
        let sequence = self.newest.checked_sub(count)?;
        let at = sequence as usize % self.size;
        let entry = self.entries.get(at)?;
        if sequence == 0 || entry.sequence != sequence as u32 {
            return None;
        }
        entry.sent(sequence, self.pictures.get(at), near)
    }
}

impl Entry {
    fn sent(
        &self,
        sequence: u64,
        picture: Option<&PictureNumbers>,
        near: impl Fn(u8) -> Option<u64>,
    ) -> Option<SentPacket> {
        let near = near(self.source_number)?;
        // The number whose lower bits are these and that is nearest.
        let source = near.wrapping_add_signed(i64::from(self.source.wrapping_sub(near as u32) as i32));
        let picture = picture.copied().filter(|_| self.flags & HAS_PICTURE != 0);
        let place = Place { sequence, rtp_ticks: self.rtp_ticks, picture, marker: self.flags & MARKER != 0 };
        Some(SentPacket { source, source_number: self.source_number, place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(sequence: u64, source: u64) -> SentPacket {
        SentPacket { source, source_number: 3, place: Place { sequence, rtp_ticks: 9, picture: None, marker: false } }
    }

    #[test]
    fn an_entry_is_small() {
        assert_eq!(size_of::<Entry>(), 16);
    }

    #[test]
    fn picture_numbers_and_markers_are_sent_again_with_their_packets() {
        let now = Instant::now();
        let mut log = SentLog::new(now, true);
        let numbers = PictureNumbers::default();
        let sent = [(1, None, false), (2, Some(numbers), false), (3, None, true), (4, Some(numbers), true)];
        let places = sent.map(|(sequence, picture, marker)| Place { sequence, rtp_ticks: 9, picture, marker });
        for place in places {
            assert!(log.note(SentPacket { source: place.sequence, source_number: 0, place }));
        }
        let again = [1, 2, 3, 4].map(|sequence| log.again(now, sequence, None, |_| Some(4)).expect("was sent").0.place);
        assert_eq!(again, places);
    }

    #[test]
    fn a_number_is_used_once() {
        let mut log = SentLog::new(Instant::now(), true);
        for sequence in [1, 2, 4, 3, 70_000, 69_999] {
            assert!(log.note(sent(sequence, 0)), "{sequence}");
        }
        for sequence in [0, 1, 4, 3, 69_999, 70_000, 70_000 - VIDEO as u64] {
            assert!(!log.note(sent(sequence, 0)), "{sequence} again");
        }
    }

    #[test]
    fn what_was_sent_is_found_by_its_lower_bits() {
        let now = Instant::now();
        let mut log = SentLog::new(now, true);
        let source = (1 << 32) - 500;
        for step in 0..1000 {
            assert!(log.note(sent(65_000 + step, source + step)));
        }
        let mut again = |sequence: u64| log.again(now, sequence as u16, None, |_| Some(source + 999));
        for step in [0, 499, 500, 999] {
            let (found, before) = again(65_000 + step).expect("was sent");
            assert_eq!(before, None);
            assert_eq!((found.source, found.place.sequence), (source + step, 65_000 + step));
        }
        assert!(again(64_999).is_none(), "never sent");
        assert!(again(66_000).is_none(), "not sent yet");
        assert!(again(65_000).is_none(), "has just been sent again");
        let later = now + Duration::from_millis(30);
        assert!(log.again(later, 65_000_u32 as u16, None, |_| Some(source)).is_some());
        let later = later + Duration::from_millis(30);
        let mut far = |later| log.again(later, 65_000_u32 as u16, Some(Duration::from_millis(100)), |_| Some(source));
        assert!(far(later).is_none());
        let (_, before) = far(later + Duration::from_millis(60)).expect("it is late enough");
        assert_eq!(before, Some(Duration::from_millis(90)), "after the last time");
    }
}
