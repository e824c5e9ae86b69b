//! SRTP of our own way out, and SRTCP both ways on it (RFC 3711, RFC 7714).
//!
//! What leaves is sealed straight into the send slab, with a key schedule kept for each direction. AES-GCM comes from
//! where the engine has it, but without the engine between: that would clear every packet's place before it is written,
//! and allocate for whoever forges one.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use str0m::crypto::dtls::SrtpProfile;
use str0m::crypto::{AeadAes128Gcm, Aes128CmSha1_80, Aes128CmSha1_80Cipher, CryptoProvider, Sha1HmacProvider};

const GCM_TAG: usize = 16;
const CM_TAG: usize = 10;
/// The part of an SRTCP packet that is not encrypted: the first header and its SSRC.
const RTCP_CLEAR: usize = 8;
/// The second byte of RTCP where RTP comes by the same port (RFC 5761 section 4).
const RTCP_TYPES: RangeInclusive<u8> = 192..=223;
/// `E` and the index, behind every SRTCP packet.
const RTCP_INDEX: usize = 4;
const ENCRYPTED: u32 = 1 << 31;
/// Senders whose SRTCP indices are remembered, at most.
const RTCP_SENDERS: usize = 64;

/// The keys of one peer, one direction.
#[derive(Debug)]
struct Keys {
    cipher: Cipher,
    salt: [u8; 14],
}

#[derive(Debug)]
enum Cipher {
    Gcm(LessSafeKey),
    Cm { cipher: Box<dyn Aes128CmSha1_80Cipher>, mac_key: [u8; 20], hmac: &'static dyn Sha1HmacProvider },
}

/// What seals for one peer.
#[derive(Debug)]
pub(crate) struct Sealer {
    rtp: Keys,
    rtcp: Keys,
    rtcp_index: u32,
}

/// What opens the SRTCP of one peer.
#[derive(Debug)]
pub(crate) struct Opener {
    rtcp: Keys,
    seen: HashMap<u32, Replay>,
}

/// The last indices of one sender (RFC 3711 section 3.3.2).
#[derive(Debug, Default)]
struct Replay {
    newest: u32,
    /// Bit n: the index n below the newest was seen.
    window: u64,
}

/// Derives both directions from the keying material of a DTLS handshake (RFC 5764 section 4.2). None if it is too
/// short or of an unknown profile.
pub(crate) fn derive(
    crypto: &CryptoProvider,
    profile: SrtpProfile,
    material: &[u8],
    is_dtls_client: bool,
) -> Option<(Sealer, Opener)> {
    let (key_length, salt_length) = match profile {
        SrtpProfile::AEAD_AES_128_GCM => (16, 12),
        SrtpProfile::AEAD_AES_256_GCM => (32, 12),
        SrtpProfile::AES128_CM_SHA1_80 => (16, 14),
        _ => return None,
    };
    let (keys, salts) = material.get(..2 * (key_length + salt_length))?.split_at(2 * key_length);
    let (client_key, server_key) = keys.split_at(key_length);
    let (client_salt, server_salt) = salts.split_at(salt_length);
    let client = Master { crypto, profile, key: client_key, salt: client_salt };
    let server = Master { crypto, profile, key: server_key, salt: server_salt };
    let (ours, theirs) = if is_dtls_client { (client, server) } else { (server, client) };
    let sealer = Sealer { rtp: ours.keys(0), rtcp: ours.keys(3), rtcp_index: 0 };
    let opener = Opener { rtcp: theirs.keys(3), seen: HashMap::new() };
    Some((sealer, opener))
}

struct Master<'a> {
    crypto: &'a CryptoProvider,
    profile: SrtpProfile,
    key: &'a [u8],
    salt: &'a [u8],
}

impl Master<'_> {
    /// Key, authentication key and salt of one use: their labels follow each other (RFC 3711 section 4.3.2).
    fn keys(&self, label: u8) -> Keys {
        let srtp = self.crypto.srtp_provider;
        let cipher = match self.profile {
            SrtpProfile::AEAD_AES_256_GCM => gcm(&AES_256_GCM, &self.derive::<32>(label)),
            SrtpProfile::AEAD_AES_128_GCM => gcm(&AES_128_GCM, &self.derive::<16>(label)),
            _ => Cipher::Cm {
                cipher: srtp.aes_128_cm_sha1_80().create_cipher(self.derive(label), true),
                mac_key: self.derive(label + 1),
                hmac: self.crypto.sha1_hmac_provider,
            },
        };
        Keys { cipher, salt: self.derive(label + 2) }
    }

    /// The AES-CM key stream of a label; with 256-bit keys as RFC 6188 has it.
    fn derive<const N: usize>(&self, label: u8) -> [u8; N] {
        let mut block = [0; 16];
        block[..self.salt.len()].copy_from_slice(self.salt);
        block[7] ^= label;
        let mut derived = [0; N];
        for (counter, chunk) in derived.chunks_mut(16).enumerate() {
            block[15] = counter as u8;
            // The engine's ECB call wants room for padding that it does not write.
            let mut stream = [0; 32];
            if self.key.len() == 32 {
                self.crypto.srtp_provider.srtp_aes_256_ecb_round(self.key, &block, &mut stream);
            } else {
                self.crypto.srtp_provider.srtp_aes_128_ecb_round(self.key, &block, &mut stream);
            }
            chunk.copy_from_slice(&stream[..chunk.len()]);
        }
        derived
    }
}

fn gcm(algorithm: &'static Algorithm, key: &[u8]) -> Cipher {
    Cipher::Gcm(LessSafeKey::new(UnboundKey::new(algorithm, key).expect("the key has the algorithm's length")))
}

impl Keys {
    fn gcm_salt(&self) -> [u8; 12] {
        *self.salt.first_chunk().expect("14 bytes have 12")
    }
}

/// The cipher refused its input: it is longer than AES-GCM allows, which no datagram is.
const FITS: &str = "a datagram fits the cipher";

impl Sealer {
    /// Seals one RTP packet. Its header is the last `header` bytes of `slab`; `index` is its extended sequence
    /// number, whose lower 16 bits the header carries. Appends the sealed payload and the tag.
    ///
    /// An index must never be used twice for one SSRC: with GCM that would give the authentication key away.
    pub(crate) fn seal_rtp(&mut self, slab: &mut Vec<u8>, header: usize, ssrc: u32, index: u64, payload: &[u8]) {
        let start = slab.len() - header;
        let (roc, sequence) = ((index >> 16) as u32, index as u16);
        let gcm_salt = self.rtp.gcm_salt();
        match &mut self.rtp.cipher {
            Cipher::Gcm(key) => {
                slab.extend_from_slice(payload);
                let (aad, secret) = slab[start..].split_at_mut(header);
                let iv = Nonce::assume_unique_for_key(AeadAes128Gcm::rtp_iv(gcm_salt, ssrc, roc, sequence));
                let tag = key.seal_in_place_separate_tag(iv, Aad::from(&*aad), secret).expect(FITS);
                slab.extend_from_slice(tag.as_ref());
            }
            Cipher::Cm { cipher, mac_key, hmac } => {
                slab.resize(slab.len() + payload.len(), 0);
                let iv = Aes128CmSha1_80::rtp_iv(self.rtp.salt, ssrc, index);
                cipher.encrypt(&iv, payload, &mut slab[start + header..]).expect(FITS);
                let tag = hmac.sha1_hmac(mac_key, &[&slab[start..], &roc.to_be_bytes()]);
                slab.extend_from_slice(&tag[..CM_TAG]);
            }
        }
    }

    /// Seals one compound RTCP packet and appends it to `slab`. Its indices last for 34 years at two a second.
    pub(crate) fn seal_rtcp(&mut self, slab: &mut Vec<u8>, packet: &[u8]) {
        self.rtcp_index += 1;
        let (clear, secret) = packet.split_at(RTCP_CLEAR);
        let ssrc = u32::from_be_bytes(*clear.last_chunk().expect("8 bytes have 4"));
        let word = (ENCRYPTED | self.rtcp_index).to_be_bytes();
        let start = slab.len();
        slab.extend_from_slice(clear);
        let mut aad = [0; RTCP_CLEAR + RTCP_INDEX];
        aad[..RTCP_CLEAR].copy_from_slice(clear);
        aad[RTCP_CLEAR..].copy_from_slice(&word);
        let gcm_salt = self.rtcp.gcm_salt();
        match &mut self.rtcp.cipher {
            Cipher::Gcm(key) => {
                slab.extend_from_slice(secret);
                let iv = Nonce::assume_unique_for_key(AeadAes128Gcm::rtcp_iv(gcm_salt, ssrc, self.rtcp_index));
                let secret = &mut slab[start + RTCP_CLEAR..];
                let tag = key.seal_in_place_separate_tag(iv, Aad::from(&aad), secret).expect(FITS);
                slab.extend_from_slice(tag.as_ref());
                slab.extend_from_slice(&word);
            }
            Cipher::Cm { cipher, mac_key, hmac } => {
                slab.resize(start + packet.len(), 0);
                let iv = Aes128CmSha1_80::rtp_iv(self.rtcp.salt, ssrc, u64::from(self.rtcp_index));
                cipher.encrypt(&iv, secret, &mut slab[start + RTCP_CLEAR..]).expect(FITS);
                slab.extend_from_slice(&word);
                let tag = hmac.sha1_hmac(mac_key, &[&slab[start..]]);
                slab.extend_from_slice(&tag[..CM_TAG]);
            }
        }
    }
}

impl Opener {
    /// Opens one SRTCP packet into `out`. False if it is none, is forged, or was seen before.
    pub(crate) fn open_rtcp(&mut self, packet: &[u8], out: &mut Vec<u8>) -> bool {
        out.clear();
        self.open(packet, out).is_some()
    }

    fn open(&mut self, packet: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let head: [u8; RTCP_CLEAR] = *packet.first_chunk()?;
        if !RTCP_TYPES.contains(&head[1]) {
            return None;
        }
        let ssrc = u32::from_be_bytes(*head.last_chunk().expect("8 bytes have 4"));
        let gcm_salt = self.rtcp.gcm_salt();
        let is_gcm = !matches!(self.rtcp.cipher, Cipher::Cm { .. });
        let (body, tag) =
            if is_gcm { (packet, &[][..]) } else { packet.split_at_checked(packet.len().checked_sub(CM_TAG)?)? };
        let (body, word) = body.split_last_chunk::<RTCP_INDEX>()?;
        let index = u32::from_be_bytes(*word) & !ENCRYPTED;
        if u32::from_be_bytes(*word) & ENCRYPTED == 0 || self.was_seen(ssrc, index) {
            return None;
        }
        let (clear, secret) = body.split_at_checked(RTCP_CLEAR)?;
        out.extend_from_slice(clear);
        out.resize(body.len(), 0);
        let mut aad = [0; RTCP_CLEAR + RTCP_INDEX];
        aad[..RTCP_CLEAR].copy_from_slice(clear);
        aad[RTCP_CLEAR..].copy_from_slice(word);
        let length = match &mut self.rtcp.cipher {
            Cipher::Gcm(key) => {
                let iv = Nonce::assume_unique_for_key(AeadAes128Gcm::rtcp_iv(gcm_salt, ssrc, index));
                let (secret, tag) = secret.split_at_checked(secret.len().checked_sub(GCM_TAG)?)?;
                let opened = &mut out[RTCP_CLEAR..RTCP_CLEAR + secret.len()];
                key.open_separate_gather(iv, Aad::from(&aad), secret, tag, opened).ok()?;
                secret.len()
            }
            Cipher::Cm { cipher, mac_key, hmac } => {
                let wanted = hmac.sha1_hmac(mac_key, &[body, word]);
                if !openssl::memcmp::eq(&wanted[..CM_TAG], tag) {
                    return None;
                }
                let iv = Aes128CmSha1_80::rtp_iv(self.rtcp.salt, ssrc, u64::from(index));
                cipher.decrypt(&iv, secret, &mut out[RTCP_CLEAR..]).ok()?;
                secret.len()
            }
        };
        out.truncate(RTCP_CLEAR + length);
        self.note(ssrc, index);
        Some(())
    }

    fn was_seen(&self, ssrc: u32, index: u32) -> bool {
        let Some(replay) = self.seen.get(&ssrc) else { return false };
        match replay.newest.checked_sub(index) {
            None => false,
            Some(below) => below >= 64 || replay.window & 1 << below != 0,
        }
    }

    fn note(&mut self, ssrc: u32, index: u32) {
        if self.seen.len() >= RTCP_SENDERS && !self.seen.contains_key(&ssrc) {
            self.seen.clear();
        }
        let replay = self.seen.entry(ssrc).or_default();
        if index > replay.newest {
            replay.window = replay.window.checked_shl(index - replay.newest).unwrap_or(0) | 1;
            replay.newest = index;
        } else {
            replay.window |= 1 << (replay.newest - index).min(63);
        }
    }
}

#[cfg(test)]
mod tests;
