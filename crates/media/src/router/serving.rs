//! Who is served when: the panel at once, the audience in slices, and who not at all where there is no capacity.

use std::time::{Duration, Instant};

use super::Router;
use super::sessions::index;
use crate::rank::Rank;
use crate::{Departures, SessionId};

/// What may be sealed for the audience at a tick, before everything else has its turn: about 100 packets, a quarter of a
/// millisecond.
pub(super) const SLICE_BYTES: usize = 128 * 1024;
/// When some of the audience has waited this long for its slice, there is no capacity for it.
const LATE: Duration = Duration::from_millis(400);
/// Sooner, and for so long after, it goes without the frames that no other frame needs.
const SPARES_AFTER: Duration = Duration::from_millis(100);
const SPARES_FOR: Duration = Duration::from_secs(2);
/// So long after somebody was given up, no replay and no keyframe makes capacity scarcer.
const SCARCE_FOR: Duration = Duration::from_secs(1);

impl Router {
    pub(super) fn note_written(&mut self, now: Instant, id: SessionId) {
        if let Some(entry) = self.entry_mut(id).filter(|entry| entry.written_at.is_none()) {
            entry.written_at = Some(now);
            let rank = entry.downlink.as_ref().map_or(Rank::Panel, |downlink| downlink.rank);
            self.written.push((rank, id));
        }
    }

    /// Lets out sessions, the panel first; of the audience as many as a slice of so many bytes holds. The others wait
    /// for the next [`Router::tick`].
    pub(super) fn let_out_all(&mut self, now: Instant, slice_bytes: usize, departures: &mut Departures) {
        self.hand_on(now);
        self.written.sort_by_key(|(rank, _)| *rank);
        let mut written = std::mem::take(&mut self.written);
        let is_full = |rank: Rank, departures: &Departures| rank == Rank::Audience && departures.bytes() >= slice_bytes;
        let mut count = 0;
        while let Some((_, session)) = written.get(count).filter(|(rank, _)| !is_full(*rank, departures)) {
            self.let_out(now, *session, departures);
            count += 1;
        }
        written.drain(..count);
        self.rest_at = (!written.is_empty()).then_some(now);
        // What was noted meanwhile is behind what was left.
        written.append(&mut self.written);
        self.written = written;
        // Those who are left after some were given up have as long again.
        let late_since = self.waiting_since().map(|since| self.gave_up_at.map_or(since, |at| at.max(since)));
        let late = late_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        if late > SPARES_AFTER {
            self.spares_until = Some(now + SPARES_FOR);
        }
        if late > LATE {
            self.give_up_rest(now);
        }
        self.forget_sent();
    }

    /// Since when who waits longest has been waiting: the first that is still there, for those who wait are of one rank.
    fn waiting_since(&self) -> Option<Instant> {
        self.written.iter().find_map(|(_, waiting)| self.entry(*waiting)?.written_at)
    }

    /// Forgets what everybody has been sent.
    fn forget_sent(&mut self) {
        if self.written.is_empty() {
            for (track, layer) in self.fresh.drain(..) {
                let layer = self.tracks.get_mut(&track).and_then(|track| track.layers.get_mut(layer));
                layer.into_iter().for_each(|layer| layer.fresh.forget());
            }
        } else if let Some(since) = self.waiting_since() {
            for (track, layer) in &self.fresh {
                let layer = self.tracks.get_mut(track).and_then(|track| track.layers.get_mut(*layer));
                layer.into_iter().for_each(|layer| layer.fresh.forget_before(since));
            }
        }
    }

    /// Half of those who have still to be served are not: what they miss is forgotten, and they go on at a keyframe.
    /// Who came first keeps the picture, so that it is always the same who wait.
    fn give_up_rest(&mut self, now: Instant) {
        let mut waiting = std::mem::take(&mut self.written);
        waiting.sort_by_key(|(_, session)| self.entry(*session).map(|entry| entry.number));
        for (_, session) in waiting.split_off(waiting.len() / 2) {
            let Some(entry) = self.sessions.get_mut(index(session)) else { continue };
            entry.written_at = None;
            if entry.downlink.as_mut().is_some_and(|downlink| downlink.give_up(now, &self.tracks)) {
                self.note_thinned(session);
            }
        }
        self.written = waiting;
        self.gave_up_at = Some(now);
    }

    fn note_thinned(&mut self, session: SessionId) {
        self.counters.viewers_thinned += 1;
        self.thinned.push(session);
    }

    /// True if somebody was given up lately.
    pub(super) fn is_scarce(&self, now: Instant) -> bool {
        self.gave_up_at.is_some_and(|at| now.saturating_duration_since(at) < SCARCE_FOR)
    }

    fn let_out(&mut self, now: Instant, id: SessionId, departures: &mut Departures) {
        let is_scarce = self.is_scarce(now);
        let Some(entry) = self.sessions.get_mut(index(id)).filter(|entry| entry.generation == id.0 >> 20) else {
            return;
        };
        entry.written_at = None;
        match &mut entry.downlink {
            Some(downlink) => {
                let (thinned, left_out, parities) = (downlink.thinned, downlink.frames_left_out, downlink.parities());
                let is_to_spare = self.spares_until.is_some_and(|until| now < until);
                self.counters.packets_forwarded += downlink.flush(now, is_to_spare, &self.tracks, departures);
                self.counters.frames_left_out += downlink.frames_left_out - left_out;
                self.counters.parity_packets += downlink.parities() - parities;
                for (track, layer, whom) in downlink.left_behind(now, is_scarce, &self.tracks) {
                    let layer = self.tracks.get_mut(&track).and_then(|track| track.layers.get_mut(layer));
                    layer.into_iter().for_each(|layer| _ = layer.asking.spare(now, whom));
                }
                let is_thinned = downlink.thinned > thinned;
                self.note_deadline(id);
                if is_thinned {
                    self.note_thinned(id);
                }
            }
            None => {
                self.touch(id, departures, |session, drained| session.advance(now, drained));
            }
        }
    }
}
