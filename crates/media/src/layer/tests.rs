//! What a layer makes of its packets.

use super::*;

const H264: Encoding = Encoding::H264 { packetization_mode: 1, profile_idc: 66 };

struct Stream {
    layer: Layer,
    now: Instant,
    taken: Vec<Packet>,
}

impl Stream {
    fn new(sets: ParameterSets) -> Self {
        let now = Instant::now();
        Self {
            layer: Layer::new(now, (now, Duration::ZERO), Quality::Sent(None), (H264, 1), sets),
            now,
            taken: Vec::new(),
        }
    }

    fn take(&mut self, sequence: u64, rtp_ticks: u32, payload: &[u8]) {
        let incoming = Incoming {
            ssrc: 1,
            sequence,
            rtp_ticks,
            marker: true,
            audio_level: None,
            captured: None,
            descriptor: None,
            payload: payload.into(),
        };
        self.layer.take(self.now, incoming);
        self.taken.extend_from_slice(self.layer.fresh.after(0));
        self.layer.fresh.forget();
    }
}

#[test]
fn sets_that_are_not_in_band_are_put_in_before_each_idr() {
    let sdp = "v=0\r\nm=video 9 X 96\r\na=mid:v\r\na=fmtp:96 sprop-parameter-sets=Z0LAHw==,aM4G\r\n";
    let mut stream = Stream::new(ParameterSets::of_offer(sdp, "v"));
    stream.take(10, 0, &[0x65, 1]);
    stream.take(11, 3000, &[0x41, 1]);
    stream.take(13, 9000, &[0x65, 1]);
    stream.take(12, 6000, &[0x41, 1]);
    let sequences: Vec<_> = stream.taken.iter().map(|packet| (packet.sequence, packet.payload[0])).collect();
    assert_eq!(sequences, [(10, 0x78), (11, 0x65), (12, 0x41), (14, 0x78), (15, 0x65), (13, 0x41)]);
    assert!(stream.layer.history.is_whole());
}

#[test]
fn sets_in_band_are_left_alone() {
    let mut stream = Stream::new(ParameterSets::default());
    stream.take(1, 0, &[0x67, 1]);
    stream.take(2, 0, &[0x68, 1]);
    stream.take(3, 0, &[0x65, 1]);
    assert_eq!(stream.taken.len(), 3);
    stream.take(4, 3000, &[0x65, 1]);
    assert_eq!(stream.taken.len(), 5, "a later keyframe without sets gets the remembered ones");
}

#[test]
fn a_picture_without_its_sets_is_no_beginning() {
    let mut stream = Stream::new(ParameterSets::default());
    stream.take(2, 0, &[0x65, 1]);
    stream.take(3, 0, &[0x65, 2]);
    assert_eq!(stream.layer.history.keyframe(), None);
    stream.take(4, 3000, &[0x41, 1]);
    stream.take(1, 0, &[0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 2]);
    assert_eq!(stream.layer.history.keyframe(), Some(1), "they came late, and first of all");
    let ticks = 90_000;
    stream.now += crate::history::RESEND_AGE * 2;
    stream.take(6, ticks, &[0x65, 1]);
    stream.take(0, 0, &[0x67, 1]);
    assert_eq!(stream.layer.history.keyframe(), Some(6), "what was forgotten does not come back");
}

#[test]
fn b_frames_are_seen() {
    let mut stream = Stream::new(ParameterSets::default());
    for (sequence, frame) in [0, 3, 1, 2, 6, 4, 5, 9, 7, 8].into_iter().enumerate() {
        stream.take(sequence as u64, frame * 3000, &[0x41, 1]);
    }
    assert!(stream.layer.has_b_frames());
    let mut straight = Stream::new(ParameterSets::default());
    for sequence in [0_u64, 1, 3, 2, 4, 6, 5, 7] {
        straight.take(sequence, sequence as u32 * 3000, &[0x41, 1]);
    }
    assert!(!straight.layer.has_b_frames(), "packets out of order are not frames out of order");
}
