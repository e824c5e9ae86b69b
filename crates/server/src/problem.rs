//! Errors of HTTP as problem documents (RFC 9457) with the stable code of the contract.

use axum::Json;
use axum::http::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use signaling::{Refusal, RefusalCode};

/// An error response.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    refusal: Refusal,
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
    pub fn new(code: RefusalCode, sentence: impl Into<String>) -> Self {
        Refusal::new(code, sentence).into()
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
    pub fn wrong_method(allowed: &'static str) -> Self {
        Self::new(RefusalCode::WrongMethod, format!("The methods here are {allowed}.")).with(ALLOW, allowed)
    }

    /// What was refused.
    pub fn code(&self) -> RefusalCode {
        self.refusal.code
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let problem = Self { status: status(refusal.code), headers: Box::default(), refusal };
        match problem.status {
            StatusCode::UNAUTHORIZED => problem.with(WWW_AUTHENTICATE, "Bearer"),
            StatusCode::SERVICE_UNAVAILABLE => problem.with(RETRY_AFTER, "2"),
            StatusCode::PAYLOAD_TOO_LARGE => problem.with(CONNECTION, "close"),
            _ => problem,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = ProblemDocument {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.refusal.message,
            code: self.refusal.code.as_str(),
        };
        let mut response = (self.status, Json(document)).into_response();
        response.headers_mut().extend(*self.headers);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        // lets the doors count by code without reading the document again
        response.extensions_mut().insert(self.refusal.code);
        response
    }
}

fn status(code: RefusalCode) -> StatusCode {
    use RefusalCode as Code;
    match code {
        Code::BadMessage | Code::WrongVersion | Code::BadLabel | Code::BadText | Code::BadSdp | Code::NoMedia => {
            StatusCode::BAD_REQUEST
        }
        Code::BadCandidate | Code::TooManySlots | Code::UnknownSlot => StatusCode::BAD_REQUEST,
        Code::BadToken | Code::TokenExpired | Code::TokenNotYetValid => StatusCode::UNAUTHORIZED,
        Code::WrongRoom | Code::NotAllowed | Code::SiteRequired | Code::RoomLocked => StatusCode::FORBIDDEN,
        Code::UnknownMember | Code::UnknownSite | Code::UnknownCall | Code::UnknownQuestion => StatusCode::NOT_FOUND,
        Code::UnknownRoom | Code::UnknownSession | Code::UnknownFeed | Code::NotFound => StatusCode::NOT_FOUND,
        Code::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
        // RFC 9725 section 4.4: what cannot be answered as a whole is not answered in part
        Code::NoCodec | Code::TooManyTracks => StatusCode::NOT_ACCEPTABLE,
        Code::NotJoined | Code::AlreadyJoined | Code::TooManyFeeds | Code::TooManySites => StatusCode::CONFLICT,
        Code::WrongEtag => StatusCode::PRECONDITION_FAILED,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::WrongContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Code::AtCapacity | Code::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
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
