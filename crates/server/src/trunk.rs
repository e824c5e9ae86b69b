//! What workers say to each other of rooms that have annexes, and what makers of thumbnails say to them.

use std::time::Duration;

use media::{ThumbnailPicture, TrunkId};
use room::{Dispatch, Petition};
use signaling::{CloseReason, RoomId};

use crate::directory::{Arriving, Hand};

/// From one worker to another, or from a maker of thumbnails.
#[derive(Debug)]
pub enum Parcel {
    /// From an annex that has just been opened, to where its home is or is to be.
    Open {
        /// The trunk between the two from now on.
        trunk: TrunkId,
        /// The room.
        room: RoomId,
        /// The way to the annex.
        annex: Hand,
        /// Keeps the home where it is until it knows that it has an annex.
        arriving: Arriving,
    },
    /// From an annex.
    Petition(TrunkId, Petition),
    /// From a home.
    Dispatch {
        /// To which annex.
        trunk: TrunkId,
        /// What.
        dispatch: Dispatch,
        /// When the kernel received what it follows from, since 1970.
        received_at: Option<Duration>,
    },
    /// A picture of a thumbnail, made of what this tap gave.
    Thumbnail(TrunkId, Box<ThumbnailPicture>),
    /// The other end is no more.
    Closed(TrunkId, CloseReason),
}
