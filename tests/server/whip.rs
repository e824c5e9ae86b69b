//! WHIP from outside, by requests only (RFC 9725); real publishers are in the journeys.

use std::io::{Read, Write};
use std::net::TcpStream;

use reqwest::{Method, Response};

use crate::harness::{Server, claims, problem};
use crate::offer::{PASSWORD, attribute, offer};

const SDP: &str = "application/sdp";
const SDPFRAG: &str = "application/trickle-ice-sdpfrag";

async fn post(server: &Server, path: &str, token: &str, kind: &str, body: impl Into<reqwest::Body>) -> Response {
    let request = server.client.post(server.url(path)).bearer_auth(token).header("content-type", kind);
    request.body(body).send().await.expect("an answer")
}

/// A session and the token it was begun with.
pub(crate) struct Begun {
    pub(crate) location: String,
    pub(crate) etag: String,
    pub(crate) answer: String,
    pub(crate) token: String,
}

pub(crate) async fn begin(server: &Server, feed: &str) -> Begun {
    let token = server.token("device", Some("a"));
    let response =
        post(server, &format!("/whip/r?feed={feed}&label=One"), &token, SDP, offer("sendonly", "abcd")).await;
    let text = |name: &str| response.headers()[name].to_str().expect("text").to_owned();
    assert_eq!(response.status(), 201);
    assert_eq!(text("content-type"), SDP);
    let (location, etag) = (text("location"), text("etag"));
    Begun { location, etag, answer: response.text().await.expect("text"), token }
}

/// A PATCH of the session; answers with the response.
async fn patch(server: &Server, begun: &Begun, if_match: Option<&str>, body: String) -> Response {
    let mut request = server.client.patch(server.url(&begun.location)).bearer_auth(&begun.token);
    if let Some(tag) = if_match {
        request = request.header("if-match", tag);
    }
    request.header("content-type", SDPFRAG).body(body).send().await.expect("an answer")
}

fn fragment(ufrag: &str, password: &str) -> String {
    format!(
        "a=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n\
         a=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n"
    )
}

#[tokio::test]
async fn a_session_from_its_offer_to_its_end() {
    let server = Server::start_with(&["--ice-server", "stun:stun.example:3478"]);
    let begun = begin(&server, "endoscope").await;
    assert!(begun.location.starts_with("/whip/r/") && begun.location.len() == "/whip/r/".len() + 32);
    assert!(begun.etag.starts_with('"') && begun.etag.ends_with('"'), "a strong tag");
    for line in ["a=ice-lite", "a=setup:passive", "a=recvonly", "a=rtcp-mux"] {
        assert!(begun.answer.contains(line), "{line} is not in\n{}", begun.answer);
    }
    let port = format!(" {} ", server.media.port());
    let candidates: Vec<_> = begun.answer.lines().filter(|line| line.starts_with("a=candidate:")).collect();
    assert!(candidates.iter().any(|line| line.contains(" udp ") && line.contains(&port)), "{candidates:?}");
    assert!(candidates.iter().any(|line| line.contains(" tcp ") && line.contains("passive")), "{candidates:?}");
    let delete =
        || server.client.delete(server.url(&begun.location)).bearer_auth(&begun.token).header("if-match", "\"x\"");
    assert_eq!(delete().send().await.expect("an answer").status(), 200, "a tag is not looked at");
    assert_eq!(problem(delete().send().await.expect("an answer"), 404).await, "unknown_session");
    server.metric_becomes("consilium_sessions{", |sessions| sessions == 0.0).await;
}

#[tokio::test]
async fn stun_servers_are_told() {
    let server = Server::start_with(&["--ice-server", "stun:one.example:3478", "--ice-server", "stuns:two.example"]);
    let token = server.token("device", Some("a"));
    let response = post(&server, "/whip/r?feed=ct", &token, SDP, offer("sendonly", "abcd")).await;
    let links: Vec<_> = response.headers().get_all("link").iter().collect();
    assert_eq!(links, ["<stun:one.example:3478>; rel=\"ice-server\"", "<stuns:two.example>; rel=\"ice-server\""]);
}

#[tokio::test]
async fn bad_requests_have_their_answers() {
    let server = Server::start();
    let token = server.token("device", Some("a"));
    let good = || offer("sendonly", "abcd");
    let cut = good()[..good().len() / 2].to_owned();
    let no_codec = good().replace("H264", "H999").replace("opus", "xopus");
    let two_videos = {
        let offer = good();
        let (head, rest) = offer.split_once("m=video").expect("has one");
        let (video, audio) = rest.split_once("m=audio").expect("has one");
        format!("{head}m=video{video}m=video{}m=audio{audio}", video.replace("a=mid:0", "a=mid:2"))
    };
    for (path, kind, body, status, code) in [
        ("/whip/r?feed=ct", SDP, "hello".to_owned(), 400, "bad_sdp"),
        ("/whip/r?feed=ct", SDP, String::new(), 400, "bad_sdp"),
        ("/whip/r?feed=ct", SDP, cut.clone(), 400, "bad_sdp"),
        ("/whip/r?feed=ct", SDP, good().replace("sendonly", "recvonly"), 400, "no_media"),
        ("/whip/r?feed=ct", SDP, no_codec, 406, "no_codec"),
        ("/whip/r?feed=ct", SDP, two_videos, 406, "too_many_tracks"),
        ("/whip/r?feed=ct", "text/plain", good(), 415, "wrong_content_type"),
        ("/whip/r?feed=ct", "application/json", "x".repeat(1000), 415, "wrong_content_type"),
        ("/whip/r", SDP, good(), 400, "bad_message"),
        ("/whip/r?feed=xray", SDP, good(), 400, "bad_message"),
        (&format!("/whip/r?feed=ct&label={}", "x".repeat(81)), SDP, good(), 400, "bad_label"),
        ("/whip/r?feed=ct&label=a%0ab", SDP, good(), 400, "bad_label"),
        ("/whip/r?feed=ct", SDP, "v=0\r\n".repeat(60_000), 413, "too_large"),
        ("/whip/r?feed=ct", SDP, "x".repeat(10 * 1024 * 1024), 413, "too_large"),
        ("/whip/other?feed=ct", SDP, good(), 403, "wrong_room"),
        ("/whip/..%2fr?feed=ct", SDP, good(), 403, "wrong_room"),
    ] {
        let response = post(&server, path, &token, kind, body.clone()).await;
        let said = problem(response, status).await;
        // half an SDP may lack its attributes or its m-lines; both are true
        assert!(said == code || (body == cut && said == "no_media"), "{path} {kind}: {said}");
    }
    let response =
        server.client.post(server.url("/whip/r?feed=ct")).header("content-type", SDP).body(good()).send().await;
    let response = response.expect("an answer");
    assert_eq!(response.headers()["www-authenticate"], "Bearer");
    assert_eq!(problem(response, 401).await, "bad_token");
    let request = server.client.post(server.url("/whip/r?feed=ct")).bearer_auth(&token).header("accept", "text/html");
    let response = request.header("content-type", SDP).body(good()).send().await.expect("an answer");
    assert_eq!(problem(response, 406).await, "wrong_content_type");
    server.metric_becomes("consilium_sessions{", |sessions| sessions == 0.0).await;
    assert_eq!(server.metric(r#"consilium_refusals_total{door="whip",code="too_large"}"#).await, 2.0);
}

#[tokio::test]
async fn a_body_without_a_length_has_its_limit_too() {
    let server = Server::start();
    let token = server.token("device", Some("a"));
    let mut stream = TcpStream::connect(server.http).expect("it listens");
    let head = format!(
        "POST /whip/r?feed=ct HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: {SDP}\r\n\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("connected");
    for _ in 0..160 {
        stream.write_all(format!("10000\r\n{}\r\n", "x".repeat(0x10000)).as_bytes()).expect("it reads to the end");
    }
    stream.write_all(b"0\r\n\r\n").expect("it reads to the end");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("too_large"), "{answer}");
}

/// The site has four places; the fifth is refused and the four stay.
#[tokio::test]
async fn a_fifth_feed_is_refused() {
    let server = Server::start();
    let token = server.signed(claims("r", "device", Some("a")));
    let mut locations = Vec::new();
    for feed in ["endoscope", "ultrasound", "ct", "room"] {
        let response =
            post(&server, &format!("/whip/r?feed={feed}"), &token, SDP, video_only(&format!("{feed}1234"))).await;
        assert_eq!(response.status(), 201);
        locations.push(response.headers()["location"].to_str().expect("text").to_owned());
    }
    let response = post(&server, "/whip/r?feed=monitor", &token, SDP, video_only("more1234")).await;
    assert_eq!(problem(response, 409).await, "too_many_feeds");
    for location in locations {
        let response = server.client.delete(server.url(&location)).bearer_auth(&token).send().await;
        assert_eq!(response.expect("an answer").status(), 200);
    }
    assert_eq!(post(&server, "/whip/r?feed=monitor", &token, SDP, video_only("more1234")).await.status(), 201);
}

/// The offer without its audio: a site has one voice.
fn video_only(ufrag: &str) -> String {
    let offer = offer("sendonly", ufrag).replace("BUNDLE 0 1", "BUNDLE 0");
    offer.split_once("m=audio").expect("has one").0.to_owned()
}

#[tokio::test]
async fn roles_that_may_not_publish_are_refused() {
    let server = Server::start();
    for role in ["trainee", "service"] {
        let token = server.token(role, None);
        let response = post(&server, "/whip/r?feed=face", &token, SDP, offer("sendonly", "abcd")).await;
        assert_eq!(problem(response, 403).await, "not_allowed", "{role}");
    }
    // the panel shows faces and screens; a picture of an operating room is its site's
    for role in ["lead", "expert"] {
        let token = server.token(role, None);
        for feed in ["endoscope", "ultrasound", "ct", "fluoroscopy", "microscope", "room", "monitor"] {
            let response = post(&server, &format!("/whip/r?feed={feed}"), &token, SDP, offer("sendonly", "abcd")).await;
            assert_eq!(problem(response, 403).await, "not_allowed", "{role} {feed}");
        }
        for feed in ["face", "screen"] {
            let path = format!("/whip/r?feed={feed}");
            let response = post(&server, &path, &token, SDP, video_only(&format!("{role}{feed}"))).await;
            assert_eq!(response.status(), 201, "{role} {feed}");
            let location = response.headers()["location"].to_str().expect("text").to_owned();
            let ended = server.client.delete(server.url(&location)).bearer_auth(&token).send().await;
            assert_eq!(ended.expect("an answer").status(), 200);
        }
    }
    let mut narrowed = claims("r", "device", Some("a"));
    narrowed["grants"] = serde_json::json!({ "publish": false });
    let token = server.signed(narrowed);
    let response = post(&server, "/whip/r?feed=ct", &token, SDP, offer("sendonly", "abcd")).await;
    assert_eq!(problem(response, 403).await, "not_allowed");
    server.metric_becomes("consilium_clients{", |clients| clients == 0.0).await;
}

/// RFC 9725 section 4.3.1.
#[tokio::test]
async fn candidates_trickle_in_under_the_entity_tag() {
    let server = Server::start();
    let begun = begin(&server, "ct").await;
    let same = || fragment("abcd", PASSWORD);
    assert_eq!(patch(&server, &begun, Some(&begun.etag), same()).await.status(), 204);
    assert_eq!(patch(&server, &begun, Some(&format!("\"other\", {}", begun.etag)), same()).await.status(), 204);
    assert_eq!(patch(&server, &begun, Some("*"), same()).await.status(), 204);
    let only_candidate = "a=candidate:2 1 udp 1 192.0.2.2 5000 typ host\r\n".to_owned();
    assert_eq!(patch(&server, &begun, Some(&begun.etag), only_candidate).await.status(), 204);
    let unusable = "a=candidate:3 1 udp 1 nobody.local 5000 typ host\r\na=candidate:what\r\n".to_owned();
    assert_eq!(patch(&server, &begun, Some(&begun.etag), unusable).await.status(), 204, "discarded in silence");
    for (tag, body, status, code) in [
        (None, same(), 428, "wrong_etag"),
        (Some("\"other\""), same(), 412, "wrong_etag"),
        (Some("W/\"other\""), same(), 412, "wrong_etag"),
        (Some(begun.etag.as_str()), fragment("efgh", PASSWORD), 400, "bad_candidate"),
        (Some(begun.etag.as_str()), "hello".to_owned(), 400, "bad_candidate"),
        (Some(begun.etag.as_str()), String::new(), 400, "bad_candidate"),
        (Some(begun.etag.as_str()), "a=ice-ufrag:abcd\r\n".to_owned(), 400, "bad_candidate"),
        (Some(begun.etag.as_str()), "a=x\r\n".repeat(100_000), 413, "too_large"),
    ] {
        assert_eq!(problem(patch(&server, &begun, tag, body).await, status).await, code);
    }
    let request =
        server.client.patch(server.url(&begun.location)).bearer_auth(&begun.token).header("if-match", &begun.etag);
    let response = request.header("content-type", SDP).body(same()).send().await.expect("an answer");
    assert_eq!(problem(response, 415).await, "wrong_content_type");
}

/// RFC 9725 section 4.3.3: new credentials both ways, and a new tag; the old one is worth nothing any more.
#[tokio::test]
async fn ice_restarts() {
    let server = Server::start();
    let begun = begin(&server, "ct").await;
    let response = patch(&server, &begun, Some("*"), fragment("efgh", "anotherpasswordanotherpass")).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], SDPFRAG);
    let etag = response.headers()["etag"].to_str().expect("text").to_owned();
    let answer = response.text().await.expect("text");
    assert_ne!(etag, begun.etag);
    for name in ["ice-ufrag", "ice-pwd"] {
        let (before, after) = (attribute(&begun.answer, name), attribute(&answer, name));
        assert!(after.is_some() && before != after, "{name}: {before:?}, then {after:?}");
    }
    assert!(answer.contains("a=candidate:"), "{answer}");
    let trickle = || fragment("efgh", "anotherpasswordanotherpass");
    assert_eq!(problem(patch(&server, &begun, Some(&begun.etag), trickle()).await, 412).await, "wrong_etag");
    assert_eq!(patch(&server, &begun, Some(&etag), trickle()).await.status(), 204);
    // what cannot be satisfied leaves the session as it is
    let bad = patch(&server, &begun, Some("*"), "a=ice-ufrag:ijkl\r\na=ice-pwd:short\r\n".to_owned()).await;
    assert_eq!(problem(bad, 400).await, "bad_candidate");
    assert_eq!(patch(&server, &begun, Some(&etag), trickle()).await.status(), 204);
}

#[tokio::test]
async fn a_session_belongs_to_its_room() {
    let server = Server::start();
    let begun = begin(&server, "ct").await;
    let ask = |method: Method, path: String, token: Option<String>| {
        let request = server.client.request(method, server.url(&path));
        let request = token.iter().fold(request, |request, token| request.bearer_auth(token));
        request.header("content-type", SDPFRAG).body("a=ice-ufrag:abcd\r\n").send()
    };
    let delete = |path: &str, token: Option<&String>| ask(Method::DELETE, path.to_owned(), token.cloned());
    assert_eq!(problem(delete(&begun.location, None).await.expect("an answer"), 401).await, "bad_token");
    let other = server.signed(claims("other", "lead", None));
    assert_eq!(problem(delete(&begun.location, Some(&other)).await.expect("an answer"), 403).await, "wrong_room");
    let unknown = format!("/whip/r/{}", "0".repeat(32));
    assert_eq!(problem(delete(&unknown, Some(&begun.token)).await.expect("an answer"), 404).await, "unknown_session");
    let elsewhere = begun.location.replace("/whip/r/", "/whep/r/");
    assert_eq!(problem(delete(&elsewhere, Some(&begun.token)).await.expect("an answer"), 404).await, "unknown_session");
    for method in [Method::GET, Method::PUT, Method::POST] {
        let response = ask(method, begun.location.clone(), Some(begun.token.clone())).await.expect("an answer");
        assert_eq!(response.headers()["allow"], "PATCH, DELETE, OPTIONS");
        assert_eq!(problem(response, 405).await, "wrong_method");
    }
    let head = ask(Method::HEAD, begun.location.clone(), Some(begun.token.clone())).await.expect("an answer");
    assert_eq!(head.status(), 405);
    let stranger = server.token("trainee", None);
    assert_eq!(problem(delete(&begun.location, Some(&stranger)).await.expect("an answer"), 403).await, "not_allowed");
    let colleague = server.token("lead", None);
    assert_eq!(delete(&begun.location, Some(&colleague)).await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn pages_of_any_origin_may_ask_first() {
    let server = Server::start();
    for (path, methods, name, kind) in [
        ("/whip/r", "POST, OPTIONS", "accept-post", SDP),
        ("/whep/r", "POST, OPTIONS", "accept-post", SDP),
        ("/whip/r/x", "PATCH, DELETE, OPTIONS", "accept-patch", SDPFRAG),
        ("/whep/r/x", "PATCH, DELETE, OPTIONS", "accept-patch", SDPFRAG),
    ] {
        let request = server.client.request(Method::OPTIONS, server.url(path)).header("origin", "https://page.example");
        let request = request.header("access-control-request-method", "POST");
        let response =
            request.header("access-control-request-headers", "authorization").send().await.expect("an answer");
        assert_eq!(response.status(), 200, "no token is needed");
        let header = |name: &str| response.headers()[name].to_str().expect("text").to_owned();
        assert_eq!((header("access-control-allow-origin").as_str(), header(name).as_str()), ("*", kind));
        assert_eq!(header("access-control-allow-methods"), methods);
        for allowed in ["Authorization", "Content-Type", "If-Match"] {
            assert!(header("access-control-allow-headers").contains(allowed));
        }
    }
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::PATCH] {
        let response = server.client.request(method, server.url("/whip/r")).send().await.expect("an answer");
        assert_eq!(
            (response.status().as_u16(), &response.headers()["allow"]),
            (405, &"POST, OPTIONS".parse().expect("a header"))
        );
    }
    let begun = begin(&server, "ct").await;
    let response = server.client.delete(server.url(&begun.location)).bearer_auth(&begun.token).send().await;
    let response = response.expect("an answer");
    for exposed in ["Location", "ETag", "Link"] {
        let header = response.headers()["access-control-expose-headers"].to_str().expect("text");
        assert!(header.contains(exposed), "{header}");
    }
}
