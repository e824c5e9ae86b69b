//! Joins and leaves: what they leave behind, and what others notice of them.
//!
//! `bench-churn [JOINS]`: 1,000 by default, ten at a time; memory and sessions must come back to what they were.
//!
//! `bench-churn storm [JOINS [SECONDS [WATCHERS [SECONDS-BETWEEN-KEYFRAMES [WORKERS]]]]]`: 1,000 joins within 60 seconds by default,
//! each stays two seconds, while 100 others watch; the publisher sends a keyframe every two seconds. A calm as long is
//! measured before. The server has one worker and one processor; with more workers it has to share the load's.

use std::time::Duration;

use anyhow::{Result, ensure};
use benches::consilium::Consilium;
use benches::figures::{ms, quantile};
use benches::machine;
use benches::process::stay_on_processor;
use benches::server::Server;
use benches::storm::Storm;
use benches::subject::Subject;
use benches::swarm::Swarm;
use benches::sweep::PROCESSORS;

const AT_A_TIME: usize = 10;
const FRAMES_PER_SECOND: u32 = 30;
const SESSIONS: &str = "consilium_sessions";

#[expect(clippy::print_stdout, reason = "a bench prints its table")]
fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "storm") {
        let number = |place: usize, default: usize| arguments.get(place).map_or(Ok(default), |number| number.parse());
        let storm = Storm {
            joins: number(1, 1000)?,
            within: Duration::from_secs(number(2, 60)? as u64),
            watchers: number(3, 100)?,
            keyframe_every: FRAMES_PER_SECOND * number(4, 2)? as u32,
        };
        let server = match number(5, 1)? {
            1 => {
                stay_on_processor(PROCESSORS.1)?;
                Server::start_on_processor(PROCESSORS.0)?
            }
            // Pinned, this program would take the server along.
            workers => Server::start_with_workers(workers)?,
        };
        let table = storm.table(server)?;
        println!(
            "# Joins\n\n{}\nHow to read it and how to repeat it: `benches/README.md`.\n\n{table}",
            machine::facts()
        );
        return Ok(());
    }
    let joins: usize = arguments.first().map_or(Ok(1000), |joins| joins.parse())?;
    leave_nothing_behind(joins)
}

#[expect(clippy::print_stdout, reason = "a bench prints its table")]
fn leave_nothing_behind(joins: usize) -> Result<()> {
    let mut subject = Consilium::new(Server::start()?);
    let mut swarm = Swarm::new()?;
    let publisher = swarm.add(subject.publish(0)?)?;
    swarm.let_publish(publisher, FRAMES_PER_SECOND, 9, 60);
    let is_up = swarm.run(Duration::from_secs(10), |swarm| swarm.peers().all(|peer| peer.is_connected))?;
    ensure!(is_up, "the publisher did not connect");

    let mut first_pictures = Vec::new();
    let mut round = |subject: &mut Consilium, swarm: &mut Swarm, joins: usize| -> Result<()> {
        let mut viewers = Vec::new();
        for _ in 0..joins {
            for peer in subject.play(1)? {
                viewers.push(swarm.add(peer)?);
            }
            swarm.run(Duration::ZERO, |_| false)?;
        }
        let seen = |swarm: &Swarm| swarm.peers().filter(|peer| peer.packets > 100).count() == joins;
        ensure!(swarm.run(Duration::from_secs(10), seen)?, "a viewer saw nothing");
        for viewer in viewers {
            let peer = swarm.remove(viewer).expect("it has just been added");
            first_pictures.extend(peer.first_picture_after);
            peer.leave()?;
        }
        Ok(())
    };
    // The first rounds fill what is kept for reuse.
    for _ in 0..5 {
        round(&mut subject, &mut swarm, AT_A_TIME)?;
    }
    swarm.run(Duration::from_secs(2), |_| false)?;
    let (memory_before, sessions_before) = (subject.process().resident_kib()?, subject.server.metric(SESSIONS)?);
    let processor_before = subject.process().processor_time()?;
    for _ in 0..joins.div_ceil(AT_A_TIME) {
        round(&mut subject, &mut swarm, AT_A_TIME)?;
    }
    let processor = subject.process().processor_time()? - processor_before;
    swarm.run(Duration::from_secs(3), |_| false)?;
    let (memory_after, sessions_after) = (subject.process().resident_kib()?, subject.server.metric(SESSIONS)?);
    let asked = swarm.peers().map(|peer| peer.keyframe_requests).sum::<u64>();

    println!("joins and leaves             {joins}");
    println!(
        "first picture p50 / p95, ms  {} / {}",
        ms(quantile(&mut first_pictures, 0.5)),
        ms(quantile(&mut first_pictures, 0.95))
    );
    println!("server, ms a join and leave  {:.2}", processor.as_secs_f64() * 1e3 / joins as f64);
    println!("keyframe requests upstream   {asked}");
    println!("sessions before / after      {sessions_before} / {sessions_after}");
    println!("memory before / after, KiB   {memory_before} / {memory_after}");
    ensure!(sessions_after <= sessions_before, "sessions were left behind");
    ensure!(memory_after < memory_before + 4096, "memory was left behind");
    Ok(())
}
