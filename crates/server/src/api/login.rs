//! Who one is: the first administrator, logging in and out, one's own account.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use signaling::{Private, RefusalCode, Role};

use super::Refused;
use super::people::{COOKIE_NAME, Person, Somebody};
use super::said::Said;
use crate::limit::{LOGIN_TTL, PASSWORD_BYTES};
use crate::problem::{Problem, RegisterCode};
use crate::register::account::{self, Account, Level, is_login};
use crate::register::audit::{Act, What};
use crate::register::{Fault, login as logins};
use crate::shared::Shared;
use crate::token::random_id;

/// Who becomes the first administrator.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bootstrapping {
    /// What stands in the file `bootstrap-code` of the data directory.
    #[schema(value_type = String)]
    code: Private<String>,
    /// What to type to log in: 1 to 64 of `a-z 0-9 . _ @ -`; capitals are the same.
    #[schema(value_type = String)]
    login: Private<String>,
    /// At least 12 characters.
    #[schema(value_type = String)]
    password: Private<String>,
    /// What others see in rooms.
    #[schema(value_type = String)]
    name: Private<String>,
}

/// Makes the first administrator.
///
/// Codes: `bad_bootstrap_code`, `already_bootstrapped`, `bad_password`, `too_many`.
#[utoipa::path(
    post,
    path = "/api/v1/bootstrap",
    tag = "Logins",
    request_body = Bootstrapping,
    responses((status = 201, description = "The account; log in with it.", body = Account), Refused),
)]
pub(crate) async fn bootstrap(
    State(shared): State<Arc<Shared>>,
    somebody: Somebody,
    Said(said): Said<Bootstrapping>,
) -> Result<(StatusCode, Json<Account>), Problem> {
    let administration = &shared.administration;
    let begun = already_bootstrapped;
    if !administration.bootstrap.is_open() {
        return Err(begun());
    }
    administration.logins.begin(Instant::now(), somebody.address, None)?;
    if !administration.bootstrap.is(said.code.reveal()) {
        let sentence = "The code is not the one in the data directory.";
        return Err(Problem::new(RegisterCode::BadBootstrapCode, sentence));
    }
    administration.logins.forgive(Instant::now(), somebody.address, None);
    let account = Account {
        id: new_id()?,
        login: lower(&said.login),
        name: said.name,
        level: Level::Administrator,
        site: None,
        role: Role::Lead,
    };
    account.check()?;
    let hash = administration.passwords.hash(said.password).await?;
    let act = Act {
        who: Some(account.id.clone()),
        address: somebody.address,
        what: What::Bootstrap,
        target: Some(account.id.clone()),
    };
    let made = administration.register.act(act, move |database| {
        if account::has_administrator(database)? {
            return Err(begun().into());
        }
        account::add(database, &account, &hash)?;
        Ok(account)
    });
    let account = made.await?;
    administration.bootstrap.end();
    Ok((StatusCode::CREATED, Json(account)))
}

fn already_bootstrapped() -> Problem {
    Problem::new(RegisterCode::AlreadyBootstrapped, "There is an administrator already.")
}

/// Who somebody says they are.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoggingIn {
    /// The login name.
    #[schema(value_type = String)]
    login: Private<String>,
    /// The password.
    #[schema(value_type = String)]
    password: Private<String>,
}

/// Logs in, by a cookie that lasts twelve hours.
///
/// Codes: `bad_login`, whether the name or the password is wrong; `too_many` after ten wrong ones of a name or thirty of
/// an address.
#[utoipa::path(
    post,
    path = "/api/v1/login",
    tag = "Logins",
    request_body = LoggingIn,
    responses((status = 200, description = "The account; the cookie is set.", body = Me), Refused),
)]
pub(crate) async fn login(
    State(shared): State<Arc<Shared>>,
    somebody: Somebody,
    Said(said): Said<LoggingIn>,
) -> Result<Response, Problem> {
    let name = lower(&said.login);
    let logged_in = check_login(&shared, &somebody, &name, said.password).await;
    shared.metrics.login(logged_in.as_ref().map_or_else(|problem| problem.code().as_str(), |_| "done"));
    let (account, secret) = logged_in?;
    let mut response = Json(Me::of(account)).into_response();
    response.headers_mut().insert(SET_COOKIE, set_cookie(secret.reveal(), LOGIN_TTL.as_secs(), somebody.is_secure));
    Ok(response)
}

/// Checks a name and its password, limits first: nothing is hashed for who tries too often. Begins the login.
async fn check_login(
    shared: &Shared,
    somebody: &Somebody,
    name: &Private<String>,
    password: Private<String>,
) -> Result<(Account, Private<String>), Problem> {
    let administration = &shared.administration;
    let wrong = || Problem::new(RegisterCode::BadLogin, "The login name or the password is wrong.");
    // what cannot be a name is none, and no longer than one in what is remembered of tries
    let name = if is_login(name.reveal()) { name.clone() } else { Private::default() };
    administration.logins.begin(Instant::now(), somebody.address, Some(&name))?;
    if password.reveal().len() > PASSWORD_BYTES {
        return Err(wrong());
    }
    let known = {
        let name = name.clone();
        administration.register.ask(move |database| Ok(account::password_of(database, name.reveal())?)).await?
    };
    let (id, hash) = known.unzip();
    let is_right = administration.passwords.is(password, hash.clone()).await?;
    let act = Act { who: id.clone(), address: somebody.address, what: What::LogIn, target: None };
    let secret = Private::new(format!("{}{}", new_id()?, new_id()?));
    let begun = administration.register.act(act, move |database| {
        let (Some(id), true) = (id, is_right) else { return Err(wrong().into()) };
        let now = account::password_of(database, name.reveal())?;
        // changed or taken out while the password was hashed
        if now.map(|(_, hash)| hash) != hash {
            return Err(wrong().into());
        }
        logins::begin(database, &id, &secret)?;
        Ok((account::find(database, &id)?, name, secret))
    });
    let (account, name, secret) = begun.await?;
    administration.logins.forgive(Instant::now(), somebody.address, Some(&name));
    Ok((account, secret))
}

/// Ends the login.
#[utoipa::path(
    post,
    path = "/api/v1/logout",
    tag = "Logins",
    responses((status = 204, description = "It is over."), Refused),
    security(("login" = [])),
)]
pub(crate) async fn logout(
    State(shared): State<Arc<Shared>>,
    somebody: Somebody,
    person: Person,
) -> Result<Response, Problem> {
    let (act, login) = (person.act(What::LogOut, None), person.login);
    shared.administration.register.act(act, move |database| Ok(logins::end(database, &login)?)).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(SET_COOKIE, set_cookie("", 0, somebody.is_secure));
    Ok(response)
}

/// One's own account, and what a page can offer to its holder.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Me {
    #[serde(flatten)]
    account: Account,
    /// May import sites and read the audit.
    may_import: bool,
    /// May make and change accounts.
    may_administer: bool,
    /// May declare rooms of every site, and grant them.
    may_grant: bool,
}

impl Me {
    fn of(account: Account) -> Self {
        Self {
            may_import: account.is_administrator(),
            may_administer: account.is_of_centre(),
            may_grant: account.may_grant(),
            account,
        }
    }
}

/// One's own account.
#[utoipa::path(
    get,
    path = "/api/v1/me",
    tag = "Logins",
    responses((status = 200, description = "The account.", body = Me), Refused),
    security(("login" = [])),
)]
pub(crate) async fn me(person: Person) -> Json<Me> {
    Json(Me::of(person.account))
}

/// One's own passwords.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    /// The present one.
    #[schema(value_type = String)]
    old: Private<String>,
    /// At least 12 characters.
    #[schema(value_type = String)]
    new: Private<String>,
}

/// Changes one's own password; every other login of the account ends.
///
/// Codes: `bad_login` when the old one is wrong, `bad_password`, `too_many`.
#[utoipa::path(
    put,
    path = "/api/v1/me/password",
    tag = "Logins",
    request_body = PasswordChange,
    responses((status = 204, description = "It is changed."), Refused),
    security(("login" = [])),
)]
pub(crate) async fn password(
    State(shared): State<Arc<Shared>>,
    person: Person,
    Said(said): Said<PasswordChange>,
) -> Result<StatusCode, Problem> {
    let administration = &shared.administration;
    let (name, act) = (person.account.login.clone(), person.act(What::ChangePassword, None));
    administration.logins.begin(Instant::now(), person.address, Some(&name))?;
    let known = {
        let name = name.clone();
        administration.register.ask(move |database| Ok(account::password_of(database, name.reveal())?)).await?
    };
    let is_right = said.old.reveal().len() <= PASSWORD_BYTES
        && administration.passwords.is(said.old, known.map(|(_, hash)| hash)).await?;
    // what is refused need not be hashed
    let hash = if is_right { Some(administration.passwords.hash(said.new).await?) } else { None };
    let changed = administration.register.act(act, move |database| {
        let wrong = || Fault::from(Problem::new(RegisterCode::BadLogin, "The old password is wrong."));
        account::set_password(database, &person.account.id, &hash.ok_or_else(wrong)?, Some(&person.login))?;
        Ok(())
    });
    changed.await?;
    administration.logins.forgive(Instant::now(), person.address, Some(&name));
    Ok(StatusCode::NO_CONTENT)
}

fn set_cookie(secret: &str, seconds: u64, is_secure: bool) -> HeaderValue {
    let secure = if is_secure { "; Secure" } else { "" };
    let cookie = format!("{COOKIE_NAME}={secret}; Path=/api/v1; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let mut cookie = HeaderValue::try_from(cookie).expect("hexadecimal digits and our own words");
    cookie.set_sensitive(true);
    cookie
}

/// A login name as it is stored: typed in capitals it is the same one.
pub(super) fn lower(login: &Private<String>) -> Private<String> {
    Private::new(login.reveal().trim().to_ascii_lowercase())
}

/// An opaque id of something new.
pub(super) fn new_id() -> Result<String, Problem> {
    random_id().map_err(|_| Problem::new(RefusalCode::Internal, "There is no randomness."))
}
