//! A tap's queue: from a worker, which never waits, to a consumer in the same process, which may be slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::Thread;

use media::Excerpt;

use crate::limit::{TAP_EXCERPTS, TAP_PACKETS};

/// The worker's end. When it is dropped, the consumer has had everything.
#[derive(Debug)]
pub(crate) struct Tap {
    /// None only while it is dropped.
    excerpts: Option<SyncSender<Excerpt>>,
    waiting: Arc<AtomicUsize>,
    consumer: Thread,
}

/// The consumer's end.
#[derive(Debug)]
pub(crate) struct Tapped {
    excerpts: Receiver<Excerpt>,
    waiting: Arc<AtomicUsize>,
}

/// A tap of this thread's, which is woken when something has come.
pub(crate) fn tap(consumer: Thread) -> (Tap, Tapped) {
    let (sender, excerpts) = sync_channel(TAP_EXCERPTS);
    let waiting = Arc::new(AtomicUsize::new(0));
    (Tap { excerpts: Some(sender), waiting: waiting.clone(), consumer }, Tapped { excerpts, waiting })
}

impl Tap {
    /// Hands excerpts over, in order; gives back those for which there is no room, and all after them.
    pub(crate) fn hand(&self, excerpts: Vec<Excerpt>) -> Vec<Excerpt> {
        let mut refused = Vec::new();
        for excerpt in excerpts {
            let packets = excerpt.packets().len();
            let has_room = refused.is_empty() && self.waiting.load(Ordering::Relaxed) + packets <= TAP_PACKETS;
            let Some(sender) = self.excerpts.as_ref().filter(|_| has_room) else {
                refused.push(excerpt);
                continue;
            };
            // Before it can be taken, so that the sum never falls below nothing.
            self.waiting.fetch_add(packets, Ordering::Relaxed);
            if let Err(error) = sender.try_send(excerpt) {
                self.waiting.fetch_sub(packets, Ordering::Relaxed);
                let (std::sync::mpsc::TrySendError::Full(excerpt)
                | std::sync::mpsc::TrySendError::Disconnected(excerpt)) = error;
                refused.push(excerpt);
            }
        }
        self.consumer.unpark();
        refused
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.excerpts = None;
        self.consumer.unpark();
    }
}

impl Tapped {
    /// The next excerpt.
    ///
    /// # Errors
    /// `Empty` when there is none now, `Disconnected` when there will be none any more.
    pub(crate) fn next(&self) -> Result<Excerpt, TryRecvError> {
        let excerpt = self.excerpts.try_recv()?;
        self.waiting.fetch_sub(excerpt.packets().len(), Ordering::Relaxed);
        Ok(excerpt)
    }
}
