//! Virtual time: everything that will happen, in its order, and what follows from it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use media::{Certificate, Protocol, SessionId, ThumbnailPicture, TrackId};
use room::{Entry, Input};
use signaling::RoomKind;

use crate::client::Client;
use crate::peer::{Peer, Said};
use crate::pipe::Pipe;
use crate::roster::Roster;
use crate::screen::Screen;
use crate::seed::Chance;
use crate::source::Source;
use crate::thumbnail::{Thumbnails, is_tap};
use crate::trace::Trace;
use crate::truth::Truth;
use crate::upstream::Upstream;
use crate::wire::{Stamp, Wire};
use crate::worker::{Arrival, HOME, Worker};

/// All simulations of one process begin at the same instant, so that no rounding of time tells them apart.
#[allow(clippy::disallowed_methods, reason = "virtual time must begin somewhere")]
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// How often viewers look whether they see.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The server with its room, and everybody around it.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) chance: Chance,
    pub(crate) began: Instant,
    pub(crate) now: Instant,
    /// Those that are there; a number is never used twice.
    pub(crate) workers: BTreeMap<usize, Worker>,
    pub(crate) last_worker: usize,
    pub(crate) certificate: Certificate,
    pub(crate) clients: Vec<Client>,
    /// Those that are there; a number is never used twice.
    pub(crate) peers: BTreeMap<usize, Peer>,
    pub(crate) last_peer: usize,
    pub(crate) by_outside: HashMap<SocketAddr, usize>,
    pub(crate) by_session: HashMap<(usize, SessionId), usize>,
    pub(crate) pipes: BTreeMap<usize, Pipe>,
    pub(crate) sources: Vec<Source>,
    /// What those had seen that are gone.
    pub(crate) past: Vec<Screen>,
    pub(crate) wire: Wire,
    pub(crate) upstream: Upstream,
    pub(crate) thumbnails: Thumbnails,
    pub(crate) trace: Option<Trace>,
    /// The longest that a viewer of a living feed may be without a new frame, and the longest that one was.
    pub(crate) patience: Duration,
    /// A viewer that sees nothing new for so long asks for a keyframe, as browsers do.
    pub(crate) asks_after: Duration,
    pub(crate) worst_dark: Duration,
    /// Media and reports that went to a port which a NAT had forgotten.
    pub(crate) nowhere: u64,
    /// Who may get what.
    pub(crate) truth: Truth,
    /// When a client last got a packet of a source, by their places.
    pub(crate) got: BTreeMap<(usize, usize), Instant>,
    /// What the room's journal says of it.
    pub(crate) journal: Roster,
    entries: u64,
    /// All of it.
    pub(crate) kept: Vec<Entry>,
    queue: BinaryHeap<Event>,
    order: u64,
}

/// Something that will happen.
struct Event {
    at: Instant,
    order: u64,
    what: What,
}

pub(crate) enum What {
    Up(usize, Arrival),
    Down(usize, Rc<[u8]>, Stamp),
    Through(usize),
    Wake(usize),
    Film(usize, usize),
    Look,
    Held(usize, SessionId, SocketAddr, bool),
    Mail(usize),
    Gone(usize),
    Thumbnail(TrackId, Box<ThumbnailPicture>),
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self::of(seed, RoomKind::Guidance)
    }

    /// A room of this kind.
    pub(crate) fn of(seed: u64, kind: RoomKind) -> Self {
        let (began, certificate) = (*BEGAN, Certificate::generate());
        let mut world = Self {
            seed,
            chance: Chance::of(seed, u64::MAX),
            began,
            now: began,
            workers: BTreeMap::from([(HOME, Worker::new(began, began, (seed, HOME), kind, &certificate))]),
            last_worker: HOME,
            certificate,
            clients: Vec::new(),
            peers: BTreeMap::new(),
            last_peer: 0,
            by_outside: HashMap::new(),
            by_session: HashMap::new(),
            pipes: BTreeMap::new(),
            sources: Vec::new(),
            past: Vec::new(),
            wire: Wire::new(seed),
            upstream: Upstream::default(),
            thumbnails: Thumbnails::default(),
            trace: None,
            patience: Duration::from_millis(2500),
            asks_after: Duration::from_millis(600),
            worst_dark: Duration::ZERO,
            nowhere: 0,
            truth: Truth::default(),
            got: BTreeMap::new(),
            journal: Roster::default(),
            entries: 0,
            kept: Vec::new(),
            queue: BinaryHeap::new(),
            order: 0,
        };
        world.at(began + LOOK_EVERY, What::Look);
        world
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, span: Duration) {
        let until = self.now + span;
        loop {
            let queued = self.queue.peek().map(|event| event.at);
            let tick = self.workers.values().filter_map(Worker::due).min();
            let Some(next) = [queued, tick].into_iter().flatten().min().filter(|next| *next <= until) else { break };
            self.now = next.max(self.now);
            self.step();
        }
        self.now = until;
    }

    pub(crate) fn run_ms(&mut self, ms: u64) {
        self.run(Duration::from_millis(ms));
    }

    /// Everything that happens at this moment.
    fn step(&mut self) {
        while self.queue.peek().is_some_and(|event| event.at <= self.now) {
            match self.queue.pop().expect("was just seen").what {
                What::Up(worker, arrival) => {
                    // An annex that is no more hears nothing.
                    if let Some(worker) = self.workers.get_mut(&worker) {
                        worker.waiting.push(arrival);
                    }
                }
                What::Down(peer, bytes, stamp) => self.give(peer, &bytes, &stamp),
                What::Through(peer) => self.pass_pipe(peer),
                What::Wake(peer) => {
                    let due = self.peers.get_mut(&peer).filter(|peer| peer.queued.is_some_and(|at| at <= self.now));
                    if let Some(found) = due {
                        found.queued = None;
                        found.take(self.now, None);
                        self.drain(peer, None);
                    }
                }
                What::Film(peer, camera) => self.film(peer, camera),
                What::Held(worker, session, peer, is_held) => {
                    self.handle(worker, Input::Held { session, peer, is_held });
                }
                What::Mail(worker) => self.take_mail(worker),
                What::Gone(peer) => self.drop_peer(peer),
                What::Thumbnail(track, picture) => self.handle(HOME, Input::Thumbnail(track, picture)),
                What::Look => {
                    self.look();
                    self.at(self.now + LOOK_EVERY, What::Look);
                }
            }
        }
        for at in self.workers.keys().copied().collect::<Vec<_>>() {
            self.turn(at);
        }
    }

    /// Does what a worker has to do, as far as it is not busy.
    fn turn(&mut self, at: usize) {
        let is_free = |worker: &&mut Worker| worker.free_at <= self.now;
        let waits = |worker: &&mut Worker| !worker.waiting.is_empty();
        if let Some(worker) = self.workers.get_mut(&at).filter(is_free).filter(waits) {
            let over = worker.burst(self.now);
            self.follow(at, over);
        }
        if self.workers.get(&at).and_then(Worker::due).is_some_and(|due| due <= self.now) {
            self.handle(at, Input::Tick);
        }
    }

    pub(crate) fn at(&mut self, at: Instant, what: What) {
        self.order += 1;
        self.queue.push(Event { at, order: self.order, what });
    }

    /// Gives a worker's room an input and does what follows. A worker that is no more does nothing.
    pub(crate) fn handle(&mut self, at: usize, input: Input<'_>) {
        let over = self.workers.get_mut(&at).map(|worker| worker.handle(self.now, input));
        over.into_iter().for_each(|over| self.follow(at, over));
    }

    fn follow(&mut self, at: usize, over: Vec<SessionId>) {
        let mut outbox = std::mem::take(&mut self.workers.get_mut(&at).expect("it has just done something").outbox);
        for (run, bytes) in outbox.departures.iter() {
            for datagram in bytes.chunks(run.segment_bytes) {
                let session = (at, run.session);
                let stamp = self.wire.hear(self.now, session, datagram);
                self.check_announced(session, &stamp);
                self.send_down(run.protocol, run.destination, datagram, stamp);
            }
        }
        for session in over {
            self.wire.forget((at, session));
        }
        for entry in outbox.journal.drain(..) {
            self.entries += 1;
            assert_eq!((at, entry.number), (HOME, self.entries), "only the home keeps a journal, and counts");
            self.journal.hear(&entry.message);
            self.kept.push(entry);
        }
        for outgoing in outbox.messages.drain(..) {
            self.hear(outgoing.client, outgoing.message);
        }
        let (tapped, dispatches): (Vec<_>, Vec<_>) = outbox.dispatches.drain(..).partition(|(to, _)| is_tap(*to));
        let thumbnails: Vec<_> = outbox.thumbnails.drain(..).collect();
        let petitions: Vec<_> = outbox.petitions.drain(..).collect();
        outbox.clear();
        self.workers.get_mut(&at).expect("nothing of this ends it").outbox = outbox;
        self.post_all(at, dispatches, petitions);
        self.make_thumbnails(thumbnails, tapped);
    }

    /// To a viewer nothing goes but what its answer announced, to a publisher no media at all.
    fn check_announced(&self, session: (usize, SessionId), stamp: &Stamp) {
        let Some(ssrc) = stamp.ssrc else { return };
        let peer = self.by_session.get(&session).and_then(|peer| self.peers.get(peer));
        let Some(peer) = peer else { return };
        let is_announced = |screen: &Screen| screen.ssrc == ssrc || screen.resend_ssrc == Some(ssrc);
        let is_announced = peer.screens.iter().any(is_announced) || peer.parity.contains(&ssrc);
        assert!(is_announced, "client {} is sent an SSRC of nobody", peer.client);
    }

    fn send_down(&mut self, protocol: Protocol, destination: SocketAddr, datagram: &[u8], stamp: Stamp) {
        // A port that a NAT has forgotten leads nowhere.
        let Some(at) = self.by_outside.get(&destination).copied() else {
            self.nowhere += u64::from(matches!(datagram.first(), Some(128..=191)));
            return;
        };
        if protocol == Protocol::Tcp {
            self.pipes.get_mut(&at).expect("a TCP peer has a pipe").push(datagram, stamp);
            self.press(at);
            return;
        }
        let Some(peer) = self.peers.get_mut(&at) else { return };
        let bytes: Rc<[u8]> = datagram.into();
        for arrival in peer.down.arrivals(self.now, datagram) {
            self.at(arrival, What::Down(at, bytes.clone(), stamp.clone()));
        }
    }

    /// Something was queued in a pipe, or has left it.
    fn press(&mut self, at: usize) {
        let (Some(pipe), Some(peer)) = (self.pipes.get_mut(&at), self.peers.get(&at)) else { return };
        let (worker, session, outside, pressure) = (peer.worker, peer.session, peer.outside, pipe.pressure());
        if !pipe.is_running
            && let Some(through) = pipe.through_at(self.now)
        {
            pipe.is_running = true;
            self.at(through, What::Through(at));
        }
        if let Some(is_held) = pressure {
            // Not at once: the room may be in the middle of what filled the pipe.
            self.at(self.now, What::Held(worker, session, outside, is_held));
        }
    }

    fn pass_pipe(&mut self, at: usize) {
        let (Some(pipe), Some(peer)) = (self.pipes.get_mut(&at), self.peers.get(&at)) else { return };
        pipe.is_running = false;
        // The network may have stalled since.
        if pipe.through_at(self.now).is_some_and(|through| through > self.now + Duration::from_millis(50)) {
            return self.press(at);
        }
        let arrival = self.now + peer.down.weather.delay;
        if let Some((bytes, stamp)) = pipe.pop() {
            self.at(arrival, What::Down(at, bytes.into(), stamp));
        }
        self.press(at);
    }

    fn give(&mut self, at: usize, bytes: &[u8], stamp: &Stamp) {
        let Some(peer) = self.peers.get_mut(&at) else { return };
        let Some(worker) = self.workers.get(&peer.worker) else { return };
        peer.take(self.now, Some((worker.address, bytes)));
        self.drain(at, Some(stamp));
    }

    /// Does what a peer says, and wakes it when it wants.
    pub(crate) fn drain(&mut self, at: usize, stamp: Option<&Stamp>) {
        let Some(peer) = self.peers.get_mut(&at) else { return };
        let said = peer.drain(self.now);
        let wanted = peer.deadline.map(|at| peer.clock.ours(at).max(self.now));
        if let Some(wanted) = wanted.filter(|wanted| peer.queued.is_none_or(|queued| *wanted < queued)) {
            peer.queued = Some(wanted);
            self.at(wanted, What::Wake(at));
        }
        for said in said {
            match said {
                Said::Datagram(bytes) => self.send_up(at, &bytes),
                Said::Packet(packet) => self.see(at, &packet, stamp.expect("packets come in datagrams")),
                Said::Report(report) => self.read_report(at, &report, stamp.expect("reports come in datagrams")),
                Said::KeyframeWanted(mid) => self.ask_camera(at, mid, stamp.map_or(self.now, |stamp| stamp.sent_at)),
                Said::Lost => self.note(format!("peer {at}"), || "lost the server".to_owned()),
            }
        }
    }

    fn send_up(&mut self, at: usize, bytes: &[u8]) {
        let Some(peer) = self.peers.get_mut(&at) else { return };
        let (worker, protocol, source) = (peer.worker, peer.protocol, peer.outside);
        let arrivals: Vec<Instant> = match protocol {
            Protocol::Udp => peer.up.arrivals(self.now, bytes).collect(),
            Protocol::Tcp => vec![self.now + peer.up.weather.delay],
        };
        for arrival in arrivals {
            self.at(arrival, What::Up(worker, Arrival { protocol, source, bytes: bytes.to_vec() }));
        }
    }

    fn film(&mut self, at: usize, camera: usize) {
        let since_began = self.now.duration_since(self.began);
        let Some(peer) = self.peers.get_mut(&at) else { return };
        let (local, is_connected) = (peer.clock.local(self.now), peer.is_connected);
        let film = &mut peer.cameras[camera];
        if film.due.is_none() {
            return;
        }
        let next = self.now + film.lens.every;
        film.due = Some(next);
        if is_connected {
            film.film(&mut peer.rtc, local, since_began);
            let source = usize::from(film.source);
            peer.take(self.now, None);
            self.sources[source].live_since.get_or_insert(self.now);
            self.drain(at, None);
        }
        self.at(next, What::Film(at, camera));
    }

    pub(crate) fn note(&mut self, subject: String, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.note(subject, self.now.duration_since(self.began), what());
        }
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Event {}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The earliest is the greatest, so that it comes first.
impl Ord for Event {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}
