//! Whose voice a WHEP session plays, with real media: publishers and players by the `webrtc` crate.

use std::time::Duration;

use capture::{CaptureClock, MediaKind, Player, Publisher, Target, VoicePacket};
use futures_util::FutureExt;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::harness::{PATIENCE, Server};
use crate::ws::Line;

/// Packets that are enough to hear a voice that does not belong there.
const ENOUGH: usize = 150;

/// Publishes a voice that says one word for ever. The server forwards what it does not read, so the word is the
/// payload.
async fn speak(server: &Server, role: &str, site: Option<&str>, feed: &str, word: &'static str) -> JoinHandle<()> {
    let token = server.token(role, site);
    let target = Target::whip(&server.url(""), "r", feed, "", token).expect("an address");
    let clock = CaptureClock::start();
    let mut publisher = Publisher::connect(&target, clock, true).await.expect("it connects");
    tokio::spawn(async move {
        let packet = VoicePacket { opus: word.into(), level_dbov: -20 };
        let mut beat = tokio::time::interval(Duration::from_millis(20));
        loop {
            beat.tick().await;
            if publisher.send_voice(&packet, clock.now()).await.is_err() {
                return;
            }
        }
    })
}

async fn player(server: &Server, role: &str, site: &str) -> Player {
    let target = Target::whep(&server.url(""), "r", site, "endoscope", server.token(role, None)).expect("an address");
    timeout(PATIENCE, Player::connect(&target)).await.expect("in time").expect("it connects")
}

/// Hears so many packets; all of them must say the word.
async fn hear(player: &mut Player, word: &str) {
    let mut heard = 0;
    while heard < ENOUGH {
        let packet = timeout(PATIENCE, player.next()).await.expect("in time").expect("the session lives");
        if packet.media == MediaKind::Voice {
            assert_eq!(String::from_utf8_lossy(&packet.payload), word, "after {heard} packets");
            heard += 1;
        }
    }
}

/// Neither another site's voice nor the panel's, also when its own site falls silent (hazard H8).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whep_session_plays_its_own_site_s_voice() {
    let server = Server::start();
    let mut lead = Line::joined(&server, "lead", None).await;
    let a = speak(&server, "device", Some("a"), "endoscope", "site-a").await;
    let b = speak(&server, "device", Some("b"), "endoscope", "site-b").await;
    let panel = speak(&server, "expert", None, "face", "panel").await;
    // all three are really heard by the room
    while lead.hear_of("speaking").await["voices"].as_array().map_or(0, Vec::len) < 3 {}
    let mut of_a = player(&server, "expert", "a").await;
    let mut of_b = player(&server, "trainee", "b").await;
    hear(&mut of_a, "site-a").await;
    hear(&mut of_b, "site-b").await;
    a.abort();
    lead.hear_of("voice_unpublished").await;
    hear(&mut of_b, "site-b").await;
    while let Some(Some(packet)) = of_a.next().now_or_never() {
        assert_eq!(String::from_utf8_lossy(&packet.payload), "site-a");
    }
    b.abort();
    panel.abort();
}
