//! As much of an SDP offer as it takes to say which m-lines a WHIP or WHEP request is about.

/// What an m-line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    /// `m=audio`.
    Audio,
    /// `m=video`.
    Video,
    /// Anything else.
    Other,
}

/// One m-line and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// What it is for.
    pub medium: Medium,
    /// Its mid.
    pub mid: Option<String>,
    /// True when the offerer wants to send in it.
    pub sends: bool,
    /// True when the offerer wants to receive in it.
    pub receives: bool,
}

/// The m-lines of an offer that are not rejected. None when this is no SDP at all.
pub fn sections(sdp: &str) -> Option<Vec<Section>> {
    if !sdp.starts_with("v=0") {
        return None;
    }
    let mut session = ("sendrecv", Vec::new());
    let mut rejected = false;
    let is_bundle_only = sdp.contains("a=bundle-only");
    for line in sdp.lines().map(str::trim_end) {
        if let Some(media) = line.strip_prefix("m=") {
            let mut words = media.split(' ');
            let medium = match words.next() {
                Some("audio") => Medium::Audio,
                Some("video") => Medium::Video,
                _ => Medium::Other,
            };
            rejected = words.next() == Some("0") && !is_bundle_only;
            if !rejected {
                let (sends, receives) = direction(session.0);
                session.1.push(Section { medium, mid: None, sends, receives });
            }
        } else if let Some(attribute) = line.strip_prefix("a=").filter(|_| !rejected) {
            match session.1.last_mut() {
                Some(section) if is_direction(attribute) => (section.sends, section.receives) = direction(attribute),
                Some(section) if attribute.starts_with("mid:") => section.mid = Some(attribute[4..].to_owned()),
                None if is_direction(attribute) => session.0 = attribute,
                _ => {}
            }
        }
    }
    Some(session.1)
}

fn is_direction(attribute: &str) -> bool {
    matches!(attribute, "sendrecv" | "sendonly" | "recvonly" | "inactive")
}

fn direction(attribute: &str) -> (bool, bool) {
    (matches!(attribute, "sendrecv" | "sendonly"), matches!(attribute, "sendrecv" | "recvonly"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_with_their_mids_and_directions() {
        let sdp = "v=0\r\na=sendonly\r\nm=audio 9 X 111\r\na=mid:a\r\nm=video 9 X 96\r\na=mid:v\r\na=recvonly\r\n\
            m=video 0 X 96\r\na=mid:gone\r\nm=application 9 X w\r\n";
        let found = sections(sdp).expect("an SDP");
        let shape: Vec<_> = found.iter().map(|s| (s.medium, s.mid.as_deref(), s.sends, s.receives)).collect();
        assert_eq!(
            shape,
            [
                (Medium::Audio, Some("a"), true, false),
                (Medium::Video, Some("v"), false, true),
                (Medium::Other, None, true, false)
            ]
        );
    }

    #[test]
    fn bundle_only_sections_have_port_zero_and_count() {
        let sdp = "v=0\nm=audio 9 X 1\na=mid:0\nm=video 0 X 2\na=bundle-only\na=mid:1\n";
        assert_eq!(sections(sdp).expect("an SDP").len(), 2);
        assert_eq!(sections("hello"), None);
    }

    #[test]
    fn hostile_offers_have_no_more_sections_than_they_say() {
        let good = "v=0\r\na=sendonly\r\nm=audio 9 X 111\r\na=mid:a\r\nm=video 0 X 96\r\na=bundle-only\r\na=mid:v\r\na=recvonly\r\n";
        let splinters = ["m=", "m=video 0", "a=mid:", "a=inactive", "v=0", "\r", "\n", "\0", "é", " ", "0", "a="];
        let mut understood = 0;
        hostile::play(20_000, |dice| {
            let sdp = hostile::torn(dice, &[good], &splinters);
            let Some(found) = sections(&sdp) else { return };
            understood += found.len();
            assert!(found.len() <= sdp.matches("m=").count(), "{sdp:?}");
            let mids = found.iter().filter_map(|section| section.mid.as_ref());
            assert!(mids.map(String::len).sum::<usize>() <= sdp.len(), "{sdp:?}");
        });
        assert!(understood > 1000, "{understood} were understood");
    }

    #[test]
    fn long_offers_are_read_once() {
        let sdp = |bytes| format!("v=0\r\n{}", "m=video 0 X 96\r\n".repeat(bytes / 16));
        let growth = hostile::growth(sdp, |sdp| drop(sections(sdp)));
        assert!(growth < 32.0, "{growth} times the time for 8 times the length");
    }
}
