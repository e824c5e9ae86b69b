//! What the kernel says of this process, under the names that every Prometheus dashboard knows.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::clock::since_1970;

/// The unit of times in `/proc`: USER_HZ is 100 on every architecture of Linux that this is built for.
const TICKS_PER_SECOND: f64 = 100.0;

/// Reads `/proc/self` when it is asked; what cannot be read is left out.
#[derive(Debug)]
pub(crate) struct Process {
    started_s: f64,
}

impl Process {
    /// Of the process that starts now.
    pub(crate) fn new() -> Self {
        Self { started_s: since_1970().as_secs_f64() }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
        let descriptors = std::fs::read_dir("/proc/self/fd").map(|entries| entries.count() as f64).ok();
        if let Some(seconds) = processor_s(&read("stat")) {
            let help = "User and system CPU time spent in seconds.";
            let metric = ConstCounter::new(seconds);
            metric.encode(encoder.encode_descriptor("process_cpu_seconds", help, None, MetricType::Counter)?)?;
        }
        let status = read("status");
        let gauges = [
            ("process_resident_memory_bytes", "Resident memory size in bytes.", memory_bytes(&status, "VmRSS:")),
            ("process_virtual_memory_bytes", "Virtual memory size in bytes.", memory_bytes(&status, "VmSize:")),
            ("process_open_fds", "Number of open file descriptors.", descriptors),
            ("process_max_fds", "Maximum number of open file descriptors.", descriptors_max(&read("limits"))),
            ("process_start_time_seconds", "Start time since 1970-01-01 UTC in seconds.", Some(self.started_s)),
        ];
        for (name, help, value) in gauges {
            if let Some(value) = value {
                let metric = ConstGauge::new(value);
                metric.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
            }
        }
        Ok(())
    }
}

/// Fields 14 and 15 of `stat` (proc(5)), counted from behind the program's name, which may hold anything.
fn processor_s(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some((ticks()? + ticks()?) as f64 / TICKS_PER_SECOND)
}

/// One line of `status`, which is in kB.
fn memory_bytes(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib as f64 * 1024.0)
}

/// The soft limit of `Max open files`.
fn descriptors_max(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_tables_are_read() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194304 100 0 0 0 250 150 0 0 20 0 9 0 1234 5 6";
        assert_eq!(processor_s(stat), Some(4.0));
        assert_eq!(memory_bytes("VmSize:\t   20 kB\nVmRSS:\t    8 kB\n", "VmRSS:"), Some(8192.0));
        assert_eq!(
            descriptors_max("Max open files            1024                 4096                 files\n"),
            Some(1024.0)
        );
        assert_eq!(
            (processor_s(""), memory_bytes("", "VmRSS:"), descriptors_max("Max open files unlimited")),
            (None, None, None)
        );
    }
}
