//! The addresses for operators, and what every page is allowed.

use crate::harness::{Server, problem};

#[tokio::test]
async fn operators_find_what_they_look_for() {
    let server = Server::start();
    assert_eq!(server.get("/healthz").await.status(), 200);
    assert_eq!(server.get("/readyz").await.status(), 200);
    let metrics = server.get("/metrics").await;
    assert!(metrics.headers()["content-type"].to_str().expect("text").starts_with("application/openmetrics-text"));
    let text = metrics.text().await.expect("text");
    for name in ["consilium_rooms{", "consilium_forwarding_seconds_bucket{", "consilium_dropped_datagrams_total{"] {
        assert!(text.contains(name), "{name} is not in\n{text}");
    }
    let api = server.get("/api/openapi.json").await.text().await.expect("text");
    let api: serde_json::Value = serde_json::from_str(&api).expect("JSON");
    for path in ["/whip/{room}", "/whep/{room}", "/healthz"] {
        assert!(api["paths"][path].is_object(), "{path} is not described");
    }
}

#[tokio::test]
async fn pages_may_do_little() {
    let server = Server::start();
    let page = server.get("/").await;
    assert_eq!(page.status(), 200);
    assert!(page.headers()["content-type"].to_str().expect("text").starts_with("text/html"));
    for (name, part) in [
        ("content-security-policy", "default-src 'self'"),
        ("content-security-policy", "frame-ancestors 'none'"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("permissions-policy", "camera=(self)"),
    ] {
        assert!(page.headers()[name].to_str().expect("text").contains(part), "{name}");
    }
    assert_eq!(server.get("/room/of/the/client").await.status(), 200, "the client finds its way itself");
    assert_eq!(problem(server.get("/nothing.js").await, 404).await, "not_found");
    assert_eq!(problem(server.get("/api/v1/nothing").await, 404).await, "not_found");
    let post = server.client.post(server.url("/")).send().await.expect("an answer");
    assert_eq!(post.headers()["allow"], "GET, HEAD");
    assert_eq!(problem(post, 405).await, "wrong_method");
}
