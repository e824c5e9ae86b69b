//! A pure tone, and how much of one is in a sound.

use std::f32::consts::TAU;

use crate::opus::SAMPLE_RATE_HZ;

/// A sine wave of -`amplitude`..`amplitude` at [`SAMPLE_RATE_HZ`], `count` samples from its beginning.
pub fn sine(frequency_hz: f32, amplitude: f32, count: usize) -> Vec<f32> {
    let step = f64::from(frequency_hz) / f64::from(SAMPLE_RATE_HZ);
    (0..count).map(|index| amplitude * ((index as f64 * step).fract() as f32 * TAU).sin()).collect()
}

/// The amplitude of the sine wave of one frequency in a sound (Goertzel with a Hann window, so that a loud
/// neighbour does not leak in). Its resolution is about twice one over the sound's length.
pub fn amplitude(samples: &[f32], frequency_hz: f32) -> f32 {
    let turn = f64::from(frequency_hz) / f64::from(SAMPLE_RATE_HZ) * std::f64::consts::TAU;
    let coefficient = 2.0 * turn.cos();
    let (mut last, mut before, mut weight) = (0.0, 0.0, 0.0);
    for (index, sample) in samples.iter().enumerate() {
        let window = 0.5 - 0.5 * (std::f64::consts::TAU * (index as f64 + 0.5) / samples.len() as f64).cos();
        weight += window;
        (last, before) = (f64::from(*sample) * window + coefficient * last - before, last);
    }
    let power = last * last + before * before - coefficient * last * before;
    if weight > 0.0 { (2.0 * power.max(0.0).sqrt() / weight) as f32 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_found_where_it_is_and_nowhere_else() {
        let sound = sine(440.0, 0.5, 48_000);
        assert!((amplitude(&sound, 440.0) - 0.5).abs() < 0.01);
        assert!(amplitude(&sound, 460.0) < 0.005);
        assert_eq!(amplitude(&[], 440.0), 0.0);
    }
}
