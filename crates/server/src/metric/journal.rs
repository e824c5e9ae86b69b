//! How the journals of rooms fare.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use super::counter;
use crate::journal::Journal;

/// The one journal.
#[derive(Debug)]
pub(super) struct Keeping(pub(super) Journal);

impl Collector for Keeping {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (written, lost, is_failing) = self.0.counts();
        let help = "Entries of rooms' journals: on the disk, and lost because it did not take them for too long.";
        let mut family = encoder.encode_descriptor("journal_entries", help, None, MetricType::Counter)?;
        counter(&mut family, &[("what", "written")], written)?;
        counter(&mut family, &[("what", "lost")], lost)?;
        let help = "1 while the journal cannot be written: the disk is full, or the database locked.";
        let family = encoder.encode_descriptor("journal_failing", help, None, MetricType::Gauge)?;
        ConstGauge::new(i64::from(is_failing)).encode(family)
    }
}
