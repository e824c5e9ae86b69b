//! The WebSocket from outside, by clients that keep the contract and by those that do not.

use std::time::Instant;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::harness::{PATIENCE, Server, problem};

/// A client.
pub(crate) struct Line {
    socket: WebSocketStream<TcpStream>,
    /// The code and the word of the WebSocket's own goodbye.
    pub(crate) goodbye: Option<(u16, String)>,
}

impl Line {
    pub(crate) async fn open(server: &Server) -> Self {
        Self::over(server, TcpStream::connect(server.http).await.expect("it listens")).await
    }

    pub(crate) async fn over(server: &Server, stream: TcpStream) -> Self {
        let request = format!("ws://{}/ws", server.http).into_client_request().expect("an address");
        let (socket, _) = client_async(request, stream).await.expect("a WebSocket");
        Self { socket, goodbye: None }
    }

    pub(crate) async fn joined(server: &Server, role: &str, site: Option<&str>) -> Self {
        let mut line = Self::open(server).await;
        line.join(&server.token(role, site)).await;
        assert_eq!(line.hear().await.expect("an answer")["type"], "joined");
        line
    }

    pub(crate) async fn join(&mut self, token: &str) {
        self.say(json!({ "type": "join", "id": 1, "version": 1, "token": token })).await;
    }

    pub(crate) async fn say(&mut self, message: Value) {
        self.send(Message::text(message.to_string())).await;
    }

    /// A connection that the server has closed takes nothing; what it said before can still be heard.
    pub(crate) async fn send(&mut self, message: Message) {
        if let Err(error) = self.socket.send(message).await {
            assert!(!matches!(error, tokio_tungstenite::tungstenite::Error::Capacity(_)), "{error}");
        }
    }

    /// The next message; none when the connection is over.
    pub(crate) async fn hear(&mut self) -> Option<Value> {
        loop {
            match tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("something is said") {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).expect("JSON")),
                Some(Ok(Message::Close(frame))) => {
                    self.goodbye = frame.map(|frame| (frame.code.into(), frame.reason.to_string()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// Hears until a message of this type.
    pub(crate) async fn hear_of(&mut self, kind: &str) -> Value {
        loop {
            let message = self.hear().await.unwrap_or_else(|| panic!("the connection ended before {kind}"));
            if message["type"] == kind {
                return message;
            }
        }
    }
}

#[tokio::test]
async fn who_is_there_hears_who_comes_and_goes() {
    let server = Server::start();
    let mut first = Line::joined(&server, "lead", None).await;
    let mut second = Line::joined(&server, "expert", None).await;
    let entered = first.hear_of("entered").await;
    assert_eq!(entered["member"]["role"], "expert");
    second.say(json!({ "type": "leave", "id": 7 })).await;
    assert_eq!(second.hear_of("closed").await["reason"], "left");
    assert!(second.hear().await.is_none());
    assert_eq!(second.goodbye, Some((1000, "left".to_owned())));
    assert_eq!(first.hear_of("left").await["member"], entered["member"]["id"]);
    drop(first);
    server.metric_becomes("consilium_clients{", |clients| clients == 0.0).await;
}

#[tokio::test]
async fn the_clock_is_told() {
    let server = Server::start();
    let mut line = Line::joined(&server, "expert", None).await;
    line.say(json!({ "type": "ping", "id": 3, "at_ms": 12.5 })).await;
    let ponged = line.hear_of("ponged").await;
    assert_eq!((&ponged["re"], &ponged["at_ms"]), (&json!(3), &json!(12.5)));
    let server_ms = ponged["server_ms"].as_f64().expect("a number");
    assert!((server_ms / 1000.0 - crate::harness::now_s() as f64).abs() < 5.0);
}

#[tokio::test]
async fn the_first_message_is_join() {
    let server = Server::start();
    let token = server.token("expert", None);
    for (first, code) in [
        (json!({ "type": "leave" }).to_string(), "not_joined"),
        (json!({ "type": "ping", "at_ms": 1 }).to_string(), "not_joined"),
        (json!({ "type": "join", "version": 2, "token": token }).to_string(), "wrong_version"),
        (json!({ "type": "join", "version": 1, "token": token, "more": 1 }).to_string(), "bad_message"),
        (json!({ "type": "join", "version": 1, "token": token, "id": -1 }).to_string(), "bad_message"),
        ("hello".to_owned(), "bad_message"),
        (String::new(), "bad_message"),
        (format!("\"{}\"", "x".repeat(300 * 1024)), "too_large"),
    ] {
        let mut line = Line::open(&server).await;
        line.send(Message::text(first)).await;
        let refused = line.hear().await.expect("an answer");
        assert_eq!((&refused["type"], &refused["code"]), (&json!("refused"), &json!(code)));
        assert_eq!(line.hear().await.expect("a goodbye"), json!({ "type": "closed", "reason": "refused" }));
        assert!(line.hear().await.is_none());
        assert_eq!(line.goodbye, Some((1008, "refused".to_owned())));
    }
}

/// What is refused after the join changes nothing: the client is still there.
#[tokio::test]
async fn garbage_is_refused_and_harms_nobody() {
    let server = Server::start();
    let mut line = Line::joined(&server, "expert", None).await;
    let again = server.token("expert", None);
    for (message, code) in [
        (Message::text("{"), "bad_message"),
        (Message::text("[]"), "bad_message"),
        (Message::text("{\"type\":\"fly\"}"), "bad_message"),
        (Message::binary(vec![0u8; 100]), "bad_message"),
        (Message::text(format!("\"{}\"", "x".repeat(300 * 1024))), "too_large"),
        (Message::text(json!({ "type": "join", "version": 1, "token": again }).to_string()), "already_joined"),
        (Message::text(json!({ "type": "publish", "sdp": "v=0", "feeds": [], "voice": null }).to_string()), "bad_sdp"),
    ] {
        line.send(message).await;
        let refused = line.hear_of("refused").await;
        assert_eq!(refused["code"], code);
    }
    line.say(json!({ "type": "ping", "id": 9, "at_ms": 0 })).await;
    assert_eq!(line.hear_of("ponged").await["re"], 9);
}

#[tokio::test]
async fn a_frame_above_all_limits_ends_the_connection() {
    let server = Server::start();
    let mut other = Line::joined(&server, "lead", None).await;
    let mut line = Line::joined(&server, "expert", None).await;
    let entered = other.hear_of("entered").await;
    line.send(Message::text("x".repeat(10 * 1024 * 1024))).await;
    while line.hear().await.is_some() {}
    assert_eq!(other.hear_of("left").await["member"], entered["member"]["id"]);
}

#[tokio::test]
async fn too_many_messages_are_refused_and_then_ended() {
    let server = Server::start();
    let mut line = Line::joined(&server, "expert", None).await;
    for id in 0..1000 {
        line.say(json!({ "type": "ping", "id": id, "at_ms": 0 })).await;
    }
    let (mut ponged, mut refused) = (0, 0);
    let reason = loop {
        let message = line.hear().await.expect("a goodbye comes first");
        match message["type"].as_str() {
            Some("ponged") => ponged += 1,
            Some("refused") => {
                assert_eq!(message["code"], "too_many");
                refused += 1;
            }
            _ => break message["reason"].clone(),
        }
    };
    assert_eq!(reason, "refused");
    assert!(ponged >= 100 && refused >= 200, "{ponged} answered, {refused} refused");
}

/// What a subject may offer it may with all of its clients together; another's is not touched by it.
#[tokio::test]
async fn offers_are_counted_for_their_subject() {
    let server = Server::start();
    let token = server.token("expert", None);
    let begun = Instant::now();
    let offer = |id| json!({ "type": "receive", "id": id, "sdp": "v=1", "slots": [], "voices": [] });
    let mut taken = 0;
    for _ in 0..4 {
        let mut line = Line::open(&server).await;
        line.join(&token).await;
        for id in 0..40 {
            line.say(offer(id)).await;
        }
        for _ in 0..40 {
            taken += u32::from(line.hear_of("refused").await["code"] == "bad_sdp");
        }
    }
    let may = 64.0 + 4.0 * begun.elapsed().as_secs_f64();
    assert!((64.0..=may).contains(&f64::from(taken)), "{taken} of 160, {may} may be");
    let request = server.client.post(server.url("/whep/r?site=a&feed=ct")).bearer_auth(&token);
    let body = crate::offer::offer("recvonly", "abcd");
    let response = request.header("content-type", "application/sdp").body(body).send().await.expect("an answer");
    let is_refused = response.status() == 429;
    assert!(is_refused || begun.elapsed().as_secs_f64() > f64::from(taken - 63) / 4.0, "by no other door either");
    let mut other = Line::joined(&server, "expert", None).await;
    other.say(offer(1)).await;
    assert_eq!(other.hear_of("refused").await["code"], "bad_sdp");
}

/// One who does not read is let go; the others do not notice.
#[tokio::test]
async fn a_slow_consumer_is_closed() {
    let server = Server::start();
    let mut watcher = Line::joined(&server, "lead", None).await;
    // a receive buffer that is soon full
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(2048).expect("a small buffer");
    let mut slow = Line::over(&server, socket.connect(server.http).await.expect("it listens")).await;
    slow.join(&server.token("expert", None)).await;
    let slow_member = watcher.hear_of("entered").await["member"]["id"].clone();
    // each coming and going is two messages to everybody; the slow one reads none of them
    let left = tokio::spawn(async move {
        loop {
            let message = watcher.hear_of("left").await;
            if message["member"] == slow_member {
                return watcher;
            }
        }
    });
    while !left.is_finished() {
        let mut coming = Vec::new();
        for _ in 0..16 {
            coming.push(Line::joined(&server, "expert", None).await);
        }
    }
    let mut watcher = left.await.expect("the watcher reads");
    watcher.say(json!({ "type": "ping", "id": 5, "at_ms": 0 })).await;
    assert_eq!(watcher.hear_of("ponged").await["re"], 5);
    let gone = r#"consilium_clients_gone_total{door="websocket",reason="slow_consumer"}"#;
    server.metric_becomes(gone, |clients| clients == 1.0).await;
    // those who came and went in the meantime were not
    assert_eq!(server.log().matches("slow consumer").count(), 1);
}

#[tokio::test]
async fn pages_of_other_origins_are_refused() {
    let server = Server::start_with(&["--origin", "https://friend.example"]);
    let ask = |origin: String| {
        let request = server.client.get(server.url("/ws")).header("origin", origin);
        let request = request.header("connection", "upgrade").header("upgrade", "websocket");
        request.header("sec-websocket-version", "13").header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==").send()
    };
    assert_eq!(
        problem(ask("https://elsewhere.example".to_owned()).await.expect("an answer"), 403).await,
        "not_allowed"
    );
    assert_eq!(problem(ask("null".to_owned()).await.expect("an answer"), 403).await, "not_allowed");
    assert_eq!(ask(format!("http://{}", server.http)).await.expect("an answer").status(), 101);
    assert_eq!(ask("https://friend.example".to_owned()).await.expect("an answer").status(), 101);
    assert_eq!(problem(server.get("/ws").await, 400).await, "bad_message");
}
