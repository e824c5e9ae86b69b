//! What an offer to publish is to carry.

use media::{Outline, OutlineLine};
use signaling::{FeedId, FeedOffer, Refusal, RefusalCode, VoiceOffer, limit};

/// What an offer is to carry, with every m-line named.
pub(crate) struct Plan {
    pub(crate) feeds: Vec<PlannedFeed>,
    pub(crate) voice: Option<String>,
}

/// A feed that is to be published on one m-line.
pub(crate) struct PlannedFeed {
    pub(crate) mid: String,
    pub(crate) offer: FeedOffer,
    /// The client's feed that this has been so far.
    pub(crate) known: Option<FeedId>,
    /// The one that it is to follow.
    pub(crate) follows: Option<FeedId>,
    /// What it was before its member came back.
    pub(crate) former: Option<FeedId>,
}

/// Names the m-line of each feed and of the voice.
pub(crate) fn plan(outline: &Outline, feeds: Vec<FeedOffer>, voice: Option<VoiceOffer>) -> Result<Plan, Refusal> {
    let mut named: Vec<String> = feeds.iter().filter_map(|feed| feed.mid.clone()).collect();
    let mut planned = Vec::new();
    for feed in feeds {
        if feed.label.len() > limit::LABEL_BYTES || feed.label.chars().any(char::is_control) {
            let sentence = format!("A label has at most {} bytes and no control characters.", limit::LABEL_BYTES);
            return Err(Refusal::new(RefusalCode::BadLabel, sentence));
        }
        let mid = sending_line(outline, feed.mid.as_deref(), &named, |line| line.is_video)?;
        named.push(mid.clone());
        if planned.iter().any(|planned: &PlannedFeed| planned.mid == mid) {
            return Err(Refusal::new(RefusalCode::BadMessage, format!("The m-line {mid} is named twice.")));
        }
        planned.push(PlannedFeed { mid, offer: feed, known: None, follows: None, former: None });
    }
    let voice =
        voice.map(|voice| sending_line(outline, voice.mid.as_deref(), &[], |line| line.is_audio)).transpose()?;
    Ok(Plan { feeds: planned, voice })
}

/// The m-line with this `mid`, or the first that sends, fits and is not named elsewhere.
fn sending_line(
    outline: &Outline,
    mid: Option<&str>,
    named: &[String],
    fits: impl Fn(&OutlineLine) -> bool,
) -> Result<String, Refusal> {
    let found = outline.lines.iter().find(|line| {
        line.sends
            && fits(line)
            && !line.mid.is_empty()
            && mid.map_or_else(|| !named.contains(&line.mid), |mid| line.mid == mid)
    });
    found.map(|line| line.mid.clone()).ok_or_else(|| {
        let which = mid.map_or_else(|| "that is free".to_owned(), |mid| format!("with mid {mid}"));
        Refusal::new(RefusalCode::NoMedia, format!("The offer has no sending m-line {which} for what it is to carry."))
    })
}
