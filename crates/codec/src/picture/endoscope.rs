//! The inside of a bowel: folds one behind the other, wet highlights, branching vessels, forceps.

use std::f32::consts::TAU;

use super::brush::{Colour, blend, bytes, length_of, lit, mix, smooth, to_line};
use super::noise::{Tile, chance, clouds, noise};
use super::{Drawing, Picture, cycles};

/// Folds along one length of the wall's texture.
const FOLDS: usize = 7;

/// The wall is a texture around and along a tube; a pixel's place on it follows from its angle and distance from
/// the vanishing point.
pub(super) struct Endoscope {
    width: usize,
    height: usize,
    /// Red, green and blue in the light of its own relief, and how much it glistens.
    wall: Tile,
    bend: f32,
}

impl Endoscope {
    pub(super) fn new(width: usize, height: usize, seed: u32) -> Self {
        let folds = Folds::new(seed);
        let tone = chance(0, 2, seed);
        let wall = Tile::new(512, 512, |u, v| {
            let [red, green, blue, wet] = wall(u, v, tone, seed);
            let (light, crest) = folds.relief(u, v);
            let shaded = blend([red * 0.42, green * 0.15, blue * 0.13], [red, green, blue], light.min(1.0));
            let [red, green, blue] = lit(shaded, light.max(0.62));
            [red, green, blue, wet * smooth(0.45, 0.95, crest)]
        });
        Self { width, height, wall, bend: chance(0, 3, seed) * TAU }
    }
}

/// Where the folds stand along the wall, 0..1, and how each is bent.
struct Folds([(f32, f32); FOLDS]);

impl Folds {
    fn new(seed: u32) -> Self {
        Self(std::array::from_fn(|index| {
            let place = (index as f32 + 0.45 * chance(index as i32, 0, seed)) / FOLDS as f32;
            (place, chance(index as i32, 1, seed) * TAU)
        }))
    }

    /// Light of the wall at a place, and how near a crest it is: light rises towards the crest of a fold, and the
    /// wall behind a crest lies in shadow.
    fn relief(&self, around: f32, along: f32) -> (f32, f32) {
        let angle = around * TAU;
        let (mut past, mut before) = (1.0f32, 1.0f32);
        for (place, phase) in self.0 {
            // Three bands of muscle run along the bowel and pull every fold into a soft triangle.
            let bent = 0.026 * (angle - phase).cos() + 0.018 * (3.0 * angle + phase).cos();
            let behind = (along - place - bent).rem_euclid(1.0);
            past = past.min(behind);
            before = before.min(1.0 - behind);
        }
        // The very edge of a crest is a little soft, or the texture's grain would show in it.
        let shadow = smooth(-0.030, 0.062, past) * smooth(-0.002, 0.004, before);
        let rim = smooth(0.022, 0.004, before);
        (shadow * (1.0 + 0.10 * rim), smooth(0.05, 0.0, before))
    }
}

/// Colour and wetness of the wall, which repeats after 1 in both directions.
fn wall(u: f32, v: f32, tone: f32, seed: u32) -> [f32; 4] {
    let pale = clouds(u * 6.0, v * 10.0, [6, 10], 3, seed);
    let pink = blend([0.86, 0.45, 0.36], [0.94, 0.56, 0.50], tone);
    let mut colour = blend(pink, [0.97, 0.72, 0.60], (0.5 + pale * 0.9).clamp(0.0, 1.0));
    // Vessels are where bent noise crosses zero; they sink into the wall here and there.
    let bend = |seed| noise(u * 8.0, v * 12.0, [8, 12], seed) * 0.35;
    let (du, dv) = (bend(seed ^ 1), bend(seed ^ 2));
    let large = noise(u * 5.0 + du, v * 7.0 + dv, [5, 7], seed ^ 3).abs();
    let fine = noise(u * 14.0 + du * 2.0, v * 20.0 + dv * 2.0, [14, 20], seed ^ 4).abs();
    let sunk = smooth(-0.35, 0.35, noise(u * 4.0, v * 6.0, [4, 6], seed ^ 7));
    let vessel = 0.70 * smooth(0.045, 0.008, large) * sunk + 0.38 * smooth(0.07, 0.015, fine) * (1.0 - 0.6 * sunk);
    colour = blend(colour, [0.60, 0.13, 0.14], vessel.min(0.75));
    let grain = clouds(u * 64.0, v * 96.0, [64, 96], 2, seed ^ 5);
    colour = lit(colour, 1.0 + grain * 0.10);
    let wet = smooth(0.10, 0.55, clouds(u * 22.0, v * 34.0, [22, 34], 2, seed ^ 6));
    [colour[0], colour[1], colour[2], wet]
}

impl Drawing for Endoscope {
    fn draw(&mut self, turn: f32, loop_s: f32, picture: &mut Picture) {
        let (width, height) = (self.width as f32, self.height as f32);
        let phase = |period_s: f32| (turn * cycles(loop_s, period_s)).fract() * TAU;
        let sway = [0.055 * (phase(8.0) + self.bend).sin(), 0.045 * (phase(4.0) + self.bend).cos()];
        let travel = turn * cycles(loop_s, 14.0);
        let roll = 0.02 * phase(8.0).sin();
        let breath = 1.0 + 0.03 * phase(4.0).sin();
        let middle = [width / height * 0.5, 0.5];
        picture.rgb_mut().fill(3);
        for y in 0..self.height {
            let py = (y as f32 + 0.5) / height - middle[1];
            let half = (RADIUS * RADIUS - py * py).max(0.0).sqrt();
            let left = ((middle[0] - half) * height).max(0.0) as usize;
            let right = (((middle[0] + half) * height).ceil() as usize).min(self.width);
            let row = &mut picture.rgb_mut()[(y * self.width + left) * 3..(y * self.width + right) * 3];
            for (x, pixel) in (left as i32..).zip(row.chunks_exact_mut(3)) {
                let sight = look([(x as f32 + 0.5) / height - middle[0], py], sway, breath);
                pixel.copy_from_slice(&bytes(self.wall.shaded(&sight, travel, roll)));
            }
        }
        self.forceps(phase(8.0), phase(2.7), picture);
    }
}

/// Where on the wall a pixel looks, and in which light.
struct Sight {
    around: f32,
    depth: f32,
    near: f32,
    lens: f32,
}

const RADIUS: f32 = 0.485;

fn look(at: [f32; 2], sway: [f32; 2], breath: f32) -> Sight {
    let (dx, dy) = (at[0] - sway[0], at[1] - sway[1]);
    let square = (dx * dx + dy * dy).max(0.000_016);
    // The lens takes light away towards its edge, and ends softly.
    let part = (at[0] * at[0] + at[1] * at[1]) / (RADIUS * RADIUS);
    let rim = ((1.0 - part) * 42.0).clamp(0.0, 1.0);
    Sight {
        around: turns(dy, dx),
        depth: 0.115 * breath / square.sqrt(),
        // The lamp sits at the tip: what is far is dark.
        near: square / (square + 0.0066 * breath * breath),
        lens: rim * (1.0 - 0.55 * part * part),
    }
}

impl Tile {
    /// The wall as seen through one pixel.
    fn shaded(&self, sight: &Sight, travel: f32, roll: f32) -> Colour {
        let [red, green, blue, glisten] = self.between(sight.around + roll, sight.depth * 0.42 + travel);
        // What is far is redder, too, for it is lit by the walls.
        let far = 1.0 - smooth(0.05, 0.6, sight.near);
        let lamp = sight.near * 1.22 * sight.lens;
        let glint = if glisten > 0.0 { glisten * smooth(0.15, 0.6, sight.near) * 0.85 * sight.lens } else { 0.0 };
        [
            red * lamp * (1.0 - 0.35 * far) + glint,
            green * lamp * (1.0 - 0.70 * far) + glint,
            blue * lamp * (1.0 - 0.72 * far) + glint * 0.95,
        ]
    }
}

impl Endoscope {
    /// Forceps that reach in from the lower right, open and close.
    fn forceps(&self, reach: f32, bite: f32, picture: &mut Picture) {
        let middle = self.width as f32 / self.height as f32 * 0.5;
        let slide = 0.03 * reach.sin();
        let hinge = [middle + 0.115 - slide, 0.655 - slide * 0.9];
        let root = [middle + 0.36, 0.93];
        let open = 0.10 + 0.30 * (0.5 + 0.5 * bite.sin());
        let heading = (hinge[1] - root[1]).atan2(hinge[0] - root[0]);
        let tips = [-open, open].map(|angle| {
            let (sin, cos) = (heading + angle).sin_cos();
            [hinge[0] + 0.075 * cos, hinge[1] + 0.075 * sin]
        });
        let bounds = [hinge[0] - 0.10, hinge[1] - 0.10, middle + 0.36, 0.93];
        let scale = self.height as f32;
        picture.paint(bounds, |at| {
            let from_middle = ((at[0] - middle).powi(2) + (at[1] - 0.5).powi(2)).sqrt();
            let mut best: (Colour, f32) = ([0.0; 3], 0.0);
            let (shaft, part) = to_line(at, root, hinge);
            if shaft > 0.043 && length_of([at[0] - hinge[0], at[1] - hinge[1]]) > 0.10 {
                return best;
            }
            let thick = mix(0.040, 0.026, part);
            // A rod shows a bright stripe near its middle, and rings where its sheath ends.
            let side = (at[0] - hinge[0]) * (root[1] - hinge[1]) - (at[1] - hinge[1]) * (root[0] - hinge[0]);
            let across = (shaft / thick).min(1.0) * side.signum();
            let stripe = smooth(0.45, 0.0, (across - 0.25).abs());
            let sheath = if part < 0.62 { [0.16, 0.20, 0.30] } else { [0.52, 0.54, 0.57] };
            let round = (1.0 - across * across).max(0.0).sqrt();
            let body = blend(lit(sheath, 0.35 + 0.65 * round), [0.98, 0.98, 0.96], stripe * 0.75);
            let cover = smooth(0.7, -0.7, (shaft - thick) * scale);
            if cover > 0.0 {
                best = (body, cover);
            }
            for tip in tips {
                let (jaw, part) = to_line(at, hinge, tip);
                let thick = mix(0.020, 0.008, part);
                let cover = smooth(0.7, -0.7, (jaw - thick) * scale);
                if cover > best.1 {
                    let shine = smooth(1.0, 0.2, jaw / thick);
                    best = (blend([0.30, 0.31, 0.34], [0.93, 0.93, 0.92], shine * 0.8), cover);
                }
            }
            (best.0, best.1 * smooth(0.485, 0.479, from_middle))
        });
    }
}

/// The angle of a direction in turns, -0.5..0.5, to about a thousandth of a turn: a fifth of the price of `atan2`.
fn turns(y: f32, x: f32) -> f32 {
    let (low, high) = (y.abs().min(x.abs()), y.abs().max(x.abs()).max(1e-9));
    let ratio = low / high;
    let eighth = ratio * (0.1250 + 0.0434 * (1.0 - ratio));
    let quarter = if y.abs() > x.abs() { 0.25 - eighth } else { eighth };
    let half = if x < 0.0 { 0.5 - quarter } else { quarter };
    if y < 0.0 { -half } else { half }
}
