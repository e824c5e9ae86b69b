//! Where offers are read: on threads of their own, of each rank a few at a time, so that a flood of them from machines or
//! from the audience takes half of the processors at most, and none of the panel's places.

use std::num::NonZero;
use std::thread::available_parallelism;

use media::Rank;
use room::Request;
use signaling::{ClientMessage, RequestId};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Places where an offer can be read.
#[derive(Debug)]
pub(crate) struct Reading {
    panel: Semaphore,
    machine: Semaphore,
    audience: Semaphore,
}

impl Default for Reading {
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, NonZero::get);
        let half = || Semaphore::new(processors.div_ceil(2));
        Self { panel: Semaphore::new(processors), machine: half(), audience: half() }
    }
}

impl Reading {
    /// Reads what a client of this rank says; waits for a place if it has an offer. None when the server is going down.
    pub(crate) async fn read(&self, rank: Rank, re: Option<RequestId>, message: ClientMessage) -> Option<Request> {
        if !Request::takes_long(&message) {
            return Some(Request::new(re, message));
        }
        let places = match rank {
            Rank::Panel => &self.panel,
            Rank::Machine => &self.machine,
            Rank::Audience => &self.audience,
        };
        let _place = places.acquire().await.ok()?;
        spawn_blocking(move || Request::new(re, message)).await.ok()
    }
}
