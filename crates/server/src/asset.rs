//! The web client, embedded in the binary.

use std::fmt::Write;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use rust_embed::{Embed, EmbeddedFile};
use signaling::RefusalCode;

use crate::problem::Problem;

/// What `npm run build` made; empty when the server was built before it.
#[derive(Embed)]
#[folder = "../../web-client/dist"]
#[allow_missing = true]
struct WebClient;

const UNBUILT: &str = "<!doctype html><meta charset=utf-8><title>Consilium</title>\
    <p>This server was built without its web client: run <code>npm ci && npm run build</code> in \
    <code>web-client</code>, then build the server again.";

/// Any path that no other door has.
pub(crate) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    if method != Method::GET && method != Method::HEAD {
        return Problem::wrong_method("GET, HEAD").into_response();
    }
    if let Some(file) = WebClient::get(path) {
        return respond(path, &file, &headers);
    }
    // pages of the web client are paths without a file name; it finds its way itself
    let file_name = path.rsplit('/').next().unwrap_or("");
    if path.starts_with("api/") || file_name.contains('.') {
        return Problem::new(RefusalCode::NotFound, "There is nothing at this address.").into_response();
    }
    match WebClient::get("index.html") {
        Some(index) => respond("index.html", &index, &headers),
        None => (StatusCode::OK, [(CONTENT_TYPE, "text/html; charset=utf-8")], UNBUILT).into_response(),
    }
}

fn respond(path: &str, file: &EmbeddedFile, headers: &HeaderMap) -> Response {
    let etag = file.metadata.sha256_hash()[..12].iter().fold(String::from("\""), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
        text
    }) + "\"";
    // Vite puts a hash of the content into the names under assets/, so those never change
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let fresh = known.flat_map(|value| value.split(',')).any(|tag| tag.trim().trim_start_matches("W/") == etag);
    let mut response = if fresh {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(CONTENT_TYPE, content_type(path))], file.data.clone()).into_response()
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    response.headers_mut().insert(ETAG, HeaderValue::try_from(etag).expect("hexadecimal digits"));
    response
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
