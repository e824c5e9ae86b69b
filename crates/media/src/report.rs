//! Figures of a router, for metrics. Collected once a second, never per packet.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use str0m::stats::MediaIngressStats;

use crate::SessionId;
use crate::choice::Quality;
use crate::downlink::Downlink;
use crate::error::DropReason;
use crate::layer::Layer;
use crate::packet::Packet;
use crate::router::{SinkId, TrackId};
use crate::sink::{Progress, Sink};
use crate::track::Track;

/// Everything a router counts, since it began.
#[derive(Debug, Default, Clone)]
pub struct Counters {
    /// Datagrams that came.
    pub datagrams: u64,
    /// Packets put into sinks.
    pub packets_forwarded: u64,
    /// Packets sent again to viewers that lost them.
    pub packets_resent: u64,
    /// Packets of parity sent to viewers.
    pub parity_packets: u64,
    /// Sessions opened.
    pub sessions_opened: u64,
    /// Sessions over.
    pub sessions_over: u64,
    /// Keyframe requests of viewers (PLI and FIR).
    pub keyframe_requests_received: u64,
    /// Keyframe requests to publishers.
    pub keyframe_requests_upstream: u64,
    /// Pictures begun from the cache.
    pub keyframes_served: u64,
    /// Times that a viewer of the audience was left without a picture until the next keyframe, for want of capacity.
    pub viewers_thinned: u64,
    /// Frames that no other needs and that viewers of the audience went without, for want of capacity.
    pub frames_left_out: u64,
    /// Packets that consumers of taps did not take, and those between them and the keyframe with which they went on.
    pub tap_packets_lost: u64,
    /// Packets dropped, by [`DropReason::index`].
    pub drops: [u64; DropReason::ALL.len()],
}

/// The figures of one router.
#[derive(Debug, Default, Clone)]
pub struct Report {
    /// Its counts.
    pub counters: Counters,
    /// Sessions now.
    pub sessions: usize,
    /// Its tracks now.
    pub tracks: Vec<TrackReport>,
    /// Its sinks now.
    pub sinks: Vec<SinkReport>,
}

/// The figures of one track, all layers that its publisher sends together, since it began.
#[derive(Debug, Clone)]
pub struct TrackReport {
    /// Which.
    pub track: TrackId,
    /// Packets that came.
    pub packets: u64,
    /// Bytes of payload that came.
    pub bytes: u64,
    /// Packets that were lost on the way in and not recovered within a second or two.
    pub lost: u64,
    /// Of the packets of a voice, those that came in a later one's redundancy (RFC 2198) and not, or not yet, by themselves.
    pub recovered: u64,
    /// Frames that came.
    pub frames: u64,
    /// Of these, those of upper temporal layers, without which the others can be decoded.
    pub upper_frames: u64,
    /// Keyframe requests to its publisher.
    pub keyframe_requests: u64,
    /// Round trip to the publisher, where it answers.
    pub round_trip: Option<Duration>,
}

/// The figures of one sink.
#[derive(Debug, Clone)]
pub struct SinkReport {
    /// Which.
    pub sink: SinkId,
    /// What it shows.
    pub track: Option<TrackId>,
    /// Fraction lost on the way out, 0 to 1, as the viewer's latest report says.
    pub loss: Option<f32>,
    /// Round trip to the viewer.
    pub round_trip: Option<Duration>,
    /// What the viewer's whole line is estimated to carry, in bits per second of RTP; none before it has said anything.
    pub estimate_bps: Option<u64>,
    /// The most that it may have of the viewer's line, in bits per second of RTP, 0 where it is left out; none where that is no
    /// matter.
    pub allocated_bps: Option<u64>,
    /// What it is given now; none while it is given nothing.
    pub given: Option<Given>,
    /// How long the viewer is told to hold its pictures back.
    pub playout_delay: Duration,
    /// The newest frame that has left for the viewer; none where nothing has, or nobody knows when it was captured.
    pub departed: Option<Departure>,
}

/// The quality of a feed that a sink is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Which of its layers.
    pub layer: GivenLayer,
    /// How high its pictures are, in pixels; none where nothing says so.
    pub height: Option<u16>,
    /// What of the viewer's line it takes, in bits per second of RTP.
    pub rate_bps: u64,
}

/// Which layer of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GivenLayer {
    /// The only one that its publisher sends.
    Only,
    /// One of several, by its `rid`.
    Rid(String),
    /// Of the only one, its spatial layers up to this one, the lowest of which is 0.
    Spatial(u8),
    /// Made in the server, of the only one.
    Thumbnail,
}

impl fmt::Display for GivenLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Only => f.write_str("only"),
            Self::Rid(rid) => f.write_str(rid),
            Self::Spatial(layer) => layer.fmt(f),
            Self::Thumbnail => f.write_str("thumbnail"),
        }
    }
}

impl GivenLayer {
    fn of(layer: &Layer, spatial: u8) -> Self {
        match (layer.quality, layer.spatial.top()) {
            (Quality::Thumbnail, _) => Self::Thumbnail,
            (Quality::Sent(Some(rid)), _) => Self::Rid(rid.to_string()),
            (Quality::Sent(None), 0) => Self::Only,
            (Quality::Sent(None), top) => Self::Spatial(spatial.min(top)),
        }
    }
}

impl Given {
    fn of(sink: &Sink, tracks: &BTreeMap<TrackId, Track>) -> Option<Self> {
        let showing = sink.showing.filter(|_| sink.progress != Progress::LeftOut && sink.skipping_since.is_none())?;
        let layer = tracks.get(&sink.track?)?.layers.get(showing.layer)?;
        Some(Self {
            layer: GivenLayer::of(layer, sink.spatial),
            height: layer.size.map(|whole| layer.spatial.size(sink.spatial, whole).height),
            rate_bps: layer.rate_up_to(sink.spatial).bps,
        })
    }
}

/// A frame on its way to a viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    /// When it was captured, on our clock.
    pub captured_at: Instant,
    /// When the last of it that had come was sent.
    pub left_at: Instant,
}

impl Departure {
    /// Of a packet's frame that leaves now. None where its capture time is only that of its arrival, for want of a better.
    pub(crate) fn of(packet: &Packet, now: Instant) -> Option<Self> {
        let Packet { captured_at, arrived_at, .. } = *packet;
        (captured_at < arrived_at).then_some(Self { captured_at, left_at: now })
    }
}

pub(crate) fn of<'a>(
    by_id: &BTreeMap<TrackId, Track>,
    downlinks: impl Iterator<Item = (SessionId, &'a Downlink)>,
    sessions: usize,
    counters: &Counters,
) -> Report {
    let sum = |track: &Track, of: fn(&Layer) -> u64| track.sent().map(of).sum();
    let mut tracks: Vec<_> = by_id
        .values()
        .map(|track| TrackReport {
            track: track.id,
            packets: sum(track, |layer| layer.traffic.packets),
            bytes: sum(track, |layer| layer.traffic.bytes),
            lost: sum(track, |layer| layer.traffic.lost),
            recovered: sum(track, |layer| layer.traffic.recovered),
            frames: sum(track, |layer| layer.traffic.frames),
            upper_frames: sum(track, |layer| layer.traffic.upper_frames),
            keyframe_requests: sum(track, |layer| layer.traffic.keyframe_requests),
            round_trip: track.sent().find_map(|layer| layer.traffic.round_trip),
        })
        .collect();
    tracks.sort_by_key(|report| report.track);
    let mut sinks = Vec::new();
    for (session, downlink) in downlinks {
        sinks.extend(downlink.sinks.iter().enumerate().map(|(place, sink)| SinkReport {
            sink: SinkId { session, place: place as u8 },
            track: sink.track,
            loss: sink.loss,
            round_trip: downlink.round_trip,
            estimate_bps: downlink.estimate_bps(),
            allocated_bps: if sink.progress == Progress::LeftOut { Some(0) } else { sink.wants.most_bps },
            given: Given::of(sink, by_id),
            playout_delay: downlink.playout_delay(),
            departed: sink.departed,
        }));
    }
    sinks.sort_by_key(|report| report.sink);
    Report { counters: counters.clone(), sessions, tracks, sinks }
}

/// Takes the engine's figures of the last second for one incoming layer.
pub(crate) fn note_incoming(layer: &mut Layer, stats: &MediaIngressStats) {
    if let Some(round_trip) = stats.rtt {
        layer.traffic.round_trip = Some(round_trip);
        layer.clock.round_trip(round_trip);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Encoding;
    use crate::parameter_sets::ParameterSets;

    #[test]
    fn a_layer_is_called_what_its_publisher_calls_it() {
        let now = Instant::now();
        let word = |quality, spatial_layers: u8| {
            let encoding = Encoding::Vp9 { profile: 0 };
            let mut layer = Layer::new(now, (now, Duration::ZERO), quality, (encoding, 7), ParameterSets::default());
            for spatial_layer in 0..spatial_layers {
                let packet = Packet::example(now, u64::from(spatial_layer), 0, spatial_layer == 0);
                layer.take_copy(now, &Packet { spatial_layer, ..packet });
            }
            [1, u8::MAX].map(|spatial| GivenLayer::of(&layer, spatial).to_string())
        };
        assert_eq!(word(Quality::Sent(None), 1), ["only"; 2]);
        assert_eq!(word(Quality::Sent(Some("half".into())), 1), ["half"; 2]);
        assert_eq!(word(Quality::Sent(None), 3), ["1", "2"]);
        assert_eq!(word(Quality::Thumbnail, 1), ["thumbnail"; 2]);
    }
}
