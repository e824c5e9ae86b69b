//! One outgoing RTP stream: from a shared packet to sealed bytes in the slab.

use std::time::Instant;

use str0m::media::Mid;
use str0m::rtp::ExtensionMap;

use crate::SessionId;
use crate::datagram::{Departures, Path};
use crate::estimate::Estimator;
use crate::format::Encoding;
use crate::forward::Place;
use crate::header::{Header, Numbers};
use crate::packet::Packet;
use crate::parity::Parity;
use crate::red;
use crate::sent::{SentLog, SentPacket};
use crate::sink::Showing;
use crate::srtp::Sealer;

/// What sealing adds, about.
const TAG: usize = 16;

/// One SSRC of one viewer, and the one of its retransmissions.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) ssrc: u32,
    header: Header,
    resend: Option<Resend>,
    /// Where the viewer takes it, or has taken it: its numbers count on.
    parity: Option<Box<Parity>>,
    /// The viewer takes it now.
    may_be_protected: bool,
    /// What is sent is protected by it.
    pub(crate) is_protected: bool,
    pub(crate) sent: SentLog,
    /// For sender reports: packets and octets of payload (RFC 3550 section 6.4.1).
    pub(crate) packets: u32,
    pub(crate) octets: u32,
}

#[derive(Debug)]
struct Resend {
    ssrc: u32,
    header: Header,
    last_sequence: u64,
}

/// What all streams of one viewer share: its keys, where it is, the count of all its packets.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) session: SessionId,
    pub(crate) path: Path,
    pub(crate) sealer: Sealer,
    /// The last transport-wide sequence number.
    transport_sequence: u16,
    /// What the viewer's line carries.
    pub(crate) estimator: Estimator,
    /// How long the viewer is to hold its pictures back, in the units of the header extension.
    pub(crate) playout_units: u16,
    /// Packets of parity that were sent.
    pub(crate) parities: u64,
    /// For payloads that must be changed before they are sealed.
    scratch: Vec<u8>,
}

impl Channel {
    pub(crate) fn new(now: Instant, session: SessionId, path: Path, sealer: Sealer) -> Self {
        let estimator = Estimator::new(now);
        Self {
            session,
            path,
            sealer,
            transport_sequence: 0,
            estimator,
            playout_units: 0,
            parities: 0,
            scratch: Vec::new(),
        }
    }

    /// The transport-wide number of the next packet, of so many bytes, where its header has a place for one.
    fn count(&mut self, header: &Header, packet: &Packet, payload_bytes: usize) -> u16 {
        if header.is_counted() {
            self.transport_sequence = self.transport_sequence.wrapping_add(1);
            self.estimator.sent(self.transport_sequence, header.length(packet) + payload_bytes + TAG);
        }
        self.transport_sequence
    }
}

impl Stream {
    pub(crate) fn new(
        epoch: Instant,
        ssrc: u32,
        resend_ssrc: Option<u32>,
        mid: Mid,
        is_video: bool,
        extensions: &ExtensionMap,
    ) -> Self {
        let resend = |ssrc| Resend { ssrc, header: Header::new(ssrc, mid, is_video, extensions), last_sequence: 0 };
        Self {
            ssrc,
            header: Header::new(ssrc, mid, is_video, extensions),
            resend: resend_ssrc.map(resend),
            parity: None,
            may_be_protected: false,
            is_protected: false,
            sent: SentLog::new(epoch, is_video),
            packets: 0,
            octets: 0,
        }
    }

    /// The viewer takes parity from now on, which is made by this the first time; or takes none.
    pub(crate) fn let_protect(&mut self, parity: Option<impl FnOnce() -> Box<Parity>>) {
        self.may_be_protected = parity.is_some();
        match parity {
            Some(parity) if self.parity.is_none() => self.parity = Some(parity()),
            Some(_) => {}
            None => self.protect(false),
        }
    }

    /// Another track is to be sent by it.
    pub(crate) fn begin_anew(&mut self) {
        self.parity.iter_mut().for_each(|parity| parity.begin_anew());
    }

    /// True if what it sends can be protected by parity.
    pub(crate) fn takes_parity(&self) -> bool {
        self.may_be_protected && self.parity.as_ref().is_some_and(|parity| parity.is_possible())
    }

    /// True if the viewer takes dependency descriptors.
    pub(crate) fn takes_descriptors(&self) -> bool {
        self.header.takes_descriptors()
    }

    /// Sends a packet to its place; a voice with the one before it once more, where there is one and the viewer takes
    /// that. False if that place was taken, and nothing was sent.
    pub(crate) fn send(
        &mut self,
        channel: &mut Channel,
        departures: &mut Departures,
        showing: &Showing,
        (packet, earlier): (&Packet, Option<&Packet>),
        place: Place,
    ) -> bool {
        if !self.sent.note(SentPacket { source: packet.sequence, source_number: showing.number, place }) {
            return false;
        }
        let payload_bytes = packet.payload.len() + earlier.map_or(0, |it| it.payload.len());
        let transport_sequence = channel.count(&self.header, packet, payload_bytes);
        let Channel { session, path, sealer, scratch, playout_units, .. } = channel;
        let redundant =
            showing.types.red.filter(|_| earlier.is_some_and(|it| red::write(scratch, showing.types.own, it, packet)));
        // Where there is a descriptor, the number is in it.
        let payload = match place.picture.filter(|_| packet.descriptor.is_none()) {
            _ if redundant.is_some() => &scratch[..],
            None => &packet.payload[..],
            Some(picture) => {
                scratch.clear();
                scratch.extend_from_slice(&packet.payload);
                picture.write(showing.encoding, scratch);
                &scratch[..]
            }
        };
        let numbers = Numbers {
            payload_type: redundant.unwrap_or(showing.types.own),
            marker: place.marker,
            sequence: place.sequence as u16,
            rtp_ticks: place.rtp_ticks,
            transport_sequence,
            frame: place.picture.map_or(0, |numbers| numbers.picture),
            playout_units: *playout_units,
        };
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload.len() as u32);
        // A descriptor stands where the parity does not expect it; and it is told by another number.
        let mut parity = self.parity.as_mut().filter(|_| self.is_protected && packet.descriptor.is_none());
        departures.write(*session, *path, |slab| {
            let header = self.header.write(slab, packet, numbers);
            if let Some(parity) = &mut parity {
                let written = &slab[slab.len() - header..];
                parity.take(place.sequence, written, self.header.counted_at(), payload);
            }
            sealer.seal_rtp(slab, header, self.ssrc, place.sequence, payload);
        });
        if parity.is_some_and(|parity| parity.is_due(place.sequence, place.marker)) {
            self.send_parity(channel, departures, packet, place.rtp_ticks);
        }
        true
    }

    /// Sends what protects the packets since it was last sent.
    fn send_parity(&mut self, channel: &mut Channel, departures: &mut Departures, packet: &Packet, rtp_ticks: u32) {
        let Some(parity) = &mut self.parity else { return };
        let mut payload = std::mem::take(&mut channel.scratch);
        while parity.next(&mut payload) {
            parity.last_sequence += 1;
            let numbers = Numbers {
                payload_type: parity.payload_type,
                marker: false,
                sequence: parity.last_sequence as u16,
                rtp_ticks,
                transport_sequence: channel.count(&parity.header, packet, payload.len()),
                frame: 0,
                playout_units: channel.playout_units,
            };
            let Channel { session, path, sealer, .. } = channel;
            departures.write(*session, *path, |slab| {
                let header = parity.header.write(slab, packet, numbers);
                sealer.seal_rtp(slab, header, parity.ssrc, parity.last_sequence, &payload);
            });
            channel.parities += 1;
        }
        channel.scratch = payload;
    }

    /// Protects what is sent from now on by parity, or no more.
    pub(crate) fn protect(&mut self, is_protected: bool) {
        if std::mem::replace(&mut self.is_protected, is_protected) && !is_protected {
            self.parity.iter_mut().for_each(|parity| parity.stop());
        }
    }

    /// Sends a packet again, on the SSRC of retransmissions (RFC 4588 section 4). A stream without one sends nothing
    /// again: the same number sealed anew is the same nonce.
    pub(crate) fn resend(
        &mut self,
        channel: &mut Channel,
        departures: &mut Departures,
        encoding: Encoding,
        payload_type: u8,
        packet: &Packet,
        place: Place,
    ) -> bool {
        let Some(resend) = &mut self.resend else { return false };
        resend.last_sequence += 1;
        let numbers = Numbers {
            payload_type,
            marker: place.marker,
            sequence: resend.last_sequence as u16,
            rtp_ticks: place.rtp_ticks,
            transport_sequence: channel.count(&resend.header, packet, packet.payload.len()),
            frame: place.picture.map_or(0, |numbers| numbers.picture),
            playout_units: channel.playout_units,
        };
        let Channel { session, path, sealer, scratch, .. } = channel;
        scratch.clear();
        scratch.extend_from_slice(&(place.sequence as u16).to_be_bytes());
        scratch.extend_from_slice(&packet.payload);
        if let Some(picture) = place.picture.filter(|_| packet.descriptor.is_none()) {
            picture.write(encoding, &mut scratch[2..]);
        }
        departures.write(*session, *path, |slab| {
            let header = resend.header.write(slab, packet, numbers);
            sealer.seal_rtp(slab, header, resend.ssrc, resend.last_sequence, scratch);
        });
        true
    }
}
