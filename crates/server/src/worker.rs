//! A worker: an OS thread with its own UDP socket, ICE-TCP listener and rooms. A packet lives its whole life here.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use media::{Certificate, Local, Protocol, SessionId};
use mio::{Events, Interest, Poll, Token, Waker};
use room::{ClientId, Input, Outbox, Room, Route};
use signaling::{CloseReason, RoomId};
use tokio::sync::mpsc;

use crate::arrival::Batch;
use crate::directory::{Arriving, Hand};
use crate::hall::Hall;
use crate::journal::Journal;
use crate::limit::PARCELS;
use crate::listen::MediaSockets;
use crate::order::{Delivery, Entrance, Inbox, Order, inbox};
use crate::route::{Routes, Target};
use crate::show::Showcase;
use crate::socket::Socket;
use crate::streams::Streams;
use crate::tally::Tally;
use crate::thumbnail::Thumbnails;
use crate::trunk::Parcel;
use crate::worker::taps::Taps;
use crate::worker::trunks::Trunks;

mod arrivals;
mod ending;
mod taps;
mod trunks;

const UDP: Token = Token(0);
const LISTENER: Token = Token(1);
const WAKER: Token = Token(2);
const FIRST_STREAM: usize = 3;

/// After this long with one kind of work the others have their turn.
const TURN: Duration = Duration::from_micros(200);
/// Housekeeping and the showing of sums.
const HOUSEKEEPING: Duration = Duration::from_secs(1);
/// A worker that could not serve all of its audience takes no more of it for this long.
const FULL_FOR: Duration = Duration::from_secs(5);
/// After the goodbyes, what is left in ICE-TCP connections has this long to leave.
const LINGER: Duration = Duration::from_millis(500);

/// What is still to be done because of something else.
#[derive(Debug, Clone, Copy, Default)]
struct Ready {
    udp: bool,
    listener: bool,
    inbox: bool,
    parcels: bool,
}

struct Worker {
    poll: Poll,
    socket: Socket,
    streams: Streams,
    inbox: Inbox,
    parcels: mpsc::Receiver<Parcel>,
    /// The way to this worker, for others.
    hand: Hand,
    trunks: Trunks,
    taps: Taps,
    thumbnails: Arc<Thumbnails>,
    /// When the kernel received what is being handled, since 1970.
    received_at: Option<Duration>,
    routes: Routes,
    hall: Hall,
    outbox: Outbox,
    tally: Tally,
    showcase: Arc<Showcase>,
    ready: Ready,
    /// Clients that did not keep up, whom their rooms have still to be told of.
    slow: Vec<ClientId>,
    /// Peers whose ICE-TCP connection is over.
    closed: Vec<SocketAddr>,
    kept_at: Instant,
    stop_at: Option<Instant>,
    /// How many viewers had been thinned when it was last looked, and until when the worker is full because of them.
    thinned: u64,
    full_until: Option<Instant>,
}

/// A running worker.
#[derive(Debug)]
pub struct Running {
    /// The way to it.
    pub hand: Hand,
    /// What it shows of itself.
    pub showcase: Arc<Showcase>,
    /// Ends after [`Order::Shutdown`].
    pub thread: JoinHandle<()>,
}

/// What all workers have in common.
#[derive(Debug, Clone)]
pub struct Means {
    /// Of every session.
    pub certificate: Certificate,
    /// The longest that viewers of any room hold pictures back.
    pub playout_delay_most: Duration,
    /// Who makes them.
    pub thumbnails: Arc<Thumbnails>,
    /// Where rooms keep what happens.
    pub journal: Journal,
}

/// Starts a worker on its sockets.
///
/// # Errors
/// When the system refuses what it needs.
pub fn start(number: usize, sockets: MediaSockets, means: Means, now: Instant) -> io::Result<Running> {
    let (worker, hand) = Worker::new(sockets, means, now)?;
    let showcase = worker.showcase.clone();
    let thread = std::thread::Builder::new().name(format!("worker-{number}")).spawn(move || worker.run())?;
    Ok(Running { hand, showcase, thread })
}

impl Worker {
    fn new(sockets: MediaSockets, means: Means, now: Instant) -> io::Result<(Self, Hand)> {
        let Means { certificate, playout_delay_most, thumbnails, journal } = means;
        let MediaSockets { udp, tcp, addresses } = sockets;
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let mut socket = Socket::new(udp, addresses.clone())?;
        let mut streams = Streams::new(tcp, addresses.clone(), FIRST_STREAM)?;
        poll.registry().register(socket.source(), UDP, Interest::READABLE)?;
        poll.registry().register(streams.source(), LISTENER, Interest::READABLE)?;
        let (letterbox, inbox) = inbox();
        let (parcel_sender, parcels) = mpsc::channel(PARCELS);
        let clients = Arc::new(AtomicUsize::new(0));
        let is_full = Arc::new(AtomicBool::new(false));
        let local = Arc::new(Local { candidates: addresses.candidates, certificate });
        let hand = Hand { letterbox, parcels: parcel_sender, waker, local: local.clone(), clients, is_full };
        let worker = Self {
            poll,
            socket,
            streams,
            inbox,
            parcels,
            hand: hand.clone(),
            trunks: Trunks::default(),
            taps: Taps::default(),
            thumbnails,
            received_at: None,
            routes: Routes::default(),
            hall: Hall::new(local, journal, playout_delay_most),
            outbox: Outbox::default(),
            tally: Tally::default(),
            showcase: Arc::new(Showcase::new(now)),
            ready: Ready { udp: true, listener: true, inbox: true, parcels: true },
            slow: Vec::new(),
            closed: Vec::new(),
            kept_at: now,
            stop_at: None,
            thinned: 0,
            full_until: None,
        };
        Ok((worker, hand))
    }

    fn run(mut self) {
        let mut datagrams = self.socket.batch();
        let mut frames = Batch::default();
        let mut events = Events::with_capacity(1024);
        while !self.is_over() {
            match self.poll.poll(&mut events, Some(self.patience())) {
                Ok(()) => self.note(&events),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    tracing::error!(%error, "a worker cannot wait for its sockets and stops");
                    return;
                }
            }
            self.receive(&mut datagrams);
            self.take_parcels();
            self.receive_streams(&mut frames);
            self.take_orders();
            self.tick();
            self.part();
            self.close_broken_trunks();
            self.press();
            self.keep_house();
        }
    }

    /// How long to wait when nothing happens.
    fn patience(&self) -> Duration {
        let ready = self.ready;
        if ready.udp || ready.listener || ready.inbox || ready.parcels || self.streams.any_readable() {
            return Duration::ZERO;
        }
        let housekeeping = self.kept_at + HOUSEKEEPING;
        let next = self.hall.deadline().map_or(housekeeping, |deadline| deadline.min(housekeeping));
        let next = self.stop_at.map_or(next, |stop| stop.min(next));
        next.saturating_duration_since(Instant::now())
    }

    fn note(&mut self, events: &Events) {
        for event in events {
            match event.token() {
                UDP => self.ready.udp = true,
                LISTENER => self.ready.listener = true,
                WAKER => (self.ready.inbox, self.ready.parcels) = (true, true),
                stream => self.streams.wake(stream, event.is_readable(), event.is_writable(), &mut self.closed),
            }
        }
    }

    fn take_orders(&mut self) {
        if !std::mem::take(&mut self.ready.inbox) {
            return;
        }
        let began = Instant::now();
        // An offer may take milliseconds: the packets of all others come in between.
        while began.elapsed() < TURN {
            let Some((rank, waited, order)) = self.inbox.take() else { return };
            match order {
                Order::Enter(entrance) => self.enter(*entrance),
                Order::Say(client, request) => {
                    self.tally.waited_mut(rank).add(waited);
                    if let Some(room) = self.hall.room_of(client) {
                        self.handle(room, Input::Message { client, request });
                    }
                }
                Order::Leave(client, reason) => self.let_go(client, reason),
                Order::WhenHeard(client, asker) => self.hall.say_when_heard(client, asker),
                Order::Shutdown => self.say_goodbye(),
            }
        }
        self.ready.inbox = true;
    }

    fn enter(&mut self, entrance: Entrance) {
        let Entrance { room, client, identity, door, re, returns, mut outlet, home, arriving } = entrance;
        if self.stop_at.is_some() {
            outlet.deliver(Delivery::Closed(CloseReason::ShuttingDown));
            return;
        }
        let place = match home {
            None => self.place_of_home(room, &arriving),
            Some(home) => match self.hall.place_of(&room).filter(|place| self.hall.is_annex(*place)) {
                Some(place) => place,
                None => self.open_annex(room, home, arriving),
            },
        };
        self.hall.seat(client, (identity.role, door), place, outlet);
        self.handle(place, Input::Joined { client, re, identity, door, returns });
    }

    /// Where the room is, which opens if it is not there.
    fn place_of_home(&mut self, room: RoomId, arriving: &Arriving) -> usize {
        match self.hall.place_of(&room) {
            Some(place) if !self.hall.is_annex(place) => return place,
            // Its home has failed elsewhere, and it will hear of that.
            Some(place) => self.close_room(place, CloseReason::Internal),
            None => {}
        }
        self.hall.open(room, arriving.kind, &arriving.directory)
    }

    fn let_go(&mut self, client: ClientId, reason: CloseReason) {
        if let Some(room) = self.hall.room_of(client) {
            self.hall.unseat(client);
            self.handle(room, Input::Left { client, reason });
        }
    }

    fn tick(&mut self) {
        let now = Instant::now();
        while now.elapsed() < TURN
            && let Some(room) = self.hall.due(now)
        {
            let unserved_since = self.hall.unserved_since(room);
            self.handle_received(room, Input::Tick, unserved_since);
        }
    }

    /// Tells rooms of the clients that did not keep up. Apart from `settle`, because it may make others slow.
    fn part(&mut self) {
        while let Some(client) = self.slow.pop() {
            tracing::warn!(client = client.0, "slow consumer");
            self.let_go(client, CloseReason::SlowConsumer);
        }
    }

    /// Tells rooms of the ICE-TCP connections that have become full, or are no more.
    fn press(&mut self) {
        while let Some((peer, is_held)) = self.streams.pressed() {
            if let Some(Target { room, session }) = self.routes.find(Protocol::Tcp, peer, &[]) {
                self.handle(room, Input::Held { session, peer, is_held });
            }
        }
    }

    /// Gives a room an input and does what follows. True when something was sent.
    fn handle(&mut self, place: usize, input: Input<'_>) -> bool {
        self.attempt(place, |room, outbox| room.handle(Instant::now(), input, outbox))
    }

    /// A panic of one room ends that room; the worker and its other rooms go on.
    fn attempt(&mut self, place: usize, act: impl FnOnce(&mut Room, &mut Outbox)) -> bool {
        let Some(room) = self.hall.room(place) else { return false };
        let outbox = &mut self.outbox;
        if catch_unwind(AssertUnwindSafe(|| act(room, outbox))).is_err() {
            self.collapse(place);
            return false;
        }
        self.settle(place)
    }

    fn settle(&mut self, place: usize) -> bool {
        let mut outbox = std::mem::take(&mut self.outbox);
        let sent = !outbox.departures.is_empty();
        for (run, bytes) in outbox.departures.iter() {
            match run.protocol {
                Protocol::Udp => self.socket.send(run, bytes, &mut self.tally),
                Protocol::Tcp => self.streams.send(run, bytes, &mut self.closed, &mut self.tally),
            }
        }
        for route in outbox.routes.drain(..) {
            self.follow(place, route);
        }
        self.hall.keep(place, &mut outbox.journal);
        self.post_all(place, outbox.dispatches.drain(..), outbox.petitions.drain(..));
        self.make_thumbnails(place, outbox.thumbnails.drain(..));
        for outgoing in outbox.messages.drain(..) {
            let is_slow = !self.hall.deliver(outgoing.client, Delivery::Message(outgoing.message));
            // Once is enough, and who has lost its seat already is on its way out.
            let is_seated = self.hall.room_of(outgoing.client).is_some();
            if is_slow && is_seated && !self.slow.contains(&outgoing.client) {
                self.slow.push(outgoing.client);
            }
        }
        for closing in outbox.closed.drain(..) {
            self.hall.deliver(closing.client, Delivery::Closed(closing.reason));
            self.hall.unseat(closing.client);
        }
        outbox.clear();
        self.outbox = outbox;
        self.hall.reschedule(place);
        if self.hall.is_ended(place) {
            self.close_room(place, CloseReason::Ended);
        }
        sent
    }

    fn follow(&mut self, room: usize, route: Route) {
        let target = |session: SessionId| Target { room, session };
        match route {
            Route::Ufrag(fragment, session) => self.routes.add_fragment(fragment, target(session)),
            Route::Address(protocol, address, session) => {
                if protocol == Protocol::Tcp {
                    self.streams.know(address);
                }
                if let Some((Protocol::Tcp, oldest)) = self.routes.add_address((protocol, address), target(session)) {
                    self.streams.close(oldest);
                }
            }
            Route::Over(session) => self.forget(target(session)),
        }
    }

    fn keep_house(&mut self) {
        let now = Instant::now();
        if now.duration_since(self.kept_at) < HOUSEKEEPING {
            return;
        }
        self.kept_at = now;
        self.streams.expire(now, &mut self.tally);
        for place in self.hall.abandoned(now) {
            self.close_room(place, CloseReason::Left);
        }
        (self.tally.rooms, self.tally.annexes) = self.hall.rooms_and_annexes();
        (self.tally.clients, self.tally.sessions) = (self.hall.clients(), self.routes.sessions());
        self.tally.streams = self.streams.count();
        let reports = self.hall.reports(now);
        let thinned = reports.iter().map(|(report, _)| report.counters.viewers_thinned).sum();
        if std::mem::replace(&mut self.thinned, thinned) < thinned {
            self.full_until = Some(now + FULL_FOR);
        }
        let is_full = self.full_until.is_some_and(|until| until > now);
        if self.hand.is_full.swap(is_full, Ordering::Relaxed) != is_full {
            tracing::warn!(is_full, "the capacity for the audience has changed");
        }
        self.showcase.put(now, self.tally, reports);
    }
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
