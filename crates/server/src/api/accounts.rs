//! Accounts, for administrators and coordinators.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use rusqlite::Connection;
use serde::Deserialize;
use signaling::{Private, Role, SiteId};

use super::Refused;
use super::login::{lower, new_id};
use super::people::Person;
use super::said::Said;
use crate::problem::Problem;
use crate::register::Fault;
use crate::register::account::{self, Account, Level};
use crate::register::audit::What;
use crate::register::authority::not_allowed;
use crate::shared::Shared;

/// Every account, by login name.
///
/// For administrators and coordinators. Codes: `not_allowed`.
#[utoipa::path(
    get,
    path = "/api/v1/accounts",
    tag = "Accounts",
    responses((status = 200, description = "The accounts.", body = Vec<Account>), Refused),
    security(("login" = [])),
)]
pub(crate) async fn list(State(shared): State<Arc<Shared>>, person: Person) -> Result<Json<Vec<Account>>, Problem> {
    let act = person.act(What::SeeAccounts, None);
    let shown = shared.administration.register.show(act, move |database| {
        if !person.account.is_of_centre() {
            return Err(not_allowed("Accounts are for people of the centre to see.").into());
        }
        Ok(account::all(database)?)
    });
    shown.await.map(Json)
}

/// A new account.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAccount {
    /// What to type to log in: 1 to 64 of `a-z 0-9 . _ @ -`; capitals are the same.
    #[schema(value_type = String)]
    login: Private<String>,
    /// What others see in rooms.
    #[schema(value_type = String)]
    name: Private<String>,
    /// At least 12 characters; its holder may change it.
    #[schema(value_type = String)]
    password: Private<String>,
    /// How far it reaches.
    level: Level,
    /// A member's site; left out for the others.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    site: Option<SiteId>,
    /// `lead`, `expert` or `trainee`, or, of a member, `surgeon` or `display`.
    #[schema(value_type = String, example = "expert")]
    role: Role,
}

/// Makes an account: a coordinator those of sites' members, an administrator all.
///
/// Codes: `already_exists`, `bad_password`, `unknown_site`, `bad_message`, `not_allowed`.
#[utoipa::path(
    post,
    path = "/api/v1/accounts",
    tag = "Accounts",
    request_body = NewAccount,
    responses((status = 201, description = "The account.", body = Account), Refused),
    security(("login" = [])),
)]
pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    person: Person,
    Said(said): Said<NewAccount>,
) -> Result<(StatusCode, Json<Account>), Problem> {
    let NewAccount { login, name, password, level, site, role } = said;
    let account = Account { id: new_id()?, login: lower(&login), name, level, site, role };
    account.check()?;
    let may = person.account.may_administer(&account);
    // what is refused need not be hashed
    let hash = if may { Some(shared.administration.passwords.hash(password).await?) } else { None };
    let act = person.act(What::CreateAccount, Some(&account.id));
    let created = shared.administration.register.act(act, move |database| {
        account::add(database, &account, &hash.ok_or_else(not_yours_to_make)?)?;
        Ok(account)
    });
    created.await.map(|account| (StatusCode::CREATED, Json(account)))
}

fn not_yours_to_make() -> Problem {
    not_allowed("You may make and change accounts of sites' members only, and of those only as people of the centre.")
}

/// The account, if this one may change it. Who may change none is not told which there are.
fn administered(database: &Connection, by: &Account, id: &str) -> Result<Account, Fault> {
    if !by.is_of_centre() {
        return Err(not_yours_to_make().into());
    }
    let account = account::find(database, id)?;
    if !by.may_administer(&account) {
        return Err(not_yours_to_make().into());
    }
    Ok(account)
}

/// What is to be of an account; what is left out stays as it is.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountChange {
    /// What others see in rooms.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    name: Option<Private<String>>,
    /// A new password; every login of the account ends.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    password: Option<Private<String>>,
    /// How far it reaches; with another level goes another site, or none.
    #[serde(default)]
    level: Option<Level>,
    /// A member's site.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    site: Option<SiteId>,
    /// The role that it takes in rooms.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    role: Option<Role>,
}

impl AccountChange {
    fn of(&self, before: &Account) -> Account {
        let level = self.level.unwrap_or(before.level);
        let site = self.site.clone().or_else(|| before.site.clone().filter(|_| level == Level::Member));
        Account {
            id: before.id.clone(),
            login: before.login.clone(),
            name: self.name.clone().unwrap_or_else(|| before.name.clone()),
            level,
            site,
            role: self.role.unwrap_or(before.role),
        }
    }
}

/// Changes an account. A join token that was taken before stays good for its twelve hours.
///
/// Codes: `unknown_account`, `last_administrator`, `bad_password`, `unknown_site`, `bad_message`, `not_allowed`.
#[utoipa::path(
    patch,
    path = "/api/v1/accounts/{account}",
    tag = "Accounts",
    params(("account" = String, Path, description = "The account's id.")),
    request_body = AccountChange,
    responses((status = 200, description = "The account.", body = Account), Refused),
    security(("login" = [])),
)]
pub(crate) async fn change(
    State(shared): State<Arc<Shared>>,
    person: Person,
    Path(id): Path<String>,
    Said(said): Said<AccountChange>,
) -> Result<Json<Account>, Problem> {
    let act = person.act(What::ChangeAccount, Some(&id));
    let hash = match &said.password {
        Some(password) if person.account.is_of_centre() => {
            Some(shared.administration.passwords.hash(password.clone()).await?)
        }
        _ => None,
    };
    let changed = shared.administration.register.act(act, move |database| {
        let after = said.of(&administered(database, &person.account, &id)?);
        if !person.account.may_administer(&after) {
            return Err(not_yours_to_make().into());
        }
        account::change(database, &after)?;
        if let Some(hash) = hash {
            account::set_password(database, &id, &hash, Some(&person.login))?;
        }
        Ok(after)
    });
    changed.await.map(Json)
}

/// Deletes an account: its logins end, and its grants. A join token that was taken before stays good for its twelve hours.
///
/// Codes: `unknown_account`, `last_administrator`, `not_allowed`.
#[utoipa::path(
    delete,
    path = "/api/v1/accounts/{account}",
    tag = "Accounts",
    params(("account" = String, Path, description = "The account's id.")),
    responses((status = 204, description = "It is deleted."), Refused),
    security(("login" = [])),
)]
pub(crate) async fn delete(
    State(shared): State<Arc<Shared>>,
    person: Person,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let act = person.act(What::DeleteAccount, Some(&id));
    let deleted = shared.administration.register.act(act, move |database| {
        administered(database, &person.account, &id)?;
        account::remove(database, &id)
    });
    deleted.await.map(|()| StatusCode::NO_CONTENT)
}
