//! The WHIP and WHEP sessions there are, and who of them may be asked to go.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use room::Door;
use signaling::Private;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{Demand, Loan, Resource};
use crate::limit::ANSWER_TIMEOUT;

/// Every WHIP and WHEP session by its identifier.
#[derive(Debug, Default)]
pub(crate) struct Resources(Mutex<HashMap<String, Resource>>);

impl Resources {
    /// The session of this identifier in this room, behind this door.
    pub(crate) fn find(&self, door: Door, room: &str, id: &str) -> Option<Resource> {
        let table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.get(id).filter(|resource| resource.door == door && resource.room.as_str() == room).cloned()
    }

    /// The place of the subject's oldest session that is silent and has it still. Each is asked at this moment, and asks its
    /// room: a silence that had been told would be over by the time it is made use of, and ICE's own comes after 15 s.
    pub(super) async fn borrow(&self, subject: &Private<String>) -> Option<Loan> {
        let mut own: Vec<Resource> = {
            let table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            table.values().filter(|resource| resource.subject == *subject).cloned().collect()
        };
        own.sort_by_key(|resource| resource.begun_at);
        let asking = async {
            for resource in own {
                let (done, loan) = oneshot::channel();
                // one that has much to do is not silent
                if resource.demands.try_send(Demand::Lend { done }).is_ok()
                    && let Ok(loan) = loan.await
                {
                    return Some(loan);
                }
            }
            None
        };
        timeout(ANSWER_TIMEOUT, asking).await.ok().flatten()
    }

    /// One more.
    pub(super) fn put(&self, id: String, resource: Resource) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, resource);
    }

    /// It is over.
    pub(super) fn remove(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}
