//! `/api/v1`: what pages and programs ask of the server beside media.
//!
//! Each address is said once, at its handler: the router and `/api/openapi.json` are both made of that.

mod accounts;
mod audit;
mod invites;
mod journal;
mod login;
mod people;
mod rooms;
mod said;
mod sites;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::middleware::map_response;
use axum::response::Response;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

pub(crate) use self::people::COOKIE_NAME;

use crate::problem::{Problem, ProblemDocument};
use crate::shared::Shared;

/// Every address of it.
pub(crate) fn router() -> OpenApiRouter<Arc<Shared>> {
    let routes = [
        routes!(journal::journal),
        routes!(login::bootstrap),
        routes!(login::login),
        routes!(login::logout),
        routes!(login::me),
        routes!(login::password),
        routes!(sites::list, sites::import),
        routes!(sites::devices),
        routes!(rooms::list, rooms::create),
        routes!(rooms::see, rooms::change, rooms::delete),
        routes!(rooms::token),
        routes!(accounts::list, accounts::create),
        routes!(accounts::change, accounts::delete),
        routes!(invites::list, invites::make),
        routes!(invites::withdraw),
        routes!(invites::exchange),
        routes!(audit::audit),
    ];
    routes.into_iter().map(strict).fold(OpenApiRouter::new(), OpenApiRouter::routes).layer(map_response(not_kept))
}

/// Refuses other methods by the code of the contract.
fn strict((schemas, paths, methods): UtoipaMethodRouter<Arc<Shared>>) -> UtoipaMethodRouter<Arc<Shared>> {
    let allowed: Vec<&'static str> = paths.paths.values().flat_map(allowed).collect();
    let allowed = allowed.join(", ");
    let methods = methods.fallback(move || {
        let problem = Problem::wrong_method(&allowed);
        std::future::ready(problem)
    });
    (schemas, paths, methods)
}

fn allowed(path: &utoipa::openapi::PathItem) -> Vec<&'static str> {
    let methods = [
        (path.get.is_some(), "GET, HEAD"),
        (path.post.is_some(), "POST"),
        (path.put.is_some(), "PUT"),
        (path.patch.is_some(), "PATCH"),
        (path.delete.is_some(), "DELETE"),
    ];
    methods.into_iter().filter(|(is_there, _)| *is_there).map(|(_, name)| name).collect()
}

/// There are names of people and tokens in it: no cache keeps it.
async fn not_kept(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What every address may answer instead.
pub(crate) struct Refused;

impl IntoResponses for Refused {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let document = ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemDocument::name()))).build();
        let refused = ResponseBuilder::new()
            .description("Refused, with the code that says why.")
            .content("application/problem+json", document)
            .build();
        BTreeMap::from([("default".to_owned(), refused.into())])
    }
}
