//! What it costs: the server as a process, and a load of real peers that one thread can carry.
//!
//! The peers are str0m in RTP mode: real ICE, DTLS and SRTP, no decoding. A bench prints one table and says what its
//! own limits are.

pub mod browser;
pub mod consilium;
pub mod control;
pub mod elsewhere;
pub mod figures;
pub mod floor;
pub mod hiccup;
pub mod histogram;
pub mod janus;
pub mod machine;
pub mod peer;
pub mod picture;
pub mod process;
pub mod resource;
pub mod server;
pub mod storm;
pub mod subject;
pub mod swarm;
pub mod sweep;
pub mod table;
