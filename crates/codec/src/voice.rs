//! A synthetic voice: vowels with pauses, each speaker at a pitch of their own.

use std::f32::consts::TAU;

use crate::opus::SAMPLE_RATE_HZ;

/// First, second and third formant of some vowels, Hz, as a man speaks them (Peterson and Barney, 1952).
const VOWELS_HZ: [[f32; 3]; 6] = [
    [730.0, 1090.0, 2440.0],
    [530.0, 1840.0, 2480.0],
    [270.0, 2290.0, 3010.0],
    [570.0, 840.0, 2410.0],
    [300.0, 870.0, 2240.0],
    [490.0, 1350.0, 1690.0],
];
const SYLLABLE_S: f32 = 0.24;
/// Syllables in a phrase, and how long the speaker then listens, in syllables.
const PHRASES: [(usize, usize); 4] = [(5, 3), (3, 2), (6, 5), (4, 4)];

/// What one syllable is: its vowel and its place in the phrase, 0..1; none is a pause.
fn syllable(mut index: usize, speaker: usize) -> Option<(usize, f32)> {
    let mut phrase = speaker;
    loop {
        let (spoken, pause) = PHRASES[phrase % PHRASES.len()];
        if index < spoken {
            let vowel = (index * 5 + phrase * 3 + speaker) % VOWELS_HZ.len();
            return Some((vowel, index as f32 / spoken as f32));
        }
        index = index.checked_sub(spoken + pause)?;
        phrase += 1;
    }
}

/// `count` samples of somebody speaking at a fundamental frequency that stays within 2 % of `pitch_hz`, so that a
/// spectrum tells who speaks. Peaks at about 0.5; begins and ends in silence, so that it can be looped.
pub fn speak(pitch_hz: f32, speaker: usize, count: usize) -> Vec<f32> {
    let rate = SAMPLE_RATE_HZ as f32;
    let length = (SYLLABLE_S * rate) as usize;
    let mut sound = vec![0.0; count];
    let whole = count / length;
    for (index, samples) in sound.chunks_exact_mut(length).enumerate() {
        // The last syllable is left out: a word cut by the end of the loop would click.
        let Some((vowel, place)) = syllable(index, speaker).filter(|_| index + 1 < whole) else { continue };
        let next = syllable(index + 1, speaker).map_or(vowel, |(vowel, _)| vowel);
        utter(samples, pitch_hz, place, VOWELS_HZ[vowel], VOWELS_HZ[next]);
    }
    let peak = sound.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs())).max(1e-6);
    sound.iter_mut().for_each(|sample| *sample *= 0.5 / peak);
    sound
}

/// One syllable: the harmonics of the pitch, as loud as the formants let them be, gliding from vowel to vowel.
fn utter(samples: &mut [f32], pitch_hz: f32, place: f32, from_hz: [f32; 3], to_hz: [f32; 3]) {
    let rate = SAMPLE_RATE_HZ as f32;
    let count = samples.len() as f32;
    // The loudness of a harmonic is worked out for blocks of 10 ms: vowels do not change faster.
    const BLOCK: usize = 480;
    let harmonics = (3800.0 / pitch_hz) as usize;
    let mut phase = 0.0f32;
    for (block, samples) in samples.chunks_mut(BLOCK).enumerate() {
        let part = (block * BLOCK) as f32 / count;
        let glide = (part * 1.6 - 0.8).max(0.0);
        let loudness: Vec<f32> = (1..=harmonics)
            .map(|harmonic| {
                let frequency_hz = harmonic as f32 * pitch_hz;
                let formants: f32 = (0..3)
                    .map(|formant| {
                        let middle_hz = from_hz[formant] + (to_hz[formant] - from_hz[formant]) * glide;
                        let distance = (frequency_hz - middle_hz) / (70.0 + 45.0 * formant as f32);
                        [1.0, 0.5, 0.25][formant] / (1.0 + distance * distance)
                    })
                    .sum();
                // The fundamental stays audible under every vowel: it is what tells speakers apart.
                formants * (400.0 / (400.0 + frequency_hz)) + if harmonic == 1 { 0.35 } else { 0.004 }
            })
            .collect();
        for (index, sample) in samples.iter_mut().enumerate() {
            let part = (block * BLOCK + index) as f32 / count;
            let melody = 1.0 + 0.012 * (1.0 - 2.0 * place) + 0.006 * (part * TAU).sin();
            phase = (phase + pitch_hz * melody / rate).fract();
            let envelope = (part / 0.12).min(1.0) * ((1.0 - part) / 0.25).min(1.0);
            // sin(kx) of all k by turning a pointer once per harmonic: one sine and cosine per sample.
            let (sin, cos) = (phase * TAU).sin_cos();
            let (mut turned_sin, mut turned_cos) = (0.0f32, 1.0f32);
            let mut sum = 0.0;
            for loudness in &loudness {
                (turned_sin, turned_cos) = (turned_sin * cos + turned_cos * sin, turned_cos * cos - turned_sin * sin);
                sum += loudness * turned_sin;
            }
            *sample = sum * envelope * envelope;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::amplitude;

    #[test]
    fn a_spectrum_tells_who_speaks() {
        let pitches_hz = [110.0, 147.0, 196.0];
        for (speaker, pitch_hz) in pitches_hz.into_iter().enumerate() {
            let sound = speak(pitch_hz, speaker, 8 * 48_000);
            let loudest = |pitch_hz: f32| {
                (-2..=2).map(|step| amplitude(&sound, pitch_hz * (1.0 + step as f32 * 0.01))).fold(0.0, f32::max)
            };
            for other_hz in pitches_hz.into_iter().filter(|other_hz| *other_hz != pitch_hz) {
                assert!(loudest(pitch_hz) > 4.0 * loudest(other_hz), "{pitch_hz} Hz against {other_hz} Hz");
            }
        }
    }

    #[test]
    fn it_pauses_and_it_can_be_looped() {
        let sound = speak(110.0, 0, 8 * 48_000);
        let silent = sound.chunks(4_800).filter(|tenth| tenth.iter().all(|sample| sample.abs() < 1e-4)).count();
        assert!((10..60).contains(&silent), "{silent} silent tenths of a second in 8 s");
        assert_eq!((sound[0], sound[sound.len() - 1]), (0.0, 0.0));
    }
}
