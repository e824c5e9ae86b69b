//! Lines that the engine leaves out of its answers.

/// Completes an SDP answer.
///
/// `a=rtcp-xr:rcvr-rtt=all` (RFC 3611 section 5) makes Chromium ask for our clock, without which it gives no
/// `captureTime` with its frames. `a=end-of-candidates` (RFC 8838) says what ICE-lite implies: there are no more.
pub(crate) fn complete(answer: &str) -> String {
    let mut complete = String::with_capacity(answer.len() + 1024);
    let mut lines = answer.lines().peekable();
    while let Some(line) = lines.next() {
        push(&mut complete, line);
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
            complete(answer),
            "v=0\r\nm=video 9 X 96\r\na=candidate:1\r\na=candidate:2\r\na=end-of-candidates\r\na=rtcp-mux\r\n\
             a=rtcp-xr:rcvr-rtt=all\r\n"
        );
    }
}
