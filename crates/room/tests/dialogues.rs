//! Replays `signaling/dialogues` through a room in virtual time. The format is described in `signaling/README.md`.
#![allow(clippy::disallowed_methods, reason = "dialogues are files, and virtual time must begin somewhere")]

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use media::{Certificate, Local};
use room::input::Grants;
use room::{ClientId, Door, Identity, Input, Outbox, Request, Room, RoomConfig};
use serde_json::{Value, json};
use signaling::{ClientMessage, CloseReason, MemberId, Private, RequestId, decode, encode};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../signaling/dialogues")
}

/// What is one client's own, or passes by itself.
const PASSING: [&str; 11] = [
    "joined",
    "waiting",
    "published",
    "received",
    "watched",
    "layers_watched",
    "speaking",
    "ponged",
    "refused",
    "disconnected",
    "closed",
];

fn kind_of(said: &Value) -> &str {
    said["type"].as_str().expect("a type")
}

/// What a message is about: who may know only a part of something is told that part, and what is for somebody only now, or no
/// more, comes and goes for it without a word in the journal; but not without what it is having come.
fn about(said: &Value) -> (String, Value) {
    let of = |field: &str| if said[field].is_object() { said[field]["id"].clone() } else { said[field].clone() };
    let (kind, subject) = match kind_of(said) {
        "entered" | "left" => ("entered", of("member")),
        "feed_published" | "feed_unpublished" => ("feed_published", of("feed")),
        "voice_published" | "voice_unpublished" => ("voice_published", of("voice")),
        "called" | "call_over" => ("called", of("call")),
        "said" => ("said", said["said"]["number"].clone()),
        kind => {
            (kind, ["question", "call", "feed", "voice", "member"].map(of).into_iter().find(|id| !id.is_null()).into())
        }
    };
    (kind.to_owned(), subject)
}

/// A room and everybody whom a dialogue names.
struct Stage {
    room: Room,
    began: Instant,
    now: Instant,
    out: Outbox,
    clients: BTreeMap<String, ClientId>,
    /// What each client was told and no line has expected yet.
    unheard: BTreeMap<ClientId, VecDeque<Value>>,
    /// What the room's journal has been given.
    kept: Vec<Value>,
}

impl Stage {
    fn new(head: &Value) -> Self {
        let began = Instant::now();
        let config = RoomConfig {
            id: "room-12".parse().expect("a room id"),
            kind: serde_json::from_value(head["room"].clone()).expect("a kind of room"),
            since_1970: Duration::from_secs(1_795_285_000),
            local: Arc::new(Local {
                candidates: vec![SocketAddr::from(([192, 0, 2, 1], 7881))],
                certificate: Certificate::generate(),
            }),
            playout_delay_most: Duration::from_millis(400),
        };
        let room = Room::new(began, config);
        Self {
            room,
            began,
            now: began,
            out: Outbox::default(),
            clients: BTreeMap::new(),
            unheard: BTreeMap::new(),
            kept: Vec::new(),
        }
    }

    fn apply(&mut self, input: Input<'_>) {
        self.room.handle(self.now, input, &mut self.out);
        for outgoing in &self.out.messages {
            let said = serde_json::from_str(&encode(&outgoing.message)).expect("a message is JSON");
            self.unheard.entry(outgoing.client).or_default().push_back(said);
        }
        self.keep();
        self.out.clear();
    }

    /// Whatever anybody is told of the room is in its journal, told to nobody in particular.
    fn keep(&mut self) {
        for entry in &self.out.journal {
            self.kept.push(serde_json::from_str(&encode(&entry.message)).expect("a message is JSON"));
            assert_eq!(entry.number, self.kept.len() as u64);
        }
        let known: Vec<(String, Value)> = self.kept.iter().map(about).collect();
        for outgoing in &self.out.messages {
            let said = serde_json::from_str(&encode(&outgoing.message)).expect("a message is JSON");
            assert!(PASSING.contains(&kind_of(&said)) || known.contains(&about(&said)), "the journal lacks {said}");
        }
    }

    /// Lets time pass, with a tick at every deadline on the way.
    fn pass_until(&mut self, then: Instant) {
        while let Some(deadline) = self.room.deadline().filter(|deadline| *deadline <= then) {
            self.now = self.now.max(deadline);
            self.apply(Input::Tick);
        }
        self.now = then;
    }

    fn step(&mut self, step: &Value) {
        let at_ms = step["at_ms"].as_u64().expect("at_ms");
        self.pass_until(self.began + Duration::from_millis(at_ms));
        if let Some(name) = step["to"].as_str() {
            let client = self.clients[name];
            let said = self.next_said(client);
            assert!(matches(&step["hear"], &said), "{name} heard {said}");
        } else if step.get("shutdown").is_some() {
            self.apply(Input::Shutdown);
        } else {
            self.act(step);
        }
    }

    fn act(&mut self, step: &Value) {
        let name = step["client"].as_str().expect("a client");
        if let Some(identity) = step.get("identity") {
            let client = ClientId(self.clients.len() as u64 + 1);
            assert!(self.clients.insert(name.to_owned(), client).is_none(), "{name} is there already");
            let re = step["id"].as_u64().map(|id| RequestId(id as u32));
            self.apply(Input::Joined {
                client,
                re,
                identity: identity_of(name, identity),
                door: door_of(&step["door"]),
                returns: step["returns"].as_u64().map(|id| MemberId(id as u32)),
            });
            return;
        }
        let client = self.clients[name];
        if let Some(reason) = step["gone"].as_str() {
            let reason: CloseReason = serde_json::from_value(json!(reason)).expect("a reason");
            self.apply(Input::Left { client, reason });
            return;
        }
        let (re, message) = said_by(&step["say"]);
        self.apply(Input::Message { client, request: Box::new(Request::new(re, message)) });
    }

    /// Who speaks depends on sound, of which a dialogue has none.
    fn next_said(&mut self, client: ClientId) -> Value {
        let unheard = self.unheard.entry(client).or_default();
        loop {
            match unheard.pop_front() {
                Some(said) if said["type"] == "speaking" => {}
                said => return said.unwrap_or_else(|| json!("nothing")),
            }
        }
    }
}

fn identity_of(subject: &str, identity: &Value) -> Identity {
    let site = identity["site"].as_str();
    Identity {
        subject: Private::new(identity["subject"].as_str().unwrap_or(subject).to_owned()),
        name: Private::new(identity["name"].as_str().expect("a name").to_owned()),
        role: identity["role"].as_str().expect("a role").parse().expect("a role"),
        site: site.map(|site| site.parse().expect("a site id")),
        grants: Grants::default(),
    }
}

fn door_of(door: &Value) -> Door {
    match door.as_str() {
        Some("websocket") => Door::WebSocket,
        Some("whip") => Door::Whip,
        Some("whep") => Door::Whep,
        other => panic!("no door: {other:?}"),
    }
}

/// A client's message as the room gets it: through the decoder, with a recorded offer where one is named.
fn said_by(say: &Value) -> (Option<RequestId>, ClientMessage) {
    let mut say = say.clone();
    if let Some(name) = say["sdp"].as_str().and_then(|sdp| sdp.strip_prefix('@')) {
        let path = directory().join("sdp").join(name).with_extension("sdp");
        say["sdp"] =
            json!(std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())));
    }
    decode(&say.to_string()).unwrap_or_else(|(_, refusal)| panic!("{refusal}"))
}

/// Whether a message is the expected one. `"*"` stands for any value, a field `"..."` for any further fields.
fn matches(expected: &Value, said: &Value) -> bool {
    match (expected, said) {
        (Value::String(any), _) if any == "*" => true,
        (Value::Object(expected), Value::Object(said)) => {
            let open = expected.contains_key("...");
            let named = expected.iter().filter(|(field, _)| *field != "...");
            named.clone().all(|(field, value)| said.get(field).is_some_and(|said| matches(value, said)))
                && (open || named.count() == said.len())
        }
        (Value::Array(expected), Value::Array(said)) => {
            expected.len() == said.len() && expected.iter().zip(said).all(|(expected, said)| matches(expected, said))
        }
        _ => expected == said,
    }
}

fn replay(path: &Path) {
    let text = std::fs::read_to_string(path).expect("a dialogue");
    let mut lines = text.lines().enumerate().map(|(at, line)| {
        let place = format!("{}:{}", path.display(), at + 1);
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{place}: {error}"));
        (place, value)
    });
    let (_, head) = lines.next().expect("a first line");
    let mut stage = Stage::new(&head);
    for (place, step) in lines {
        // Says which line failed: the panic itself says only what was heard.
        let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| stage.step(&step)));
        assert!(failed.is_ok(), "{place}: {step}");
    }
    for (name, client) in stage.clients.clone() {
        let said = stage.next_said(client);
        assert_eq!(said, json!("nothing"), "{}: {name} heard at the end", path.display());
    }
}

#[test]
fn the_room_says_what_the_dialogues_say() {
    let mut paths: Vec<_> =
        std::fs::read_dir(directory()).expect("dialogues").map(|entry| entry.expect("a file").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    paths.sort();
    assert!(paths.len() >= 6, "{paths:?}");
    let failed: Vec<_> = paths.iter().filter(|path| std::panic::catch_unwind(|| replay(path)).is_err()).collect();
    assert!(failed.is_empty(), "{failed:?}");
}
