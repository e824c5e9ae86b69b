//! Browsers that come to watch, as far as their offers go: they join, offer, hear the answer and do no more.

use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use crate::server::Server;

/// As many lines as a page has for three sites with four feeds each and one more, and for four voices.
const SLOTS: usize = 13;
const VOICES: usize = 4;
const PATIENCE: Duration = Duration::from_secs(20);

/// What Chromium 156 offers to receive, by payload type, encoding and parameters; each has its retransmission beside it.
const ENCODINGS: [(u8, &str, &str); 15] = [
    (96, "VP8", ""),
    (98, "VP9", "profile-id=0"),
    (100, "VP9", "profile-id=2"),
    (35, "VP9", "profile-id=1"),
    (37, "VP9", "profile-id=3"),
    (102, "H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f"),
    (104, "H264", "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f"),
    (106, "H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
    (108, "H264", "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f"),
    (114, "H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f"),
    (116, "H264", "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=4d001f"),
    (39, "H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=f4001f"),
    (41, "H264", "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=f4001f"),
    (45, "AV1", "level-idx=5;profile=0;tier=0"),
    (47, "AV1", "level-idx=5;profile=1;tier=0"),
];

const EXTENSIONS: [&str; 9] = [
    "urn:ietf:params:rtp-hdrext:toffset",
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "urn:3gpp:video-orientation",
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
    "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type",
    "http://www.webrtc.org/experiments/rtp-hdrext/video-timing",
    "http://www.webrtc.org/experiments/rtp-hdrext/color-space",
    "urn:ietf:params:rtp-hdrext:sdes:mid",
];

/// A browser that has joined.
#[derive(Debug)]
pub struct Browser {
    socket: WebSocket<TcpStream>,
    number: usize,
}

impl Browser {
    /// Joins a room; each has a token of its own.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn join(server: &Server, room: &str, role: &str, number: usize) -> Result<Self> {
        let host = server.http.strip_prefix("http://").context("an address")?;
        let stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let (socket, _) = tungstenite::client(format!("ws://{host}/ws"), stream).context("open a WebSocket")?;
        let mut browser = Self { socket, number };
        let token = server.token(room, role, None)?;
        browser.ask(&json!({ "type": "join", "id": 1, "version": 1, "token": token }), "joined")?;
        Ok(browser)
    }

    /// Offers to receive; gives how long the answer took.
    ///
    /// # Errors
    /// If it is a refusal.
    pub fn receive(&mut self) -> Result<Duration> {
        let names = |from: usize, to: usize| (from..to).map(|mid| mid.to_string()).collect::<Vec<_>>();
        let (slots, voices) = (names(0, SLOTS), names(SLOTS, SLOTS + VOICES));
        let offer = offer(self.number);
        let receive = json!({ "type": "receive", "id": 2, "sdp": offer, "slots": slots, "voices": voices });
        let began = Instant::now();
        self.ask(&receive, "received")?;
        Ok(began.elapsed())
    }

    fn ask(&mut self, message: &Value, answer: &str) -> Result<()> {
        self.socket.send(Message::text(message.to_string())).context("say something")?;
        loop {
            let Message::Text(text) = self.socket.read().context("hear an answer")? else { continue };
            let heard: Value = serde_json::from_str(&text)?;
            if heard["re"] != message["id"] {
                continue;
            }
            if heard["type"] != answer {
                bail!("the server refuses: {heard}");
            }
            return Ok(());
        }
    }
}

/// All of them offer at the same moment; gives how long each answer took.
///
/// # Errors
/// If one is refused.
pub fn receive_at_once(browsers: Vec<Browser>) -> Result<Vec<Duration>> {
    let at = Instant::now() + Duration::from_millis(500);
    let offer = |mut browser: Browser| {
        thread::sleep(at.saturating_duration_since(Instant::now()));
        browser.receive()
    };
    thread::scope(|scope| {
        let waiting: Vec<_> = browsers.into_iter().map(|browser| scope.spawn(move || offer(browser))).collect();
        let heard = waiting.into_iter().map(|one| one.join().map_err(|_| anyhow!("a browser's thread failed"))?);
        heard.collect()
    })
}

/// What Chromium offers for these lines. Nobody is behind its certificate: the session is never connected.
fn offer(number: usize) -> String {
    let mids: Vec<String> = (0..SLOTS + VOICES).map(|mid| mid.to_string()).collect();
    let mut sdp = format!(
        "v=0\r\no=- {} 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\na=extmap-allow-mixed\r\n\
         a=msid-semantic: WMS\r\n",
        1_000_000 + number,
        mids.join(" ")
    );
    for mid in &mids[..SLOTS] {
        let types = ENCODINGS.iter().map(|(own, ..)| format!("{own} {}", own + 1)).collect::<Vec<_>>();
        sdp += &head("video", &types.join(" "), mid);
        for (own, encoding, parameters) in ENCODINGS {
            sdp += &format!("a=rtpmap:{own} {encoding}/90000\r\n");
            for feedback in ["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"] {
                sdp += &format!("a=rtcp-fb:{own} {feedback}\r\n");
            }
            if !parameters.is_empty() {
                sdp += &format!("a=fmtp:{own} {parameters}\r\n");
            }
            sdp += &format!("a=rtpmap:{resend} rtx/90000\r\na=fmtp:{resend} apt={own}\r\n", resend = own + 1);
        }
    }
    for mid in &mids[SLOTS..] {
        sdp += &head("audio", "111 63 9 0 8 13 110 126", mid);
        sdp += "a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n\
                a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\n\
                a=rtpmap:8 PCMA/8000\r\na=rtpmap:13 CN/8000\r\na=rtpmap:110 telephone-event/48000\r\n\
                a=rtpmap:126 telephone-event/8000\r\n";
    }
    sdp
}

fn head(kind: &str, types: &str, mid: &str) -> String {
    let fingerprint = vec!["9C"; 32].join(":");
    let mut head = format!(
        "m={kind} 9 UDP/TLS/RTP/SAVPF {types}\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:M9fq\r\n\
         a=ice-pwd:bIdBVRak2MTHHJXzJDpHti4D\r\na=ice-options:trickle\r\na=fingerprint:sha-256 {fingerprint}\r\n\
         a=setup:actpass\r\na=mid:{mid}\r\n"
    );
    for (id, extension) in (1..).zip(EXTENSIONS) {
        head += &format!("a=extmap:{id} {extension}\r\n");
    }
    head + "a=recvonly\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=rtcp-xr:rcvr-rtt=all\r\n"
}
