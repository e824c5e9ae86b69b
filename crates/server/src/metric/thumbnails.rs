//! What the making of thumbnails costs, and what comes of it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::counter;
use crate::thumbnail::{Counts, Thumbnails};

/// All that make them.
#[derive(Debug)]
pub(super) struct Makers(pub(super) Arc<Thumbnails>);

impl Collector for Makers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counts = self.0.counts();
        let help = "Feeds of which a thumbnail is made now.";
        let family = encoder.encode_descriptor("thumbnail_feeds", help, None, MetricType::Gauge)?;
        ConstGauge::new(counts.feeds.load(Ordering::Relaxed) as i64).encode(family)?;
        let help = "Pictures for thumbnails: decoded, made of them, left out to save time, failed, and made in vain.";
        let mut family = encoder.encode_descriptor("thumbnail_pictures", help, None, MetricType::Counter)?;
        let Counts { decoded, made, skipped, failed, refused, .. } = counts;
        let whats =
            [("decoded", decoded), ("made", made), ("skipped", skipped), ("failed", failed), ("refused", refused)];
        for (what, count) in whats {
            counter(&mut family, &[("what", what)], read(count))?;
        }
        let help = "Feeds of which none is made, for a decoder of their pictures would be too large.";
        let family = encoder.encode_descriptor("thumbnail_feeds_out_of_reach", help, None, MetricType::Counter)?;
        ConstCounter::new(read(&counts.out_of_reach)).encode(family)?;
        let help = "Time that the making of thumbnails took.";
        let family = encoder.encode_descriptor("thumbnail_busy_seconds", help, None, MetricType::Counter)?;
        ConstCounter::new(read(&counts.busy_us) as f64 / 1e6).encode(family)
    }
}

fn read(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}
