//! An SDP offer, read before it is answered.

use std::panic::catch_unwind;

use str0m::change::SdpOffer;

use crate::error::MediaError;
use crate::outline::Outline;

/// m-lines in one session: 16 slots, 8 voices, one data channel.
const LINES: usize = 25;

/// The engine compares each format of an m-line with each other and all of their parameters. A panel's browser needs 3
/// million comparisons; so many take 10 ms on the thread of the packets.
const COMPARISONS: usize = 16_000_000;

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
    /// If it is no SDP, or has more m-lines than a session, or more formats than anybody needs.
    pub fn read(text: String) -> Result<Self, MediaError> {
        let found = text.lines().filter(|line| line.starts_with("m=")).count();
        if found > LINES {
            return Err(MediaError::TooManyLines { found, limit: LINES });
        }
        let comparisons: usize = text.split("\nm=").map(comparisons).sum();
        if comparisons > COMPARISONS {
            return Err(MediaError::TooManyFormats);
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

fn comparisons(section: &str) -> usize {
    let count = |attribute: &str| section.lines().filter(|line| line.starts_with(attribute)).count();
    let formats = count("a=rtpmap:");
    formats * formats * count("a=fmtp:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_that_would_keep_the_packets_waiting_are_refused() {
        let sdp = |formats: usize| {
            let formats = "a=rtpmap:98 VP8/90000\r\n".repeat(formats) + &"a=fmtp:99 x=1\r\n".repeat(formats);
            format!("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 98\r\n{formats}")
        };
        assert!(!matches!(Offer::read(sdp(128)), Err(MediaError::TooManyFormats)), "as many as there can be");
        assert!(matches!(Offer::read(sdp(300)), Err(MediaError::TooManyFormats)));
    }
}
