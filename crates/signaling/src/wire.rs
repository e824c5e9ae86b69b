//! JSON, and nobody else sees it.

use serde_json::Value;

use crate::limit::MESSAGE_BYTES;
use crate::{ClientMessage, Refusal, RefusalCode, RequestId, ServerMessage};

/// Reads one text frame of a client.
///
/// The optional `id` stands beside the message's own fields. When the message is refused but its `id` could be
/// read, the refusal still names it.
///
/// # Errors
/// `too_large` or `bad_message`.
pub fn decode(text: &str) -> Result<(Option<RequestId>, ClientMessage), (Option<RequestId>, Refusal)> {
    if text.len() > MESSAGE_BYTES {
        let sentence = format!("A message may have {MESSAGE_BYTES} bytes; this one has {}.", text.len());
        return Err((None, Refusal::new(RefusalCode::TooLarge, sentence)));
    }
    let bad = |id, sentence: String| (id, Refusal::new(RefusalCode::BadMessage, sentence));
    let mut value: Value =
        serde_json::from_str(text).map_err(|error| bad(None, format!("This is no JSON: {error}.")))?;
    let id = match value.as_object_mut().and_then(|object| object.remove("id")) {
        None => None,
        Some(id) => Some(
            serde_json::from_value(id)
                .map_err(|_| bad(None, "The id must be a whole number from 0 to 4294967295.".to_owned()))?,
        ),
    };
    match serde_json::from_value(value) {
        Ok(message) => Ok((id, message)),
        Err(error) => Err(bad(id, format!("{error}."))),
    }
}

/// Writes one text frame for a client.
pub fn encode(message: &ServerMessage) -> String {
    serde_json::to_string(message).expect("messages hold no map with keys other than text, and no failing value")
}
