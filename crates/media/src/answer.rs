//! Lines that the engine leaves out of its answers.

use crate::descriptor;
use crate::parity::ParityTypes;
use crate::red::RedTypes;

/// Completes an SDP answer.
///
/// `a=rtcp-xr:rcvr-rtt=all` (RFC 3611 section 5) makes Chromium ask for our clock, without which it gives no
/// `captureTime` with its frames. `a=end-of-candidates` (RFC 8838) says what ICE-lite implies: there are no more. `red`
/// are the lines on which we send voices with redundancy, `parity` those on which we may send parity: a stream of its own,
/// of the same name and group as the one that it protects (RFC 5956 section 4.3).
///
/// The dependency descriptor is agreed to only where there may be AV1: browsers that send it leave the picture numbers and
/// the layers out of VP8, which we read there.
pub(crate) fn complete(answer: &str, red: &[RedTypes], parity: &[ParityTypes]) -> String {
    let mut complete = String::with_capacity(answer.len() + 1024);
    let mut lines = answer.lines().peekable();
    let (mut types, mut parities) = (None, None);
    let mut may_have_av1 = false;
    while let Some(line) = lines.next() {
        if line.starts_with("m=") {
            let mid = lines.clone().find_map(|line| line.strip_prefix("a=mid:"));
            types = red.iter().find(|types| Some(&*types.mid) == mid);
            parities = parity.iter().find(|types| Some(&*types.mid) == mid);
            let mut section = lines.clone().take_while(|line| !line.starts_with("m="));
            may_have_av1 = section.any(|line| line.starts_with("a=rtpmap:") && line.contains(" AV1/"));
        }
        if descriptor::is_agreed_by(line) && !may_have_av1 {
            continue;
        }
        match types {
            Some(types) if line.starts_with("m=") => push(&mut complete, &format!("{line} {}", types.red)),
            _ if line.starts_with("m=") && parities.is_some() => {
                let payload_type = parities.map_or(0, |types| types.payload_type);
                push(&mut complete, &format!("{line} {payload_type}"));
            }
            _ => push(&mut complete, line),
        }
        if let Some(types) = parities {
            push_parity(&mut complete, line, types);
        }
        if let Some(RedTypes { red, opus, .. }) = types
            && line.starts_with(&format!("a=rtpmap:{opus} "))
        {
            push(&mut complete, &format!("a=rtpmap:{red} red/48000/2"));
            push(&mut complete, &format!("a=fmtp:{red} {opus}/{opus}"));
        }
        if line == "a=rtcp-mux" {
            push(&mut complete, "a=rtcp-xr:rcvr-rtt=all");
        }
        let is_candidate = |line: &&str| line.starts_with("a=candidate:");
        if is_candidate(&line) && !lines.peek().is_some_and(is_candidate) {
            push(&mut complete, "a=end-of-candidates");
        }
    }
    complete
}

/// What stands behind a line of the answer where parity may be sent.
fn push_parity(complete: &mut String, line: &str, types: &ParityTypes) {
    let ParityTypes { payload_type, media_ssrc, ssrc, .. } = types;
    if line == "a=rtcp-mux" {
        push(complete, &format!("a=rtpmap:{payload_type} flexfec-03/90000"));
        push(complete, &format!("a=rtcp-fb:{payload_type} transport-cc"));
        push(complete, &format!("a=fmtp:{payload_type} repair-window=10000000"));
        push(complete, &format!("a=ssrc-group:FEC-FR {media_ssrc} {ssrc}"));
    }
    if let Some(of_media) = line.strip_prefix(&format!("a=ssrc:{media_ssrc} ")) {
        push(complete, &format!("a=ssrc:{ssrc} {of_media}"));
    }
}

fn push(sdp: &mut String, line: &str) {
    sdp.push_str(line);
    sdp.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_what_is_left_out_once_a_line() {
        let answer = "v=0\r\nm=video 9 X 96\r\na=candidate:1\r\na=candidate:2\r\na=rtcp-mux\r\n";
        assert_eq!(
            complete(answer, &[], &[]),
            "v=0\r\nm=video 9 X 96\r\na=candidate:1\r\na=candidate:2\r\na=end-of-candidates\r\na=rtcp-mux\r\n\
             a=rtcp-xr:rcvr-rtt=all\r\n"
        );
    }

    #[test]
    fn descriptors_are_agreed_to_where_there_may_be_av1() {
        let descriptor =
            "a=extmap:7 https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension\r\n";
        let answer = format!(
            "m=video 9 X 96\r\n{descriptor}a=extmap:1 urn:x\r\na=rtpmap:96 VP8/90000\r\n\
             m=video 9 X 97\r\n{descriptor}a=rtpmap:97 AV1/90000\r\n"
        );
        assert_eq!(complete(&answer, &[], &[]), answer.replacen(descriptor, "", 1));
    }

    #[test]
    fn redundancy_is_agreed_to_where_it_is_sent() {
        let answer = "v=0\r\nm=audio 9 X 111\r\na=mid:a\r\na=rtpmap:111 opus/48000/2\r\n\
            m=audio 9 X 111\r\na=mid:b\r\na=rtpmap:111 opus/48000/2\r\n";
        let types = RedTypes { mid: "b".into(), red: 63, opus: 111 };
        assert_eq!(
            complete(answer, &[types], &[]),
            "v=0\r\nm=audio 9 X 111\r\na=mid:a\r\na=rtpmap:111 opus/48000/2\r\n\
             m=audio 9 X 111 63\r\na=mid:b\r\na=rtpmap:111 opus/48000/2\r\n\
             a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n"
        );
    }

    #[test]
    fn parity_is_a_stream_beside_the_one_that_it_protects() {
        let answer = "v=0\r\nm=video 9 X 96\r\na=mid:a\r\na=rtcp-mux\r\na=ssrc:7 cname:n\r\na=ssrc:9 cname:n\r\n";
        let types = ParityTypes { mid: "a".into(), payload_type: 49, media_ssrc: 7, ssrc: 8, is_offered: true };
        assert_eq!(
            complete(answer, &[], &[types]),
            "v=0\r\nm=video 9 X 96 49\r\na=mid:a\r\na=rtcp-mux\r\na=rtpmap:49 flexfec-03/90000\r\n\
             a=rtcp-fb:49 transport-cc\r\na=fmtp:49 repair-window=10000000\r\na=ssrc-group:FEC-FR 7 8\r\n\
             a=rtcp-xr:rcvr-rtt=all\r\na=ssrc:7 cname:n\r\na=ssrc:8 cname:n\r\na=ssrc:9 cname:n\r\n"
        );
    }
}
