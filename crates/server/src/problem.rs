//! Errors of HTTP as problem documents (RFC 9457) with a stable code.

mod code;

use axum::Json;
use axum::http::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use signaling::{Refusal, RefusalCode};

pub use code::{Code, RegisterCode};

/// An error response.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    code: Code,
    sentence: String,
    /// Few problems have any; boxed so that a result with a problem stays small.
    headers: Box<HeaderMap>,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ProblemDocument<'a> {
    /// Always about:blank: the code says more than any page would.
    #[serde(rename = "type")]
    kind: &'a str,
    /// The status in words.
    title: &'a str,
    /// The status.
    status: u16,
    /// What exactly, for people.
    detail: &'a str,
    /// What kind, for programs; never changes.
    code: &'a str,
}

impl Problem {
    /// With the usual status of the code.
    pub fn new(code: impl Into<Code>, sentence: impl Into<String>) -> Self {
        let code = code.into();
        let problem = Self { status: code.status(), code, sentence: sentence.into(), headers: Box::default() };
        match problem.status {
            // RFC 9110 section 15.5.2: which way to say who one is there is
            StatusCode::UNAUTHORIZED if matches!(code, Code::Register(_)) => problem.with(WWW_AUTHENTICATE, "Cookie"),
            StatusCode::UNAUTHORIZED => problem.with(WWW_AUTHENTICATE, "Bearer"),
            StatusCode::SERVICE_UNAVAILABLE => problem.with(RETRY_AFTER, "2"),
            StatusCode::PAYLOAD_TOO_LARGE => problem.with(CONNECTION, "close"),
            _ => problem,
        }
    }

    /// With another status than the usual one.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// With one more header.
    pub fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// The method is not for this resource.
    pub fn wrong_method(allowed: &str) -> Self {
        let mut problem = Self::new(RefusalCode::WrongMethod, format!("The methods here are {allowed}."));
        problem.headers.insert(ALLOW, HeaderValue::from_str(allowed).expect("names of methods"));
        problem
    }

    /// Why, for people.
    pub(crate) fn sentence(&self) -> &str {
        &self.sentence
    }

    /// What was refused.
    pub fn code(&self) -> Code {
        self.code
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code, refusal.message)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = ProblemDocument {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.sentence,
            code: self.code.as_str(),
        };
        let mut response = (self.status, Json(document)).into_response();
        response.headers_mut().extend(*self.headers);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        // lets the doors count by code without reading the document again
        response.extensions_mut().insert(self.code);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_problem_is_a_document_with_a_code() {
        let response = Problem::new(RefusalCode::TokenExpired, "It is over.").into_response();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
        let body = axum::body::to_bytes(response.into_body(), 1000).await.expect("short");
        let document: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(document["code"], "token_expired");
        assert_eq!(document["status"], 401);
    }
}
