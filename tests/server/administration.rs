//! Who may do what, from outside: the tree of an alliance, rooms, join tokens, devices, the audit.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{NAME, Scratch, Server, consilium, problem};
use crate::person::{PASSWORD, Person, alliance, good, import};
use crate::ws::Line;

/// Row E01.
#[tokio::test]
async fn of_ninety_sites_each_sees_its_own_rooms_and_others_are_refused_and_kept_in_the_audit() {
    let server = Server::start();
    let admin = Person::first(&server).await;
    assert_eq!(import(&server.data(), "sites.csv", &alliance(90)), (Some(0), "added=271 changed=0 unchanged=0".into()));
    assert_eq!(admin.rooms().await.len(), 90, "at once, the server runs");
    let surgeon = admin.make("surgeon", "member", Some("site-07"), "surgeon").await;
    assert_eq!(surgeon.rooms().await, ["room-07"]);
    let sites = surgeon.get("/api/v1/sites").await;
    assert_eq!(sites["sites"], json!([{ "id": "site-07", "name": "Example hospital 7" }]));
    assert_eq!(sites["centre"]["id"], "centre");
    let devices = surgeon.get("/api/v1/devices").await;
    assert_eq!(devices, json!([{ "id": "tower-07", "site": "site-07", "name": "Tower 1" }]));
    let room = json!({ "kind": "guidance", "sites": ["site-07"] });
    for (method, path, body, what) in [
        (Method::GET, "/api/v1/rooms/room-08", None, "see_room"),
        (Method::POST, "/api/v1/rooms/room-08/token", Some(json!({})), "take_token"),
        (Method::POST, "/api/v1/rooms/room-08/token", Some(json!({ "device": "tower-08" })), "take_device_token"),
        (Method::GET, "/api/v1/rooms/room-08/invites", None, "see_invites"),
        (Method::PUT, "/api/v1/rooms/room-08", Some(room), "change_room"),
        (Method::DELETE, "/api/v1/rooms/room-08", None, "delete_room"),
    ] {
        assert_eq!(problem(surgeon.ask(method, path, body).await, 403).await, "not_allowed", "{path}");
        let (who, kept, target, outcome) = admin.audit().await.remove(0);
        let target = target.split(' ').next().unwrap_or("").to_owned();
        assert_eq!((&*who, &*kept, &*target, &*outcome), (&*surgeon.id, what, "room-08", "not_allowed"));
    }
    assert_eq!(problem(surgeon.ask(Method::GET, "/api/v1/audit", None).await, 403).await, "not_allowed");
    assert_eq!(problem(surgeon.ask(Method::GET, "/api/v1/accounts", None).await, 403).await, "not_allowed");
    assert_eq!(admin.rooms().await.len(), 90, "nothing of it was done");
    let coordinator = admin.make("coordinator", "coordinator", None, "expert").await;
    assert_eq!(coordinator.rooms().await.len(), 90);
    assert_eq!(coordinator.get("/api/v1/devices").await.as_array().expect("a list").len(), 90);
}

#[tokio::test]
async fn a_join_token_lets_into_the_room_as_who_one_is() {
    let server = Server::start();
    let admin = Person::first(&server).await;
    import(&server.data(), "sites.csv", &alliance(2));
    let surgeon = admin.make("surgeon", "member", Some("site-01"), "surgeon").await;
    let expert = admin.make("expert", "coordinator", None, "expert").await;
    for (person, said, role, site) in [
        (&admin, json!({}), "lead", Value::Null),
        (&surgeon, json!({}), "surgeon", json!("site-01")),
        (&surgeon, json!({ "role": "display" }), "display", json!("site-01")),
        (&expert, json!({ "role": "trainee" }), "trainee", Value::Null),
    ] {
        let token = good(person.post("/api/v1/rooms/room-01/token", said).await, 200).await;
        assert_eq!((&token["room"], &token["role"], &token["site"]), (&json!("room-01"), &json!(role), &site));
        let text = token["token"].as_str().expect("a token");
        server.hide(text);
        let mut line = Line::open(&server).await;
        line.join(text).await;
        let you = line.hear_of("joined").await["you"].clone();
        assert_eq!((&you["role"], &you["name"]), (&json!(role), &json!(NAME)));
    }
    for (person, role) in [(&expert, "lead"), (&expert, "surgeon"), (&surgeon, "lead"), (&surgeon, "device")] {
        let refused = person.post("/api/v1/rooms/room-01/token", json!({ "role": role })).await;
        assert_eq!(problem(refused, 403).await, "not_allowed", "{role}");
    }
    let unknown = admin.post("/api/v1/rooms/room-99/token", json!({})).await;
    assert_eq!(problem(unknown, 404).await, "unknown_room");
    let rooms = admin.get("/api/v1/rooms").await;
    assert_eq!((&rooms[0]["is_open"], &rooms[1]["is_open"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn a_device_publishes_by_a_token_that_its_site_takes() {
    let server = Server::start();
    let admin = Person::first(&server).await;
    import(&server.data(), "sites.csv", &alliance(2));
    let surgeon = admin.make("surgeon", "member", Some("site-01"), "surgeon").await;
    let trainee = admin.make("trainee", "member", Some("site-01"), "trainee").await;
    let ask = |device: &str| json!({ "device": device });
    let token = good(surgeon.post("/api/v1/rooms/room-01/token", ask("tower-01")).await, 200).await;
    assert_eq!((&token["role"], &token["site"]), (&json!("device"), &json!("site-01")));
    let text = token["token"].as_str().expect("a token");
    server.hide(text);
    let request = server.client.post(server.url("/whip/room-01?feed=endoscope")).bearer_auth(text);
    let request = request.header("content-type", "application/sdp").body(crate::offer::offer("sendonly", "abcd"));
    assert_eq!(request.send().await.expect("an answer").status(), 201);
    for (person, device, status, code) in [
        (&trainee, "tower-01", 403, "not_allowed"),
        (&surgeon, "tower-02", 403, "not_allowed"),
        (&admin, "tower-02", 403, "not_allowed"),
        (&admin, "tower-99", 404, "unknown_device"),
        (&admin, "not/one", 400, "bad_message"),
    ] {
        let refused = person.post("/api/v1/rooms/room-01/token", ask(device)).await;
        assert_eq!(problem(refused, status).await, code, "{device}");
    }
}

#[tokio::test]
async fn rooms_are_declared_changed_and_deleted_by_those_who_may() {
    let server = Server::start();
    let admin = Person::first(&server).await;
    import(&server.data(), "sites.csv", &alliance(3));
    let surgeon = admin.make("surgeon", "member", Some("site-01"), "surgeon").await;
    let other = admin.make("other", "member", Some("site-02"), "expert").await;
    let room = |id: &str, kind: &str, sites: &[&str]| json!({ "id": id, "kind": kind, "sites": sites });
    for kind in ["guidance", "consultation", "teaching", "meeting"] {
        let created = good(surgeon.post("/api/v1/rooms", room(kind, kind, &["site-01"])).await, 201).await;
        assert_eq!(
            (&created["kind"], &created["role"], &created["may_change"]),
            (&json!(kind), &json!("surgeon"), &json!(true))
        );
    }
    for (person, said, status, code) in [
        (&surgeon, room("guidance", "guidance", &["site-01"]), 409, "already_exists"),
        (&surgeon, room("x", "guidance", &["site-02"]), 403, "not_allowed"),
        (&surgeon, room("x", "guidance", &["site-01", "site-02"]), 403, "not_allowed"),
        (&surgeon, room("x", "guidance", &[]), 403, "not_allowed"),
        (&other, room("x", "guidance", &["site-02"]), 403, "not_allowed"),
        (&admin, room("x", "guidance", &["site-09"]), 404, "unknown_site"),
        (&admin, room("x", "party", &[]), 400, "bad_message"),
        (&admin, room("a/b", "guidance", &[]), 400, "bad_message"),
        (&admin, json!({ "id": "x", "kind": "guidance", "site": "site-01" }), 400, "bad_message"),
    ] {
        assert_eq!(problem(person.post("/api/v1/rooms", said.clone()).await, status).await, code, "{said}");
    }
    // a grant is by the centre, for this room only
    let granted =
        json!({ "kind": "teaching", "sites": ["site-01"], "grants": [{ "account": other.id, "role": "lead" }] });
    let path = "/api/v1/rooms/teaching";
    assert_eq!(problem(surgeon.ask(Method::PUT, path, Some(granted.clone())).await, 403).await, "not_allowed");
    assert_eq!(other.rooms().await, ["room-02"]);
    good(admin.ask(Method::PUT, path, Some(granted)).await, 200).await;
    assert_eq!(other.rooms().await, ["room-02", "teaching"]);
    assert_eq!(good(other.post(&format!("{path}/token"), json!({})).await, 200).await["role"], "lead");
    // who may not grant keeps the grants when they change the rest
    let changed = json!({ "kind": "meeting", "sites": ["site-01"] });
    good(surgeon.ask(Method::PUT, path, Some(changed)).await, 200).await;
    let seen = admin.get(path).await;
    assert_eq!((&seen["kind"], &seen["grants"][0]["account"]), (&json!("meeting"), &json!(other.id)));
    assert_eq!(problem(other.ask(Method::DELETE, path, None).await, 403).await, "not_allowed");
    good(surgeon.ask(Method::DELETE, path, None).await, 204).await;
    assert_eq!(problem(admin.ask(Method::GET, path, None).await, 404).await, "unknown_room");
    assert_eq!(other.rooms().await, ["room-02"]);
}

/// A room has the kind that it was declared with.
#[tokio::test]
async fn a_declared_room_opens_with_its_kind_and_no_other_room_does() {
    let server = Server::start_with(&["--rooms", "declared", "--room", "of-flag"]);
    let admin = Person::first(&server).await;
    let said = json!({ "id": "lecture", "kind": "teaching", "sites": [] });
    good(admin.post("/api/v1/rooms", said).await, 201).await;
    for (room, kind) in [("lecture", Some("teaching")), ("of-flag", Some("guidance")), ("another", None)] {
        let mut line = Line::open(&server).await;
        line.join(&server.signed(crate::harness::claims(room, "expert", None))).await;
        let answer = line.hear().await.expect("an answer");
        match kind {
            Some(kind) => assert_eq!((&answer["type"], &answer["kind"]), (&json!("joined"), &json!(kind)), "{answer}"),
            None => assert_eq!(answer["code"], "unknown_room"),
        }
    }
    good(admin.ask(Method::DELETE, "/api/v1/rooms/lecture", None).await, 204).await;
    let mut line = Line::open(&server).await;
    line.join(&server.signed(crate::harness::claims("lecture", "expert", None))).await;
    let answer = line.hear().await.expect("an answer");
    assert!(answer["type"] == "joined" || answer["code"] == "unknown_room", "open, or closed meanwhile: {answer}");
}

#[tokio::test]
async fn files_of_sites_come_by_http_too_and_bad_ones_name_their_line() {
    let server = Server::start();
    let admin = Person::first(&server).await;
    let send = async |person: &Person<'_>, kind: &str, text: String| {
        let request = server.client.post(server.url("/api/v1/sites")).header("cookie", &person.cookie);
        request.header("content-type", kind).body(text).send().await.expect("an answer")
    };
    let imported = good(send(&admin, "text/csv; charset=utf-8", alliance(2)).await, 200).await;
    assert_eq!(imported, json!({ "added": 7, "changed": 0, "unchanged": 0 }));
    let toml = "[centre]\nid = \"centre\"\nname = \"Example centre\"\n[[site]]\nid = \"site-03\"\nname = \"Example\"\n";
    let imported = good(send(&admin, "application/toml", toml.to_owned()).await, 200).await;
    assert_eq!(imported, json!({ "added": 1, "changed": 0, "unchanged": 1 }));
    let bad = alliance(2).replace("tower-02,Tower 1,site-02", "tower-02,Tower 1,site-09");
    let response = send(&admin, "text/csv", bad.clone()).await;
    assert_eq!(response.status(), 400);
    let document: Value = serde_json::from_str(&response.text().await.expect("a body")).expect("JSON");
    assert_eq!(document["code"], "bad_file");
    assert!(document["detail"].as_str().is_some_and(|detail| detail.contains("line 7") && detail.contains("site-09")));
    assert_eq!(problem(send(&admin, "application/json", "{}".to_owned()).await, 415).await, "wrong_content_type");
    let member = admin.make("member", "member", Some("site-01"), "lead").await;
    let coordinator = admin.make("coordinator", "coordinator", None, "lead").await;
    for person in [&member, &coordinator] {
        assert_eq!(problem(send(person, "text/csv", alliance(2)).await, 403).await, "not_allowed");
    }
    // the same by the command, which works while the server runs; bad files exit 2 with one line
    let (code, line) = import(&server.data(), "bad.csv", &bad);
    assert!(code == Some(2) && line.contains("line 7") && line.lines().count() == 1, "{line}");
    let (code, line) = import(&server.data(), "other.toml", &toml.replace("\"centre\"", "\"elsewhere\""));
    assert!(code == Some(2) && line.contains("another alliance"), "{line}");
    assert_eq!(import(&server.data(), "sites.csv", &alliance(2)).1, "added=0 changed=0 unchanged=7");
    let who = admin.audit().await.into_iter().find(|(_, what, _, outcome)| what == "import_sites" && outcome == "done");
    assert_eq!(who.expect("it is kept").0, "command-line");
}

/// It needs no server, and the server finds what it has made.
#[tokio::test]
async fn sites_are_imported_before_the_server_ever_ran() {
    let scratch = Scratch::new();
    let (data, file) = (scratch.path().join("new/data"), scratch.path().join("sites.csv"));
    std::fs::write(&file, alliance(1)).expect("temporary file");
    let run = |file: &std::path::Path| {
        consilium().args(["sites", "import"]).arg(file).env("CONSILIUM_DATA", &data).output().expect("the binary runs")
    };
    assert_eq!(String::from_utf8_lossy(&run(&file).stdout), "added=4 changed=0 unchanged=0\n");
    assert_eq!(String::from_utf8_lossy(&run(&file).stdout), "added=0 changed=0 unchanged=4\n");
    assert_eq!(run(&scratch.path().join("nothing.csv")).status.code(), Some(2));
    assert_eq!(run(&scratch.path().join("sites.ods")).status.code(), Some(2));
}

/// Every address of the description answers, and by no other method.
#[tokio::test]
async fn what_the_description_names_is_there() {
    let server = Server::start();
    let mut admin = Person::first(&server).await;
    let text = server.get("/api/openapi.json").await.text().await.expect("a body");
    let description: Value = serde_json::from_str(&text).expect("JSON");
    let paths = description["paths"].as_object().expect("paths");
    let of_api: Vec<&String> = paths.keys().filter(|path| path.starts_with("/api/v1/")).collect();
    assert_eq!(of_api.len(), 17, "{of_api:?}");
    for path in of_api {
        let operations = paths[path].as_object().expect("operations");
        let address = path.replace("{room}", "no-such").replace("{account}", "no-such").replace("{invite}", "no-such");
        let address = address.replace("{code}", "no-such");
        for method in ["get", "put", "post", "delete", "patch"] {
            let asked = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            let response = admin.ask(asked, &address, Some(json!({}))).await;
            let (status, allow) = (response.status().as_u16(), response.headers().get("allow").cloned());
            let body = response.text().await.expect("a body");
            let code = serde_json::from_str::<Value>(&body).ok().map(|document| document["code"].clone());
            if let Some(operation) = operations.get(method) {
                assert_ne!(status, 405, "{method} {path}");
                assert_ne!(code, Some(json!("not_found")), "{method} {path}");
                assert!(
                    operation["responses"]["default"]["content"]["application/problem+json"].is_object()
                        || path.ends_with("journal"),
                    "{path}"
                );
                assert!(operation["description"].is_string() || operation["summary"].is_string(), "{path}");
            } else {
                assert_eq!((status, code), (405, Some(json!("wrong_method"))), "{method} {path}");
                let allow = allow.expect("what is allowed").to_str().expect("text").to_lowercase();
                assert!(operations.keys().all(|allowed| allow.contains(allowed.as_str())), "{path}: {allow}");
            }
            if path.ends_with("logout") && method == "post" {
                admin = Person::logged_in(&server, "admin", PASSWORD).await;
            }
        }
    }
    assert_eq!(problem(server.get("/api/v1/nothing").await, 404).await, "not_found");
    // what stands behind a reference is there
    let mut open = vec![&description];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                    assert!(description.pointer(&reference[1..]).is_some(), "{reference}");
                }
                open.extend(fields.values());
            }
            Value::Array(values) => open.extend(values),
            _ => {}
        }
    }
}
