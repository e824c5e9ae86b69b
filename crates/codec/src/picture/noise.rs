//! Repeatable randomness: no generator's state, only numbers mixed into numbers.

use std::f32::consts::FRAC_1_SQRT_2;

/// A well mixed number out of a place and a seed.
pub(super) fn hash(x: i32, y: i32, seed: u32) -> u32 {
    let mut mixed = (x as u32).wrapping_mul(0x9e37_79b1) ^ (y as u32).wrapping_mul(0x85eb_ca77) ^ seed;
    mixed = (mixed ^ mixed >> 16).wrapping_mul(0x7feb_352d);
    mixed = (mixed ^ mixed >> 15).wrapping_mul(0x846c_a68b);
    mixed ^ mixed >> 16
}

/// The whole number below. `f32::floor` is a call into the C library on a processor taken for an old one.
fn below(value: f32) -> i32 {
    let whole = value as i32;
    if whole as f32 > value { whole - 1 } else { whole }
}

/// A number of 0..1 out of a place and a seed.
pub(super) fn chance(x: i32, y: i32, seed: u32) -> f32 {
    (hash(x, y, seed) >> 8) as f32 / (1 << 24) as f32
}

/// The sixteen directions in which noise may rise.
const DIRECTIONS: [[f32; 2]; 16] = {
    const fn turned(directions: [[f32; 2]; 4]) -> [[f32; 2]; 16] {
        let mut all = [[0.0; 2]; 16];
        let mut index = 0;
        while index < 4 {
            let [x, y] = directions[index];
            all[index] = [x, y];
            all[index + 4] = [-y, x];
            all[index + 8] = [-x, -y];
            all[index + 12] = [y, -x];
            index += 1;
        }
        all
    }
    turned([[1.0, 0.0], [0.9239, 0.3827], [FRAC_1_SQRT_2, FRAC_1_SQRT_2], [0.3827, 0.9239]])
};

/// Smooth noise of -1..1 with features of size 1, repeating after `period` in both directions.
pub(super) fn noise(x: f32, y: f32, period: [i32; 2], seed: u32) -> f32 {
    let (left, top) = (below(x), below(y));
    let (fx, fy) = (x - left as f32, y - top as f32);
    let fade = |part: f32| part * part * part * (part * (part * 6.0 - 15.0) + 10.0);
    let (sx, sy) = (fade(fx), fade(fy));
    // Gradients instead of values: no blocks show.
    let corner = |dx: i32, dy: i32| {
        let at = ((left + dx).rem_euclid(period[0]), (top + dy).rem_euclid(period[1]));
        let [east, south] = DIRECTIONS[(hash(at.0, at.1, seed) & 15) as usize];
        east * (fx - dx as f32) + south * (fy - dy as f32)
    };
    let upper = corner(0, 0) + (corner(1, 0) - corner(0, 0)) * sx;
    let lower = corner(0, 1) + (corner(1, 1) - corner(0, 1)) * sx;
    (upper + (lower - upper) * sy) * 1.5
}

/// Noise of several sizes, each half as large and half as strong as the one before; about -1..1.
pub(super) fn clouds(x: f32, y: f32, period: [i32; 2], octaves: u32, seed: u32) -> f32 {
    (0..octaves)
        .fold((0.0, 1.0, 0.5), |(sum, scale, weight), octave| {
            let period = [period[0] << octave, period[1] << octave];
            (sum + weight * noise(x * scale, y * scale, period, seed.wrapping_add(octave)), scale * 2.0, weight * 0.5)
        })
        .0
}

/// A number of a bell curve with spread 1 (near enough: the sum of four even ones).
pub(super) fn bell(x: i32, y: i32, seed: u32) -> f32 {
    let mixed = hash(x, y, seed);
    let sum: u32 = mixed.to_le_bytes().iter().map(|byte| u32::from(*byte)).sum();
    (sum as f32 - 510.0) / 147.8
}

/// Samples on a torus, read between the grid points.
pub(super) struct Tile<T> {
    width: usize,
    height: usize,
    samples: Vec<T>,
}

impl<T: Copy> Tile<T> {
    /// Both sides must be powers of two, so that wrapping is cheap.
    pub(super) fn new(width: usize, height: usize, sample: impl Fn(f32, f32) -> T) -> Self {
        assert!(width.is_power_of_two() && height.is_power_of_two(), "a tile's sides are powers of two");
        let samples = (0..width * height)
            .map(|at| sample((at % width) as f32 / width as f32, (at / width) as f32 / height as f32))
            .collect();
        Self { width, height, samples }
    }

    fn at(&self, x: i32, y: i32) -> usize {
        (y as usize & (self.height - 1)) * self.width + (x as usize & (self.width - 1))
    }
}

impl<const N: usize> Tile<[u8; N]> {
    /// The samples around a place, mixed by how near they are. Bytes: as floats, one texture would be 8 MB.
    pub(super) fn between(&self, x: f32, y: f32) -> [f32; N] {
        let (x, y) = (x * self.width as f32, y * self.height as f32);
        let (left, top) = (below(x), below(y));
        let (fx, fy) = (x - left as f32, y - top as f32);
        let corners = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dx, dy)| self.samples[self.at(left + dx, top + dy)]);
        let corners = corners.map(|corner| corner.map(f32::from));
        std::array::from_fn(|index| {
            let upper = corners[0][index] + (corners[1][index] - corners[0][index]) * fx;
            let lower = corners[2][index] + (corners[3][index] - corners[2][index]) * fx;
            (upper + (lower - upper) * fy) * (1.0 / 255.0)
        })
    }
}
