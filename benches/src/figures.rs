//! Medians and their like.

use std::time::Duration;

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
