//! Colours, soft edges and shapes. Lengths are in picture heights: y is 0..1, x is 0..width / height.

use super::Picture;

/// Red, green and blue, 0..1, as displayed (not linear light).
pub(super) type Colour = [f32; 3];

/// Linear interpolation.
pub(super) fn mix(from: f32, to: f32, part: f32) -> f32 {
    from + (to - from) * part
}

/// Linear interpolation of colours.
pub(super) fn blend(from: Colour, to: Colour, part: f32) -> Colour {
    [mix(from[0], to[0], part), mix(from[1], to[1], part), mix(from[2], to[2], part)]
}

/// The colour, brighter or darker.
pub(super) fn lit(colour: Colour, light: f32) -> Colour {
    colour.map(|value| value * light)
}

/// 0 below `low`, 1 above `high`, smooth between.
pub(super) fn smooth(low: f32, high: f32, value: f32) -> f32 {
    let part = ((value - low) / (high - low)).clamp(0.0, 1.0);
    part * part * (3.0 - 2.0 * part)
}

/// A sample of 0..1 as a byte.
pub(super) fn byte(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8
}

/// A colour as bytes.
pub(super) fn bytes(colour: Colour) -> [u8; 3] {
    colour.map(byte)
}

/// Length of a vector. `hypot` guards against overflows that pictures do not have, at ten times the price.
pub(super) fn length_of(vector: [f32; 2]) -> f32 {
    (vector[0] * vector[0] + vector[1] * vector[1]).sqrt()
}

/// Distance of a point from a line from `a` to `b`, and how far along it the nearest point lies (0..1).
pub(super) fn to_line(at: [f32; 2], a: [f32; 2], b: [f32; 2]) -> (f32, f32) {
    let (along, from) = ([b[0] - a[0], b[1] - a[1]], [at[0] - a[0], at[1] - a[1]]);
    let length = (along[0] * along[0] + along[1] * along[1]).max(1e-9);
    let part = ((from[0] * along[0] + from[1] * along[1]) / length).clamp(0.0, 1.0);
    (length_of([from[0] - along[0] * part, from[1] - along[1] * part]), part)
}

/// Roughly the distance of a point from an ellipse's edge, negative inside.
pub(super) fn to_ellipse(at: [f32; 2], middle: [f32; 2], radii: [f32; 2]) -> f32 {
    let (x, y) = ((at[0] - middle[0]) / radii[0], (at[1] - middle[1]) / radii[1]);
    (length_of([x, y]) - 1.0) * radii[0].min(radii[1])
}

/// Distance of a point from a rectangle with round corners, negative inside.
pub(super) fn to_box(at: [f32; 2], middle: [f32; 2], half: [f32; 2], corner: f32) -> f32 {
    let x = (at[0] - middle[0]).abs() - half[0] + corner;
    let y = (at[1] - middle[1]).abs() - half[1] + corner;
    length_of([x.max(0.0), y.max(0.0)]) + x.max(y).min(0.0) - corner
}

/// A part of the picture in picture heights: left, top, right, bottom.
pub(super) type Bounds = [f32; 4];

impl Picture {
    /// Paints a colour with a coverage of 0..1 over every pixel within the bounds.
    pub(super) fn paint(&mut self, bounds: Bounds, brush: impl Fn([f32; 2]) -> (Colour, f32)) {
        let scale = self.height as f32;
        let clip = |value: f32, limit: usize| (value * scale).clamp(0.0, limit as f32) as usize;
        let (left, right) = (clip(bounds[0], self.width), clip(bounds[2] + 1.0 / scale, self.width));
        let (top, bottom) = (clip(bounds[1], self.height), clip(bounds[3] + 1.0 / scale, self.height));
        for y in top..bottom {
            let row = &mut self.rgb[(y * self.width + left) * 3..(y * self.width + right.max(left)) * 3];
            for (x, pixel) in (left..).zip(row.chunks_exact_mut(3)) {
                let (colour, cover) = brush([(x as f32 + 0.5) / scale, (y as f32 + 0.5) / scale]);
                if cover > 0.0 {
                    for (sample, value) in pixel.iter_mut().zip(colour) {
                        *sample = byte(mix(f32::from(*sample) / 255.0, value, cover.min(1.0)));
                    }
                }
            }
        }
    }

    /// Adds light to every pixel within the bounds.
    pub(super) fn shine(&mut self, bounds: Bounds, light: impl Fn([f32; 2]) -> Colour) {
        self.paint_with(bounds, |at, under| {
            let light = light(at);
            [under[0] + light[0], under[1] + light[1], under[2] + light[2]]
        });
    }

    /// Replaces every pixel within the bounds by a function of where it is and what it was.
    pub(super) fn paint_with(&mut self, bounds: Bounds, brush: impl Fn([f32; 2], Colour) -> Colour) {
        let scale = self.height as f32;
        let clip = |value: f32, limit: usize| (value * scale).clamp(0.0, limit as f32) as usize;
        let (left, right) = (clip(bounds[0], self.width), clip(bounds[2] + 1.0 / scale, self.width));
        for y in clip(bounds[1], self.height)..clip(bounds[3] + 1.0 / scale, self.height) {
            for x in left..right {
                let under = self.get(x, y).map(|sample| f32::from(sample) / 255.0);
                let at = [(x as f32 + 0.5) / scale, (y as f32 + 0.5) / scale];
                self.set(x, y, bytes(brush(at, under)));
            }
        }
    }
}
