//! The centre, its sites and their devices.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use serde::Serialize;
use signaling::RefusalCode;

use super::Refused;
use super::people::Person;
use crate::limit::SITES_FILE_BYTES;
use crate::problem::{Problem, RegisterCode};
use crate::register::audit::What;
use crate::register::authority::not_allowed;
use crate::register::tree::{self, Centre, Device, Imported, Site};
use crate::request::{drain, read};
use crate::shared::Shared;
use crate::tree_file::{Format, TreeFile};

/// The centre, and the sites that one may see.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Sites {
    /// Null before the first import.
    centre: Option<Centre>,
    /// All of them for people of the centre, one's own for a member of a site.
    sites: Vec<Site>,
}

/// The sites that one may see.
#[utoipa::path(
    get,
    path = "/api/v1/sites",
    tag = "Sites",
    responses((status = 200, description = "The sites.", body = Sites), Refused),
    security(("login" = [])),
)]
pub(crate) async fn list(State(shared): State<Arc<Shared>>, person: Person) -> Result<Json<Sites>, Problem> {
    let read = shared.administration.register.ask(move |database| {
        let sites = tree::sites(database)?.into_iter().filter(|site| person.account.may_see_site(&site.id)).collect();
        Ok(Sites { centre: tree::centre(database)?, sites })
    });
    read.await.map(Json)
}

/// Adds and changes centre, sites, devices and rooms by a file, as `consilium sites import` does; takes nothing away.
///
/// For administrators. Codes: `bad_file` with the line, `wrong_content_type`, `not_allowed`.
#[utoipa::path(
    post,
    path = "/api/v1/sites",
    tag = "Sites",
    request_body(content(("application/toml"), ("text/csv")), description = "The file."),
    responses((status = 200, description = "What it has changed.", body = Imported), Refused),
    security(("login" = [])),
)]
pub(crate) async fn import(
    State(shared): State<Arc<Shared>>,
    person: Person,
    request: Request,
) -> Result<Json<Imported>, Problem> {
    let (parts, body) = request.into_parts();
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let format = match kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase().as_str() {
        "application/toml" => Format::Toml,
        "text/csv" => Format::Csv,
        _ => {
            drain(&parts.headers, body).await;
            let sentence = "The content type must be application/toml or text/csv.";
            return Err(Problem::new(RefusalCode::WrongContentType, sentence));
        }
    };
    let text = read(&parts.headers, body, SITES_FILE_BYTES, RegisterCode::BadFile).await?;
    let act = person.act(What::ImportSites, None);
    let imported = shared.administration.register.act(act, move |database| {
        if !person.account.is_administrator() {
            return Err(not_allowed("Sites are imported by an administrator.").into());
        }
        let file = TreeFile::parse(&text, format)
            .map_err(|error| Problem::new(RegisterCode::BadFile, format!("The file cannot be used: {error}.")))?;
        tree::import(database, &file)
    });
    imported.await.map(Json)
}

/// The devices that one may see.
#[utoipa::path(
    get,
    path = "/api/v1/devices",
    tag = "Sites",
    responses((status = 200, description = "The devices.", body = Vec<Device>), Refused),
    security(("login" = [])),
)]
pub(crate) async fn devices(State(shared): State<Arc<Shared>>, person: Person) -> Result<Json<Vec<Device>>, Problem> {
    let read = shared.administration.register.ask(move |database| {
        let all = tree::devices(database)?.into_iter();
        Ok(all.filter(|device| person.account.may_see_site(&device.site)).collect())
    });
    read.await.map(Json)
}
