//! What it costs: the server as a process, and a load of real peers that one thread can carry.
//!
//! The peers are str0m in RTP mode: real ICE, DTLS and SRTP, no decoding. A bench prints one table and says what its
//! own limits are.

pub mod figures;
pub mod floor;
pub mod janus;
pub mod peer;
pub mod process;
pub mod server;
pub mod swarm;
