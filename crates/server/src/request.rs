//! What is checked of a request before anything is done for it.

use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use axum::http::{HeaderMap, StatusCode};
use futures_util::StreamExt;
use signaling::RefusalCode;
use tokio::time::timeout;

use crate::limit::{BODY_TIMEOUT, DRAINED_BYTES};
use crate::problem::{Code, Problem};

/// The content type without its parameters.
pub(crate) fn has_type(headers: &HeaderMap, wanted: &'static str) -> Result<(), Problem> {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    if given.split(';').next().unwrap_or("").trim().eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    Err(Problem::new(RefusalCode::WrongContentType, format!("The content type must be {wanted}.")))
}

/// Refuses a client that will not take SDP for an answer.
pub(crate) fn accepts_sdp(headers: &HeaderMap) -> Result<(), Problem> {
    let mut ranges = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
    let none = headers.get(ACCEPT).is_none();
    let fits = |range: &str| {
        let name = range.split(';').next().unwrap_or("").trim();
        ["*/*", "application/*", "application/sdp"].iter().any(|fitting| name.eq_ignore_ascii_case(fitting))
    };
    if none || ranges.any(fits) {
        return Ok(());
    }
    let problem = Problem::new(RefusalCode::WrongContentType, "The answer is application/sdp, which Accept excludes.");
    Err(problem.with_status(StatusCode::NOT_ACCEPTABLE))
}

/// Reads a body as text of at most `limit` bytes; `code` is for one that is no text.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    code: impl Into<Code>,
) -> Result<String, Problem> {
    let too_large = || Problem::new(RefusalCode::TooLarge, format!("The body may have {limit} bytes."));
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > limit as u64) {
        drain(headers, body).await;
        return Err(too_large());
    }
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    let reading = async {
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|_| Problem::new(RefusalCode::BadMessage, "The body broke off."))?;
            if bytes.len() + chunk.len() > limit {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(())
    };
    let read = timeout(BODY_TIMEOUT, reading).await.unwrap_or_else(|_| {
        let problem = Problem::new(RefusalCode::BadMessage, "The body did not come in time.");
        Err(problem.with_status(StatusCode::REQUEST_TIMEOUT))
    });
    if let Err(problem) = read {
        if problem.code() == RefusalCode::TooLarge {
            drain(headers, Body::from_stream(stream)).await;
        }
        return Err(problem);
    }
    String::from_utf8(bytes).map_err(|_| Problem::new(code, "The body is no UTF-8 text."))
}

/// Reads a refused body and throws it away, so that its sender gets to read why instead of a broken connection.
/// One that waits to be asked for its body (curl, from 1 MB on) is not asked.
pub(crate) async fn drain(headers: &HeaderMap, body: Body) {
    if headers.contains_key(EXPECT) {
        return;
    }
    let mut stream = body.into_data_stream();
    let mut left = DRAINED_BYTES;
    let draining = async {
        while let Some(Ok(chunk)) = stream.next().await {
            match left.checked_sub(chunk.len()) {
                Some(less) => left = less,
                None => break,
            }
        }
    };
    if timeout(BODY_TIMEOUT, draining).await.is_err() {
        tracing::debug!("a refused body did not end in time");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().expect("a header"));
        headers
    }

    #[test]
    fn content_types() {
        assert!(has_type(&headers("content-type", "Application/SDP; charset=utf-8"), "application/sdp").is_ok());
        for other in ["application/sdpfrag", "text/plain", ""] {
            assert!(has_type(&headers("content-type", other), "application/sdp").is_err());
        }
        assert!(has_type(&HeaderMap::new(), "application/sdp").is_err());
        for fitting in ["*/*", "text/html, application/sdp;q=0.5", "application/*"] {
            assert!(accepts_sdp(&headers("accept", fitting)).is_ok());
        }
        assert!(accepts_sdp(&HeaderMap::new()).is_ok());
        assert!(accepts_sdp(&headers("accept", "text/html")).is_err());
    }

    #[tokio::test]
    async fn a_body_has_its_limit() {
        let read = |body: Vec<u8>| read_to(body, 10);
        assert_eq!(read(b"0123456789".to_vec()).await.expect("fits"), "0123456789");
        assert_eq!(read(b"0123456789x".to_vec()).await.expect_err("one more").code(), RefusalCode::TooLarge);
        assert_eq!(read(vec![0xff]).await.expect_err("no text").code(), RefusalCode::BadSdp);
    }

    async fn read_to(body: Vec<u8>, limit: usize) -> Result<String, Problem> {
        super::read(&HeaderMap::new(), Body::from(body), limit, RefusalCode::BadSdp).await
    }
}
