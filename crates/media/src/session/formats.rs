//! What a session has come to terms on with its peer.

use str0m::format::PayloadParams;
use str0m::media::{Mid, Pt};

use super::{Line, Session};
use crate::format::{Encoding, PayloadTypes};
use crate::offer::Offer;
use crate::parity::{Parity, ParityTypes};
use crate::stream::Stream;

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

    /// Takes note of what a viewer takes beside: redundancy with its voices, parity with its pictures. Of that the numbers that
    /// were agreed on before stay, offered or not: it has been sent by them.
    pub(super) fn agree(&mut self, offer: &Offer) {
        if !self.is_downlink {
            return;
        }
        let outgoing: Vec<Line> = self.lines.iter().filter(|line| line.outgoing).cloned().collect();
        let red = |line: &Line| {
            let opus = self.payload_types(line.mid, Encoding::Opus)?.own;
            offer.red.iter().find(|types| (types.mid, types.opus) == (line.mid, opus)).copied()
        };
        self.red = outgoing.iter().filter(|line| !line.is_video).filter_map(red).collect();
        for types in &mut self.parity {
            types.is_offered = offer.parity.contains(&(types.mid, types.payload_type));
        }
        let mut api = self.rtc.direct_api();
        let streams = outgoing.iter().filter_map(|line| {
            let stream = api.stream_tx_by_mid(line.mid, None)?;
            Some((line.mid, *stream.ssrc(), stream.rtx().map(|ssrc| *ssrc)))
        });
        let streams: Vec<_> = streams.collect();
        for (mid, media_ssrc, _) in &streams {
            let is_agreed = self.parity.iter().any(|types| types.mid == *mid);
            let Some((_, payload_type)) = offer.parity.iter().find(|(of, _)| of == mid && !is_agreed) else { continue };
            let types = ParityTypes::new(*mid, *payload_type, *media_ssrc);
            let own = streams.iter().flat_map(|(_, ssrc, resend)| [Some(*ssrc), *resend]).flatten();
            // Two streams of one number would be sealed with one nonce.
            if !own.chain(self.parity.iter().map(|types| types.ssrc)).any(|number| number == types.ssrc) {
                self.parity.push(types);
            }
        }
    }

    /// Lets the stream of a line be protected by parity where the present offer has that, and nowhere else.
    pub(crate) fn let_protect(&self, mid: Mid, stream: &mut Stream) {
        let types = self.parity.iter().find(|types| types.mid == mid && types.is_offered);
        let parity = types.zip(self.rtc.media(mid)).map(|(types, media)| (*types, media.remote_extmap()));
        stream.let_protect(parity.map(|(types, extensions)| move || Box::new(Parity::new(types, extensions))));
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
