//! A server that stands still for a moment while a crowd watches, and how the crowd gets its picture back.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::consilium::{Consilium, Expert};
use crate::figures::quantile;
use crate::machine::Moment;
use crate::peer::Peer;
use crate::server::Server;
use crate::subject::Subject;
use crate::swarm::Swarm;

const PATIENCE: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);
/// What a viewer is sent of the feed in a second.
const PACKETS: u64 = 30 * 9;
const THINNED: &str = "consilium_room_viewers_thinned_total";
const ASKED: &str = "consilium_room_keyframe_requests_upstream_total";

/// What happens.
#[derive(Debug, Clone, Copy)]
pub struct Hiccup {
    /// How many watch.
    pub viewers: usize,
    /// How long the server stands still.
    pub stands: Duration,
    /// How many seconds are looked at afterwards.
    pub seconds: usize,
}

/// One second of the crowd.
struct Second {
    core: f64,
    /// Viewers who got nearly everything, and those who got nothing at all.
    whole: usize,
    none: usize,
    /// Of what all together were to get.
    part: f64,
    expert: f64,
    expert_p99: Option<Duration>,
    thinned: f64,
    asked: f64,
    doubts: Vec<&'static str>,
}

/// The room and those in it.
struct Crowd {
    subject: Consilium,
    swarm: Swarm,
    /// Who stays for as long as it is here.
    _talker: Expert,
    expert: usize,
    viewers: Vec<usize>,
}

impl Hiccup {
    /// Measures three seconds before, then the seconds after; gives the table.
    ///
    /// # Errors
    /// If somebody sees nothing before.
    pub fn table(self, server: Server) -> Result<String> {
        let mut crowd = Crowd::gather(server, self.viewers)?;
        let mut doubts = BTreeSet::new();
        let mut lines =
            "| second | whole picture | none | of all packets | expert's packets, of all | expert p99, ms | \
                         given up so far | keyframes asked for so far | core |\n|---|---|---|---|---|---|---|---|---|\n"
                .to_owned();
        let mut look = |crowd: &mut Crowd, name: String| -> Result<()> {
            let Second { core, whole, none, part, expert, expert_p99, thinned, asked, doubts: more } =
                crowd.second()?;
            let p99 = expert_p99.unwrap_or_default().as_secs_f64() * 1e3;
            doubts.extend(more);
            lines += &format!(
                "| {name} | {whole} | {none} | {part:.3} | {expert:.3} | {p99:.1} | {thinned} | {asked} | {core:.2} |\n"
            );
            Ok(())
        };
        for before in (1..=3).rev() {
            look(&mut crowd, format!("-{before}"))?;
        }
        crowd.stand_still(self.stands)?;
        for after in 1..=self.seconds {
            look(&mut crowd, after.to_string())?;
        }
        let doubts: Vec<&str> = doubts.into_iter().collect();
        Ok(format!(
            "{} viewers; the server stood still for {} ms before second 1.\n\n{lines}\ndoubtful: {}\n",
            self.viewers,
            self.stands.as_millis(),
            doubts.join(", ")
        ))
    }
}

impl Crowd {
    fn gather(server: Server, viewers: usize) -> Result<Self> {
        let mut subject = Consilium::new(server);
        let mut swarm = Swarm::new()?;
        let publisher = swarm.add(subject.publish(0)?)?;
        // A keyframe only where one is asked for, as browsers send them.
        swarm.let_publish(publisher, 30, 9, u32::MAX);
        ensure!(swarm.run(PATIENCE, |swarm| swarm.peers().all(|peer| peer.is_connected))?, "no publisher");
        let (talker, downlink) = subject.expert(1)?;
        let expert = swarm.add(downlink)?;
        swarm.let_send(false);
        let mut crowd = Self { subject, swarm, _talker: talker, expert, viewers: Vec::new() };
        for viewer in 1..=viewers {
            for mut peer in crowd.subject.play(1)? {
                peer.opens = false;
                crowd.viewers.push(crowd.swarm.add(peer)?);
            }
            let wait = if viewer % 20 == 0 { Duration::from_millis(50) } else { Duration::ZERO };
            crowd.swarm.run(wait, |_| false)?;
        }
        crowd.swarm.let_send(true);
        let all_see = |swarm: &Swarm| swarm.peers().filter(|peer| peer.packets > 0).count() > viewers;
        ensure!(crowd.swarm.run(PATIENCE, all_see)?, "a viewer saw nothing");
        crowd.swarm.run(2 * SECOND, |_| false)?;
        Ok(crowd)
    }

    /// Stops the server's process; the publisher goes on meanwhile.
    fn stand_still(&mut self, span: Duration) -> Result<()> {
        self.subject.process().stop()?;
        let ran = self.swarm.run(span, |_| false);
        self.subject.process().go_on()?;
        ran.map(drop)
    }

    fn second(&mut self) -> Result<Second> {
        self.swarm.peers_mut().for_each(Peer::forget_what_was_seen);
        let begin = Moment::now(self.subject.process())?;
        self.swarm.run(SECOND, |_| false)?;
        let end = Moment::now(self.subject.process())?;
        let (processor, took) = end.server_since(&begin);
        let got: Vec<u64> = self.viewers.iter().filter_map(|viewer| Some(self.swarm.peer(*viewer)?.packets)).collect();
        let expert = self.swarm.peer(self.expert);
        let mut delays = expert.map(|expert| expert.delays.clone()).unwrap_or_default();
        Ok(Second {
            core: processor.as_secs_f64() / took.as_secs_f64(),
            whole: got.iter().filter(|packets| **packets * 10 >= PACKETS * 9).count(),
            none: got.iter().filter(|packets| **packets == 0).count(),
            part: got.iter().sum::<u64>() as f64 / (PACKETS * got.len().max(1) as u64) as f64,
            expert: expert.map_or(0.0, |expert| expert.packets as f64 / PACKETS as f64),
            expert_p99: quantile(&mut delays, 0.99),
            thinned: self.subject.server.metric(THINNED)?,
            asked: self.subject.server.metric(ASKED)?,
            doubts: end.shares_since(&begin).doubts().collect(),
        })
    }
}
