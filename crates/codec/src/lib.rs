//! H.264 and Opus in and out, and the synthetic pictures and voices that the demo, the tests and the benches send.
//!
//! No clocks, sockets, files or threads: what is drawn is a function of where in its loop it is, what is encoded
//! carries the time it is given.
//!
//! Read in this order: [`picture`] (what is drawn), [`strip`] (how a machine reads which frame it is), [`planes`] and
//! [`h264`], [`tone`], [`voice`] and [`opus`], [`clip`], which joins them all, and `stored`, which keeps it.
//!
//! openh264 is compiled from source, and without `nasm` it is compiled *silently* without assembly: two to three
//! times slower, otherwise the same. Install `nasm` before the first build.

pub mod clip;
mod colour;
mod error;
pub mod h264;
pub mod opus;
pub mod picture;
pub mod planes;
mod stored;
pub mod strip;
pub mod tone;
pub mod voice;

pub use clip::{Clip, ClipPlan};
pub use colour::Colour;
pub use error::Error;
pub use h264::AccessUnit;
pub use picture::{Motif, Picture};
pub use planes::{Planes, View};
pub use strip::Mark;
