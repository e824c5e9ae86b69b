//! WHEP from outside, mostly by requests only; more real players are in the journeys.

use std::time::{Duration, Instant};

use capture::{Player, Target};
use futures_util::future::join_all;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::harness::{PATIENCE, Server, problem};
use crate::offer::offer;
use crate::viewers::show;

/// Sessions that one subject may have.
const SHARE: usize = 64;
/// One of whose peer nothing comes for so long gives way to another (rule L1).
const SILENT_AFTER: Duration = Duration::from_secs(12);

const ENDOSCOPE: &str = "/whep/r?site=a&feed=endoscope";

async fn post(server: &Server, path: &str, token: &str, body: String) -> reqwest::Response {
    let request = server.client.post(server.url(path)).bearer_auth(token).header("content-type", "application/sdp");
    request.body(body).send().await.expect("an answer")
}

/// Begins a session that nobody is behind, as soon as its subject may begin one more; gives where it is, or why it is not.
async fn begin(server: &Server, path: &str, token: &str) -> Result<String, String> {
    begin_with(server, path, token, &offer("recvonly", "abcd")).await
}

/// The same with this offer.
async fn begin_with(server: &Server, path: &str, token: &str, offer: &str) -> Result<String, String> {
    let begun = Instant::now();
    loop {
        let response = post(server, path, token, offer.to_owned()).await;
        if response.status() == 201 {
            return Ok(response.headers()["location"].to_str().expect("text").to_owned());
        }
        let text = response.text().await.expect("a body");
        let problem: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        if !problem["detail"].as_str().expect("a sentence").contains("slow down") {
            return Err(problem["code"].as_str().expect("a code").to_owned());
        }
        assert!(begun.elapsed() < PATIENCE, "it may never begin one");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A player connects, and vanishes without a word.
fn vanish(target: Target) {
    let player = std::thread::spawn(move || {
        let runtime = Runtime::new().expect("a runtime");
        let player = runtime.block_on(Player::connect(&target)).expect("it connects");
        // What it would say goodbye with ends first.
        runtime.shutdown_background();
        drop(player);
    });
    player.join().expect("it connected");
}

/// Waits until a player gets something that was not there when it was asked.
async fn plays_on(player: &mut Player) {
    let now = Instant::now();
    while timeout(PATIENCE, player.next()).await.expect("in time").expect("it is not over").received < now {}
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
    let server = Server::start();
    let token = server.token("expert", None);
    let mut locations = Vec::new();
    for _ in 0..SHARE {
        locations.push(begin(&server, ENDOSCOPE, &token).await.expect("it has its share"));
    }
    assert_eq!(begin(&server, ENDOSCOPE, &token).await, Err("too_many".to_owned()));
    assert!(begin(&server, ENDOSCOPE, &server.token("expert", None)).await.is_ok());
    let ended = server.client.delete(server.url(&locations[0])).bearer_auth(&token).send().await.expect("an answer");
    assert_eq!(ended.status(), 200);
    server.metric_becomes("consilium_clients{", |clients| clients == SHARE as f64).await;
    assert!(begin(&server, ENDOSCOPE, &token).await.is_ok(), "a place is free again");
}

/// The players of a wall whose page was loaded again have vanished without a word: who comes takes the place of the one that
/// has been silent, and who is there keeps its own, however long it has been. So does the silent one while nobody comes who
/// is let in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_fallen_silent_gives_way_and_nobody_else() {
    let server = Server::start();
    let publisher = show(&server, "a").await;
    let token = server.token("display", Some("a"));
    let target = Target::whep(&server.url(""), "r", "a", "endoscope", &token).expect("an address");
    let mut oldest = Vec::new();
    for _ in 0..3 {
        oldest.push(Player::connect(&target).await.expect("it connects"));
    }
    let seen = Instant::now();
    vanish(target);
    for _ in oldest.len() + 1..SHARE {
        begin(&server, ENDOSCOPE, &token).await.expect("it has its share");
    }
    let forbidden = "/whep/r?site=b&feed=endoscope";
    while let Err(code) = begin(&server, forbidden, &token).await
        && code == "too_many"
    {
        assert!(seen.elapsed() < PATIENCE, "nobody may give way");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(seen.elapsed() >= SILENT_AFTER, "one that was heard of {:?} ago is not silent", seen.elapsed());
    assert_eq!(begin(&server, forbidden, &token).await, Err("not_allowed".to_owned()));
    assert!(!server.log().contains("gives way"), "for who is refused nobody does");
    begin(&server, ENDOSCOPE, &token).await.expect("the silent one gives way");
    let begun = Instant::now();
    while !server.log().contains("gives way") {
        assert!(begun.elapsed() < PATIENCE, "nobody has");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let log = server.log();
    let gone: Vec<_> = log.lines().filter(|line| line.contains("silent, and gives way")).collect();
    // The first client is the publisher.
    let vanished = format!("client={}", 1 + oldest.len() + 1);
    assert!(matches!(gone[..], [line] if line.ends_with(&vanished)), "{vanished}, and no other: {gone:?}");
    for player in &mut oldest {
        plays_on(player).await;
    }
    publisher.abort();
}

/// Nobody is in the room without a place: of several that come at once one has that of the silent session, and the others do
/// not come in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_session_gives_way_to_one() {
    let server = Server::start();
    let publisher = show(&server, "a").await;
    let token = server.token("trainee", None);
    let target = Target::whep(&server.url(""), "r", "a", "endoscope", &token).expect("an address");
    let seen = Instant::now();
    vanish(target);
    let mut others = Vec::new();
    for _ in 1..SHARE {
        others.push(begin(&server, ENDOSCOPE, &token).await.expect("it has its share"));
    }
    let no_codec = offer("recvonly", "abcd").replace("H264", "H999").replace("opus", "xopus");
    // One is silent when a newcomer is let in that far.
    while begin_with(&server, ENDOSCOPE, &token, &no_codec).await != Err("no_codec".to_owned()) {
        assert!(seen.elapsed() < PATIENCE, "nobody is silent");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // And none of those who come anew instead of the others.
    for location in others {
        let ended = server.client.delete(server.url(&location)).bearer_auth(&token).send().await.expect("an answer");
        assert_eq!(ended.status(), 200);
    }
    for _ in 1..SHARE {
        begin(&server, ENDOSCOPE, &token).await.expect("there are as many places again");
    }
    let came = || server.log().matches("client came").count();
    let before = came();
    let newcomers = join_all([(); 4].map(|()| begin(&server, ENDOSCOPE, &token))).await;
    let refused: Vec<_> = newcomers.iter().filter_map(|newcomer| newcomer.as_ref().err()).collect();
    assert_eq!(refused, ["too_many"; 3], "{newcomers:?}");
    assert_eq!(came() - before, 1);
    publisher.abort();
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
