//! The file: its tables, and how it is read and written.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::Serialize;
use serde_json::Value;
use signaling::RoomId;

use super::{JournalError, Page, Volume};
use crate::database;

/// What a room's journal holds.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct JournalDocument {
    /// The room.
    #[schema(value_type = String)]
    room: RoomId,
    /// What it is for.
    kind: String,
    /// When it opened, milliseconds since 1970-01-01 UTC.
    opened_ms: u64,
    /// When it closed; null while it is open, and after a server that was killed.
    closed_ms: Option<u64>,
    /// In order; where a number is missing, something that happened is not known.
    entries: Vec<EntryDocument>,
}

#[cfg(test)]
impl JournalDocument {
    pub(super) fn numbers(&self) -> Vec<u64> {
        self.entries.iter().map(|entry| entry.number).collect()
    }
}

/// One entry.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct EntryDocument {
    /// Counts from 1.
    number: u64,
    /// When it happened, milliseconds since 1970-01-01 UTC.
    at_ms: u64,
    /// What was told of it: a message of the server as in `signaling/README.md`.
    message: Value,
}

/// The open file.
#[derive(Debug)]
pub(crate) struct JournalFile(Connection);

impl JournalFile {
    /// Opens it to be written, makes it where it is not there, and brings it up to date.
    pub(super) fn make(path: &Path) -> Result<Self, JournalError> {
        Ok(Self(database::make(path)?))
    }

    /// Opens it to be read.
    pub(super) fn open(path: &Path) -> Result<Self, JournalError> {
        Ok(Self(database::open(path)?))
    }

    /// Writes all of these pages, or nothing; gives how many entries they have.
    pub(super) fn write(&mut self, pages: &[Page]) -> Result<u64, JournalError> {
        let transaction = self.0.transaction()?;
        let mut written = 0;
        let mut new = Vec::new();
        for page in pages {
            match page {
                Page::Entries(room, entries) => {
                    let number = number_of(&transaction, room, &mut new)?;
                    let mut insert = transaction
                        .prepare_cached("INSERT INTO entry (room, number, at_ms, message) VALUES (?, ?, ?, ?)")?;
                    for entry in entries {
                        let message = serde_json::to_string(&entry.message)?;
                        insert.execute(params![number, entry.number, entry.at_ms, message])?;
                        written += 1;
                    }
                }
                Page::Closed(room, at) => {
                    let number = number_of(&transaction, room, &mut new)?;
                    let closed_ms = at.as_millis() as u64;
                    transaction
                        .execute("UPDATE room SET closed_ms = ? WHERE number = ?", params![closed_ms, number])?;
                }
                Page::End => {}
            }
        }
        transaction.commit()?;
        for (room, number) in new {
            // nobody else gives numbers
            let _same: Result<(), i64> = room.number.set(number);
        }
        Ok(written)
    }

    /// What the newest room of this identifier has after this number, at most `most` entries.
    pub(super) fn read(&self, room: &RoomId, after: u64, most: usize) -> Result<Option<JournalDocument>, JournalError> {
        let newest = "SELECT number, kind, opened_ms, closed_ms FROM room WHERE id = ? ORDER BY number DESC LIMIT 1";
        let found = self.0.query_row(newest, [room.as_str()], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get(3)?))
        });
        let Some((number, kind, opened_ms, closed_ms)) = found.optional()? else { return Ok(None) };
        let mut entries = self.0.prepare(
            "SELECT number, at_ms, message FROM entry WHERE room = ? AND number > ? ORDER BY number LIMIT ?",
        )?;
        let rows = entries
            .query_map(params![number, after, most], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?)))?;
        let mut kept = Vec::new();
        for row in rows {
            let (number, at_ms, message) = row?;
            kept.push(EntryDocument { number, at_ms, message: serde_json::from_str(&message)? });
        }
        Ok(Some(JournalDocument { room: room.clone(), kind, opened_ms, closed_ms, entries: kept }))
    }
}

/// The room's number in the file; it gets one with its first page.
fn number_of<'a>(
    transaction: &Transaction<'_>,
    room: &'a Volume,
    new: &mut Vec<(&'a Volume, i64)>,
) -> Result<i64, JournalError> {
    let known = new.iter().find(|(known, _)| std::ptr::eq(*known, room)).map(|(_, number)| *number);
    if let Some(number) = room.number.get().copied().or(known) {
        return Ok(number);
    }
    transaction.execute(
        "INSERT INTO room (id, kind, opened_ms) VALUES (?, ?, ?)",
        params![room.room.as_str(), room.kind.as_str(), room.opened_ms],
    )?;
    let number = transaction.last_insert_rowid();
    new.push((room, number));
    Ok(number)
}
