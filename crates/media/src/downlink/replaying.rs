//! How fast a viewer that is behind is brought to the present.

use std::time::Duration;

use crate::estimate::Estimator;

/// What may be sent at a time, and how often: 38 Mb/s, which a usual line and a receiver's buffer hold.
const PACKETS: usize = 16;
const EVERY: Duration = Duration::from_millis(4);
const PACKET_BITS: f64 = 1200.0 * 8.0;
/// Over a line that is known to be narrow it goes at half of what that carries, and in pieces of this long: all at once it
/// would stand in the queue before everything else, and be lost with it.
const PIECE: Duration = Duration::from_millis(100);
/// But at so many times the rate of what comes meanwhile, or it would never be at the present; as far as the line goes.
const FASTER: f64 = 1.5;
const MOST_OF_LINE: f64 = 0.9;

/// How many packets may be sent now, and how long it is until the next may, while `coming_bps` are added.
pub(super) fn piece(estimator: &Estimator, coming_bps: u64) -> (usize, Duration) {
    if !estimator.is_narrow() {
        return (PACKETS, EVERY);
    }
    paced(replayed_bps(estimator.bitrate_bps() as f64, coming_bps as f64))
}

fn replayed_bps(line_bps: f64, coming_bps: f64) -> f64 {
    (coming_bps * FASTER).min(line_bps * MOST_OF_LINE).max(line_bps / 2.0)
}

fn paced(bps: f64) -> (usize, Duration) {
    let packets = (bps * PIECE.as_secs_f64() / PACKET_BITS).clamp(1.0, PACKETS as f64).floor();
    (packets as usize, Duration::from_secs_f64(packets * PACKET_BITS / bps).max(EVERY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_behind_comes_nearer() {
        assert_eq!(replayed_bps(1e6, 150e3), 500e3);
        assert_eq!(replayed_bps(1e6, 500e3), 750e3, "half of the line would not do");
        assert_eq!(replayed_bps(1e6, 2e6), 900e3, "nothing would; what is given is too much, and will be less");
    }

    #[test]
    fn a_narrow_line_has_smaller_pieces_and_none_waits_long() {
        for (bps, packets, at_most_ms) in [(25_000.0, 1, 400), (250_000.0, 2, 100), (5e6, 16, 100), (1e9, 16, 4)] {
            let (count, pause) = paced(bps);
            assert_eq!(count, packets, "{bps}");
            assert!(pause <= Duration::from_millis(at_most_ms), "{bps}: {pause:?}");
        }
    }
}
