//! Opus at 48 kHz mono, in packets of 20 ms.

use opus::{Application, Bitrate, Channels};

use crate::Error;

/// The sample rate of everything that is heard here.
pub const SAMPLE_RATE_HZ: u32 = 48_000;
/// Samples in one packet: 20 ms.
pub const PACKET_SAMPLES: usize = 960;
/// Packets in one second.
pub const PACKETS_PER_SECOND: usize = SAMPLE_RATE_HZ as usize / PACKET_SAMPLES;
/// The longest packet there can be (RFC 6716 section 3.4).
const PACKET_BYTES: usize = 1275;

/// One packet of a voice and how loud it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sound {
    /// The Opus packet.
    pub packet: Vec<u8>,
    /// Its level in dB against the loudest possible, 0 to -127 (RFC 6464), so that a server can tell who speaks.
    pub level_dbov: i8,
}

/// Encodes one voice.
pub struct Encoder {
    inner: opus::Encoder,
}

impl Encoder {
    /// A mono encoder with in-band forward error correction.
    pub fn new(bitrate_bps: u32) -> Result<Self, Error> {
        let mut inner =
            opus::Encoder::new(SAMPLE_RATE_HZ, Channels::Mono, Application::Audio).map_err(Error::EncodeOpus)?;
        inner.set_bitrate(Bitrate::Bits(bitrate_bps.try_into().unwrap_or(i32::MAX))).map_err(Error::EncodeOpus)?;
        inner.set_inband_fec(true).map_err(Error::EncodeOpus)?;
        inner.set_packet_loss_perc(5).map_err(Error::EncodeOpus)?;
        Ok(Self { inner })
    }

    /// Encodes [`PACKET_SAMPLES`] samples of -1..1 into one packet.
    pub fn encode(&mut self, samples: &[f32]) -> Result<Vec<u8>, Error> {
        self.inner.encode_vec_float(samples, PACKET_BYTES).map_err(Error::EncodeOpus)
    }

    /// Encodes a whole sound; an incomplete last packet is filled up with silence.
    pub fn encode_all(&mut self, samples: &[f32]) -> Result<Vec<Sound>, Error> {
        let mut packet = [0.0; PACKET_SAMPLES];
        samples
            .chunks(PACKET_SAMPLES)
            .map(|chunk| {
                packet.fill(0.0);
                packet[..chunk.len()].copy_from_slice(chunk);
                Ok(Sound { packet: self.encode(&packet)?, level_dbov: level_dbov(&packet) })
            })
            .collect()
    }
}

/// The level of samples of -1..1: their root mean square in dB, 0 to -127.
fn level_dbov(samples: &[f32]) -> i8 {
    let power = samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32;
    (10.0 * power.log10()).clamp(-127.0, 0.0) as i8
}

/// Decodes one voice, mono.
pub struct Decoder {
    inner: opus::Decoder,
}

impl Decoder {
    /// A decoder at [`SAMPLE_RATE_HZ`]; a stereo stream is mixed down.
    pub fn new() -> Result<Self, Error> {
        Ok(Self { inner: opus::Decoder::new(SAMPLE_RATE_HZ, Channels::Mono).map_err(Error::DecodeOpus)? })
    }

    /// The samples of one packet, -1..1. An empty packet stands for a lost one and is concealed.
    pub fn decode(&mut self, packet: &[u8]) -> Result<Vec<f32>, Error> {
        let mut samples = vec![0.0; PACKET_SAMPLES * 6];
        if packet.is_empty() {
            samples.truncate(PACKET_SAMPLES);
        }
        let count = self.inner.decode_float(packet, &mut samples, false).map_err(Error::DecodeOpus)?;
        samples.truncate(count);
        Ok(samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_against_the_loudest() {
        assert_eq!(level_dbov(&[1.0, -1.0, 1.0, -1.0]), 0);
        assert_eq!(level_dbov(&[0.1, -0.1]), -20);
        assert_eq!(level_dbov(&[0.0; 960]), -127);
    }
}
