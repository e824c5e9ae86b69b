//! Datagrams to packets to frames: one peer's ICE, DTLS and SRTP, layers, slots, forwarding, keyframes.
//!
//! Sans-IO: time and datagrams come in as arguments, runs of datagrams and deadlines come out. str0m is named only
//! in this crate.

pub mod datagram;

pub use datagram::{Datagram, Departures, Protocol, Run, SessionId};
