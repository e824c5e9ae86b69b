//! What the numbers of a picture mean as colours, as a stream of H.264 says it.

use openh264::encoder::{ColorPrimaries, MatrixCoefficients, TransferCharacteristics, VuiConfig};

/// In the code points of Recommendation ITU-T H.273, where 2 says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour {
    /// Black is 0 and white 255, not 16 and 235.
    pub is_full_range: bool,
    /// Colour primaries.
    pub primaries: u8,
    /// Transfer characteristics.
    pub transfer: u8,
    /// Matrix coefficients.
    pub matrix: u8,
}

impl Colour {
    /// What everything that is drawn here is: BT.709 in limited range.
    pub const BT709: Self = Self { is_full_range: false, primaries: 1, transfer: 1, matrix: 1 };

    /// The same as the encoder takes it. It has no name for points that no camera uses, and says nothing in their place.
    pub(crate) fn vui(self) -> VuiConfig {
        VuiConfig::new()
            .full_range(self.is_full_range)
            .color_primaries(self.primaries())
            .transfer_characteristics(self.transfer())
            .matrix_coefficients(self.matrix())
    }

    fn primaries(self) -> ColorPrimaries {
        use ColorPrimaries as To;
        match self.primaries {
            1 => To::Bt709,
            4 => To::Bt470M,
            5 => To::Bt470BG,
            6 => To::Smpte170M,
            7 => To::Smpte240M,
            8 => To::Film,
            9 => To::Bt2020,
            _ => To::Unspecified,
        }
    }

    fn transfer(self) -> TransferCharacteristics {
        use TransferCharacteristics as To;
        match self.transfer {
            1 => To::Bt709,
            4 => To::Bt470M,
            5 => To::Bt470Bg,
            6 => To::Smpte170M,
            7 => To::Smpte240M,
            8 => To::Linear,
            13 => To::Srgb,
            14 => To::Bt2020_10,
            15 => To::Bt2020_12,
            16 => To::Smpte2084,
            18 => To::Hlg,
            _ => To::Unspecified,
        }
    }

    fn matrix(self) -> MatrixCoefficients {
        use MatrixCoefficients as To;
        match self.matrix {
            0 => To::Identity,
            1 => To::Bt709,
            4 => To::Fcc,
            5 => To::Bt470Bg,
            6 => To::Smpte170M,
            7 => To::Smpte240M,
            8 => To::Ycgco,
            9 => To::Bt2020Ncl,
            10 => To::Bt2020Cl,
            _ => To::Unspecified,
        }
    }
}
