//! What strangers send to the media port.

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};

use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::harness::{PATIENCE, Server};
use crate::ws::Line;

/// A connectivity check for somebody who is not there, a DTLS hello, RTP, RTCP, and bytes of a small generator.
fn datagrams() -> Vec<Vec<u8>> {
    let mut check = vec![0, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42];
    check.extend_from_slice(&[1; 12]);
    check.extend_from_slice(b"\x00\x06\x00\x07no:body\x00");
    let mut dtls = vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 1];
    dtls.resize(113, 7);
    let mut rtp = vec![0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1];
    rtp.resize(1200, 3);
    let rtcp = vec![0x80, 200, 0, 6, 0, 0, 0, 1];
    let mut all = vec![check.clone(), dtls, rtp, rtcp, vec![], vec![0], vec![0; 1500]];
    all.extend((0..check.len()).map(|cut| check[..cut].to_vec()));
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for length in (0..1400).step_by(7) {
        all.push(
            (0..length)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (state >> 33) as u8
                })
                .collect(),
        );
    }
    all
}

#[tokio::test]
async fn strangers_are_counted_and_answered_with_nothing() {
    let server = Server::start();
    let mut member = Line::joined(&server, "expert", None).await;
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback");
    let dropped = r#"consilium_dropped_datagrams_total{worker="0",reason="stranger"}"#;
    let mut sent = 0;
    for datagram in datagrams() {
        socket.send_to(&datagram, server.media).expect("loopback");
        // an empty datagram is none
        sent += usize::from(!datagram.is_empty());
        // no more at a time than the kernel keeps for a server that has no turn
        if sent % 50 == 49 {
            server.metric_becomes(dropped, |count| count >= sent as f64).await;
        }
    }
    server.metric_becomes(dropped, |count| count == sent as f64).await;
    socket.set_nonblocking(true).expect("a socket");
    assert!(socket.recv(&mut [0; 100]).is_err(), "nothing comes back");
    member.say(json!({ "type": "ping", "id": 1, "at_ms": 0 })).await;
    assert_eq!(member.hear_of("ponged").await["re"], 1);
}

#[tokio::test]
async fn connections_of_strangers_end() {
    let server = Server::start();
    let ended = |reason: &str| format!(r#"consilium_tcp_connections_ended_total{{worker="0",reason="{reason}"}}"#);
    let connect = || {
        let stream = TcpStream::connect(server.media).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream
    };
    let closed = |mut stream: TcpStream| matches!(stream.read(&mut [0; 10]), Ok(0) | Err(_));
    // a frame longer than any datagram: an HTTP request, for one
    let mut http = connect();
    http.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("connected");
    assert!(closed(http));
    server.metric_becomes(&ended("frame"), |count| count == 1.0).await;
    // well framed noise, until it is too much
    let mut talker = connect();
    for datagram in datagrams().iter().filter(|datagram| datagram.len() < 1500) {
        let mut frame = (datagram.len() as u16).to_be_bytes().to_vec();
        frame.extend_from_slice(datagram);
        if talker.write_all(&frame).is_err() {
            break;
        }
    }
    assert!(closed(talker));
    server.metric_becomes(&ended("bytes"), |count| count == 1.0).await;
    // and one that says nothing
    assert!(closed(connect()));
    server.metric_becomes(&ended("time"), |count| count == 1.0).await;
    server.metric_becomes("consilium_tcp_connections{", |count| count == 0.0).await;
}

/// 64 places for one address, 256 for all.
#[tokio::test]
async fn a_crowd_of_strangers_is_bounded_and_keeps_nobody_out() {
    let server = Server::start();
    let before = server.descriptors();
    let connect = |host: u8| {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, host], 0).into()).expect("loopback");
        socket.connect(server.media)
    };
    let mut crowd = Vec::new();
    for _ in 0..300 {
        crowd.push(connect(1).await.expect("it listens"));
    }
    let ended = |reason: &str| format!(r#"consilium_tcp_connections_ended_total{{worker="0",reason="{reason}"}}"#);
    server.metric_becomes(&ended("crowd"), |count| count >= 236.0).await;
    assert!(server.descriptors() <= before + 64 + 20);
    // somebody from elsewhere is read: its frame is longer than any
    let mut newcomer = connect(2).await.expect("it listens");
    newcomer.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("connected");
    server.metric_becomes(&ended("frame"), |count| count == 1.0).await;
    for number in 0..300 {
        crowd.push(connect(2 + number as u8 % 6).await.expect("it listens"));
    }
    server.metric_becomes(&ended("crowd"), |count| count >= 236.0 + 300.0 - 256.0).await;
    assert!(server.descriptors() <= before + 256 + 20);
    let mut member = Line::joined(&server, "expert", None).await;
    member.say(json!({ "type": "ping", "id": 1, "at_ms": 0 })).await;
    assert_eq!(member.hear_of("ponged").await["re"], 1);
    drop(crowd);
    server.metric_becomes("consilium_tcp_connections{", |count| count == 0.0).await;
}

/// Clients that open an HTTP connection and say nothing, or half a request, do not keep it.
#[tokio::test]
async fn half_a_request_is_not_waited_for() {
    let server = Server::start();
    let connect = |half: &str| {
        let mut stream = TcpStream::connect(server.http).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.write_all(half.as_bytes()).expect("connected");
        stream
    };
    let halves = ["", "GET / HTT", "PRI * HTT", "POST /whip/r HTTP/1.1\r\nhost: x\r\n"].map(connect);
    for mut stream in halves {
        let mut said = Vec::new();
        stream.read_to_end(&mut said).expect("the server ends it");
    }
}
