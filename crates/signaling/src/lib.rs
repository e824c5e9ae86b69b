//! What may be said on the wire between a client and the server, and nothing about what it means.
//!
//! Text frames of JSON over `GET /ws`. A client says imperatives ([`ClientMessage`]), the server answers in the
//! past tense ([`ServerMessage`]). [`decode`] and [`encode`] are the only places that see JSON.
//! The numbered rules and the example messages are in `signaling/` at the root of the repository.
//!
//! Read in this order: [`client`], [`server`], [`roster`], [`talk`], [`policy`], [`id`], [`refusal`], [`limit`].

pub mod client;
pub mod id;
pub mod limit;
pub mod policy;
pub mod private;
pub mod refusal;
pub mod roster;
pub mod server;
pub mod talk;
#[cfg(test)]
mod typescript;
mod wire;

pub use client::{ClientMessage, FeedChoice, FeedOffer, ShownAge, VoiceOffer};
pub use id::{FeedId, MemberId, RequestId, RoomId, SiteId, Slot, VoiceId};
pub use policy::{Policy, Programme};
pub use private::Private;
pub use refusal::{Refusal, RefusalCode};
pub use roster::{Feed, FeedKind, Member, Role, RoomKind, Voice};
pub use server::{CloseReason, LineCondition, PublishedFeed, ServerMessage, VacantReason};
pub use talk::{Call, CallId, CallOutcome, Direction, Question, QuestionId, Said, SayTo};
pub use wire::{decode, encode};

/// The version of this contract. A client names it in its first message; any other value is refused.
pub const VERSION: u32 = 1;
