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
    for name in [
        "consilium_rooms{",
        "consilium_forwarding_seconds_bucket{",
        "consilium_dropped_datagrams_total{",
        "\nprocess_cpu_seconds_total ",
        "\nprocess_resident_memory_bytes ",
        "\nprocess_virtual_memory_bytes ",
        "\nprocess_open_fds ",
        "\nprocess_max_fds ",
        "\nprocess_start_time_seconds ",
    ] {
        assert!(text.contains(name), "{name} is not in\n{text}");
    }
    let api = server.get("/api/openapi.json").await.text().await.expect("text");
    let api: serde_json::Value = serde_json::from_str(&api).expect("JSON");
    for path in ["/whip/{room}", "/whep/{room}", "/healthz"] {
        assert!(api["paths"][path].is_object(), "{path} is not described");
    }
}

/// What the server says of its own process is what the kernel says of it.
#[tokio::test]
async fn the_process_says_how_it_fares() {
    let server = Server::start();
    let age_s = crate::harness::now_s() as f64 - server.metric("process_start_time_seconds").await;
    assert!((-1.0..60.0).contains(&age_s), "started {age_s} s ago");
    let (resident, kernel) = (server.metric("process_resident_memory_bytes").await, server.resident_kib() * 1024);
    assert!((resident / kernel as f64 - 1.0).abs() < 0.2, "{resident} against {kernel} bytes");
    let open = server.metric("process_open_fds").await;
    assert!((open - server.descriptors() as f64).abs() <= 3.0 && open < server.metric("process_max_fds").await);
    // a refusal costs a little work each
    let before = server.metric("process_cpu_seconds_total").await;
    server.metric_becomes("process_cpu_seconds_total", |seconds| seconds > before).await;
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
