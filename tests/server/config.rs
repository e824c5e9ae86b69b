//! What the binary is told.

use std::net::{TcpListener, UdpSocket};

use crate::harness::{Scratch, Server, consilium};

fn refused(words: &[&str], variables: &[(&str, &str)]) -> String {
    let scratch = Scratch::new();
    let output = consilium()
        .args(words)
        .envs(variables.iter().copied())
        .env("HOME", scratch.path())
        .output()
        .expect("the binary runs");
    let line = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{words:?}: {line}");
    assert_eq!(line.lines().filter(|line| line.starts_with("consilium: ")).count(), 1, "{words:?}: {line}");
    assert!(output.stdout.is_empty());
    line
}

#[test]
fn bad_configuration_exits_2_with_one_clear_line() {
    let scratch = Scratch::new();
    let file = scratch.path().join("c.toml");
    std::fs::write(&file, "htpp = \"127.0.0.1:0\"\n").expect("temporary file");
    let file = file.to_str().expect("text");
    let everywhere = scratch.path().join("everywhere.toml");
    std::fs::write(&everywhere, "advertise = [\"0.0.0.0\"]\n").expect("temporary file");
    let everywhere = everywhere.to_str().expect("text");
    let short = scratch.path().join("short");
    std::fs::write(&short, "too short").expect("temporary file");
    let short = short.to_str().expect("text");
    for (words, variables, named) in [
        (vec!["fly"], vec![], "fly"),
        (vec!["serve", "--http", "nowhere"], vec![], "--http"),
        (vec!["serve", "--workers", "0"], vec![], "--workers"),
        (vec!["serve", "--tls-cert", "a"], vec![], "--tls-key"),
        (vec!["serve", "--tls-cert", "/nonexistent/c", "--tls-key", "/nonexistent/k"], vec![], "/nonexistent/c"),
        (vec!["serve", "--secret-file", "/nonexistent/s"], vec![], "/nonexistent/s"),
        (vec!["serve", "--secret-file", short], vec![], "32"),
        (vec!["serve", "--jwks", "/nonexistent/j"], vec![], "/nonexistent/j"),
        (vec!["serve", "--rooms", "some"], vec![], "--rooms"),
        (vec!["serve", "--trusted-proxy", "proxy"], vec![], "--trusted-proxy"),
        (vec!["sites", "import", "sites.xlsx"], vec![], ".csv"),
        (vec!["sites", "import", "/nonexistent/sites.csv"], vec![], "/nonexistent/sites.csv"),
        (vec!["serve", "--config", "/nonexistent/f"], vec![], "/nonexistent/f"),
        (vec!["serve", "--config", file], vec![], "htpp"),
        (vec!["serve", "--media", "127.0.0.1:65535", "--workers", "2", "--http", "127.0.0.1:0"], vec![], "65535"),
        (vec!["serve", "--data", "/dev/null/x", "--http", "127.0.0.1:0"], vec![], "/dev/null/x"),
        (vec!["serve", "--log", "server=loud", "--http", "127.0.0.1:0"], vec![], "--log"),
        (vec!["serve"], vec![("CONSILIUM_HTTP", "nowhere")], "--http"),
        (vec!["serve", "--advertise", "0.0.0.0"], vec![], "--advertise"),
        (vec!["serve", "--advertise", "::"], vec![], "--advertise"),
        (vec!["serve", "--advertise", "192.0.2.1,239.1.2.3"], vec![], "239.1.2.3"),
        (vec!["serve", "--advertise", "255.255.255.255"], vec![], "--advertise"),
        (vec!["serve"], vec![("CONSILIUM_ADVERTISE", "fe80::1")], "--advertise"),
        (vec!["serve", "--origin", "foo"], vec![], "--origin"),
        (vec!["serve", "--origin", "https://a.example/page"], vec![], "--origin"),
        (vec!["serve", "--config", everywhere], vec![], "--advertise"),
        (vec!["token", "--room", "a/b", "--role", "lead", "--name", "x"], vec![], "--room"),
        (
            vec!["token", "--room", "a", "--role", "king", "--name", "x"],
            vec![],
            "--role <ROLE>' [possible values: lead, expert, surgeon, trainee, display, device, service]",
        ),
        (vec!["token", "--room", "a", "--role", "lead", "--name", ""], vec![], "--name"),
        (vec!["token", "--room", "a", "--role", "lead", "--name", " \t "], vec![], "--name"),
        (vec!["token", "--room", "a", "--role", "surgeon", "--name", "x"], vec![], "site"),
    ] {
        let line = refused(&words, &variables);
        assert!(line.contains(named), "{words:?} does not name {named}: {line}");
    }
}

#[test]
fn a_taken_port_is_said() {
    let tcp = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("loopback");
    let (tcp, udp) = (tcp.local_addr().expect("bound").to_string(), udp.local_addr().expect("bound").to_string());
    let line = refused(&["serve", "--http", &tcp, "--media", "127.0.0.1:0"], &[]);
    assert!(line.contains(&tcp), "{line}");
    let line = refused(&["serve", "--http", "127.0.0.1:0", "--media", &udp], &[]);
    assert!(line.contains(&udp), "{line}");
    let line = refused(&["demo", "--http", &tcp, "--media", "127.0.0.1:0"], &[]);
    assert!(line.contains(&tcp), "{line}");
}

#[test]
fn help_says_all() {
    for (words, said) in [
        (vec!["--help"], vec!["serve", "demo", "token"]),
        (
            vec!["serve", "--help"],
            vec![
                "--http",
                "--media",
                "--advertise",
                "--data",
                "--workers",
                "--tls-cert",
                "--tls-key",
                "--secret-file",
                "--jwks",
                "--rooms",
                "--room",
                "--trusted-proxy",
                "--log-format",
                "--config",
                "CONSILIUM_HTTP",
                "127.0.0.1:8080",
                "0.0.0.0:7881",
            ],
        ),
        (vec!["sites", "import", "--help"], vec!["FILE", ".toml", ".csv", "--data"]),
        (vec!["demo", "--help"], vec!["--http", "--media", "--data", ":7881"]),
        (
            vec!["token", "--help"],
            vec!["--room", "--role", "--name", "--site", "--ttl", "--data", "--secret-file", "lead, expert, surgeon"],
        ),
    ] {
        let output = consilium().args(&words).output().expect("the binary runs");
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(output.status.success());
        for word in said {
            assert!(text.contains(word), "{words:?} does not say {word}:\n{text}");
        }
        assert!(!text.contains(".."), "{words:?} has a full stop too many:\n{text}");
    }
}

/// A flag wins over a variable, a variable over the file; seen by which rooms are declared.
#[tokio::test]
async fn flags_then_variables_then_the_file() {
    let scratch = Scratch::new();
    let file = scratch.path().join("c.toml");
    std::fs::write(&file, "rooms = \"declared\"\nroom = [\"of-file\"]\nlog-format = \"json\"\n")
        .expect("temporary file");
    let file = file.to_str().expect("text");
    let server = Server::start_with(&["--config", file]);
    assert_eq!(room_is_known(&server, "of-file").await, (true, false));
    assert!(server.log().lines().all(|line| line.starts_with('{')), "JSON, as the file says");
    let server = Server::start_with(&["--config", file, "--room", "of-flag"]);
    assert_eq!(room_is_known(&server, "of-flag").await, (true, false));
    assert_eq!(room_is_known(&server, "of-file").await, (false, false));
}

/// Whether the room can be joined, and one that nobody declared.
async fn room_is_known(server: &Server, room: &str) -> (bool, bool) {
    let mut known = Vec::new();
    for room in [room, "undeclared"] {
        let token = server.signed(crate::harness::claims(room, "expert", None));
        let mut line = crate::ws::Line::open(server).await;
        line.join(&token).await;
        let answer = line.hear().await.expect("an answer");
        known.push(answer["type"] == "joined");
        assert!(answer["type"] == "joined" || answer["code"] == "unknown_room", "{answer}");
    }
    (known[0], known[1])
}
