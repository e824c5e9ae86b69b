//! One m-line of a viewer: a slot, or a place for a voice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use str0m::media::Mid;

use crate::choice::{Wants, choose_spatial};
use crate::format::{Encoding, PayloadTypes};
use crate::forward::Forward;
use crate::layer::Layer;
use crate::packet::Packet;
use crate::report::Departure;
use crate::router::TrackId;
use crate::stream::Stream;
use crate::track::Track;

/// The least time between two replays to one viewer that asks for keyframes.
const REPLAY_AGAIN: Duration = Duration::from_millis(500);
/// Replays of one keyframe that did not help, after which the publisher is asked.
const REPLAYS_IN_VAIN: u32 = 2;
/// Sources of which packets may still be sent again: the present one and what was switched away from just now.
const SOURCES: usize = 4;

/// One outgoing m-line of one viewer.
#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) mid: Mid,
    pub(crate) is_video: bool,
    pub(crate) track: Option<TrackId>,
    /// Whatever it is given.
    pub(crate) wants: Wants,
    pub(crate) forward: Forward,
    pub(crate) stream: Stream,
    /// The layer shown, and how this viewer takes its encoding.
    pub(crate) showing: Option<Showing>,
    /// The highest spatial layer that it is given.
    pub(crate) spatial: u8,
    pub(crate) progress: Progress,
    /// How many packets of the layer have been dealt with, by the layer's count; and the sequence number after the
    /// highest of them that was sent.
    pub(crate) taken: u64,
    pub(crate) next: u64,
    pub(crate) loss: Option<f32>,
    /// The newest frame that has left for the viewer, while it is given what comes as it comes.
    pub(crate) departed: Option<Departure>,
    /// Until when a fresh keyframe is waited for before a long cache is replayed.
    pub(crate) patient_until: Option<Instant>,
    pub(crate) sources: Sources,
    /// Since when it is without a picture because there is no capacity or no line for it, and what its viewer was told.
    pub(crate) skipping_since: Option<Instant>,
    pub(crate) told_to_wait: Option<Wait>,
    replayed: Option<(Instant, u32)>,
}

/// What a sink has shown lately.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// By their numbers modulo the length.
    latest: [Option<Source>; SOURCES],
    count: u8,
}

/// A layer of a track, as one sink showed it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    number: u8,
    pub(crate) track: TrackId,
    pub(crate) layer: usize,
    /// What the layer was then: another stream in its place has numbers of its own.
    pub(crate) kind: (Encoding, u32),
    /// The payload type of its retransmissions; none if the viewer takes none.
    pub(crate) resend_type: Option<u8>,
}

impl Source {
    /// The layer, if the same stream is still in its place.
    pub(crate) fn layer_of(self, tracks: &BTreeMap<TrackId, Track>) -> Option<&Layer> {
        let layer = tracks.get(&self.track)?.layers.get(self.layer)?;
        (self.kind == (layer.encoding, layer.ssrc)).then_some(layer)
    }
}

impl Sources {
    /// The newest sequence number of the source with this number.
    pub(crate) fn newest(&self, number: u8, tracks: &BTreeMap<TrackId, Track>) -> Option<u64> {
        Some(self.of(number)?.layer_of(tracks)?.history.newest()?.sequence)
    }

    /// Adds a layer of a track; gives its number.
    fn add(&mut self, track: TrackId, (layer, shown): (usize, &Layer), resend_type: Option<u8>) -> u8 {
        self.count = self.count.wrapping_add(1);
        let number = self.count;
        let kind = (shown.encoding, shown.ssrc);
        self.latest[usize::from(number) % SOURCES] = Some(Source { number, track, layer, kind, resend_type });
        number
    }

    /// The source with this number, if it is not too long ago.
    pub(crate) fn of(&self, number: u8) -> Option<Source> {
        self.latest[usize::from(number) % SOURCES].filter(|source| source.number == number)
    }
}

/// What a sink takes its packets from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Showing {
    pub(crate) layer: usize,
    pub(crate) encoding: Encoding,
    pub(crate) types: PayloadTypes,
    /// Counts what the sink has shown.
    pub(crate) number: u8,
}

/// How far a viewer, or the far end of a trunk, is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It gets what comes, as it comes.
    Live,
    /// It gets the history, piece by piece.
    Behind,
    /// There was no capacity for it, or it was too slow: it gets nothing until the next keyframe.
    Skipping,
    /// Its viewer's line has no room for it: it gets nothing until there is.
    LeftOut,
}

/// Why a viewer waits for a picture that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wait {
    /// The server cannot serve so many.
    Capacity,
    /// The viewer's own line has no room for it.
    Line,
}

/// How a viewer's wish for a keyframe is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Send the cache again.
    Replay,
    /// Ask the publisher.
    Ask,
    /// It has just been met.
    Wait,
}

impl Sink {
    pub(crate) fn new(epoch: Instant, mid: Mid, is_video: bool, stream: Stream) -> Self {
        let clock_rate_hz = if is_video { 90_000 } else { 48_000 };
        Self {
            mid,
            is_video,
            track: None,
            wants: Wants::default(),
            forward: Forward::new(epoch, clock_rate_hz),
            stream,
            showing: None,
            spatial: u8::MAX,
            progress: Progress::Live,
            taken: 0,
            next: 0,
            loss: None,
            departed: None,
            patient_until: None,
            sources: Sources::default(),
            skipping_since: None,
            told_to_wait: None,
            replayed: None,
        }
    }

    /// Shows nothing, until it is given something else.
    pub(crate) fn stop(&mut self) {
        self.forward.stop();
        self.stream.begin_anew();
        self.showing = None;
        self.departed = None;
        self.progress = Progress::Live;
        self.skipping_since = None;
        self.patient_until = None;
        self.replayed = None;
    }

    /// Shows this layer of a track from now on, by these payload types. Gives no picture before [`Sink::replay`].
    pub(crate) fn show(&mut self, track: TrackId, (layer, shown): (usize, &Layer), types: PayloadTypes) {
        let encoding = shown.encoding;
        self.taken = shown.fresh.forgotten();
        let number = self.sources.add(track, (layer, shown), types.resend);
        self.showing = Some(Showing { layer, encoding, types, number });
    }

    /// Begins, or begins again, with the layer's last keyframe, if there is one.
    pub(crate) fn replay(&mut self, layer: &Layer) {
        let (Some(first), Some(newest)) = (layer.history.keyframe(), layer.history.newest()) else { return };
        self.forward.start(first, newest, layer.history.frames());
        self.progress = Progress::Behind;
        self.skipping_since = None;
        self.spatial = self.best_spatial(layer);
        (self.taken, self.next) = (layer.fresh.count(), first);
    }

    /// The highest spatial layer that it is to be given. Browsers show nothing of AV1 with several where no descriptors tell
    /// them apart: who takes none is given the lowest alone.
    pub(crate) fn best_spatial(&self, layer: &Layer) -> u8 {
        let is_av1 = matches!(layer.encoding, Encoding::Av1 { .. });
        let is_told_apart = !is_av1 || self.stream.takes_descriptors() && layer.spatial.is_described;
        if layer.spatial.top() > 0 && !is_told_apart { 0 } else { choose_spatial(layer, self.wants) }
    }

    /// True if a packet is above what the viewer is given, and its numbers go on without it. Lower layers are begun with at
    /// once, before anything of the higher ones is sent; higher ones with a keyframe. `best` is the layer to come to.
    pub(crate) fn leaves_out(&mut self, packet: &Packet, best: u8) -> bool {
        if packet.sequence < self.next {
            // Late: it has its number, which would be waited for.
            return false;
        }
        let begins = packet.begins_keyframe && packet.spatial_layer == 0;
        if begins || (best < self.spatial && packet.spatial_layer <= best) {
            self.spatial = best;
        }
        let is_above = packet.spatial_layer > self.spatial;
        if is_above {
            self.forward.leave_out(packet.sequence..packet.sequence + 1);
            self.next = packet.sequence + 1;
        }
        is_above
    }

    /// What to do about a keyframe request of this viewer. A publisher that is deaf is not worth asking.
    pub(crate) fn remedy(&mut self, now: Instant, cache_is_whole: bool, publisher_is_deaf: bool) -> Remedy {
        if self.progress == Progress::LeftOut {
            return Remedy::Wait;
        }
        if !cache_is_whole {
            return Remedy::Ask;
        }
        let (at, times) = self.replayed.unwrap_or((now, 0));
        let age = now.saturating_duration_since(at);
        if times > 0 && (age < REPLAY_AGAIN * times.min(4) || self.progress != Progress::Live) {
            return Remedy::Wait;
        }
        let times = if age > 10 * REPLAY_AGAIN { 0 } else { times };
        self.replayed = Some((now, times + 1));
        // More and more rarely: a viewer that can decode nothing would else cost the publisher a keyframe every second.
        let is_to_ask = times >= REPLAYS_IN_VAIN && times.is_power_of_two();
        if is_to_ask && !publisher_is_deaf { Remedy::Ask } else { Remedy::Replay }
    }
}

#[cfg(test)]
mod tests {
    use str0m::rtp::ExtensionMap;

    use super::*;
    use crate::choice::Quality;
    use crate::parameter_sets::ParameterSets;

    #[test]
    fn what_was_shown_too_long_ago_is_no_source_of_what_is_sent_again() {
        let now = Instant::now();
        let encoding = Encoding::H264 { packetization_mode: 1, profile_idc: 66 };
        let layer =
            Layer::new(now, (now, Duration::ZERO), Quality::Sent(None), (encoding, 7), ParameterSets::default());
        let mut sources = Sources::default();
        let numbers: Vec<u8> =
            (0..=SOURCES as u32).map(|track| sources.add(TrackId(track), (0, &layer), Some(97))).collect();
        let tracks: Vec<_> = numbers.iter().map(|number| sources.of(*number).map(|source| source.track)).collect();
        assert_eq!(tracks, [None, Some(TrackId(1)), Some(TrackId(2)), Some(TrackId(3)), Some(TrackId(4))]);
    }

    #[test]
    fn a_publisher_is_asked_when_replays_are_in_vain_and_not_if_it_never_answers() {
        let start = Instant::now();
        let remedies = |is_deaf: bool| {
            let stream = Stream::new(start, 1, None, Mid::from("0"), true, &ExtensionMap::empty());
            let mut sink = Sink::new(start, Mid::from("0"), true, stream);
            assert_eq!(sink.remedy(start, false, is_deaf), Remedy::Ask, "there is nothing to replay");
            let mut remedy = |ms| sink.remedy(start + Duration::from_millis(ms), true, is_deaf);
            assert_eq!([remedy(0), remedy(100)], [Remedy::Replay, Remedy::Wait]);
            [2100, 4200, 6300, 8400].map(remedy)
        };
        use Remedy::{Ask, Replay};
        assert_eq!(remedies(false), [Replay, Ask, Replay, Ask], "more and more rarely");
        assert_eq!(remedies(true), [Replay; 4]);
    }
}
