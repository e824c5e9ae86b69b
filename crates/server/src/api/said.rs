//! The JSON body of a request.

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use signaling::RefusalCode;

use crate::limit::REQUEST_BYTES;
use crate::problem::Problem;
use crate::request::{drain, has_type, read};

/// What the body says.
pub(crate) struct Said<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Said<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        // a form of another site's page cannot say this type
        if let Err(problem) = has_type(&parts.headers, "application/json") {
            drain(&parts.headers, body).await;
            return Err(problem);
        }
        let text = read(&parts.headers, body, REQUEST_BYTES, RefusalCode::BadMessage).await?;
        let said = serde_json::from_str(&text);
        said.map(Self).map_err(|error| {
            Problem::new(RefusalCode::BadMessage, format!("The body is not what is asked for: {error}."))
        })
    }
}
