//! What is read of DTLS records before OpenSSL has them: it believes some that anybody could have sent.

/// Whether a datagram begins with a ClientHello or a fragment of one: a handshake record of epoch 0 (RFC 6347 section
/// 4.1) with message 0 of type 1 (section 4.2.2). Anything else before it would only move OpenSSL's replay window, past
/// which the true one is taken for a repetition, or end the session.
pub(super) fn is_client_hello(datagram: &[u8]) -> bool {
    matches!(datagram, [22, 254, _, 0, 0, _, _, _, _, _, _, _, _, 1, _, _, _, 0, 0, ..])
}

/// The bytes that any record's body has under this cipher, by OpenSSL's name for it: what stands before and behind what is sealed,
/// that is a nonce and a tag (RFC 5288, 6655, 7905), or a block of nonce, a hash of 20 bytes and padding (RFC 5246 section 6.2.3.2).
pub(super) fn shortest_sealed(cipher: &str) -> usize {
    match cipher {
        _ if cipher.contains("CHACHA20") || cipher.contains("CCM8") => 16,
        _ if cipher.contains("GCM") || cipher.contains("CCM") => 24,
        _ => 48,
    }
}

/// True if a datagram has a record of a later epoch than the handshake's that is too short to have been sealed. Whatever else is
/// forged OpenSSL passes over; that it takes for the end of the connection, and anybody can send it.
pub(super) fn has_stub(datagram: &[u8], shortest_sealed: usize) -> bool {
    let mut rest = datagram;
    // Type, version, epoch, number and length (RFC 6347 section 4.1).
    while let [_, _, _, epoch @ .., _, _, _, _, _, _, high, low] = rest.get(..13).unwrap_or(&[]) {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if epoch != [0, 0] && length < shortest_sealed {
            return true;
        }
        rest = rest.get(13 + length..).unwrap_or(&[]);
    }
    false
}
