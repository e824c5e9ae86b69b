//! What a thumbnail costs: one 1080p30 feed decoded, every third picture drawn at 320 x 180 and encoded.
//!
//! `cargo run --release -p codec --example thumbnail [FILE.h264]`: of a drawn feed of 4 Mb/s, or of a file at 30 frames a
//! second whose access units begin with delimiters (`ffmpeg -c:v libx264 -x264-params aud=1 -f h264`).
//!
//! Where the time goes (`perf`, baseline and High): reading coefficients 27 and 43 %, deblocking 35 and 19 %, prediction and
//! transforms the rest. openh264 can leave out none of it, and its AVX2 code, which its crate does not build, gains nothing
//! that can be measured.

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a bench reads the clock and a file, and prints")]

use std::time::{Duration, Instant};

use codec::h264::{Decoder, Encoder, Settings};
use codec::{ClipPlan, Error, Motif, Planes};

const FPS: usize = 30;
const ROUNDS: usize = 5;
const PLAN: ClipPlan = ClipPlan {
    motif: Motif::Endoscope,
    seed: 1,
    site: 0,
    kind: 0,
    width: 1920,
    height: 1080,
    fps: FPS as u32,
    length_s: 4,
    bitrate_bps: 4_000_000,
    pitch_hz: None,
};
const SMALL: Settings =
    Settings { fps: 10.0, bitrate_bps: 120_000, keyframe_interval_frames: 40, unit_bytes: Some(1100), colour: None };

fn main() -> Result<(), Box<dyn std::error::Error>> {
    match std::env::args().nth(1) {
        Some(path) => measure(&path, &units(&std::fs::read(&path)?))?,
        None => {
            for motif in [Motif::Endoscope, Motif::Ultrasound, Motif::Room] {
                let pictures = ClipPlan { motif, ..PLAN }.make()?.pictures;
                let units: Vec<Vec<u8>> = pictures.into_iter().map(|picture| picture.annex_b).collect();
                measure(&format!("{motif:?}"), &units)?;
            }
        }
    }
    Ok(())
}

fn measure(name: &str, units: &[Vec<u8>]) -> Result<(), Error> {
    let mut rounds = (0..ROUNDS).map(|_| round(units)).collect::<Result<Vec<_>, _>>()?;
    rounds.sort_by_key(|(times, _)| times.iter().sum::<Duration>());
    let seconds = units.len() as f64 / FPS as f64;
    let bits = |bytes: usize| bytes as f64 * 8.0 / seconds / 1e6;
    println!("{name}: {} pictures of {:.1} Mb/s", units.len(), bits(units.iter().map(Vec::len).sum()));
    for (what, (times, bytes)) in [("best", rounds[0]), ("worst", rounds[ROUNDS - 1])] {
        let percent = |time: Duration| 100.0 * time.as_secs_f64() / seconds;
        let [decode, shrink, encode] = times.map(percent);
        println!(
            "  {what} of {ROUNDS}: {:.1} % of a core: decode {decode:.1}, shrink {shrink:.2}, encode {encode:.2}; {:.3} Mb/s",
            decode + shrink + encode,
            bits(bytes)
        );
    }
    Ok(())
}

/// How long decoding, drawing smaller and encoding took, and how many bytes came of it.
fn round(units: &[Vec<u8>]) -> Result<([Duration; 3], usize), Error> {
    let (mut decoder, mut encoder) = (Decoder::new()?, Encoder::new(SMALL)?);
    let mut small = Planes::new(320, 180)?;
    let (mut times, mut bytes) = ([Duration::ZERO; 3], 0);
    for (frame, unit) in units.iter().enumerate() {
        let began = Instant::now();
        let mut shrank = Duration::ZERO;
        decoder.look(unit, |view| {
            let began = Instant::now();
            let shrunk = if frame.is_multiple_of(3) { view.shrink(&mut small) } else { Ok(()) };
            shrank = began.elapsed();
            shrunk
        })?;
        times[0] += began.elapsed() - shrank;
        times[1] += shrank;
        if frame.is_multiple_of(3) {
            let began = Instant::now();
            let coded = encoder.encode_at(&small, frame as u64 * 1000 / FPS as u64, false)?;
            bytes += coded.map_or(0, |coded| coded.annex_b.len());
            times[2] += began.elapsed();
        }
    }
    Ok((times, bytes))
}

/// The access units of a byte stream: each begins with a delimiter.
fn units(stream: &[u8]) -> Vec<Vec<u8>> {
    let delimiter = [0, 0, 0, 1, 9];
    let starts: Vec<usize> =
        stream.windows(delimiter.len()).enumerate().filter(|(_, five)| *five == delimiter).map(|(at, _)| at).collect();
    let ends = starts.iter().skip(1).copied().chain([stream.len()]);
    starts.iter().zip(ends).map(|(start, end)| stream[*start..end].to_vec()).collect()
}
