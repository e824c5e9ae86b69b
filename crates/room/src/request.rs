//! What a client says, with its offer read.

use std::time::Instant;

use media::{Local, Offer, Outline};
use signaling::{ClientMessage, Refusal, RefusalCode, RequestId, limit};

/// One thing that a client says.
#[derive(Debug)]
pub struct Request {
    pub(crate) re: Option<RequestId>,
    pub(crate) message: ClientMessage,
    /// The offer of a message that has one, whose own text is taken out of it.
    pub(crate) offer: Option<Result<Offer, Refusal>>,
}

impl Request {
    /// Reads the offer, if there is one. Where [`Request::takes_long`] says so, that and [`Request::prepare`] are to be done
    /// on another thread than the one on which packets wait.
    pub fn new(re: Option<RequestId>, mut message: ClientMessage) -> Self {
        let offer = match &mut message {
            ClientMessage::Publish { sdp, .. } | ClientMessage::Receive { sdp, .. } => Some(read(std::mem::take(sdp))),
            _ => None,
        };
        Self { re, message, offer }
    }

    /// Answers the offer, if there is one, before the room has it. Only if it is of another connection than the client's
    /// last one of this kind: the room alone has that.
    pub fn prepare(&mut self, now: Instant, local: &Local, last: Option<&Outline>) {
        let Some(Ok(offer)) = &mut self.offer else { return };
        if last.is_some_and(|last| last.is_same_connection(offer.outline())) {
            return;
        }
        match self.message {
            ClientMessage::Publish { .. } => offer.prepare_uplink(now, local),
            _ => offer.prepare_downlink(now, local),
        }
    }

    /// What its offer asks for, if it has one that could be read.
    pub fn outline(&self) -> Option<&Outline> {
        self.offer.as_ref()?.as_ref().ok().map(Offer::outline)
    }

    /// True of a message with an offer.
    pub fn takes_long(message: &ClientMessage) -> bool {
        matches!(message, ClientMessage::Publish { .. } | ClientMessage::Receive { .. })
    }
}

fn read(sdp: String) -> Result<Offer, Refusal> {
    if sdp.len() > limit::SDP_BYTES {
        let sentence = format!("An SDP may have {} bytes; this one has {}.", limit::SDP_BYTES, sdp.len());
        return Err(Refusal::new(RefusalCode::TooLarge, sentence));
    }
    if !sdp.starts_with("v=0") {
        return Err(Refusal::new(RefusalCode::BadSdp, "This is no SDP: it does not begin with v=0."));
    }
    Offer::read(sdp).map_err(|error| Refusal::new(RefusalCode::BadSdp, format!("{error}.")))
}
