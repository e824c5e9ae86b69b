//! Temporal layers: which frames of a stream no other frame needs, as far as its packets say so.

use crate::history::History;
use crate::packet::Packet;

/// The temporal layers of one stream.
#[derive(Debug, Default)]
pub(crate) struct TemporalLayers {
    /// The highest since the last keyframe.
    top: u8,
}

impl TemporalLayers {
    /// Takes note of a packet that is kept.
    pub(crate) fn note(&mut self, packet: &Packet) {
        self.top = if packet.begins_keyframe { 0 } else { self.top.max(packet.temporal_layer) };
    }

    /// If a frame begins with this packet, is whole, and no other frame needs it: the sequence number after it.
    pub(crate) fn after_spare_frame(&self, history: &History, first: &Packet) -> Option<u64> {
        let is_spare = |packet: &Packet| packet.temporal_layer > 0 && packet.temporal_layer == self.top;
        if !is_spare(first) || history.get(first.sequence.checked_sub(1)?)?.rtp_ticks == first.rtp_ticks {
            return None;
        }
        let mut after = first.sequence;
        for packet in history.from(first.sequence) {
            if packet.sequence != after || packet.rtp_ticks != first.rtp_ticks || !is_spare(packet) {
                return None;
            }
            after += 1;
            if packet.marker {
                return Some(after);
            }
        }
        None
    }
}
