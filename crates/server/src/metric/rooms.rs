//! What rooms show of themselves.

use std::fmt;

use media::TrackReport;
use prometheus_client::metrics::MetricType;
use room::{FeedReport, Report};

use super::{Page, counter, gauge};
use crate::show::Shown;

impl Page<'_> {
    pub(super) fn rooms(&mut self) -> fmt::Result {
        type Size = fn(&Report) -> Option<f64>;
        let sizes: [(&str, &str, Size); 6] = [
            ("room_members", "Members.", |report| Some(report.members as f64)),
            ("room_clients", "Clients.", |report| Some(report.clients as f64)),
            ("room_sessions", "Peer connections.", |report| Some(report.sessions as f64)),
            ("room_viewer_loss_max", "Greatest share lost on the way to a viewer, 0 to 1.", |report| {
                report.viewers.iter().filter_map(|viewer| viewer.sink.loss.map(f64::from)).reduce(f64::max)
            }),
            ("room_viewer_round_trip_max_seconds", "Longest round trip to a viewer.", |report| {
                let trips = report.viewers.iter().filter_map(|viewer| viewer.sink.round_trip);
                trips.max().map(|trip| trip.as_secs_f64())
            }),
            ("room_viewer_estimate_min_bits_per_second", "What the narrowest line of a viewer carries.", |report| {
                report.viewers.iter().filter_map(|viewer| viewer.sink.estimate_bps).min().map(|bps| bps as f64)
            }),
        ];
        for (name, help, size) in sizes {
            self.each(name, help, MetricType::Gauge, |family, worker, shown| {
                shown.rooms.iter().try_for_each(|(report, _)| match size(report) {
                    Some(size) => gauge(family, &[("worker", worker), ("room", report.room.as_str())], size),
                    None => Ok(()),
                })
            })?;
        }
        Ok(())
    }

    pub(super) fn room_counts(&mut self) -> fmt::Result {
        type Count = fn(&Report) -> u64;
        let counts: [(&str, &str, Count); 11] = [
            ("room_viewers_thinned", "Times a viewer was left without a picture for want of capacity.", |report| {
                report.counters.viewers_thinned
            }),
            ("room_frames_left_out", "Frames of upper temporal layers left out for want of capacity.", |report| {
                report.counters.frames_left_out
            }),
            (
                "room_tap_packets_lost",
                "Packets that taps went without because their consumers were too slow.",
                |report| report.counters.tap_packets_lost,
            ),
            ("room_packets_forwarded", "Packets put into slots.", |report| report.counters.packets_forwarded),
            ("room_packets_resent", "Packets sent again to viewers.", |report| report.counters.packets_resent),
            ("room_parity_packets", "Packets of parity (FlexFEC) sent to viewers.", |report| {
                report.counters.parity_packets
            }),
            ("room_sessions_opened", "Peer connections begun.", |report| report.counters.sessions_opened),
            ("room_sessions_over", "Peer connections ended.", |report| report.counters.sessions_over),
            ("room_keyframe_requests_received", "Keyframe requests of viewers.", |report| {
                report.counters.keyframe_requests_received
            }),
            ("room_keyframe_requests_upstream", "Keyframe requests to publishers.", |report| {
                report.counters.keyframe_requests_upstream
            }),
            ("room_keyframes_served", "Pictures begun from the cache.", |report| report.counters.keyframes_served),
        ];
        for (name, help, count) in counts {
            self.each(name, help, MetricType::Counter, |family, worker, shown| {
                shown.rooms.iter().try_for_each(|(report, _)| {
                    counter(family, &[("worker", worker), ("room", report.room.as_str())], count(report))
                })
            })?;
        }
        self.each(
            "room_dropped_packets",
            "Packets dropped in rooms, by reason.",
            MetricType::Counter,
            |family, worker, shown| {
                shown.rooms.iter().try_for_each(|(report, _)| {
                    media::DropReason::ALL.iter().zip(report.counters.drops).try_for_each(|(reason, dropped)| {
                        let labels = [("worker", worker), ("room", report.room.as_str()), ("reason", reason.as_str())];
                        counter(family, &labels, dropped)
                    })
                })
            },
        )
    }

    pub(super) fn feeds(&mut self) -> fmt::Result {
        type Count = fn(&FeedReport) -> u64;
        let counts: [(&str, &str, Count); 6] = [
            ("feed_packets", "Packets received.", |feed| feed.track.packets),
            ("feed_bytes", "Bytes of payload received; their rate times 8 is the bit rate.", |feed| feed.track.bytes),
            ("feed_lost_packets", "Packets lost on the way in.", |feed| feed.track.lost),
            ("feed_frames", "Frames received; their rate is the frame rate.", |feed| feed.track.frames),
            ("feed_upper_frames", "Of these, those of upper temporal layers, which viewers can go without.", |feed| {
                feed.track.upper_frames
            }),
            ("feed_keyframe_requests", "Keyframe requests to its publisher.", |feed| feed.track.keyframe_requests),
        ];
        for (name, help, count) in counts {
            self.each(name, help, MetricType::Counter, |family, worker, shown| {
                each_feed(shown, worker, |labels, feed| counter(family, labels, count(feed)))
            })?;
        }
        let help = "Round trip to the publisher.";
        self.each("feed_round_trip_seconds", help, MetricType::Gauge, |family, worker, shown| {
            each_feed(shown, worker, |labels, feed| match feed.track.round_trip {
                Some(trip) => gauge(family, labels, trip.as_secs_f64()),
                None => Ok(()),
            })
        })
    }

    pub(super) fn voices(&mut self) -> fmt::Result {
        type Count = fn(&TrackReport) -> u64;
        let counts: [(&str, &str, Count); 3] = [
            ("voice_packets", "Packets received, those recovered among them.", |track| track.packets),
            ("voice_lost_packets", "Packets lost on the way in and not recovered.", |track| track.lost),
            ("voice_recovered_packets", "Packets found in the redundancy of a later one.", |track| track.recovered),
        ];
        for (name, help, count) in counts {
            self.each(name, help, MetricType::Counter, |family, worker, shown| {
                shown.rooms.iter().try_for_each(|(report, _)| {
                    report.voices.iter().try_for_each(|voice| {
                        let number = voice.voice.to_string();
                        let site = voice.site.as_ref().map_or("", |site| site.as_str());
                        let room = report.room.as_str();
                        let labels: [(&str, &str); 4] =
                            [("worker", worker), ("room", room), ("voice", &number), ("site", site)];
                        counter(family, &labels, count(&voice.track))
                    })
                })
            })?;
        }
        Ok(())
    }
}

/// Gives each feed with its labels: worker, room, feed, site and kind.
fn each_feed(
    shown: &Shown,
    worker: &str,
    mut fill: impl FnMut(&[(&str, &str); 5], &FeedReport) -> fmt::Result,
) -> fmt::Result {
    shown.rooms.iter().try_for_each(|(report, _)| {
        report.feeds.iter().try_for_each(|feed| {
            let number = feed.feed.to_string();
            let site = feed.site.as_ref().map_or("", |site| site.as_str());
            let kind = feed.kind.as_str();
            let room = report.room.as_str();
            fill(&[("worker", worker), ("room", room), ("feed", &number), ("site", site), ("kind", kind)], feed)
        })
    })
}
