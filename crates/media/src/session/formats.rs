//! What a session has come to terms on with its peer.

use str0m::format::PayloadParams;
use str0m::media::{Mid, Pt};

use super::Session;
use crate::format::{Encoding, PayloadTypes};

impl Session {
    /// The encoding that a payload type of this session stands for.
    pub(crate) fn encoding(&self, pt: Pt) -> Option<Encoding> {
        Encoding::of(self.params().iter().find(|params| params.pt() == pt)?)
    }

    /// The payload type of the Opus that one of redundant audio (RFC 2198) carries.
    pub(crate) fn carried_by(&self, red: Pt) -> Option<Pt> {
        let params = self.params().iter().find(|params| params.red() == Some(red))?;
        (Encoding::of(params) == Some(Encoding::Opus)).then_some(params.pt())
    }

    /// The payload types by which the peer takes this encoding on this line; none if it does not.
    pub(crate) fn payload_types(&self, mid: Mid, encoding: Encoding) -> Option<PayloadTypes> {
        let params = encoding.choose(self.params(), self.rtc.media(mid)?.remote_pts())?;
        let red = self.red.iter().find(|types| types.mid == mid).map(|types| types.red);
        let red = red.filter(|_| encoding == Encoding::Opus);
        Some(PayloadTypes { own: *params.pt(), resend: params.resend().map(|pt| *pt), red })
    }

    fn params(&self) -> &[PayloadParams] {
        self.rtc.codec_config().params()
    }

    /// True if a line came to terms on at least one encoding that this server forwards.
    pub(crate) fn has_encoding(&self, mid: Mid) -> bool {
        let Some(media) = self.rtc.media(mid) else { return false };
        media.remote_pts().iter().any(|pt| self.encoding(*pt).is_some())
    }
}
