//! The register: centre, sites, devices and rooms, who has an account, who was invited, and the audit of it all.
//!
//! One thread has the connection that writes, and is handed work by a bounded way; the directory reads by another when a
//! room opens. Nothing on a packet's way asks either of them.

pub(crate) mod account;
pub(crate) mod audit;
pub(crate) mod authority;
pub(crate) mod invite;
pub(crate) mod login;
pub(crate) mod room;
pub(crate) mod tree;

use std::fmt;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use axum::http::StatusCode;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use signaling::{RefusalCode, RoomId, RoomKind};
use tokio::sync::oneshot;

use crate::database::{self, DatabaseError};
use crate::limit::REGISTER_ORDERS;
use crate::problem::Problem;
use crate::tree_file::TreeFile;
use audit::{Act, Outcome, What};
use tree::Imported;

/// Who has done what was done by a command of the binary.
const COMMAND_LINE: &str = "command-line";

/// Why something of the register was not done.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It may not be, or cannot.
    Refused(Problem),
    /// The database has failed.
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(problem) => problem,
            Fault::Database(error) => {
                tracing::error!(%error, "the register cannot be used");
                let problem = Self::new(RefusalCode::Internal, "The register cannot be used now; try again.");
                problem.with_status(StatusCode::SERVICE_UNAVAILABLE)
            }
        }
    }
}

/// Something that is done with the one connection that writes.
type Order = Box<dyn FnOnce(&mut Connection) + Send>;

/// The way to the register.
#[derive(Clone)]
pub struct Register {
    orders: SyncSender<Order>,
    reader: Arc<Mutex<Connection>>,
}

impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Register")
    }
}

impl Register {
    /// Opens the register of a data directory, or makes it. Its thread ends with the last way to it.
    ///
    /// # Errors
    /// When it cannot be made, opened or brought up to date.
    pub fn start(data: &Path) -> Result<Self, DatabaseError> {
        let path = database::path(data);
        let mut writer = database::make(&path)?;
        let reader = Arc::new(Mutex::new(database::open(&path)?));
        let (orders, inbox) = sync_channel::<Order>(REGISTER_ORDERS);
        let thread = thread::Builder::new().name("register".to_owned());
        let thread = thread.spawn(move || inbox.into_iter().for_each(|order| order(&mut writer)));
        thread.map_err(|source| DatabaseError::Make { path, source })?;
        Ok(Self { orders, reader })
    }

    /// Reads something at once.
    pub(crate) fn look<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        work(&self.reader.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads or changes something, whole or not at all.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Problem> {
        self.order(|database| {
            let transaction = database.transaction()?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        })
        .await
    }

    /// Does what somebody asks for, and keeps in the audit that it was done, or why not.
    pub(crate) async fn act<T: Send + 'static>(
        &self,
        act: Act,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Problem> {
        self.order(move |database| audited(database, act, true, work)).await
    }

    /// Shows something to somebody, and keeps in the audit only that it was refused.
    pub(crate) async fn show<T: Send + 'static>(
        &self,
        act: Act,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Problem> {
        self.order(move |database| audited(database, act, false, work)).await
    }

    async fn order<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Problem> {
        let (asker, answer) = oneshot::channel();
        let order: Order = Box::new(move |database| {
            // nobody hears it whose request has ended meanwhile
            let _heard: Result<(), _> = asker.send(work(database));
        });
        self.orders.try_send(order).map_err(|error| match error {
            TrySendError::Full(_) => Problem::new(RefusalCode::AtCapacity, "Too much is asked of the register."),
            TrySendError::Disconnected(_) => gone(),
        })?;
        Ok(answer.await.map_err(|_| gone())??)
    }

    /// What a declared room is for; none if there is no such room. By a connection of its own, so that a room opens
    /// whatever the register is doing.
    pub(crate) async fn kind_of(&self, room: &RoomId) -> Result<Option<RoomKind>, Problem> {
        let (register, room) = (self.clone(), room.clone());
        let looked = tokio::task::spawn_blocking(move || register.look(|database| room::kind(database, &room)));
        Ok(looked.await.map_err(|_| gone())?.map_err(Fault::from)?)
    }
}

fn gone() -> Problem {
    Problem::new(RefusalCode::Internal, "The register has failed.")
}

/// What is done and what the audit says of it are one transaction; of what is refused the audit is all that is left.
fn audited<T>(
    database: &mut Connection,
    act: Act,
    is_kept: bool,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    // what only reads is shown on a full disk and beside a locked database, too
    let behavior = if is_kept { TransactionBehavior::Immediate } else { TransactionBehavior::Deferred };
    let transaction = Transaction::new(database, behavior)?;
    match work(&transaction) {
        Ok(done) => {
            if is_kept {
                audit::keep(&transaction, &act, Outcome::Done)?;
            }
            transaction.commit()?;
            Ok(done)
        }
        Err(Fault::Refused(problem)) => {
            transaction.rollback()?;
            audit::keep(database, &act, Outcome::Refused(problem.code()))?;
            Err(Fault::Refused(problem))
        }
        Err(fault) => Err(fault),
    }
}

/// Puts what a file says into the register of a data directory, without a server; or why it cannot be.
pub(crate) fn import_file(data: &Path, file: &TreeFile) -> Result<Result<Imported, String>, DatabaseError> {
    let mut database = database::make(&database::path(data))?;
    let address = Ipv4Addr::LOCALHOST.into();
    let act = Act { who: Some(COMMAND_LINE.to_owned()), address, what: What::ImportSites, target: None };
    match audited(&mut database, act, true, |database| tree::import(database, file)) {
        Ok(imported) => Ok(Ok(imported)),
        Err(Fault::Refused(problem)) => Ok(Err(problem.sentence().to_owned())),
        Err(Fault::Database(error)) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;
