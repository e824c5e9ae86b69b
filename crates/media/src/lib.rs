//! Datagrams to packets to frames: one peer's ICE, DTLS and SRTP, layers, slots, forwarding, keyframes.
//!
//! Sans-IO: time and datagrams come in as arguments, runs of datagrams and deadlines come out. str0m is named only
//! in this crate. Read in this order: [`datagram`], `session`, `packet`, `history`, `forward`,
//! `stream`, `downlink`, [`router`].

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test must begin at some instant"))]

mod allocation;
mod answer;
mod asking;
mod bits;
mod choice;
mod clock;
mod condition;
pub mod datagram;
mod deadline;
mod descriptor;
mod downlink;
pub mod dtls;
pub mod error;
mod estimate;
pub mod format;
mod forward;
mod frame_layers;
mod fresh;
mod gaps;
mod header;
mod history;
mod lateness;
mod layer;
mod local;
mod offer;
pub mod outline;
mod packet;
mod parameter_sets;
mod parity;
mod picture;
mod playout;
mod rank;
mod rate;
mod red;
pub mod report;
pub mod router;
mod rtcp;
mod sent;
mod session;
mod sink;
pub mod size;
mod spatial;
pub mod sps;
mod srtp;
mod stream;
mod structure;
mod temporal;
mod track;
mod transport_feedback;
mod trunk;

pub use asking::Spared;
pub use condition::LineCondition;
pub use datagram::{Datagram, Departures, Protocol, Run, SessionId};
pub use descriptor::Descriptor;
pub use dtls::Certificate;
pub use error::{DropReason, MediaError, NoCommonCodec};
pub use format::Encoding;
pub use local::Local;
pub use offer::Offer;
pub use outline::{Outline, OutlineLine};
pub use packet::Packet;
pub use rank::Rank;
pub use report::{Counters, Departure, Given, GivenLayer, Report, SinkReport, TrackReport};
pub use router::{
    News, OfferedLine, Router, RouterConfig, SinkId, THUMBNAIL, ThumbnailNews, ThumbnailPicture, TrackId,
};
pub use session::Way;
pub use sink::Wait;
pub use size::Size;
pub use sps::{Colour, Sps};
pub use track::Fault;
pub use trunk::{Excerpt, TrunkId};
