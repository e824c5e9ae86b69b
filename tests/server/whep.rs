//! WHEP from outside, by requests only; real players are in the journeys.

use crate::harness::{Server, problem};
use crate::offer::offer;

async fn post(server: &Server, path: &str, token: &str, body: String) -> reqwest::Response {
    let request = server.client.post(server.url(path)).bearer_auth(token).header("content-type", "application/sdp");
    request.body(body).send().await.expect("an answer")
}

#[tokio::test]
async fn one_waits_for_a_feed_that_is_not_there_yet() {
    let server = Server::start();
    let token = server.token("expert", None);
    let response = post(&server, "/whep/r?site=a&feed=endoscope", &token, offer("recvonly", "abcd")).await;
    assert_eq!(response.status(), 201);
    let location = response.headers()["location"].to_str().expect("text").to_owned();
    assert!(location.starts_with("/whep/r/"));
    assert!(response.headers().contains_key("etag"));
    let answer = response.text().await.expect("text");
    assert!(answer.contains("a=sendonly") && answer.contains("a=ice-lite"), "{answer}");
    let deleted = server.client.delete(server.url(&location)).bearer_auth(&token).send().await.expect("an answer");
    assert_eq!(deleted.status(), 200);
    server.metric_becomes("consilium_clients{", |clients| clients == 0.0).await;
}

/// One token does not take every place of the server; another's is not touched by it.
#[tokio::test]
async fn one_subject_has_its_share_of_sessions() {
    const SHARE: usize = 64;
    let server = Server::start();
    let token = server.token("expert", None);
    let path = "/whep/r?site=a&feed=endoscope";
    let mut locations = Vec::new();
    for number in 0..SHARE {
        let response = post(&server, path, &token, offer("recvonly", "abcd")).await;
        assert_eq!(response.status(), 201, "{number}");
        locations.push(response.headers()["location"].to_str().expect("text").to_owned());
    }
    assert_eq!(problem(post(&server, path, &token, offer("recvonly", "abcd")).await, 429).await, "too_many");
    assert_eq!(post(&server, path, &server.token("expert", None), offer("recvonly", "abcd")).await.status(), 201);
    let ended = server.client.delete(server.url(&locations[0])).bearer_auth(&token).send().await.expect("an answer");
    assert_eq!(ended.status(), 200);
    server.metric_becomes("consilium_clients{", |clients| clients == SHARE as f64).await;
    assert_eq!(post(&server, path, &token, offer("recvonly", "abcd")).await.status(), 201, "a place is free again");
}

#[tokio::test]
async fn bad_requests_have_their_answers() {
    let server = Server::start();
    let expert = server.token("expert", None);
    let device = server.token("device", Some("a"));
    let display = server.token("display", Some("a"));
    let good = || offer("recvonly", "abcd");
    for (path, token, body, status, code) in [
        ("/whep/r?site=a&feed=ct", &expert, String::new(), 400, "bad_sdp"),
        ("/whep/r?site=a&feed=ct", &expert, "hello".to_owned(), 400, "bad_sdp"),
        ("/whep/r?site=a&feed=ct", &expert, offer("sendonly", "abcd"), 400, "no_media"),
        ("/whep/r?feed=ct", &expert, good(), 400, "bad_message"),
        ("/whep/r?site=a", &expert, good(), 400, "bad_message"),
        ("/whep/r?site=a/b&feed=ct", &expert, good(), 400, "bad_message"),
        ("/whep/r?site=a&feed=ct", &device, good(), 403, "not_allowed"),
        ("/whep/other?site=a&feed=ct", &expert, good(), 403, "wrong_room"),
        // H8: an OR display sees its own site and no other
        ("/whep/r?site=b&feed=ct", &display, good(), 403, "not_allowed"),
    ] {
        assert_eq!(problem(post(&server, path, token, body).await, status).await, code, "{path}");
    }
    assert_eq!(post(&server, "/whep/r?feed=ct", &display, good()).await.status(), 201, "its own site");
}
