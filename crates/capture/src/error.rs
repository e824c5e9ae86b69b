//! What can go wrong between a device and the server; a variant names the act that failed.

/// A connection to the server failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is no address, or its host cannot be found.
    #[error("cannot resolve the server's address")]
    Resolve(#[source] std::io::Error),
    /// The server cannot be reached over HTTP.
    #[error("cannot reach the server over HTTP")]
    Http(#[source] reqwest::Error),
    /// The server answered the request with a refusal.
    #[error("the server refused with status {status}, code {code}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The stable code of the problem document, or `none`.
        code: String,
    },
    /// The server's answer lacks what RFC 9725 demands.
    #[error("the server's answer has no {0}")]
    Incomplete(&'static str),
    /// The WebRTC connection could not be made or negotiated.
    #[error("cannot negotiate the WebRTC connection")]
    Negotiate(#[source] webrtc::error::Error),
    /// The answer was accepted, but no media path came up in time.
    #[error("no media path to the server came up")]
    Unconnected,
    /// A frame or a sound could not be cut into packets.
    #[error("cannot packetize")]
    Packetize(#[source] webrtc::error::Error),
    /// The connection is gone.
    #[error("the connection is gone")]
    Gone,
    /// There is no such track in this connection.
    #[error("the connection has no voice")]
    NoVoice,
}
