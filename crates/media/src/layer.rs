//! One quality of one incoming track: from the engine's packets to ours, with what is known of the stream.

mod redundant;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::asking::Asking;
use crate::choice::Quality;
use crate::clock::CaptureClock;
use crate::condition::LineCondition;
use crate::format::Encoding;
use crate::frame_layers::LayerReader;
use crate::fresh::Fresh;
use crate::gaps::Gaps;
use crate::history::History;
use crate::lateness::Lateness;
use crate::packet::{Incoming, Packet, ticks_before};
use crate::parameter_sets::{ParameterSets, begins_idr};
use crate::rate::Rate;
use crate::rtcp;
use crate::size::Size;
use crate::spatial::{SpatialLayers, ends_frame};
use crate::sps::Sps;
use crate::temporal::TemporalLayers;

pub(crate) use watch::{Need, PublisherLine, Watch};

/// A layer that brought no packet for this long is silent.
pub(crate) const SILENT_AFTER: Duration = Duration::from_secs(2);
/// One of several layers that brought none for this long has been stopped by its sender.
const STALLED_AFTER: Duration = Duration::from_millis(500);
/// A thumbnail may be slow: where there is too much to do it has few frames, and is still better than a full line.
const THUMBNAIL_STALLED_AFTER: Duration = Duration::from_secs(3);
/// A packet that is missing for longer is not waited for: twice the round trip of a country.
const HOLE_FILLED_WITHIN: Duration = Duration::from_millis(100);
/// Frames whose timestamp goes back, before the stream is said to have B-frames, and how many good ones mend it.
const REORDERED_FRAMES: u32 = 3;
const MENDED_AFTER_FRAMES: u32 = 300;

/// One quality of one track.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) quality: Quality,
    pub(crate) ssrc: u32,
    pub(crate) encoding: Encoding,
    /// Of its pictures, where the last keyframe said it.
    pub(crate) size: Option<Size>,
    /// The rest of what the last keyframe said, of H.264.
    pub(crate) sps: Option<Sps>,
    pub(crate) clock: CaptureClock,
    pub(crate) history: History,
    pub(crate) fresh: Fresh,
    pub(crate) lateness: Lateness,
    pub(crate) last_packet_at: Instant,
    pub(crate) traffic: Traffic,
    pub(crate) rate: Rate,
    /// When that was measured, and from what count on the next is.
    rated: (Instant, u64),
    /// The router's instant and the time since 1970 at the same moment.
    epoch: (Instant, Duration),
    /// Packets that came until the last second, and the part of those of that second that was lost for good.
    lost_of: (u64, f64),
    gaps: Gaps,
    sets: ParameterSets,
    pub(crate) temporal: TemporalLayers,
    pub(crate) spatial: SpatialLayers,
    reader: LayerReader,
    /// The timestamp of the frame whose parameter sets came in band.
    sets_at: Option<u32>,
    newest: Option<(u64, u32)>,
    /// From which of the sender's sequence numbers on how many packets of ours stand before; the newest last.
    put_in: Vec<(u64, u64)>,
    reordered_frames: u32,
    frames_in_order: u32,
    /// Since when whoever came had to wait for a missing packet.
    hole_since: Option<Instant>,
    pub(crate) asking: Asking,
    pub(crate) watch: Watch,
}

/// Counts of one layer since it began.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Traffic {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) lost: u64,
    /// Of the packets of a voice, those that came in a later one's redundancy only, or before themselves.
    pub(crate) recovered: u64,
    pub(crate) frames: u64,
    /// Of these, those of upper temporal layers.
    pub(crate) upper_frames: u64,
    pub(crate) keyframes: u64,
    pub(crate) keyframe_requests: u64,
    pub(crate) round_trip: Option<Duration>,
}

impl Layer {
    pub(crate) fn new(
        now: Instant,
        epoch: (Instant, Duration),
        quality: Quality,
        (encoding, ssrc): (Encoding, u32),
        sets: ParameterSets,
    ) -> Self {
        Self {
            quality,
            ssrc,
            encoding,
            size: None,
            sps: None,
            clock: CaptureClock::new(encoding.clock_rate_hz(), epoch.0),
            history: History::default(),
            fresh: Fresh::default(),
            lateness: Lateness::default(),
            epoch,
            lost_of: (0, 0.0),
            gaps: Gaps::default(),
            last_packet_at: now,
            traffic: Traffic::default(),
            rate: Rate::default(),
            rated: (now, 0),
            sets,
            temporal: TemporalLayers::default(),
            spatial: SpatialLayers::default(),
            reader: LayerReader::default(),
            sets_at: None,
            newest: None,
            put_in: Vec::new(),
            reordered_frames: 0,
            frames_in_order: 0,
            hole_since: None,
            asking: Asking::new(encoding != Encoding::Opus),
            watch: Watch::default(),
        }
    }

    /// Counts on from what was in its place: another stream of the same sender.
    pub(crate) fn follow(mut self, before: &Self) -> Self {
        self.traffic = before.traffic;
        self.rated = (before.rated.0, before.traffic.bytes);
        self.gaps = Gaps::following(before.traffic.lost);
        self
    }

    /// Takes one packet of the engine as ours, after the parameter sets that it needs before it.
    pub(crate) fn take(&mut self, now: Instant, mut packet: Incoming) {
        if self.encoding == Encoding::Opus && self.history.get(packet.sequence).is_some() {
            // It was late, and has come already in another one's redundancy.
            return;
        }
        self.traffic.packets += 1;
        self.traffic.bytes += packet.payload.len() as u64;
        let Incoming { sequence, rtp_ticks, .. } = packet;
        self.gaps.note(sequence);
        let is_newest = self.newest.is_none_or(|(newest, _)| sequence > newest);
        if is_newest {
            self.watch_order(sequence, rtp_ticks);
            self.newest = Some((sequence, rtp_ticks));
            // Not for old ones: browsers send those again to probe the line, on layers that they have stopped as well.
            self.last_packet_at = now;
        }
        if let Some(captured) = packet.captured {
            self.clock.carried(rtp_ticks, captured);
        }
        let captured_at = self.clock.captured_at(rtp_ticks, now);
        let captured_ntp = rtcp::ntp(self.epoch.1 + captured_at.saturating_duration_since(self.epoch.0));
        let descriptor = packet.descriptor.take().filter(|_| matches!(self.encoding, Encoding::Av1 { .. }));
        let layers = self.reader.of(self.encoding, rtp_ticks, &packet.payload, descriptor.as_ref());
        self.traffic.upper_frames += u64::from(packet.marker && layers.temporal > 0);
        let ours = |sequence, payload: Arc<[u8]>, marker, begins_keyframe| Packet {
            sequence,
            rtp_ticks,
            marker,
            begins_keyframe,
            spatial_layer: layers.spatial,
            temporal_layer: layers.temporal,
            descriptor: descriptor.clone(),
            payload,
            arrived_at: now,
            captured_at,
            captured_ntp,
            audio_level: packet.audio_level,
        };
        let sets = self.missing_sets(&packet.payload, rtp_ticks, is_newest);
        if let Some(payload) = sets {
            let place = sequence + self.put_in_before(sequence);
            self.put_in.push((sequence, self.put_in_before(sequence) + 1));
            if self.put_in.len() > 8 {
                self.put_in.remove(0);
            }
            self.keep(now, ours(place, payload.into(), false, true));
        }
        // Nobody can begin with a picture whose parameter sets are not there: they may be late, or lost and asked for.
        let has_sets = self.sets_at == Some(rtp_ticks) || !self.begins_idr(&packet.payload);
        // Of VP9, upper layers can begin without the pictures before, but not without the lower ones.
        let begins_keyframe = self.encoding.begins_keyframe(&packet.payload) && layers.spatial == 0;
        let place = sequence + self.put_in_before(sequence);
        self.keep(now, ours(place, packet.payload, packet.marker, begins_keyframe && has_sets));
        if begins_keyframe {
            self.note_keyframe(now);
        }
    }

    /// What follows has no connection with what came before.
    pub(crate) fn begin_copy(&mut self, is_deaf: bool) {
        self.history.clear();
        self.asking.note_deaf(is_deaf);
    }

    /// Takes a packet that the home router has opened and numbered.
    pub(crate) fn take_copy(&mut self, now: Instant, packet: &Packet) {
        self.traffic.packets += 1;
        self.traffic.bytes += packet.payload.len() as u64;
        self.last_packet_at = now;
        if packet.begins_keyframe {
            self.note_keyframe(now);
        }
        self.keep(now, packet.clone());
    }

    /// Takes a packet that was made here, and numbers it.
    pub(crate) fn take_made(&mut self, now: Instant, packet: Packet) {
        let sequence = self.newest.map_or(0, |(newest, _)| newest + 1);
        self.newest = Some((sequence, packet.rtp_ticks));
        self.take_copy(now, &Packet { sequence, ..packet });
    }

    fn note_keyframe(&mut self, now: Instant) {
        self.traffic.keyframes += 1;
        self.asking.answered(now);
    }

    fn keep(&mut self, now: Instant, packet: Packet) {
        if packet.begins_keyframe {
            self.sps = Sps::of_keyframe(self.encoding, &packet.payload).or(self.sps);
            self.size = Size::of_keyframe(self.encoding, &packet.payload).or(self.size);
        }
        if self.history.get(packet.sequence).is_none() {
            self.lateness.note(packet.arrived_at, packet.rtp_ticks, self.encoding.clock_rate_hz());
        }
        self.temporal.note(&packet);
        if self.spatial.note(self.encoding, &packet) && matches!(self.encoding, Encoding::Vp9 { .. }) {
            // Chromium cannot begin with a layer that began without a keyframe, and asks its sender for one.
            self.asking.mend(now);
        }
        self.size = self.spatial.whole().or(self.size);
        self.history.insert(&packet);
        self.hole_since = self.hole_since.filter(|_| !self.history.is_whole());
        self.fresh.push(now, packet);
    }

    fn begins_idr(&self, payload: &[u8]) -> bool {
        matches!(self.encoding, Encoding::H264 { .. }) && begins_idr(payload)
    }

    /// The sets to put in before this packet: it begins an IDR picture that brought none of its own.
    fn missing_sets(&mut self, payload: &[u8], rtp_ticks: u32, is_newest: bool) -> Option<Vec<u8>> {
        if !matches!(self.encoding, Encoding::H264 { .. }) {
            return None;
        }
        if self.sets.take(payload) {
            self.sets_at = Some(rtp_ticks);
        }
        if !is_newest || self.sets_at == Some(rtp_ticks) || !begins_idr(payload) {
            return None;
        }
        let sets = self.sets.payload()?;
        self.sets_at = Some(rtp_ticks);
        Some(sets)
    }

    fn put_in_before(&self, sequence: u64) -> u64 {
        self.put_in.iter().rev().find(|(from, _)| sequence >= *from).map_or(0, |(_, count)| *count)
    }

    /// WebRTC has no B-frames: where the frames of a stream go back in time, it has.
    fn watch_order(&mut self, sequence: u64, rtp_ticks: u32) {
        let Some((newest, newest_ticks)) = self.newest else { return };
        if rtp_ticks == newest_ticks {
            return;
        }
        self.traffic.frames += 1;
        let goes_back = ticks_before(rtp_ticks, newest_ticks) && newest_ticks.wrapping_sub(rtp_ticks) < 90_000;
        if goes_back && sequence == newest + 1 {
            self.reordered_frames += 1;
            self.frames_in_order = 0;
        } else {
            self.frames_in_order += 1;
            if self.frames_in_order >= MENDED_AFTER_FRAMES {
                self.reordered_frames = 0;
            }
        }
    }

    /// True if a viewer can begin with what there is. Where a packet is only late, or is being sent again, it waits for
    /// that; else the publisher is asked for a keyframe.
    pub(crate) fn is_ready(&mut self, now: Instant) -> bool {
        if self.history.is_whole() {
            self.hole_since = None;
            return true;
        }
        let since = *self.hole_since.get_or_insert(now);
        if self.history.keyframe().is_none() || now.saturating_duration_since(since) > HOLE_FILLED_WITHIN {
            self.asking.want();
        }
        false
    }

    /// Measures the layer's rate and losses, once a second however often it is asked. What is lost for good stops every
    /// viewer's picture: the publisher is asked for a keyframe before the viewers' browsers notice, after three seconds.
    pub(crate) fn measure(&mut self, now: Instant) {
        let (since, bytes) = self.rated;
        if now.saturating_duration_since(since) >= Duration::from_secs(1) {
            if !self.is_resting(now) {
                self.rate.note(self.traffic.bytes - bytes);
                self.spatial.measure();
            }
            self.rated = (now, self.traffic.bytes);
            let lost = self.gaps.lost();
            let lost_before = std::mem::replace(&mut self.traffic.lost, lost);
            if lost_before < lost && !self.history.is_whole() {
                self.asking.mend(now);
            }
            let newly_lost = (lost - lost_before) as f64;
            let came = (self.traffic.packets - self.lost_of.0) as f64;
            self.lost_of = (self.traffic.packets, newly_lost / (newly_lost + came).max(1.0));
        }
    }

    /// True if a picture ends with this packet for who is given spatial layers up to this one. An encoder may leave out an
    /// upper layer after it has said that it comes: then only what follows shows it, and who joins would wait for it.
    pub(crate) fn ends_picture(&self, packet: &Packet, spatial: u8) -> bool {
        let is_last = || {
            let next = self.history.get(packet.sequence + 1);
            next.is_some_and(|next| next.rtp_ticks != packet.rtp_ticks)
        };
        packet.marker || ends_frame(self.encoding, packet) && (packet.spatial_layer == spatial || is_last())
    }

    /// Its rate without the spatial layers above this one.
    pub(crate) fn rate_up_to(&self, spatial: u8) -> Rate {
        if spatial < self.spatial.top() { self.spatial.rate(spatial) } else { self.rate }
    }

    /// How the publisher's line is, as far as this layer shows it.
    pub(crate) fn condition(&self) -> LineCondition {
        LineCondition::of_lost(self.lost_of.1)
    }

    pub(crate) fn has_b_frames(&self) -> bool {
        self.reordered_frames >= REORDERED_FRAMES
    }

    pub(crate) fn was_asked_in_vain(&self) -> bool {
        self.traffic.keyframes == 0 && self.asking.was_in_vain()
    }

    /// True if another layer should be shown, where there is one.
    pub(crate) fn is_stalled(&self, now: Instant) -> bool {
        let after = if self.is_sent() { STALLED_AFTER } else { THUMBNAIL_STALLED_AFTER };
        now.saturating_duration_since(self.last_packet_at) > after
    }

    /// True if it brings nothing because nobody watches it: it is as it was, and keyframes are not asked for.
    pub(crate) fn is_resting(&self, now: Instant) -> bool {
        self.watch.is_paused() && self.is_stalled(now)
    }

    /// True if it brings nothing although somebody watches it.
    pub(crate) fn is_missed(&self, now: Instant) -> bool {
        self.watch.is_overdue(now) && self.is_stalled(now)
    }

    /// Takes who needs it, and what is known of its publisher's line. True if its publisher is to be told.
    pub(crate) fn note_need(&mut self, now: Instant, need: Option<Need>, line: PublisherLine) -> bool {
        if need.is_some() && self.is_resting(now) {
            // Who comes to it gets what it brings from now on, and nothing of what was before (hazard H1).
            self.history.clear();
        }
        self.watch.note_packet(self.last_packet_at);
        self.watch.note_line(now, line);
        self.watch.note(now, need, !self.is_stalled(now), line)
    }

    /// True if it comes from the publisher.
    pub(crate) fn is_sent(&self) -> bool {
        self.quality != Quality::Thumbnail
    }

    pub(crate) fn is_silent(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last_packet_at) > SILENT_AFTER
    }
}
