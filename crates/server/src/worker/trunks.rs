//! A worker's ends of trunks: between rooms that live here and their annexes elsewhere, and the other way round.

use std::collections::BTreeMap;
use std::time::Duration;

use media::TrunkId;
use room::{Dispatch, Input, Petition, Tapping};
use signaling::{CloseReason, RoomId};
use tokio::sync::mpsc::error::TrySendError;

use super::Worker;
use crate::clock::since_1970;
use crate::directory::{Arriving, Hand};
use crate::limit::PARCELS_KEPT_FREE;
use crate::trunk::Parcel;

/// Parcels taken before the others have their turn.
const PARCELS_AT_ONCE: usize = 256;

/// One end of a trunk.
struct Trunk {
    /// The room or annex here.
    place: usize,
    far: Hand,
    is_annex_here: bool,
}

/// The ends that a worker has.
#[derive(Default)]
pub(super) struct Trunks {
    ends: BTreeMap<TrunkId, Trunk>,
    /// Ends whose other end did not take what must not be lost: both are to be closed.
    broken: Vec<TrunkId>,
    /// What the other end has still to be told of that.
    unsaid: Vec<(Hand, Parcel)>,
}

impl Trunks {
    fn of_place(&self, place: usize) -> Vec<TrunkId> {
        self.ends.iter().filter(|(_, end)| end.place == place).map(|(trunk, _)| *trunk).collect()
    }
}

impl Worker {
    /// Opens an annex of a room whose home is with another worker.
    pub(super) fn open_annex(&mut self, room: RoomId, home: Hand, arriving: Arriving) -> usize {
        let trunk = arriving.directory.next_trunk();
        let place = self.hall.open_annex(room.clone());
        let annex = self.hand.clone();
        self.trunks.ends.insert(trunk, Trunk { place, far: home, is_annex_here: true });
        self.post(trunk, Parcel::Open { trunk, room, annex, arriving });
        place
    }

    /// Takes what other workers have said.
    pub(super) fn take_parcels(&mut self) {
        if !std::mem::take(&mut self.ready.parcels) {
            return;
        }
        for _ in 0..PARCELS_AT_ONCE {
            match self.parcels.try_recv() {
                Ok(Parcel::Open { trunk, room, annex, arriving }) => self.admit_annex(trunk, room, annex, &arriving),
                Ok(Parcel::Petition(trunk, petition)) => {
                    if let Some(place) = self.end_of(trunk) {
                        self.handle(place, Input::Petition(trunk, petition));
                    }
                }
                Ok(Parcel::Dispatch { trunk, dispatch, received_at }) => {
                    if let Some(place) = self.end_of(trunk) {
                        self.handle_received(place, Input::Dispatch(dispatch), received_at);
                    }
                }
                Ok(Parcel::Thumbnail(tap, picture)) => self.take_thumbnail(tap, picture),
                Ok(Parcel::Closed(trunk, reason)) => self.end_trunk(trunk, reason),
                Err(_) => return,
            }
        }
        self.ready.parcels = true;
    }

    fn end_of(&self, trunk: TrunkId) -> Option<usize> {
        self.trunks.ends.get(&trunk).map(|end| end.place)
    }

    fn admit_annex(&mut self, trunk: TrunkId, room: RoomId, annex: Hand, arriving: &Arriving) {
        if self.stop_at.is_some() {
            self.tell(annex, Parcel::Closed(trunk, CloseReason::ShuttingDown));
            return;
        }
        let place = self.place_of_home(room, arriving);
        self.hall.add_annex(place);
        self.trunks.ends.insert(trunk, Trunk { place, far: annex, is_annex_here: false });
        self.handle(place, Input::Petition(trunk, Petition::Open));
    }

    /// Sends what a room has for its annexes and its taps, or an annex for its home.
    pub(super) fn post_all(
        &mut self,
        place: usize,
        dispatches: impl Iterator<Item = (TrunkId, Dispatch)>,
        petitions: impl Iterator<Item = Petition>,
    ) {
        let (mut refused, mut given_up) = (Vec::new(), Vec::new());
        for (trunk, dispatch) in dispatches {
            let Some(end) = self.trunks.ends.get(&trunk) else {
                if let Dispatch::Excerpts(excerpts) = dispatch {
                    given_up.push((trunk, self.taps.hand(trunk, excerpts)));
                }
                continue;
            };
            match dispatch {
                // Media gives way before what must not be lost; it is in the history and comes later.
                Dispatch::Excerpts(excerpts) if end.far.parcels.capacity() < PARCELS_KEPT_FREE => {
                    self.tally.excerpts_refused += excerpts.len() as u64;
                    refused.push((trunk, excerpts));
                }
                dispatch => self.post(trunk, Parcel::Dispatch { trunk, dispatch, received_at: self.received_at }),
            }
        }
        for petition in petitions {
            let home = self.trunks.ends.iter().find(|(_, end)| end.place == place && end.is_annex_here);
            if let Some(trunk) = home.map(|(trunk, _)| *trunk) {
                self.post(trunk, Parcel::Petition(trunk, petition));
            }
        }
        for (trunk, excerpts) in refused {
            self.handle(place, Input::Refused(trunk, excerpts));
        }
        for (tap, excerpts) in given_up.into_iter().filter(|(_, excerpts)| !excerpts.is_empty()) {
            self.handle(place, Input::Tap(tap, Tapping::GiveUp(excerpts)));
        }
    }

    fn post(&mut self, trunk: TrunkId, parcel: Parcel) {
        let Some(end) = self.trunks.ends.get(&trunk) else { return };
        match end.far.parcels.try_send(parcel) {
            Ok(()) => end.far.wake(),
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => self.trunks.broken.push(trunk),
        }
    }

    /// Says something to a worker; what it does not take now it is told later.
    fn tell(&mut self, far: Hand, parcel: Parcel) {
        match far.parcels.try_send(parcel) {
            Ok(()) => far.wake(),
            Err(TrySendError::Full(parcel)) => self.trunks.unsaid.push((far, parcel)),
            // It has stopped, and everything on it.
            Err(TrySendError::Closed(_)) => {}
        }
    }

    /// Closes what can no longer be kept the same at both ends.
    pub(super) fn close_broken_trunks(&mut self) {
        while let Some(trunk) = self.trunks.broken.pop() {
            let Some(end) = self.trunks.ends.get(&trunk) else { continue };
            tracing::error!(trunk = trunk.0, "another worker does not keep up; an annex is closed");
            let far = end.far.clone();
            self.end_trunk(trunk, CloseReason::Internal);
            self.tell(far, Parcel::Closed(trunk, CloseReason::Internal));
        }
        for (far, parcel) in std::mem::take(&mut self.trunks.unsaid) {
            self.tell(far, parcel);
        }
    }

    /// The other end is no more.
    fn end_trunk(&mut self, trunk: TrunkId, reason: CloseReason) {
        let Some(end) = self.trunks.ends.remove(&trunk) else { return };
        if end.is_annex_here {
            self.close_room(end.place, reason);
        } else {
            self.hall.remove_annex(end.place);
            self.handle(end.place, Input::Petition(trunk, Petition::Closed));
        }
    }

    /// A room or annex here is no more: what it had trunks to is told.
    pub(super) fn close_trunks(&mut self, place: usize, reason: CloseReason) {
        for trunk in self.trunks.of_place(place) {
            if let Some(end) = self.trunks.ends.remove(&trunk) {
                self.tell(end.far, Parcel::Closed(trunk, reason));
            }
        }
    }

    /// Gives a room an input and counts how long it took from the kernel's receipt until what follows has left.
    pub(super) fn handle_received(&mut self, place: usize, input: Input<'_>, received_at: Option<Duration>) {
        self.received_at = received_at;
        let sent = self.handle(place, input);
        self.received_at = None;
        let Some(received_at) = received_at else { return };
        if sent {
            self.tally.forwarding.add(since_1970().saturating_sub(received_at));
        }
        self.hall.note_unserved(place, received_at);
    }
}
