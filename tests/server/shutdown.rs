//! SIGTERM.

use crate::harness::Server;
use crate::whip;
use crate::ws::Line;

#[tokio::test]
async fn everybody_is_told_and_the_server_ends_well() {
    let mut server = Server::start();
    let mut members = Vec::new();
    for _ in 0..20 {
        members.push(Line::joined(&server, "expert", None).await);
    }
    let begun = whip::begin(&server, "ct").await;
    let silent = Line::open(&server).await;
    server.terminate();
    for member in &mut members {
        assert_eq!(member.hear_of("closed").await["reason"], "shutting_down");
        assert!(member.hear().await.is_none());
        assert_eq!(member.goodbye, Some((1001, "shutting_down".to_owned())));
    }
    let asked = std::time::Instant::now();
    assert_eq!(server.wait().code(), Some(0));
    println!("down {} ms after the last goodbye", asked.elapsed().as_millis());
    assert!(server.client.delete(server.url(&begun.location)).send().await.is_err(), "nobody is there");
    drop(silent);
}

#[test]
fn an_idle_server_ends_well_on_either_signal() {
    for signal in ["-TERM", "-INT"] {
        let mut server = Server::start();
        let killed = std::process::Command::new("kill").args([signal, &server.pid().to_string()]).status();
        assert!(killed.expect("kill runs").success());
        assert_eq!(server.wait().code(), Some(0), "{signal}");
    }
}
