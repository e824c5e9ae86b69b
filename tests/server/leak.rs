//! Nothing is left of those who were refused, or who vanished.

use crate::harness::{Server, claims};
use crate::offer::offer;
use crate::ws::Line;

/// One round: sessions that are refused late, sessions that nobody is behind, clients that vanish.
async fn round(server: &Server, number: usize) {
    let room = format!("room-{}", number % 20);
    let device = server.signed(claims(&room, "device", Some("a")));
    let trainee = server.signed(claims(&room, "trainee", None));
    for (path, token, body) in [
        (format!("/whip/{room}?feed=ct"), &device, offer("sendonly", "abcd")),
        (format!("/whip/{room}?feed=ct"), &trainee, offer("sendonly", "abcd")),
        (
            format!("/whip/{room}?feed=ct"),
            &device,
            offer("sendonly", "abcd").replace("H264", "H999").replace("opus", "xopus"),
        ),
        (format!("/whep/{room}?site=a&feed=ct"), &trainee, offer("recvonly", "abcd")),
    ] {
        let request =
            server.client.post(server.url(&path)).bearer_auth(token).header("content-type", "application/sdp");
        request.body(body).send().await.expect("an answer");
    }
    let mut line = Line::open(server).await;
    line.join(&trainee).await;
    line.hear().await.expect("an answer");
}

#[tokio::test]
async fn sessions_and_memory_come_back_to_where_they_were() {
    let server = Server::start();
    let mut resident_kib = Vec::new();
    let mut descriptors = Vec::new();
    for _ in 0..3 {
        for number in 0..50 {
            round(&server, number).await;
        }
        server.shown_anew().await;
        assert!(server.metric("consilium_sessions{").await >= 100.0, "they were begun");
        // nobody is behind the sessions, so their connectivity checks never come
        server.metric_becomes("consilium_sessions{", |sessions| sessions == 0.0).await;
        server.metric_becomes("consilium_clients{", |clients| clients == 0.0).await;
        resident_kib.push(server.resident_kib());
        descriptors.push(server.descriptors());
    }
    println!("resident after each 200 sessions: {resident_kib:?} KiB, descriptors {descriptors:?}");
    // The first round fills caches and the allocator's arenas, of which each thread that reads offers has one; a session
    // that is not given back has more than 100 KiB.
    assert!(resident_kib[2] <= resident_kib[0] + 6144, "{resident_kib:?}");
    assert!(descriptors[2] <= descriptors[0] + 8, "{descriptors:?}");
}
