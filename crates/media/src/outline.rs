//! What an SDP offer asks for, read before it is answered: its m-lines, and whose peer connection it belongs to.

/// The m-lines of an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// In the order of the offer.
    pub lines: Vec<OutlineLine>,
    /// What stays the same in all offers of one peer connection: its `o=` session id and its certificate.
    connection: (String, String),
}

/// One m-line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlineLine {
    /// Its `mid`; empty if it has none.
    pub mid: String,
    /// `m=video`.
    pub is_video: bool,
    /// `m=audio`.
    pub is_audio: bool,
    /// The peer wants to send on it.
    pub sends: bool,
    /// The peer wants to receive on it.
    pub receives: bool,
    /// The layers that it wants to send on it (simulcast, RFC 8851), where it names any.
    pub rids: Vec<String>,
}

impl Outline {
    /// Reads an offer. What it cannot read it leaves out: the answer will say what is wrong.
    pub fn of(sdp: &str) -> Self {
        let mut lines: Vec<OutlineLine> = Vec::new();
        let mut connection = (String::new(), String::new());
        let is_bundle_only = sdp.contains("a=bundle-only");
        for text in sdp.lines() {
            if let Some(media) = text.strip_prefix("m=") {
                // Port 0 rejects an m-line (RFC 3264 section 6), except with bundle-only, which Chromium never offers.
                let is_off = media.split(' ').nth(1) == Some("0") && !is_bundle_only;
                lines.push(OutlineLine {
                    mid: String::new(),
                    is_video: media.starts_with("video "),
                    is_audio: media.starts_with("audio "),
                    sends: !is_off,
                    receives: !is_off,
                    rids: Vec::new(),
                });
            } else if let Some(origin) = text.strip_prefix("o=") {
                connection.0 = origin.split(' ').nth(1).unwrap_or("").to_owned();
            } else if let Some(fingerprint) = text.strip_prefix("a=fingerprint:") {
                if connection.1.is_empty() {
                    connection.1 = fingerprint.to_owned();
                }
            } else if let Some(line) = lines.last_mut() {
                match text {
                    "a=sendonly" => line.receives = false,
                    "a=recvonly" => line.sends = false,
                    "a=inactive" => (line.sends, line.receives) = (false, false),
                    _ => {
                        if let Some(mid) = text.strip_prefix("a=mid:") {
                            line.mid = mid.to_owned();
                        }
                        let rid = text.strip_prefix("a=rid:").and_then(|rid| rid.split_once(" send"));
                        line.rids.extend(rid.map(|(rid, _)| rid.to_owned()));
                    }
                }
            }
        }
        Self { lines, connection }
    }

    /// True if both are offers of one peer connection; false if the peer began a new one.
    pub fn is_same_connection(&self, other: &Self) -> bool {
        self.connection == other.connection
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lines_and_directions() {
        let sdp = "v=0\r\no=- 7 2 IN IP4 0\r\na=fingerprint:sha-256 AA\r\nm=audio 9 X 111\r\na=mid:0\r\na=sendrecv\r\n\
                   m=video 9 X 96\r\na=mid:1\r\na=recvonly\r\nm=video 0 X 96\r\na=mid:2\r\nm=application 9 X Y\r\n";
        let outline = Outline::of(sdp);
        let shape: Vec<_> = outline
            .lines
            .iter()
            .map(|line| (line.mid.as_str(), line.is_audio, line.is_video, line.sends, line.receives))
            .collect();
        assert_eq!(
            shape,
            [
                ("0", true, false, true, true),
                ("1", false, true, false, true),
                ("2", false, true, false, false),
                ("", false, false, true, true),
            ]
        );
        assert!(outline.lines.iter().all(|line| line.rids.is_empty()));
        assert!(outline.is_same_connection(&Outline::of("o=- 7 9 IN IP4 0\na=fingerprint:sha-256 AA\n")));
        assert!(!outline.is_same_connection(&Outline::of("o=- 8 1 IN IP4 0\na=fingerprint:sha-256 AA\n")));
        assert_eq!(Outline::of("\0garbage").lines, []);
    }

    #[test]
    fn reads_layers() {
        let sdp = "m=video 9 X 96\r\na=mid:0\r\na=rid:a send\r\na=rid:b send pt=96\r\na=rid:c recv\r\n\
                   a=simulcast:send a;b recv c\r\nm=video 9 X 96\r\na=mid:1\r\n";
        let rids: Vec<_> = Outline::of(sdp).lines.into_iter().map(|line| line.rids).collect();
        assert_eq!(rids, [vec!["a".to_owned(), "b".to_owned()], vec![]]);
    }

    const OFFER: &str = "v=0\r\no=- 7 2 IN IP4 0\r\na=fingerprint:sha-256 AA\r\nm=audio 9 X 111\r\na=mid:0\r\na=sendrecv\r\n\
        m=video 9 X 96\r\na=mid:1\r\na=recvonly\r\nm=video 0 X 96\r\na=bundle-only\r\na=mid:2\r\na=inactive\r\n";

    #[test]
    fn hostile_offers_have_no_more_lines_than_they_say() {
        let splinters =
            ["m=", "m=video 0", "a=mid:", "a=inactive", "o=", "\r", "\n", "\n\n", "\0", "é", " ", "0", "a="];
        hostile::play(20_000, |dice| {
            let sdp = hostile::torn(dice, &[OFFER], &splinters);
            let outline = Outline::of(&sdp);
            assert_eq!(outline.lines.len(), sdp.lines().filter(|line| line.starts_with("m=")).count(), "{sdp:?}");
            assert!(outline.is_same_connection(&Outline::of(&sdp)));
        });
    }

    #[test]
    fn long_offers_are_read_once() {
        let sdp = |bytes| "m=video 0 X 96\r\n".repeat(bytes / 16);
        let growth = hostile::growth(sdp, |sdp| drop(Outline::of(sdp)));
        assert!(growth < 32.0, "{growth} times the time for 8 times the length");
    }
}
