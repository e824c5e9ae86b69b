//! `/whip/{room}`: publishing by one HTTP request (RFC 9725).

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use room::Door;
use signaling::limit::LABEL_BYTES;
use signaling::{FeedKind, FeedOffer, RefusalCode, SiteId, VoiceOffer};

use crate::door;
use crate::offer::{Medium, Section};
use crate::problem::Problem;
use crate::query::Query;
use crate::resource::Purpose;
use crate::shared::Shared;

/// What the URL may say.
const PARAMETERS: [&str; 3] = ["feed", "label", "site"];

/// Publishes one feed, a voice, or both.
#[utoipa::path(
    post,
    path = "/whip/{room}",
    tag = "WHIP (RFC 9725)",
    params(
        ("room" = String, Path, description = "The room that the bearer token is for."),
        ("feed" = Option<String>, Query, description = "What the picture shows: endoscope, ultrasound, ct, fluoroscopy, microscope, room, monitor, screen or face. Needed when the offer has video."),
        ("label" = Option<String>, Query, description = "The publisher's own words for it, at most 80 bytes of UTF-8."),
        ("site" = Option<String>, Query, description = "The token's site again, or refused with not_allowed: the token alone says whose feed it is. Any parameter but these three is refused with bad_message."),
    ),
    request_body(content = String, content_type = "application/sdp", description = "The offer: at most one video and one audio m-line."),
    responses(
        (status = 201, description = "The answer; Location is the session, ETag its ICE session.", content_type = "application/sdp", body = String),
        (status = "4XX", description = "Refused.", content_type = "application/problem+json", body = crate::problem::ProblemDocument),
    ),
    security(("token" = [])),
)]
pub(crate) async fn post(
    State(shared): State<Arc<Shared>>,
    Path(room): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    door::begin(&shared, Door::Whip, &room, request, &PARAMETERS, purpose).await
}

fn purpose(sections: &[Section], query: &Query, own: Option<&SiteId>) -> Result<Purpose, Problem> {
    if query.get("site").is_some_and(|site| own.is_none_or(|own| own.as_str() != site)) {
        return Err(Problem::new(
            RefusalCode::NotAllowed,
            "The token says whose feed it is, and this is another site.",
        ));
    }
    let sending =
        |medium| sections.iter().filter(move |section: &&Section| section.medium == medium && section.sends).count();
    let (videos, voices) = (sending(Medium::Video), sending(Medium::Audio));
    if videos > 1 || voices > 1 {
        return Err(Problem::new(RefusalCode::TooManyTracks, "One session carries one feed and one voice."));
    }
    if videos + voices == 0 {
        return Err(Problem::new(RefusalCode::NoMedia, "The offer sends neither video nor audio."));
    }
    let feeds = if videos == 1 { vec![feed(query)?] } else { Vec::new() };
    Ok(Purpose::Publish { feeds, voice: (voices == 1).then_some(VoiceOffer { mid: None }) })
}

/// What a picture shows is never guessed (hazard H2).
fn feed(query: &Query) -> Result<FeedOffer, Problem> {
    let words = || FeedKind::ALL.map(FeedKind::as_str).join(", ");
    let kind = query.get("feed").map(FeedKind::from_str);
    let Some(Ok(kind)) = kind else {
        let sentence = format!("The URL must say what the picture shows, by ?feed= and one of {}.", words());
        return Err(Problem::new(RefusalCode::BadMessage, sentence));
    };
    let label = query.get("label").unwrap_or("");
    if label.len() > LABEL_BYTES || label.chars().any(char::is_control) {
        let sentence = format!("A label has at most {LABEL_BYTES} bytes and no control characters.");
        return Err(Problem::new(RefusalCode::BadLabel, sentence));
    }
    Ok(FeedOffer { mid: None, kind, label: label.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offer::sections;
    use crate::problem::Code;

    const VIDEO: &str = "v=0\r\nm=video 9 X 96\r\na=mid:0\r\na=sendonly\r\n";
    const AUDIO: &str = "m=audio 9 X 111\r\na=mid:1\r\na=sendonly\r\n";

    fn ask(sdp: &str, query: &str) -> Result<Purpose, Code> {
        let query = Query::parse(query, &PARAMETERS).expect("good parameters");
        let own = "a".parse().expect("a name");
        purpose(&sections(sdp).expect("an SDP"), &query, Some(&own)).map_err(|problem| problem.code())
    }

    #[test]
    fn what_the_offer_sends_is_published() {
        let asked = ask(&format!("{VIDEO}{AUDIO}"), "feed=ct&label=Series+2");
        let Ok(Purpose::Publish { feeds, voice }) = asked else { panic!("must be published") };
        assert_eq!((feeds[0].kind, feeds[0].label.as_str()), (FeedKind::Ct, "Series 2"));
        assert!(voice.is_some());
        let Ok(Purpose::Publish { feeds, voice }) = ask(&format!("v=0\r\n{AUDIO}"), "") else {
            panic!("a voice needs no kind");
        };
        assert!(feeds.is_empty() && voice.is_some());
    }

    #[test]
    fn a_picture_says_what_it_shows() {
        assert_eq!(ask(VIDEO, "").expect_err("no kind"), RefusalCode::BadMessage);
        assert_eq!(ask(VIDEO, "feed=xray").expect_err("no such kind"), RefusalCode::BadMessage);
        assert_eq!(
            ask(VIDEO, &format!("feed=ct&label={}", "x".repeat(81))).expect_err("too long"),
            RefusalCode::BadLabel
        );
        assert_eq!(ask(VIDEO, "feed=ct&label=a%07b").expect_err("a bell"), RefusalCode::BadLabel);
    }

    #[test]
    fn the_token_says_whose_it_is() {
        assert!(ask(VIDEO, "feed=ct&site=a").is_ok(), "the same again");
        assert_eq!(ask(VIDEO, "feed=ct&site=b").expect_err("another's"), RefusalCode::NotAllowed);
        let query = Query::parse("feed=face&site=a", &PARAMETERS).expect("good parameters");
        let sections = sections(VIDEO).expect("an SDP");
        let refused = purpose(&sections, &query, None).expect_err("of the panel").code();
        assert_eq!(refused, RefusalCode::NotAllowed);
    }

    #[test]
    fn other_offers_are_refused() {
        let silent = "v=0\r\nm=video 9 X 96\r\na=recvonly\r\n";
        assert_eq!(ask(silent, "feed=ct").expect_err("sends nothing"), RefusalCode::NoMedia);
        let two = format!("{VIDEO}{}", &VIDEO[5..]);
        assert_eq!(ask(&two, "feed=ct").expect_err("two"), RefusalCode::TooManyTracks);
    }
}
