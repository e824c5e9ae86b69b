//! An SDP offer, read before it is answered.

use std::panic::catch_unwind;

use str0m::change::SdpOffer;

use crate::error::MediaError;
use crate::outline::Outline;

/// m-lines in one session: 16 slots, 8 voices, one data channel.
const LINES: usize = 25;

/// An offer. To read that of a panel's browser takes 4 ms, longer than to answer it: it is read where no packet waits.
#[derive(Debug)]
pub struct Offer {
    pub(crate) text: String,
    outline: Outline,
    /// Until it is answered.
    pub(crate) sdp: Option<SdpOffer>,
}

impl Offer {
    /// Reads an offer.
    ///
    /// # Errors
    /// If it is no SDP, or has more m-lines than a session.
    pub fn read(text: String) -> Result<Self, MediaError> {
        let found = text.lines().filter(|line| line.starts_with("m=")).count();
        if found > LINES {
            return Err(MediaError::TooManyLines { found, limit: LINES });
        }
        let read = catch_unwind(|| {
            SdpOffer::from_sdp_string(&text).map_err(|error| {
                // The parser's own words hold addresses of memory.
                tracing::debug!(%error, "an offer that is no SDP");
                MediaError::AnswerOffer("it is no SDP".to_owned())
            })
        });
        let sdp = read.unwrap_or_else(|_| {
            tracing::warn!("the engine panicked on an offer");
            Err(MediaError::AnswerOffer("it is beyond this server".to_owned()))
        })?;
        let outline = Outline::of(&text);
        Ok(Self { text, outline, sdp: Some(sdp) })
    }

    /// What it asks for.
    pub fn outline(&self) -> &Outline {
        &self.outline
    }
}
