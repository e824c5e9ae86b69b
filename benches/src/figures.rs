//! What one measurement gives, and medians.

use std::time::Duration;

use crate::machine::Shares;

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    /// How many viewed.
    pub viewers: usize,
    /// Server's processor time for each packet that a viewer received.
    pub us_per_packet: f64,
    /// The floor, measured just before.
    pub floor_us: f64,
    /// Server's processor time for each second.
    pub core: f64,
    /// Packets that no viewer got, 0 to 1.
    pub lost: f64,
    /// From the kernel's receipt until the last copy has left, where the server shows it.
    pub in_server_p50_ms: Option<f64>,
    /// The same, of the slowest hundredth.
    pub in_server_p99_ms: Option<f64>,
    /// From the publisher's send until the kernel had it for a viewer.
    pub end_to_end_p50_ms: Option<f64>,
    /// The same, of the slowest hundredth.
    pub end_to_end_p99_ms: Option<f64>,
    /// Server's memory, beyond that with no viewer.
    pub kib_per_viewer: f64,
    /// Who used the processors meanwhile.
    pub shares: Shares,
    /// Datagrams that this program's sockets threw away.
    pub load_overrun: u64,
    /// Packets sent, of those that were meant to be, 0 to 1.
    pub load_sent: f64,
}

impl Figures {
    /// Times the floor.
    pub fn ratio(&self) -> f64 {
        self.us_per_packet / self.floor_us
    }

    /// Why it is not to be believed, in words for the table.
    pub fn doubts(&self) -> impl Iterator<Item = &'static str> {
        let own = [(self.load_overrun > 0, "load lost packets"), (self.load_sent < 0.97, "load sent too little")];
        self.shares.doubts().chain(own.into_iter().filter_map(|(holds, doubt)| holds.then_some(doubt)))
    }
}

/// The median of some values, with the best and the worst beside. None if there are none.
pub fn median(values: impl Iterator<Item = f64>) -> Option<(f64, f64, f64)> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    Some((*values.get(values.len() / 2)?, *values.first()?, *values.last()?))
}

/// The value below which this part (0 to 1) of the values lies; sorts them. None if there are none.
pub fn quantile(values: &mut [Duration], part: f64) -> Option<Duration> {
    values.sort_unstable();
    let last = values.len().checked_sub(1)?;
    values.get((last as f64 * part).round() as usize).copied()
}

/// A duration in milliseconds with one digit, for tables.
pub fn ms(duration: Option<Duration>) -> String {
    duration.map_or_else(|| "-".to_owned(), |duration| format!("{:.1}", duration.as_secs_f64() * 1e3))
}
