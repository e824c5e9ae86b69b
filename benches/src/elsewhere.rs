//! Any other server that runs already and speaks WHIP and WHEP.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context, Result, bail};
use str0m::media::Direction;

use crate::janus::own_address;
use crate::peer::Peer;
use crate::process::Process;
use crate::subject::Subject;

/// A server by its doors. Its number of streams is not known to it beforehand: each is named anew.
#[derive(Debug)]
pub struct Elsewhere {
    name: String,
    whip: String,
    whep: String,
    process: Process,
    here: IpAddr,
    /// Feeds of an earlier round may linger: this keeps names apart.
    round: String,
}

impl Elsewhere {
    /// From `NAME=WHIP-URL,WHEP-URL,pid=N`. In both addresses `{stream}` stands for the name of a feed. Its process
    /// is moved to the processor.
    ///
    /// # Errors
    /// If it says something else, or there is no such process.
    pub fn read(text: &str, round: &str, processor: usize) -> Result<Self> {
        let (name, rest) = text.split_once('=').with_context(|| format!("a peer is NAME=WHIP,WHEP,pid=N: {text}"))?;
        let parts: Vec<&str> = rest.split(',').collect();
        let &[whip, whep, pid] = parts.as_slice() else { bail!("a peer is NAME=WHIP,WHEP,pid=N: {text}") };
        let pid = pid.strip_prefix("pid=").with_context(|| format!("pid=N: {pid}"))?;
        let is_near = ["//127.", "//localhost"].iter().any(|host| whip.contains(host));
        let near = is_near.then_some(Ipv4Addr::LOCALHOST.into());
        Ok(Self {
            name: name.to_owned(),
            whip: whip.to_owned(),
            whep: whep.to_owned(),
            process: Process::found(pid.parse().context("a process number")?, processor)?,
            here: near.or_else(own_address).context("find an address of this machine")?,
            round: round.to_owned(),
        })
    }

    fn door(&self, address: &str, feed: usize) -> String {
        address.replace("{stream}", &format!("bench-{}-{}-{feed}", std::process::id(), self.round))
    }
}

impl Subject for Elsewhere {
    fn name(&self) -> &str {
        &self.name
    }

    fn process(&self) -> &Process {
        &self.process
    }

    fn publish(&mut self, feed: usize) -> Result<Peer> {
        Peer::at_door(self.here, &self.door(&self.whip, feed), None, Direction::SendOnly)
    }

    fn play(&mut self, feeds: usize) -> Result<Vec<Peer>> {
        (0..feeds)
            .map(|feed| Peer::at_door(self.here, &self.door(&self.whep, feed), None, Direction::RecvOnly))
            .collect()
    }
}
