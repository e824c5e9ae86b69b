//! Real rooms and real peers in virtual time, on a network that delays, reorders, doubles and loses. Every chance
//! comes from a seed; `seed.rs` says how to run another one, or one again.
//!
//! What must hold stands in `wire` (numbers under which something is sealed), `sight` (holes and decodable frames),
//! `truth` (who may get what), `look` (who gets what, what reports count), `upstream` (what is asked of publishers) and `roster` (who knows of what);
//! the scenarios only say what happens.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test shows the figures that it judges")]

mod annex;
mod body;
mod camera;
mod client;
mod clock;
mod crowd;
mod drift;
mod freeze;
mod heard;
mod jump;
mod leak;
mod life;
mod line;
mod link;
mod look;
mod panel;
mod parity;
mod peer;
mod pipe;
mod player;
mod playout;
mod rebind;
mod restart;
mod rival;
mod roster;
mod screen;
mod seed;
mod sight;
mod source;
#[path = "../../crates/media/tests/net/sps.rs"]
mod sps;
mod storm;
mod stream;
mod thumbnail;
mod trace;
mod trunk;
mod truth;
mod upstream;
mod wire;
mod worker;
mod world;
mod wrap;
