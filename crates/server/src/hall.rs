//! A worker's rooms and the clients in them.

use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use media::Local;
use room::{ClientId, Door, Entry, Outbox, REMEMBERED, Report, Room, RoomConfig};
use signaling::{CloseReason, Role, RoomId, RoomKind};
use tokio::sync::oneshot;

use crate::clock::since_1970;
use crate::directory::Directory;
use crate::journal::{Journal, Resumable, Volume};
use crate::limit::EMPTY_ROOM_KEPT;
use crate::order::{Delivery, Outlet};
use crate::watching::Watching;

struct Hosted {
    id: RoomId,
    room: Room,
    /// What knows where the room is; none for an annex, which only its home knows.
    directory: Option<Arc<Directory>>,
    /// Clients and annexes.
    inside: usize,
    due: Option<Instant>,
    /// While some of the audience waits for its slice: when the kernel received what it waits for, since 1970.
    unserved_since: Option<Duration>,
    empty_since: Option<Instant>,
    watching: Watching,
    /// Of the journal; none for an annex, whose home has it.
    volume: Option<Arc<Volume>>,
}

struct Seat {
    room: usize,
    outlet: Outlet,
}

/// Rooms by their place, which is the room's name in every table of the worker.
pub(crate) struct Hall {
    local: Arc<Local>,
    journal: Journal,
    playout_delay_most: Duration,
    rooms: Vec<Option<Hosted>>,
    places: HashMap<RoomId, usize>,
    seats: HashMap<ClientId, Seat>,
    deadlines: BTreeSet<(Instant, usize)>,
}

impl Hall {
    /// No rooms yet; all sessions of theirs will have this side.
    pub(crate) fn new(local: Arc<Local>, journal: Journal, playout_delay_most: Duration) -> Self {
        let (places, seats) = (HashMap::new(), HashMap::new());
        let (rooms, deadlines) = (Vec::new(), BTreeSet::new());
        Self { local, journal, playout_delay_most, rooms, places, seats, deadlines }
    }

    /// The room at this place.
    pub(crate) fn room(&mut self, place: usize) -> Option<&mut Room> {
        self.rooms.get_mut(place)?.as_mut().map(|hosted| &mut hosted.room)
    }

    /// True when there is a room at this place.
    pub(crate) fn has(&self, place: usize) -> bool {
        self.rooms.get(place).is_some_and(Option::is_some)
    }

    /// The identifier of the room at this place.
    pub(crate) fn name(&self, place: usize) -> &str {
        self.rooms.get(place).and_then(Option::as_ref).map_or("", |hosted| hosted.id.as_str())
    }

    /// Where a room is.
    pub(crate) fn place_of(&self, room: &RoomId) -> Option<usize> {
        self.places.get(room).copied()
    }

    /// Where a client is.
    pub(crate) fn room_of(&self, client: ClientId) -> Option<usize> {
        self.seats.get(&client).map(|seat| seat.room)
    }

    /// Every place with a room.
    pub(crate) fn places(&self) -> Vec<usize> {
        self.places.values().copied().collect()
    }

    /// How many clients there are.
    pub(crate) fn clients(&self) -> usize {
        self.seats.len()
    }

    /// Opens a room.
    pub(crate) fn open(&mut self, id: RoomId, kind: RoomKind, directory: &Arc<Directory>) -> usize {
        let (now, mut out) = (Instant::now(), Outbox::default());
        let resumed = self.journal.resume(&id).and_then(|Resumable { volume, entries }| {
            let config = self.config(&id, volume.kind);
            let known = entries.len();
            let room = Room::restored(now, config, entries, &mut out)?;
            tracing::info!(room = id.as_str(), entries = known, "room taken up again");
            self.journal.reopen(volume.clone());
            Some((room, volume))
        });
        let (room, volume) = resumed.unwrap_or_else(|| {
            tracing::info!(room = id.as_str(), kind = kind.as_str(), "room opened");
            let config = self.config(&id, kind);
            let volume = Volume::new(id.clone(), config.kind, config.since_1970);
            (Room::new(now, config), volume)
        });
        let place = self.put(id, room, Some(directory.clone()));
        self.hosted_mut(place).expect("was just put there").volume = Some(volume);
        self.keep(place, &mut out.journal);
        place
    }

    /// True of a room that a lead has ended.
    pub(crate) fn is_ended(&self, place: usize) -> bool {
        self.hosted(place).is_some_and(|hosted| hosted.room.is_ended())
    }

    /// Opens an annex of a room.
    pub(crate) fn open_annex(&mut self, id: RoomId) -> usize {
        tracing::info!(room = id.as_str(), "annex opened");
        // of which kind it is its home will say
        let room = Room::annex(Instant::now(), self.config(&id, RoomKind::default()));
        self.put(id, room, None)
    }

    fn config(&self, id: &RoomId, kind: RoomKind) -> RoomConfig {
        RoomConfig {
            id: id.clone(),
            kind,
            since_1970: since_1970(),
            local: self.local.clone(),
            playout_delay_most: self.playout_delay_most,
        }
    }

    fn put(&mut self, id: RoomId, room: Room, directory: Option<Arc<Directory>>) -> usize {
        let place = self.rooms.iter().position(Option::is_none).unwrap_or(self.rooms.len());
        if place == self.rooms.len() {
            self.rooms.push(None);
        }
        self.places.insert(id.clone(), place);
        let empty_since = Some(Instant::now());
        let watching = Watching::default();
        self.rooms[place] = Some(Hosted {
            id,
            room,
            directory,
            inside: 0,
            due: None,
            unserved_since: None,
            empty_since,
            watching,
            volume: None,
        });
        place
    }

    /// True for an annex.
    pub(crate) fn is_annex(&self, place: usize) -> bool {
        self.hosted(place).is_some_and(|hosted| hosted.room.is_annex())
    }

    /// How many rooms and how many annexes there are.
    pub(crate) fn rooms_and_annexes(&self) -> (usize, usize) {
        let annexes = self.rooms.iter().flatten().filter(|hosted| hosted.room.is_annex()).count();
        (self.places.len() - annexes, annexes)
    }

    /// The room has an annex: it is not empty.
    pub(crate) fn add_annex(&mut self, place: usize) {
        self.hosted_mut(place).into_iter().for_each(Hosted::enter);
    }

    /// An annex of the room is no more.
    pub(crate) fn remove_annex(&mut self, place: usize) {
        self.hosted_mut(place).into_iter().for_each(Hosted::leave);
    }

    /// Some of the audience may wait for what the kernel received then.
    pub(crate) fn note_unserved(&mut self, place: usize, received_at: Duration) {
        if let Some(hosted) = self.hosted_mut(place) {
            let since = hosted.unserved_since.unwrap_or(received_at);
            hosted.unserved_since = hosted.room.is_serving().then_some(since);
        }
    }

    /// When the kernel received what some of the audience waits for.
    pub(crate) fn unserved_since(&self, place: usize) -> Option<Duration> {
        self.hosted(place)?.unserved_since
    }

    fn hosted(&self, place: usize) -> Option<&Hosted> {
        self.rooms.get(place)?.as_ref()
    }

    fn hosted_mut(&mut self, place: usize) -> Option<&mut Hosted> {
        self.rooms.get_mut(place)?.as_mut()
    }

    /// A client takes its seat.
    pub(crate) fn seat(&mut self, client: ClientId, (role, door): (Role, Door), place: usize, outlet: Outlet) {
        if let Some(hosted) = self.rooms[place].as_mut() {
            tracing::info!(client = client.0, room = hosted.id.as_str(), role = role.as_str(), ?door, "client came");
            hosted.enter();
            self.seats.insert(client, Seat { room: place, outlet });
        }
    }

    /// A client's seat is free; its way ends.
    pub(crate) fn unseat(&mut self, client: ClientId) {
        let Some(seat) = self.seats.remove(&client) else { return };
        if let Some(hosted) = self.rooms.get_mut(seat.room).and_then(Option::as_mut) {
            tracing::info!(client = client.0, room = hosted.id.as_str(), "client went");
            hosted.leave();
        }
    }

    /// Says something to a client; false when it does not keep up. One that has no seat wants nothing.
    pub(crate) fn deliver(&mut self, client: ClientId, delivery: Delivery) -> bool {
        self.seats.get_mut(&client).is_none_or(|seat| seat.outlet.deliver(delivery))
    }

    /// Hands over what the journal of the room at this place has to keep.
    pub(crate) fn keep(&self, place: usize, entries: &mut Vec<Entry>) {
        let volume = self.hosted(place).and_then(|hosted| hosted.volume.as_ref());
        if let Some(volume) = volume.filter(|_| !entries.is_empty()) {
            self.journal.keep(volume, std::mem::take(entries));
        }
    }

    /// Says when something last came from a client's peer, if there is one.
    pub(crate) fn say_when_heard(&self, client: ClientId, asker: oneshot::Sender<Instant>) {
        let room = self.room_of(client).and_then(|place| self.hosted(place)).map(|hosted| &hosted.room);
        if let Some(at) = room.and_then(|room| room.heard_at(client)) {
            // who asked may have given up
            let _gone: Result<(), Instant> = asker.send(at);
        }
    }

    /// The room may want its tick at another time now.
    pub(crate) fn reschedule(&mut self, place: usize) {
        let Some(hosted) = self.rooms.get_mut(place).and_then(Option::as_mut) else { return };
        let due = hosted.room.deadline();
        if due == hosted.due {
            return;
        }
        if let Some(before) = std::mem::replace(&mut hosted.due, due) {
            self.deadlines.remove(&(before, place));
        }
        if let Some(due) = due {
            self.deadlines.insert((due, place));
        }
    }

    /// When the first room wants its tick.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(due, _)| *due)
    }

    /// Takes the first room whose time has come. It is back in the list when it has been rescheduled.
    pub(crate) fn due(&mut self, now: Instant) -> Option<usize> {
        let (due, place) = *self.deadlines.first()?;
        if due > now {
            return None;
        }
        self.deadlines.pop_first();
        if let Some(hosted) = self.rooms.get_mut(place).and_then(Option::as_mut) {
            hosted.due = None;
        }
        Some(place)
    }

    /// Rooms that nobody has been in for long enough, and that nobody is on the way to.
    pub(crate) fn abandoned(&self, now: Instant) -> Vec<usize> {
        let kept = |hosted: &Hosted| if hosted.room.is_expecting() { REMEMBERED } else { EMPTY_ROOM_KEPT };
        let old = |hosted: &&Hosted| hosted.empty_since.is_some_and(|since| now.duration_since(since) >= kept(hosted));
        let is_free = |directory: &Arc<Directory>, id: &RoomId| directory.remove(id);
        let free = |hosted: &Hosted| {
            let is_free = hosted.directory.as_ref().is_none_or(|directory| is_free(directory, &hosted.id));
            is_free.then(|| self.places[&hosted.id])
        };
        self.rooms.iter().flatten().filter(old).filter_map(free).collect()
    }

    /// Closes a room for everybody who is still in it.
    pub(crate) fn close(&mut self, place: usize, reason: CloseReason) {
        let Some(hosted) = self.rooms.get_mut(place).and_then(Option::take) else { return };
        let inside: Vec<ClientId> =
            self.seats.iter().filter(|(_, seat)| seat.room == place).map(|(client, _)| *client).collect();
        for client in inside {
            self.deliver(client, Delivery::Closed(reason));
            self.seats.remove(&client);
        }
        if let Some(due) = hosted.due {
            self.deadlines.remove(&(due, place));
        }
        self.places.remove(&hosted.id);
        tracing::info!(room = hosted.id.as_str(), ?reason, "room closed");
        if let Some(volume) = &hosted.volume {
            self.journal.close(volume.clone(), since_1970());
        }
        // while somebody is on the way the directory keeps it, and it opens here again
        if let Some(directory) = &hosted.directory {
            directory.remove(&hosted.id);
        }
        // a room that has failed may fail once more when it is taken apart
        if catch_unwind(AssertUnwindSafe(|| drop(hosted))).is_err() {
            tracing::error!("a failed room could not be taken apart");
        }
    }

    /// What the rooms show of themselves.
    pub(crate) fn reports(&mut self, now: Instant) -> Vec<(Report, Watching)> {
        let shown = self.rooms.iter_mut().flatten().map(|hosted| {
            let report = hosted.room.report();
            hosted.watching.note(now, &report.viewers);
            (report, hosted.watching.clone())
        });
        shown.collect()
    }
}

impl Hosted {
    fn enter(&mut self) {
        self.inside += 1;
        self.empty_since = None;
    }

    fn leave(&mut self) {
        self.inside -= 1;
        self.empty_since = (self.inside == 0).then(Instant::now);
    }
}
