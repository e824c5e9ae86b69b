//! The HTTP side of WHIP (RFC 9725) and WHEP: one POST for an answer, one DELETE at the end.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, RequestBuilder, Response, Url};

use crate::{Error, Target};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// A session resource on the server. It ends with [`Session::close`]; dropped, the server notices by the silence.
pub(crate) struct Session {
    http: Client,
    resource: Url,
    target: Target,
}

impl Session {
    /// Posts the offer; gives the session and the answer.
    pub(crate) async fn open(target: &Target, offer: String) -> Result<(Self, String), Error> {
        let http =
            Client::builder().connect_timeout(CONNECT_TIMEOUT).timeout(ANSWER_TIMEOUT).build().map_err(Error::Http)?;
        let request = http.post(target.url.reveal()).header(CONTENT_TYPE, "application/sdp").body(offer);
        let response = send(request, target).await?;
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        // Relative to where the request ended up, for it may have been redirected.
        let resource =
            location.and_then(|location| response.url().join(location).ok()).ok_or(Error::Incomplete("Location"))?;
        let answer = response.text().await.map_err(without_url)?;
        Ok((Self { http, resource, target: target.clone() }, answer))
    }

    /// Ends the session on the server.
    pub(crate) async fn close(&self) -> Result<(), Error> {
        send(self.http.delete(self.resource.clone()), &self.target).await.map(drop)
    }
}

async fn send(request: RequestBuilder, target: &Target) -> Result<Response, Error> {
    let response = request.bearer_auth(target.token.reveal()).send().await.map_err(without_url)?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let problem = response.bytes().await.unwrap_or_default();
    let problem: serde_json::Value = serde_json::from_slice(&problem).unwrap_or_default();
    let code = problem.get("code").and_then(|code| code.as_str()).unwrap_or("none").to_owned();
    Err(Error::Refused { status: status.as_u16(), code })
}

/// The URL carries the feed's label, which must not reach a log by way of an error.
fn without_url(error: reqwest::Error) -> Error {
    Error::Http(error.without_url())
}
