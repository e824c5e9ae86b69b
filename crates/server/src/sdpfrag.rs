//! `application/trickle-ice-sdpfrag` (RFC 8840): ICE credentials and candidates, taken from and put into SDP.

use signaling::{Refusal, RefusalCode};

/// Candidates in one fragment; a machine with more addresses than that has other troubles.
const CANDIDATES: usize = 128;

/// What a fragment, or an SDP, says of ICE.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fragment {
    /// User fragment and password.
    pub credentials: Option<Credentials>,
    /// Values of candidate attributes: `candidate:...`.
    pub candidates: Vec<String>,
    /// True when there will be no more.
    pub ended: bool,
    /// The first m-line and its mid, which carries the candidates of a bundle.
    pub media: Option<(String, String)>,
}

/// What proves an ICE peer. The password is as good as a key, so this has no `Debug` of its own.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user fragment.
    pub ufrag: String,
    /// The password.
    pub pwd: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("‹private›")
    }
}

impl Fragment {
    /// Reads a fragment or a whole SDP; what is not about ICE is passed over.
    ///
    /// # Errors
    /// `bad_candidate` when it is neither, contradicts itself or holds too much.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let bad = |sentence: &str| Err(Refusal::new(RefusalCode::BadCandidate, sentence));
        let (mut ufrag, mut pwd) = (None, None);
        let mut fragment = Self::default();
        for line in lines(text) {
            let Some((kind, value)) = line.split_once('=').filter(|(kind, _)| kind.len() == 1) else {
                return bad("Every line must be a letter, '=' and a value.");
            };
            let (name, value) = match (kind, value.split_once(':')) {
                ("m", _) if fragment.media.is_none() => {
                    fragment.media = Some((value.to_owned(), String::new()));
                    continue;
                }
                ("a", Some((name, value))) => (name, value),
                ("a", None) => (value, ""),
                _ => continue,
            };
            match name {
                "ice-ufrag" if !set(&mut ufrag, value, 4) => return bad("There are two or malformed ice-ufrag."),
                "ice-pwd" if !set(&mut pwd, value, 22) => return bad("There are two or malformed ice-pwd."),
                "candidate" => fragment.candidates.push(format!("candidate:{value}")),
                "end-of-candidates" => fragment.ended = true,
                "mid" => {
                    if let Some((_, mid)) = fragment.media.as_mut().filter(|(_, mid)| mid.is_empty()) {
                        value.clone_into(mid);
                    }
                }
                _ => {}
            }
        }
        if fragment.candidates.len() > CANDIDATES {
            return bad("There are too many candidates.");
        }
        fragment.credentials = match (ufrag, pwd) {
            (Some(ufrag), Some(pwd)) => Some(Credentials { ufrag, pwd }),
            (None, None) => None,
            _ => return bad("ice-ufrag and ice-pwd go together."),
        };
        Ok(fragment)
    }

    /// Writes it as a fragment of an ICE-lite server.
    pub fn write(&self) -> String {
        let mut text = "a=ice-lite\r\n".to_owned();
        if let Some(Credentials { ufrag, pwd }) = &self.credentials {
            text += &format!("a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\n");
        }
        if let Some((media, mid)) = &self.media {
            text += &format!("m={media}\r\na=mid:{mid}\r\n");
            for candidate in &self.candidates {
                text += &format!("a={candidate}\r\n");
            }
            text += "a=end-of-candidates\r\n";
        }
        text
    }
}

/// The offer said again for an ICE restart: the same in everything but ICE (RFC 9725 section 4.3.3).
pub fn restarted(offer: &str, credentials: &Credentials, candidates: &[String]) -> String {
    let mut text = String::with_capacity(offer.len() + 200);
    let mut put = |line: &str| {
        text.push_str(line);
        text.push_str("\r\n");
    };
    let mut sections = 0;
    for line in lines(offer) {
        if line.starts_with("m=") {
            // candidates of a bundle stand in its first section
            if sections == 1 {
                candidates.iter().for_each(|candidate| put(&format!("a={candidate}")));
            }
            sections += 1;
        }
        if line.starts_with("a=ice-ufrag:") {
            put(&format!("a=ice-ufrag:{}", credentials.ufrag));
        } else if line.starts_with("a=ice-pwd:") {
            put(&format!("a=ice-pwd:{}", credentials.pwd));
        } else if let Some(origin) = line.strip_prefix("o=") {
            put(&format!("o={}", next_version(origin)));
        } else if !line.starts_with("a=candidate:") && line != "a=end-of-candidates" {
            put(line);
        }
    }
    if sections == 1 {
        candidates.iter().for_each(|candidate| put(&format!("a={candidate}")));
    }
    text
}

/// The origin with its version counted up, which says that the description has changed (RFC 3264 section 8).
fn next_version(origin: &str) -> String {
    let mut words: Vec<String> = origin.split(' ').map(str::to_owned).collect();
    if let Some(version) = words.get_mut(2) {
        *version = version.parse::<u64>().map_or(1, |version| version.wrapping_add(1)).to_string();
    }
    words.join(" ")
}

/// Sets it once; false when it is malformed or was something else before.
fn set(place: &mut Option<String>, value: &str, least: usize) -> bool {
    let ice_char = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    // Chromium's are plain; other libraries use '-' and '_', which no parser minds
    let known = |byte: u8| ice_char(byte) || byte == b'-' || byte == b'_';
    let good = (least..=256).contains(&value.len()) && value.bytes().all(known);
    let same = place.as_ref().is_none_or(|before| before == value);
    if good && same {
        *place = Some(value.to_owned());
    }
    good && same
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').map(|line| line.trim_end_matches('\r')).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRICKLE: &str = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n\
        a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1\r\n\
        a=candidate:473322822 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active\r\na=end-of-candidates\r\n";

    #[test]
    fn a_fragment_is_read() {
        let fragment = Fragment::parse(TRICKLE).expect("the RFC's example");
        let credentials = fragment.credentials.expect("has them");
        assert_eq!((credentials.ufrag.as_str(), credentials.pwd.len()), ("EsAw", 24));
        assert_eq!(fragment.candidates.len(), 2);
        assert!(fragment.candidates[0].starts_with("candidate:1387637174 1 udp"));
        assert!(fragment.ended);
        assert_eq!(fragment.media, Some(("audio 9 RTP/AVP 0".to_owned(), "0".to_owned())));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let fragment = Fragment::parse(TRICKLE).expect("the RFC's example");
        let written = fragment.write();
        assert!(written.starts_with("a=ice-lite\r\n"));
        assert_eq!(Fragment::parse(&written), Ok(fragment));
    }

    #[test]
    fn what_is_none_is_refused() {
        for bad in [
            "hello",
            "a=ice-ufrag:EsAw",
            "a=ice-ufrag:abc\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
            "a=ice-ufrag:EsAw\r\na=ice-pwd:short",
            "a=ice-ufrag:EsAw\r\na=ice-ufrag:Other\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
            "a=ice-ufrag:Es w\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
            &"a=candidate:1\r\n".repeat(CANDIDATES + 1),
        ] {
            assert_eq!(Fragment::parse(bad).expect_err(bad).code, RefusalCode::BadCandidate);
        }
        assert_eq!(Fragment::parse(""), Ok(Fragment::default()));
    }

    #[test]
    fn a_restart_changes_ice_and_nothing_else() {
        let offer = "v=0\r\no=- 1 7 IN IP4 127.0.0.1\r\nm=audio 9 X 1\r\na=ice-ufrag:old1\r\na=ice-pwd:oldoldoldoldoldoldoldold\r\n\
            a=candidate:old\r\na=mid:0\r\nm=video 9 X 2\r\na=ice-ufrag:old1\r\na=mid:1\r\n";
        let credentials = Credentials { ufrag: "new1".to_owned(), pwd: "newnewnewnewnewnewnewnew".to_owned() };
        let again = restarted(offer, &credentials, &["candidate:new".to_owned()]);
        assert_eq!(
            again,
            "v=0\r\no=- 1 8 IN IP4 127.0.0.1\r\nm=audio 9 X 1\r\na=ice-ufrag:new1\r\na=ice-pwd:newnewnewnewnewnewnewnew\r\n\
             a=mid:0\r\na=candidate:new\r\nm=video 9 X 2\r\na=ice-ufrag:new1\r\na=mid:1\r\n"
        );
    }

    #[test]
    fn no_text_makes_it_panic() {
        // every prefix, and every byte replaced by ones that matter to the grammar
        for end in 0..TRICKLE.len() {
            let _read: Result<Fragment, Refusal> = Fragment::parse(&TRICKLE[..end]);
            for byte in ["", "=", ":", "\n", "\r", "\0", "é"] {
                let _read: Result<Fragment, Refusal> =
                    Fragment::parse(&format!("{}{byte}{}", &TRICKLE[..end], &TRICKLE[end + 1..]));
            }
        }
    }

    const SPLINTERS: [&str; 16] = [
        "a=",
        "m=",
        "o=",
        "a=mid:",
        "a=candidate:",
        "a=ice-ufrag:",
        "a=ice-pwd:",
        "\n",
        "\r\n",
        "\r",
        "=",
        ":",
        "\0",
        "é",
        "m=video 9 X 1\r\n",
        "a=end-of-candidates\r\n",
    ];

    #[test]
    fn hostile_fragments_are_written_as_they_were_read() {
        let mut understood = 0;
        hostile::play(50_000, |dice| {
            let text = hostile::torn(dice, &[TRICKLE], &SPLINTERS);
            let Ok(fragment) = Fragment::parse(&text) else { return };
            understood += 1;
            assert!(fragment.candidates.len() <= CANDIDATES);
            // What stands behind no m-line is not said again, and that there are no more candidates always is.
            let mut wanted = Fragment { ended: fragment.media.is_some(), ..fragment.clone() };
            if fragment.media.is_none() {
                wanted.candidates.clear();
            }
            assert_eq!(Fragment::parse(&fragment.write()), Ok(wanted), "{text:?}");
        });
        assert!(understood > 1000, "{understood} were understood");
    }

    #[test]
    fn hostile_offers_are_restarted_with_what_is_not_about_ice() {
        let offer = "v=0\r\no=- 1 7 IN IP4 127.0.0.1\r\nm=audio 9 X 1\r\na=ice-ufrag:old1\r\na=candidate:old\r\na=mid:0\r\n\
            m=video 9 X 2\r\na=ice-ufrag:old1\r\na=mid:1\r\n";
        let credentials = Credentials { ufrag: "new1".to_owned(), pwd: "newnewnewnewnewnewnewnew".to_owned() };
        let others = |text: &str| {
            let is_other = |line: &&str| {
                !["o=", "a=ice-ufrag:", "a=ice-pwd:", "a=candidate:", "a=end-of-candidates"]
                    .iter()
                    .any(|start| line.starts_with(start))
            };
            lines(text).filter(is_other).map(str::to_owned).collect::<Vec<_>>()
        };
        hostile::play(20_000, |dice| {
            let offer = hostile::torn(dice, &[offer], &SPLINTERS);
            let again = restarted(&offer, &credentials, &["candidate:new".to_owned()]);
            let is_old = |line: &str| line.starts_with("a=ice-ufrag:old") || line.starts_with("a=candidate:old");
            assert!(!lines(&again).any(is_old), "{offer:?}");
            assert_eq!(others(&again), others(&offer), "{offer:?}");
        });
    }

    #[test]
    fn long_fragments_and_offers_are_read_once() {
        let sdp =
            |bytes: usize| "m=audio 9 X 1\r\na=mid:0\r\na=ice-ufrag:abcd\r\na=candidate:1 1 udp\r\n".repeat(bytes / 64);
        let credentials = Credentials { ufrag: "new1".to_owned(), pwd: "newnewnewnewnewnewnewnew".to_owned() };
        for growth in [
            hostile::growth(sdp, |sdp| assert!(Fragment::parse(sdp).is_err())),
            hostile::growth(sdp, |sdp| drop(restarted(sdp, &credentials, &[]))),
        ] {
            assert!(growth < 32.0, "{growth} times the time for 8 times the length");
        }
    }
}
