//! Which worker has which room, and the way in. Asked when a client joins, never for a packet.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use media::{Local, Rank, TrunkId};
use mio::Waker;
use room::entitlement::Standing;
use room::{ClientId, Door, Identity};
use signaling::limit::{OUTLET_MESSAGES, PANEL_OUTLET_MESSAGES};
use signaling::{ClientMessage, CloseReason, MemberId, Refusal, RefusalCode, RequestId, RoomId, RoomKind};
use tokio::sync::{mpsc, oneshot, watch};

use crate::config::RoomRule;
use crate::limit::{CLIENTS, HOME_RESERVE};
use crate::order::{Delivery, Entrance, Inlet, Letterbox, Order, way};
use crate::reading::{Reader, Reading};
use crate::register::Register;
use crate::trunk::Parcel;

/// The way to one worker.
#[derive(Debug, Clone)]
pub struct Hand {
    /// Where orders for it go.
    pub letterbox: Letterbox,
    /// What other workers say to it.
    pub parcels: mpsc::Sender<Parcel>,
    /// Makes it look.
    pub waker: Arc<Waker>,
    /// Its side of every session.
    pub local: Arc<Local>,
    /// Clients that are its own.
    pub clients: Arc<AtomicUsize>,
    /// It does not keep up: some of its audience goes without pictures.
    pub is_full: Arc<AtomicBool>,
}

impl Hand {
    /// Hands an order over; waits while the inbox is full. False when the worker is gone.
    pub async fn give(&self, rank: Rank, order: Order) -> bool {
        let given = self.letterbox.post(rank, order).await;
        self.wake();
        given
    }

    /// Makes the worker look.
    pub(crate) fn wake(&self) {
        if let Err(error) = self.waker.wake() {
            tracing::error!(%error, "a worker cannot be woken");
        }
    }
}

/// Which rooms may be opened.
#[derive(Debug)]
pub struct Openable {
    rule: RoomRule,
    /// Declared by the command line, each for guidance.
    named: Vec<RoomId>,
    register: Option<Register>,
}

impl Openable {
    /// Any room, if that is the rule, or those that are named or in the register.
    pub fn new(rule: RoomRule, named: Vec<RoomId>, register: Option<Register>) -> Self {
        Self { rule, named, register }
    }

    /// What a room is for that is to be opened.
    async fn kind(&self, room: &RoomId) -> Result<RoomKind, Refusal> {
        let found = match &self.register {
            Some(register) => register.kind_of(room).await.map_err(|_| ()),
            None => Ok(None),
        };
        match (found, self.rule) {
            (Ok(Some(kind)), _) => Ok(kind),
            // Where any room may be opened a disk that fails keeps nobody out: guidance is the strictest kind.
            (_, RoomRule::Any) => Ok(RoomKind::default()),
            (_, RoomRule::Declared) if self.named.contains(room) => Ok(RoomKind::default()),
            (Err(()), RoomRule::Declared) => {
                Err(Refusal::new(RefusalCode::Internal, "Which rooms there are cannot be read now; try again."))
            }
            (Ok(None), RoomRule::Declared) => {
                Err(Refusal::new(RefusalCode::UnknownRoom, "There is no such room, and none is opened by joining."))
            }
        }
    }
}

#[derive(Debug)]
struct Place {
    worker: usize,
    kind: RoomKind,
    /// Clients on their way in: while there are any, the room stays where it is.
    entering: usize,
}

/// Every room's worker.
#[derive(Debug)]
pub struct Directory {
    hands: Vec<Hand>,
    rooms: Mutex<HashMap<RoomId, Place>>,
    openable: Openable,
    next_client: AtomicU64,
    next_trunk: AtomicU64,
    clients: watch::Sender<usize>,
    closed: AtomicBool,
    reading: Reading,
}

impl Directory {
    /// No rooms yet.
    pub fn new(hands: Vec<Hand>, openable: Openable) -> Self {
        Self {
            hands,
            rooms: Mutex::default(),
            openable,
            next_client: AtomicU64::new(1),
            next_trunk: AtomicU64::new(1),
            clients: watch::Sender::new(0),
            closed: AtomicBool::new(false),
            reading: Reading::default(),
        }
    }

    /// Lets a client into a room; what the room says to it arrives at the presence.
    ///
    /// # Errors
    /// `unknown_room`, `at_capacity`, `shutting_down` or `internal`.
    pub async fn enter(
        self: &Arc<Self>,
        room: RoomId,
        identity: Identity,
        door: Door,
        (re, returns): (Option<RequestId>, Option<MemberId>),
    ) -> Result<Presence, Refusal> {
        if self.is_closed() {
            return Err(Refusal::new(RefusalCode::ShuttingDown, "The server is going down."));
        }
        // Nobody who comes into an open room waits for the disk.
        let kind = match self.open_kind(&room) {
            Some(kind) => kind,
            None => self.openable.kind(&room).await?,
        };
        let client = ClientId(self.next_client.fetch_add(1, Ordering::Relaxed));
        let rank = Standing::of(&identity).rank();
        let Some((hand, home, arriving)) = self.place(&room, kind, rank) else {
            tracing::warn!(room = room.as_str(), role = identity.role.as_str(), "refused: at capacity");
            return Err(full());
        };
        let (outlet, inlet) = way(match rank {
            Rank::Panel | Rank::Machine => PANEL_OUTLET_MESSAGES,
            Rank::Audience => OUTLET_MESSAGES,
        });
        // from here on its end is told to the worker, whatever happens
        let reader = Reader::new(rank, hand.local.clone());
        let mut presence = Presence { client, rank, directory: self.clone(), hand, reader, inlet, over: false };
        if presence.count() > CLIENTS {
            presence.over = true;
            return Err(full());
        }
        let entrance = Entrance { room, client, identity, door, re, returns, outlet, home, arriving };
        if !presence.hand.give(rank, Order::Enter(Box::new(entrance))).await {
            presence.over = true;
            return Err(Refusal::new(RefusalCode::Internal, "The room's worker has stopped."));
        }
        Ok(presence)
    }

    /// Where a client goes, and where its room's home is if that is another worker. None for the audience while all
    /// have less capacity than audience; the panel is always let in.
    fn place(self: &Arc<Self>, room: &RoomId, kind: RoomKind, rank: Rank) -> Option<(Hand, Option<Hand>, Arriving)> {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let home = rooms.get(room).map_or_else(|| self.idlest(None, |_| true), |place| Some(place.worker))?;
        let has_capacity = |worker: &usize| !self.hands[*worker].is_full.load(Ordering::Relaxed);
        let worker = if rank == Rank::Audience { self.idlest(Some(home), has_capacity)? } else { home };
        rooms.entry(room.clone()).or_insert(Place { worker: home, kind, entering: 0 }).entering += 1;
        let home = (worker != home).then(|| self.hands[home].clone());
        Some((self.hands[worker].clone(), home, Arriving { directory: self.clone(), room: room.clone(), kind }))
    }

    /// The worker with the fewest clients, where `home` counts as having more.
    fn idlest(&self, home: Option<usize>, may_be: impl Fn(&usize) -> bool) -> Option<usize> {
        let clients = |worker: &usize| self.hands[*worker].clients.load(Ordering::Relaxed);
        let load = |worker: &usize| clients(worker) + if Some(*worker) == home { HOME_RESERVE } else { 0 };
        (0..self.hands.len()).filter(may_be).min_by_key(load)
    }

    /// True while somebody is in the room, or was a moment ago.
    pub(crate) fn is_open(&self, room: &RoomId) -> bool {
        self.open_kind(room).is_some()
    }

    fn open_kind(&self, room: &RoomId) -> Option<RoomKind> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner).get(room).map(|place| place.kind)
    }

    /// The number of one more trunk.
    pub(crate) fn next_trunk(&self) -> TrunkId {
        TrunkId(self.next_trunk.fetch_add(1, Ordering::Relaxed))
    }

    /// Takes a room out of the directory, unless somebody is on the way into it.
    pub fn remove(&self, room: &RoomId) -> bool {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = rooms.get(room).is_none_or(|place| place.entering == 0);
        if idle {
            rooms.remove(room);
        }
        idle
    }

    /// Ready when the last client is gone.
    pub async fn empty(&self) {
        let mut clients = self.clients.subscribe();
        // fails only when the sender is gone, which is ours
        let _last: Result<_, watch::error::RecvError> = clients.wait_for(|clients| *clients == 0).await.map(|_| ());
    }

    /// True once it lets nobody in any more.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Lets nobody in any more and tells every worker to say goodbye.
    pub async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        for hand in &self.hands {
            hand.give(Rank::Panel, Order::Shutdown).await;
        }
    }
}

fn full() -> Refusal {
    Refusal::new(RefusalCode::AtCapacity, "The server is full.")
}

/// A client on its way to the room's worker. When it is dropped, the client has arrived or never will.
#[derive(Debug)]
pub struct Arriving {
    /// Where to say so.
    pub directory: Arc<Directory>,
    /// What the room is for, if it is not open yet.
    pub(crate) kind: RoomKind,
    room: RoomId,
}

impl Drop for Arriving {
    fn drop(&mut self) {
        let mut rooms = self.directory.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = rooms.get_mut(&self.room) {
            place.entering -= 1;
        }
    }
}

/// A client in a room. When it is dropped, the room hears that the client has left.
#[derive(Debug)]
pub struct Presence {
    /// The client's number.
    pub client: ClientId,
    rank: Rank,
    directory: Arc<Directory>,
    hand: Hand,
    reader: Reader,
    inlet: Inlet,
    over: bool,
}

impl Presence {
    /// Says something to the room; waits while its worker has too much to do.
    pub async fn say(&mut self, re: Option<RequestId>, message: ClientMessage) {
        // None when the server is going down.
        let Some(request) = self.reader.read(&self.directory.reading, re, message).await else { return };
        self.hand.give(self.rank, Order::Say(self.client, Box::new(request))).await;
    }

    /// When something last came from the client's peer; none if the room knows no peer of it.
    pub(crate) async fn heard_at(&self) -> Option<Instant> {
        let (asker, answer) = oneshot::channel();
        self.hand.give(self.rank, Order::WhenHeard(self.client, asker)).await;
        answer.await.ok()
    }

    /// The next thing that the room says. After `Closed` there is nothing more.
    pub async fn next(&mut self) -> Delivery {
        tokio::select! {
            biased;
            Ok(()) = &mut self.inlet.overflow, if !self.over && !self.inlet.overflow.is_terminated() => self.end(CloseReason::SlowConsumer),
            delivery = self.inlet.deliveries.recv(), if !self.over => match delivery {
                Some(Delivery::Message(message)) => Delivery::Message(message),
                Some(Delivery::Closed(reason)) => self.end(reason),
                None => self.end(CloseReason::Internal),
            },
            else => Delivery::Closed(CloseReason::Internal),
        }
    }

    /// Ready when the client did not keep up, even while messages wait.
    pub async fn overflowed(&mut self) {
        if self.over || self.inlet.overflow.is_terminated() || (&mut self.inlet.overflow).await.is_err() {
            std::future::pending::<()>().await;
        }
        self.over = true;
    }

    /// Leaves; the reason is for the room's journal.
    pub fn leave(mut self, reason: CloseReason) {
        self.depart(reason);
    }

    fn end(&mut self, reason: CloseReason) -> Delivery {
        self.over = true;
        Delivery::Closed(reason)
    }

    /// Counts itself; returns how many there are now.
    fn count(&self) -> usize {
        self.hand.clients.fetch_add(1, Ordering::Relaxed);
        let mut all = 0;
        self.directory.clients.send_modify(|clients| {
            *clients += 1;
            all = *clients;
        });
        all
    }

    fn depart(&mut self, reason: CloseReason) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        let order = Order::Leave(self.client, reason);
        match self.hand.letterbox.try_post(self.rank, order) {
            Ok(()) => self.hand.wake(),
            Err(mpsc::error::TrySendError::Full(order)) => {
                let (hand, rank) = (self.hand.clone(), self.rank);
                tokio::spawn(async move { hand.give(rank, order).await });
            }
            // the worker is gone, and its rooms with it
            Err(mpsc::error::TrySendError::Closed(_)) => {}
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.depart(CloseReason::Left);
        self.hand.clients.fetch_sub(1, Ordering::Relaxed);
        self.directory.clients.send_modify(|clients| *clients -= 1);
    }
}
