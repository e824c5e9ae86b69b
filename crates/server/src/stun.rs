//! As much of STUN (RFC 8489) as it takes to see whose a first datagram is.

/// The local part of the USERNAME of an ICE connectivity check: what stands before the colon (RFC 8445 section
/// 7.2.2). None when this is no well-formed binding request with one.
pub fn local_fragment(datagram: &[u8]) -> Option<&str> {
    const HEADER_BYTES: usize = 20;
    const BINDING_REQUEST: [u8; 2] = [0, 1];
    const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
    const USERNAME: u16 = 6;

    let (header, mut attributes) = datagram.split_at_checked(HEADER_BYTES)?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header[..2] != BINDING_REQUEST || header[4..8] != MAGIC_COOKIE || length != attributes.len() {
        return None;
    }
    while let Some(([kind_high, kind_low, length_high, length_low], rest)) = attributes.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
        let value = rest.get(..length)?;
        if u16::from_be_bytes([*kind_high, *kind_low]) == USERNAME {
            let name = std::str::from_utf8(value).ok()?;
            return name.split_once(':').map(|(local, _)| local).filter(|local| !local.is_empty());
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (kind, value) in attributes {
            body.extend_from_slice(&kind.to_be_bytes());
            body.extend_from_slice(&u16::try_from(value.len()).expect("short").to_be_bytes());
            body.extend_from_slice(value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        let mut datagram = vec![0, 1];
        datagram.extend_from_slice(&u16::try_from(body.len()).expect("short").to_be_bytes());
        datagram.extend_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
        datagram.extend_from_slice(&[7; 12]);
        datagram.extend_from_slice(&body);
        datagram
    }

    #[test]
    fn the_name_is_found_behind_other_attributes() {
        let good = request(&[(0x8022, b"someone"), (6, b"ours:theirs"), (8, &[0; 20])]);
        assert_eq!(local_fragment(&good), Some("ours"));
    }

    #[test]
    fn everything_else_is_nobodys() {
        let good = request(&[(6, b"ours:theirs")]);
        for cut in 0..good.len() {
            assert_eq!(local_fragment(&good[..cut]), None, "cut at {cut}");
        }
        let mut response = good.clone();
        response[0] = 1;
        let mut cookie = good.clone();
        cookie[4] = 0;
        let mut overlong = good;
        overlong[23] = 200;
        for bad in [response, cookie, overlong, request(&[(6, b"nocolon")]), request(&[(6, b":theirs")]), request(&[])]
        {
            assert_eq!(local_fragment(&bad), None);
        }
        assert_eq!(local_fragment(&request(&[(6, b"\xff\xfe:x")])), None);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        // every byte of a good request replaced by every value
        let good = request(&[(0x8022, b"abc"), (6, b"ours:theirs")]);
        for place in 0..good.len() {
            for value in 0..=255 {
                let mut bytes = good.clone();
                bytes[place] = value;
                let _fragment: Option<&str> = local_fragment(&bytes);
            }
        }
    }

    #[test]
    fn hostile_checks_name_nobody_whom_they_do_not_name() {
        let good = [request(&[(0x8022, b"abc"), (6, b"ours:theirs")]), request(&[(6, b"ours:theirs"), (8, &[0; 20])])];
        let mut understood = 0;
        hostile::play(100_000, |dice| {
            let bytes = hostile::bent(dice, &good);
            if let Some(fragment) = local_fragment(&bytes) {
                understood += 1;
                let named = [fragment.as_bytes(), b":"].concat();
                assert!(bytes[20..].windows(named.len()).any(|window| window == named), "{bytes:02x?}");
            }
        });
        assert!(understood > 1000, "{understood} were understood");
    }
}
