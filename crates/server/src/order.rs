//! What the tasks of clients and their worker say to each other.

use room::{ClientId, Door, Identity, Request};
use signaling::{CloseReason, RequestId, RoomId, ServerMessage};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::directory::{Arriving, Hand};

/// From a task to a worker.
#[derive(Debug)]
pub enum Order {
    /// A client comes into a room, which opens if it is not there.
    Enter(Box<Entrance>),
    /// A client that has come in says something.
    Say(ClientId, Box<Request>),
    /// A client is gone.
    Leave(ClientId, CloseReason),
    /// The server is going down.
    Shutdown,
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

    #[test]
    fn a_client_that_is_gone_is_not_slow() {
        let (mut outlet, inlet) = way(1);
        drop(inlet);
        for _ in 0..3 {
            assert!(outlet.deliver(Delivery::Closed(CloseReason::Left)));
        }
    }
}
