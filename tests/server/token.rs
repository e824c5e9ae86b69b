//! Join tokens from outside.

use std::os::unix::fs::PermissionsExt;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;

use crate::harness::{NAME, Scratch, Server, claims, consilium, now_s, problem};
use crate::offer::offer;
use crate::ws::Line;

fn printed(data: &std::path::Path, words: &[&str]) -> String {
    let output = consilium().arg("token").args(words).arg("--data").arg(data).output().expect("the binary runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    assert_eq!(text.lines().count(), 1, "the token and nothing else");
    text.trim().to_owned()
}

#[tokio::test]
async fn a_token_made_before_the_server_ever_ran_opens_its_room() {
    let scratch = Scratch::new();
    let data = scratch.path().join("data");
    let token = printed(&data, &["--room", "r", "--role", "expert", "--name", NAME]);
    let mode = |path| std::fs::metadata(path).expect("is there").permissions().mode() & 0o777;
    assert_eq!((mode(data.clone()), mode(data.join("secret"))), (0o700, 0o600));
    let server = Server::start_with(&["--secret-file", data.join("secret").to_str().expect("text")]);
    server.hide(&token);
    let mut line = Line::open(&server).await;
    line.join(&token).await;
    let joined = line.hear().await.expect("an answer");
    assert_eq!(
        (&joined["type"], &joined["you"]["role"], &joined["you"]["name"]),
        (&json!("joined"), &json!("expert"), &json!(NAME))
    );
}

#[tokio::test]
async fn a_token_made_while_the_server_runs_opens_its_room() {
    let server = Server::start();
    let token =
        printed(&server.data(), &["--room", "r", "--role", "surgeon", "--name", NAME, "--site", "a", "--ttl", "5m"]);
    server.hide(&token);
    let mut line = Line::open(&server).await;
    line.join(&token).await;
    assert_eq!(line.hear().await.expect("an answer")["you"]["site"], "a");
}

/// Each bad token at both doors: by HTTP with its status, by WebSocket as `refused` and the end.
#[tokio::test]
async fn bad_tokens_have_their_codes() {
    let server = Server::start();
    let with = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut claims = claims("r", "device", Some("a"));
        change(&mut claims);
        claims
    };
    let foreign = |algorithm| {
        let key = EncodingKey::from_secret(&[9; 64]);
        jsonwebtoken::encode(&Header::new(algorithm), &claims("r", "device", Some("a")), &key).expect("it signs")
    };
    let good = server.token("device", Some("a"));
    let parts: Vec<&str> = good.split('.').collect();
    // {"alg":"none","typ":"JWT"}
    let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", parts[1]);
    let secret = std::fs::read(server.data().join("secret")).expect("the server has made it");
    let stronger = jsonwebtoken::encode(
        &Header::new(Algorithm::HS512),
        &claims("r", "device", Some("a")),
        &EncodingKey::from_secret(&secret),
    )
    .expect("it signs");
    let cases = [
        (server.signed(with(&|claims| claims["exp"] = json!(now_s() - 60))), 401, "token_expired"),
        (server.signed(with(&|claims| claims["nbf"] = json!(now_s() + 300))), 401, "token_not_yet_valid"),
        (foreign(Algorithm::HS256), 401, "bad_token"),
        (none, 401, "bad_token"),
        (stronger, 401, "bad_token"),
        (format!("{}.{}.", parts[0], parts[1]), 401, "bad_token"),
        ("x".repeat(100_000), 401, "bad_token"),
        (server.signed(with(&|claims| claims["role"] = json!("king"))), 401, "bad_token"),
        (server.signed(with(&|claims| claims["room"] = json!("../r"))), 401, "bad_token"),
        (server.signed(with(&|claims| claims["site"] = json!(null))), 403, "site_required"),
    ];
    for (token, status, code) in cases {
        server.hide(&token);
        let mut line = Line::open(&server).await;
        line.join(&token).await;
        let refused = line.hear().await.expect("an answer");
        assert_eq!((&refused["type"], &refused["code"]), (&json!("refused"), &json!(code)));
        assert_eq!(line.hear().await.expect("a goodbye")["reason"], "refused");
        assert!(line.hear().await.is_none());
        // more than a header may have is refused before anybody reads it
        if token.len() > 50_000 {
            continue;
        }
        let request = server.client.post(server.url("/whip/r?feed=ct")).bearer_auth(&token);
        let response = request.header("content-type", "application/sdp").body(offer("sendonly", "abcd")).send().await;
        assert_eq!(problem(response.expect("an answer"), status).await, code);
    }
    let other = server.signed(claims("other", "device", Some("a")));
    let request = server.client.post(server.url("/whip/r?feed=ct")).bearer_auth(&other);
    let response = request.header("content-type", "application/sdp").body(offer("sendonly", "abcd")).send().await;
    assert_eq!(problem(response.expect("an answer"), 403).await, "wrong_room");
    server.shown_anew().await;
    assert_eq!(server.metric("consilium_sessions{").await, 0.0);
}
