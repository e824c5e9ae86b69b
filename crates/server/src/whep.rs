//! `/whep/{room}`: playing one site's feed and its voice by one HTTP request (draft-ietf-wish-whep).

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use room::Door;
use signaling::client::OfSite;
use signaling::{FeedKind, RefusalCode, SiteId};

use crate::door;
use crate::offer::{Medium, Section};
use crate::problem::Problem;
use crate::query::Query;
use crate::resource::Purpose;
use crate::shared::Shared;

/// What the URL may say.
const PARAMETERS: [&str; 2] = ["site", "feed"];

/// Plays one site's feed and voice.
#[utoipa::path(
    post,
    path = "/whep/{room}",
    tag = "WHEP (draft)",
    params(
        ("room" = String, Path, description = "The room that the bearer token is for."),
        ("site" = Option<String>, Query, description = "Whose feed. Default: the token's own site."),
        ("feed" = Option<String>, Query, description = "Which of its feeds. Needed when the offer has video. Any parameter but these two is refused with bad_message."),
    ),
    request_body(content = String, content_type = "application/sdp", description = "The client's offer to receive; the server never offers."),
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
    door::begin(&shared, Door::Whep, &room, request, &PARAMETERS, purpose).await
}

fn purpose(sections: &[Section], query: &Query, own: Option<&SiteId>) -> Result<Purpose, Problem> {
    let mids = |medium| {
        let receiving = move |section: &&Section| section.medium == medium && section.receives;
        sections.iter().filter(receiving).filter_map(|section| section.mid.clone())
    };
    let slots: Vec<String> = mids(Medium::Video).take(1).collect();
    let voices: Vec<String> = mids(Medium::Audio).collect();
    if slots.is_empty() && voices.is_empty() {
        return Err(Problem::new(RefusalCode::NoMedia, "The offer receives neither video nor audio."));
    }
    let choice = if slots.is_empty() { None } else { Some(choice(query, own)?) };
    Ok(Purpose::Receive { slots, voices, choice })
}

fn choice(query: &Query, own: Option<&SiteId>) -> Result<OfSite, Problem> {
    let bad = |sentence: &str| Problem::new(RefusalCode::BadMessage, sentence);
    let site = match query.get("site") {
        Some(site) => site.parse().map_err(|_| bad("The site is no identifier."))?,
        None => own.cloned().ok_or_else(|| bad("The URL must say whose feed to play, by ?site=."))?,
    };
    let kind = query.get("feed").and_then(|word| FeedKind::from_str(word).ok());
    let kind = kind.ok_or_else(|| bad("The URL must say which feed to play, by ?feed= and its kind."))?;
    Ok(OfSite { site, kind })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offer::sections;
    use crate::problem::Code;

    const OFFER: &str =
        "v=0\r\nm=video 9 X 96\r\na=mid:v\r\na=recvonly\r\nm=audio 9 X 111\r\na=mid:a\r\na=recvonly\r\n";

    fn ask(sdp: &str, query: &str, own: Option<&str>) -> Result<Purpose, Code> {
        let query = Query::parse(query, &PARAMETERS).expect("good parameters");
        let own = own.map(|own| own.parse().expect("a name"));
        purpose(&sections(sdp).expect("an SDP"), &query, own.as_ref()).map_err(|problem| problem.code())
    }

    #[test]
    fn the_first_video_and_every_audio() {
        let asked = ask(OFFER, "site=a&feed=ct", None).expect("good");
        let Purpose::Receive { slots, voices, choice: Some(choice) } = asked else { panic!("must receive") };
        assert_eq!((slots, voices), (vec!["v".to_owned()], vec!["a".to_owned()]));
        assert_eq!((choice.site.as_str(), choice.kind), ("a", FeedKind::Ct));
    }

    #[test]
    fn an_or_display_need_not_say_its_site() {
        assert!(ask(OFFER, "feed=ct", Some("a")).is_ok());
        assert_eq!(ask(OFFER, "feed=ct", None).expect_err("whose?"), RefusalCode::BadMessage);
        assert_eq!(ask(OFFER, "site=a", None).expect_err("which?"), RefusalCode::BadMessage);
    }

    #[test]
    fn the_client_offers_to_receive() {
        let sending = OFFER.replace("recvonly", "sendonly");
        assert_eq!(ask(&sending, "site=a&feed=ct", None).expect_err("sends"), RefusalCode::NoMedia);
    }
}
