//! An SDP offer, read before it is answered.

use std::panic::catch_unwind;
use std::time::Instant;

use str0m::change::SdpOffer;
use str0m::media::Mid;

use crate::Local;
use crate::dtls::KeysGoTo;
use crate::error::MediaError;
use crate::outline::Outline;
use crate::parity;
use crate::red::RedTypes;
use crate::session::Session;

/// m-lines in one session: 16 slots, 8 voices, one data channel.
const LINES: usize = 25;

/// The engine compares each format of an m-line with each other and all of their parameters. A panel's browser needs 3
/// million comparisons; so many take 10 ms on the thread of the packets.
const COMPARISONS: usize = 16_000_000;

/// Lines with candidates, of which a browser writes a dozen for each of its networks, for each m-line at worst; and lines
/// on SSRCs, of which it writes four for each track, and twelve for one with layers.
const CANDIDATES: usize = 512;
const SSRCS: usize = 1024;

/// An offer. To read that of a panel's browser takes 4 ms, and to answer it as long: both is done where no packet waits.
#[derive(Debug)]
pub struct Offer {
    pub(crate) text: String,
    outline: Outline,
    /// By which types it takes voices with redundancy.
    pub(crate) red: Vec<RedTypes>,
    /// By which type it takes parity, line by line.
    pub(crate) parity: Vec<(Mid, u8)>,
    /// Until it is answered.
    pub(crate) sdp: Option<SdpOffer>,
    /// The session that has answered it ahead, until a router opens it.
    pub(crate) session: Option<Box<Session>>,
}

impl Offer {
    /// Reads an offer.
    ///
    /// # Errors
    /// If it is no SDP, or has more m-lines than a session, or more formats than anybody needs.
    pub fn read(text: String) -> Result<Self, MediaError> {
        let found = count(&text, "m=");
        if found > LINES {
            return Err(MediaError::TooManyLines { found, limit: LINES });
        }
        for (prefix, limit, name) in [("a=candidate", CANDIDATES, "candidates"), ("a=ssrc", SSRCS, "streams")] {
            if count(&text, prefix) > limit {
                return Err(MediaError::TooMany(name));
            }
        }
        if text.split("\nm=").map(comparisons).sum::<usize>() > COMPARISONS {
            return Err(MediaError::TooMany("formats"));
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
        let (outline, red, parity) = (Outline::of(&text), RedTypes::of_offer(&text), parity::types_of_offer(&text));
        Ok(Self { text, outline, red, parity, sdp: Some(sdp), session: None })
    }

    /// Answers it ahead, on an uplink that is new: [`crate::Router::open_uplink`] takes it in.
    pub fn prepare_uplink(&mut self, now: Instant, local: &Local) {
        self.prepare(now, local, KeysGoTo::Engine);
    }

    /// The same on a downlink, for [`crate::Router::open_downlink`].
    pub fn prepare_downlink(&mut self, now: Instant, local: &Local) {
        self.prepare(now, local, KeysGoTo::Us);
    }

    fn prepare(&mut self, now: Instant, local: &Local, keys: KeysGoTo) {
        let mut session = Box::new(Session::new(now, local, keys));
        session.prepare(self);
        self.session = Some(session);
    }

    /// What is to be answered, by a session that has not done so ahead. The one that has may have been dropped: the room
    /// alone knows which connection is open.
    pub(crate) fn take_sdp(&mut self) -> Result<SdpOffer, MediaError> {
        match self.sdp.take() {
            Some(sdp) => Ok(sdp),
            None => Self::read(self.text.clone())?.take_sdp(),
        }
    }

    /// What it asks for.
    pub fn outline(&self) -> &Outline {
        &self.outline
    }
}

fn comparisons(section: &str) -> usize {
    let formats = count(section, "a=rtpmap:");
    formats * formats * count(section, "a=fmtp:")
}

/// Lines of the text that begin with this.
fn count(text: &str, prefix: &str) -> usize {
    text.lines().filter(|line| line.starts_with(prefix)).count()
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
        assert!(!matches!(Offer::read(sdp(128)), Err(MediaError::TooMany(_))), "as many as there can be");
        assert_eq!(Offer::read(sdp(300)).map(|_| ()), Err(MediaError::TooMany("formats")));
    }

    #[test]
    fn so_are_candidates_and_streams_beyond_number() {
        let sdp = |line: &str, lines: usize| format!("v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 98\r\n{}", line.repeat(lines));
        let candidate = "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n";
        for (line, limit, name) in [(candidate, CANDIDATES, "candidates"), ("a=ssrc:1 cname:x\r\n", SSRCS, "streams")] {
            assert_ne!(Offer::read(sdp(line, limit)).map(|_| ()), Err(MediaError::TooMany(name)));
            assert_eq!(Offer::read(sdp(line, limit + 1)).map(|_| ()), Err(MediaError::TooMany(name)));
        }
    }
}
