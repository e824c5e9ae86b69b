//! Metrics (OpenMetrics text): what an operator wants to know, with ids only.

mod journal;
mod rooms;
mod thumbnails;
mod viewers;

use std::fmt;
use std::sync::Arc;

use media::Rank;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use room::Door;
use signaling::CloseReason;

use crate::journal::Journal;
use crate::problem::Code;
use crate::process::Process;
use crate::show::{Showcase, Shown};
use crate::tally::{Delays, DropReason, StreamEnd, Tally, Traffic};
use crate::thumbnail::Thumbnails;

/// What tasks count.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    refusals: Family<[(&'static str, &'static str); 2], Counter>,
    clients: Family<[(&'static str, &'static str); 1], Counter>,
    gone: Family<[(&'static str, &'static str); 2], Counter>,
    messages: Family<[(&'static str, &'static str); 1], Counter>,
    logins: Family<[(&'static str, &'static str); 1], Counter>,
}

impl Metrics {
    /// Counts, and shows what the workers show.
    pub fn new(showcases: Vec<Arc<Showcase>>, thumbnails: Arc<Thumbnails>, journal: Journal) -> Self {
        let mut all = Registry::default();
        all.register_collector(Box::new(Process::new()));
        let registry = all.sub_registry_with_prefix("consilium");
        let (refusals, messages, logins) = (Family::default(), Family::default(), Family::default());
        let (clients, gone) = (Family::default(), Family::default());
        registry.register("refusals", "Requests and messages refused, by door and code.", refusals.clone());
        registry.register("clients_come", "Clients that came, by door.", clients.clone());
        registry.register("clients_gone", "Clients that went, by door and reason.", gone.clone());
        registry.register("websocket_messages", "Messages by direction.", messages.clone());
        registry.register("logins", "People who logged in (done), or why not, by code.", logins.clone());
        registry.register_collector(Box::new(Workers(showcases)));
        registry.register_collector(Box::new(thumbnails::Makers(thumbnails)));
        registry.register_collector(Box::new(journal::Keeping(journal)));
        Self { registry: all, refusals, clients, gone, messages, logins }
    }

    /// Something was refused.
    pub fn refused(&self, door: Door, code: impl Into<Code>) {
        self.refusals.get_or_create(&[("door", word(door)), ("code", code.into().as_str())]).inc();
    }

    /// A client came.
    pub fn came(&self, door: Door) {
        self.clients.get_or_create(&[("door", word(door))]).inc();
    }

    /// A client that came went.
    pub fn went(&self, door: Door, reason: CloseReason) {
        self.gone.get_or_create(&[("door", word(door)), ("reason", reason_word(reason))]).inc();
    }

    /// Somebody has logged in, or why not.
    pub(crate) fn login(&self, outcome: &'static str) {
        self.logins.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// A message came by a WebSocket.
    pub fn message_in(&self) {
        self.messages.get_or_create(&[("direction", "in")]).inc();
    }

    /// A message went by a WebSocket.
    pub fn message_out(&self) {
        self.messages.get_or_create(&[("direction", "out")]).inc();
    }

    /// The text for a scraper.
    ///
    /// # Errors
    /// Never in practice: writing to a string does not fail.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// The door's word in metrics.
pub fn word(door: Door) -> &'static str {
    match door {
        Door::WebSocket => "websocket",
        Door::Whip => "whip",
        Door::Whep => "whep",
    }
}

/// The reason's word, the same as on the wire.
pub(crate) fn reason_word(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Left => "left",
        CloseReason::SlowConsumer => "slow_consumer",
        CloseReason::TimedOut => "timed_out",
        CloseReason::Refused => "refused",
        CloseReason::ShuttingDown => "shutting_down",
        CloseReason::Internal => "internal",
        CloseReason::TurnedAway => "turned_away",
        CloseReason::Removed => "removed",
        CloseReason::Ended => "ended",
        CloseReason::Replaced => "replaced",
    }
}

#[derive(Debug)]
struct Workers(Vec<Arc<Showcase>>);

impl Collector for Workers {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let shown: Vec<Shown> = self.0.iter().map(|showcase| showcase.look()).collect();
        let mut page = Page { encoder, workers: shown };
        page.silence()?;
        page.sizes()?;
        page.traffic()?;
        page.losses()?;
        page.delays()?;
        page.rooms()?;
        page.room_counts()?;
        page.feeds()?;
        page.voices()?;
        page.viewers()?;
        page.slots()?;
        page.watching()?;
        page.handshakes()
    }
}

struct Page<'a> {
    encoder: DescriptorEncoder<'a>,
    workers: Vec<Shown>,
}

impl Page<'_> {
    /// One family, filled by `fill` for each worker, whose number is the first label.
    fn each(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        mut fill: impl FnMut(&mut MetricEncoder<'_>, &str, &Shown) -> fmt::Result,
    ) -> fmt::Result {
        let mut family = self.encoder.encode_descriptor(name, help, None, kind)?;
        for (number, shown) in self.workers.iter().enumerate() {
            fill(&mut family, &number.to_string(), shown)?;
        }
        Ok(())
    }

    fn sizes(&mut self) -> fmt::Result {
        type Size = fn(&Tally) -> usize;
        let sizes: [(&str, &str, Size); 5] = [
            ("rooms", "Rooms open.", |tally| tally.rooms),
            ("annexes", "Annexes: audiences of other workers' rooms.", |tally| tally.annexes),
            ("clients", "Clients: WebSocket, WHIP and WHEP.", |tally| tally.clients),
            ("sessions", "Peer connections.", |tally| tally.sessions),
            ("tcp_connections", "ICE-TCP connections.", |tally| tally.streams),
        ];
        for (name, help, size) in sizes {
            self.each(name, help, MetricType::Gauge, |family, worker, shown| {
                gauge(family, &[("worker", worker)], size(&shown.tally) as f64)
            })?;
        }
        Ok(())
    }

    fn silence(&mut self) -> fmt::Result {
        let help = "Since the worker last showed its figures; above 5 it hangs.";
        self.each("worker_silent_seconds", help, MetricType::Gauge, |family, worker, shown| {
            gauge(family, &[("worker", worker)], shown.at.elapsed().as_secs_f64())
        })
    }

    fn traffic(&mut self) -> fmt::Result {
        type Way = fn(&Tally) -> Traffic;
        let ways: [(&str, &str, Way); 4] = [
            ("udp", "in", |tally| tally.udp_received),
            ("tcp", "in", |tally| tally.tcp_received),
            ("udp", "out", |tally| tally.udp_sent),
            ("tcp", "out", |tally| tally.tcp_sent),
        ];
        type What = fn(Traffic) -> u64;
        let whats: [(&str, &str, What); 2] = [
            ("datagrams", "Datagrams by protocol and direction.", |traffic| traffic.datagrams),
            ("datagram_bytes", "Bytes in datagrams by protocol and direction.", |traffic| traffic.bytes),
        ];
        for (name, help, what) in whats {
            self.each(name, help, MetricType::Counter, |family, worker, shown| {
                ways.iter().try_for_each(|(protocol, direction, way)| {
                    let labels = [("worker", worker), ("protocol", *protocol), ("direction", *direction)];
                    counter(family, &labels, what(way(&shown.tally)))
                })
            })?;
        }
        self.each(
            "runs",
            "Runs sent by UDP; datagrams out over runs is the gain of segmentation.",
            MetricType::Counter,
            |family, worker, shown| counter(family, &[("worker", worker)], shown.tally.runs_sent),
        )
    }

    fn losses(&mut self) -> fmt::Result {
        self.each(
            "dropped_datagrams",
            "Datagrams dropped, by reason.",
            MetricType::Counter,
            |family, worker, shown| {
                DropReason::ALL.iter().zip(shown.tally.dropped).try_for_each(|(reason, dropped)| {
                    counter(family, &[("worker", worker), ("reason", reason.as_str())], dropped)
                })
            },
        )?;
        self.each(
            "tcp_connections_ended",
            "ICE-TCP connections closed early, by reason.",
            MetricType::Counter,
            |family, worker, shown| {
                StreamEnd::ALL.iter().zip(shown.tally.streams_ended).try_for_each(|(end, ended)| {
                    counter(family, &[("worker", worker), ("reason", end.as_str())], ended)
                })
            },
        )?;
        self.each(
            "excerpts_refused",
            "Pieces of media that another worker had no room for and was given later.",
            MetricType::Counter,
            |family, worker, shown| counter(family, &[("worker", worker)], shown.tally.excerpts_refused),
        )?;
        self.each(
            "failed_rooms",
            "Rooms closed because something in them failed.",
            MetricType::Counter,
            |family, worker, shown| counter(family, &[("worker", worker)], shown.tally.panics),
        )
    }

    fn delays(&mut self) -> fmt::Result {
        self.each(
            "forwarding_seconds",
            "From the kernel's receipt of a burst until what follows from it has left; each slice of an audience counts.",
            MetricType::Histogram,
            |family, worker, shown| {
                histogram(family, &[("worker", worker)], &shown.tally.forwarding)
            },
        )?;
        self.each(
            "message_wait_seconds",
            "How long what a client said has waited for its room: people of the panel and the sites, machines, the audience.",
            MetricType::Histogram,
            |family, worker, shown| {
                Rank::ALL.iter().zip(&shown.tally.waited).try_for_each(|(rank, waited)| {
                    histogram(family, &[("worker", worker), ("rank", rank.as_str())], waited)
                })
            },
        )
    }

    fn handshakes(&mut self) -> fmt::Result {
        let help = "DTLS handshakes by the SRTP profile that they chose.";
        let mut family = self.encoder.encode_descriptor("handshakes", help, None, MetricType::Counter)?;
        let profiles = media::dtls::handshakes_by_profile();
        profiles.iter().try_for_each(|(profile, count)| counter(&mut family, &[("profile", *profile)], *count))
    }
}

fn counter(family: &mut MetricEncoder<'_>, labels: &impl EncodeLabelSet, value: u64) -> fmt::Result {
    ConstCounter::new(value).encode(family.encode_family(labels)?)
}

fn histogram<const EDGES: usize>(
    family: &mut MetricEncoder<'_>,
    labels: &impl EncodeLabelSet,
    delays: &Delays<EDGES>,
) -> fmt::Result {
    let mut metric = family.encode_family(labels)?;
    metric.encode_histogram::<NoLabelSet>(delays.sum_s, delays.count(), &delays.buckets(), None)
}

fn gauge(family: &mut MetricEncoder<'_>, labels: &impl EncodeLabelSet, value: f64) -> fmt::Result {
    ConstGauge::new(value).encode(family.encode_family(labels)?)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use room::ViewerReport;
    use signaling::RefusalCode;

    use super::*;
    use crate::watching::Watching;
    use crate::watching::tests::expert;

    #[test]
    fn the_page_says_what_was_counted() {
        let now = Instant::now();
        let showcase = Arc::new(Showcase::new(now));
        let mut tally = Tally { rooms: 2, ..Tally::default() };
        tally.drop(DropReason::Stranger, 3);
        tally.forwarding.add(Duration::from_micros(150));
        tally.waited_mut(Rank::Panel).add(Duration::from_micros(500));
        let report = room::Report {
            room: "r1".parse().expect("a name"),
            members: 3,
            clients: 4,
            sessions: 2,
            counters: media::Counters::default(),
            feeds: Vec::new(),
            voices: Vec::new(),
            viewers: vec![expert(now, 0), ViewerReport { rank: Rank::Audience, ..expert(now, 0) }],
        };
        let mut watching = Watching::default();
        watching.note(now, &report.viewers);
        showcase.put(now, tally, vec![(report, watching)]);
        let (journal, _) = Journal::start(&crate::journal::a_directory("metrics")).expect("a journal");
        let metrics = Metrics::new(vec![showcase], Thumbnails::start(1).expect("a thread"), journal);
        metrics.refused(Door::Whip, RefusalCode::BadToken);
        let text = metrics.text().expect("text");
        for line in [
            r#"consilium_rooms{worker="0"} 2.0"#,
            r#"consilium_dropped_datagrams_total{worker="0",reason="stranger"} 3"#,
            r#"consilium_forwarding_seconds_bucket{le="0.0002",worker="0"} 1"#,
            r#"consilium_forwarding_seconds_bucket{le="+Inf",worker="0"} 1"#,
            r#"consilium_forwarding_seconds_count{worker="0"} 1"#,
            r#"consilium_message_wait_seconds_bucket{le="0.0007",worker="0",rank="panel"} 1"#,
            r#"consilium_message_wait_seconds_count{worker="0",rank="audience"} 0"#,
            r#"consilium_room_clients{worker="0",room="r1"} 4.0"#,
            r#"consilium_viewer_path_seconds_bucket{le="0.02",worker="0",room="r1",role="expert"} 2"#,
            r#"consilium_viewer_playout_delay_seconds_bucket{le="0.075",worker="0",room="r1",role="expert"} 2"#,
            r#"consilium_member_playout_delay_seconds{worker="0",room="r1",member="7",role="expert",site=""} 0.07"#,
            r#"consilium_viewer_age_seconds_bucket{le="0.035",worker="0",room="r1",role="expert",at="departure"} 2"#,
            r#"consilium_viewer_age_seconds_count{worker="0",room="r1",role="expert",at="screen"} 2"#,
            r#"consilium_member_path_seconds{worker="0",room="r1",member="7",role="expert",site=""} 0.02"#,
            r#"consilium_member_age_seconds{worker="0",room="r1",member="7",role="expert",site="",at="arrival"} 0.05"#,
            r#"consilium_member_estimate_bps{worker="0",room="r1",member="7",role="expert",site=""} 8000000.0"#,
            r#"consilium_slot_allocated_bps{worker="0",room="r1",member="7",role="expert",site="",slot="0",feed="3"} 300000.0"#,
            r#"consilium_slot_sent_bps{worker="0",room="r1",member="7",role="expert",site="",slot="0",feed="3"} 120000.0"#,
            r#"site="",slot="0",feed="3",layer="thumbnail"} 180.0"#,
            r#"consilium_refusals_total{door="whip",code="bad_token"} 1"#,
            r#"consilium_thumbnail_feeds 0"#,
            r#"consilium_thumbnail_pictures_total{what="decoded"} 0"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert_eq!(text.matches("consilium_member_path_seconds{").count(), 1, "the audience is not shown one by one");
        assert!(text.ends_with("# EOF\n"));
    }
}
