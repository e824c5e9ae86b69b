//! What WHIP and WHEP have in common: their sessions as resources, CORS, the answers to `OPTIONS`.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH, LINK, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use room::Door;
use signaling::limit::SDP_BYTES;
use signaling::{Private, RefusalCode, SiteId};

use crate::limit::FRAGMENT_BYTES;
use crate::metric::word;
use crate::offer::{Section, sections};
use crate::problem::{Code, Problem};
use crate::query::{Query, holds_token};
use crate::request::{accepts_sdp, drain, has_type, read};
use crate::resource::{self, Patched, Purpose};
use crate::sdpfrag::Fragment;
use crate::shared::{Shared, bearer};
use crate::token::Admission;

const SDP: &str = "application/sdp";
const SDPFRAG: &str = "application/trickle-ice-sdpfrag";

/// The POST of both: checks everything that can be checked by itself, then begins the session.
pub(crate) async fn begin(
    shared: &Arc<Shared>,
    door: Door,
    room: &str,
    request: Request,
    parameters: &[&'static str],
    purpose: impl FnOnce(&[Section], &Query, Option<&SiteId>) -> Result<Purpose, Problem>,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let checked = check(shared, &parts.headers, room)
        .and_then(|admission| Ok((admission, Query::parse(parts.uri.query().unwrap_or(""), parameters)?)));
    let (admission, query) = match checked {
        Ok(checked) => checked,
        Err(problem) => {
            drain(&parts.headers, body).await;
            return Err(problem);
        }
    };
    let offer = read(&parts.headers, body, SDP_BYTES, RefusalCode::BadSdp).await?;
    let sections = sections(&offer).ok_or_else(|| {
        Problem::new(RefusalCode::BadSdp, "The body is no session description; here the client makes the offer.")
    })?;
    let purpose = purpose(&sections, &query, admission.identity.site.as_ref())?;
    let token = Private::new(bearer(&parts.headers)?.to_owned());
    let begun = resource::begin(shared, admission, token, purpose, offer).await?;
    let mut response = (StatusCode::CREATED, begun.answer).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(SDP));
    headers.insert(LOCATION, text(format!("/{}/{room}/{}", word(door), begun.id)));
    headers.insert(ETAG, text(begun.etag));
    for server in shared.ice_servers() {
        headers.append(LINK, server.clone());
    }
    Ok(response)
}

fn check(shared: &Shared, headers: &HeaderMap, room: &str) -> Result<Admission, Problem> {
    if shared.directory.is_closed() {
        return Err(Problem::new(RefusalCode::ShuttingDown, "The server is going down."));
    }
    let admission = shared.admit(headers, room)?;
    has_type(headers, SDP)?;
    accepts_sdp(headers)?;
    Ok(admission)
}

/// Every method on a WHIP session.
pub(crate) async fn whip_session(
    state: State<Arc<Shared>>,
    Path((room, id)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    session(&state, Door::Whip, &room, &id, request).await
}

/// Every method on a WHEP session.
pub(crate) async fn whep_session(
    state: State<Arc<Shared>>,
    Path((room, id)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    session(&state, Door::Whep, &room, &id, request).await
}

async fn session(shared: &Shared, door: Door, room: &str, id: &str, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    match parts.method {
        Method::OPTIONS => return Ok(options("PATCH, DELETE, OPTIONS", "accept-patch", SDPFRAG)),
        Method::PATCH | Method::DELETE => {}
        // RFC 9725 section 4.2: all others are reserved
        _ => {
            drain(headers, body).await;
            return Err(Problem::wrong_method("PATCH, DELETE, OPTIONS"));
        }
    }
    let found = shared.resources.find(door, room, id);
    if !found.as_ref().is_some_and(|resource| bearer(headers).is_ok_and(|token| resource.was_begun_with(token))) {
        let admitted = shared.admit(headers, room).and_then(|admission| match &found {
            Some(resource) if !resource.is_open_to(&admission.identity) => {
                Err(Problem::new(RefusalCode::NotAllowed, "This session is another member's."))
            }
            _ => Ok(()),
        });
        if let Err(problem) = admitted {
            drain(headers, body).await;
            return Err(problem);
        }
    }
    let unknown = || Problem::new(RefusalCode::UnknownSession, "There is no such session.");
    let Some(resource) = found else {
        drain(headers, body).await;
        return Err(unknown());
    };
    if parts.method == Method::DELETE {
        return if resource.delete().await { Ok(StatusCode::OK.into_response()) } else { Err(unknown()) };
    }
    if let Err(problem) = has_type(headers, SDPFRAG) {
        drain(headers, body).await;
        return Err(problem);
    }
    let if_match = headers.get(IF_MATCH).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = read(headers, body, FRAGMENT_BYTES, RefusalCode::BadCandidate).await?;
    let fragment = Fragment::parse(&body)?;
    if fragment == Fragment::default() {
        return Err(Problem::new(RefusalCode::BadCandidate, "The fragment says nothing of ICE."));
    }
    resource.patch(if_match, fragment).await.map(patched)
}

fn patched(patched: Patched) -> Response {
    match patched {
        Patched::Trickled => StatusCode::NO_CONTENT.into_response(),
        Patched::Restarted { fragment, etag } => {
            let mut response = (StatusCode::OK, fragment).into_response();
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(SDPFRAG));
            response.headers_mut().insert(ETAG, text(etag));
            response
        }
    }
}

/// The methods of an endpoint other than POST.
pub(crate) async fn endpoint(request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    if parts.method == Method::OPTIONS {
        return Ok(options("POST, OPTIONS", "accept-post", SDP));
    }
    drain(&parts.headers, body).await;
    Err(Problem::wrong_method("POST, OPTIONS"))
}

/// RFC 9725 section 4.2: OPTIONS needs no token, and says what may be sent.
fn options(methods: &'static str, accept: &'static str, kind: &'static str) -> Response {
    let headers = [
        ("allow", methods),
        (accept, kind),
        ("access-control-allow-methods", methods),
        ("access-control-allow-headers", "Authorization, Content-Type, If-Match"),
        ("access-control-max-age", "86400"),
    ];
    (StatusCode::OK, headers).into_response()
}

/// Refuses a token in the URL, even beside a good one in the header. `OPTIONS` is let through, for a page reads why
/// only from the answer to what it asked in earnest.
pub(crate) async fn no_token_in_url(request: Request, next: Next) -> Response {
    if request.method() == Method::OPTIONS || !request.uri().query().is_some_and(holds_token) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    drain(&parts.headers, body).await;
    let sentence = "A token belongs into the Authorization header; in a URL it is read by others.";
    Problem::new(RefusalCode::BadToken, sentence).with_status(StatusCode::BAD_REQUEST).into_response()
}

/// Counts what a door refuses.
pub(crate) async fn counted(
    State((shared, door)): State<(Arc<Shared>, Door)>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    if let Some(code) = response.extensions().get::<Code>() {
        shared.metrics.refused(door, *code);
    }
    response
}

/// Lets pages of any origin use these doors: what they may is said by their token alone, never by a cookie.
pub(crate) async fn open_to_all(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert("access-control-allow-origin", HeaderValue::from_static("*"));
    headers.insert(
        "access-control-expose-headers",
        HeaderValue::from_static("Location, ETag, Link, Accept-Post, Accept-Patch"),
    );
    headers.entry(HeaderName::from_static("cache-control")).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn text(value: String) -> HeaderValue {
    HeaderValue::try_from(value).expect("identifiers and entity tags are printable ASCII")
}
