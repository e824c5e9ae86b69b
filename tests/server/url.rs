//! What the URL of a request may say, and what never.

use crate::harness::{Server, problem};
use crate::offer::offer;

const SDP: &str = "application/sdp";

async fn post(server: &Server, path: &str, token: &str, direction: &str) -> reqwest::Response {
    let request = server.client.post(server.url(path)).bearer_auth(token).header("content-type", SDP);
    request.body(offer(direction, "abcd")).send().await.expect("an answer")
}

/// Not even beside a good one in the header; a preflight tells a page nothing, so it is let through.
#[tokio::test]
async fn a_token_in_the_url_is_refused_everywhere() {
    let server = Server::start();
    let device = server.token("device", Some("a"));
    let expert = server.token("expert", None);
    for name in ["token", "access_token", "Access_Token", "%74oken"] {
        let whip = format!("/whip/r?feed=ct&{name}={device}");
        assert_eq!(problem(post(&server, &whip, &device, "sendonly").await, 400).await, "bad_token");
        let whep = format!("/whep/r?{name}={expert}&site=a&feed=ct");
        assert_eq!(problem(post(&server, &whep, &expert, "recvonly").await, 400).await, "bad_token");
        for path in ["/ws", "/api/openapi.json", "/api/v1/rooms", "/metrics", "/"] {
            let response = server.get(&format!("{path}?{name}={expert}")).await;
            assert_eq!(problem(response, 400).await, "bad_token", "{path}");
        }
    }
    let session = format!("/whip/r/{}?token={device}", "0".repeat(32));
    let deleted = server.client.delete(server.url(&session)).bearer_auth(&device).send().await.expect("an answer");
    assert_eq!(deleted.headers()["access-control-allow-origin"], "*", "a page may read why");
    assert_eq!(problem(deleted, 400).await, "bad_token");
    let alone = server.client.post(server.url(&format!("/whip/r?feed=ct&token={device}"))).header("content-type", SDP);
    let alone = alone.body(offer("sendonly", "abcd")).send().await.expect("an answer");
    assert_eq!(problem(alone, 400).await, "bad_token");
    let ask = server.client.request(reqwest::Method::OPTIONS, server.url("/whip/r?token=x")).send().await;
    assert_eq!(ask.expect("an answer").status(), 200);
    for (door, refused) in [("whip", 6.0), ("whep", 4.0), ("websocket", 4.0)] {
        let counted = format!(r#"consilium_refusals_total{{door="{door}",code="bad_token"}}"#);
        assert_eq!(server.metric(&counted).await, refused, "{door}");
    }
    assert_eq!(server.metric("consilium_clients_come_total").await, 0.0);
}

#[tokio::test]
async fn of_two_authorization_headers_none_counts() {
    let server = Server::start();
    let good = server.token("device", Some("a"));
    let foreign = "x.y.z".to_owned();
    for pair in [[&good, &good], [&good, &foreign], [&foreign, &good]] {
        let request = server.client.post(server.url("/whip/r?feed=ct")).header("content-type", SDP);
        let request = pair.iter().fold(request, |request, token| request.bearer_auth(token));
        let response = request.body(offer("sendonly", "abcd")).send().await.expect("an answer");
        assert_eq!(problem(response, 400).await, "bad_token");
    }
    let begun = crate::whip::begin(&server, "ct").await;
    let delete = server.client.delete(server.url(&begun.location)).bearer_auth(&begun.token).bearer_auth(&begun.token);
    assert_eq!(problem(delete.send().await.expect("an answer"), 400).await, "bad_token");
}

#[tokio::test]
async fn a_publisher_says_what_it_shows_and_never_whose_it_is() {
    let server = Server::start();
    let device = server.token("device", Some("a"));
    let expert = server.token("expert", None);
    for (path, token, status, code) in [
        ("/whip/r?feed=ct&label=%ff%fe", &device, 400, "bad_label"),
        ("/whip/r?feed=ct&label=Leber%c3", &device, 400, "bad_label"),
        ("/whip/r?feed=%ff", &device, 400, "bad_message"),
        ("/whip/r?feed=ct&site=b", &device, 403, "not_allowed"),
        ("/whip/r?feed=ct&site=", &device, 403, "not_allowed"),
        ("/whip/r?feed=face&site=a", &expert, 403, "not_allowed"),
        ("/whip/r?feed=ct&lable=x", &device, 400, "bad_message"),
        ("/whip/r?feed=ct&feed=room", &device, 400, "bad_message"),
        ("/whep/r?site=a&feed=ct&label=x", &expert, 400, "bad_message"),
        ("/whep/r?site=a&site=b&feed=ct", &expert, 400, "bad_message"),
    ] {
        let direction = if path.starts_with("/whip") { "sendonly" } else { "recvonly" };
        assert_eq!(problem(post(&server, path, token, direction).await, status).await, code, "{path}");
    }
    let same = post(&server, "/whip/r?feed=ct&site=a&label=Leber+%E8%82%9D", &device, "sendonly").await;
    assert_eq!(same.status(), 201, "the token's own site again");
}

/// Refusals are for people who send SDP, not for those who look for the server's memory.
#[tokio::test]
async fn refusals_tell_nothing_of_the_server_s_inside() {
    let server = Server::start();
    let token = server.token("device", Some("a"));
    let good = offer("sendonly", "abcd");
    let mut bodies: Vec<String> = (0..good.len()).step_by(37).map(|cut| good[..cut].to_owned()).collect();
    bodies.extend(good.lines().map(|line| good.replace(line, "a=\u{1}\u{7f}x")));
    bodies.extend(good.lines().map(|line| good.replace(&format!("{line}\r\n"), "")));
    bodies.extend(["v=0\r\nm=video", "v=0\r\no=-\r\n", "v=0\r\nm=video 9 X 96\r\na=sendonly\r\n"].map(str::to_owned));
    let mut refused = 0;
    for body in bodies {
        let request = server.client.post(server.url("/whip/r?feed=ct")).bearer_auth(&token).header("content-type", SDP);
        let response = request.body(body.clone()).send().await.expect("an answer");
        if response.status() == 201 {
            let location = response.headers()["location"].to_str().expect("text").to_owned();
            let ended = server.client.delete(server.url(&location)).bearer_auth(&token).send().await;
            assert_eq!(ended.expect("an answer").status(), 200);
            continue;
        }
        let said = response.text().await.expect("text");
        assert!(said.contains("\"code\""), "{said}");
        let words = said.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let inside = |word: &str| {
            let is_address =
                word.len() >= 7 && word.bytes().all(|byte| byte.is_ascii_digit()) || word.starts_with("0x");
            is_address || ["str0m", "Error", "unwrap", "panicked", "rs", "Some", "None", "SdpError"].contains(&word)
        };
        let found: Vec<&str> = words.filter(|word| inside(word)).collect();
        assert!(found.is_empty(), "{found:?} in {said}\nfor {body}");
        refused += 1;
    }
    assert!(refused > 30, "{refused} were refused");
}
