//! A picture as an encoder wants it: planar 4:2:0.

use yuv::{
    BufferStoreMut, YuvConversionMode, YuvPlanarImage, YuvPlanarImageMut, YuvRange, YuvStandardMatrix, rgb_to_yuv420,
    yuv420_to_rgb,
};

use crate::{Error, Picture};

/// Three planes without padding: `y` is `width * height` bytes, `u` and `v` a quarter of it each.
///
/// What is read from a picture is BT.709 in limited range, as [`Colour::BT709`](crate::Colour::BT709) says; what is decoded
/// or made smaller is what it was. openh264's own converters are BT.601, so the `yuv` crate converts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planes {
    width: usize,
    height: usize,
    pub(crate) y: Vec<u8>,
    pub(crate) u: Vec<u8>,
    pub(crate) v: Vec<u8>,
}

impl Planes {
    /// Grey planes. Both sides must be even and not zero.
    pub fn new(width: usize, height: usize) -> Result<Self, Error> {
        if width == 0 || height == 0 || !width.is_multiple_of(2) || !height.is_multiple_of(2) {
            return Err(Error::Size { width, height });
        }
        let (luma, chroma) = (width * height, width * height / 4);
        Ok(Self { width, height, y: vec![128; luma], u: vec![128; chroma], v: vec![128; chroma] })
    }

    /// Width, pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height, pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The luma plane, one byte per pixel, row by row.
    pub fn luma(&self) -> &[u8] {
        &self.y
    }

    /// Takes the picture's colours; the sizes must be equal.
    pub fn read(&mut self, picture: &Picture) -> Result<(), Error> {
        let (width, height) = (self.width, self.height);
        if (picture.width(), picture.height()) != (width, height) {
            return Err(Error::Size { width: picture.width(), height: picture.height() });
        }
        let mut planar = YuvPlanarImageMut {
            y_plane: BufferStoreMut::Borrowed(&mut self.y),
            y_stride: width as u32,
            u_plane: BufferStoreMut::Borrowed(&mut self.u),
            u_stride: (width / 2) as u32,
            v_plane: BufferStoreMut::Borrowed(&mut self.v),
            v_stride: (width / 2) as u32,
            width: width as u32,
            height: height as u32,
        };
        let (range, matrix, mode) = (YuvRange::Limited, YuvStandardMatrix::Bt709, YuvConversionMode::Balanced);
        rgb_to_yuv420(&mut planar, picture.rgb(), (width * 3) as u32, range, matrix, mode).map_err(Error::Colour)
    }

    /// The colours as a picture.
    pub fn to_picture(&self) -> Result<Picture, Error> {
        let mut picture = Picture::new(self.width, self.height);
        let planar = YuvPlanarImage {
            y_plane: &self.y,
            y_stride: self.width as u32,
            u_plane: &self.u,
            u_stride: (self.width / 2) as u32,
            v_plane: &self.v,
            v_stride: (self.width / 2) as u32,
            width: self.width as u32,
            height: self.height as u32,
        };
        let stride = (self.width * 3) as u32;
        yuv420_to_rgb(&planar, picture.rgb_mut(), stride, YuvRange::Limited, YuvStandardMatrix::Bt709)
            .map_err(Error::Colour)?;
        Ok(picture)
    }
}

/// Planes where somebody else has them: each with the distance of its rows.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// Width, pixels.
    pub width: usize,
    /// Height, pixels.
    pub height: usize,
    pub(crate) planes: [(&'a [u8], usize); 3],
}

impl View<'_> {
    /// Draws the picture smaller, over all of `to`: each pixel is the mean of those that it stands for. `to` is no larger
    /// than the picture, whose sides are at most 256 times as long.
    pub fn shrink(&self, to: &mut Planes) -> Result<(), Error> {
        let (width, height) = (to.width, to.height);
        let is_smaller = |from: usize, to: usize| from >= to && from / to < LONGEST_COLUMN;
        if !is_smaller(self.width, width) || !is_smaller(self.height, height) {
            return Err(Error::Size { width: self.width, height: self.height });
        }
        let [y, u, v] = self.planes;
        shrink_plane(y, (self.width, self.height), &mut to.y, (width, height));
        for (from, to) in [(u, &mut to.u), (v, &mut to.v)] {
            shrink_plane(from, (self.width / 2, self.height / 2), to, (width / 2, height / 2));
        }
        Ok(())
    }
}

/// So many bytes add up in 16 bits.
const LONGEST_COLUMN: usize = 256;

/// Row by row into sums of columns, which the compiler does for many at a time, then those into pixels. That nothing
/// runs over is checked before, for checking each sum would cost more than adding it up.
fn shrink_plane(
    (from, stride): (&[u8], usize),
    (from_width, from_height): (usize, usize),
    to: &mut [u8],
    (width, height): (usize, usize),
) {
    let mut columns = vec![0_u16; from_width];
    for (row, out) in to.chunks_exact_mut(width).enumerate() {
        let rows = row * from_height / height..(row + 1) * from_height / height;
        columns.fill(0);
        for row in rows.clone() {
            for (sum, pixel) in columns.iter_mut().zip(&from[row * stride..][..from_width]) {
                *sum = sum.wrapping_add(u16::from(*pixel));
            }
        }
        for (at, pixel) in out.iter_mut().enumerate() {
            let span = at * from_width / width..(at + 1) * from_width / width;
            let count = (span.len() * rows.len()) as u32;
            let sum = columns[span].iter().fold(count / 2, |sum, column| sum.wrapping_add(u32::from(*column)));
            *pixel = (sum / count) as u8;
        }
    }
}
