//! Offers as a browser makes them, with invented keys: nobody is behind them.

/// The fingerprint of no certificate.
const FINGERPRINT: &str =
    "11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00";

pub(crate) const PASSWORD: &str = "passwordpasswordpassword";

/// A video and an audio m-line in this direction.
pub(crate) fn offer(direction: &str, ufrag: &str) -> String {
    let common = |mid: &str| {
        format!(
            "c=IN IP4 0.0.0.0\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{PASSWORD}\r\na=ice-options:trickle\r\n\
             a=fingerprint:sha-256 {FINGERPRINT}\r\na=setup:actpass\r\na=mid:{mid}\r\na={direction}\r\na=rtcp-mux\r\n"
        )
    };
    let source = |ssrc: u32| {
        if direction == "sendonly" {
            format!("a=ssrc:{ssrc} cname:x\r\na=ssrc:{ssrc} msid:s t\r\n")
        } else {
            String::new()
        }
    };
    format!(
        "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=msid-semantic: WMS\r\n\
         m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n{}\
         a=rtpmap:96 H264/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 transport-cc\r\n\
         a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n\
         a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n{}\
         m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n{}a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n{}",
        common("0"),
        source(1001),
        common("1"),
        source(2002),
    )
}

/// The value of an attribute in an SDP or a fragment.
pub(crate) fn attribute(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix(&format!("a={name}:")).map(str::to_owned))
}
