//! What is measured: a server that takes feeds and has viewers.

use anyhow::{Result, bail};

use crate::histogram::Histogram;
use crate::peer::Peer;
use crate::process::Process;

/// Sites, and the feeds of each, where several sites publish: three operating rooms with four cameras.
pub const FEEDS_PER_SITE: usize = 4;

/// A server with a room.
pub trait Subject {
    /// Its name in the table.
    fn name(&self) -> &str;

    /// Where it runs.
    fn process(&self) -> &Process;

    /// Feeds and viewers are in another room from now on.
    ///
    /// # Errors
    /// If it has one room only.
    fn open_room(&mut self) -> Result<()> {
        bail!("{} is asked for one room only", self.name())
    }

    /// Publishes the feed of this number.
    ///
    /// # Errors
    /// If the server refuses.
    fn publish(&mut self, feed: usize) -> Result<Peer>;

    /// One more viewer, of so many feeds: the first ones. Gives its connections, one where the server can carry
    /// several feeds on it.
    ///
    /// # Errors
    /// If the server refuses.
    fn play(&mut self, feeds: usize) -> Result<Vec<Peer>>;

    /// How long packets have been in the server so far, where it shows that.
    ///
    /// # Errors
    /// If the server does not answer.
    fn forwarding(&self) -> Result<Option<Histogram>> {
        Ok(None)
    }
}
