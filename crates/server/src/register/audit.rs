//! The audit: who did what, when, and with which outcome. Nothing of it is ever changed.

use std::net::IpAddr;

use rusqlite::{Connection, params};
use serde::Serialize;

use crate::clock::since_1970;
use crate::problem::Code;

/// What somebody asks for, as the audit keeps it: by opaque ids, never by a person's name.
#[derive(Debug, Clone)]
pub(crate) struct Act {
    /// Whose account; none of somebody who is not known.
    pub(crate) who: Option<String>,
    /// Where the request came from.
    pub(crate) address: IpAddr,
    /// What.
    pub(crate) what: What,
    /// To which room, account, device or invite.
    pub(crate) target: Option<String>,
}

macro_rules! what {
    ($($(#[$doc:meta])* $name:ident = $word:literal),* $(,)?) => {
        /// What is kept in the audit.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum What {
            $($(#[$doc])* $name,)*
        }

        impl What {
            /// The word in the audit.
            pub(crate) fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

what! {
    /// The first administrator is made.
    Bootstrap = "bootstrap",
    /// Somebody says who they are.
    LogIn = "log_in",
    /// And goes.
    LogOut = "log_out",
    /// Of one's own account.
    ChangePassword = "change_password",
    /// From a file.
    ImportSites = "import_sites",
    /// Only where refused.
    SeeRoom = "see_room",
    /// A room is declared.
    CreateRoom = "create_room",
    /// Its kind, sites or grants.
    ChangeRoom = "change_room",
    /// It is declared no more.
    DeleteRoom = "delete_room",
    /// A join token for oneself.
    TakeToken = "take_token",
    /// A join token for a device.
    TakeDeviceToken = "take_device_token",
    /// Only where refused.
    SeeAccounts = "see_accounts",
    /// An account is made.
    CreateAccount = "create_account",
    /// Anything of it.
    ChangeAccount = "change_account",
    /// And its logins with it.
    DeleteAccount = "delete_account",
    /// Only where refused.
    SeeInvites = "see_invites",
    /// A guest is invited.
    Invite = "invite",
    /// And no longer is.
    WithdrawInvite = "withdraw_invite",
    /// A guest comes.
    UseInvite = "use_invite",
    /// Only where refused.
    SeeAudit = "see_audit",
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// As asked.
    Done,
    /// Not, and why.
    Refused(Code),
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused(code) => code.as_str(),
        }
    }
}

/// One line of the audit.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AuditEntry {
    /// Counts up.
    pub(crate) number: u64,
    /// When, milliseconds since 1970-01-01 UTC.
    pub(crate) at_ms: u64,
    /// The account's id; null of somebody who is not known.
    pub(crate) who: Option<String>,
    /// The address that the request came from.
    pub(crate) address: Option<String>,
    /// What was asked for.
    pub(crate) what: String,
    /// The id of the room, account, device or invite that it was asked of.
    pub(crate) target: Option<String>,
    /// `done`, or the code of the refusal.
    pub(crate) outcome: String,
}

/// Adds a line.
pub(crate) fn keep(database: &Connection, act: &Act, outcome: Outcome) -> rusqlite::Result<()> {
    let mut insert = database
        .prepare_cached("INSERT INTO audit (at_ms, who, address, what, target, outcome) VALUES (?, ?, ?, ?, ?, ?)")?;
    let at_ms = since_1970().as_millis() as u64;
    let address = act.address.to_string();
    insert.execute(params![at_ms, act.who, address, act.what.as_str(), act.target, outcome.as_str()])?;
    Ok(())
}

/// The newest lines, newest first; those before this number where one is given.
pub(crate) fn newest(database: &Connection, before: Option<u64>, most: usize) -> rusqlite::Result<Vec<AuditEntry>> {
    let before = before.unwrap_or(i64::MAX as u64);
    let mut select = database.prepare_cached(
        "SELECT number, at_ms, who, address, what, target, outcome FROM audit WHERE number < ?
         ORDER BY number DESC LIMIT ?",
    )?;
    let rows = select.query_map(params![before, most], |row| {
        Ok(AuditEntry {
            number: row.get(0)?,
            at_ms: row.get(1)?,
            who: row.get(2)?,
            address: row.get(3)?,
            what: row.get(4)?,
            target: row.get(5)?,
            outcome: row.get(6)?,
        })
    })?;
    rows.collect()
}
