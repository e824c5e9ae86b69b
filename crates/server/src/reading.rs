//! Where offers are read, and first ones answered: on threads of their own, of each rank a few at a time, so that a flood
//! of them from machines or from the audience takes half of the processors at most, and none of the panel's places.

use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Instant;

use media::{Local, Outline, Rank};
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

/// Reads what one client says.
#[derive(Debug)]
pub(crate) struct Reader {
    rank: Rank,
    /// Of its worker.
    local: Arc<Local>,
    /// Of its last offers to publish and to receive.
    publishing: Option<Outline>,
    receiving: Option<Outline>,
}

impl Reader {
    /// That of a client of this rank, at a worker with this side.
    pub(crate) fn new(rank: Rank, local: Arc<Local>) -> Self {
        Self { rank, local, publishing: None, receiving: None }
    }

    /// Waits for a place if there is an offer. None when the server is going down.
    pub(crate) async fn read(
        &mut self,
        reading: &Reading,
        re: Option<RequestId>,
        message: ClientMessage,
    ) -> Option<Request> {
        let last = match message {
            ClientMessage::Publish { .. } => &mut self.publishing,
            ClientMessage::Receive { .. } => &mut self.receiving,
            _ => return Some(Request::new(re, message)),
        };
        let places = match self.rank {
            Rank::Panel => &reading.panel,
            Rank::Machine => &reading.machine,
            Rank::Audience => &reading.audience,
        };
        let _place = places.acquire().await.ok()?;
        let (local, before) = (self.local.clone(), last.take());
        let read = move || {
            let mut request = Request::new(re, message);
            request.prepare(Instant::now(), &local, before.as_ref());
            request
        };
        let request = spawn_blocking(read).await.ok()?;
        *last = request.outline().cloned();
        Some(request)
    }
}

#[cfg(test)]
mod tests {
    use media::Certificate;

    use super::*;

    #[tokio::test]
    async fn each_rank_reads_in_places_of_its_own() {
        let local = Arc::new(Local { candidates: Vec::new(), certificate: Certificate::generate() });
        for rank in Rank::ALL {
            let reading = Reading::default();
            let places =
                [(Rank::Panel, &reading.panel), (Rank::Machine, &reading.machine), (Rank::Audience, &reading.audience)];
            places.iter().filter(|(of, _)| *of != rank).for_each(|(_, others)| others.close());
            let offer = || ClientMessage::Receive { sdp: "v=1".to_owned(), slots: Vec::new(), voices: Vec::new() };
            let mut reader = Reader::new(rank, local.clone());
            assert!(reader.read(&reading, None, offer()).await.is_some(), "{rank:?} waits for no place of another");
            places.iter().for_each(|(_, places)| places.close());
            assert!(reader.read(&reading, None, offer()).await.is_none(), "{rank:?} reads in its own");
        }
    }
}
