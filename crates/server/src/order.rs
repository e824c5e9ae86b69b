//! What the tasks of clients and their worker say to each other.

use std::time::{Duration, Instant};

use media::Rank;
use room::{ClientId, Door, Identity, Request};
use signaling::{CloseReason, RequestId, RoomId, ServerMessage};
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

/// The tasks' end of the way to a worker, where the panel and the sites do not wait behind the audience. Bounded: who
/// says too much waits, and those of its rank with it.
#[derive(Debug, Clone)]
pub struct Letterbox {
    panel: mpsc::Sender<(Instant, Order)>,
    audience: mpsc::Sender<(Instant, Order)>,
}

/// The worker's end.
#[derive(Debug)]
pub struct Inbox {
    panel: mpsc::Receiver<(Instant, Order)>,
    audience: mpsc::Receiver<(Instant, Order)>,
}

/// A way to a worker that [`INBOX_ORDERS`] of each rank can wait in.
pub fn inbox() -> (Letterbox, Inbox) {
    let (panel, of_panel) = mpsc::channel(INBOX_ORDERS);
    let (audience, of_audience) = mpsc::channel(INBOX_ORDERS);
    (Letterbox { panel, audience }, Inbox { panel: of_panel, audience: of_audience })
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
            Rank::Audience => &self.audience,
        }
    }
}

impl Inbox {
    /// The next order, the panel's first, with its rank and how long it has waited.
    pub fn take(&mut self) -> Option<(Rank, Duration, Order)> {
        let panel = self.panel.try_recv().map(|posted| (Rank::Panel, posted));
        let next = panel.or_else(|_| self.audience.try_recv().map(|posted| (Rank::Audience, posted)));
        next.ok().map(|(rank, (posted_at, order))| (rank, posted_at.elapsed(), order))
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
    /// Where what is said to it goes.
    pub outlet: Outlet,
    /// Where the room's home is, if the client is to be in an annex.
    pub home: Option<Hand>,
    /// Keeps the room where it is until the client is in it.
    pub arriving: Arriving,
}

/// From a worker to the task of one client.
#[derive(Debug)]
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
    async fn the_panel_does_not_wait_behind_the_audience() {
        let (letterbox, mut inbox) = inbox();
        for client in 0..INBOX_ORDERS as u64 {
            assert!(letterbox.post(Rank::Audience, Order::Leave(ClientId(client), CloseReason::Left)).await);
        }
        let full = letterbox.try_post(Rank::Audience, Order::Shutdown);
        assert!(matches!(full, Err(TrySendError::Full(Order::Shutdown))));
        assert!(letterbox.post(Rank::Panel, Order::Leave(ClientId(9999), CloseReason::Left)).await, "has a place");
        let order: Vec<_> = (0..2).filter_map(|_| inbox.take()).map(|(rank, _, order)| (rank, order)).collect();
        assert!(
            matches!(
                order[..],
                [(Rank::Panel, Order::Leave(ClientId(9999), _)), (Rank::Audience, Order::Leave(ClientId(0), _))]
            ),
            "{order:?}"
        );
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
