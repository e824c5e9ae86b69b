//! Ten thousand wrong logins while a room runs: each has its code, and the room all of its pictures.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use capture::{CaptureClock, MediaKind, Player, Publisher, Target, VideoFrame};
use futures_util::{StreamExt, stream};
use serde_json::Value;
use tokio::time::timeout;

use crate::harness::{PATIENCE, Server};
use crate::person::{Person, log_in};

const GUESSES: usize = 10_000;
/// What one attacker has open at a time.
const AT_ONCE: usize = 32;

/// What the two ends of a feed know of its pictures, each of which carries its number.
#[derive(Default)]
struct Feed {
    sent: AtomicU64,
    received: AtomicU64,
    missed: AtomicU64,
}

/// Parameter sets and a keyframe that nobody decodes, with a number in it.
fn picture(number: u64) -> Vec<u8> {
    let mut bytes =
        vec![0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80, 0, 0, 0, 1, 0x65, 0x88];
    bytes.extend_from_slice(format!("{number:08}").as_bytes());
    bytes
}

async fn publish(server: &Server, feed: Arc<Feed>) {
    let token = server.token("device", Some("a"));
    let target = Target::whip(&server.url(""), "r", "endoscope", "", token).expect("an address");
    let clock = CaptureClock::start();
    let mut publisher = Publisher::connect(&target, clock, false).await.expect("it connects");
    tokio::spawn(async move {
        let mut beat = tokio::time::interval(Duration::from_millis(33));
        for number in 1.. {
            beat.tick().await;
            let frame = VideoFrame::new(picture(number)).expect("an access unit");
            if publisher.send_video(&frame, clock.now()).await.is_err() {
                return;
            }
            feed.sent.store(number, Ordering::SeqCst);
        }
    });
}

async fn play(server: &Server, feed: Arc<Feed>) {
    let token = server.token("expert", None);
    let target = Target::whep(&server.url(""), "r", "a", "endoscope", token).expect("an address");
    let mut player = timeout(PATIENCE, Player::connect(&target)).await.expect("in time").expect("it connects");
    tokio::spawn(async move {
        while let Some(packet) = player.next().await {
            let digits = packet.payload.len().checked_sub(8).map(|from| &packet.payload[from..]);
            let number = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u64>().ok());
            let Some(number) = number.filter(|_| packet.media == MediaKind::Video) else { continue };
            let before = feed.received.fetch_max(number, Ordering::SeqCst);
            if before > 0 && number > before + 1 {
                feed.missed.fetch_add(number - before - 1, Ordering::SeqCst);
            }
        }
    });
}

impl Feed {
    /// Waits until the viewer has this picture.
    async fn reaches(&self, number: u64) {
        let begun = Instant::now();
        while self.received.load(Ordering::SeqCst) < number {
            assert!(begun.elapsed() < PATIENCE, "picture {number} does not come");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Of one name and of many, as fast as they are answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_wrong_logins_take_no_picture_from_a_room() {
    let server = Server::start();
    let admin = Person::first(&server).await;
    let feed = Arc::<Feed>::default();
    publish(&server, feed.clone()).await;
    play(&server, feed.clone()).await;
    feed.reaches(30).await;

    let (begun, before) = (Instant::now(), feed.received.load(Ordering::SeqCst));
    let missed_before = feed.missed.load(Ordering::SeqCst);
    let processor_before = server.metric("process_cpu_seconds_total").await;
    let guess = |number: usize| {
        let login = if number.is_multiple_of(2) { "admin".to_owned() } else { format!("nobody-{number}") };
        let server = &server;
        async move {
            let response = log_in(server, &login, "wrong password").await;
            let status = response.status().as_u16();
            let document: Value = serde_json::from_str(&response.text().await.expect("a body")).expect("JSON");
            (status, document["code"].as_str().expect("a code").to_owned())
        }
    };
    let mut answers: BTreeMap<(u16, String), usize> = BTreeMap::new();
    let mut guesses = stream::iter(0..GUESSES).map(guess).buffer_unordered(AT_ONCE);
    while let Some(answer) = guesses.next().await {
        *answers.entry(answer).or_default() += 1;
    }
    let sent = feed.sent.load(Ordering::SeqCst);
    let (lasted, processor) = (begun.elapsed(), server.metric("process_cpu_seconds_total").await - processor_before);
    feed.reaches(sent).await;
    println!("{answers:?} in {lasted:?}, {processor:.2} s of a core, and pictures {before} to {sent}");

    let hashed = answers.get(&(401, "bad_login".to_owned())).copied().unwrap_or(0);
    let turned_away = answers.get(&(429, "too_many".to_owned())).copied().unwrap_or(0);
    assert_eq!(hashed + turned_away, GUESSES, "each has one of two codes");
    assert!(hashed <= GUESSES / 20, "{hashed} were looked at");
    assert!(sent > before, "it lasted for some pictures");
    assert_eq!(feed.missed.load(Ordering::SeqCst), missed_before, "of pictures {before} to {sent}");
    assert_eq!(admin.get("/api/v1/me").await["login"], "admin", "who is logged in stays so");
}
