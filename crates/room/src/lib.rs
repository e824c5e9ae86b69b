//! One consultation as one value: sites, members, roles, who hears and sees whom.
//!
//! [`Room::handle`] is the only way in; what follows from an input lands in the [`Outbox`]. No clock, socket, file,
//! thread or randomness of its own.

pub mod input;
pub mod outbox;
pub mod room;

pub use input::{ClientId, Door, Identity, Input};
pub use outbox::{Closing, Outbox, Outgoing, Route};
pub use room::{Room, RoomConfig};
