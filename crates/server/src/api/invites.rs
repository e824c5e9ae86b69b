//! Guests from outside: a link for one room and one period, exchanged once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use signaling::{Private, RefusalCode, Role};

use super::Refused;
use super::login::new_id;
use super::people::{Person, Somebody};
use super::rooms::{TokenDocument, claims, id, inviting};
use super::said::Said;
use crate::clock::since_1970;
use crate::limit::INVITE_PERIOD;
use crate::problem::Problem;
use crate::register::account::is_name;
use crate::register::audit::{Act, What};
use crate::register::invite::{self, Invite};
use crate::shared::Shared;

/// Every invite of a room, those that end last first.
///
/// For those who may invite into it. Codes: `not_allowed`, `unknown_room`.
#[utoipa::path(
    get,
    path = "/api/v1/rooms/{room}/invites",
    tag = "Invites",
    params(("room" = String, Path, description = "The room.")),
    responses((status = 200, description = "The invites.", body = Vec<Invite>), Refused),
    security(("login" = [])),
)]
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    person: Person,
    Path(room): Path<String>,
) -> Result<Json<Vec<Invite>>, Problem> {
    let room = id(&room)?;
    let act = person.act(What::SeeInvites, Some(room.as_str()));
    let shown = shared.administration.register.show(act, move |database| {
        inviting(database, &room, &person.account)?;
        Ok(invite::of_room(database, &room)?)
    });
    shown.await.map(Json)
}

/// A guest.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewInvite {
    /// The guest's name, which others see in the room.
    #[schema(value_type = String)]
    name: Private<String>,
    /// `expert` or `trainee`.
    #[schema(value_type = String, example = "expert")]
    role: Role,
    /// Not before, milliseconds since 1970-01-01 UTC; left out, from now on.
    #[serde(default)]
    from_ms: Option<u64>,
    /// Not after; at most ninety days from now.
    until_ms: u64,
}

/// An invite with the link that is shown this once.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct MadeInvite {
    #[serde(flatten)]
    invite: Invite,
    /// What the link holds, to be exchanged at `/api/v1/invites/{code}`.
    #[schema(value_type = String)]
    code: Private<String>,
    /// The link, from this server's address on. The code is in its fragment, which no log on the way sees.
    #[schema(value_type = String, example = "/#invite=0123456789abcdef0123456789abcdef")]
    link: Private<String>,
}

/// Invites a guest. The link is in this answer and nowhere else.
///
/// Codes: `not_allowed`, `unknown_room`, `bad_message`, `too_many`.
#[utoipa::path(
    post,
    path = "/api/v1/rooms/{room}/invites",
    tag = "Invites",
    params(("room" = String, Path, description = "The room.")),
    request_body = NewInvite,
    responses((status = 201, description = "The invite and its link.", body = MadeInvite), Refused),
    security(("login" = [])),
)]
pub(crate) async fn make(
    State(shared): State<Arc<Shared>>,
    person: Person,
    Path(room): Path<String>,
    Said(said): Said<NewInvite>,
) -> Result<(StatusCode, Json<MadeInvite>), Problem> {
    let room = id(&room)?;
    let now_ms = now_ms();
    let NewInvite { name, role, from_ms, until_ms } = said;
    let from_ms = from_ms.unwrap_or(now_ms);
    let wrong = |sentence: &str| Err(Problem::new(RefusalCode::BadMessage, sentence));
    if !matches!(role, Role::Expert | Role::Trainee) {
        return wrong("A guest is an expert or a trainee.");
    }
    if !is_name(name.reveal()) {
        return wrong("A name must not be blank, nor longer than 120 bytes, nor hold control characters.");
    }
    let latest_ms = now_ms + INVITE_PERIOD.as_millis() as u64;
    if until_ms <= now_ms || until_ms <= from_ms || until_ms > latest_ms {
        return wrong("The period must end after it begins, not have ended, and end within ninety days.");
    }
    let invite = Invite { id: new_id()?, room, role, name, from_ms, until_ms, used_ms: None, withdrawn_ms: None };
    let code = Private::new(new_id()?);
    let act = person.act(What::Invite, Some(&format!("{} {}", invite.room, invite.id)));
    let secret = code.clone();
    let made = shared.administration.register.act(act, move |database| {
        inviting(database, &invite.room, &person.account)?;
        invite::add(database, &invite, &secret, now_ms)?;
        Ok(invite)
    });
    let link = Private::new(format!("/#invite={}", code.reveal()));
    Ok((StatusCode::CREATED, Json(MadeInvite { invite: made.await?, code, link })))
}

/// Withdraws an invite that has not been used.
///
/// Codes: `unknown_invite`, `invite_used`, `not_allowed`, `unknown_room`.
#[utoipa::path(
    delete,
    path = "/api/v1/rooms/{room}/invites/{invite}",
    tag = "Invites",
    params(
        ("room" = String, Path, description = "The room."),
        ("invite" = String, Path, description = "The invite's id."),
    ),
    responses((status = 204, description = "Its link is useless."), Refused),
    security(("login" = [])),
)]
pub(crate) async fn withdraw(
    State(shared): State<Arc<Shared>>,
    person: Person,
    Path((room, invite)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let room = id(&room)?;
    let act = person.act(What::WithdrawInvite, Some(&format!("{room} {invite}")));
    let withdrawn = shared.administration.register.act(act, move |database| {
        inviting(database, &room, &person.account)?;
        invite::withdraw(database, &room, &invite, now_ms())
    });
    withdrawn.await.map(|()| StatusCode::NO_CONTENT)
}

/// Exchanges the code of an invite for a join token that lasts until the invite's end: once, and within its period.
///
/// Codes: `unknown_invite`, `invite_used`, `invite_expired`, `too_many` after thirty wrong ones of an address.
#[utoipa::path(
    post,
    path = "/api/v1/invites/{code}",
    tag = "Invites",
    params(("code" = String, Path, description = "What stands behind `#invite=` in the link.")),
    responses((status = 200, description = "The token.", body = TokenDocument), Refused),
)]
pub(crate) async fn exchange(
    State(shared): State<Arc<Shared>>,
    somebody: Somebody,
    Path(code): Path<String>,
) -> Result<Json<TokenDocument>, Problem> {
    let administration = &shared.administration;
    administration.invites.begin(Instant::now(), somebody.address, None)?;
    let code = Private::new(code);
    let known = {
        let code = code.clone();
        administration.register.ask(move |database| Ok(invite::id_of(database, code.reveal())?)).await?
    };
    let exchange = move |database: &rusqlite::Transaction<'_>| invite::exchange(database, code.reveal(), now_ms());
    // what nobody has ever invited with is not worth a line of the audit
    let invite = match known {
        Some(id) => {
            let target = Some(id.clone());
            let act = Act { who: Some(id), address: somebody.address, what: What::UseInvite, target };
            administration.register.act(act, exchange).await?
        }
        None => administration.register.ask(exchange).await?,
    };
    administration.invites.forgive(Instant::now(), somebody.address, None);
    let Invite { id, room, role, name, until_ms, .. } = invite;
    let ttl = Duration::from_millis(until_ms.saturating_sub(now_ms()));
    TokenDocument::sign(&shared, claims(room, role, None, id, name.reveal().clone(), ttl)?).map(Json)
}

fn now_ms() -> u64 {
    since_1970().as_millis() as u64
}
