//! What the tasks of clients and their worker say to each other.

use std::time::{Duration, Instant};

use media::Rank;
use room::{ClientId, Door, Identity, Request};
use signaling::{CloseReason, MemberId, RequestId, RoomId, ServerMessage};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::directory::{Arriving, Hand};
use crate::limit::INBOX_ORDERS;

/// From a task to a worker.
#[derive(Debug)]
pub enum Order {
    /// A client comes into a room, which opens if it is not there.
    Enter(Box<Entrance>),
    /// A client that has come in says something.
    Say(ClientId, Box<Request>),
    /// A client is gone.
    Leave(ClientId, CloseReason),
    /// When did something last come from a client's peer? Not answered of one that is not there or has offered nothing.
    WhenHeard(ClientId, oneshot::Sender<Instant>),
    /// The server is going down.
    Shutdown,
}

/// The tasks' end of the way to a worker, where the panel does not wait behind machines, nor they behind the audience.
/// Bounded: who says too much waits, and those of its rank with it.
#[derive(Debug, Clone)]
pub struct Letterbox {
    panel: mpsc::Sender<(Instant, Order)>,
    machine: mpsc::Sender<(Instant, Order)>,
    audience: mpsc::Sender<(Instant, Order)>,
}

/// The worker's end.
#[derive(Debug)]
pub struct Inbox {
    panel: mpsc::Receiver<(Instant, Order)>,
    machine: mpsc::Receiver<(Instant, Order)>,
    audience: mpsc::Receiver<(Instant, Order)>,
}

/// A way to a worker that [`INBOX_ORDERS`] of each rank can wait in.
pub fn inbox() -> (Letterbox, Inbox) {
    let (panel, of_panel) = mpsc::channel(INBOX_ORDERS);
    let (machine, of_machine) = mpsc::channel(INBOX_ORDERS);
    let (audience, of_audience) = mpsc::channel(INBOX_ORDERS);
    (Letterbox { panel, machine, audience }, Inbox { panel: of_panel, machine: of_machine, audience: of_audience })
}

impl Letterbox {
    /// Posts an order of a client of this rank; waits while there is no place. False when the worker is gone.
    pub async fn post(&self, rank: Rank, order: Order) -> bool {
        self.of(rank).send((Instant::now(), order)).await.is_ok()
    }

    /// The same at once, if there is a place.
    ///
    /// # Errors
    /// With the order, when there is none, or the worker is gone.
    pub fn try_post(&self, rank: Rank, order: Order) -> Result<(), TrySendError<Order>> {
        self.of(rank).try_send((Instant::now(), order)).map_err(|error| match error {
            TrySendError::Full((_, order)) => TrySendError::Full(order),
            TrySendError::Closed((_, order)) => TrySendError::Closed(order),
        })
    }

    fn of(&self, rank: Rank) -> &mpsc::Sender<(Instant, Order)> {
        match rank {
            Rank::Panel => &self.panel,
            Rank::Machine => &self.machine,
            Rank::Audience => &self.audience,
        }
    }
}

impl Inbox {
    /// The next order, by rank, with that rank and how long it has waited.
    pub fn take(&mut self) -> Option<(Rank, Duration, Order)> {
        let next = Rank::ALL.into_iter().find_map(|rank| Some((rank, self.of(rank).try_recv().ok()?)));
        next.map(|(rank, (posted_at, order))| (rank, posted_at.elapsed(), order))
    }

    fn of(&mut self, rank: Rank) -> &mut mpsc::Receiver<(Instant, Order)> {
        match rank {
            Rank::Panel => &mut self.panel,
            Rank::Machine => &mut self.machine,
            Rank::Audience => &mut self.audience,
        }
    }
}

/// A client that comes in.
#[derive(Debug)]
pub struct Entrance {
    /// The room.
    pub room: RoomId,
    /// The client.
    pub client: ClientId,
    /// Who it is.
    pub identity: Identity,
    /// How it comes.
    pub door: Door,
    /// The `id` of its `join`.
    pub re: Option<RequestId>,
    /// The member that it says it was.
    pub returns: Option<MemberId>,
    /// Where what is said to it goes.
    pub outlet: Outlet,
    /// Where the room's home is, if the client is to be in an annex.
    pub home: Option<Hand>,
    /// Keeps the room where it is until the client is in it.
    pub arriving: Arriving,
}

/// From a worker to the task of one client.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are messages")]
pub enum Delivery {
    /// To be said.
    Message(ServerMessage),
    /// It is over; nothing follows.
    Closed(CloseReason),
}

/// The worker's end of the way to one client. Bounded: a client that does not keep up is let go.
#[derive(Debug)]
pub struct Outlet {
    deliveries: mpsc::Sender<Delivery>,
    /// Said at once, past everything that waits.
    overflow: Option<oneshot::Sender<()>>,
}

/// The client's end.
#[derive(Debug)]
pub struct Inlet {
    /// In order.
    pub deliveries: mpsc::Receiver<Delivery>,
    /// Ready when the client did not keep up.
    pub overflow: oneshot::Receiver<()>,
}

/// A way to one client that this many messages can wait in.
pub fn way(messages: usize) -> (Outlet, Inlet) {
    let (sender, deliveries) = mpsc::channel(messages);
    let (overflow, overflowed) = oneshot::channel();
    (Outlet { deliveries: sender, overflow: Some(overflow) }, Inlet { deliveries, overflow: overflowed })
}

impl Outlet {
    /// Hands something over; false when the client does not keep up and has been told so. One that is gone wants
    /// nothing more and is not slow; its leaving is on the way.
    pub fn deliver(&mut self, delivery: Delivery) -> bool {
        match self.deliveries.try_send(delivery) {
            Ok(()) | Err(TrySendError::Closed(_)) => true,
            Err(TrySendError::Full(_)) => {
                if let Some(overflow) = self.overflow.take() {
                    // it may go at this very moment
                    let _gone: Result<(), ()> = overflow.send(());
                }
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_does_not_keep_up_is_told_past_the_queue() {
        let (mut outlet, mut inlet) = way(2);
        let closed = || Delivery::Closed(CloseReason::Left);
        assert!(outlet.deliver(closed()) && outlet.deliver(closed()));
        assert!(inlet.overflow.try_recv().is_err(), "not yet");
        assert!(!outlet.deliver(closed()));
        assert_eq!(inlet.overflow.try_recv(), Ok(()));
        assert!(inlet.deliveries.try_recv().is_ok(), "what was there is still there");
    }

    #[tokio::test]
    async fn nobody_waits_behind_those_of_a_lower_rank() {
        let (letterbox, mut inbox) = inbox();
        let leave = |client| Order::Leave(ClientId(client), CloseReason::Left);
        for client in 0..INBOX_ORDERS as u64 {
            assert!(
                letterbox.post(Rank::Audience, leave(client)).await
                    && letterbox.post(Rank::Machine, leave(client)).await
            );
        }
        for rank in [Rank::Audience, Rank::Machine] {
            let full = letterbox.try_post(rank, Order::Shutdown);
            assert!(matches!(full, Err(TrySendError::Full(Order::Shutdown))));
        }
        assert!(letterbox.post(Rank::Panel, leave(9999)).await, "has a place");
        let order: Vec<_> = std::iter::from_fn(|| inbox.take()).map(|(rank, _, order)| (rank, order)).collect();
        assert!(matches!(order[0], (Rank::Panel, Order::Leave(ClientId(9999), _))), "{:?}", order[0]);
        assert!(matches!(order[1], (Rank::Machine, Order::Leave(ClientId(0), _))), "in the order in which they came");
        assert!(order.is_sorted_by_key(|(rank, _)| *rank) && order.len() == 2 * INBOX_ORDERS + 1);
    }

    #[test]
    fn a_client_that_is_gone_is_not_slow() {
        let (mut outlet, inlet) = way(1);
        drop(inlet);
        for _ in 0..3 {
            assert!(outlet.deliver(Delivery::Closed(CloseReason::Left)));
        }
    }
}
