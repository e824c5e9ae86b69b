//! Procedural pictures that look like the real thing at a glance: nobody's body, and nobody's recording.
//!
//! A [`Drawing`] is made once for a size and a seed (slow: it prepares its textures) and then draws any moment of its
//! loop (fast: about 2 ms at 640 x 360). Another seed gives another patient.

mod brush;
mod ct;
mod endoscope;
mod glyph;
mod noise;
mod room;
mod ultrasound;

use brush::Colour;

/// An RGB picture, three bytes per pixel, row by row without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Picture {
    /// A black picture.
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, rgb: vec![0; width * height * 3] }
    }

    /// Width, pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height, pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// All samples.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// All samples, to write.
    pub fn rgb_mut(&mut self) -> &mut [u8] {
        &mut self.rgb
    }

    /// Red, green and blue of one pixel, which must lie inside.
    pub fn get(&self, x: usize, y: usize) -> [u8; 3] {
        let at = (y * self.width + x) * 3;
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }

    /// Sets one pixel, which must lie inside.
    pub fn set(&mut self, x: usize, y: usize, rgb: [u8; 3]) {
        let at = (y * self.width + x) * 3;
        self.rgb[at..at + 3].copy_from_slice(&rgb);
    }
}

/// What can be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Motif {
    /// The inside of a bowel, the endoscope going forward, forceps at work.
    Endoscope,
    /// A curved-array ultrasound fan: liver, vessels with Doppler colour, a needle on its way to a lesion.
    Ultrasound,
    /// Axial CT slices of an abdomen, scrolled up and down.
    Ct,
    /// The room: lamp, table, team, monitors.
    Room,
}

impl Motif {
    /// Every motif.
    pub const ALL: [Self; 4] = [Self::Endoscope, Self::Ultrasound, Self::Ct, Self::Room];

    /// Prepares the drawing for pictures of one size.
    pub fn prepare(self, width: usize, height: usize, seed: u32) -> Box<dyn Drawing> {
        match self {
            Self::Endoscope => Box::new(endoscope::Endoscope::new(width, height, seed)),
            Self::Ultrasound => Box::new(ultrasound::Ultrasound::new(width, height, seed)),
            Self::Ct => Box::new(ct::Ct::new(width, height, seed)),
            Self::Room => Box::new(room::Room::new(width, height, seed)),
        }
    }
}

/// A moving picture as a function of where in its loop it is.
pub trait Drawing: Send {
    /// Draws the moment `turn` of the loop, 0..1; the end meets the beginning. `loop_s` is how long one loop takes,
    /// so that hearts beat and people move at a natural pace whatever its length. The picture must have the size
    /// that the drawing was prepared for; every pixel is written.
    fn draw(&mut self, turn: f32, loop_s: f32, picture: &mut Picture);
}

/// How often something with a natural period happens in one loop: a whole number, so that the loop closes.
fn cycles(loop_s: f32, period_s: f32) -> f32 {
    (loop_s / period_s).round().max(1.0)
}
