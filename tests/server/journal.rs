//! A room's journal, from outside.

use serde_json::Value;

use crate::harness::{NAME, Server, claims, problem};
use crate::ws::Line;

async fn ask(server: &Server, token: &str, query: &str) -> reqwest::Response {
    let request = server.client.get(server.url(&format!("/api/v1/rooms/r/journal{query}")));
    request.bearer_auth(token).send().await.expect("an answer")
}

/// The entries of room `r` after this number, as its lead is given them.
async fn entries(server: &Server, after: u64) -> Vec<Value> {
    let response = ask(server, &server.token("lead", None), &format!("?after={after}")).await;
    assert_eq!(response.status(), 200);
    let document: Value = serde_json::from_str(&response.text().await.expect("a body")).expect("JSON");
    assert_eq!((&document["room"], &document["kind"]), (&"r".into(), &"guidance".into()));
    document["entries"].as_array().expect("a list").clone()
}

/// The numbers of all entries of room `r`.
pub(crate) async fn numbers(server: &Server) -> Vec<u64> {
    let mut all: Vec<u64> = Vec::new();
    loop {
        let more = entries(server, all.last().copied().unwrap_or(0)).await;
        if more.is_empty() {
            return all;
        }
        all.extend(more.iter().map(|entry| entry["number"].as_u64().expect("a number")));
    }
}

/// What is kept outlives the server, even one that is killed.
#[tokio::test]
async fn who_came_and_went_is_in_the_journal() {
    let server = Server::start();
    let mut lead = Line::joined(&server, "lead", None).await;
    let surgeon = Line::joined(&server, "surgeon", Some("site-a")).await;
    let entered = lead.hear_of("entered").await;
    drop(surgeon);
    lead.hear_of("left").await;
    server.metric_becomes("consilium_journal_entries_total{what=\"written\"}", |written| written == 3.0).await;
    let entries = entries(&server, 0).await;
    let said: Vec<&Value> = entries.iter().map(|entry| &entry["message"]["type"]).collect();
    assert_eq!(said, ["entered", "entered", "left"]);
    assert_eq!(entries[1]["message"], entered, "as the lead heard it");
    assert_eq!(entries[2]["message"]["member"], entered["member"]["id"]);
    let at = |place: usize| entries[place]["at_ms"].as_u64().expect("milliseconds");
    assert!(at(0) <= at(1) && at(1) <= at(2) && at(2) / 1000 <= crate::harness::now_s());
    let text = std::fs::read(server.data().join("consilium.db")).expect("the file");
    assert!(text.starts_with(b"SQLite format 3"));
}

#[tokio::test]
async fn it_is_for_the_lead_alone() {
    let server = Server::start();
    assert_eq!(problem(ask(&server, &server.token("lead", None), "").await, 404).await, "unknown_room");
    let _lead = Line::joined(&server, "lead", None).await;
    for role in ["expert", "trainee", "service"] {
        assert_eq!(problem(ask(&server, &server.token(role, None), "").await, 403).await, "not_allowed", "{role}");
    }
    let of_another = server.signed(claims("another", "lead", None));
    assert_eq!(problem(ask(&server, &of_another, "").await, 403).await, "wrong_room");
    assert_eq!(problem(server.get("/api/v1/rooms/r/journal").await, 401).await, "bad_token");
    for query in ["?after=x", "?after=-1", "?after=9223372036854775808", "?before=1"] {
        assert_eq!(
            problem(ask(&server, &server.token("lead", None), query).await, 400).await,
            "bad_message",
            "{query}"
        );
    }
    assert!(!server.log().contains(NAME));
}

#[tokio::test]
async fn what_a_killed_server_has_written_is_there_when_it_is_back() {
    let mut server = Server::start();
    let mut lead = Line::joined(&server, "lead", None).await;
    let _expert = Line::joined(&server, "expert", None).await;
    lead.hear_of("entered").await;
    server.metric_becomes("consilium_journal_entries_total{what=\"written\"}", |written| written == 2.0).await;
    server.kill_and_start();
    let kept = entries(&server, 0).await;
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[1]["message"]["member"]["name"], NAME);
}
