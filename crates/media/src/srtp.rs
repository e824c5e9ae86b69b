//! SRTP of our own way out, and SRTCP both ways on it (RFC 3711, RFC 7714).
//!
//! What leaves is sealed straight into the send slab. The ciphers are those that the engine uses, with a key schedule
//! kept for each direction.

use std::collections::HashMap;

use str0m::crypto::dtls::SrtpProfile;
use str0m::crypto::{
    AeadAes128Gcm, AeadAes128GcmCipher, AeadAes256Gcm, AeadAes256GcmCipher, Aes128CmSha1_80, Aes128CmSha1_80Cipher,
    CryptoProvider, Sha1HmacProvider,
};

const GCM_TAG: usize = 16;
const CM_TAG: usize = 10;
/// The part of an SRTCP packet that is not encrypted: the first header and its SSRC.
const RTCP_CLEAR: usize = 8;
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
    Gcm128(Box<dyn AeadAes128GcmCipher>),
    Gcm256(Box<dyn AeadAes256GcmCipher>),
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
            SrtpProfile::AEAD_AES_256_GCM => {
                Cipher::Gcm256(srtp.aead_aes_256_gcm().create_cipher(self.derive(label), true))
            }
            SrtpProfile::AEAD_AES_128_GCM => {
                Cipher::Gcm128(srtp.aead_aes_128_gcm().create_cipher(self.derive(label), true))
            }
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
        let sealed = slab.len() + payload.len();
        let (roc, sequence) = ((index >> 16) as u32, index as u16);
        let gcm_salt = self.rtp.gcm_salt();
        match &mut self.rtp.cipher {
            Cipher::Gcm128(cipher) => {
                slab.resize(sealed + GCM_TAG, 0);
                let (aad, out) = slab[start..].split_at_mut(header);
                let iv = AeadAes128Gcm::rtp_iv(gcm_salt, ssrc, roc, sequence);
                cipher.encrypt(&iv, aad, payload, out).expect(FITS);
            }
            Cipher::Gcm256(cipher) => {
                slab.resize(sealed + GCM_TAG, 0);
                let (aad, out) = slab[start..].split_at_mut(header);
                let iv = AeadAes256Gcm::rtp_iv(gcm_salt, ssrc, roc, sequence);
                cipher.encrypt(&iv, aad, payload, out).expect(FITS);
            }
            Cipher::Cm { cipher, mac_key, hmac } => {
                slab.resize(sealed, 0);
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
            Cipher::Gcm128(cipher) => {
                slab.resize(start + packet.len() + GCM_TAG, 0);
                let iv = AeadAes128Gcm::rtcp_iv(gcm_salt, ssrc, self.rtcp_index);
                cipher.encrypt(&iv, &aad, secret, &mut slab[start + RTCP_CLEAR..]).expect(FITS);
                slab.extend_from_slice(&word);
            }
            Cipher::Gcm256(cipher) => {
                slab.resize(start + packet.len() + GCM_TAG, 0);
                let iv = AeadAes256Gcm::rtcp_iv(gcm_salt, ssrc, self.rtcp_index);
                cipher.encrypt(&iv, &aad, secret, &mut slab[start + RTCP_CLEAR..]).expect(FITS);
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
        let ssrc = u32::from_be_bytes(*packet.get(4..RTCP_CLEAR)?.first_chunk()?);
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
        let length = match &mut self.rtcp.cipher {
            Cipher::Gcm128(cipher) if secret.len() >= GCM_TAG => {
                let iv = AeadAes128Gcm::rtcp_iv(gcm_salt, ssrc, index);
                cipher.decrypt(&iv, &[clear, word], secret, &mut out[RTCP_CLEAR..]).ok()?
            }
            Cipher::Gcm256(cipher) if secret.len() >= GCM_TAG => {
                let iv = AeadAes256Gcm::rtcp_iv(gcm_salt, ssrc, index);
                cipher.decrypt(&iv, &[clear, word], secret, &mut out[RTCP_CLEAR..]).ok()?
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
            _ => return None,
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
mod tests {
    use openssl::hash::MessageDigest;
    use openssl::pkey::PKey;
    use openssl::sign::Signer;
    use openssl::symm;
    use str0m::crypto::from_feature_flags;

    use super::*;

    const PROFILES: [SrtpProfile; 3] =
        [SrtpProfile::AEAD_AES_256_GCM, SrtpProfile::AEAD_AES_128_GCM, SrtpProfile::AES128_CM_SHA1_80];

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
        digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
    }

    fn pair(profile: SrtpProfile) -> ((Sealer, Opener), (Sealer, Opener)) {
        let crypto = from_feature_flags();
        let material: Vec<u8> = (0..profile.keying_material_len()).map(|at| at as u8).collect();
        let end = |is_client| derive(&crypto, profile, &material, is_client).expect("enough material");
        (end(true), end(false))
    }

    #[test]
    fn keys_are_derived_as_in_rfc_3711_appendix_b_3() {
        let crypto = from_feature_flags();
        let key = bytes("E1F97A0D3E018BE0D64FA32C06DE4139");
        let salt = bytes("0EC675AD498AFEEBB6960B3AABE6");
        let master = Master { crypto: &crypto, profile: SrtpProfile::AES128_CM_SHA1_80, key: &key, salt: &salt };
        assert_eq!(master.derive::<16>(0)[..], bytes("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(master.derive::<14>(2)[..], bytes("30CBBC08863D8C85D49DB34A9AE1"));
        assert_eq!(master.derive::<20>(1)[..], bytes("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
    }

    #[test]
    fn a_packet_is_sealed_as_in_rfc_7714_section_16_1() {
        let crypto = from_feature_flags();
        let key: [u8; 16] = std::array::from_fn(|at| at as u8);
        let mut salt = [0; 14];
        salt[..12].copy_from_slice(&bytes("517569642070726f2071756f"));
        let keys = || {
            let cipher = crypto.srtp_provider.aead_aes_128_gcm().create_cipher(key, true);
            Keys { cipher: Cipher::Gcm128(cipher), salt }
        };
        let mut sealer = Sealer { rtp: keys(), rtcp: keys(), rtcp_index: 0 };
        let mut slab = bytes("8040f17b8041f8d35501a0b2");
        let payload = bytes("47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573");
        sealer.seal_rtp(&mut slab, 12, 0x5501_a0b2, 0xf17b, &payload);
        let wanted = "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf88\
                      33899d7f27beb16a9152cf765ee4390cce";
        assert_eq!(slab, bytes(wanted));
    }

    /// AES-CM and HMAC-SHA1 by another library, section by section of RFC 3711.
    #[test]
    fn a_packet_is_sealed_with_aes_cm_and_hmac_sha1() {
        let ((mut sealer, _), _) = pair(SrtpProfile::AES128_CM_SHA1_80);
        let crypto = from_feature_flags();
        let material: Vec<u8> = (0..60).collect();
        let master = Master {
            crypto: &crypto,
            profile: SrtpProfile::AES128_CM_SHA1_80,
            key: &material[..16],
            salt: &material[32..46],
        };
        let (key, mac_key, salt) = (master.derive::<16>(0), master.derive::<20>(1), master.derive::<14>(2));
        let (ssrc, index) = (0x0102_0304_u32, 0x2_fff0_u64);
        let header = [0x80, 96, 0xff, 0xf0, 0, 0, 0, 9, 1, 2, 3, 4];
        let payload = [7; 100];
        let mut slab = header.to_vec();
        sealer.seal_rtp(&mut slab, header.len(), ssrc, index, &payload);

        // Section 4.1.1: the salt, the SSRC and the index, each shifted to its place.
        let mut counter = [0; 16];
        counter[..14].copy_from_slice(&salt);
        let both = u128::from(ssrc) << 64 | u128::from(index) << 16;
        let counter = (u128::from_be_bytes(counter) ^ both).to_be_bytes();
        let secret = symm::encrypt(symm::Cipher::aes_128_ctr(), &key, Some(&counter), &payload).expect("encrypts");
        let mut wanted = [&header[..], &secret].concat();
        // Section 4.2: the tag goes over the packet and the rollover counter.
        let mac_key = PKey::hmac(&mac_key).expect("a key");
        let mut signer = Signer::new(MessageDigest::sha1(), &mac_key).expect("a signer");
        signer.update(&wanted).and_then(|()| signer.update(&2_u32.to_be_bytes())).expect("signs");
        wanted.extend_from_slice(&signer.sign_to_vec().expect("signs")[..CM_TAG]);
        assert_eq!(slab, wanted);
    }

    #[test]
    fn what_one_end_seals_the_other_opens_once() {
        for profile in PROFILES {
            let ((mut client, _), (_, mut server)) = pair(profile);
            let packet = [&[0x80, 201, 0, 3, 0, 0, 0, 5][..], &[9; 8]].concat();
            let (mut sealed, mut opened) = (Vec::new(), Vec::new());
            client.seal_rtcp(&mut sealed, &packet);
            for at in 0..sealed.len() {
                let mut forged = sealed.clone();
                forged[at] ^= 1;
                assert!(!server.open_rtcp(&forged, &mut opened), "{profile:?}, byte {at} changed");
            }
            for length in 0..sealed.len() {
                assert!(!server.open_rtcp(&sealed[..length], &mut opened), "{profile:?}, cut to {length}");
            }
            assert!(server.open_rtcp(&sealed, &mut opened), "{profile:?}");
            assert_eq!(opened, packet, "{profile:?}");
            assert!(!server.open_rtcp(&sealed, &mut opened), "{profile:?}, a second time");
        }
    }

    #[test]
    fn late_packets_are_opened_and_old_ones_are_not() {
        let ((mut client, _), (_, mut server)) = pair(SrtpProfile::AEAD_AES_256_GCM);
        let sealed: Vec<Vec<u8>> = (0..100)
            .map(|_| {
                let mut sealed = Vec::new();
                client.seal_rtcp(&mut sealed, &[0x80, 201, 0, 1, 0, 0, 0, 5]);
                sealed
            })
            .collect();
        let mut opened = Vec::new();
        let mut open = |at: usize| server.open_rtcp(&sealed[at], &mut opened);
        assert!(open(98) && open(40) && open(99), "within the window");
        assert!(!open(40) && !open(98), "a second time");
        assert!(!open(30), "beyond the window");
    }
}
