//! AV1 whose packets carry dependency descriptors.

use str0m::RtcConfig;
use str0m::rtp::{Extension, ExtensionSerializer, ExtensionValues, RtpWrite};

use super::Net;

const URI: &str = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";

/// A descriptor as a peer writes and reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said(pub(crate) Vec<u8>);

#[derive(Debug)]
struct Serializer;

impl ExtensionSerializer for Serializer {
    fn write_to(&self, out: &mut [u8], values: &ExtensionValues) -> usize {
        let said = values.user_values.get::<Said>().map_or(&[][..], |said| &said.0);
        out[..said.len()].copy_from_slice(said);
        said.len()
    }

    fn parse_value(&self, bytes: &[u8], values: &mut ExtensionValues) -> bool {
        values.user_values.set(Said(bytes.to_vec()));
        true
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }

    fn requires_two_byte_form(&self, values: &ExtensionValues) -> bool {
        values.user_values.get::<Said>().is_some_and(|said| said.0.len() > 16)
    }
}

/// What a peer can do.
pub(crate) fn config(takes_descriptors: bool) -> RtcConfig {
    let mut config = RtcConfig::new().clear_codecs().enable_av1(true);
    if takes_descriptors {
        config.extension_map().set(9, Extension::with_serializer(URI, Serializer));
    }
    config
}

/// What Chromium says with a keyframe of L2T2, of 320 x 180 and 640 x 360, behind the frame's number; and the templates of a
/// keyframe and of others, in both layers.
const L2T2: &[u8] = &[
    0x80, 0x03, 0x18, 0x7a, 0xaa, 0xf1, 0x30, 0xa0, 0xa0, 0x14, 0xd1, 0x41, 0x38, 0x23, 0x04, 0x60, 0x08, 0x64, 0x22,
    0x22, 0x26, 0x50, 0x13, 0xf0, 0x0b, 0x30, 0x27, 0xf0, 0x16, 0x70,
];
const TEMPLATES: [[u8; 2]; 2] = [[1, 4], [0, 3]];

/// Pictures of two spatial layers, of two packets each.
pub(crate) fn send_two_layers(net: &mut Net, peer: usize, pictures: u32, gop: u32) {
    send_layers(net, peer, pictures, gop, 2);
}

/// The same, of which the upper layers never come, after the lowest has been sent as one that they follow.
pub(crate) fn send_layers(net: &mut Net, peer: usize, pictures: u32, gop: u32, layers: u8) {
    for _ in 0..pictures {
        let is_keyframe = net.peers[peer].frame.is_multiple_of(gop);
        for spatial in 0..layers {
            for part in 0..2_u8 {
                let is_first = is_keyframe && spatial == 0 && part == 0;
                let template = TEMPLATES[usize::from(is_keyframe)][usize::from(spatial)];
                let number = net.peers[peer].frame as u16 * 2 + u16::from(spatial);
                let flags = template | if part == 0 { 0x80 } else { 0x40 };
                let mut said = [&[flags][..], &number.to_be_bytes()].concat();
                said.extend_from_slice(if is_first { L2T2 } else { &[] });
                let mut payload = vec![if is_first { 0x18 } else { 0x10 }, 0x34, spatial << 3];
                payload.resize(400 + 600 * usize::from(spatial), 7);
                write(net, peer, said, payload, spatial == 1 && part == 1);
            }
        }
        net.peers[peer].frame += 1;
        net.run(33);
    }
}

/// Frames of two packets. Keyframes say more in their first packet than the one-byte form takes.
pub(crate) fn send(net: &mut Net, peer: usize, frames: u32, gop: u32) {
    for at in 0..frames {
        for part in 0..2_u8 {
            let is_first = at.is_multiple_of(gop) && part == 0;
            let mut payload = vec![if is_first { 0x18 } else { 0x10 }, 0x30, part];
            payload.resize(1000, 7);
            let flags = if part == 0 { 0x80 } else { 0x40 };
            let mut said = [&[flags][..], &(net.peers[peer].frame as u16).to_be_bytes()].concat();
            said.resize(if is_first { 40 } else { 3 }, 0);
            write(net, peer, said, payload, part == 1);
        }
        net.peers[peer].frame += 1;
        net.run(33);
    }
}

fn write(net: &mut Net, peer: usize, said: Vec<u8>, payload: Vec<u8>, marker: bool) {
    let sender = &mut net.peers[peer];
    let mut values = ExtensionValues::default();
    values.user_values.set(Said(said));
    sender.sequence += 1;
    let pt = sender.rtc.codec_config().params()[0].pt();
    let ticks = sender.frame.wrapping_mul(3000);
    let write = RtpWrite::new(pt, sender.sequence.into(), ticks, net.now, payload);
    let write = write.marker(marker).nackable(true).ext_vals(values);
    let mid = sender.mids[0];
    sender.rtc.direct_api().stream_tx_by_mid(mid, None).expect("a sending line").write_rtp(write);
}
