//! Sends pictures and sound to the server as a device does, and plays them back for tests.
//!
//! WHIP and WHEP over HTTP, WebRTC by the `webrtc` crate: an implementation that shares nothing with the server's, so
//! that each proves the other. What is sent carries its capture time on one [`CaptureClock`] per box.
//!
//! Read in this order: [`target`] (where to), [`clock`], [`publisher`], [`loop_clip`] (a clip sent for ever), then
//! [`player`] and [`assembler`] (what arrives, counted and put back together).

pub mod assembler;
pub mod clock;
mod connection;
mod error;
mod keyframe;
pub mod loop_clip;
pub mod player;
pub mod publisher;
mod sequence;
mod session;
pub mod target;

pub use assembler::Assembler;
pub use clock::CaptureClock;
pub use connection::ConnectionState;
pub use error::Error;
pub use loop_clip::{LoopedClip, Looping, loop_clip};
pub use player::{Counts, MediaKind, Player, ReceivedPacket};
pub use publisher::{Publisher, VideoFrame, VoicePacket};
pub use target::{Target, Transport};
