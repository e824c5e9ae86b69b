//! A capture box that is killed and publishes again at once, at a site that is full.

use std::time::Instant;

use capture::{CaptureClock, Error, Publisher, Target};
use futures_util::future::join_all;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::harness::{PATIENCE, Server};
use crate::viewers::send_old_pictures;

/// All that a site may show.
const KINDS: [&str; 4] = ["endoscope", "ultrasound", "ct", "room"];

/// One input of a box: a session in a runtime of its own, which is killed when this is dropped, and says no goodbye.
struct Input(Option<Runtime>);

impl Input {
    async fn publish(server: &Server, token: &str, kind: &str) -> Result<Self, Error> {
        let target = Target::whip(&server.url(""), "r", kind, "Tower", token).expect("an address");
        let input = Self(Some(Runtime::new().expect("a runtime")));
        let (connected, connects) = oneshot::channel();
        let publishing = async move {
            let clock = CaptureClock::start();
            match Publisher::connect(&target, clock, false).await {
                Ok(publisher) => {
                    connected.send(Ok(())).expect("it is waited for");
                    send_old_pictures(publisher, clock).await;
                }
                Err(error) => connected.send(Err(error)).expect("it is waited for"),
            }
        };
        if let Some(runtime) = &input.0 {
            runtime.spawn(publishing);
        }
        connects.await.expect("it says how it went").map(|()| input)
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

/// A box with all of its inputs, each of which has brought something.
async fn publish_all(server: &Server, token: &str) -> Vec<Input> {
    let mut inputs = Vec::new();
    for kind in KINDS {
        inputs.push(Input::publish(server, token, kind).await.expect("there is a place"));
    }
    all_bring_more(server).await;
    inputs
}

/// The packets that each feed of the room has brought, by its labels.
async fn packets(server: &Server) -> Vec<(String, f64)> {
    let text = server.get("/metrics").await.text().await.expect("text");
    let feeds = text.lines().filter_map(|line| line.strip_prefix("consilium_feed_packets_total")?.rsplit_once(' '));
    feeds.map(|(labels, packets)| (labels.to_owned(), packets.parse().expect("a number"))).collect()
}

/// Waits until each of the four feeds has brought something that it had not when this was asked.
async fn all_bring_more(server: &Server) {
    server.shown_anew().await;
    let (before, begun) = (packets(server).await, Instant::now());
    let had = |labels: &str| before.iter().find(|(known, _)| known == labels).map_or(0.0, |(_, packets)| *packets);
    loop {
        let now = packets(server).await;
        if now.len() == KINDS.len() && now.iter().all(|(labels, packets)| *packets > had(labels)) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "there were {before:?}, and are {now:?}");
        server.shown_anew().await;
    }
}

/// What it sent before is not known to have stopped yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_box_that_was_killed_is_let_in_at_once() {
    let server = Server::start();
    let token = server.token("device", Some("a"));
    drop(publish_all(&server, &token).await);
    let again: Vec<_> = join_all(KINDS.map(|kind| Input::publish(&server, &token, kind))).await;
    for (kind, input) in KINDS.iter().zip(&again) {
        assert!(input.is_ok(), "{kind}: {:?}", input.as_ref().err());
    }
    assert_eq!(server.log().matches("feed gave way").count(), KINDS.len());
    all_bring_more(&server).await;
}

/// Hazard H2: whoever watches a camera goes on watching that one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_camera_of_the_same_name_takes_the_place_of_no_living_one() {
    let server = Server::start();
    let token = server.token("device", Some("a"));
    let _inputs = publish_all(&server, &token).await;
    let feeds = packets(&server).await;
    let refused = Input::publish(&server, &token, KINDS[0]).await.err();
    assert!(matches!(&refused, Some(Error::Refused { code, .. }) if code == "too_many_feeds"), "{refused:?}");
    assert!(!server.log().contains("feed gave way"));
    all_bring_more(&server).await;
    let labels = |feeds: &[(String, f64)]| feeds.iter().map(|(labels, _)| labels.clone()).collect::<Vec<_>>();
    assert_eq!(labels(&packets(&server).await), labels(&feeds), "the very same feeds");
}
