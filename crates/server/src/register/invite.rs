//! Invites: a link for one guest, one room and one period, exchanged once for a join token.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use signaling::{Private, RefusalCode, Role, RoomId};

use super::Fault;
use super::account::name_of;
use super::login::hash;
use crate::limit::INVITES_PER_ROOM;
use crate::problem::{Problem, RegisterCode};

/// An invite, as those who may invite are shown it. The code is not among it: only its maker sees that, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct Invite {
    /// Opaque: what the audit calls it, and the subject of the guest's join token.
    pub(crate) id: String,
    /// The room.
    #[schema(value_type = String)]
    pub(crate) room: RoomId,
    /// `expert` or `trainee`.
    #[schema(value_type = String, example = "expert")]
    pub(crate) role: Role,
    /// The guest's name, which others see in the room.
    #[schema(value_type = String)]
    pub(crate) name: Private<String>,
    /// Not before, milliseconds since 1970-01-01 UTC.
    pub(crate) from_ms: u64,
    /// Not after.
    pub(crate) until_ms: u64,
    /// When it was exchanged; null until then.
    pub(crate) used_ms: Option<u64>,
    /// When it was withdrawn; null if it was not.
    pub(crate) withdrawn_ms: Option<u64>,
}

const COLUMNS: &str = "id, room, role, name, from_ms, until_ms, used_ms, withdrawn_ms";

impl Invite {
    fn of_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            room: name_of(&row.get::<_, String>(1)?)?,
            role: name_of(&row.get::<_, String>(2)?)?,
            name: Private::new(row.get(3)?),
            from_ms: row.get(4)?,
            until_ms: row.get(5)?,
            used_ms: row.get(6)?,
            withdrawn_ms: row.get(7)?,
        })
    }
}

/// Adds an invite with the secret that its link holds. Those of the room that are long over are forgotten.
///
/// # Errors
/// `too_many` when the room has as many as it may.
pub(crate) fn add(database: &Connection, invite: &Invite, secret: &Private<String>, now_ms: u64) -> Result<(), Fault> {
    let room = invite.room.as_str();
    let is_over = "room = ?1 AND (until_ms <= ?2 OR used_ms IS NOT NULL OR withdrawn_ms IS NOT NULL)";
    let count = "SELECT count(*) FROM invite WHERE room = ?1";
    let all: usize = database.query_row(count, [room], |row| row.get(0))?;
    if all >= INVITES_PER_ROOM {
        let forgotten = database.execute(&format!("DELETE FROM invite WHERE {is_over}"), params![room, now_ms])?;
        if forgotten == 0 {
            return Err(Problem::new(RefusalCode::TooMany, "The room has too many open invites.").into());
        }
    }
    database.execute(
        "INSERT INTO invite (id, hash, room, role, name, from_ms, until_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
        params![
            invite.id,
            hash(secret.reveal()),
            room,
            invite.role.as_str(),
            invite.name.reveal(),
            invite.from_ms,
            invite.until_ms
        ],
    )?;
    Ok(())
}

/// Every invite of a room, those that end last first.
pub(crate) fn of_room(database: &Connection, room: &RoomId) -> rusqlite::Result<Vec<Invite>> {
    let select = format!("SELECT {COLUMNS} FROM invite WHERE room = ? ORDER BY until_ms DESC, id");
    database.prepare_cached(&select)?.query_map([room.as_str()], Invite::of_row)?.collect()
}

/// Ends an invite before it is used.
///
/// # Errors
/// `unknown_invite` when the room has none of this id, or `invite_used`.
pub(crate) fn withdraw(database: &Connection, room: &RoomId, id: &str, now_ms: u64) -> Result<(), Fault> {
    let found = of_room(database, room)?.into_iter().find(|invite| invite.id == id && invite.withdrawn_ms.is_none());
    let Some(invite) = found else { return Err(unknown().into()) };
    if invite.used_ms.is_some() {
        return Err(used().into());
    }
    database.execute("UPDATE invite SET withdrawn_ms = ? WHERE id = ?", params![now_ms, id])?;
    Ok(())
}

/// The id of the invite that this code is of, for the audit, whatever has become of it.
pub(crate) fn id_of(database: &Connection, code: &str) -> rusqlite::Result<Option<String>> {
    database.query_row("SELECT id FROM invite WHERE hash = ?", [hash(code)], |row| row.get(0)).optional()
}

/// Exchanges a code: from now on it is useless.
///
/// # Errors
/// `unknown_invite`, also of one that was withdrawn, `invite_used`, or `invite_expired` outside its period.
pub(crate) fn exchange(database: &Connection, code: &str, now_ms: u64) -> Result<Invite, Fault> {
    let select = format!("SELECT {COLUMNS} FROM invite WHERE hash = ? AND withdrawn_ms IS NULL");
    let found = database.query_row(&select, [hash(code)], Invite::of_row).optional()?;
    let invite = found.ok_or_else(unknown)?;
    if invite.used_ms.is_some() {
        return Err(used().into());
    }
    if now_ms >= invite.until_ms {
        return Err(Problem::new(RegisterCode::InviteExpired, "The invite's time is over.").into());
    }
    if now_ms < invite.from_ms {
        return Err(Problem::new(RegisterCode::InviteExpired, "The invite's time has not begun.").into());
    }
    database.execute("UPDATE invite SET used_ms = ? WHERE id = ?", params![now_ms, invite.id])?;
    Ok(Invite { used_ms: Some(now_ms), ..invite })
}

fn unknown() -> Problem {
    Problem::new(RegisterCode::UnknownInvite, "There is no such invite, or it was withdrawn.")
}

fn used() -> Problem {
    Problem::new(RegisterCode::InviteUsed, "The invite has been used; each lets in once.")
}
