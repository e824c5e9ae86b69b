//! The machine-read corner strip: which site, which feed and which frame a picture is.
//!
//! # Layout
//!
//! The strip stands in the top left corner of the picture. It is 18 cells wide and 3 cells high; a cell is a square
//! of `H / 45` pixels, `H` being the height of the picture in pixels, whole or not: 8 pixels at 640 x 360, 4 at
//! 320 x 180, 12 at 960 x 540, 24 at 1920 x 1080. So a picture that is scaled without changing its shape stays
//! readable. Cells are black (RGB 0) or white (RGB 255).
//!
//! ```text
//! column    0    1 .. 16                          17
//! row 0     W    site:4  kind:4  frame:8 (high)   B
//! row 1     B    frame:8 (low)   loop:8 (high)    W
//! row 2     W    loop:8 (low)    check:8          B
//! ```
//!
//! Columns 0 and 17 are the frame of reference: always white, black, white and black, white, black from the top. The
//! 48 cells between, row by row from left to right, are six bytes, most significant bit first, 1 is white:
//!
//! | byte | holds |
//! |---|---|
//! | 0 | site index (0 for `site-a`) in the high four bits, feed kind in the low four |
//! | 1, 2 | frame number, big endian |
//! | 3, 4 | length of the loop in frames, big endian; 0 says that frame numbers count through all 65536 |
//! | 5 | CRC-8 of bytes 0 to 4: polynomial 0x07, initial value 0xff, not reflected, no final XOR |
//!
//! The feed kind is the index in `signaling::FeedKind::ALL`: endoscope 0, ultrasound 1, ct 2, fluoroscopy 3,
//! microscope 4, room 5, monitor 6, screen 7, face 8.
//!
//! # Reading
//!
//! A cell's value is the mean of the luma in its middle half (a quarter of a cell away from each edge). The threshold
//! lies midway between the mean of the reference whites and that of the blacks, which must be at least 64 of 255 apart.
//! A strip is refused, not guessed, if a reference cell is on the wrong side, if any cell is nearer to the threshold
//! than an eighth of that distance, or if the check is wrong. RGB counts as BT.709 luma.
//!
//! # Counting
//!
//! A looped clip of N frames numbers them 0 to N - 1 and says N, so a reader sees how far a stream has come between
//! two readings less than a loop apart: [`Mark::frames_since`]. `tests/browser/strip.mjs` is the same reader for
//! browsers; `tests/browser/strip.test.mjs` holds both to the same example.

use crate::Picture;

/// Cells per row, the two reference columns included.
pub const COLUMNS: usize = 18;
/// Rows of cells.
pub const ROWS: usize = 3;
/// A cell is the picture's height divided by this.
pub const CELLS_PER_HEIGHT: f32 = 45.0;

const MIN_CONTRAST: f32 = 64.0;

/// What the strip says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark {
    /// Index of the site, 0 to 15.
    pub site: u8,
    /// Index of the feed's kind, 0 to 15.
    pub kind: u8,
    /// Number of the frame.
    pub frame: u16,
    /// Frame numbers count from 0 to one less than this, then begin again; 0 for all 65536.
    pub loop_frames: u16,
}

impl Mark {
    /// How many frames after `earlier` this one is, up to one loop.
    pub fn frames_since(self, earlier: Self) -> u16 {
        if self.frame >= earlier.frame || self.loop_frames == 0 {
            self.frame.wrapping_sub(earlier.frame)
        } else {
            self.loop_frames - earlier.frame % self.loop_frames + self.frame
        }
    }

    fn bytes(self) -> [u8; 6] {
        let [frame_high, frame_low] = self.frame.to_be_bytes();
        let [loop_high, loop_low] = self.loop_frames.to_be_bytes();
        let mut bytes = [self.site << 4 | self.kind & 15, frame_high, frame_low, loop_high, loop_low, 0];
        bytes[5] = check(&bytes[..5]);
        bytes
    }

    fn from_bytes(bytes: [u8; 6]) -> Option<Self> {
        let [first, frame_high, frame_low, loop_high, loop_low, sum] = bytes;
        (check(&bytes[..5]) == sum).then_some(Self {
            site: first >> 4,
            kind: first & 15,
            frame: u16::from_be_bytes([frame_high, frame_low]),
            loop_frames: u16::from_be_bytes([loop_high, loop_low]),
        })
    }
}

fn check(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0xff, |sum, byte| {
        (0..8).fold(sum ^ byte, |sum: u8, _| if sum & 0x80 == 0 { sum << 1 } else { sum << 1 ^ 0x07 })
    })
}

/// Paints the strip over the picture's top left corner.
pub fn draw(picture: &mut Picture, mark: Mark) {
    let cell = picture.height() as f32 / CELLS_PER_HEIGHT;
    let bytes = mark.bytes();
    let (width, height) = ((COLUMNS as f32 * cell).ceil() as usize, (ROWS as f32 * cell).ceil() as usize);
    for y in 0..height.min(picture.height()) {
        let row = ((y as f32 + 0.5) / cell) as usize;
        for x in 0..width.min(picture.width()) {
            let column = ((x as f32 + 0.5) / cell) as usize;
            if row < ROWS && column < COLUMNS {
                picture.set(x, y, [if is_white(row, column, &bytes) { 255 } else { 0 }; 3]);
            }
        }
    }
}

fn is_white(row: usize, column: usize, bytes: &[u8; 6]) -> bool {
    match column {
        0 => row != 1,
        17 => row == 1,
        _ => {
            let bit = row * 16 + column - 1;
            bytes[bit / 8] >> (7 - bit % 8) & 1 == 1
        }
    }
}

/// Reads the strip of a picture given as luma samples, row by row, `width * height` of them.
pub fn read_luma(luma: &[u8], width: usize, height: usize) -> Option<Mark> {
    (luma.len() >= width * height).then_some(())?;
    read(width, height, |x, y| f32::from(luma[y * width + x]))
}

/// Reads the strip of an RGB picture.
pub fn read_picture(picture: &Picture) -> Option<Mark> {
    read(picture.width(), picture.height(), |x, y| {
        let [red, green, blue] = picture.get(x, y).map(f32::from);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    })
}

fn read(width: usize, height: usize, luma: impl Fn(usize, usize) -> f32) -> Option<Mark> {
    let cell = height as f32 / CELLS_PER_HEIGHT;
    // Below two pixels there is no middle to look at, and a narrow picture has no room for the strip.
    (cell >= 2.0 && COLUMNS as f32 * cell <= width as f32).then_some(())?;
    let mean = |row: usize, column: usize| {
        let span = |index: usize| {
            let (low, high) = ((index as f32 + 0.25) * cell, (index as f32 + 0.75) * cell);
            (low.round() as usize, (high.round() as usize).max(low.round() as usize + 1))
        };
        let ((left, right), (top, bottom)) = (span(column), span(row));
        let sum: f32 = (top..bottom).flat_map(|y| (left..right).map(move |x| (x, y))).map(|(x, y)| luma(x, y)).sum();
        sum / ((right - left) * (bottom - top)) as f32
    };
    let white = (mean(0, 0) + mean(2, 0) + mean(1, 17)) / 3.0;
    let black = (mean(1, 0) + mean(0, 17) + mean(2, 17)) / 3.0;
    let contrast = white - black;
    (contrast >= MIN_CONTRAST).then_some(())?;
    let bit = |row, column| {
        let above = mean(row, column) - (white + black) / 2.0;
        (above.abs() >= contrast / 8.0).then_some(above > 0.0)
    };
    let mut bytes = [0u8; 6];
    for row in 0..ROWS {
        if bit(row, 0)? != (row != 1) || bit(row, 17)? != (row == 1) {
            return None;
        }
        for column in 1..=16 {
            let index = row * 16 + column - 1;
            bytes[index / 8] |= u8::from(bit(row, column)?) << (7 - index % 8);
        }
    }
    Mark::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: Mark = Mark { site: 2, kind: 1, frame: 0x0123, loop_frames: 200 };

    /// The example that `tests/browser/strip.test.mjs` knows as well.
    #[test]
    fn the_example_of_both_readers() {
        assert_eq!(MARK.bytes(), [0x21, 0x01, 0x23, 0x00, 0xc8, 0xa1]);
    }

    #[test]
    fn what_is_drawn_is_read_at_every_usual_size() {
        for (width, height) in [(320, 180), (640, 360), (640, 480), (854, 480), (960, 540), (1920, 1080)] {
            let mut picture = Picture::new(width, height);
            draw(&mut picture, MARK);
            assert_eq!(read_picture(&picture), Some(MARK), "{width} x {height}");
        }
    }

    #[test]
    fn a_damaged_strip_is_refused() {
        let mut picture = Picture::new(640, 360);
        assert_eq!(read_picture(&picture), None, "no strip at all");
        for bit in 0..48 {
            let (row, column) = (bit / 16, bit % 16 + 1);
            draw(&mut picture, MARK);
            let flipped = picture.get(column * 8 + 4, row * 8 + 4).map(|value| 255 - value);
            for (x, y) in (0..64).map(|pixel| (column * 8 + pixel % 8, row * 8 + pixel / 8)) {
                picture.set(x, y, flipped);
            }
            assert_eq!(read_picture(&picture), None, "bit {bit}");
        }
    }

    #[test]
    fn counting_goes_on_over_the_end_of_the_loop() {
        let at = |frame| Mark { frame, ..MARK };
        assert_eq!(at(7).frames_since(at(5)), 2);
        assert_eq!(at(3).frames_since(at(198)), 5);
        let endless = |frame| Mark { frame, loop_frames: 0, ..MARK };
        assert_eq!(endless(1).frames_since(endless(65_535)), 2);
    }
}
