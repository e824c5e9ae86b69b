//! What a viewer asks for again, from the history that all viewers share.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::datagram::Departures;
use crate::estimate::Estimator;
use crate::packet::Packet;
use crate::playout::Asked;
use crate::router::TrackId;
use crate::sent::SentPacket;
use crate::sink::Sink;
use crate::stream::Channel;
use crate::track::Track;

/// What is sent again to one viewer in so long, at most: 15 Mb/s, whatever it asks for.
pub(super) const RESENDS_IN: Duration = Duration::from_millis(20);
const RESENDS: u32 = 32;
/// Of a line that is narrow, a quarter: what is sent again is not to fill it by itself.
const PART_OF_NARROW: f64 = 0.25;

/// How many packets may be sent again in [`RESENDS_IN`].
pub(super) fn resends(estimator: &Estimator) -> u32 {
    if !estimator.is_narrow() {
        return RESENDS;
    }
    let bits = estimator.bitrate_bps() as f64 * PART_OF_NARROW * RESENDS_IN.as_secs_f64();
    ((bits / (1200.0 * 8.0)) as u32).clamp(1, RESENDS)
}

impl Sink {
    /// Sends again what went out with these lower bits of a sequence number, if that may be now; gives how it was
    /// asked for.
    pub(super) fn resend(
        &mut self,
        now: Instant,
        sequence: u16,
        round_trip: Option<Duration>,
        channel: &mut Channel,
        tracks: &BTreeMap<TrackId, Track>,
        departures: &mut Departures,
    ) -> Option<Asked> {
        let showing = self.showing?;
        let near = |number| self.sources.newest(number, tracks);
        let (sent, before) = self.stream.sent.again(now, sequence, round_trip, near)?;
        let packet = self.send_again(sent, channel, tracks, departures)?;
        // What was sent of the past was late before it was lost, and what we sent beside what is live has delayed that.
        let is_live = sent.source_number == showing.number && self.forward.is_live(sent.source);
        let late = now.saturating_duration_since(packet.arrived_at);
        // What parity mends is asked for all the same, and comes too late for nothing.
        let is_telling = is_live && !self.stream.is_protected && !channel.estimator.is_disturbed(now);
        Some(Asked { late: if is_telling { late } else { Duration::ZERO }, before })
    }

    /// Sends again what was sent like this, if its source still has it; gives the packet.
    pub(super) fn send_again<'a>(
        &mut self,
        sent: SentPacket,
        channel: &mut Channel,
        tracks: &'a BTreeMap<TrackId, Track>,
        departures: &mut Departures,
    ) -> Option<&'a Packet> {
        let source = self.sources.of(sent.source_number)?;
        let layer = source.layer_of(tracks)?;
        let packet = layer.history.get(sent.source)?;
        let (encoding, types) = (layer.encoding, source.resend_type?);
        self.stream.resend(channel, departures, encoding, types, packet, sent.place).then_some(packet)
    }
}
