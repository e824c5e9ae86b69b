//! Many join in a short time while others watch: when joiners have a picture, and what the others notice of it.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::consilium::Consilium;
use crate::figures::{ms, quantile};
use crate::machine::{Moment, Shares};
use crate::peer::Peer;
use crate::server::Server;
use crate::subject::Subject;
use crate::swarm::Swarm;

/// How long a joiner stays.
const STAY: Duration = Duration::from_secs(2);
/// One of so many watchers opens what it gets, which gives the delay.
const OPENING: usize = 10;
const PATIENCE: Duration = Duration::from_secs(30);
const THINNED: &str = "consilium_room_viewers_thinned_total";
const REFUSED: &str = "consilium_excerpts_refused_total";

/// What happens.
#[derive(Debug, Clone, Copy)]
pub struct Storm {
    /// How many join.
    pub joins: usize,
    /// Evenly within this time; as long a calm is measured before.
    pub within: Duration,
    /// How many others watch.
    pub watchers: usize,
    /// Frames from one of the publisher's keyframes to the next, of 30 in a second.
    pub keyframe_every: u32,
}

/// A time in which the watchers were listened to.
struct Spell {
    delays: Vec<Duration>,
    processor: Duration,
    took: Duration,
    shares: Shares,
    packets: u64,
    keyframe_requests: u64,
}

/// A room with a publisher, watchers, and joiners that come and go.
struct Room {
    subject: Consilium,
    swarm: Swarm,
    publisher: usize,
    watchers: Vec<usize>,
    joiners: Joiners,
}

/// Joiners who are there, and what those had that are gone.
#[derive(Default)]
struct Joiners {
    there: VecDeque<(usize, Instant)>,
    first_pictures: Vec<Duration>,
    packets: u64,
}

impl Spell {
    fn core(&self) -> f64 {
        self.processor.as_secs_f64() / self.took.as_secs_f64()
    }
}

impl Storm {
    /// Measures the calm, then the storm; gives the table.
    ///
    /// # Errors
    /// If somebody does not get a picture.
    pub fn table(self, server: Server) -> Result<String> {
        let mut room = Room::open(server, self)?;
        let mut calm = room.spell(|room| room.swarm.run(self.within, |_| false).map(drop))?;
        let mut storm = room.spell(|room| room.join_all(self))?;
        let lost = (room.subject.server.metric(THINNED)?, room.subject.server.metric(REFUSED)?);
        let Joiners { first_pictures: mut pictures, packets, .. } = room.joiners;
        ensure!(pictures.len() == self.joins, "{} of {} had a picture", pictures.len(), self.joins);
        let calm_again = calm.processor.as_secs_f64() * storm.took.as_secs_f64() / calm.took.as_secs_f64();
        let join_ms = (storm.processor.as_secs_f64() - calm_again) * 1e3 / self.joins as f64;
        let packet_ms = calm.processor.as_secs_f64() * 1e3 / calm.packets.max(1) as f64;
        let packets = packets as f64 / self.joins as f64;
        let (p99_calm, p99_storm) = (quantile(&mut calm.delays, 0.99), quantile(&mut storm.delays, 0.99));
        let moved = p99_storm.unwrap_or_default().as_secs_f64() - p99_calm.unwrap_or_default().as_secs_f64();
        let doubts: BTreeSet<&str> = calm.shares.doubts().chain(storm.shares.doubts()).collect();
        let rows = [
            (
                "joins, within s, others who watch",
                format!("{}, {}, {}", self.joins, self.within.as_secs(), self.watchers),
            ),
            ("frames between keyframes", self.keyframe_every.to_string()),
            (
                "first picture p50 / p95, ms",
                format!("{} / {}", ms(quantile(&mut pictures, 0.5)), ms(quantile(&mut pictures, 0.95))),
            ),
            (
                "keyframe requests upstream, calm / storm",
                format!("{} / {}", calm.keyframe_requests, storm.keyframe_requests),
            ),
            (
                "end-to-end p50 of the others, calm / storm, ms",
                format!("{} / {}", ms(quantile(&mut calm.delays, 0.5)), ms(quantile(&mut storm.delays, 0.5))),
            ),
            ("end-to-end p99 of the others, calm / storm, ms", format!("{} / {}", ms(p99_calm), ms(p99_storm))),
            ("p99 moved by, ms", format!("{:.1}", moved * 1e3)),
            ("server, ms a join and leave, with what it is sent", format!("{join_ms:.2}")),
            ("packets that a joiner is sent", format!("{packets:.0}")),
            (
                "server, ms a join and leave, less that at the calm's price",
                format!("{:.2}", join_ms - packets * packet_ms),
            ),
            ("server's core, calm / storm", format!("{:.2} / {:.2}", calm.core(), storm.core())),
            ("viewers thinned, excerpts refused", format!("{} / {}", lost.0, lost.1)),
            ("load's core, calm / storm", format!("{:.2} / {:.2}", calm.shares.load, storm.shares.load)),
            ("doubtful", doubts.into_iter().collect::<Vec<_>>().join(", ")),
        ];
        let lines = rows.iter().map(|(what, figure)| format!("| {what} | {figure} |\n"));
        Ok(format!("| what | figure |\n|---|---|\n{}", lines.collect::<String>()))
    }
}

impl Room {
    fn open(server: Server, storm: Storm) -> Result<Self> {
        let mut subject = Consilium::new(server);
        let mut swarm = Swarm::new()?;
        let publisher = swarm.add(subject.publish(0)?)?;
        swarm.let_publish(publisher, 30, 9, storm.keyframe_every);
        ensure!(swarm.run(PATIENCE, |swarm| swarm.peers().all(|peer| peer.is_connected))?, "no publisher");
        let mut watchers = Vec::new();
        for watcher in 0..storm.watchers {
            for mut peer in subject.play(1)? {
                peer.opens = watcher % OPENING == 0;
                watchers.push(swarm.add(peer)?);
            }
            swarm.run(Duration::ZERO, |_| false)?;
        }
        let all_see = |swarm: &Swarm| swarm.peers().filter(|peer| peer.packets > 0).count() == storm.watchers;
        ensure!(swarm.run(PATIENCE, all_see)?, "a watcher saw nothing");
        swarm.run(Duration::from_secs(2).min(storm.within), |_| false)?;
        Ok(Self { subject, swarm, publisher, watchers, joiners: Joiners::default() })
    }

    fn spell(&mut self, passes: impl FnOnce(&mut Self) -> Result<()>) -> Result<Spell> {
        self.swarm.peers_mut().for_each(Peer::forget_what_was_seen);
        let asked = |swarm: &Swarm, publisher| swarm.peer(publisher).map_or(0, |peer| peer.keyframe_requests);
        let asked_before = asked(&self.swarm, self.publisher);
        let begin = Moment::now(self.subject.process())?;
        passes(self)?;
        let end = Moment::now(self.subject.process())?;
        let (processor, took) = end.server_since(&begin);
        let watchers = || self.watchers.iter().filter_map(|watcher| self.swarm.peer(*watcher));
        Ok(Spell {
            delays: watchers().flat_map(|peer| peer.delays.iter().copied()).collect(),
            processor,
            took,
            shares: end.shares_since(&begin),
            packets: watchers().map(|peer| peer.packets).sum(),
            keyframe_requests: asked(&self.swarm, self.publisher) - asked_before,
        })
    }

    fn join_all(&mut self, storm: Storm) -> Result<()> {
        let begin = Instant::now();
        for join in 1..=storm.joins {
            for peer in self.subject.play(1)? {
                self.joiners.there.push_back((self.swarm.add(peer)?, Instant::now() + STAY));
            }
            let next_at = begin + storm.within * join as u32 / storm.joins as u32;
            self.swarm.run(next_at.saturating_duration_since(Instant::now()), |_| false)?;
            self.joiners.go(&mut self.swarm, Instant::now())?;
        }
        while !self.joiners.there.is_empty() {
            self.swarm.run(Duration::from_millis(10), |_| false)?;
            self.joiners.go(&mut self.swarm, Instant::now())?;
        }
        Ok(())
    }
}

impl Joiners {
    /// Those go whose time is over and who have had a picture; who has none, goes later without.
    fn go(&mut self, swarm: &mut Swarm, now: Instant) -> Result<()> {
        let has_picture = |joiner| swarm.peer(joiner).is_some_and(|peer: &Peer| peer.first_picture_after.is_some());
        let goes = |until: Instant, joiner| until <= now && (has_picture(joiner) || until + PATIENCE <= now);
        let leaving = self.there.iter().take_while(|(joiner, until)| goes(*until, *joiner)).count();
        for (joiner, _) in self.there.drain(..leaving) {
            let peer = swarm.remove(joiner).expect("a joiner is removed here only");
            self.first_pictures.extend(peer.first_picture_after);
            self.packets += peer.packets;
            peer.leave()?;
        }
        Ok(())
    }
}
