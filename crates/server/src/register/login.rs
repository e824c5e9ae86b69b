//! Logins: who has said who they are, and until when that is believed. The secret itself is in the browser only.

use aws_lc_rs::digest::{SHA256, digest};
use rusqlite::{Connection, OptionalExtension, params};
use signaling::Private;

use super::Fault;
use super::account::{self, Account};
use crate::clock::since_1970;
use crate::limit::{LOGIN_TTL, LOGINS_PER_ACCOUNT};

/// What is kept of a secret. It is 128 bits of randomness or more, so a fast hash will do.
pub(crate) fn hash(secret: &str) -> Vec<u8> {
    digest(&SHA256, secret.as_bytes()).as_ref().to_vec()
}

/// Begins a login; of too many the ones that end first give way. Those that are over are forgotten.
pub(crate) fn begin(database: &Connection, account: &str, secret: &Private<String>) -> rusqlite::Result<()> {
    let now_ms = since_1970().as_millis() as u64;
    let until_ms = now_ms + LOGIN_TTL.as_millis() as u64;
    database.execute("DELETE FROM login WHERE until_ms <= ?", [now_ms])?;
    database.execute(
        "INSERT INTO login (hash, account, until_ms) VALUES (?, ?, ?)",
        params![hash(secret.reveal()), account, until_ms],
    )?;
    database.execute(
        "DELETE FROM login WHERE account = ?1 AND hash NOT IN
         (SELECT hash FROM login WHERE account = ?1 ORDER BY until_ms DESC, hash LIMIT ?2)",
        params![account, LOGINS_PER_ACCOUNT],
    )?;
    Ok(())
}

/// Whose login it is, if it is not over.
pub(crate) fn find(database: &Connection, hash: &[u8]) -> Result<Option<Account>, Fault> {
    let now_ms = since_1970().as_millis() as u64;
    let mut select = database.prepare_cached("SELECT account FROM login WHERE hash = ? AND until_ms > ?")?;
    let found: Option<String> = select.query_row(params![hash, now_ms], |row| row.get(0)).optional()?;
    found.map(|id| account::find(database, &id)).transpose()
}

/// Ends a login.
pub(crate) fn end(database: &Connection, hash: &[u8]) -> rusqlite::Result<()> {
    database.execute("DELETE FROM login WHERE hash = ?", [hash]).map(|_| ())
}
