//! Repeatable randomness: no generator's state, only numbers mixed into numbers.

use std::f32::consts::FRAC_1_SQRT_2;

use super::brush::byte;

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
    if whole as f32 > value { whole.wrapping_sub(1) } else { whole }
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
    let (columns, rows) =
        ([left, left + 1].map(|at| wrapped(at, period[0])), [top, top + 1].map(|at| wrapped(at, period[1])));
    let corner = |dx: usize, dy: usize| {
        let [east, south] = DIRECTIONS[(hash(columns[dx], rows[dy], seed) & 15) as usize];
        east * (fx - dx as f32) + south * (fy - dy as f32)
    };
    let upper = corner(0, 0) + (corner(1, 0) - corner(0, 0)) * sx;
    let lower = corner(0, 1) + (corner(1, 1) - corner(0, 1)) * sx;
    (upper + (lower - upper) * sy) * 1.5
}

/// Most places are within the first period, and a division costs as much as all the rest.
fn wrapped(at: i32, period: i32) -> i32 {
    if (0..period).contains(&at) { at } else { at.rem_euclid(period) }
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

/// A texture of four values on a torus, read between its grid points.
///
/// A sample is four bytes in one word. It is read 100 000 times per picture from all over the torus, so what counts is
/// that it stays in the processor's cache.
pub(super) struct Tile {
    width: usize,
    height: usize,
    samples: Vec<u32>,
}

impl Tile {
    /// Values of 0..1 at places of 0..1. Both sides must be powers of two, so that wrapping is cheap.
    pub(super) fn new(width: usize, height: usize, sample: impl Fn(f32, f32) -> [f32; 4]) -> Self {
        assert!(width.is_power_of_two() && height.is_power_of_two(), "a tile's sides are powers of two");
        let samples = (0..width * height)
            .map(|at| sample((at % width) as f32 / width as f32, (at / width) as f32 / height as f32))
            .map(|values| u32::from_le_bytes(values.map(byte)))
            .collect();
        Self { width, height, samples }
    }

    /// A sample, its bytes spread over a word with room between them.
    fn at(&self, x: i32, y: i32) -> u64 {
        let row = (y as usize & (self.height - 1)) << self.width.trailing_zeros();
        let sample = u64::from(self.samples[row | x as usize & (self.width - 1)]);
        (sample | sample << 24) & LANES
    }

    /// The values around a place, mixed by how near they are.
    #[inline]
    pub(super) fn between(&self, x: f32, y: f32) -> [f32; 4] {
        let (x, y) = (x * self.width as f32, y * self.height as f32);
        let (left, top) = (below(x), below(y));
        let part = |value: f32, whole: i32| ((value - whole as f32) * 256.0) as u64 & 0xff;
        let (fx, fy) = (part(x, left), part(y, top));
        // All four values by one multiplication; 255 * 256 is less than 65536, so no lane flows over into the next.
        let between = |from: u64, to: u64, part: u64| {
            from.wrapping_mul(256 - part).wrapping_add(to.wrapping_mul(part)) >> 8 & LANES
        };
        let (right, bottom) = (left.wrapping_add(1), top.wrapping_add(1));
        let upper = between(self.at(left, top), self.at(right, top), fx);
        let lower = between(self.at(left, bottom), self.at(right, bottom), fx);
        let word = between(upper, lower, fy);
        // Spreading has put the second byte into the third lane, and the third into the second.
        [0, 32, 16, 48].map(|lane| f32::from((word >> lane) as u8) * (1.0 / 255.0))
    }
}

/// Lanes of 16 bits, of which a value takes the lower eight.
const LANES: u64 = 0x00ff_00ff_00ff_00ff;
