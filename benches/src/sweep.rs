//! A subject under a load that grows, measured where it stands.

use std::ops::Range;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::figures::{Figures, quantile};
use crate::floor;
use crate::histogram::Histogram;
use crate::machine::Moment;
use crate::peer::{PAYLOAD, Peer};
use crate::subject::Subject;
use crate::swarm::Swarm;

const FRAMES_PER_SECOND: u32 = 30;
const PACKETS_PER_FRAME: usize = 9;
const KEYFRAME_EVERY: u32 = 60;
/// Streams that are opened where they arrive: of five viewers, or of one expert in each room.
const OPENING: usize = 5;
/// How old a worker's figures can be, and a little.
const SHOWN_EVERY: Duration = Duration::from_millis(1100);
/// Viewers that join before the others receive again.
const AT_A_TIME: usize = 20;
const PATIENCE: Duration = Duration::from_secs(30);

/// The processors of a bench: the server's, then the load's.
pub const PROCESSORS: (usize, usize) = (0, 1);

/// How long each part of a measurement takes.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Publishing before there are viewers.
    pub before: Duration,
    /// Sending before the window.
    pub warm_up: Duration,
    /// What is measured.
    pub window: Duration,
    /// The floor.
    pub floor: Duration,
}

/// Rooms with the same feeds and as many viewers of all of them each; one at first.
pub struct Sweep<'a> {
    subject: &'a mut dyn Subject,
    swarm: Swarm,
    pace: Pace,
    feeds: usize,
    rooms: usize,
    /// In each room.
    viewers: usize,
    resident_before: u64,
}

impl<'a> Sweep<'a> {
    /// Publishes so many feeds.
    ///
    /// # Errors
    /// If the server refuses, or a publisher does not connect.
    pub fn begin(subject: &'a mut dyn Subject, feeds: usize, pace: Pace) -> Result<Self> {
        let swarm = Swarm::new()?;
        let mut sweep = Self { subject, swarm, pace, feeds, rooms: 1, viewers: 0, resident_before: 0 };
        sweep.publish()?;
        sweep.resident_before = sweep.subject.process().resident_kib()?;
        Ok(sweep)
    }

    fn publish(&mut self) -> Result<()> {
        for feed in 0..self.feeds {
            let publisher = self.swarm.add(self.subject.publish(feed)?)?;
            self.swarm.let_publish(publisher, FRAMES_PER_SECOND, PACKETS_PER_FRAME, KEYFRAME_EVERY);
        }
        let all_are = |swarm: &Swarm| swarm.peers().all(|peer| peer.is_connected);
        ensure!(self.swarm.run(PATIENCE, all_are)?, "a publisher is not connected");
        // Janus knows of a feed a moment after its publisher does; and what a server keeps of feeds is not to be counted
        // as its viewers' memory.
        self.swarm.run(self.pace.before, |_| false)?;
        Ok(())
    }

    /// Opens as many rooms, each with as many viewers as the first.
    ///
    /// # Errors
    /// If the server refuses, or somebody sees nothing.
    pub fn grow_rooms(&mut self, rooms: usize) -> Result<()> {
        self.swarm.let_send(true);
        while self.rooms < rooms {
            self.subject.open_room()?;
            self.publish()?;
            self.join(0..self.viewers)?;
            self.rooms += 1;
        }
        Ok(())
    }

    /// Lets viewers join until there are so many, and each sees something.
    ///
    /// # Errors
    /// If one does not.
    pub fn grow(&mut self, viewers: usize) -> Result<()> {
        self.join(self.viewers..viewers)?;
        self.viewers = viewers;
        Ok(())
    }

    fn join(&mut self, viewers: Range<usize>) -> Result<()> {
        let one_in = (viewers.end / (OPENING / self.feeds).max(1)).max(1);
        let mut waiting = viewers.peekable();
        while waiting.peek().is_some() {
            // Where hundreds watch already, handshakes would wait behind all that they receive.
            self.swarm.let_send(false);
            let mut joined = Vec::new();
            for viewer in waiting.by_ref().take(AT_A_TIME) {
                for mut peer in self.subject.play(self.feeds)? {
                    peer.opens = viewer % one_in == 0;
                    joined.push(self.swarm.add(peer)?);
                }
                self.swarm.run(Duration::ZERO, |_| false)?;
            }
            self.swarm.let_send(true);
            let sees = |swarm: &Swarm, peer| swarm.peer(peer).is_some_and(|peer| peer.packets > 0);
            let all_see = |swarm: &Swarm| joined.iter().all(|peer| sees(swarm, *peer));
            ensure!(self.swarm.run(PATIENCE, all_see)?, "a viewer of {} saw nothing", self.subject.name());
        }
        Ok(())
    }

    /// Sends for the length of the window, with silence before and after it: so every packet that was sent belongs to
    /// it and either comes or is lost.
    ///
    /// # Errors
    /// If a peer or the server fails.
    pub fn measure(&mut self) -> Result<Figures> {
        let viewers = self.viewers * self.rooms;
        let floor = floor::per_packet(PROCESSORS.0, viewers, PACKETS_PER_FRAME, PAYLOAD, self.pace.floor)?;
        self.swarm.let_send(true);
        self.swarm.run(self.pace.warm_up, |_| false)?;
        self.swarm.let_send(false);
        self.swarm.settle(PATIENCE)?;

        self.swarm.peers_mut().for_each(Peer::forget_what_was_seen);
        let (forwarding, overrun) = (self.forwarding()?, self.swarm.overrun()?);
        let begin = Moment::now(self.subject.process())?;
        self.swarm.let_send(true);
        self.swarm.run(self.pace.window, |_| false)?;
        let shares = Moment::now(self.subject.process())?.shares_since(&begin);
        self.swarm.let_send(false);
        self.swarm.settle(PATIENCE)?;
        // What was sent within the window may be forwarded after it.
        let (processor, _) = Moment::now(self.subject.process())?.server_since(&begin);

        // A packet is one that was sent: some servers cut pictures anew.
        let packets = |bytes: u64| bytes as f64 / PAYLOAD as f64;
        let received = packets(self.swarm.peers().map(|peer| peer.bytes).sum());
        let sent = packets(self.swarm.peers().map(|peer| peer.bytes_sent).sum());
        let meant = self.pace.window.as_secs_f64()
            * f64::from(FRAMES_PER_SECOND)
            * (PACKETS_PER_FRAME * self.feeds * self.rooms) as f64;
        let mut delays: Vec<Duration> = self.swarm.peers().flat_map(|peer| peer.delays.iter().copied()).collect();
        let forwarding = match (self.forwarding()?, forwarding) {
            (Some(after), Some(before)) => Some(after.since(&before)),
            _ => None,
        };
        let in_server_ms = |part| forwarding.as_ref().and_then(|all| all.quantile(part)).map(|s| s * 1e3);
        let mut on_the_way_ms = |part| quantile(&mut delays, part).map(|delay| delay.as_secs_f64() * 1e3);
        let resident = self.subject.process().resident_kib()?.saturating_sub(self.resident_before);
        Ok(Figures {
            viewers,
            us_per_packet: processor.as_secs_f64() * 1e6 / received,
            floor_us: floor.as_secs_f64() * 1e6,
            core: processor.as_secs_f64() / self.pace.window.as_secs_f64(),
            lost: (1.0 - received / (sent * self.viewers as f64)).max(0.0),
            in_server_p50_ms: in_server_ms(0.5),
            in_server_p99_ms: in_server_ms(0.99),
            end_to_end_p50_ms: on_the_way_ms(0.5),
            end_to_end_p99_ms: on_the_way_ms(0.99),
            kib_per_viewer: resident as f64 / viewers as f64,
            shares,
            load_overrun: self.swarm.overrun()? - overrun,
            load_sent: sent / meant,
        })
    }

    /// What the server shows of its times, when it has shown all of them.
    fn forwarding(&mut self) -> Result<Option<Histogram>> {
        if self.subject.forwarding()?.is_some() {
            self.swarm.run(SHOWN_EVERY, |_| false)?;
        }
        self.subject.forwarding()
    }

    /// Everybody leaves, viewers first.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn end(self) -> Result<()> {
        self.swarm.into_peers().rev().try_for_each(Peer::leave)
    }
}
