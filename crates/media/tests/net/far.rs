//! Who is far away, and takes parity for that.

use std::time::Instant;

use str0m::Input;
use str0m::net::{Protocol, Receive};

use super::{Peer, SERVER};

impl Peer {
    /// Takes what has reached it by now.
    pub(super) fn take_what_came(&mut self, now: Instant) {
        let server = SERVER.parse().expect("address");
        while let Some((_, bytes)) = self.coming.pop_front_if(|(at, _)| *at <= now) {
            let receive = Receive::new(Protocol::Udp, server, self.address, &bytes).expect("a datagram");
            self.rtc.handle_input(Input::Receive(now, receive)).expect("a peer that works");
            self.drain();
        }
    }
}

/// An offer of lines for pictures, with what Chromium adds to it.
pub(super) fn with_parity(sdp: &str) -> String {
    let line = |line: &str| match line {
        _ if line.starts_with("m=video ") => format!("{line} 49\r\n"),
        _ if line.starts_with("a=mid:") => format!("{line}\r\na=rtpmap:49 flexfec-03/90000\r\n"),
        _ => format!("{line}\r\n"),
    };
    sdp.lines().map(line).collect()
}
