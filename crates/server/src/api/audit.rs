//! The audit, for administrators.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use serde::Serialize;
use signaling::RefusalCode;

use super::Refused;
use super::people::Person;
use crate::limit::AUDIT_ENTRIES_READ;
use crate::problem::Problem;
use crate::query::Query;
use crate::register::audit::{self as kept, AuditEntry, What};
use crate::register::authority::not_allowed;
use crate::shared::Shared;

/// What the URL may say.
const PARAMETERS: [&str; 1] = ["before"];

/// A part of the audit.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AuditDocument {
    /// Newest first.
    entries: Vec<AuditEntry>,
}

/// Who did what and when, and who was refused what; newest first, 500 at a time.
///
/// For administrators. Codes: `not_allowed`, `bad_message`.
#[utoipa::path(
    get,
    path = "/api/v1/audit",
    tag = "Audit",
    params(("before" = Option<u64>, Query, description = "Entries before this number only: ask again with the last.")),
    responses((status = 200, description = "The entries.", body = AuditDocument), Refused),
    security(("login" = [])),
)]
pub(crate) async fn audit(
    State(shared): State<Arc<Shared>>,
    person: Person,
    request: Request,
) -> Result<Json<AuditDocument>, Problem> {
    let query = Query::parse(request.uri().query().unwrap_or(""), &PARAMETERS)?;
    let before = query.get("before").map(str::parse::<u64>).transpose().ok();
    let before = before.filter(|before| before.is_none_or(|before| i64::try_from(before).is_ok()));
    let before = before.ok_or_else(|| Problem::new(RefusalCode::BadMessage, "?before= must be an entry's number."))?;
    let act = person.act(What::SeeAudit, None);
    let shown = shared.administration.register.show(act, move |database| {
        if !person.account.is_administrator() {
            return Err(not_allowed("The audit is read by an administrator.").into());
        }
        Ok(AuditDocument { entries: kept::newest(database, before, AUDIT_ENTRIES_READ)? })
    });
    shown.await.map(Json)
}
