//! Declared rooms: what each is for, which sites take part, and who else was granted it.

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use signaling::limit::SITES_PER_ROOM;
use signaling::{RefusalCode, Role, RoomId, RoomKind, SiteId};

use super::account::{self, name_of};
use super::{Fault, tree};
use crate::problem::{Problem, RegisterCode};

/// Accounts that one room can be granted to.
const GRANTS: usize = 200;

/// A room that may be opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeclaredRoom {
    /// Its identifier: opaque, never a patient's name.
    #[schema(value_type = String)]
    pub(crate) id: RoomId,
    /// What it is for.
    #[serde(default)]
    #[schema(value_type = String, example = "guidance")]
    pub(crate) kind: RoomKind,
    /// The sites that take part; their people see it, and no other site's.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub(crate) sites: Vec<SiteId>,
    /// Who else sees it, and as what.
    #[serde(default)]
    pub(crate) grants: Vec<Grant>,
}

/// A room that an account sees whatever its site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Grant {
    /// The account's id.
    pub(crate) account: String,
    /// `lead`, `expert` or `trainee`; only in this room.
    #[schema(value_type = String, example = "expert")]
    pub(crate) role: Role,
}

impl DeclaredRoom {
    fn check(&self, database: &Connection) -> Result<(), Fault> {
        let wrong = |sentence: &str| Err(Problem::new(RefusalCode::BadMessage, sentence).into());
        if self.sites.len() > SITES_PER_ROOM {
            let sentence = format!("A room has at most {SITES_PER_ROOM} sites.");
            return Err(Problem::new(RefusalCode::TooManySites, sentence).into());
        }
        let is_twice = |(place, site): (usize, &SiteId)| self.sites[..place].contains(site);
        if self.sites.iter().enumerate().any(is_twice) {
            return wrong("A site is named twice.");
        }
        if self.grants.len() > GRANTS {
            return wrong("A room can be granted to 200 accounts.");
        }
        for (place, grant) in self.grants.iter().enumerate() {
            if !matches!(grant.role, Role::Lead | Role::Expert | Role::Trainee) {
                return wrong("A room is granted to a lead, an expert or a trainee; others belong to its sites.");
            }
            if self.grants[..place].iter().any(|other| other.account == grant.account) {
                return wrong("An account is named twice.");
            }
            account::find(database, &grant.account)?;
        }
        self.sites.iter().try_for_each(|site| tree::find_site(database, site))
    }
}

/// The kinds' words, as they are stored.
pub(crate) fn kind_of_word(word: &str) -> Option<RoomKind> {
    let all = [RoomKind::Guidance, RoomKind::Consultation, RoomKind::Teaching, RoomKind::Meeting];
    all.into_iter().find(|kind| kind.as_str() == word)
}

/// What a room is for; none if it is not declared.
pub(crate) fn kind(database: &Connection, room: &RoomId) -> rusqlite::Result<Option<RoomKind>> {
    let mut select = database.prepare_cached("SELECT kind FROM declared_room WHERE id = ?")?;
    let word: Option<String> = select.query_row([room.as_str()], |row| row.get(0)).optional()?;
    // a kind that only a newer server knows is opened as the strictest one
    Ok(word.map(|word| kind_of_word(&word).unwrap_or_default()))
}

/// One room.
///
/// # Errors
/// `unknown_room`.
pub(crate) fn find(database: &Connection, id: &RoomId) -> Result<DeclaredRoom, Fault> {
    let Some(kind) = kind(database, id)? else {
        return Err(Problem::new(RefusalCode::UnknownRoom, "There is no such room.").into());
    };
    Ok(filled(database, id.clone(), kind)?)
}

/// Every room, by its identifier.
pub(crate) fn all(database: &Connection) -> rusqlite::Result<Vec<DeclaredRoom>> {
    let mut select = database.prepare_cached("SELECT id, kind FROM declared_room ORDER BY id")?;
    let rows = select.query_map([], |row| Ok((name_of(&row.get::<_, String>(0)?)?, row.get::<_, String>(1)?)))?;
    rows.map(|row| {
        let (id, kind) = row?;
        filled(database, id, kind_of_word(&kind).unwrap_or_default())
    })
    .collect()
}

fn filled(database: &Connection, id: RoomId, kind: RoomKind) -> rusqlite::Result<DeclaredRoom> {
    let mut sites = database.prepare_cached("SELECT site FROM room_site WHERE room = ? ORDER BY site")?;
    let sites = sites.query_map([id.as_str()], |row| name_of(&row.get::<_, String>(0)?))?.collect::<Result<_, _>>()?;
    let mut grants = database.prepare_cached("SELECT account, role FROM room_grant WHERE room = ? ORDER BY account")?;
    let grants = grants.query_map([id.as_str()], |row| {
        Ok(Grant { account: row.get(0)?, role: name_of(&row.get::<_, String>(1)?)? })
    })?;
    let grants = grants.collect::<Result<_, _>>()?;
    Ok(DeclaredRoom { id, kind, sites, grants })
}

/// Adds a room.
///
/// # Errors
/// `already_exists`, or what is wrong with it.
pub(crate) fn add(database: &Connection, room: &DeclaredRoom) -> Result<(), Fault> {
    if kind(database, &room.id)?.is_some() {
        return Err(Problem::new(RegisterCode::AlreadyExists, "There is a room of this name.").into());
    }
    put(database, room)
}

/// Adds a room, or changes everything of the one that is there.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn put(database: &Connection, room: &DeclaredRoom) -> Result<(), Fault> {
    room.check(database)?;
    put_tree(database, &room.id, room.kind, &room.sites)?;
    let id = room.id.as_str();
    database.execute("DELETE FROM room_grant WHERE room = ?", [id])?;
    for Grant { account, role } in &room.grants {
        let insert = "INSERT INTO room_grant (room, account, role) VALUES (?, ?, ?)";
        database.execute(insert, params![id, account, role.as_str()])?;
    }
    Ok(())
}

/// The part of a room that a file of sites says: grants stay as they are.
pub(super) fn put_tree(database: &Connection, id: &RoomId, kind: RoomKind, sites: &[SiteId]) -> rusqlite::Result<()> {
    let id = id.as_str();
    database.execute(
        "INSERT INTO declared_room (id, kind) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET kind = excluded.kind",
        params![id, kind.as_str()],
    )?;
    database.execute("DELETE FROM room_site WHERE room = ?", [id])?;
    for site in sites {
        database.execute("INSERT INTO room_site (room, site) VALUES (?, ?)", params![id, site.as_str()])?;
    }
    Ok(())
}

/// Takes a room out, with its grants and invites.
pub(crate) fn remove(database: &Connection, id: &RoomId) -> rusqlite::Result<()> {
    database.execute("DELETE FROM declared_room WHERE id = ?", [id.as_str()]).map(|_| ())
}
