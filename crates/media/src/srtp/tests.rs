//! SRTP by the vectors of the RFCs, and by another library.

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
    let key: [u8; 16] = std::array::from_fn(|at| at as u8);
    let mut salt = [0; 14];
    salt[..12].copy_from_slice(&bytes("517569642070726f2071756f"));
    let keys = || Keys { cipher: gcm(&AES_128_GCM, &key), salt };
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

#[test]
fn hostile_packets_are_not_opened() {
    for profile in PROFILES {
        let ((mut client, _), (_, mut server)) = pair(profile);
        let good: Vec<Vec<u8>> = (0..4_usize)
            .map(|words| {
                let mut sealed = Vec::new();
                client.seal_rtcp(&mut sealed, &[&[0x80, 201, 0, 1, 0, 0, 0, 5][..], &vec![9; 40 * words]].concat());
                sealed
            })
            .collect();
        let mut opened = Vec::new();
        hostile::play(10_000, |dice| {
            let packet = hostile::bent(dice, &good);
            let is_open = server.open_rtcp(&packet, &mut opened);
            assert!(!is_open || good.contains(&packet), "{profile:?} opened {packet:02x?}");
            assert!(opened.len() <= packet.len());
        });
        assert!(server.seen.len() <= 1, "who is not believed is not remembered");
    }
}
