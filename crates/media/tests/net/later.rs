//! What becomes of a connection that there is: it is offered again, or its peer is somewhere else.

use std::net::SocketAddr;

use media::{Offer, SessionId};
use str0m::change::{SdpAnswer, SdpPendingOffer};

use super::{Answer, Net};

impl Net {
    /// Answers a later offer of a session.
    pub(crate) fn answer(&mut self, session: SessionId, sdp: &str) -> Answer {
        let mut offer = Offer::read(sdp.to_owned())?;
        self.router.answer(self.now, session, &mut offer, &mut self.departures, &mut self.news)
    }

    /// The peer offers its lines again with new ICE credentials; it takes them when it has the answer. Gives what
    /// [`Net::restarted`] wants.
    pub(crate) fn restart(&mut self, peer: usize) -> (SdpPendingOffer, String) {
        let mut api = self.peers[peer].rtc.sdp_api();
        api.ice_restart(false);
        let (offer, pending) = api.apply().expect("an offer");
        // As browsers do, which have gathered nothing yet.
        let offer = offer.to_sdp_string();
        let offer: String = offer.split_inclusive('\n').filter(|line| !line.starts_with("a=candidate")).collect();
        let (answer, _) = self.answer(self.peers[peer].session, &offer).expect("an answer");
        (pending, answer)
    }

    /// The peer has the answer to its restart.
    pub(crate) fn restarted(&mut self, peer: usize, (pending, answer): (SdpPendingOffer, String)) {
        let answer = SdpAnswer::from_sdp_string(&answer).expect("an SDP");
        let peer = &mut self.peers[peer];
        peer.rtc.sdp_api().accept_answer(pending, answer).expect("an answer that fits");
        peer.rtc.add_local_candidate(peer.candidate.clone());
    }

    /// The peer's NAT gives it another address.
    pub(crate) fn rebind(&mut self, peer: usize, address: SocketAddr) {
        self.peers[peer].outside = address;
    }
}
