//! The one SQLite file of a data directory: where it is, what is in it, how it is opened.
//!
//! The journal and the register share it, each with connections of its own.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};

/// So long another connection may have the file locked before that is an error.
const BUSY: Duration = Duration::from_millis(500);

const MIGRATIONS: Migrations<'static> = Migrations::from_slice(STEPS);
/// What versions of the server have made of the file, in order; what stands here is never changed again.
const STEPS: &[M<'static>] = &[M::up(JOURNAL), M::up(REGISTER), M::up(WHO)];

/// What happened in rooms.
const JOURNAL: &str = "
     CREATE TABLE room (
         number INTEGER PRIMARY KEY,
         id TEXT NOT NULL,
         kind TEXT NOT NULL,
         opened_ms INTEGER NOT NULL,
         closed_ms INTEGER
     ) STRICT;
     CREATE INDEX room_by_id ON room (id, number);
     CREATE TABLE entry (
         room INTEGER NOT NULL REFERENCES room (number),
         number INTEGER NOT NULL,
         at_ms INTEGER NOT NULL,
         message TEXT NOT NULL,
         PRIMARY KEY (room, number)
     ) STRICT, WITHOUT ROWID;";

/// Who may do what. A `room` of the journal is one that was opened, a `declared_room` is one that may be.
/// What a person has to keep secret is here as its hash only.
const REGISTER: &str = "
     CREATE TABLE centre (
         id TEXT PRIMARY KEY,
         name TEXT NOT NULL
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE site (
         id TEXT PRIMARY KEY,
         centre TEXT NOT NULL REFERENCES centre (id),
         name TEXT NOT NULL
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE device (
         id TEXT PRIMARY KEY,
         site TEXT NOT NULL REFERENCES site (id),
         name TEXT NOT NULL
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE declared_room (
         id TEXT PRIMARY KEY,
         kind TEXT NOT NULL
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE room_site (
         room TEXT NOT NULL REFERENCES declared_room (id) ON DELETE CASCADE,
         site TEXT NOT NULL REFERENCES site (id),
         PRIMARY KEY (room, site)
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE account (
         id TEXT PRIMARY KEY,
         login TEXT NOT NULL UNIQUE,
         name TEXT NOT NULL,
         password TEXT NOT NULL,
         level TEXT NOT NULL,
         site TEXT REFERENCES site (id),
         role TEXT NOT NULL,
         CHECK ((level = 'member') = (site IS NOT NULL))
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE room_grant (
         room TEXT NOT NULL REFERENCES declared_room (id) ON DELETE CASCADE,
         account TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
         role TEXT NOT NULL,
         PRIMARY KEY (room, account)
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX room_grant_by_account ON room_grant (account);
     CREATE TABLE login (
         hash BLOB PRIMARY KEY,
         account TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
         until_ms INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX login_by_account ON login (account, until_ms);
     CREATE TABLE invite (
         id TEXT PRIMARY KEY,
         hash BLOB NOT NULL UNIQUE,
         room TEXT NOT NULL REFERENCES declared_room (id) ON DELETE CASCADE,
         role TEXT NOT NULL,
         name TEXT NOT NULL,
         from_ms INTEGER NOT NULL,
         until_ms INTEGER NOT NULL,
         used_ms INTEGER,
         withdrawn_ms INTEGER
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX invite_by_room ON invite (room);
     CREATE TABLE audit (
         number INTEGER PRIMARY KEY AUTOINCREMENT,
         at_ms INTEGER NOT NULL,
         who TEXT,
         address TEXT,
         what TEXT NOT NULL,
         target TEXT,
         outcome TEXT NOT NULL
     ) STRICT;
     CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE (ABORT, 'append only'); END;
     CREATE TRIGGER audit_is_never_shortened BEFORE DELETE ON audit BEGIN SELECT RAISE (ABORT, 'append only'); END;";

/// Who did what is in the journal, and by what subject who came is known when it comes back.
const WHO: &str = "
     ALTER TABLE entry ADD COLUMN by INTEGER;
     ALTER TABLE entry ADD COLUMN subject TEXT;";

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The data directory or the file cannot be made.
    #[error("cannot make the database {path}: {source}", path = path.display())]
    Make {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// SQLite refused.
    #[error("the database: {0}")]
    Refused(#[from] rusqlite::Error),
    /// It is of a newer server, or damaged.
    #[error("the database cannot be brought up to date: {0}")]
    Migrate(#[from] rusqlite_migration::Error),
}

/// Where the file is.
pub(crate) fn path(data: &Path) -> PathBuf {
    data.join("consilium.db")
}

/// Opens the file to be written, makes it where it is not there, and brings it up to date.
pub(crate) fn make(path: &Path) -> Result<Connection, DatabaseError> {
    make_private(path).map_err(|source| DatabaseError::Make { path: path.to_owned(), source })?;
    let mut database = Connection::open(path)?;
    database.busy_timeout(BUSY)?;
    // What is committed has reached the disk; readers never wait for the writer.
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.pragma_update(None, "synchronous", "FULL")?;
    database.pragma_update(None, "foreign_keys", true)?;
    MIGRATIONS.to_latest(&mut database)?;
    Ok(database)
}

/// Opens the file to be read.
pub(crate) fn open(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(path, flags)?;
    database.busy_timeout(BUSY)?;
    Ok(database)
}

/// An empty file that only its owner may read, for there are names of people in it (hazard H9).
fn make_private(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::a_directory;

    /// A file of the version before, with what it held, is brought up to date.
    #[test]
    fn a_file_of_an_earlier_server_keeps_what_it_holds() {
        let data = a_directory("database");
        std::fs::create_dir_all(&data).expect("can be made");
        {
            let mut earlier = Connection::open(path(&data)).expect("opens");
            Migrations::from_slice(&STEPS[..1]).to_latest(&mut earlier).expect("the first version");
            earlier.execute("INSERT INTO room (id, kind, opened_ms) VALUES ('r', 'guidance', 1)", []).expect("fits");
        }
        let now = make(&path(&data)).expect("is brought up to date");
        let count = |table: &str| {
            now.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).expect("is there")
        };
        assert_eq!((count("room"), count("account")), (1, 0));
        std::fs::remove_dir_all(data).expect("was made");
    }

    #[test]
    fn nobody_changes_what_the_audit_says() {
        let data = a_directory("database");
        let database = make(&path(&data)).expect("can be made");
        let added = "INSERT INTO audit (at_ms, what, outcome) VALUES (1, 'log_in', 'done')";
        assert_eq!(database.execute(added, []), Ok(1));
        for change in ["UPDATE audit SET outcome = 'x'", "DELETE FROM audit"] {
            assert!(database.execute(change, []).is_err(), "{change}");
        }
        std::fs::remove_dir_all(data).expect("was made");
    }
}
