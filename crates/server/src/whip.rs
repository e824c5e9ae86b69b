//! `/whip/{room}`: publishing by one HTTP request (RFC 9725).

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::response::Response;
use serde::Deserialize;
use signaling::limit::LABEL_BYTES;
use signaling::{FeedKind, FeedOffer, RefusalCode, VoiceOffer};

use crate::door;
use crate::offer::{Medium, Section, sections};
use crate::problem::Problem;
use crate::resource::Purpose;
use crate::shared::Shared;

/// What the URL says of the feed.
#[derive(Debug, Deserialize)]
pub(crate) struct FeedQuery {
    feed: Option<String>,
    #[serde(default)]
    label: String,
}

/// Publishes one feed, a voice, or both.
#[utoipa::path(
    post,
    path = "/whip/{room}",
    tag = "WHIP (RFC 9725)",
    params(
        ("room" = String, Path, description = "The room that the bearer token is for."),
        ("feed" = Option<String>, Query, description = "What the picture shows: endoscope, ultrasound, ct, fluoroscopy, microscope, room, monitor, screen or face. Needed when the offer has video."),
        ("label" = Option<String>, Query, description = "The publisher's own words for it, at most 80 bytes."),
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
    query: Result<Query<FeedQuery>, axum::extract::rejection::QueryRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let query = query.map(|Query(query)| query).map_err(|_| "The query cannot be read.".to_owned());
    door::begin(&shared, "whip", &room, request, |sdp, _| purpose(sdp, &query)).await
}

fn purpose(sdp: &str, query: &Result<FeedQuery, String>) -> Result<Purpose, Problem> {
    let query = query.as_ref().map_err(|sentence| Problem::new(RefusalCode::BadMessage, sentence))?;
    let sections =
        sections(sdp).ok_or_else(|| Problem::new(RefusalCode::BadSdp, "The body is no session description."))?;
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
fn feed(query: &FeedQuery) -> Result<FeedOffer, Problem> {
    let words = || FeedKind::ALL.map(FeedKind::as_str).join(", ");
    let kind = query.feed.as_deref().map(FeedKind::from_str);
    let Some(Ok(kind)) = kind else {
        let sentence = format!("The URL must say what the picture shows, by ?feed= and one of {}.", words());
        return Err(Problem::new(RefusalCode::BadMessage, sentence));
    };
    if query.label.len() > LABEL_BYTES || query.label.chars().any(char::is_control) {
        let sentence = format!("A label has at most {LABEL_BYTES} bytes and no control characters.");
        return Err(Problem::new(RefusalCode::BadLabel, sentence));
    }
    Ok(FeedOffer { mid: None, kind, label: query.label.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIDEO: &str = "v=0\r\nm=video 9 X 96\r\na=mid:0\r\na=sendonly\r\n";
    const AUDIO: &str = "m=audio 9 X 111\r\na=mid:1\r\na=sendonly\r\n";

    fn ask(sdp: &str, feed: Option<&str>, label: &str) -> Result<Purpose, RefusalCode> {
        let query = FeedQuery { feed: feed.map(str::to_owned), label: label.to_owned() };
        purpose(sdp, &Ok(query)).map_err(|problem| problem.code())
    }

    #[test]
    fn what_the_offer_sends_is_published() {
        let Ok(Purpose::Publish { feeds, voice }) = ask(&format!("{VIDEO}{AUDIO}"), Some("ct"), "Series 2") else {
            panic!("must be published");
        };
        assert_eq!((feeds[0].kind, feeds[0].label.as_str()), (FeedKind::Ct, "Series 2"));
        assert!(voice.is_some());
        let Ok(Purpose::Publish { feeds, voice }) = ask(&format!("v=0\r\n{AUDIO}"), None, "") else {
            panic!("a voice needs no kind");
        };
        assert!(feeds.is_empty() && voice.is_some());
    }

    #[test]
    fn a_picture_says_what_it_shows() {
        assert_eq!(ask(VIDEO, None, "").expect_err("no kind"), RefusalCode::BadMessage);
        assert_eq!(ask(VIDEO, Some("xray"), "").expect_err("no such kind"), RefusalCode::BadMessage);
        assert_eq!(ask(VIDEO, Some("ct"), &"x".repeat(81)).expect_err("too long"), RefusalCode::BadLabel);
        assert_eq!(ask(VIDEO, Some("ct"), "a\u{7}b").expect_err("a bell"), RefusalCode::BadLabel);
    }

    #[test]
    fn other_offers_are_refused() {
        assert_eq!(ask("hello", Some("ct"), "").expect_err("no SDP"), RefusalCode::BadSdp);
        assert_eq!(
            ask("v=0\r\nm=video 9 X 96\r\na=recvonly\r\n", Some("ct"), "").expect_err("sends nothing"),
            RefusalCode::NoMedia
        );
        let two = format!("{VIDEO}{}", &VIDEO[5..]);
        assert_eq!(ask(&two, Some("ct"), "").expect_err("two"), RefusalCode::TooManyTracks);
    }
}
