//! The operating room from a camera under the ceiling: lamp, table, team, monitors.

use std::f32::consts::TAU;

use super::brush::{Bounds, Colour, blend, length_of, lit, mix, smooth, to_box, to_ellipse, to_line};
use super::noise::{bell, chance, clouds};
use super::{Drawing, Picture, cycles};

const FIELD: [f32; 2] = [0.0, 0.615];

/// Everything that stands still is painted once; heads, arms and monitors are painted anew for every frame.
pub(super) struct Room {
    still: Picture,
    middle: f32,
    seed: u32,
    gown: Colour,
    drape: Colour,
}

/// One of the team behind the table: where their neck is, where their hands work from there, and how fast.
struct Person {
    at: [f32; 2],
    reach: [f32; 2],
    cap: Colour,
    period_s: f32,
}

const BLUE: Colour = [0.20, 0.42, 0.62];
const GREEN: Colour = [0.18, 0.50, 0.42];
const TEAM: [Person; 3] = [
    Person { at: [-0.31, 0.345], reach: [0.22, 0.255], cap: BLUE, period_s: 4.0 },
    Person { at: [0.02, 0.33], reach: [-0.02, 0.285], cap: GREEN, period_s: 2.7 },
    Person { at: [0.34, 0.345], reach: [-0.22, 0.250], cap: BLUE, period_s: 8.0 },
];

impl Room {
    pub(super) fn new(width: usize, height: usize, seed: u32) -> Self {
        let cloths = [[0.10, 0.36, 0.40], [0.12, 0.30, 0.46], [0.12, 0.40, 0.32]];
        let cloth = cloths[seed as usize % cloths.len()];
        let still = Picture::new(width, height);
        let middle = width as f32 / height as f32 * 0.5;
        let mut room = Self { still, middle, seed, gown: cloth, drape: lit(cloth, 0.92) };
        room.walls();
        for index in 0..TEAM.len() {
            room.body(index);
        }
        room.table();
        room.grain();
        room
    }

    /// Bounds around a place relative to the middle of the picture.
    fn around(&self, at: [f32; 2], half: [f32; 2]) -> Bounds {
        [self.middle + at[0] - half[0], at[1] - half[1], self.middle + at[0] + half[0], at[1] + half[1]]
    }

    fn walls(&mut self) {
        let (middle, seed) = (self.middle, self.seed);
        self.still.paint_with([0.0, 0.0, middle * 2.0, 1.0], |at, _| {
            let x = at[0] - middle;
            let floor_line = 0.47 + 0.03 * x.abs();
            let wall = blend([0.20, 0.27, 0.29], [0.10, 0.145, 0.16], smooth(0.0, 0.9, x.abs()));
            let panel = smooth(0.004, 0.001, ((x + 0.11).rem_euclid(0.42) - 0.21).abs()) * 0.25;
            let shine = 0.05 * clouds(x * 5.0, at[1] * 40.0, [64, 64], 2, seed);
            let floor = lit([0.155, 0.20, 0.215], 1.0 + shine * 3.0 - 0.5 * (at[1] - 0.5));
            let ground = smooth(-0.003, 0.003, at[1] - floor_line);
            blend(lit(wall, (0.62 + 0.5 * at[1]) * (1.0 - panel)), floor, ground)
        });
        // Cabinets with glass, and the anaesthesia machine.
        for (left, tone) in [(-0.86, 0.9), (-0.70, 1.0)] {
            let bounds = self.around([left, 0.29], [0.08, 0.18]);
            self.still.paint(bounds, |at| {
                let edge = to_box([at[0] - middle, at[1]], [left, 0.29], [0.072, 0.17], 0.008);
                let shelf = smooth(0.004, 0.001, ((at[1] - 0.13).rem_euclid(0.085) - 0.04).abs());
                (blend(lit([0.26, 0.36, 0.38], tone), [0.42, 0.50, 0.51], shelf), smooth(0.003, -0.003, edge) * 0.9)
            });
        }
        self.machine();
        self.lamps();
    }

    fn machine(&mut self) {
        let middle = self.middle;
        let bounds = self.around([-0.47, 0.46], [0.13, 0.24]);
        self.still.paint(bounds, |at| {
            let at = [at[0] - middle, at[1]];
            let case = to_box(at, [-0.47, 0.52], [0.095, 0.15], 0.015);
            let drawer = smooth(0.004, 0.001, ((at[1] - 0.42).rem_euclid(0.06) - 0.03).abs());
            let colour = blend(lit([0.50, 0.53, 0.55], 0.75 - 0.6 * (at[1] - 0.4)), [0.20, 0.22, 0.24], drawer * 0.7);
            (colour, smooth(0.003, -0.003, case))
        });
        // Bellows and hoses.
        let bounds = self.around([-0.36, 0.50], [0.16, 0.14]);
        self.still.paint(bounds, |at| {
            let at = [at[0] - middle, at[1]];
            let sag = |bow: f32| {
                let part = ((at[0] + 0.40) / 0.22).clamp(0.0, 1.0);
                (at[1] - mix(0.47, 0.56, part) - bow * part * (1.0 - part)).abs()
            };
            let inside = smooth(-0.41, -0.39, at[0]) * smooth(-0.17, -0.19, at[0]);
            ([0.62, 0.68, 0.72], smooth(0.008, 0.004, sag(0.16).min(sag(0.24))) * inside * 0.7)
        });
    }

    fn lamps(&mut self) {
        let middle = self.middle;
        for (lamp, arm) in [([-0.20, 0.135], [-0.34, -0.02]), ([0.23, 0.10], [0.42, -0.02])] {
            let bounds = self.around([(lamp[0] + arm[0]) * 0.5, 0.07], [0.13, 0.11]);
            self.still.paint(bounds, |at| {
                let (distance, _) = to_line([at[0] - middle, at[1]], arm, [lamp[0], lamp[1] - 0.03]);
                ([0.46, 0.50, 0.52], smooth(0.012, 0.008, distance))
            });
            let bounds = self.around(lamp, [0.16, 0.09]);
            self.still.paint(bounds, |at| {
                let from = [at[0] - middle - lamp[0], at[1] - lamp[1]];
                let dish = to_ellipse(from, [0.0; 2], [0.135, 0.050]);
                (lit([0.62, 0.65, 0.66], 0.75 - from[1] * 4.0), smooth(0.003, -0.003, dish))
            });
            self.still.paint(bounds, |at| {
                let from = [at[0] - middle - lamp[0], (at[1] - lamp[1] - 0.008) * 2.9];
                // Rings of light-emitting diodes behind glass.
                let (radius, angle) = (length_of(from), from[1].atan2(from[0]));
                let ring = ((radius / 0.118 * 3.0).fract() - 0.5).abs() * 2.0;
                let diode = smooth(0.1, 0.8, (angle * 9.0).cos() * 0.5 + 0.5) * smooth(0.9, 0.2, ring);
                (blend([0.80, 0.84, 0.80], [1.0, 1.0, 0.97], diode), smooth(0.120, 0.112, radius))
            });
            // Its light in the air, towards the field.
            let bounds = [0.0, 0.0, middle * 2.0, 0.75];
            self.still.shine(bounds, |at| {
                let at = [at[0] - middle, at[1]];
                let (distance, part) = to_line(at, lamp, FIELD);
                let cone = smooth(mix(0.13, 0.22, part), 0.0, distance) * mix(0.16, 0.07, part);
                let bloom = 0.40 * (-length_of([at[0] - lamp[0], (at[1] - lamp[1]) * 1.6]) * 11.0).exp();
                lit([1.0, 0.97, 0.88], cone + bloom)
            });
        }
    }

    /// The table under its drapes, with the field in the middle.
    fn table(&mut self) {
        let (middle, seed, drape) = (self.middle, self.seed, self.drape);
        let bounds = self.around([0.0, 0.70], [0.80, 0.32]);
        self.still.paint(bounds, |at| {
            let at = [at[0] - middle, at[1]];
            let top = to_box([at[0] - 0.20 * (at[1] - 0.6), at[1]], [0.0, 0.64], [0.56, 0.085], 0.05);
            let front = to_box(at, [0.01, 0.78], [0.56, 0.17], 0.03);
            let fold = clouds(at[0] * 16.0, at[1] * 1.6, [64, 64], 3, seed ^ 4);
            let crease = clouds(at[0] * 7.0 + at[1] * 5.0, at[1] * 9.0, [64, 64], 3, seed ^ 5);
            let light = 1.55 * (-length_of([(at[0] - FIELD[0]) * 0.8, (at[1] - FIELD[1]) * 1.5]) * 3.4).exp();
            let hanging = lit(drape, (0.42 + 0.45 * fold) * smooth(1.0, 0.66, at[1]) + 0.12);
            let flat = lit(drape, 0.55 + 0.35 * crease + light);
            let is_top = smooth(0.006, -0.006, top);
            (blend(hanging, flat, is_top), is_top.max(smooth(0.006, -0.006, front)))
        });
        let bounds = self.around(FIELD, [0.17, 0.08]);
        self.still.paint(bounds, |at| {
            let at = [at[0] - middle, at[1]];
            let window = to_box(at, FIELD, [0.130, 0.046], 0.02);
            let skin = lit([0.80, 0.52, 0.30], 1.0 + 0.10 * clouds(at[0] * 20.0, at[1] * 20.0, [64, 64], 2, seed ^ 6));
            let wound = to_ellipse(at, FIELD, [0.060, 0.016]);
            let colour = blend(skin, [0.50, 0.07, 0.06], smooth(0.004, -0.004, wound));
            let hem = smooth(0.004, 0.001, window.abs());
            (blend(colour, [0.86, 0.90, 0.90], hem * 0.6), smooth(0.003, -0.003, window))
        });
        self.instruments();
    }

    /// A tray of instruments in front, out of the light.
    fn instruments(&mut self) {
        let (middle, seed) = (self.middle, self.seed);
        let bounds = self.around([0.66, 0.88], [0.28, 0.14]);
        self.still.paint(bounds, |at| {
            let at = [at[0] - middle, at[1]];
            let tray = to_box([at[0] - 0.35 * (at[1] - 0.88), at[1]], [0.66, 0.88], [0.22, 0.085], 0.015);
            let cloth = lit(self.drape, 0.80 + 0.2 * clouds(at[0] * 9.0, at[1] * 14.0, [64, 64], 2, seed ^ 8));
            (cloth, smooth(0.004, -0.004, tray))
        });
        for index in 0..11 {
            let left = 0.49 + index as f32 * 0.034;
            let long = 0.045 + 0.02 * chance(index, 1, seed);
            let (from, to) = ([left - 0.01, 0.88 - long], [left + 0.02, 0.88 + long]);
            let bounds = self.around([left, 0.88], [0.06, 0.09]);
            self.still.paint(bounds, |at| {
                let (distance, part) = to_line([at[0] - middle, at[1]], from, to);
                let ring = (length_of([at[0] - middle - to[0], at[1] - to[1]]) - 0.009).abs();
                let steel = lit([0.85, 0.90, 0.92], 0.55 + 0.45 * (part * 9.0 + index as f32).sin().abs());
                (steel, smooth(0.0042, 0.0022, distance.min(ring)))
            });
        }
    }

    /// A camera's noise, once: noise that changed with every frame would cost more bits than all the rest.
    fn grain(&mut self) {
        let (scale, seed, middle) = (self.still.height() as f32, self.seed, self.middle);
        self.still.paint_with([0.0, 0.0, middle * 2.0, 1.0], |at, under| {
            let noise = bell((at[0] * scale) as i32, (at[1] * scale) as i32, seed) * 0.006;
            let corner = 1.0 - 0.30 * smooth(0.5, 1.1, length_of([(at[0] - middle) * 0.9, at[1] - 0.5]));
            under.map(|value| (value + noise) * corner)
        });
    }

    fn standing(&self, index: usize) -> [f32; 2] {
        let shift = chance(index as i32, 3, self.seed) * 0.07 - 0.035;
        [TEAM[index].at[0] + shift, TEAM[index].at[1] + shift * 0.4]
    }

    /// A gown without head and arms; the table, painted later, hides what is below.
    fn body(&mut self, index: usize) {
        let (middle, gown, seed, at) = (self.middle, self.gown, self.seed, self.standing(index));
        let bounds = self.around([at[0], at[1] + 0.16], [0.17, 0.20]);
        self.still.paint(bounds, |pixel| {
            let from = [pixel[0] - middle - at[0], pixel[1] - at[1]];
            let slim = 0.115 - 0.035 * smooth(0.10, 0.0, from[1]);
            let edge = to_box(from, [0.0, 0.24], [slim, 0.225], 0.08);
            let fold = 0.16 * clouds(from[0] * 14.0, from[1] * 5.0, [64, 64], 2, seed ^ 40 ^ index as u32);
            // Lit from the field below and in front.
            let light = 0.42 + 0.85 * smooth(0.0, 0.28, from[1]) * smooth(0.60, 0.0, (pixel[0] - middle).abs());
            let round = 1.0 - 0.45 * smooth(0.04, 0.12, from[0].abs());
            (lit(gown, (light + fold) * round), smooth(0.004, -0.004, edge))
        });
    }

    fn head(&self, at: [f32; 2], turned: f32, cap: Colour, picture: &mut Picture) {
        let middle = self.middle;
        picture.paint(self.around([at[0], at[1] - 0.03], [0.07, 0.10]), |pixel| {
            let from = [pixel[0] - middle - at[0], pixel[1] - at[1]];
            let edge = to_ellipse(from, [0.0, -0.035], [0.050, 0.064]);
            if edge > 0.004 { (cap, 0.0) } else { (face(from, turned, cap), smooth(0.004, -0.004, edge)) }
        });
    }

    /// Somebody between the camera and the table, against the light.
    fn silhouette(&self, sway: [f32; 2], picture: &mut Picture) {
        let middle = self.middle;
        let at = [-0.60 + sway[0], 0.60 + sway[1]];
        let gown = lit(self.gown, 0.26);
        picture.paint(self.around([at[0], 0.76], [0.26, 0.30]), |pixel| {
            let from = [pixel[0] - middle - at[0], pixel[1] - at[1]];
            let body = to_box(from, [0.0, 0.40], [0.215 - 0.07 * smooth(0.22, 0.05, from[1]), 0.29], 0.12);
            let neck = to_box(from, [0.01, 0.08], [0.045, 0.08], 0.03);
            let head = to_ellipse(from, [0.012, 0.0], [0.080, 0.098]);
            let edge = body.min(neck).min(head);
            if edge > 0.005 {
                return (gown, 0.0);
            }
            // The lamp draws a bright line along the side that it reaches.
            let rim = smooth(-0.022, 0.0, edge) * smooth(-0.02, 0.10, from[0]);
            let strings = smooth(0.005, 0.002, (from[1] - 0.20 - 0.1 * from[0]).abs()) * 0.25;
            let cloth = if head < body.min(neck) { [0.055, 0.12, 0.16] } else { gown };
            let lamp = blend(lit(cloth, 1.0 + strings * 2.0), [0.50, 0.62, 0.62], rim * 0.75);
            (lamp, smooth(0.005, -0.005, edge))
        });
    }

    fn arms(&self, at: [f32; 2], reach: [f32; 2], picture: &mut Picture) {
        let (middle, gown) = (self.middle, self.gown);
        for side in [-1.0, 1.0] {
            let shoulder = [at[0] + side * 0.085, at[1] + 0.085];
            let hand = [at[0] + reach[0] + side * 0.032, at[1] + reach[1]];
            let bent = 0.035 * side - 0.10 * reach[0];
            let elbow = [mix(shoulder[0], hand[0], 0.42) + bent, mix(shoulder[1], hand[1], 0.5) + 0.045];
            let ends = [shoulder, elbow, hand];
            let low = ends.iter().fold([9.0f32, 9.0], |low, at| [low[0].min(at[0]), low[1].min(at[1])]);
            let high = ends.iter().fold([-9.0f32, -9.0], |high, at| [high[0].max(at[0]), high[1].max(at[1])]);
            let pad = 0.044;
            let bounds = [middle + low[0] - pad, low[1] - pad, middle + high[0] + pad, high[1] + pad];
            picture.paint(bounds, |pixel| {
                let pixel = [pixel[0] - middle, pixel[1]];
                let (upper, _) = to_line(pixel, shoulder, elbow);
                let (lower, part) = to_line(pixel, elbow, hand);
                let edge = (upper - 0.037).min(lower - mix(0.033, 0.019, part));
                if edge > 0.003 {
                    return (gown, 0.0);
                }
                let near = smooth(0.42, 0.05, length_of([pixel[0] - FIELD[0], pixel[1] - FIELD[1]]));
                let round = smooth(0.0, -0.030, edge);
                let glove = if lower - mix(0.033, 0.019, part) < 0.0 { smooth(0.72, 0.76, part) } else { 0.0 };
                let colour = blend(lit(gown, 0.45 + 1.0 * near), [0.90, 0.90, 0.84], glove);
                (lit(colour, 0.62 + 0.42 * round), smooth(0.003, -0.003, edge))
            });
        }
    }

    /// A monitor on an arm: the endoscope's picture, or the curves of a patient's heart, blood and breath.
    fn monitor(&self, place: [f32; 2], half: [f32; 2], time: f32, vital: bool, picture: &mut Picture) {
        let middle = self.middle;
        picture.paint(self.around(place, [half[0] + 0.02, half[1] + 0.02]), |at| {
            let at = [at[0] - middle, at[1]];
            let case = to_box(at, place, [half[0] + 0.012, half[1] + 0.012], 0.01);
            let screen = to_box(at, place, half, 0.004);
            let from = [(at[0] - place[0]) / half[0], (at[1] - place[1]) / half[1]];
            let shown = if vital { curves(from, time) } else { scope(from, time) };
            (blend([0.06, 0.07, 0.08], shown, smooth(0.002, -0.002, screen)), smooth(0.003, -0.003, case))
        });
    }
}

/// A head from the front: cap above, mask below, a strip of face with the eyes between.
fn face(from: [f32; 2], turned: f32, cap: Colour) -> Colour {
    let x = from[0] - turned;
    let round = 1.0 - 7.0 * x.abs();
    let light = 0.55 + 2.5 * (from[1] + 0.1);
    let skin = lit([0.70, 0.50, 0.40], light);
    let upper = blend(skin, lit(cap, 0.45 + 0.35 * round), smooth(-0.047, -0.052, from[1] - 0.2 * x * x));
    let mask = blend(upper, lit([0.60, 0.76, 0.82], light * (0.72 + 0.3 * round)), smooth(-0.030, -0.025, from[1]));
    let eyes = smooth(0.006, 0.003, (from[1] + 0.038).abs()) * smooth(0.010, 0.006, (x.abs() - 0.018).abs());
    blend(mask, [0.12, 0.09, 0.09], eyes * 0.75)
}

/// A heart's trace (green), pressure (red), oxygen (cyan) and breath (yellow), drawn from left to right again and
/// again with a gap that wanders. `from` is -1..1 of the screen; time counts sweeps.
fn curves(from: [f32; 2], time: f32) -> Colour {
    let x = from[0] * 0.5 + 0.5;
    let gap = smooth(0.0, 0.06, (x - time).rem_euclid(1.0));
    let beat = (x * 5.0).rem_euclid(1.0);
    let spike = |at: f32, wide: f32| (-((beat - at) / wide).powi(2)).exp();
    let heart =
        0.9 * spike(0.40, 0.022) - 0.25 * spike(0.45, 0.02) + 0.16 * spike(0.65, 0.06) + 0.10 * spike(0.25, 0.04);
    let pressure = 0.8 * spike(0.45, 0.10) + 0.35 * spike(0.66, 0.10);
    let breath = 0.5 + 0.5 * (x * TAU * 1.5).sin();
    let rows: [(f32, f32, Colour); 4] = [
        (-0.55, heart, [0.25, 0.95, 0.40]),
        (-0.05, pressure, [0.95, 0.30, 0.28]),
        (0.40, pressure * 0.8, [0.30, 0.85, 0.95]),
        (0.85, breath, [0.95, 0.88, 0.35]),
    ];
    rows.into_iter().fold([0.015, 0.02, 0.03], |under, (base, value, colour)| {
        blend(under, colour, smooth(0.085, 0.02, (from[1] - base + value * 0.38).abs()) * gap * 0.9)
    })
}

/// The endoscope's round picture, far away.
fn scope(from: [f32; 2], time: f32) -> Colour {
    let at = [from[0] * 1.7, from[1]];
    let radius = length_of(at);
    let sway = (time * TAU).sin() * 0.12;
    let hole = length_of([at[0] - sway, at[1] + sway * 0.5]);
    let folds = 0.8 + 0.2 * (hole * 14.0 - time * TAU).sin();
    let flesh = lit([0.92, 0.46, 0.38], folds * smooth(0.0, 0.75, hole));
    blend([0.02, 0.02, 0.03], flesh, smooth(0.92, 0.86, radius))
}

impl Drawing for Room {
    fn draw(&mut self, turn: f32, loop_s: f32, picture: &mut Picture) {
        picture.rgb_mut().copy_from_slice(self.still.rgb());
        let swing = |period_s: f32, offset: f32| ((turn * cycles(loop_s, period_s)).fract() + offset) * TAU;
        let sweep = (turn * cycles(loop_s, 4.0)).fract();
        self.monitor([-0.47, 0.315], [0.085, 0.055], sweep, true, picture);
        self.monitor([0.56, 0.275], [0.135, 0.085], (turn * cycles(loop_s, 8.0)).fract(), false, picture);
        self.monitor([0.80, 0.33], [0.065, 0.060], sweep, true, picture);
        for (index, person) in TEAM.iter().enumerate() {
            let phase = swing(person.period_s, chance(index as i32, 2, self.seed));
            let (at, (sin, cos)) = (self.standing(index), phase.sin_cos());
            // Hands that do fine work move a little and often; the head follows slowly.
            let tremor = 0.006 * swing(1.0, 0.3 * index as f32).sin();
            let aim = [FIELD[0] - at[0] + person.reach[0] * 0.22, person.reach[1]];
            self.head([at[0] + 0.010 * cos, at[1] + 0.004 * sin], 0.010 * sin, person.cap, picture);
            self.arms(at, [aim[0] + 0.016 * sin + tremor, aim[1] + 0.012 * cos], picture);
        }
        let sway = swing(8.0, 0.1);
        self.silhouette([0.018 * sway.sin(), 0.006 * (2.0 * sway).cos()], picture);
    }
}
