//! What can go wrong here; a variant names the act that failed.

/// A codec refused its settings or its input.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A picture's width or height is zero or odd, or one of its buffers has another size.
    #[error("a picture of {width} x {height} cannot be held in 4:2:0 planes")]
    Size {
        /// Width, pixels.
        width: usize,
        /// Height, pixels.
        height: usize,
    },
    /// RGB to Y'CbCr or back.
    #[error("cannot convert colours")]
    Colour(#[source] yuv::YuvError),
    /// The H.264 encoder could not be made, or refused a picture.
    #[error("cannot encode H.264")]
    EncodeH264(#[source] openh264::Error),
    /// The H.264 encoder kept leaving out a picture that must be there: its bitrate is far too low.
    #[error("the bitrate is too low for every picture to be kept")]
    LeftOut,
    /// The H.264 decoder could not be made, or met a broken bit stream.
    #[error("cannot decode H.264")]
    DecodeH264(#[source] openh264::Error),
    /// The Opus encoder could not be made, or refused its samples.
    #[error("cannot encode Opus")]
    EncodeOpus(#[source] opus::Error),
    /// The Opus decoder could not be made, or met a broken packet.
    #[error("cannot decode Opus")]
    DecodeOpus(#[source] opus::Error),
}
