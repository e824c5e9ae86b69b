//! A curved-array ultrasound fan: speckled liver, vessels with Doppler colour, a needle on its way to a lesion.

use std::f32::consts::TAU;

use super::brush::{Colour, blend, bytes, length_of, mix, smooth, to_ellipse, to_line};
use super::noise::{Tile, bell, chance, clouds, noise};
use super::{Drawing, Picture, cycles};

/// The array's curve: its middle lies this far above the picture, in picture heights.
const CENTRE_Y: f32 = -0.26;
const SKIN: f32 = 0.315;
const DEPTH: f32 = 0.885;
/// Half the opening angle of the fan, radians.
const OPENING: f32 = 0.62;
const IMAGES_PER_SECOND: f32 = 12.5;
/// The strongest echo that the texture of the tissue can hold.
const LOUDEST: f32 = 2.5;
const BEAMS: usize = 256;
const RANGES: usize = 512;
/// Where the needle enters, where it may end, and the lesion it is for, relative to the middle of the picture.
const LESION: [f32; 2] = [-0.10, 0.62];
const ENTRY: [f32; 2] = [0.40, 0.165];

/// One pixel of the fan: where it lies on the tissue.
struct Sight {
    pixel: u32,
    beam: f32,
    range: f32,
    gain: f32,
    /// How much breathing slides this depth under the skin.
    slide: f32,
}

/// The tissue is a texture over beam and range, already speckled, so that speckle moves with the tissue as it does.
pub(super) struct Ultrasound {
    width: usize,
    height: usize,
    sights: Vec<Sight>,
    /// Brightness of the tissue, a second speckle it drifts into, and how much blood flows (and which way).
    tissue: Tile,
    patient: Patient,
    /// The last image and when in the loop it was made: a scanner with its colour on makes few a second.
    image: Option<(u32, Picture)>,
}

/// How one patient differs from another.
#[derive(Clone, Copy)]
struct Patient {
    seed: u32,
    /// 1 or -1: the probe held the other way round.
    side: f32,
    shift: [f32; 2],
}

impl Patient {
    fn new(seed: u32) -> Self {
        let shift = [0, 1].map(|axis| chance(axis, 9, seed) * 0.08 - 0.04);
        Self { seed, side: if seed.is_multiple_of(2) { -1.0 } else { 1.0 }, shift }
    }

    /// Where something of the common anatomy lies, relative to the middle of the picture.
    fn place(self, at: [f32; 2]) -> [f32; 2] {
        [(at[0] + self.shift[0]) * self.side, at[1] + self.shift[1] * 0.6]
    }

    fn place_back(self, at: [f32; 2]) -> [f32; 2] {
        [at[0] * self.side - self.shift[0], at[1] - self.shift[1] * 0.6]
    }
}

impl Ultrasound {
    pub(super) fn new(width: usize, height: usize, seed: u32) -> Self {
        let middle = width as f32 / height as f32 * 0.5;
        let mut sights = Vec::new();
        for pixel in 0..width * height {
            let at = [
                ((pixel % width) as f32 + 0.5) / height as f32 - middle,
                ((pixel / width) as f32 + 0.5) / height as f32 - CENTRE_Y,
            ];
            let (angle, radius) = (at[0].atan2(at[1]), length_of(at));
            let (beam, range) = (angle / OPENING * 0.5 + 0.5, (radius - SKIN) / DEPTH);
            let edge = smooth(0.0, 0.006, beam.min(1.0 - beam)) * smooth(0.0, 0.004, range.min(1.0 - range));
            if edge > 0.0 {
                let gain = edge * mix(1.0, 0.72, smooth(0.55, 1.0, range));
                let (beam, range) = (beam * 0.98 + 0.01, range * 0.9 + 0.05);
                let slide = 0.011 * smooth(0.12, 0.4, range);
                sights.push(Sight { pixel: pixel as u32, beam, range, gain, slide });
            }
        }
        let patient = Patient::new(seed);
        let tissue = Tile::new(BEAMS, RANGES, |beam, range| tissue(beam, range, patient));
        Self { width, height, sights, tissue, patient, image: None }
    }

    fn needle(&self, push: f32, picture: &mut Picture) {
        let middle = self.width as f32 / self.height as f32 * 0.5;
        let [entry, goal] = [ENTRY, LESION].map(|at| {
            let [x, y] = self.patient.place(at);
            [x + middle, y]
        });
        let part = 0.66 + 0.27 * push;
        let tip = [mix(entry[0], goal[0], part), mix(entry[1], goal[1], part)];
        let (left, right) = (tip[0].min(entry[0]) - 0.03, tip[0].max(entry[0]) + 0.03);
        let bounds = [left, entry[1], right, tip[1] + 0.10];
        picture.shine(bounds, |at| {
            let (distance, part) = to_line(at, entry, tip);
            // Only where the beam meets it squarely does steel answer: brightest towards the tip.
            let steel = smooth(0.008, 0.001, distance) * (0.30 + 0.55 * part) * smooth(0.02, 0.10, part);
            let spark = smooth(0.022, 0.0, length_of([at[0] - tip[0], at[1] - tip[1]])) * 0.8;
            let echoes: f32 = (1..5)
                .map(|echo| {
                    let below = 0.019 * echo as f32;
                    let (distance, part) = to_line([at[0], at[1] - below], entry, tip);
                    smooth(0.006, 0.0, distance) * 0.20 * part / echo as f32
                })
                .sum();
            [steel + echoes + spark; 3]
        });
    }

    /// What a scanner writes beside the fan: depth, grey scale, colour scale, settings.
    fn legend(&self, picture: &mut Picture) {
        let width = self.width as f32 / self.height as f32;
        let grey: Colour = [0.62, 0.66, 0.70];
        for tick in 0..=16 {
            let (y, long) = (0.06 + tick as f32 * 0.054, tick % 4 == 0);
            let left = width - if long { 0.085 } else { 0.075 };
            picture.paint([left, y, width - 0.066, y], |_| (grey, 1.0));
            if long {
                picture.write([width - 0.055, y - 0.009], &format!("{}", tick), grey);
            }
        }
        picture.paint([0.05, 0.30, 0.075, 0.56], |at| ([(0.56 - at[1]) / 0.26; 3], 1.0));
        picture.paint([0.05, 0.62, 0.075, 0.88], |at| (doppler((0.75 - at[1]) / 0.13), 1.0));
        picture.write([0.05, 0.90], "-19 CM/S", grey);
        picture.write([0.05, 0.155], "ABD C5-1  13HZ", grey);
        picture.write([0.05, 0.185], "RS  16CM  2D 58%", grey);
        picture.write([0.05, 0.215], "CF  54%  2.5MHZ", grey);
    }
}

/// Blood towards the probe is red, away from it is blue, faster is paler.
fn doppler(speed: f32) -> Colour {
    let fast = speed.abs().min(1.0);
    match speed > 0.0 {
        true => [0.35 + 0.65 * fast, 0.75 * fast * fast, 0.05],
        false => [0.05, 0.70 * fast * fast, 0.40 + 0.60 * fast],
    }
}

/// Brightness, drifting brightness, and flow of the tissue at a place of the fan.
fn tissue(beam: f32, range: f32, patient: Patient) -> [f32; 4] {
    let seed = patient.seed;
    let (beam, range) = ((beam - 0.01) / 0.98, (range - 0.05) / 0.9);
    let (angle, radius) = ((beam - 0.5) * 2.0 * OPENING, SKIN + range * DEPTH);
    let at = patient.place_back([radius * angle.sin(), radius * angle.cos() + CENTRE_Y]);
    let wave = noise(at[0] * 3.0, at[1] * 3.0, [64, 64], seed ^ 11);
    let mut echo = 0.36 + 0.16 * clouds(at[0] * 7.0, at[1] * 7.0, [64, 64], 3, seed);
    let mut flow = 0.0;
    // Skin, fat and muscle: bright bands along the array.
    let layers = range + 0.006 * wave;
    let band = |place: f32, thick: f32| smooth(thick, 0.0, (layers - place).abs());
    echo = mix(0.30, echo, smooth(0.10, 0.14, layers));
    echo +=
        0.50 * band(0.012, 0.012) + 0.22 * band(0.05, 0.010) + 0.28 * band(0.085, 0.008) + 0.50 * band(0.125, 0.009);
    // The diaphragm, a bright arc at the bottom, with the dark lung behind it.
    let arc = to_ellipse(at, [-0.05, 0.36], [0.78, 0.52 + 0.02 * wave]);
    echo = mix(echo, 0.10, smooth(0.0, 0.03, arc)) + 0.75 * smooth(0.016, 0.0, arc.abs());
    // Vessels: dark lumen, bright wall, brighter tissue behind.
    let vessels = [
        ([0.12, 0.40], [0.115, 0.036], -0.30, 1.0),
        ([-0.22, 0.36], [0.060, 0.026], 0.45, -0.7),
        ([0.02, 0.74], [0.085, 0.034], 0.10, -1.0),
        ([0.27, 0.60], [0.050, 0.022], 0.6, 0.0),
        ([-0.33, 0.58], [0.036, 0.018], -0.5, 0.0),
    ];
    for (middle, radii, tilt, speed) in vessels {
        let (sin, cos) = f32::sin_cos(tilt);
        let from = [at[0] - middle[0], at[1] - middle[1]];
        let turned = [from[0] * cos + from[1] * sin, from[1] * cos - from[0] * sin];
        let edge = to_ellipse(turned, [0.0, 0.012 * wave], radii);
        echo = mix(echo, 0.035, smooth(0.004, -0.006, edge)) + 0.30 * smooth(0.010, 0.0, edge.abs());
        let ragged = 0.010 * noise(at[0] * 40.0, at[1] * 40.0, [64, 64], seed ^ 13);
        flow += speed * smooth(0.0, -0.018, edge + ragged);
    }
    // The lesion: darker than liver, with a thin bright rim.
    let lesion = to_ellipse(at, LESION, [0.088, 0.074 + 0.010 * wave])
        + 0.012 * noise(at[0] * 24.0, at[1] * 24.0, [64, 64], seed ^ 12);
    echo = mix(echo, 0.13, smooth(0.008, -0.012, lesion)) + 0.14 * smooth(0.014, 0.0, (lesion - 0.004).abs());
    // A rib's shadow at one side.
    echo *= 1.0 - 0.75 * smooth(0.05, 0.0, (beam - 0.5 - 0.44 * patient.side).abs());
    let echoes = [seed, seed ^ 77].map(|seed| echo.max(0.0) * speckle(beam, range, seed) / LOUDEST);
    [echoes[0], echoes[1], 0.5 + 0.5 * flow, 0.0]
}

/// The interference of many echoes: the length of a sum of random pointers, smeared wider with depth.
fn speckle(beam: f32, range: f32, seed: u32) -> f32 {
    let smear = mix(1.0, 0.55, range);
    let (x, y) = (beam * BEAMS as f32 * 0.50 * smear, range * RANGES as f32 * 0.40);
    let part = |seed: u32| {
        let (left, top) = (x.floor() as i32, y.floor() as i32);
        let (fx, fy) = (x - left as f32, y - top as f32);
        let upper = mix(bell(left, top, seed), bell(left + 1, top, seed), fx);
        mix(upper, mix(bell(left, top + 1, seed), bell(left + 1, top + 1, seed), fx), fy)
    };
    length_of([part(seed ^ 21), part(seed ^ 22)])
}

impl Drawing for Ultrasound {
    fn draw(&mut self, turn: f32, loop_s: f32, picture: &mut Picture) {
        let images = (loop_s * IMAGES_PER_SECOND).round().max(1.0);
        // A little more than nothing, so that a turn that is an image's own is not rounded into the one before.
        let number = (turn * images + 1e-3) as u32;
        match &self.image {
            Some((last, image)) if *last == number => picture.rgb_mut().copy_from_slice(image.rgb()),
            _ => {
                self.scan(number as f32 / images, loop_s, picture);
                self.image = Some((number, picture.clone()));
            }
        }
    }
}

impl Ultrasound {
    fn scan(&self, turn: f32, loop_s: f32, picture: &mut Picture) {
        let phase = |period_s: f32| (turn * cycles(loop_s, period_s)).fract() * TAU;
        let breath = phase(4.0).sin();
        let drift = 0.5 + 0.5 * phase(2.0).sin();
        // The heart pushes: fast up, slow down.
        let beat = phase(0.89) / TAU;
        let pulse = 0.35 + 0.65 * (smooth(0.0, 0.12, beat) * smooth(0.75, 0.12, beat));
        picture.rgb_mut().fill(5);
        let (pixels, _) = picture.rgb_mut().as_chunks_mut::<3>();
        for sight in &self.sights {
            let slide = breath * sight.slide;
            let [now, then, flow, _] = self.tissue.between(sight.beam + slide * 0.4, sight.range + slide);
            let echo = mix(now, then, 0.30 * drift) * sight.gain * LOUDEST;
            // A scanner shows the logarithm of what it hears.
            let grey = echo * 1.42 / (0.78 + echo) - 0.03;
            let speed = (flow * 2.0 - 1.0) * pulse;
            let tinted = [grey * 0.95, grey * 0.985, grey * 1.03];
            let colour = if speed.abs() > 0.2 { blend(tinted, doppler(speed * 0.85), 0.85) } else { tinted };
            pixels[sight.pixel as usize] = bytes(colour);
        }
        self.needle(0.5 + 0.5 * phase(8.0).sin(), picture);
        self.legend(picture);
    }
}
