//! A member that says something to its room again and again, and how long the answers take.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use serde_json::json;

use crate::browser::{self, Browser};
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
/// From one browser that comes to the next: a thousand within a minute.
const COMES_EVERY: Duration = Duration::from_millis(60);
/// So long they come, at most.
const COMING: Duration = Duration::from_secs(12);
/// All at once in the end, as after a network has failed.
const AT_ONCE: usize = 200;

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
    /// To the offers of browsers that came meanwhile.
    offers: Vec<Duration>,
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
        let calm = self.spell(&subject, &mut swarm, &mut expert, Vec::new())?;
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
        let crowd = self.spell(&subject, &mut swarm, &mut expert, Vec::new())?;
        let coming = Self { span: self.span.min(COMING), ..self };
        let newcomers = (coming.span.as_millis() / COMES_EVERY.as_millis()) as usize;
        let join = |number| subject.browser(number);
        let newcomers = (0..newcomers).map(join).collect::<Result<Vec<_>>>()?;
        let joining = coming.spell(&subject, &mut swarm, &mut expert, newcomers)?;
        let returning = (0..AT_ONCE).map(|number| subject.browser(AT_ONCE + number)).collect::<Result<Vec<_>>>()?;
        let mut at_once = thread::scope(|scope| {
            let answers = scope.spawn(|| browser::receive_at_once(returning));
            swarm.run(Duration::from_secs(5), |_| false)?;
            answers.join().map_err(|_| anyhow!("the browsers' thread failed"))?
        })?;
        Ok(table(self.viewers, [calm, crowd, joining], &mut at_once))
    }

    fn spell(
        self,
        subject: &Consilium,
        swarm: &mut Swarm,
        expert: &mut Expert,
        newcomers: Vec<Browser>,
    ) -> Result<Spell> {
        swarm.peers_mut().for_each(Peer::forget_what_was_seen);
        let before = Histogram::read(&subject.server.metrics()?, WAITED);
        let begin = Moment::now(subject.process())?;
        // On a thread of its own: the load would hear an answer only after everything that it receives before it.
        let (trips, offers) = thread::scope(|scope| {
            let talk = scope.spawn(|| RoundTrips::of(expert, Instant::now() + self.span));
            let come = scope.spawn(|| come(newcomers));
            swarm.run(self.span, |_| false)?;
            let trips = talk.join().map_err(|_| anyhow!("the expert's thread failed"))??;
            let offers = come.join().map_err(|_| anyhow!("the browsers' thread failed"))??;
            anyhow::Ok((trips, offers))
        })?;
        let end = Moment::now(subject.process())?;
        let (processor, took) = end.server_since(&begin);
        let core = processor.as_secs_f64() / took.as_secs_f64();
        // The worker shows its sums once a second.
        swarm.run(Duration::from_secs(1), |_| false)?;
        let waited = Histogram::read(&subject.server.metrics()?, WAITED).since(&before);
        Ok(Spell { trips, offers, waited, core, shares: end.shares_since(&begin) })
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

/// Browsers come one after the other; gives how long the answers to their offers took.
fn come(browsers: Vec<Browser>) -> Result<Vec<Duration>> {
    let mut next_at = Instant::now();
    let offer = |mut browser: Browser| {
        thread::sleep(next_at.saturating_duration_since(Instant::now()));
        next_at += COMES_EVERY;
        browser.receive()
    };
    browsers.into_iter().map(offer).collect()
}

const QUANTILES: [(f64, &str); 4] = [(0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (1.0, "most")];

fn table(viewers: usize, mut spells: [Spell; 3], at_once: &mut [Duration]) -> String {
    let mut doubts: BTreeSet<&str> = spells.iter().flat_map(|spell| spell.shares.doubts()).collect();
    if spells.iter().any(|spell| !spell.trips.had_precedence) {
        doubts.insert("the expert waited for the load");
    }
    let rate = Duration::from_secs(1).div_duration_f64(COMES_EVERY);
    let mut lines = format!(
        "| what | nobody watches | {viewers} watch | {viewers} watch, {rate:.0} browsers come a second |\n|---|---|---|---|\n"
    );
    let mut line = |what: &str, digits: usize, figure: &mut dyn FnMut(&mut Spell) -> Option<f64>| {
        let cell = |figure: Option<f64>| figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.digits$}"));
        let cells: Vec<String> = spells.iter_mut().map(|spell| cell(figure(spell))).collect();
        lines += &format!("| {what} | {} |\n", cells.join(" | "));
    };
    line("answers to `watch`", 0, &mut |spell| Some(spell.trips.watches.len() as f64));
    let ms = |time: Option<Duration>| time.map(|time| time.as_secs_f64() * 1e3);
    for (part, name) in QUANTILES {
        line(&format!("`ping`, {name}, ms"), 2, &mut |spell| ms(quantile(&mut spell.trips.pings, part)));
        line(&format!("`watch`, {name}, ms"), 2, &mut |spell| ms(quantile(&mut spell.trips.watches, part)));
    }
    for (part, name) in QUANTILES {
        let what = format!("`watch` in the worker's inbox, {name}, ms");
        line(&what, 2, &mut |spell| spell.waited.quantile(part).map(|seconds| seconds * 1e3));
    }
    for (part, name) in QUANTILES {
        line(&format!("a browser's offer, {name}, ms"), 1, &mut |spell| ms(quantile(&mut spell.offers, part)));
    }
    line("server's core", 2, &mut |spell| Some(spell.core));
    line("load's core", 2, &mut |spell| Some(spell.shares.load));
    let [median, most] = [0.5, 1.0].map(|part| ms(quantile(at_once, part)).unwrap_or_default());
    lines
        + &format!("\n{AT_ONCE} browsers offer at once: answered after {median:.0} ms (p50), {most:.0} ms (most).\n")
        + &format!("\ndoubtful: {}\n", doubts.into_iter().collect::<Vec<_>>().join(", "))
}
