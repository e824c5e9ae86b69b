//! What happened in a room, for its lead.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use signaling::{RefusalCode, Role};

use crate::journal::JournalDocument;
use crate::limit::JOURNAL_ENTRIES_READ;
use crate::problem::Problem;
use crate::query::Query;
use crate::shared::Shared;

/// What the URL of a journal may say.
const PARAMETERS: [&str; 1] = ["after"];

/// What happened in a room, in order: the newest room of this name, open or closed.
#[utoipa::path(
    get,
    path = "/api/v1/rooms/{room}/journal",
    tag = "Rooms",
    params(
        ("room" = String, Path, description = "The room that the bearer token is for."),
        ("after" = Option<u64>, Query, description = "Entries after this number only. A thousand are given at a time; ask again after the last."),
    ),
    responses(
        (status = 200, description = "The entries.", body = JournalDocument),
        (status = 403, description = "The token is not a lead's.", content_type = "application/problem+json", body = crate::problem::ProblemDocument),
        (status = 404, description = "There was no such room.", content_type = "application/problem+json", body = crate::problem::ProblemDocument),
        (status = 503, description = "The journal cannot be read now.", content_type = "application/problem+json", body = crate::problem::ProblemDocument),
    ),
    security(("token" = [])),
)]
pub(crate) async fn journal(
    State(shared): State<Arc<Shared>>,
    Path(room): Path<String>,
    request: Request,
) -> Result<Json<JournalDocument>, Problem> {
    let query = Query::parse(request.uri().query().unwrap_or(""), &PARAMETERS)?;
    let after = query.get("after").map_or(Ok(0), str::parse::<u64>);
    let after = after.ok().filter(|after| i64::try_from(*after).is_ok());
    let after = after.ok_or_else(|| Problem::new(RefusalCode::BadMessage, "?after= must be an entry's number."))?;
    let admission = shared.admit(request.headers(), &room)?;
    if admission.identity.role != Role::Lead {
        return Err(Problem::new(RefusalCode::NotAllowed, "A room's journal is read by its lead."));
    }
    let journal = shared.journal.clone();
    let reading = tokio::task::spawn_blocking(move || journal.read(&admission.room, after, JOURNAL_ENTRIES_READ)).await;
    match reading {
        Ok(Ok(Some(document))) => Ok(Json(document)),
        Ok(Ok(None)) => Err(Problem::new(RefusalCode::UnknownRoom, "There was no such room yet.")),
        Ok(Err(error)) => {
            tracing::error!(%error, "the journal cannot be read");
            let problem = Problem::new(RefusalCode::Internal, "The journal cannot be read now; try again.");
            Err(problem.with_status(StatusCode::SERVICE_UNAVAILABLE))
        }
        Err(_) => Err(Problem::new(RefusalCode::Internal, "The journal cannot be read.")),
    }
}
