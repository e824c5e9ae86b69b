//! Annexes, and the way to them: bounded mailboxes of workers that look into them sooner or later.

use std::time::{Duration, Instant};

use media::{Excerpt, TrunkId};
use room::{Dispatch, Input, Petition};
use signaling::RoomKind;

use crate::seed::Chance;
use crate::worker::{HOME, Worker};
use crate::world::{What, World};

/// A worker looks at what others have said after at least and at most this.
const LOOKS_AFTER: Duration = Duration::from_micros(100);
pub(crate) const LOOKS_WITHIN: Duration = Duration::from_millis(30);
/// What may wait for a worker, and how much of it is kept free for what must not be lost: as in the server (`limit.rs`),
/// and a hundredth of it.
const PARCELS: usize = 80;
const PARCELS_KEPT_FREE: usize = 40;
/// Of a thousand times so often media find no place, for others have taken it.
const REFUSED_PERMILLE: u32 = 50;

/// What one worker says to another.
#[derive(Debug)]
pub(crate) enum Parcel {
    Petition(TrunkId, Petition),
    Dispatch(Dispatch),
}

/// What waits for a worker.
#[derive(Debug)]
pub(crate) struct Mailbox {
    parcels: Vec<Parcel>,
    chance: Chance,
    /// Excerpts that found no place.
    pub(crate) refused: u64,
    /// When it stood too full for media.
    pub(crate) full_at: Vec<Instant>,
}

impl Mailbox {
    pub(crate) fn new(seed: u64, worker: usize) -> Self {
        Self { parcels: Vec::new(), chance: Chance::of(!seed, worker as u64), refused: 0, full_at: Vec::new() }
    }

    fn refuses(&mut self, now: Instant) -> bool {
        let is_full = PARCELS - self.parcels.len() < PARCELS_KEPT_FREE;
        if is_full {
            self.full_at.push(now);
        }
        self.chance.is(REFUSED_PERMILLE) || is_full
    }
}

impl World {
    /// One more annex, on a worker of its own; gives the worker's number.
    pub(crate) fn open_annex(&mut self) -> usize {
        self.last_worker += 1;
        let at = self.last_worker;
        // What the room is for an annex hears from its home.
        let kind = RoomKind::default();
        self.workers.insert(at, Worker::new(self.now, self.began, (self.seed, at), kind, &self.certificate));
        self.post(HOME, Parcel::Petition(TrunkId(at as u64), Petition::Open));
        at
    }

    /// An annex fails: its clients are gone, its home is told.
    pub(crate) fn fail_annex(&mut self, at: usize) {
        self.end_annex(at);
        self.post(HOME, Parcel::Petition(TrunkId(at as u64), Petition::Closed));
    }

    /// A worker does not get its processor for so long.
    pub(crate) fn stall(&mut self, at: usize, span: Duration) {
        self.workers.get_mut(&at).expect("a worker that is there").free_at = self.now + span;
    }

    fn end_annex(&mut self, at: usize) {
        self.workers.remove(&at);
        for client in 0..self.clients.len() {
            if self.clients[client].worker == at {
                self.clients[client].is_gone = true;
                self.drop_peers(client);
            }
        }
    }

    /// Sends what a room has for its annexes, or an annex for its home. What finds no place comes back.
    pub(crate) fn post_all(&mut self, from: usize, dispatches: Vec<(TrunkId, Dispatch)>, petitions: Vec<Petition>) {
        let now = self.now;
        let mut refused: Vec<(TrunkId, Vec<Excerpt>)> = Vec::new();
        for (trunk, dispatch) in dispatches {
            let to = trunk.0 as usize;
            let Some(worker) = self.workers.get_mut(&to) else { continue };
            match dispatch {
                Dispatch::Excerpts(excerpts) if worker.mailbox.refuses(now) => {
                    worker.mailbox.refused += excerpts.len() as u64;
                    excerpts.iter().for_each(|excerpt| self.upstream.refuse(to, excerpt));
                    refused.push((trunk, excerpts));
                }
                dispatch => {
                    if let Dispatch::Excerpts(excerpts) = &dispatch {
                        excerpts.iter().for_each(|excerpt| self.upstream.tell(to, excerpt));
                    }
                    self.post(to, Parcel::Dispatch(dispatch));
                }
            }
        }
        for petition in petitions {
            self.upstream.hear(now, from, &petition);
            self.post(HOME, Parcel::Petition(TrunkId(from as u64), petition));
        }
        for (trunk, excerpts) in refused {
            self.handle(from, Input::Refused(trunk, excerpts));
        }
    }

    fn post(&mut self, to: usize, parcel: Parcel) {
        let Some(Worker { mailbox, .. }) = self.workers.get_mut(&to) else { return };
        if mailbox.parcels.len() == PARCELS {
            return self.break_trunk(to, &parcel);
        }
        mailbox.parcels.push(parcel);
        if mailbox.parcels.len() == 1 {
            let looks_at = self.now + LOOKS_AFTER + mailbox.chance.span(LOOKS_WITHIN - LOOKS_AFTER);
            self.at(looks_at, What::Mail(to));
        }
    }

    /// A worker has no place for what must not be lost: the annex, whichever end it is, is closed at both.
    fn break_trunk(&mut self, to: usize, parcel: &Parcel) {
        let annex = match parcel {
            Parcel::Petition(TrunkId(annex), _) => *annex as usize,
            Parcel::Dispatch(_) => to,
        };
        self.end_annex(annex);
        self.handle(HOME, Input::Petition(TrunkId(annex as u64), Petition::Closed));
    }

    /// A worker takes what others have said, when it has time.
    pub(crate) fn take_mail(&mut self, at: usize) {
        let Some(worker) = self.workers.get_mut(&at) else { return };
        if worker.free_at > self.now {
            let free_at = worker.free_at;
            return self.at(free_at, What::Mail(at));
        }
        for parcel in std::mem::take(&mut worker.mailbox.parcels) {
            match parcel {
                Parcel::Petition(from, petition) => {
                    if let Petition::Wanted(track, true) = &petition {
                        self.upstream.begin(from.0 as usize, *track);
                    }
                    self.handle(at, Input::Petition(from, petition));
                }
                Parcel::Dispatch(dispatch) => {
                    if let Dispatch::Excerpts(excerpts) = &dispatch {
                        excerpts.iter().for_each(|excerpt| self.upstream.take(at, excerpt));
                    }
                    self.handle(at, Input::Dispatch(dispatch));
                }
            }
        }
    }

    /// How many excerpts have found no place so far at the workers that are there.
    pub(crate) fn excerpts_refused(&self) -> u64 {
        self.workers.values().map(|worker| worker.mailbox.refused).sum()
    }
}
