//! How sessions, rooms and the worker itself end.

use std::time::Instant;

use media::Protocol;
use room::{Input, Outbox};
use signaling::CloseReason;

use super::{LINGER, Worker};
use crate::route::Target;

impl Worker {
    pub(super) fn forget(&mut self, target: Target) {
        for (protocol, address) in self.routes.forget(target) {
            if protocol == Protocol::Tcp {
                self.streams.close(address);
            }
        }
    }

    /// Something in the room failed: it is over for its clients, and for nobody else.
    pub(super) fn collapse(&mut self, place: usize) {
        self.tally.panics += 1;
        self.outbox = Outbox::default();
        tracing::error!(room = self.hall.name(place), "a room failed and is closed");
        self.close_room(place, CloseReason::Internal);
    }

    pub(super) fn close_room(&mut self, place: usize, reason: CloseReason) {
        for target in self.routes.of_room(place) {
            self.forget(target);
        }
        self.close_trunks(place, reason);
        self.taps.close(place);
        self.hall.close(place, reason);
    }

    pub(super) fn say_goodbye(&mut self) {
        for place in self.hall.places() {
            self.handle(place, Input::Shutdown);
            self.close_room(place, CloseReason::ShuttingDown);
        }
        self.stop_at = Some(Instant::now() + LINGER);
    }

    pub(super) fn is_over(&self) -> bool {
        self.stop_at.is_some_and(|stop| self.streams.count() == 0 || Instant::now() >= stop)
    }
}
