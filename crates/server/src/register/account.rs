//! Accounts: who may log in, what they may do, and which role they take in rooms.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use signaling::limit::NAME_BYTES;
use signaling::{Private, RefusalCode, Role, SiteId};

use super::Fault;
use crate::problem::{Problem, RegisterCode};

/// How far an account reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    /// Of the whole alliance: everything, accounts and audit among it.
    Administrator,
    /// Of the centre: every room, and the accounts of sites' members.
    Coordinator,
    /// Of one site: its rooms, and those that were granted.
    Member,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Coordinator => "coordinator",
            Self::Member => "member",
        }
    }
}

impl FromSql for Level {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let word = value.as_str()?;
        let known = [Self::Administrator, Self::Coordinator, Self::Member];
        known.into_iter().find(|level| level.as_str() == word).ok_or(FromSqlError::InvalidType)
    }
}

/// One account, as everybody who may see it is shown it. The password is not among it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct Account {
    /// Opaque: the subject of its join tokens, and what the audit calls it.
    pub(crate) id: String,
    /// What its holder types to log in.
    #[schema(value_type = String)]
    pub(crate) login: Private<String>,
    /// The name that others see in rooms.
    #[schema(value_type = String)]
    pub(crate) name: Private<String>,
    /// How far it reaches.
    pub(crate) level: Level,
    /// A member's site; null for the others.
    #[schema(value_type = Option<String>)]
    pub(crate) site: Option<SiteId>,
    /// The role that it takes in the rooms that it sees.
    #[schema(value_type = String, example = "expert")]
    pub(crate) role: Role,
}

const COLUMNS: &str = "id, login, name, level, site, role";

impl Account {
    fn of_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            login: Private::new(row.get(1)?),
            name: Private::new(row.get(2)?),
            level: row.get(3)?,
            site: row.get::<_, Option<String>>(4)?.map(|site| name_of(&site)).transpose()?,
            role: name_of(&row.get::<_, String>(5)?)?,
        })
    }

    /// What must be so of every account, whoever makes it.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        let wrong = |sentence: &str| Err(Problem::new(RefusalCode::BadMessage, sentence));
        if !is_login(self.login.reveal()) {
            return wrong("A login name is 1 to 64 of a-z, 0-9, '.', '_', '@' and '-'.");
        }
        if !is_name(self.name.reveal()) {
            return wrong("A name must not be blank, nor longer than 120 bytes, nor hold control characters.");
        }
        if (self.level == Level::Member) != self.site.is_some() {
            return wrong("A member belongs to a site, a coordinator or administrator to none.");
        }
        let is_for_people = match self.role {
            Role::Lead | Role::Expert | Role::Trainee => true,
            Role::Surgeon | Role::Display => self.site.is_some(),
            Role::Device | Role::Service => false,
        };
        if !is_for_people {
            return wrong("An account's role is lead, expert or trainee, or, of a site's member, surgeon or display.");
        }
        Ok(())
    }
}

/// A word or an identifier that this server has written itself.
pub(super) fn name_of<T: std::str::FromStr>(text: &str) -> rusqlite::Result<T> {
    text.parse().map_err(|_| rusqlite::Error::from(FromSqlError::InvalidType))
}

/// A login name; what is typed in capitals is the same one.
pub(crate) fn is_login(text: &str) -> bool {
    let may_be = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._@-".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(may_be)
}

/// A name that can stand on screens.
pub(crate) fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= NAME_BYTES && !text.chars().any(char::is_control)
}

/// Every account, by login name.
pub(crate) fn all(database: &Connection) -> rusqlite::Result<Vec<Account>> {
    let mut select = database.prepare_cached(&format!("SELECT {COLUMNS} FROM account ORDER BY login"))?;
    select.query_map([], Account::of_row)?.collect()
}

/// One account.
///
/// # Errors
/// `unknown_account`.
pub(crate) fn find(database: &Connection, id: &str) -> Result<Account, Fault> {
    let mut select = database.prepare_cached(&format!("SELECT {COLUMNS} FROM account WHERE id = ?"))?;
    let found = select.query_row([id], Account::of_row).optional()?;
    found.ok_or_else(|| Problem::new(RegisterCode::UnknownAccount, "There is no such account.").into())
}

/// The id and the password's hash of who logs in by this name.
pub(crate) fn password_of(database: &Connection, login: &str) -> rusqlite::Result<Option<(String, Private<String>)>> {
    let mut select = database.prepare_cached("SELECT id, password FROM account WHERE login = ?")?;
    select.query_row([login], |row| Ok((row.get(0)?, Private::new(row.get(1)?)))).optional()
}

/// Adds an account.
///
/// # Errors
/// `already_exists`, `unknown_site`, or what [`Account::check`] says.
pub(crate) fn add(database: &Connection, account: &Account, password: &Private<String>) -> Result<(), Fault> {
    account.check()?;
    is_site(database, account.site.as_ref())?;
    let added = database.execute(
        "INSERT INTO account (id, login, name, password, level, site, role) VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (login) DO NOTHING",
        params![
            account.id,
            account.login.reveal(),
            account.name.reveal(),
            password.reveal(),
            account.level.as_str(),
            account.site.as_ref().map(SiteId::as_str),
            account.role.as_str()
        ],
    )?;
    if added == 0 {
        return Err(Problem::new(RegisterCode::AlreadyExists, "There is an account of this login name.").into());
    }
    Ok(())
}

/// Changes everything of an account but its id, login name and password.
///
/// # Errors
/// `unknown_site`, `last_administrator`, or what [`Account::check`] says.
pub(crate) fn change(database: &Connection, account: &Account) -> Result<(), Fault> {
    account.check()?;
    is_site(database, account.site.as_ref())?;
    database.execute(
        "UPDATE account SET name = ?, level = ?, site = ?, role = ? WHERE id = ?",
        params![
            account.name.reveal(),
            account.level.as_str(),
            account.site.as_ref().map(SiteId::as_str),
            account.role.as_str(),
            account.id
        ],
    )?;
    some_administrator(database)
}

/// Gives an account another password, and ends its logins but this one.
pub(crate) fn set_password(
    database: &Connection,
    account: &str,
    password: &Private<String>,
    kept_login: Option<&[u8]>,
) -> rusqlite::Result<()> {
    database.execute("UPDATE account SET password = ? WHERE id = ?", params![password.reveal(), account])?;
    database.execute("DELETE FROM login WHERE account = ? AND hash IS NOT ?", params![account, kept_login])?;
    Ok(())
}

/// Takes an account out, with its logins and grants.
///
/// # Errors
/// `last_administrator`.
pub(crate) fn remove(database: &Connection, id: &str) -> Result<(), Fault> {
    database.execute("DELETE FROM account WHERE id = ?", [id])?;
    some_administrator(database)
}

/// True if there is an administrator.
pub(crate) fn has_administrator(database: &Connection) -> rusqlite::Result<bool> {
    database.query_row("SELECT EXISTS (SELECT 1 FROM account WHERE level = 'administrator')", [], |row| row.get(0))
}

fn some_administrator(database: &Connection) -> Result<(), Fault> {
    if has_administrator(database)? {
        return Ok(());
    }
    Err(Problem::new(RegisterCode::LastAdministrator, "This is the last administrator.").into())
}

fn is_site(database: &Connection, site: Option<&SiteId>) -> Result<(), Fault> {
    match site {
        Some(site) => super::tree::find_site(database, site),
        None => Ok(()),
    }
}
