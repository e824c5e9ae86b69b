//! Rooms that may be opened, and the join tokens that let into them.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use signaling::{Private, RefusalCode, Role, RoomId, SiteId};

use super::Refused;
use super::people::Person;
use super::said::Said;
use crate::limit::{DEVICE_TOKEN_TTL, TOKEN_TTL};
use crate::problem::Problem;
use crate::register::Fault;
use crate::register::account::Account;
use crate::register::audit::What;
use crate::register::authority::{not_allowed, not_yours};
use crate::register::room::{self, DeclaredRoom};
use crate::register::tree::{self, DeviceId};
use crate::shared::Shared;
use crate::token::{Claims, needs_site};

/// A room, and what one may do with it.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct VisibleRoom {
    #[serde(flatten)]
    room: DeclaredRoom,
    /// The role that one takes in it.
    #[schema(value_type = String, example = "expert")]
    role: Role,
    /// Somebody is in it, or was a moment ago.
    is_open: bool,
    /// One may change and delete it.
    may_change: bool,
    /// One may invite guests into it.
    may_invite: bool,
}

impl VisibleRoom {
    /// None of a room that is not for this account to see. To whom it was granted is for those who may change that.
    fn of(mut room: DeclaredRoom, account: &Account, shared: &Shared) -> Option<Self> {
        let role = account.role_in(&room)?;
        let (may_change, may_invite) = (account.may_declare(&room), account.may_invite_to(&room));
        if !account.may_grant() {
            room.grants.clear();
        }
        Some(Self { is_open: shared.directory.is_open(&room.id), room, role, may_change, may_invite })
    }
}

/// The rooms that one may see, by their identifier.
#[utoipa::path(
    get,
    path = "/api/v1/rooms",
    tag = "Rooms",
    responses((status = 200, description = "The rooms.", body = Vec<VisibleRoom>), Refused),
    security(("login" = [])),
)]
pub(crate) async fn list(State(shared): State<Arc<Shared>>, person: Person) -> Result<Json<Vec<VisibleRoom>>, Problem> {
    let all = shared.administration.register.ask(|database| Ok(room::all(database)?)).await?;
    let visible = all.into_iter().filter_map(|room| VisibleRoom::of(room, &person.account, &shared));
    Ok(Json(visible.collect()))
}

/// Declares a room. Of a site's people, leads and surgeons may for their own site alone.
///
/// Codes: `already_exists`, `not_allowed`, `unknown_site`, `unknown_account`, `too_many_sites`, `bad_message`.
#[utoipa::path(
    post,
    path = "/api/v1/rooms",
    tag = "Rooms",
    request_body = DeclaredRoom,
    responses((status = 201, description = "The room.", body = VisibleRoom), Refused),
    security(("login" = [])),
)]
pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    person: Person,
    Said(said): Said<DeclaredRoom>,
) -> Result<(StatusCode, Json<VisibleRoom>), Problem> {
    let (act, account) = (person.act(What::CreateRoom, Some(said.id.as_str())), person.account.clone());
    let created = shared.administration.register.act(act, move |database| {
        if !account.may_declare(&said) || (!account.may_grant() && !said.grants.is_empty()) {
            return Err(not_allowed("You may declare rooms of your own site alone, and grant none.").into());
        }
        room::add(database, &said)?;
        room::find(database, &said.id)
    });
    let room = VisibleRoom::of(created.await?, &person.account, &shared).ok_or_else(not_yours)?;
    Ok((StatusCode::CREATED, Json(room)))
}

/// One room.
///
/// Codes: `not_allowed` when it is of other sites, `unknown_room`.
#[utoipa::path(
    get,
    path = "/api/v1/rooms/{room}",
    tag = "Rooms",
    params(("room" = String, Path, description = "The room.")),
    responses((status = 200, description = "The room.", body = VisibleRoom), Refused),
    security(("login" = [])),
)]
pub(crate) async fn see(
    State(shared): State<Arc<Shared>>,
    person: Person,
    Path(room): Path<String>,
) -> Result<Json<VisibleRoom>, Problem> {
    let room = id(&room)?;
    let (act, account) = (person.act(What::SeeRoom, Some(room.as_str())), person.account.clone());
    let found = shared.administration.register.show(act, move |database| visible(database, &room, &account));
    VisibleRoom::of(found.await?, &person.account, &shared).map(Json).ok_or_else(not_yours)
}

/// What a room is to be.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoomChange {
    /// What it is for; a room that is open keeps its kind until it closes.
    #[schema(value_type = String, example = "guidance")]
    kind: signaling::RoomKind,
    /// The sites that take part.
    #[schema(value_type = Vec<String>)]
    sites: Vec<SiteId>,
    /// Who else sees it; left out, that stays as it is.
    grants: Option<Vec<room::Grant>>,
}

/// Changes a room: everything that can be of it. Who is in it stays in it.
///
/// Codes: `not_allowed`, `unknown_room`, `unknown_site`, `unknown_account`, `too_many_sites`, `bad_message`.
#[utoipa::path(
    put,
    path = "/api/v1/rooms/{room}",
    tag = "Rooms",
    params(("room" = String, Path, description = "The room.")),
    request_body = RoomChange,
    responses((status = 200, description = "The room.", body = VisibleRoom), Refused),
    security(("login" = [])),
)]
pub(crate) async fn change(
    State(shared): State<Arc<Shared>>,
    person: Person,
    Path(room): Path<String>,
    Said(said): Said<RoomChange>,
) -> Result<Json<VisibleRoom>, Problem> {
    let room = id(&room)?;
    let (act, account) = (person.act(What::ChangeRoom, Some(room.as_str())), person.account.clone());
    let changed = shared.administration.register.act(act, move |database| {
        let before = changeable(database, &room, &account)?;
        if !account.may_grant() && said.grants.as_ref().is_some_and(|grants| *grants != before.grants) {
            return Err(not_allowed("Rooms are granted by people of the centre.").into());
        }
        let grants = said.grants.unwrap_or(before.grants);
        let after = DeclaredRoom { id: room, kind: said.kind, sites: said.sites, grants };
        if !account.may_declare(&after) {
            return Err(not_allowed("You may declare rooms of your own site alone.").into());
        }
        room::put(database, &after)?;
        room::find(database, &after.id)
    });
    VisibleRoom::of(changed.await?, &person.account, &shared).map(Json).ok_or_else(not_yours)
}

/// Deletes a room, with its grants and invites. Who is in it stays in it; its journal is kept.
///
/// Codes: `not_allowed`, `unknown_room`.
#[utoipa::path(
    delete,
    path = "/api/v1/rooms/{room}",
    tag = "Rooms",
    params(("room" = String, Path, description = "The room.")),
    responses((status = 204, description = "It is deleted."), Refused),
    security(("login" = [])),
)]
pub(crate) async fn delete(
    State(shared): State<Arc<Shared>>,
    person: Person,
    Path(room): Path<String>,
) -> Result<StatusCode, Problem> {
    let room = id(&room)?;
    let act = person.act(What::DeleteRoom, Some(room.as_str()));
    let deleted = shared.administration.register.act(act, move |database| {
        changeable(database, &room, &person.account)?;
        Ok(room::remove(database, &room)?)
    });
    deleted.await.map(|()| StatusCode::NO_CONTENT)
}

/// Who is to come in.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenRequest {
    /// A device that the token is for; left out, it is for oneself.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    device: Option<DeviceId>,
    /// As whom one comes, if not as the one that one is: an expert as a trainee, for one.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    role: Option<Role>,
}

/// A join token.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct TokenDocument {
    /// The room that it opens.
    #[schema(value_type = String)]
    pub(super) room: RoomId,
    /// What its holder is there for.
    #[schema(value_type = String, example = "expert")]
    pub(super) role: Role,
    /// Whose site; null for the panel and the audience.
    #[schema(value_type = Option<String>)]
    pub(super) site: Option<SiteId>,
    /// For `join` on the WebSocket, or as the bearer token of WHIP and WHEP.
    #[schema(value_type = String)]
    pub(super) token: Private<String>,
    /// Not after, milliseconds since 1970-01-01 UTC.
    pub(super) until_ms: u64,
}

impl TokenDocument {
    /// Signs it.
    pub(super) fn sign(shared: &Shared, claims: Claims) -> Result<Self, Problem> {
        let token = shared.keys.sign(&claims).map_err(|error| {
            tracing::error!(%error, "a token cannot be signed");
            Problem::new(RefusalCode::Internal, "The token cannot be signed.")
        })?;
        let Claims { room, role, site, exp, .. } = claims;
        Ok(Self { room, role, site, token, until_ms: exp * 1000 })
    }
}

/// Gives a join token for a room: of twelve hours for oneself, of ninety days for a device of a site that takes part.
///
/// Codes: `not_allowed` when the room, the role or the device is not one's own, `unknown_room`, `unknown_device`.
#[utoipa::path(
    post,
    path = "/api/v1/rooms/{room}/token",
    tag = "Rooms",
    params(("room" = String, Path, description = "The room.")),
    request_body = TokenRequest,
    responses((status = 200, description = "The token.", body = TokenDocument), Refused),
    security(("login" = [])),
)]
pub(crate) async fn token(
    State(shared): State<Arc<Shared>>,
    person: Person,
    Path(room): Path<String>,
    Said(said): Said<TokenRequest>,
) -> Result<Json<TokenDocument>, Problem> {
    let room = id(&room)?;
    let (what, target) = match &said.device {
        None => (What::TakeToken, room.to_string()),
        Some(device) => (What::TakeDeviceToken, format!("{room} {}", device.as_str())),
    };
    let act = person.act(what, Some(&target));
    let allowed = shared.administration.register.act(act, move |database| {
        let room = visible(database, &room, &person.account)?;
        match (said.device, said.role) {
            (None, role) => claims_of(room, &person.account, role),
            (Some(device), None | Some(Role::Device)) => claims_of_device(database, room, &person.account, &device),
            (Some(_), Some(_)) => Err(not_allowed("A device comes as a device.").into()),
        }
    });
    TokenDocument::sign(&shared, allowed.await?).map(Json)
}

fn claims_of(room: DeclaredRoom, account: &Account, wanted: Option<Role>) -> Result<Claims, Fault> {
    let role = wanted.or_else(|| account.role_in(&room)).ok_or_else(not_yours)?;
    if !account.may_come_as(&room, role) {
        return Err(not_allowed("You may not come into this room in this role.").into());
    }
    let site = account.site.clone().filter(|_| needs_site(role));
    Ok(claims(room.id, role, site, account.id.clone(), account.name.reveal().clone(), TOKEN_TTL)?)
}

fn claims_of_device(
    database: &Connection,
    room: DeclaredRoom,
    account: &Account,
    device: &DeviceId,
) -> Result<Claims, Fault> {
    let device = tree::find_device(database, device)?;
    if !account.may_send(&device) {
        return Err(not_allowed("This device is another site's, or not yours to send.").into());
    }
    if !room.sites.contains(&device.site) {
        return Err(not_allowed("The device's site takes no part in this room.").into());
    }
    let subject = format!("device {}", device.id.as_str());
    Ok(claims(room.id, Role::Device, Some(device.site), subject, device.name, DEVICE_TOKEN_TTL)?)
}

/// The claims of a token of this subject from now on.
pub(super) fn claims(
    room: RoomId,
    role: Role,
    site: Option<SiteId>,
    subject: String,
    name: String,
    ttl: Duration,
) -> Result<Claims, Problem> {
    let claims = crate::token::claims(room, role, site, name, ttl);
    let claims = claims.map_err(|_| Problem::new(RefusalCode::Internal, "There is no randomness."))?;
    Ok(Claims { sub: subject, ..claims })
}

/// A room in an address.
pub(super) fn id(room: &str) -> Result<RoomId, Problem> {
    room.parse().map_err(|_| Problem::new(RefusalCode::UnknownRoom, "There is no such room."))
}

/// The room, if this account may see it.
fn visible(database: &Connection, room: &RoomId, account: &Account) -> Result<DeclaredRoom, Fault> {
    let room = room::find(database, room)?;
    if account.role_in(&room).is_none() {
        return Err(not_yours().into());
    }
    Ok(room)
}

/// The room, if this account may change it.
fn changeable(database: &Connection, room: &RoomId, account: &Account) -> Result<DeclaredRoom, Fault> {
    let room = visible(database, room, account)?;
    if !account.may_declare(&room) {
        return Err(not_allowed("You may change rooms of your own site alone.").into());
    }
    Ok(room)
}

/// The room, if this account may invite guests into it.
pub(super) fn inviting(database: &Connection, room: &RoomId, account: &Account) -> Result<DeclaredRoom, Fault> {
    let room = visible(database, room, account)?;
    if !account.may_invite_to(&room) {
        return Err(not_allowed("Guests are invited by a lead of the room, or by people of the centre.").into());
    }
    Ok(room)
}
