//! The journals of all rooms on disk: one SQLite file, written by one thread.
//!
//! Nothing waits for the disk. A worker hands over what a room's journal has to keep and goes on; the thread writes all
//! that has come in one transaction. While the disk is full or the database is locked it tries again, what comes meanwhile
//! waits, and what there is no place for any more is counted as lost: the numbers of its entries are missing.

mod file;

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use room::Entry;
use signaling::{RoomId, RoomKind};

pub(crate) use file::{JournalDocument, JournalFile};

use crate::clock::since_1970;
use crate::database::{self, DatabaseError};
use crate::limit::JOURNAL_PAGES;

/// How long after a failure it is tried again.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Pages that are written in one transaction at most.
const PAGES_AT_ONCE: usize = 256;

/// Why there is no journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The database.
    #[error(transparent)]
    Open(#[from] DatabaseError),
    /// SQLite refused.
    #[error("the journal: {0}")]
    Database(#[from] rusqlite::Error),
    /// An entry is none that this server knows.
    #[error("an entry of the journal cannot be read: {0}")]
    Entry(#[from] serde_json::Error),
    /// There is no thread to write it.
    #[error("the system gives no thread for the journal: {0}")]
    Thread(std::io::Error),
}

/// One room from opening to closing, as its journal knows it.
#[derive(Debug)]
pub(crate) struct Volume {
    /// Its identifier; another room may have had it before.
    pub(crate) room: RoomId,
    /// What it is for.
    pub(crate) kind: RoomKind,
    /// When it opened, in milliseconds since 1970.
    pub(crate) opened_ms: u64,
    /// Its number in the file, once it has one.
    pub(crate) number: OnceLock<i64>,
}

impl Volume {
    /// A room that opens now.
    pub(crate) fn new(room: RoomId, kind: RoomKind, opened_at: Duration) -> Arc<Self> {
        Arc::new(Self { room, kind, opened_ms: opened_at.as_millis() as u64, number: OnceLock::new() })
    }
}

/// A room that may be taken up again where its journal ends.
#[derive(Debug)]
pub(crate) struct Resumable {
    /// It.
    pub(crate) volume: Arc<Volume>,
    /// All that happened in it.
    pub(crate) entries: Vec<Entry>,
}

/// What is handed to the thread.
#[derive(Debug)]
enum Page {
    Entries(Arc<Volume>, Vec<Entry>),
    Closed(Arc<Volume>, Duration),
    Reopened(Arc<Volume>),
    End,
}

impl Page {
    /// How much is lost with it: that a room has closed counts as an entry.
    fn entries(&self) -> u64 {
        match self {
            Self::Entries(_, entries) => entries.len() as u64,
            Self::Closed(..) | Self::Reopened(_) => 1,
            Self::End => 0,
        }
    }
}

/// What the thread and everybody else know of how it fares.
#[derive(Debug, Default)]
struct State {
    /// Entries that are on the disk.
    written: AtomicU64,
    /// Entries that there was no place for.
    lost: AtomicU64,
    /// The disk does not take them.
    is_failing: AtomicBool,
    is_ending: AtomicBool,
}

/// The way to the thread that writes.
#[derive(Debug, Clone)]
pub struct Journal {
    pages: SyncSender<Page>,
    state: Arc<State>,
    path: Arc<Path>,
    /// What the server before this one has left.
    resumable: Arc<Mutex<HashMap<RoomId, Resumable>>>,
}

impl Journal {
    /// Opens the file in the data directory, or makes it, and begins to write; the thread ends after [`Journal::end`].
    ///
    /// # Errors
    /// When it cannot be made, opened or brought up to date.
    pub fn start(data: &Path) -> Result<(Self, JoinHandle<()>), JournalError> {
        let path: Arc<Path> = database::path(data).into();
        let file = JournalFile::make(&path)?;
        let resumable = file.resumable(since_1970())?;
        let resumable = resumable.into_iter().map(|one| (one.volume.room.clone(), one)).collect();
        let (pages, inbox) = sync_channel(JOURNAL_PAGES);
        let state = Arc::<State>::default();
        let writer = Writer { file, state: state.clone() };
        let thread = thread::Builder::new().name("journal".to_owned()).spawn(move || writer.run(&inbox));
        let thread = thread.map_err(JournalError::Thread)?;
        Ok((Self { pages, state, path, resumable: Arc::new(Mutex::new(resumable)) }, thread))
    }

    /// Hands over what a room's journal has to keep.
    pub(crate) fn keep(&self, room: &Arc<Volume>, entries: Vec<Entry>) {
        self.hand_over(Page::Entries(room.clone(), entries));
    }

    /// The room of this identifier that the server before this one has left, once.
    pub(crate) fn resume(&self, room: &RoomId) -> Option<Resumable> {
        let mut resumable = self.resumable.lock().unwrap_or_else(PoisonError::into_inner);
        resumable.remove(room)
    }

    /// A room is taken up again.
    pub(crate) fn reopen(&self, room: Arc<Volume>) {
        self.hand_over(Page::Reopened(room));
    }

    /// A room has closed.
    pub(crate) fn close(&self, room: Arc<Volume>, closed_at: Duration) {
        self.hand_over(Page::Closed(room, closed_at));
    }

    /// The last that is said: the thread writes what it can, and ends.
    pub fn end(&self) {
        self.state.is_ending.store(true, Ordering::Relaxed);
        // wakes it; where there is no place it is awake
        let _awake: Result<(), _> = self.pages.try_send(Page::End);
    }

    fn hand_over(&self, page: Page) {
        let page = match self.pages.try_send(page) {
            Ok(()) => return,
            Err(TrySendError::Full(page) | TrySendError::Disconnected(page)) => page,
        };
        self.state.lost.fetch_add(page.entries(), Ordering::Relaxed);
    }

    /// What the newest room of this identifier has in its journal after this number, at most `most` entries.
    ///
    /// # Errors
    /// When the file cannot be read now.
    pub(crate) fn read(&self, room: &RoomId, after: u64, most: usize) -> Result<Option<JournalDocument>, JournalError> {
        JournalFile::open(&self.path)?.read(room, after, most)
    }

    /// Entries written, entries lost, and whether the disk takes any now.
    pub(crate) fn counts(&self) -> (u64, u64, bool) {
        let State { written, lost, is_failing, .. } = &*self.state;
        (written.load(Ordering::Relaxed), lost.load(Ordering::Relaxed), is_failing.load(Ordering::Relaxed))
    }
}

struct Writer {
    file: JournalFile,
    state: Arc<State>,
}

impl Writer {
    fn run(mut self, inbox: &Receiver<Page>) {
        let mut waiting: Vec<Page> = Vec::new();
        // Ends when the last way to it is gone, too.
        while let Ok(page) = inbox.recv() {
            waiting.push(page);
            while !waiting.is_empty() {
                waiting.extend(inbox.try_iter().take(PAGES_AT_ONCE.saturating_sub(waiting.len())));
                self.write(&mut waiting);
                let is_ending = self.state.is_ending.load(Ordering::Relaxed);
                if is_ending && !waiting.is_empty() {
                    return give_up(waiting.into_iter().chain(inbox.try_iter()));
                }
                if !waiting.is_empty() {
                    thread::sleep(TRY_AGAIN_AFTER);
                } else if is_ending {
                    waiting.extend(inbox.try_recv());
                }
            }
            if self.state.is_ending.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    /// Writes all of them, or none and keeps them.
    fn write(&mut self, pages: &mut Vec<Page>) {
        let written = self.file.write(pages);
        if self.state.is_failing.swap(written.is_err(), Ordering::Relaxed) != written.is_err() {
            match &written {
                Ok(_) => tracing::info!("the journal is written again"),
                Err(error) => tracing::error!(%error, "the journal cannot be written; what happens is kept in memory"),
            }
        }
        if let Ok(entries) = written {
            self.state.written.fetch_add(entries, Ordering::Relaxed);
            pages.clear();
        }
    }
}

fn give_up(pages: impl Iterator<Item = Page>) {
    let lost: u64 = pages.map(|page| page.entries()).sum();
    if lost > 0 {
        tracing::error!(lost, "the end of the journal could not be written");
    }
}

/// A new directory of its own for a test.
#[cfg(test)]
pub(crate) fn a_directory(name: &str) -> std::path::PathBuf {
    let number = getrandom::u64().expect("randomness");
    std::env::temp_dir().join(format!("consilium-{name}-{number:016x}"))
}

#[cfg(test)]
mod tests;
