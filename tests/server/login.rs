//! Logging in: the first administrator, passwords, cookies, and what is done about those who guess.

use std::os::unix::fs::PermissionsExt;

use reqwest::{Method, Response};
use serde_json::json;

use crate::harness::{NAME, Server, problem};
use crate::person::{PASSWORD, Person, alliance, ask, good, import, log_in};

async fn bootstrap(server: &Server, code: &str, password: &str) -> Response {
    let said = json!({ "code": code, "login": "Admin", "password": password, "name": NAME });
    ask(server, Method::POST, "/api/v1/bootstrap", Some(said)).await
}

#[tokio::test]
async fn the_first_administrator_is_made_once_by_who_can_read_the_data_directory() {
    let mut server = Server::start();
    server.hide(PASSWORD);
    let file = server.data().join("bootstrap-code");
    assert_eq!(std::fs::metadata(&file).expect("is there").permissions().mode() & 0o777, 0o600);
    assert!(server.log().contains("bootstrap-code"), "the log says where it is");
    let code = std::fs::read_to_string(&file).expect("is there");
    server.hide(code.trim());
    assert_eq!(problem(bootstrap(&server, "0123456789abcdef", PASSWORD).await, 403).await, "bad_bootstrap_code");
    assert_eq!(problem(bootstrap(&server, &code, "short").await, 400).await, "bad_password");
    let made = good(bootstrap(&server, &code, PASSWORD).await, 201).await;
    assert_eq!((&made["login"], &made["level"]), (&json!("admin"), &json!("administrator")));
    assert!(!file.exists());
    assert_eq!(problem(bootstrap(&server, &code, PASSWORD).await, 409).await, "already_bootstrapped");
    server.kill_and_start();
    assert!(!file.exists(), "there is an administrator");
    assert_eq!(problem(bootstrap(&server, &code, PASSWORD).await, 409).await, "already_bootstrapped");
    let admin = Person::logged_in(&server, "ADMIN", PASSWORD).await;
    assert_eq!(admin.get("/api/v1/me").await["may_import"], true);
}

#[tokio::test]
async fn a_login_is_a_cookie_that_only_this_server_s_pages_send() {
    let mut server = Server::start();
    let admin = Person::first(&server).await;
    let response = log_in(&server, "admin", PASSWORD).await;
    let cookie = response.headers()["set-cookie"].to_str().expect("text").to_owned();
    server.hide(cookie.split(['=', ';']).nth(1).expect("a secret"));
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/api/v1", "Max-Age=43200"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "this server speaks HTTP only, and its browser would throw it away");
    // another page's request changes nothing, whatever cookie it has
    let said = json!({ "id": "x", "kind": "guidance" }).to_string();
    let create = |origin: &str| {
        let request = server.client.post(server.url("/api/v1/rooms")).header("cookie", &admin.cookie);
        request.header("origin", origin).header("content-type", "application/json").body(said.clone()).send()
    };
    for origin in ["https://elsewhere.example", "null", "http://127.0.0.1"] {
        assert_eq!(problem(create(origin).await.expect("an answer"), 403).await, "wrong_origin", "{origin}");
    }
    good(create(&format!("http://{}", server.http)).await.expect("an answer"), 201).await;
    let form = server.client.post(server.url("/api/v1/rooms")).header("cookie", &admin.cookie);
    let form = form.header("content-type", "text/plain").body(said.clone()).send().await.expect("an answer");
    assert_eq!(problem(form, 415).await, "wrong_content_type");
    // it outlives the server, and ends when it is told to
    let (cookie, id) = (admin.cookie.clone(), admin.id.clone());
    server.kill_and_start();
    let admin = Person { server: &server, cookie, id };
    assert_eq!(admin.get("/api/v1/me").await["login"], "admin");
    good(admin.post("/api/v1/logout", json!({})).await, 204).await;
    for path in ["/api/v1/me", "/api/v1/rooms", "/api/v1/sites", "/api/v1/devices", "/api/v1/accounts", "/api/v1/audit"]
    {
        assert_eq!(problem(admin.ask(Method::GET, path, None).await, 401).await, "not_logged_in", "{path}");
        assert_eq!(problem(server.get(path).await, 401).await, "not_logged_in", "{path}");
    }
}

#[tokio::test]
async fn behind_a_proxy_that_is_trusted_the_browser_s_own_address_counts() {
    let server = Server::start_with(&["--trusted-proxy", "127.0.0.1"]);
    let _admin = Person::first(&server).await;
    let try_from = async |address: &str, login: &str, password: &str| {
        let body = json!({ "login": login, "password": password }).to_string();
        let request = server.client.post(server.url("/api/v1/login")).header("content-type", "application/json");
        let request = request.header("x-forwarded-for", address).header("x-forwarded-proto", "https");
        request.body(body).send().await.expect("an answer")
    };
    let mut wrong = 0;
    while try_from("203.0.113.7", &format!("nobody-{wrong}"), "wrong").await.status() == 401 {
        wrong += 1;
        assert!(wrong <= 60, "an address is never slowed down");
    }
    assert!(wrong >= 30, "{wrong}");
    let response = try_from("203.0.113.8", "admin", PASSWORD).await;
    let cookie = response.headers()["set-cookie"].to_str().expect("text").to_owned();
    server.hide(cookie.split(['=', ';']).nth(1).expect("a secret"));
    assert!(cookie.ends_with("; Secure"), "the browser spoke HTTPS");
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_are_the_same() {
    let server = Server::start();
    let admin = Person::first(&server).await;
    let mut said = Vec::new();
    for (login, password) in [("admin", "wrong password"), ("nobody", PASSWORD), ("no such name!", ""), ("", "")] {
        let response = log_in(&server, login, password).await;
        assert!(response.headers().get("set-cookie").is_none());
        assert_eq!(response.status(), 401);
        said.push(response.text().await.expect("a body"));
    }
    assert!(said.iter().all(|text| *text == said[0] && text.contains("bad_login")), "{said:?}");
    let audit = admin.audit().await;
    let wrong = audit.iter().filter(|(_, what, _, outcome)| what == "log_in" && outcome == "bad_login");
    assert_eq!(wrong.map(|(who, ..)| who.as_str()).collect::<Vec<_>>(), ["", "", "", &admin.id], "newest first");
    assert_eq!(server.metric("consilium_logins_total{outcome=\"bad_login\"}").await, 4.0);
}

/// By name, from wherever; and the right password does not help any more, until a try is free again.
#[tokio::test]
async fn who_guesses_a_password_is_stopped_before_anything_is_hashed() {
    let server = Server::start();
    let admin = Person::first(&server).await;
    let mut wrong = 0;
    let refused = loop {
        let response = log_in(&server, "admin", "wrong password").await;
        if response.status() != 401 {
            break response;
        }
        wrong += 1;
        assert!(wrong <= 20, "a name is never slowed down");
    };
    assert!(wrong >= 10, "{wrong}");
    assert_eq!(refused.headers()["retry-after"], "10");
    assert_eq!(problem(refused, 429).await, "too_many");
    let audited = admin.audit().await.iter().filter(|(_, _, _, outcome)| outcome == "bad_login").count();
    assert_eq!(audited, wrong, "what was not even looked at is counted, and fills no audit");
    assert_eq!(admin.get("/api/v1/me").await["login"], "admin", "who is logged in stays so");
}

#[tokio::test]
async fn passwords_are_changed_by_their_owner_and_by_those_who_administer() {
    let server = Server::start();
    let admin = Person::first(&server).await;
    import(&server.data(), "sites.csv", &alliance(1));
    let expert = admin.make("expert", "member", Some("site-01"), "expert").await;
    let elsewhere = Person::logged_in(&server, "expert", PASSWORD).await;
    let new = "another horse battery";
    server.hide(new);
    let change = async |old: &str, new: &str| {
        expert.ask(Method::PUT, "/api/v1/me/password", Some(json!({ "old": old, "new": new }))).await
    };
    assert_eq!(problem(change("wrong password", new).await, 401).await, "bad_login");
    assert_eq!(problem(change(PASSWORD, "short").await, 400).await, "bad_password");
    good(change(PASSWORD, new).await, 204).await;
    assert_eq!(expert.get("/api/v1/me").await["login"], "expert");
    let ended = elsewhere.ask(Method::GET, "/api/v1/me", None).await;
    assert_eq!(problem(ended, 401).await, "not_logged_in", "the other login has ended");
    assert_eq!(problem(log_in(&server, "expert", PASSWORD).await, 401).await, "bad_login");
    let path = format!("/api/v1/accounts/{}", expert.id);
    good(admin.ask(Method::PATCH, &path, Some(json!({ "password": PASSWORD }))).await, 200).await;
    assert_eq!(problem(expert.ask(Method::GET, "/api/v1/me", None).await, 401).await, "not_logged_in");
    Person::logged_in(&server, "expert", PASSWORD).await;
    good(admin.ask(Method::DELETE, &path, None).await, 204).await;
    assert_eq!(problem(log_in(&server, "expert", PASSWORD).await, 401).await, "bad_login");
}

#[tokio::test]
async fn accounts_are_made_by_those_who_are_above_them() {
    let server = Server::start();
    let admin = Person::first(&server).await;
    import(&server.data(), "sites.csv", &alliance(1));
    let coordinator = admin.make("coordinator", "coordinator", None, "lead").await;
    let member = coordinator.make("member", "member", Some("site-01"), "lead").await;
    let said = |login: &str, level: &str, site: Option<&str>, role: &str| json!({ "login": login, "name": NAME, "password": PASSWORD, "level": level, "site": site, "role": role });
    for (person, said, status, code) in [
        (&coordinator, said("x", "coordinator", None, "lead"), 403, "not_allowed"),
        (&coordinator, said("x", "administrator", None, "lead"), 403, "not_allowed"),
        (&member, said("x", "member", Some("site-01"), "trainee"), 403, "not_allowed"),
        (&admin, said("member", "member", Some("site-01"), "trainee"), 409, "already_exists"),
        (&admin, said("MEMBER", "member", Some("site-01"), "trainee"), 409, "already_exists"),
        (&admin, said("x", "member", Some("site-09"), "trainee"), 404, "unknown_site"),
        (&admin, said("x", "member", None, "trainee"), 400, "bad_message"),
        (&admin, said("x", "coordinator", None, "surgeon"), 400, "bad_message"),
        (&admin, said("x", "member", Some("site-01"), "device"), 400, "bad_message"),
        (&admin, said("x y", "member", Some("site-01"), "lead"), 400, "bad_message"),
        (&admin, json!({ "login": "x" }), 400, "bad_message"),
    ] {
        assert_eq!(problem(person.post("/api/v1/accounts", said.clone()).await, status).await, code, "{said}");
    }
    let path = |person: &Person<'_>| format!("/api/v1/accounts/{}", person.id);
    let demote = json!({ "level": "member", "site": "site-01" });
    for (person, of, said, status, code) in [
        (&coordinator, &admin, json!({ "name": "x" }), 403, "not_allowed"),
        (&coordinator, &member, json!({ "level": "administrator" }), 403, "not_allowed"),
        (&member, &member, json!({ "role": "lead" }), 403, "not_allowed"),
        (&admin, &admin, demote.clone(), 409, "last_administrator"),
        (&admin, &member, json!({ "nmae": "x" }), 400, "bad_message"),
    ] {
        let refused = person.ask(Method::PATCH, &path(of), Some(said.clone())).await;
        assert_eq!(problem(refused, status).await, code, "{said}");
    }
    assert_eq!(problem(admin.ask(Method::DELETE, &path(&admin), None).await, 409).await, "last_administrator");
    assert_eq!(problem(admin.ask(Method::DELETE, "/api/v1/accounts/none", None).await, 404).await, "unknown_account");
    let changed = admin.ask(Method::PATCH, &path(&coordinator), Some(demote)).await;
    let changed = good(changed, 200).await;
    assert_eq!(
        (&changed["level"], &changed["site"], &changed["role"]),
        (&json!("member"), &json!("site-01"), &json!("lead"))
    );
    assert_eq!(coordinator.rooms().await, ["room-01"], "at once");
    assert_eq!(admin.get("/api/v1/accounts").await.as_array().expect("a list").len(), 3);
}
