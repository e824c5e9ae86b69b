//! What is drawn and said survives the codecs: strips, keyframes, tones, and the seam of a loop.

#![allow(clippy::unwrap_used, reason = "a test that fails here has failed")]

use codec::h264::{Decoder, Encoder, Settings};
use codec::opus::{PACKET_SAMPLES, PACKETS_PER_SECOND};
use codec::{Clip, ClipPlan, Mark, Motif, Picture, Planes, opus, strip, tone};

/// As the demo sends it, but shorter.
const PLAN: ClipPlan = ClipPlan {
    motif: Motif::Endoscope,
    seed: 1,
    site: 2,
    kind: 0,
    width: 640,
    height: 360,
    fps: 25,
    length_s: 2,
    bitrate_bps: 700_000,
    pitch_hz: None,
};

/// Scales luma by areas (down) or linearly (up), as browsers do, more or less.
fn scaled(planes: &Planes, width: usize, height: usize) -> Vec<u8> {
    let (from_width, from_height) = (planes.width() as f32, planes.height() as f32);
    let sample = |x: f32, y: f32| {
        let (left, top) = (x.max(0.0) as usize, y.max(0.0) as usize);
        let (fx, fy) = ((x - left as f32).max(0.0), (y - top as f32).max(0.0));
        let at = |x: usize, y: usize| {
            f32::from(planes.luma()[y.min(planes.height() - 1) * planes.width() + x.min(planes.width() - 1)])
        };
        let upper = at(left, top) + (at(left + 1, top) - at(left, top)) * fx;
        let lower = at(left, top + 1) + (at(left + 1, top + 1) - at(left, top + 1)) * fx;
        upper + (lower - upper) * fy
    };
    let (step_x, step_y) = (from_width / width as f32, from_height / height as f32);
    (0..width * height)
        .map(|pixel| {
            let (x, y) = ((pixel % width) as f32, (pixel / width) as f32);
            let offsets = [0.25, 0.75];
            let sum: f32 = offsets
                .iter()
                .flat_map(|dy| offsets.iter().map(move |dx| (dx, dy)))
                .map(|(dx, dy)| sample((x + dx) * step_x - 0.5, (y + dy) * step_y - 0.5))
                .sum();
            (sum / 4.0).round() as u8
        })
        .collect()
}

#[test]
fn every_strip_of_every_motif_is_read_after_h264_at_the_demos_bitrate_and_scaled() {
    for motif in Motif::ALL {
        let clip = ClipPlan { motif, ..PLAN }.make().unwrap();
        let mut decoder = Decoder::new().unwrap();
        for (frame, coded) in clip.pictures.iter().enumerate() {
            let planes = decoder.decode(&coded.annex_b).unwrap().expect("one picture out for each one in");
            let expected = Some(Mark { site: 2, kind: 0, frame: frame as u16, loop_frames: 50 });
            assert_eq!(strip::read_luma(planes.luma(), 640, 360), expected, "{motif:?}");
            assert_eq!(strip::read_picture(&planes.to_picture().unwrap()), expected, "{motif:?} as RGB");
            for (width, height) in [(320, 180), (960, 540)] {
                let luma = scaled(&planes, width, height);
                assert_eq!(strip::read_luma(&luma, width, height), expected, "{motif:?} frame {frame} at {width}");
            }
        }
    }
}

#[test]
fn the_strip_survives_a_fifth_of_the_demos_bitrate() {
    let clip = ClipPlan { bitrate_bps: 140_000, motif: Motif::Ultrasound, ..PLAN }.make().unwrap();
    let mut decoder = Decoder::new().unwrap();
    for (frame, coded) in clip.pictures.iter().enumerate() {
        let planes = decoder.decode(&coded.annex_b).unwrap().unwrap();
        let mark = strip::read_luma(planes.luma(), 640, 360);
        assert_eq!(mark.map(|mark| mark.frame), Some(frame as u16));
    }
}

#[test]
fn a_clip_keeps_its_bitrate_and_its_loop_closes() {
    let clip = ClipPlan { pitch_hz: Some(147.0), ..PLAN }.make().unwrap();
    assert_eq!(clip.pictures.len(), 50);
    assert_eq!(clip.voice.len(), 2 * PACKETS_PER_SECOND, "pictures and voice are equally long");
    let bits = 8 * clip.pictures.iter().map(|coded| coded.annex_b.len()).sum::<usize>();
    assert!((500_000..900_000).contains(&(bits / 2)), "{} bit/s", bits / 2);
    // Two rounds through one decoder, and numbers that only ever go up by one.
    let mut decoder = Decoder::new().unwrap();
    let mut last: Option<Mark> = None;
    for coded in clip.pictures.iter().chain(&clip.pictures) {
        let planes = decoder.decode(&coded.annex_b).unwrap().unwrap();
        let mark = strip::read_luma(planes.luma(), 640, 360).unwrap();
        if let Some(last) = last {
            assert_eq!(mark.frames_since(last), 1, "{last:?} {mark:?}");
        }
        last = Some(mark);
    }
    // The picture at the seam changes no more than within the loop: the motion closes, too.
    let step = |clip: &Clip, from: usize, to: usize| {
        let mut decoder = Decoder::new().unwrap();
        let mut shown = Vec::new();
        for coded in clip.pictures.iter().cycle().take(to + 1) {
            shown.push(decoder.decode(&coded.annex_b).unwrap().unwrap());
        }
        let sum: u32 = shown[from].luma().iter().zip(shown[to].luma()).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
        f64::from(sum) / f64::from(640 * 360)
    };
    let (within, seam) = (step(&clip, 20, 21), step(&clip, 49, 50));
    assert!(seam < within * 2.0 + 1.0, "mean change {within:.2} within, {seam:.2} at the seam");
}

#[test]
fn keyframes_come_each_second_and_nothing_is_a_b_frame() {
    let clip = PLAN.make().unwrap();
    for (frame, coded) in clip.pictures.iter().enumerate() {
        let kinds: Vec<u8> = nal_units(&coded.annex_b).iter().map(|unit| unit[0] & 0x1f).collect();
        let expected: &[u8] = if frame % 25 == 0 { &[7, 8, 5] } else { &[1] };
        assert_eq!(kinds, expected, "frame {frame}");
        assert_eq!(coded.keyframe, frame % 25 == 0);
        let slice = *nal_units(&coded.annex_b).last().unwrap();
        // slice_type modulo 5 (table 7-6): 0 is P, 1 is B, 2 is I.
        let mut bits = Bits { bytes: &slice[1..], at: 0 };
        let _first_macroblock = bits.exp_golomb();
        assert_eq!(bits.exp_golomb() % 5, if coded.keyframe { 2 } else { 0 }, "frame {frame}");
    }
    let parameters = nal_units(&clip.pictures[0].annex_b)[0].to_vec();
    assert_eq!(parameters[1], 66, "baseline");
    assert_ne!(parameters[2] & 0x40, 0, "constrained");
}

#[test]
fn a_forced_keyframe_is_that_very_picture() {
    let settings =
        Settings { fps: 30.0, bitrate_bps: 500_000, keyframe_interval_frames: 0, unit_bytes: None, colour: None };
    let mut encoder = Encoder::new(settings).unwrap();
    let mut drawing = Motif::Room.prepare(320, 180, 3);
    let (mut picture, mut planes) = (Picture::new(320, 180), Planes::new(320, 180).unwrap());
    for frame in 0..40u64 {
        drawing.draw(frame as f32 / 40.0, 2.0, &mut picture);
        planes.read(&picture).unwrap();
        let coded = encoder.encode_at(&planes, frame * 33, frame == 17).unwrap().unwrap();
        assert_eq!(coded.keyframe, frame == 0 || frame == 17, "frame {frame}");
    }
}

#[test]
fn colours_are_kept() {
    let mut picture = Picture::new(64, 64);
    let colours = [[200, 30, 40], [20, 160, 60], [40, 60, 190], [220, 220, 220]];
    for pixel in 0..64 * 64 {
        picture.set(pixel % 64, pixel / 64, colours[pixel % 64 / 16]);
    }
    let mut planes = Planes::new(64, 64).unwrap();
    planes.read(&picture).unwrap();
    let back = planes.to_picture().unwrap();
    for (index, colour) in colours.into_iter().enumerate() {
        let got = back.get(index * 16 + 8, 32);
        assert!(colour.iter().zip(got).all(|(a, b)| a.abs_diff(b) < 6), "{colour:?} became {got:?}");
    }
}

#[test]
fn odd_sizes_and_strangers_are_refused() {
    assert!(Planes::new(641, 360).is_err());
    assert!(Planes::new(0, 0).is_err());
    assert!(Planes::new(640, 360).unwrap().read(&Picture::new(320, 180)).is_err());
    assert!(opus::Decoder::new().unwrap().decode(&[0xff; 3]).is_err());
}

#[test]
fn a_tone_is_heard_through_opus() {
    let sound = tone::sine(440.0, 0.4, 50 * PACKET_SAMPLES);
    let packets = opus::Encoder::new(24_000).unwrap().encode_all(&sound).unwrap();
    let mut decoder = opus::Decoder::new().unwrap();
    let heard: Vec<f32> = packets.iter().flat_map(|sound| decoder.decode(&sound.packet).unwrap()).collect();
    assert_eq!(heard.len(), sound.len());
    assert!(packets.iter().all(|sound| (-12..=-10).contains(&sound.level_dbov)), "0.4 of a sine is -11 dB");
    assert!(tone::amplitude(&heard[4800..], 440.0) > 0.3);
    assert!(tone::amplitude(&heard[4800..], 660.0) < 0.02);
    assert_eq!(decoder.decode(&[]).unwrap().len(), PACKET_SAMPLES, "a lost packet is concealed");
}

fn nal_units(annex_b: &[u8]) -> Vec<&[u8]> {
    let starts: Vec<usize> =
        (0..annex_b.len().saturating_sub(2)).filter(|at| annex_b[*at..].starts_with(&[0, 0, 1])).collect();
    let end = |index: usize| match starts.get(index + 1) {
        Some(next) if annex_b[next - 1] == 0 => next - 1,
        Some(next) => *next,
        None => annex_b.len(),
    };
    starts.iter().enumerate().map(|(index, start)| &annex_b[start + 3..end(index)]).collect()
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn bit(&mut self) -> u32 {
        let bit = self.bytes[self.at / 8] >> (7 - self.at % 8) & 1;
        self.at += 1;
        bit.into()
    }

    fn exp_golomb(&mut self) -> u32 {
        let zeros = std::iter::from_fn(|| (self.bit() == 0).then_some(())).count();
        (0..zeros).fold(1, |value, _| value << 1 | self.bit()) - 1
    }
}

#[test]
fn a_picture_is_drawn_smaller_and_its_strip_is_read() {
    let clip = ClipPlan { width: 1280, height: 720, length_s: 1, ..PLAN }.make().unwrap();
    let mut decoder = Decoder::new().unwrap();
    let mut small = Planes::new(320, 180).unwrap();
    for (frame, coded) in clip.pictures.iter().enumerate() {
        decoder.look(&coded.annex_b, |view| view.shrink(&mut small)).unwrap().expect("a picture").unwrap();
        let mark = strip::read_luma(small.luma(), 320, 180);
        assert_eq!(mark.map(|mark| mark.frame), Some(frame as u16));
    }
    // Sizes that do not divide each other, and one that is larger.
    let coded = &clip.pictures[0].annex_b;
    let mut odd = Planes::new(226, 98).unwrap();
    Decoder::new().unwrap().look(coded, |view| view.shrink(&mut odd)).unwrap().expect("a picture").unwrap();
    let mean =
        |planes: &Planes| planes.luma().iter().map(|luma| f64::from(*luma)).sum::<f64>() / planes.luma().len() as f64;
    let whole = Decoder::new().unwrap().decode(coded).unwrap().unwrap();
    assert!((mean(&whole) - mean(&odd)).abs() < 1.0, "{} and {}", mean(&whole), mean(&odd));
    let mut larger = Planes::new(1282, 720).unwrap();
    assert!(Decoder::new().unwrap().look(coded, |view| view.shrink(&mut larger)).unwrap().expect("a picture").is_err());
}

#[test]
fn units_fit_into_packets() {
    let settings = Settings {
        fps: 10.0,
        bitrate_bps: 120_000,
        keyframe_interval_frames: 20,
        unit_bytes: Some(1100),
        colour: None,
    };
    let mut encoder = Encoder::new(settings).unwrap();
    let mut drawing = Motif::Room.prepare(320, 180, 3);
    let (mut picture, mut planes) = (Picture::new(320, 180), Planes::new(320, 180).unwrap());
    let mut decoder = Decoder::new().unwrap();
    let (mut slices, mut bytes, mut shown) = (0, 0, 0);
    for frame in 0..60u64 {
        drawing.draw(frame as f32 / 60.0, 6.0, &mut picture);
        planes.read(&picture).unwrap();
        let Some(coded) = encoder.encode_at(&planes, frame * 100, false).unwrap() else { continue };
        let units = nal_units(&coded.annex_b);
        assert!(units.iter().all(|unit| unit.len() <= 1100), "{:?}", units.iter().map(|unit| unit.len()).max());
        slices += units.iter().filter(|unit| matches!(unit[0] & 0x1f, 1 | 5)).count();
        bytes += coded.annex_b.len();
        shown += usize::from(decoder.decode(&coded.annex_b).unwrap().is_some());
    }
    assert!(shown > 40 && slices > shown, "{shown} pictures of {slices} slices");
    assert!((60_000..160_000).contains(&(bytes * 8 / 6)), "{} b/s", bytes * 8 / 6);
}
