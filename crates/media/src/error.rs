//! What can go wrong, and what is counted instead.

/// Why an offer or a candidate was not taken. The text may go to the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// The SDP could not be read or answered.
    #[error("the offer cannot be answered: {0}")]
    AnswerOffer(String),
    /// The candidate could not be read.
    #[error("this is no ICE candidate")]
    ReadCandidate,
    /// The offer has more m-lines than a session may have.
    #[error("an offer may have {limit} m-lines, this one has {found}")]
    TooManyLines {
        /// Lines in the offer.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// The offer names more of something (formats, candidates, streams) than anybody needs.
    #[error("the offer names too many {0}")]
    TooMany(&'static str),
    /// More candidates came after the offer than anybody has.
    #[error("there are too many candidates")]
    TooManyCandidates,
    /// There is no such session any more.
    #[error("the connection is over")]
    NoSession,
}

/// Why a slot cannot show a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the viewer takes none of the track's codecs")]
pub struct NoCommonCodec;

/// Why a packet went no further. Counted, not logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// The session is over or was never there.
    NoSession,
    /// Neither STUN, DTLS, RTP nor RTCP, or malformed.
    Malformed,
    /// The track is muted or not bound to anything.
    NotWanted,
    /// A codec that this server does not forward.
    UnknownEncoding,
    /// The engine failed on it; its session was ended.
    Broken,
}

impl DropReason {
    /// Every reason, in the order of [`DropReason::index`].
    pub const ALL: [Self; 5] = [Self::NoSession, Self::Malformed, Self::NotWanted, Self::UnknownEncoding, Self::Broken];

    /// The word in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoSession => "no_session",
            Self::Malformed => "malformed",
            Self::NotWanted => "not_wanted",
            Self::UnknownEncoding => "unknown_encoding",
            Self::Broken => "broken",
        }
    }

    /// Its place in [`DropReason::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}
