//! What the operator is told of each viewer: how long the path to it is, and how old its pictures are.

use std::time::{Duration, Instant};

use capture::{CaptureClock, Player, Publisher, Target, VideoFrame};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::harness::{NAME, PATIENCE, Server};
use crate::offer::offer;
use crate::ws::Line;

/// Every picture is so old when it is sent.
const OLD: Duration = Duration::from_millis(150);

/// Parameter sets and a keyframe that nobody decodes.
const PICTURE: &[u8] =
    &[0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80, 0, 0, 0, 1, 0x65, 0x88, 1, 2];

/// Publishes an endoscope for ever whose pictures are old.
pub(crate) async fn show(server: &Server, site: &str) -> JoinHandle<()> {
    let token = server.token("device", Some(site));
    let target = Target::whip(&server.url(""), "r", "endoscope", "", token).expect("an address");
    let clock = CaptureClock::start();
    let publisher = Publisher::connect(&target, clock, false).await.expect("it connects");
    tokio::spawn(send_old_pictures(publisher, clock))
}

/// Sends pictures for as long as the connection lasts.
pub(crate) async fn send_old_pictures(mut publisher: Publisher, clock: CaptureClock) {
    let picture = VideoFrame::new(PICTURE).expect("an access unit");
    let mut beat = tokio::time::interval(Duration::from_millis(40));
    loop {
        beat.tick().await;
        let Some(captured) = clock.now().checked_sub(OLD) else { continue };
        if publisher.send_video(&picture, captured).await.is_err() {
            return;
        }
    }
}

/// Plays it for ever.
async fn play(server: &Server, role: &str, site: &str) -> JoinHandle<()> {
    let target = Target::whep(&server.url(""), "r", site, "endoscope", server.token(role, None)).expect("an address");
    let mut player = timeout(PATIENCE, Player::connect(&target)).await.expect("in time").expect("it connects");
    tokio::spawn(async move { while player.next().await.is_some() {} })
}

/// Waits until a sample of this name and with these labels is above zero, and gives its value.
async fn sample(server: &Server, name: &str, labels: &[(&str, &str)]) -> f64 {
    let begun = Instant::now();
    loop {
        let text = server.get("/metrics").await.text().await.expect("text");
        assert!(!text.contains(NAME), "a name is in the metrics");
        let is_wanted = |line: &&str| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{'))
                && labels.iter().all(|(label, value)| line.contains(&format!(r#"{label}="{value}""#)))
        };
        let line = text.lines().find(is_wanted);
        let value = line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0);
        if value > 0.0 {
            return value;
        }
        assert!(begun.elapsed() < PATIENCE, "no {name} of {labels:?} in\n{text}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_are_known_by_what_the_server_measures() {
    let server = Server::start();
    let publisher = show(&server, "a").await;
    let players = [play(&server, "expert", "a").await, play(&server, "trainee", "a").await];
    // What the sender's clock is behind is learned from reports whose own way is not free.
    let least_s = OLD.as_secs_f64() * 0.7;
    for role in ["expert", "trainee"] {
        sample(&server, "consilium_viewer_path_seconds_count", &[("role", role)]).await;
        for stage in ["departure", "arrival"] {
            let labels = [("role", role), ("at", stage)];
            let count = sample(&server, "consilium_viewer_age_seconds_count", &labels).await;
            let sum_s = sample(&server, "consilium_viewer_age_seconds_sum", &labels).await;
            assert!(sum_s / count > least_s, "{role} at {stage}: {sum_s} s in {count}");
        }
    }
    sample(&server, "consilium_member_path_seconds", &[("role", "expert")]).await;
    for stage in ["departure", "arrival"] {
        let age_s = sample(&server, "consilium_member_age_seconds", &[("role", "expert"), ("at", stage)]).await;
        assert!(age_s > least_s, "{age_s} s at {stage}");
    }
    sample(&server, "consilium_slot_sent_bps", &[("role", "expert")]).await;
    let text = server.get("/metrics").await.text().await.expect("text");
    let shown = |name: &str| text.lines().find(|line| line.starts_with(name) && line.contains(r#"role="expert""#));
    let height = shown("consilium_slot_height_pixels{").expect("a row, although nobody can read how high it is");
    assert!(height.ends_with(r#"layer="only"} 0.0"#), "{height}");
    assert_eq!(shown("consilium_slot_allocated_bps{"), None, "its line is no matter");
    let is_one_of_many = |line: &str| line.starts_with("consilium_member_") && line.contains(r#"role="trainee""#);
    assert!(!text.lines().any(is_one_of_many), "the audience is not shown one by one:\n{text}");
    publisher.abort();
    players.iter().for_each(JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_says_how_old_its_pictures_are() {
    let server = Server::start();
    let publisher = show(&server, "a").await;
    let mut lead = Line::joined(&server, "lead", None).await;
    let sdp = offer("recvonly", "abcd");
    lead.say(json!({ "type": "receive", "id": 2, "sdp": sdp, "slots": ["0"], "voices": ["1"] })).await;
    lead.hear_of("received").await;
    let choice = json!({ "site": "a", "kind": "endoscope" });
    lead.say(json!({ "type": "watch", "id": 3, "slot": 0, "choice": choice })).await;
    assert!(lead.hear_of("watched").await["feed"].is_u64());
    lead.say(json!({ "type": "note_ages", "ages": [{ "slot": 0, "age_ms": 187 }, { "slot": 9, "age_ms": 1 }] })).await;
    let of_screen = [("role", "lead"), ("at", "screen")];
    assert_eq!(sample(&server, "consilium_member_age_seconds", &of_screen).await, 0.187);
    let [role, at] = of_screen;
    sample(&server, "consilium_viewer_age_seconds_bucket", &[("le", "0.2"), role, at]).await;
    let text = server.get("/metrics").await.text().await.expect("text");
    let below = r#"consilium_viewer_age_seconds_bucket{le="0.15",worker="0",room="r",role="lead",at="screen"} 0"#;
    assert!(text.contains(below), "{text}");
    publisher.abort();
}
