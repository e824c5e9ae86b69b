//! The file: its tables, and how it is read and written.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use room::Entry;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::Serialize;
use serde_json::Value;
use signaling::{MemberId, Private, RoomId, RoomKind};

use super::{JournalError, Page, Resumable, Volume};
use crate::database;

/// No room is taken up again of which nothing has been heard for so long.
const OLDEST: Duration = Duration::from_secs(24 * 3600);
/// So many rooms are taken up again, the newest.
const ROOMS: usize = 1000;

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
    /// The member that did it; null where it came by itself.
    by: Option<u32>,
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
                    let mut insert = transaction.prepare_cached(
                        "INSERT INTO entry (room, number, at_ms, by, subject, message) VALUES (?, ?, ?, ?, ?, ?)",
                    )?;
                    for entry in entries {
                        let message = serde_json::to_string(&entry.message)?;
                        let (by, subject) = (entry.by.map(|by| by.0), entry.subject.as_ref().map(Private::reveal));
                        insert.execute(params![number, entry.number, entry.at_ms, by, subject, message])?;
                        written += 1;
                    }
                }
                Page::Closed(room, at) => {
                    let number = number_of(&transaction, room, &mut new)?;
                    let closed_ms = at.as_millis() as u64;
                    transaction
                        .execute("UPDATE room SET closed_ms = ? WHERE number = ?", params![closed_ms, number])?;
                }
                Page::Reopened(room) => {
                    let number = number_of(&transaction, room, &mut new)?;
                    transaction.execute("UPDATE room SET closed_ms = NULL WHERE number = ?", [number])?;
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
            "SELECT number, at_ms, by, message FROM entry WHERE room = ? AND number > ? ORDER BY number LIMIT ?",
        )?;
        let rows = entries.query_map(params![number, after, most], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, String>(3)?))
        })?;
        let mut kept = Vec::new();
        for row in rows {
            let (number, at_ms, by, message) = row?;
            kept.push(EntryDocument { number, at_ms, by, message: serde_json::from_str(&message)? });
        }
        Ok(Some(JournalDocument { room: room.clone(), kind, opened_ms, closed_ms, entries: kept }))
    }
}

impl JournalFile {
    /// The rooms that were open when the server was killed, or had just closed, with all their entries, as far as somebody may
    /// come back into them: the newest of each identifier.
    pub(super) fn resumable(&self, now: Duration) -> Result<Vec<Resumable>, JournalError> {
        let since_ms = |before: Duration| now.saturating_sub(before).as_millis() as u64;
        let mut rooms = self.0.prepare(
            "SELECT number, id, kind, opened_ms FROM room AS one
             WHERE number = (SELECT MAX(number) FROM room WHERE id = one.id)
             AND (closed_ms IS NULL OR closed_ms > ?)
             AND (SELECT MAX(at_ms) FROM entry WHERE room = one.number) > ?
             ORDER BY number DESC LIMIT ?",
        )?;
        let bounds = params![since_ms(room::REMEMBERED), since_ms(OLDEST), ROOMS];
        let found = rooms.query_map(bounds, |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?, row.get(3)?))
        })?;
        let mut resumable = Vec::new();
        for room in found {
            let (number, id, kind, opened_ms) = room?;
            // What no version of this server has written is no room of its own.
            let (Ok(id), Ok(kind)) = (id.parse::<RoomId>(), serde_json::from_value::<RoomKind>(kind.into())) else {
                continue;
            };
            let volume = Volume { room: id, kind, opened_ms, number: OnceLock::from(number) };
            resumable.push(Resumable { volume: Arc::new(volume), entries: self.entries(number)? });
        }
        Ok(resumable)
    }

    /// Everything in the journal of one room. What an older or newer server has said that this one does not know is left out.
    fn entries(&self, room: i64) -> Result<Vec<Entry>, JournalError> {
        let mut entries =
            self.0.prepare("SELECT number, at_ms, by, subject, message FROM entry WHERE room = ? ORDER BY number")?;
        let rows = entries.query_map([room], |row| {
            let (by, subject) = (row.get::<_, Option<u32>>(2)?, row.get::<_, Option<String>>(3)?);
            Ok((row.get(0)?, row.get(1)?, by.map(MemberId), subject.map(Private::new), row.get::<_, String>(4)?))
        })?;
        let mut kept = Vec::new();
        for row in rows {
            let (number, at_ms, by, subject, message) = row?;
            if let Ok(message) = serde_json::from_str(&message) {
                kept.push(Entry { number, at_ms, by, subject, message });
            }
        }
        Ok(kept)
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
