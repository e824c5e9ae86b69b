//! Every address of the server.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use room::Door;
use signaling::RefusalCode;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

use crate::api::COOKIE_NAME;
use crate::problem::{Problem, ProblemDocument};
use crate::shared::Shared;
use crate::{api, asset, door, whep, whip, ws};

/// What a page of this server may do: nothing but talk to this server and show what it brings.
const POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss:; media-src 'self' blob:; \
    img-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'; object-src 'none'";

/// Headers of every response.
const ALWAYS: [(&str, &str); 4] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("permissions-policy", "camera=(self), microphone=(self), display-capture=(self), geolocation=()"),
];

/// The whole of it.
pub fn router(shared: Arc<Shared>) -> Router {
    let whip = Router::new()
        .route("/whip/{room}", post(whip::post).fallback(door::endpoint))
        .route("/whip/{room}/{session}", any(door::whip_session));
    let whep = Router::new()
        .route("/whep/{room}", post(whep::post).fallback(door::endpoint))
        .route("/whep/{room}/{session}", any(door::whep_session));
    let ws = Router::new().route("/ws", get(ws::upgrade).fallback(only_get));
    let guarded = |door: Door, routes: Router<Arc<Shared>>| {
        routes.layer(from_fn(door::no_token_in_url)).layer(from_fn_with_state((shared.clone(), door), door::counted))
    };
    Router::new()
        .route("/healthz", get(healthz).fallback(only_get))
        .route("/readyz", get(readyz).fallback(only_get))
        .route("/metrics", get(metrics).fallback(only_get))
        .route("/api/openapi.json", get(openapi).fallback(only_get))
        .merge(api::router().split_for_parts().0)
        .fallback(asset::serve)
        .layer(from_fn(door::no_token_in_url))
        .merge(guarded(Door::Whip, whip).layer(map_response(door::open_to_all)))
        .merge(guarded(Door::Whep, whep).layer(map_response(door::open_to_all)))
        .merge(guarded(Door::WebSocket, ws))
        .layer(map_response(always))
        .with_state(shared.clone())
}

async fn only_get() -> Problem {
    Problem::wrong_method("GET, HEAD")
}

async fn always(mut response: Response) -> Response {
    let headers: &mut HeaderMap = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether the process works; when not, it should be restarted.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "Operation",
    responses(
        (status = 200, description = "It works.", body = String),
        (status = 500, description = "A worker hangs.", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn healthz(State(shared): State<Arc<Shared>>) -> Result<&'static str, Problem> {
    if shared.is_alive() { Ok("ok\n") } else { Err(Problem::new(RefusalCode::Internal, "A worker hangs.")) }
}

/// Whether clients should be sent here.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "Operation",
    responses(
        (status = 200, description = "Come in.", body = String),
        (status = 503, description = "Going down, or hanging.", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn readyz(State(shared): State<Arc<Shared>>) -> Result<&'static str, Problem> {
    if shared.directory.is_closed() {
        return Err(Problem::new(RefusalCode::ShuttingDown, "The server is going down."));
    }
    if !shared.is_alive() {
        let problem = Problem::new(RefusalCode::Internal, "A worker hangs.");
        return Err(problem.with_status(StatusCode::SERVICE_UNAVAILABLE));
    }
    Ok("ready\n")
}

/// Metrics for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "Operation",
    responses((status = 200, description = "OpenMetrics text.", body = String, content_type = "application/openmetrics-text")),
)]
async fn metrics(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    let text =
        shared.metrics.text().map_err(|_| Problem::new(RefusalCode::Internal, "The metrics cannot be written."))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(CONTENT_TYPE, kind)], text).into_response())
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Consilium", description = "Every error is a problem document (RFC 9457) with a stable code."),
    paths(healthz, readyz, metrics, whip::post, whep::post)
)]
struct Description;

async fn openapi() -> Json<utoipa::openapi::OpenApi> {
    let mut description = Description::openapi();
    description.merge(api::router().into_openapi());
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let login = ApiKeyValue::with_description(COOKIE_NAME, "The cookie that POST /api/v1/login sets.");
    let schemes = description.components.get_or_insert_default();
    schemes.add_security_scheme("token", SecurityScheme::Http(token));
    schemes.add_security_scheme("login", SecurityScheme::ApiKey(ApiKey::Cookie(login)));
    Json(description)
}
