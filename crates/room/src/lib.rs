//! One consultation as one value: sites, members, roles, who hears and sees whom.
//!
//! [`Room::handle`] is the only way in; what follows from an input lands in the [`Outbox`]. No clock, socket, file,
//! thread or randomness of its own. Read in this order: [`input`], [`outbox`], [`room`], [`permission`],
//! [`entitlement`], `view`, then `member`, `publish`, `receive`, `voice`, `talk`, `text`, `floor`, `moderation`, `returning` and `line`,
//! which are what members do, [`journal`] and [`annex`].

mod act;
pub mod annex;
mod client;
pub mod entitlement;
mod feed;
mod floor;
pub mod input;
pub mod journal;
mod line;
mod member;
mod moderation;
pub mod outbox;
pub mod permission;
mod plan;
mod playout;
mod policy;
mod publish;
mod receive;
pub mod report;
pub mod request;
mod returning;
pub mod room;
mod talk;
mod telling;
mod text;
mod view;
mod voice;

pub use annex::{Dispatch, Petition};
pub use client::Shown;
pub use input::{ClientId, Door, Grants, Identity, Input, Tapping};
pub use journal::Entry;
pub use outbox::{Closing, Outbox, Outgoing, Route};
pub use report::{FeedReport, Report, ViewerReport, VoiceReport};
pub use request::Request;
pub use returning::{Memory, REMEMBERED};
pub use room::{Room, RoomConfig};
