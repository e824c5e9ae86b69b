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

/// Frames of two packets. Keyframes say more in their first packet than the one-byte form takes.
pub(crate) fn send(net: &mut Net, peer: usize, frames: u32, gop: u32) {
    for at in 0..frames {
        let is_keyframe = at.is_multiple_of(gop);
        let sender = &mut net.peers[peer];
        let pt = sender.rtc.codec_config().params()[0].pt();
        for part in 0..2_u8 {
            let is_first = is_keyframe && part == 0;
            let mut payload = vec![if is_first { 0x18 } else { 0x10 }, 0x30, part];
            payload.resize(1000, 7);
            let flags = if part == 0 { 0x80 } else { 0x40 };
            let mut said = [&[flags][..], &(sender.frame as u16).to_be_bytes()].concat();
            said.resize(if is_first { 40 } else { 3 }, 0);
            let mut values = ExtensionValues::default();
            values.user_values.set(Said(said));
            sender.sequence += 1;
            let ticks = sender.frame.wrapping_mul(3000);
            let write = RtpWrite::new(pt, sender.sequence.into(), ticks, net.now, payload);
            let write = write.marker(part == 1).nackable(true).ext_vals(values);
            let mid = sender.mids[0];
            sender.rtc.direct_api().stream_tx_by_mid(mid, None).expect("a sending line").write_rtp(write);
        }
        sender.frame += 1;
        net.run(33);
    }
}
