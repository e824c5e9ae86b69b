//! Somebody who is logged in, and what they ask of `/api/v1`.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::harness::{NAME, Server, consilium};

/// Every account of these tests has it; no log may.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// One login.
pub(crate) struct Person<'a> {
    pub(crate) server: &'a Server,
    pub(crate) cookie: String,
    pub(crate) id: String,
}

/// Asks as nobody.
pub(crate) async fn ask(server: &Server, method: Method, path: &str, body: Option<Value>) -> Response {
    let request = server.client.request(method, server.url(path));
    let request = match body {
        Some(body) => request.header("content-type", "application/json").body(body.to_string()),
        None => request,
    };
    request.send().await.expect("an answer")
}

/// The JSON of a good answer.
pub(crate) async fn good(response: Response, status: u16) -> Value {
    let (path, got) = (response.url().to_string(), response.status().as_u16());
    assert_eq!(response.headers()["cache-control"], "no-store", "{path}");
    let text = response.text().await.expect("a body");
    assert_eq!(got, status, "{path}: {text}");
    if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") }
}

/// Tries a name and a password.
pub(crate) async fn log_in(server: &Server, login: &str, password: &str) -> Response {
    ask(server, Method::POST, "/api/v1/login", Some(json!({ "login": login, "password": password }))).await
}

impl<'a> Person<'a> {
    /// The first administrator of a new server.
    pub(crate) async fn first(server: &'a Server) -> Person<'a> {
        server.hide(PASSWORD);
        let code = std::fs::read_to_string(server.data().join("bootstrap-code")).expect("there is no administrator");
        server.hide(code.trim());
        let said = json!({ "code": code, "login": "admin", "password": PASSWORD, "name": NAME });
        good(ask(server, Method::POST, "/api/v1/bootstrap", Some(said)).await, 201).await;
        Self::logged_in(server, "admin", PASSWORD).await
    }

    pub(crate) async fn logged_in(server: &'a Server, login: &str, password: &str) -> Person<'a> {
        let response = log_in(server, login, password).await;
        let cookie = response.headers().get("set-cookie").expect("a cookie").to_str().expect("text").to_owned();
        let cookie = cookie.split(';').next().expect("a pair").to_owned();
        server.hide(cookie.split_once('=').expect("a pair").1);
        let id = good(response, 200).await["id"].as_str().expect("an id").to_owned();
        Self { server, cookie, id }
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let request = self.server.client.request(method, self.server.url(path)).header("cookie", &self.cookie);
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        };
        request.send().await.expect("an answer")
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        good(self.ask(Method::GET, path, None).await, 200).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Response {
        self.ask(Method::POST, path, Some(body)).await
    }

    /// Makes an account, and logs in with it.
    pub(crate) async fn make(&self, login: &str, level: &str, site: Option<&str>, role: &str) -> Person<'a> {
        let said =
            json!({ "login": login, "name": NAME, "password": PASSWORD, "level": level, "site": site, "role": role });
        good(self.post("/api/v1/accounts", said).await, 201).await;
        Self::logged_in(self.server, login, PASSWORD).await
    }

    /// The rooms that this person sees.
    pub(crate) async fn rooms(&self) -> Vec<String> {
        let rooms = self.get("/api/v1/rooms").await;
        let ids = rooms.as_array().expect("a list").iter().map(|room| room["id"].as_str().expect("an id").to_owned());
        ids.collect()
    }

    /// What the audit says: who, what, of what, how it ended; newest first.
    pub(crate) async fn audit(&self) -> Vec<(String, String, String, String)> {
        let audit = self.get("/api/v1/audit").await;
        let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or("").to_owned();
        let entries = audit["entries"].as_array().expect("a list").iter();
        entries
            .map(|entry| (text(entry, "who"), text(entry, "what"), text(entry, "target"), text(entry, "outcome")))
            .collect()
    }
}

/// One centre with so many sites as CSV, each with a device and a room of its own.
pub(crate) fn alliance(sites: usize) -> String {
    let lines = (1..=sites).map(|site| {
        format!(
            "site,site-{site:02},Example hospital {site},,\ndevice,tower-{site:02},Tower 1,site-{site:02},\n\
             room,room-{site:02},,site-{site:02},guidance\n"
        )
    });
    format!("what,id,name,site,kind\ncentre,centre,Example centre,,\n{}", lines.collect::<String>())
}

/// What `consilium sites import` prints for this file, and its exit code.
pub(crate) fn import(server_data: &std::path::Path, name: &str, text: &str) -> (Option<i32>, String) {
    let file = server_data.parent().expect("has one").join(name);
    std::fs::write(&file, text).expect("temporary file");
    let output = consilium().args(["sites", "import"]).arg(&file).arg("--data").arg(server_data).output();
    let output = output.expect("the binary runs");
    let said = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.code(), String::from_utf8(said).expect("text").trim().to_owned())
}
