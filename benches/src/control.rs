//! A member that says something to its room again and again, and how long the answers take.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use serde_json::json;

use crate::consilium::{Consilium, Expert};
use crate::figures::quantile;
use crate::histogram::Histogram;
use crate::machine::{Moment, Shares};
use crate::peer::Peer;
use crate::process::go_first;
use crate::server::Server;
use crate::subject::Subject;
use crate::swarm::Swarm;

/// From one message to the next. A member may say 50 in a second; and no few of them are as long as a few frames, so
/// that they come at all times of a fan-out.
const EVERY: Duration = Duration::from_micros(21_400);
const PATIENCE: Duration = Duration::from_secs(30);
const AT_A_TIME: usize = 20;

/// What is measured.
#[derive(Debug, Clone, Copy)]
pub struct Control {
    /// How many watch, after a time in which nobody does.
    pub viewers: usize,
    /// How long each.
    pub span: Duration,
}

/// How long answers took.
#[derive(Debug, Default)]
struct RoundTrips {
    /// To `ping`, which the WebSocket's task answers: what the machine and the server's other threads cost.
    pings: Vec<Duration>,
    /// To `watch`, which the room answers, on its worker's thread.
    watches: Vec<Duration>,
    had_precedence: bool,
}

/// What messages of the panel have waited for their room, as the server itself measures it.
const WAITED: &str = "consilium_message_wait_seconds";

/// A time in which answers were waited for.
struct Spell {
    trips: RoundTrips,
    waited: Histogram,
    core: f64,
    shares: Shares,
}

impl Control {
    /// Measures without viewers, then with; gives the table.
    ///
    /// # Errors
    /// If somebody sees nothing, or the server refuses something.
    pub fn table(self, server: Server) -> Result<String> {
        let mut subject = Consilium::new(server);
        let mut swarm = Swarm::new()?;
        let publisher = swarm.add(subject.publish(0)?)?;
        swarm.let_publish(publisher, 30, 9, 60);
        ensure!(swarm.run(PATIENCE, |swarm| swarm.peers().all(|peer| peer.is_connected))?, "no publisher");
        let (mut expert, downlink) = subject.expert(1)?;
        swarm.add(downlink)?;
        let mut calm = self.spell(&subject, &mut swarm, &mut expert)?;
        // Where hundreds watch already, handshakes would wait behind all that they receive.
        swarm.let_send(false);
        for viewer in 1..=self.viewers {
            for mut peer in subject.play(1)? {
                peer.opens = false;
                swarm.add(peer)?;
            }
            let wait = if viewer % AT_A_TIME == 0 { Duration::from_millis(50) } else { Duration::ZERO };
            swarm.run(wait, |_| false)?;
        }
        swarm.let_send(true);
        let all_see = |swarm: &Swarm| swarm.peers().filter(|peer| peer.packets > 0).count() >= self.viewers;
        ensure!(swarm.run(PATIENCE, all_see)?, "a viewer saw nothing");
        swarm.run(self.span.min(Duration::from_secs(2)), |_| false)?;
        let mut crowd = self.spell(&subject, &mut swarm, &mut expert)?;
        Ok(table(self.viewers, &mut calm, &mut crowd))
    }

    fn spell(self, subject: &Consilium, swarm: &mut Swarm, expert: &mut Expert) -> Result<Spell> {
        swarm.peers_mut().for_each(Peer::forget_what_was_seen);
        let before = Histogram::read(&subject.server.metrics()?, WAITED);
        let begin = Moment::now(subject.process())?;
        // On a thread of its own: the load would hear an answer only after everything that it receives before it.
        let trips = thread::scope(|scope| {
            let talk = scope.spawn(|| RoundTrips::of(expert, Instant::now() + self.span));
            swarm.run(self.span, |_| false)?;
            talk.join().map_err(|_| anyhow!("the expert's thread failed"))?
        })?;
        let end = Moment::now(subject.process())?;
        let (processor, took) = end.server_since(&begin);
        let core = processor.as_secs_f64() / took.as_secs_f64();
        // The worker shows its sums once a second.
        swarm.run(Duration::from_secs(1), |_| false)?;
        let waited = Histogram::read(&subject.server.metrics()?, WAITED).since(&before);
        Ok(Spell { trips, waited, core, shares: end.shares_since(&begin) })
    }
}

impl RoundTrips {
    fn of(expert: &mut Expert, until: Instant) -> Result<Self> {
        let mut trips = Self { had_precedence: go_first()?, ..Self::default() };
        let mut next_at = Instant::now();
        for id in 1000_u32.. {
            thread::sleep(next_at.saturating_duration_since(Instant::now()));
            let said_at = Instant::now();
            if said_at >= until {
                break;
            }
            if id.is_multiple_of(2) {
                expert.ask(&json!({ "type": "ping", "id": id, "at_ms": 0 }), "ponged")?;
                trips.pings.push(said_at.elapsed());
            } else {
                expert.ask(&json!({ "type": "watch", "id": id, "slot": 0, "choice": null }), "watched")?;
                trips.watches.push(said_at.elapsed());
            }
            next_at = (next_at + EVERY).max(Instant::now());
        }
        Ok(trips)
    }
}

fn table(viewers: usize, calm: &mut Spell, crowd: &mut Spell) -> String {
    let mut doubts: BTreeSet<&str> = calm.shares.doubts().chain(crowd.shares.doubts()).collect();
    if !calm.trips.had_precedence {
        doubts.insert("the expert waited for the load");
    }
    let mut lines = format!("| what | nobody watches | {viewers} watch | more |\n|---|---|---|---|\n");
    let mut line = |what: &str, digits: usize, before: f64, after: f64| {
        let more = after - before;
        lines += &format!("| {what} | {before:.digits$} | {after:.digits$} | {more:.digits$} |\n");
    };
    line("answers to `watch`", 0, calm.trips.watches.len() as f64, crowd.trips.watches.len() as f64);
    for (part, name) in [(0.5, "p50"), (0.99, "p99"), (1.0, "most")] {
        let (before, after) = (&mut calm.trips, &mut crowd.trips);
        let at = |trips: &mut [Duration]| quantile(trips, part).unwrap_or_default().as_secs_f64() * 1e3;
        line(&format!("`ping`, {name}, ms"), 2, at(&mut before.pings), at(&mut after.pings));
        line(&format!("`watch`, {name}, ms"), 2, at(&mut before.watches), at(&mut after.watches));
    }
    for (part, name) in [(0.5, "p50"), (0.99, "p99"), (1.0, "most")] {
        let at = |waited: &Histogram| waited.quantile(part).unwrap_or_default() * 1e3;
        line(&format!("`watch` in the worker's inbox, {name}, ms"), 2, at(&calm.waited), at(&crowd.waited));
    }
    line("server's core", 2, calm.core, crowd.core);
    line("load's core", 2, calm.shares.load, crowd.shares.load);
    lines + &format!("\ndoubtful: {}\n", doubts.into_iter().collect::<Vec<_>>().join(", "))
}
