//! Guests from outside: one room, one period, once (row H13).

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{NAME, Server, now_s, problem};
use crate::person::{Person, alliance, ask, good, import};
use crate::ws::Line;

const PATH: &str = "/api/v1/rooms/room-01/invites";

/// An invite from so many seconds from now to so many.
fn guest(from_s: i64, until_s: i64) -> Value {
    let ms = |seconds: i64| now_s().saturating_add_signed(seconds) * 1000;
    json!({ "name": NAME, "role": "expert", "from_ms": ms(from_s), "until_ms": ms(until_s) })
}

async fn invite(person: &Person<'_>, said: Value) -> (String, String) {
    let made = good(person.post(PATH, said).await, 201).await;
    let text = |name: &str| made[name].as_str().expect("text").to_owned();
    person.server.hide(&text("code"));
    assert_eq!(text("link"), format!("/#invite={}", text("code")));
    (text("id"), text("code"))
}

async fn exchange(server: &Server, code: &str) -> reqwest::Response {
    ask(server, Method::POST, &format!("/api/v1/invites/{code}"), None).await
}

#[tokio::test]
async fn a_guest_comes_into_one_room_by_a_link_that_is_then_useless() {
    let server = Server::start();
    let admin = Person::first(&server).await;
    import(&server.data(), "sites.csv", &alliance(2));
    let (id, code) = invite(&admin, guest(-1, 60)).await;
    let guest = good(exchange(&server, &code).await, 200).await;
    assert_eq!((&guest["room"], &guest["role"]), (&json!("room-01"), &json!("expert")));
    let token = guest["token"].as_str().expect("a token");
    server.hide(token);
    let until_ms = guest["until_ms"].as_u64().expect("a time");
    assert!(until_ms / 1000 <= now_s() + 60 && until_ms / 1000 >= now_s(), "as long as the invite");
    for _ in 0..2 {
        assert_eq!(problem(exchange(&server, &code).await, 410).await, "invite_used");
    }
    let mut line = Line::open(&server).await;
    line.join(token).await;
    let joined = line.hear_of("joined").await;
    assert_eq!((&joined["you"]["role"], &joined["you"]["name"]), (&json!("expert"), &json!(NAME)));
    let elsewhere = server.client.get(server.url("/api/v1/rooms/room-02/journal")).bearer_auth(token);
    assert_eq!(problem(elsewhere.send().await.expect("an answer"), 403).await, "wrong_room");
    let listed = admin.get(PATH).await;
    assert!(listed[0]["used_ms"].is_u64() && listed[0].get("code").is_none() && listed[0].get("link").is_none());
    let audit = admin.audit().await;
    let kept: Vec<_> = audit.iter().filter(|(who, ..)| *who == id).map(|(.., outcome)| outcome.as_str()).collect();
    assert_eq!(kept, ["invite_used", "invite_used", "done"]);
}

/// A secret that is used is used, whatever happens to the server.
#[tokio::test]
async fn a_used_link_is_useless_after_a_kill_too() {
    let mut server = Server::start();
    let (used, open) = {
        let admin = Person::first(&server).await;
        import(&server.data(), "sites.csv", &alliance(1));
        let (_, used) = invite(&admin, guest(-1, 60)).await;
        let (_, open) = invite(&admin, guest(-1, 60)).await;
        (used, open)
    };
    server.hide(good(exchange(&server, &used).await, 200).await["token"].as_str().expect("a token"));
    server.kill_and_start();
    assert_eq!(problem(exchange(&server, &used).await, 410).await, "invite_used");
    server.hide(good(exchange(&server, &open).await, 200).await["token"].as_str().expect("a token"));
}

/// Of many who come with the same link at once one is let in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_all_who_come_by_one_link_one_is_let_in() {
    let server = Server::start();
    let admin = Person::first(&server).await;
    import(&server.data(), "sites.csv", &alliance(1));
    let (_, code) = invite(&admin, guest(-1, 60)).await;
    let answers = futures_util::future::join_all((0..20).map(|_| exchange(&server, &code))).await;
    let mut let_in = 0;
    for answer in answers {
        if answer.status() == 200 {
            let_in += 1;
            server.hide(good(answer, 200).await["token"].as_str().expect("a token"));
        } else {
            assert_eq!(problem(answer, 410).await, "invite_used");
        }
    }
    assert_eq!(let_in, 1);
}

#[tokio::test]
async fn outside_its_period_withdrawn_or_made_up_a_link_lets_nobody_in() {
    let server = Server::start();
    let admin = Person::first(&server).await;
    import(&server.data(), "sites.csv", &alliance(2));
    let (_, later) = invite(&admin, guest(3600, 7200)).await;
    assert_eq!(problem(exchange(&server, &later).await, 410).await, "invite_expired");
    let (_, short) = invite(&admin, guest(-1, 3)).await;
    let until_s = admin.get(PATH).await[1]["until_ms"].as_u64().expect("a time") / 1000;
    while now_s() < until_s {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(problem(exchange(&server, &short).await, 410).await, "invite_expired");
    let (id, withdrawn) = invite(&admin, guest(-1, 60)).await;
    good(admin.ask(Method::DELETE, &format!("{PATH}/{id}"), None).await, 204).await;
    assert_eq!(problem(exchange(&server, &withdrawn).await, 404).await, "unknown_invite");
    let again = admin.ask(Method::DELETE, &format!("{PATH}/{id}"), None).await;
    assert_eq!(problem(again, 404).await, "unknown_invite");
    let mut unknown = 0;
    let refused = loop {
        let response = exchange(&server, &format!("{unknown:032x}")).await;
        if response.status() != 404 {
            break response;
        }
        assert_eq!(problem(response, 404).await, "unknown_invite");
        unknown += 1;
        assert!(unknown <= 60, "an address may guess for ever");
    };
    assert_eq!(problem(refused, 429).await, "too_many");
}

#[tokio::test]
async fn guests_are_invited_by_leads_and_the_centre() {
    let server = Server::start();
    let admin = Person::first(&server).await;
    import(&server.data(), "sites.csv", &alliance(2));
    let lead = admin.make("lead", "member", Some("site-01"), "lead").await;
    let surgeon = admin.make("surgeon", "member", Some("site-01"), "surgeon").await;
    let other = admin.make("other", "member", Some("site-02"), "lead").await;
    invite(&lead, guest(0, 60)).await;
    for person in [&surgeon, &other] {
        assert_eq!(problem(person.post(PATH, guest(0, 60)).await, 403).await, "not_allowed");
        assert_eq!(problem(person.ask(Method::GET, PATH, None).await, 403).await, "not_allowed");
    }
    let with = |name: &str, value: Value| {
        let mut said = guest(0, 60);
        said[name] = value;
        said
    };
    for said in [
        guest(60, 60),
        guest(60, 0),
        guest(-60, -1),
        guest(0, 100 * 86_400),
        with("role", json!("lead")),
        with("role", json!("surgeon")),
        with("name", json!(" ")),
        with("until_ms", json!("tomorrow")),
        with("site", json!("site-01")),
    ] {
        assert_eq!(problem(lead.post(PATH, said.clone()).await, 400).await, "bad_message", "{said}");
    }
    let nowhere = admin.post("/api/v1/rooms/room-99/invites", guest(0, 60)).await;
    assert_eq!(problem(nowhere, 404).await, "unknown_room");
}
