//! Axial slices of an invented abdomen with contrast, scrolled from the dome of the liver to the pelvis and back.

use std::f32::consts::TAU;

use super::brush::{Colour, blend, byte, length_of, mix, smooth, to_box, to_ellipse};
use super::noise::{bell, chance, clouds, noise};
use super::{Drawing, Picture};

/// Slices from top to bottom of the volume.
const SLICES: usize = 24;
/// Half the side of the square that is reconstructed, in picture heights.
const HALF: f32 = 0.5;
/// How much of the anatomy's -1..1 is in the picture.
const FIELD: f32 = 0.99;
/// Hounsfield units, portal venous phase.
const AIR: f32 = -1000.0;
const LUNG: f32 = -820.0;
const FAT: f32 = -100.0;
const WATER: f32 = 8.0;
const MUSCLE: f32 = 62.0;
const LIVER: f32 = 112.0;
const VEIN: f32 = 168.0;
const ARTERY: f32 = 205.0;

/// Draws a slice when it is first scrolled to, and keeps it.
pub(super) struct Ct {
    width: usize,
    height: usize,
    seed: u32,
    slices: Vec<Option<Picture>>,
}

impl Ct {
    pub(super) fn new(width: usize, height: usize, seed: u32) -> Self {
        Self { width, height, seed, slices: vec![None; SLICES] }
    }

    /// One slice with all that is written beside it, in a soft-tissue window.
    fn slice(&self, index: usize) -> Picture {
        let side = (self.height as f32 * HALF * 2.0) as usize;
        let (left, top) = (self.width.saturating_sub(side) / 2, (self.height - side) / 2);
        let body = Body::new(index as f32 / (SLICES - 1) as f32, self.seed);
        let grain = self.seed ^ (index as u32) << 8;
        let mut picture = Picture::new(self.width, self.height);
        for y in 0..side {
            for x in 0..side.min(self.width) {
                let at = [x, y].map(|index| ((index as f32 + 0.5) / side as f32 * 2.0 - 1.0) * FIELD);
                let (column, row) = (x as i32, y as i32);
                // Neighbouring pixels share their noise, as reconstruction makes them.
                let noise = bell(column, row, grain) + bell(column / 2, row / 2, grain ^ 1);
                let density = body.density(at) + noise * 9.0;
                let grey = byte((density - WINDOW_LEVEL + WINDOW_WIDTH / 2.0) / WINDOW_WIDTH);
                picture.set(left + x, top + y, [grey; 3]);
            }
        }
        self.legend(index, &mut picture);
        picture
    }
}

const WINDOW_WIDTH: f32 = 400.0;
const WINDOW_LEVEL: f32 = 50.0;

/// The anatomy of one slice. Places are -1..1 of the reconstructed square; the patient's right is on the left.
struct Body {
    depth: f32,
    seed: u32,
    breadth: [f32; 2],
    bowel: Vec<Loop>,
}

/// One loop of bowel as this slice cuts it.
struct Loop {
    middle: [f32; 2],
    size: f32,
    colon: bool,
}

impl Loop {
    /// The small loops change from slice to slice; the colon runs up one side and down the other.
    fn all(depth: f32, seed: u32) -> Vec<Self> {
        let small = (0..22i32).map(|index| {
            let spot = |axis| chance(index, axis, seed ^ 30);
            let (sin, cos) = (index as f32 * 2.4 + depth * (spot(0) - 0.5) * 4.0).sin_cos();
            let reach = (index as f32 / 22.0).sqrt() * 0.47;
            let size = (0.075 + 0.045 * spot(1)) * (0.8 + 0.4 * (depth * 8.0 + spot(2) * TAU).sin());
            let size = size * smooth(0.30, 0.55, depth + 0.12 * (sin + 0.5));
            Self { middle: [cos * reach * 1.1, sin * reach * 0.55 - 0.16], size, colon: false }
        });
        let colon =
            [[-0.57, 0.02], [0.60, 0.06], [0.20, -0.37], [-0.22, -0.36]].into_iter().zip(0..).map(|(at, index)| {
                let spot = chance(index, 7, seed);
                let beads = 0.8 + 0.25 * (depth * 22.0 + spot * TAU).sin();
                let there = if index < 2 {
                    smooth(0.42, 0.60, depth)
                } else {
                    smooth(0.46, 0.56, depth) * smooth(0.94, 0.80, depth)
                };
                Self {
                    middle: [at[0] + 0.05 * (spot - 0.5), at[1] + 0.03 * spot],
                    size: 0.105 * beads * there,
                    colon: true,
                }
            });
        small.chain(colon).filter(|one| one.size > 0.03).collect()
    }
}

impl Body {
    fn new(depth: f32, seed: u32) -> Self {
        let stout = chance(0, 4, seed) * 0.10;
        let waist = 1.0 - 0.07 * smooth(0.2, 0.65, depth) + 0.07 * smooth(0.7, 1.0, depth);
        let breadth = [(0.84 + stout) * waist, (0.60 + stout * 0.6) * waist];
        Self { depth, seed, breadth, bowel: Loop::all(depth, seed) }
    }

    fn density(&self, at: [f32; 2]) -> f32 {
        let [width, height] = self.breadth;
        let skin =
            to_ellipse(at, [0.0, 0.02], [width, height]) + 0.010 * noise(at[0] * 3.0, at[1] * 3.0, [64, 64], self.seed);
        if skin > 0.012 {
            return self.table(at);
        }
        let wall = skin + 0.075 + 0.025 * smooth(0.2, -0.4, at[1])
            - 0.05 * smooth(0.55, 0.25, at[0].abs()) * smooth(0.2, 0.5, at[1]);
        let mut density = FAT + 12.0 * noise(at[0] * 18.0, at[1] * 18.0, [64, 64], self.seed ^ 1);
        let put =
            |density: &mut f32, edge: f32, value: f32| *density = mix(*density, value, smooth(0.008, -0.008, edge));
        if wall < 0.02 {
            put(&mut density, wall, MUSCLE + 10.0 * noise(at[0] * 30.0, at[1] * 30.0, [64, 64], self.seed ^ 2));
            let cavity = wall + 0.055;
            if cavity < 0.02 {
                put(&mut density, cavity, FAT + 8.0);
                self.organs(at, cavity, &mut density);
            }
            self.ribs(at, wall, &mut density);
            self.spine(at, &mut density);
        }
        // A thin line of skin.
        let surface = smooth(0.010, 0.004, (skin + 0.004).abs());
        mix(AIR, mix(density, 30.0, surface), smooth(0.012, 0.0, skin))
    }

    fn table(&self, at: [f32; 2]) -> f32 {
        let curve = length_of([at[0], at[1] + 1.15]) - 1.86;
        mix(AIR, -60.0, smooth(0.010, 0.004, curve.abs()) * smooth(0.92, 0.88, at[0].abs()) * smooth(0.0, 0.1, at[1]))
    }

    /// How much of an organ there is at this depth: it begins and ends round.
    fn extent(&self, from: f32, to: f32) -> f32 {
        let part = (self.depth - from) / (to - from);
        if (0.0..=1.0).contains(&part) { (1.0 - (part * 2.0 - 1.0).powi(2)).sqrt() } else { 0.0 }
    }

    fn organs(&self, at: [f32; 2], cavity: f32, density: &mut f32) {
        let depth = self.depth;
        let rough = 0.022 * noise(at[0] * 5.0, at[1] * 5.0, [64, 64], self.seed ^ 3);
        let put = |density: &mut f32, edge: f32, value: f32| {
            if edge < 0.008 {
                *density = mix(*density, value, smooth(0.008, -0.008, edge.max(cavity + 0.006)));
            }
        };
        let ellipse = |middle: [f32; 2], radii: [f32; 2], size: f32| {
            if size < 0.12 { 1.0 } else { to_ellipse(at, middle, [radii[0] * size, radii[1] * size]) + rough }
        };
        self.bowel(at, &put, density);
        let stomach = ellipse([0.24 - 0.1 * depth, -0.26], [0.27, 0.19], self.extent(-0.10, 0.52));
        put(density, stomach, 70.0);
        // The stomach holds fluid with air above it: the line between them is level.
        put(density, stomach + 0.022, if at[1] < -0.30 { -880.0 } else { WATER + 14.0 });
        let spleen = to_ellipse(at, [0.62, 0.10], [0.17, 0.27]).max(-to_ellipse(at, [0.44, 0.02], [0.16, 0.22]));
        put(density, spleen + rough + mix(0.12, 0.0, self.extent(0.02, 0.48)), 124.0);
        self.liver(at, rough, &put, density);
        let gall = ellipse([-0.26, -0.16], [0.085, 0.10], self.extent(0.36, 0.60));
        put(density, gall, 70.0);
        put(density, gall + 0.014, WATER);
        let pancreas = to_ellipse(at, [0.04, -0.06 + 0.30 * (at[0] - 0.05).powi(2)], [0.29, 0.052]) + rough * 1.6;
        put(density, pancreas + mix(0.08, 0.0, self.extent(0.32, 0.56)), 92.0);
        for side in [-1.0, 1.0] {
            let reach = self.extent(if side < 0.0 { 0.42 } else { 0.36 }, 0.86);
            let kidney = ellipse([side * 0.43, 0.22 - 0.04 * depth], [0.135, 0.165], reach);
            put(density, kidney, 186.0);
            put(density, kidney + 0.050 + rough, 150.0);
            let pelvis = to_ellipse(at, [side * 0.36, 0.21], [0.055, 0.045]) + rough;
            put(density, pelvis + mix(0.06, 0.0, smooth(0.6, 1.0, reach)), -70.0);
            let psoas =
                to_ellipse(at, [side * (0.19 + 0.04 * depth), 0.27], [0.085 * smooth(0.3, 0.8, depth).max(0.05), 0.11]);
            put(density, psoas + mix(0.1, 0.0, smooth(0.32, 0.5, depth)), MUSCLE + 6.0);
        }
        // The great vessels part low in the belly.
        let apart = 0.075 * smooth(0.80, 1.0, depth);
        for side in [-1.0, 1.0] {
            put(density, to_ellipse(at, [0.055 + side * apart, 0.115], [0.056, 0.056]), ARTERY);
            put(density, to_ellipse(at, [-0.10 + side * apart, 0.10], [0.072, 0.054]), VEIN);
        }
    }

    fn liver(&self, at: [f32; 2], rough: f32, put: &impl Fn(&mut f32, f32, f32), density: &mut f32) {
        let depth = self.depth;
        let size = self.extent(-0.30, 0.74);
        if size < 0.15 {
            return;
        }
        let right = to_ellipse(at, [-0.42, -0.02 + 0.05 * depth], [0.43 * size, 0.46 * size]);
        let left = to_ellipse(at, [0.02 - 0.1 * depth, -0.30], [0.36 * (size - 0.25).max(0.05), 0.15]);
        let edge = right.min(left + mix(0.2, 0.0, smooth(0.42, 0.25, depth))) + rough;
        let texture = 5.0 * clouds(at[0] * 22.0, at[1] * 22.0, [64, 64], 2, self.seed ^ 5);
        put(density, edge, LIVER + texture);
        // Its veins: branching where slowly changing noise crosses zero, seen in cross-section.
        let drift = depth * 1.7;
        let branch = noise(at[0] * 4.2 + drift, at[1] * 4.2 - drift * 0.6, [64, 64], self.seed ^ 6).abs();
        let thick = 0.13 * smooth(-0.3, 0.5, noise(at[0] * 3.0 - drift, at[1] * 3.0, [64, 64], self.seed ^ 7));
        put(density, (edge + 0.02).max((branch - thick) * 0.22), VEIN + 8.0);
        let lesion = self.lesion(at);
        put(density, lesion, 148.0);
        put(density, lesion + 0.022, 62.0 + 4.0 * texture);
        let lungs = to_ellipse(at, [-0.48, 0.36], [0.40, 0.30]).min(to_ellipse(at, [0.50, 0.30], [0.36, 0.34]));
        put(density, lungs + mix(0.5, 0.0, smooth(0.22, 0.0, depth)), LUNG + 60.0 * rough);
    }

    /// What the consultation is about: dark, with a bright rim.
    fn lesion(&self, at: [f32; 2]) -> f32 {
        let size = self.extent(0.20, 0.46);
        let middle = [-0.50 + 0.12 * chance(0, 5, self.seed), -0.05 + 0.12 * chance(0, 6, self.seed)];
        let ragged = 0.018 * noise(at[0] * 12.0, at[1] * 12.0, [64, 64], self.seed ^ 8);
        if size < 0.2 { 1.0 } else { to_ellipse(at, middle, [0.115 * size, 0.10 * size]) + ragged }
    }

    fn bowel(&self, at: [f32; 2], put: &impl Fn(&mut f32, f32, f32), density: &mut f32) {
        for Loop { middle, size, colon } in &self.bowel {
            let from = [at[0] - middle[0], at[1] - middle[1]];
            // Free of the spine and the great vessels.
            if from[0].abs().max(from[1].abs()) > size * 1.6 || (at[1] > 0.06 && at[0].abs() < 0.22) {
                continue;
            }
            let ragged = 0.02 * noise(at[0] * 9.0, at[1] * 9.0, [64, 64], self.seed ^ 31);
            let edge = to_ellipse(from, [0.0; 2], [size * 1.2, *size]) + ragged;
            put(density, edge, if *colon { 78.0 } else { 100.0 });
            let gas = *colon && from[1] < size * 0.15;
            put(density, edge + 0.018, if gas { -760.0 } else { 26.0 });
        }
    }

    fn ribs(&self, at: [f32; 2], wall: f32, density: &mut f32) {
        if wall < -0.09 || self.depth > 0.72 {
            return;
        }
        // Ribs run downwards to the front, so from slice to slice their sections move along the wall.
        if wall > 0.0 {
            return;
        }
        let angle = (at[1] - 0.02).atan2(at[0].abs()) + self.depth * 2.6;
        let along = (angle * 2.1).rem_euclid(1.0) - 0.5;
        let section = length_of([along * 0.30, wall + 0.030]) - 0.030;
        let front = smooth(-0.50, -0.35, at[1]) * smooth(0.72, 0.60, self.depth);
        *density = mix(*density, 420.0, smooth(0.008, -0.006, section) * front);
        *density = mix(*density, 170.0, smooth(-0.008, -0.018, section) * front);
    }

    fn spine(&self, at: [f32; 2], density: &mut f32) {
        // Vertebra, disc, vertebra: six of them over the volume.
        let bone = smooth(0.25, 0.45, 1.0 - 2.0 * ((self.depth * 6.0).fract() - 0.5).abs());
        let body = to_ellipse(at, [0.0, 0.285], [0.135, 0.105]);
        let arch = to_box(at, [0.0, 0.475], [0.022, 0.085], 0.02)
            .min(to_box([at[0].abs(), at[1]], [0.145, 0.40], [0.085, 0.020], 0.02))
            .min(to_ellipse(at, [0.0, 0.405], [0.10, 0.062]));
        let back = to_ellipse([at[0].abs(), at[1]], [0.155, 0.475], [0.125, 0.075]);
        *density = mix(*density, MUSCLE + 4.0, smooth(0.01, -0.01, back));
        *density = mix(*density, mix(FAT, 520.0, bone.max(0.35)), smooth(0.008, -0.008, arch));
        *density = mix(*density, mix(105.0, 560.0, bone), smooth(0.008, -0.006, body));
        let sponge = 190.0 + 60.0 * noise(at[0] * 60.0, at[1] * 60.0, [64, 64], self.seed ^ 9);
        *density = mix(*density, mix(88.0, sponge, bone), smooth(-0.008, -0.022, body));
        *density = mix(*density, 26.0, smooth(0.006, -0.008, to_ellipse(at, [0.0, 0.405], [0.058, 0.040])));
    }
}

impl Drawing for Ct {
    fn draw(&mut self, turn: f32, _loop_s: f32, picture: &mut Picture) {
        let there_and_back = 0.5 - 0.5 * (turn * TAU).cos();
        let index = (there_and_back * (SLICES - 1) as f32).round() as usize;
        let slice = match self.slices[index].take() {
            Some(slice) => slice,
            None => self.slice(index),
        };
        picture.rgb_mut().copy_from_slice(slice.rgb());
        self.slices[index] = Some(slice);
    }
}

impl Ct {
    fn legend(&self, index: usize, picture: &mut Picture) {
        let width = self.width as f32 / self.height as f32;
        let ink: Colour = [0.80, 0.78, 0.62];
        picture.write([0.03, 0.10], "SE 4   AX 5.0", ink);
        picture.write([0.03, 0.13], &format!("IM {}/{}", index + 1, SLICES), ink);
        picture.write([0.03, 0.90], "W 400  L 50", ink);
        picture.write([0.03, 0.93], "120 KV  210 MA", ink);
        picture.write([0.36, 0.49], "R", ink);
        picture.write([width - 0.38, 0.49], "L", ink);
        for tick in 0..=10 {
            let y = 0.30 + tick as f32 * 0.04;
            let long = if tick % 5 == 0 { 0.05 } else { 0.03 };
            picture.paint([width - 0.03 - long, y, width - 0.03, y], |_| (ink, 0.9));
        }
        // Where in the volume this slice lies: a scroll bar.
        let place = 0.12 + 0.76 * index as f32 / (SLICES - 1) as f32;
        picture.paint([width - 0.125, 0.12, width - 0.120, 0.88], |_| ([0.25; 3], 1.0));
        picture
            .paint([width - 0.130, place - 0.012, width - 0.115, place + 0.012], |_| (blend(ink, [1.0; 3], 0.3), 1.0));
    }
}
