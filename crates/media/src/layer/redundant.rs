//! Voices whose publisher sends redundancy: single packets are made of it where they come in, and lost ones found in it.

use std::time::Instant;

use super::Layer;
use crate::packet::Incoming;
use crate::red;

impl Layer {
    /// Takes a packet of a voice that carries earlier ones once more: what is missing of those, in order, and its own.
    /// False if it is malformed.
    pub(crate) fn take_redundant(&mut self, now: Instant, packet: Incoming, opus: u8) -> bool {
        let whole = packet.payload.clone();
        let own = red::read(&whole, opus, |back, ticks, payload| {
            let Some(sequence) = packet.sequence.checked_sub(back) else { return };
            let rtp_ticks = packet.rtp_ticks.wrapping_sub(ticks);
            if self.history.lacks(sequence, rtp_ticks) {
                self.traffic.recovered += 1;
                // What stood in its header is not carried with it.
                let (marker, audio_level, captured, descriptor) = (false, None, None, None);
                let payload = payload.into();
                let ssrc = packet.ssrc;
                let found = Incoming { ssrc, sequence, rtp_ticks, marker, audio_level, captured, descriptor, payload };
                self.take(now, found);
            }
        });
        let Some(own) = own else { return false };
        self.take(now, Incoming { payload: own.into(), ..packet });
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::choice::Quality;
    use crate::format::Encoding;
    use crate::parameter_sets::ParameterSets;

    #[test]
    fn a_lost_packet_of_a_voice_is_found_in_the_next_one() {
        let now = Instant::now();
        let mut voice =
            Layer::new(now, (now, Duration::ZERO), Quality::Sent(None), (Encoding::Opus, 1), ParameterSets::default());
        let sent = |sequence: u64| Incoming {
            ssrc: 1,
            sequence,
            rtp_ticks: sequence as u32 * 960,
            marker: true,
            audio_level: Some(-9),
            captured: None,
            descriptor: None,
            // The packet before it, of two bytes; and itself, of three.
            payload: [&[0x80 | 111, 15, 0, 2, 111], &[sequence as u8 - 1; 2][..], &[sequence as u8; 3]].concat().into(),
        };
        // Of the first nothing came before; two are lost on their own, two together, one is late.
        for sequence in [10, 11, 13, 14, 17, 19, 18, 20] {
            assert!(voice.take_redundant(now, sent(sequence), 111));
        }
        let kept: Vec<_> = voice.history.from(0).map(|it| (it.sequence, it.payload[0], it.payload.len())).collect();
        let (own, again) = (|it: u64| (it, it as u8, 3), |it: u64| (it, it as u8, 2));
        assert_eq!(
            kept,
            [own(10), own(11), again(12), own(13), own(14), again(16), own(17), again(18), own(19), own(20)]
        );
        assert!(voice.history.from(0).all(|it| it.rtp_ticks == it.sequence as u32 * 960));
        assert_eq!((voice.traffic.packets, voice.traffic.recovered), (10, 3));
        let cut = Incoming { payload: [0x80 | 111, 15, 0, 2, 111, 1][..].into(), ..sent(21) };
        assert!(!voice.take_redundant(now, cut, 111));
        assert_eq!(voice.history.newest().map(|it| it.sequence), Some(20));
    }
}
