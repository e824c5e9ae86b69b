//! Joins and leaves, and what they leave behind: memory and sessions must come back to what they were.
//!
//! `bench-churn [JOINS]`, 1,000 by default, ten at a time. One feed of 2.5 Mb/s is published throughout.

use std::time::Duration;

use anyhow::{Result, ensure};
use benches::figures::{ms, quantile};
use benches::peer::Peer;
use benches::server::Server;
use benches::swarm::Swarm;

const AT_A_TIME: usize = 10;
const SESSIONS: &str = "consilium_sessions";

#[expect(clippy::print_stdout, reason = "a bench prints its table")]
fn main() -> Result<()> {
    let joins: usize = std::env::args().nth(1).map_or(Ok(1000), |joins| joins.parse())?;
    let server = Server::start()?;
    let device = server.token("bench", "device", Some("site-a"))?;
    let expert = server.token("bench", "expert", None)?;
    let mut swarm = Swarm::new()?;
    let publisher = swarm.add(Peer::publish(&server.http, "bench", "endoscope", &device)?)?;
    swarm.let_publish(publisher, 30, 9, 60);
    let is_up = swarm.run(Duration::from_secs(10), |swarm| swarm.peers().all(|peer| peer.is_connected))?;
    ensure!(is_up, "the publisher did not connect");

    let mut first_packets = Vec::new();
    let mut round = |swarm: &mut Swarm, joins: usize| -> Result<()> {
        let mut viewers = Vec::new();
        for _ in 0..joins {
            viewers.push(swarm.add(Peer::play(&server.http, "bench", "site-a", "endoscope", &expert)?)?);
            swarm.run(Duration::ZERO, |_| false)?;
        }
        let seen = |swarm: &Swarm| swarm.peers().filter(|peer| peer.packets > 100).count() == joins;
        ensure!(swarm.run(Duration::from_secs(10), seen)?, "a viewer saw nothing");
        for viewer in viewers {
            let peer = swarm.remove(viewer).expect("it has just been added");
            first_packets.extend(peer.first_packet_after);
            peer.leave()?;
        }
        Ok(())
    };
    // The first rounds fill what is kept for reuse.
    for _ in 0..5 {
        round(&mut swarm, AT_A_TIME)?;
    }
    swarm.run(Duration::from_secs(2), |_| false)?;
    let (memory_before, sessions_before) = (server.process.resident_kib()?, server.metric(SESSIONS)?);
    let processor_before = server.process.processor_time()?;
    for _ in 0..joins.div_ceil(AT_A_TIME) {
        round(&mut swarm, AT_A_TIME)?;
    }
    let processor = server.process.processor_time()? - processor_before;
    swarm.run(Duration::from_secs(3), |_| false)?;
    let (memory_after, sessions_after) = (server.process.resident_kib()?, server.metric(SESSIONS)?);
    let asked = swarm.peers().map(|peer| peer.keyframe_requests).sum::<u64>();

    println!("joins and leaves             {joins}");
    println!(
        "first packet p50 / p95, ms   {} / {}",
        ms(quantile(&mut first_packets, 0.5)),
        ms(quantile(&mut first_packets, 0.95))
    );
    println!("server, ms a join and leave  {:.2}", processor.as_secs_f64() * 1e3 / joins as f64);
    println!("keyframe requests upstream   {asked}");
    println!("sessions before / after      {sessions_before} / {sessions_after}");
    println!("memory before / after, KiB   {memory_before} / {memory_after}");
    ensure!(sessions_after <= sessions_before, "sessions were left behind");
    ensure!(memory_after < memory_before + 4096, "memory was left behind");
    Ok(())
}
