//! Consilium as a subject: a single feed is played by WHEP, several in the slots of an expert.

use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use str0m::media::Direction;
use tungstenite::{Message, WebSocket};

use crate::browser::Browser;
use crate::histogram::Histogram;
use crate::peer::Peer;
use crate::process::Process;
use crate::server::Server;
use crate::subject::{FEEDS_PER_SITE, Subject};

/// A token's subject may have 64 sessions.
const SESSIONS_PER_TOKEN: usize = 50;
const KINDS: [&str; FEEDS_PER_SITE] = ["endoscope", "ultrasound", "ct", "room"];

/// A server, its rooms and who is in them.
#[derive(Debug)]
pub struct Consilium {
    /// The server.
    pub server: Server,
    room: usize,
    token: String,
    viewers: usize,
    experts: Vec<Expert>,
}

impl Consilium {
    /// Nobody is in the first room.
    pub fn new(server: Server) -> Self {
        Self { server, room: 1, token: String::new(), viewers: 0, experts: Vec::new() }
    }
}

impl Consilium {
    fn room(&self) -> String {
        format!("bench-{}", self.room)
    }

    /// A browser of the audience that comes into the present room.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn browser(&self, number: usize) -> Result<Browser> {
        Browser::join(&self.server, &self.room(), "trainee", number)
    }

    /// One on the panel of the present room, who watches the first feeds, and the connection by which it does.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn expert(&self, feeds: usize) -> Result<(Expert, Peer)> {
        Expert::join(&self.server, &self.room(), feeds)
    }
}

impl Subject for Consilium {
    fn name(&self) -> &'static str {
        "Consilium"
    }

    fn process(&self) -> &Process {
        &self.server.process
    }

    fn open_room(&mut self) -> Result<()> {
        self.room += 1;
        self.viewers = 0;
        Ok(())
    }

    fn publish(&mut self, feed: usize) -> Result<Peer> {
        let (site, kind) = site_and_kind(feed);
        let room = self.room();
        let token = self.server.token(&room, "device", Some(&site))?;
        let door = format!("{}/whip/{room}?feed={kind}", self.server.http);
        Peer::at_door(Ipv4Addr::LOCALHOST.into(), &door, Some(&token), Direction::SendOnly)
    }

    fn play(&mut self, feeds: usize) -> Result<Vec<Peer>> {
        if feeds > 1 {
            let (expert, peer) = self.expert(feeds)?;
            self.experts.push(expert);
            return Ok(vec![peer]);
        }
        let room = self.room();
        if self.viewers.is_multiple_of(SESSIONS_PER_TOKEN) {
            self.token = self.server.token(&room, "trainee", None)?;
        }
        self.viewers += 1;
        let (site, kind) = site_and_kind(0);
        let door = format!("{}/whep/{room}?site={site}&feed={kind}", self.server.http);
        Ok(vec![Peer::at_door(Ipv4Addr::LOCALHOST.into(), &door, Some(&self.token), Direction::RecvOnly)?])
    }

    fn forwarding(&self) -> Result<Option<Histogram>> {
        Ok(Some(Histogram::read(&self.server.metrics()?, "consilium_forwarding_seconds")))
    }
}

fn site_and_kind(feed: usize) -> (String, &'static str) {
    (format!("site-{}", feed / FEEDS_PER_SITE + 1), KINDS[feed % FEEDS_PER_SITE])
}

/// One on the panel, who watches every feed of every site.
#[derive(Debug)]
pub struct Expert {
    socket: WebSocket<TcpStream>,
}

impl Expert {
    fn join(server: &Server, room: &str, feeds: usize) -> Result<(Self, Peer)> {
        let host = server.http.strip_prefix("http://").context("an address")?;
        let stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.set_nodelay(true)?;
        let (socket, _) = tungstenite::client(format!("ws://{host}/ws"), stream).context("open a WebSocket")?;
        let mut expert = Self { socket };
        let token = server.token(room, "expert", None)?;
        expert.ask(&json!({ "type": "join", "id": 1, "version": 1, "token": token }), "joined")?;
        let peer = Peer::offer(Ipv4Addr::LOCALHOST.into(), Direction::RecvOnly, feeds, |offer| {
            let slots: Vec<&str> = offer.lines().filter_map(|line| line.strip_prefix("a=mid:")).collect();
            let receive = json!({ "type": "receive", "id": 2, "sdp": offer, "slots": slots, "voices": [] });
            let received = expert.ask(&receive, "received")?;
            Ok(received["sdp"].as_str().context("an answer")?.to_owned())
        })?;
        for slot in 0..feeds {
            let (site, kind) = site_and_kind(slot);
            let choice = json!({ "site": site, "kind": kind });
            let watch = json!({ "type": "watch", "id": 3 + slot, "slot": slot, "choice": choice });
            let watched = expert.ask(&watch, "watched")?;
            if watched["feed"].is_null() {
                bail!("slot {slot} stays empty: {watched}");
            }
        }
        Ok((expert, peer))
    }

    /// Says something and waits for its answer.
    ///
    /// # Errors
    /// If it is another.
    pub fn ask(&mut self, message: &Value, answer: &str) -> Result<Value> {
        self.socket.send(Message::text(message.to_string())).context("say something")?;
        loop {
            let Message::Text(text) = self.socket.read().context("hear an answer")? else { continue };
            let heard: Value = serde_json::from_str(&text)?;
            if heard["re"] == message["id"] {
                if heard["type"] != answer {
                    bail!("the server refuses: {heard}");
                }
                return Ok(heard);
            }
        }
    }
}
