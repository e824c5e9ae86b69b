//! Receiving: a viewer's slots and what is in them.

use std::time::{Duration, Instant};

use media::{Offer, Outline, SinkId, Size, Wait};
use signaling::client::ProgrammePart;
use signaling::{
    Feed, FeedChoice, FeedId, FeedKind, Programme, Refusal, RefusalCode, RequestId, ServerMessage, ShownAge, Slot,
    VacantReason, limit,
};

use crate::client::{Receiving, Shown, SlotState, VoicePlace};
use crate::entitlement::{Standing, is_meant};
use crate::permission::Act;
use crate::room::Answered;
use crate::{ClientId, Door, Outbox, Room};

impl Room {
    #[expect(clippy::too_many_arguments, reason = "the fields of one message, and who says it when")]
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        client: ClientId,
        re: Option<RequestId>,
        offer: Result<Offer, Refusal>,
        slots: Vec<String>,
        voices: Vec<String>,
        out: &mut Outbox,
    ) -> Answered {
        let present = &self.members[&self.clients[&client].member];
        if !present.standing.may(Act::Receive) {
            let sentence = format!("The role {} does not receive.", present.role().as_str());
            return Err(Refusal::new(RefusalCode::NotAllowed, sentence));
        }
        let mut offer = offer?;
        check_lines(offer.outline(), &slots, &voices)?;
        let before = self.clients[&client].receiving.as_ref();
        let open = before.filter(|open| open.outline.is_same_connection(offer.outline())).map(|open| open.session);
        let named: Vec<String> = slots.iter().chain(&voices).cloned().collect();
        let rank = self.members[&self.clients[&client].member].standing.rank();
        let session = open.unwrap_or_else(|| self.router.open_downlink(now, rank, &mut offer));
        let (session, answer) = self.answer(now, client, session, &mut offer, &named, out)?;
        let before = self.clients.get_mut(&client).and_then(|client| client.receiving.take());
        if let Some(before) = before.as_ref().filter(|before| before.session != session) {
            self.end_session(now, before.session, out);
        }
        let same = before.as_ref().filter(|before| before.session == session);
        let mut receiving =
            Receiving { session, outline: offer.outline().clone(), slots: Vec::new(), voices: Vec::new() };
        for (index, mid) in slots.into_iter().enumerate() {
            let known = same.and_then(|same| same.slots.iter().find(|slot| slot.mid == mid)).cloned();
            // A new connection keeps what the viewer had chosen for the slot of the same number, and its size.
            let former = before.as_ref().and_then(|before| before.slots.get(index));
            let (choice, size) = former.map(|slot| (slot.choice.clone(), slot.size)).unwrap_or_default();
            let slot = known.or_else(|| {
                let sink = self.router.bind_sink(session, &mid)?;
                if let Some(size) = size {
                    self.router.resize(now, sink, size, &mut out.departures, &mut self.news);
                }
                Some(SlotState { mid, sink, choice, size, feed: None, vacant: None, shown: None })
            });
            receiving.slots.extend(slot);
        }
        for mid in voices {
            let known = same.and_then(|same| same.voices.iter().find(|place| place.mid == mid)).cloned();
            let place = known.or_else(|| {
                let sink = self.router.bind_sink(session, &mid)?;
                Some(VoicePlace { mid, sink, voice: None })
            });
            receiving.voices.extend(place);
        }
        // What is named no more shows and says nothing more.
        let slots = same.into_iter().flat_map(|same| same.slots.iter().map(|slot| slot.sink));
        let places = same.into_iter().flat_map(|same| same.voices.iter().map(|place| place.sink));
        let kept = |sink: &SinkId| {
            receiving.slots.iter().any(|slot| slot.sink == *sink)
                || receiving.voices.iter().any(|place| place.sink == *sink)
        };
        for sink in slots.chain(places).filter(|sink| !kept(sink)) {
            // Nothing is asked of a codec to show nothing.
            self.router.watch(now, sink, None, &mut out.departures, &mut self.news).ok();
        }
        out.say(client, ServerMessage::Received { re, sdp: answer });
        if let Some(client) = self.clients.get_mut(&client) {
            client.receiving = Some(receiving);
        }
        self.find_feeds_of(now, client, out);
        self.assign_voices_of(now, client, out);
        Ok(())
    }

    pub(crate) fn watch(
        &mut self,
        now: Instant,
        client: ClientId,
        re: Option<RequestId>,
        slot: Slot,
        choice: Option<FeedChoice>,
        out: &mut Outbox,
    ) -> Answered {
        let member = self.clients[&client].member;
        if let Some(FeedChoice::Feed(feed)) = choice
            && self.feed_for(&self.members[&member].standing, &choice).is_none()
        {
            return Err(Refusal::new(RefusalCode::UnknownFeed, format!("There is no feed {feed} for this member.")));
        }
        let own = self.members[&member].member.site.as_ref();
        if let Some(FeedChoice::OfSite(of)) = &choice
            && own.is_some_and(|own| *own != of.site)
            && !self.policy.sites_joined
        {
            return Err(Refusal::new(RefusalCode::NotAllowed, "Another site's feeds are not for this member."));
        }
        let index = slot.0 as usize;
        let receiving = self.clients.get_mut(&client).and_then(|client| client.receiving.as_mut());
        let Some(state) = receiving.and_then(|receiving| receiving.slots.get_mut(index)) else {
            return Err(unknown_slot(slot));
        };
        state.choice = choice;
        self.fill_slot(now, client, index, out);
        if self.clients[&client].door == Door::Whep {
            self.assign_voices_of(now, client, out);
        }
        let receiving = self.clients[&client].receiving.as_ref().expect("it has just been changed");
        out.say(client, receiving.slots[index].watched(index, re));
        Ok(())
    }

    /// How large a slot's picture is on its viewer's screen.
    pub(crate) fn resize(
        &mut self,
        now: Instant,
        client: ClientId,
        slot: Slot,
        size: Size,
        out: &mut Outbox,
    ) -> Answered {
        let receiving = self.clients.get_mut(&client).and_then(|client| client.receiving.as_mut());
        let Some(state) = receiving.and_then(|receiving| receiving.slots.get_mut(slot.0 as usize)) else {
            return Err(unknown_slot(slot));
        };
        state.size = Some(size);
        self.router.resize(now, state.sink, size, &mut out.departures, &mut self.news);
        Ok(())
    }

    /// Takes how old a viewer's pictures are on its screen, for figures only. What stands in a slot whose feed is held back
    /// is not shown as a picture of now.
    pub(crate) fn note_ages(&mut self, now: Instant, client: ClientId, ages: &[ShownAge]) {
        let Some(receiving) = self.clients.get_mut(&client).and_then(|client| client.receiving.as_mut()) else {
            return;
        };
        for ShownAge { slot, age_ms } in ages {
            let Some(slot) = receiving.slots.get_mut(slot.0 as usize) else { continue };
            let is_live = slot.feed.and_then(|feed| self.feeds.get(&feed)).is_some_and(|feed| !feed.what.muted);
            slot.shown = is_live.then_some(Shown { age: Duration::from_millis(u64::from(*age_ms)), said_at: now });
        }
    }

    /// The feed that a choice means now, for a viewer that stands so. Of several of a site and kind the first that brings
    /// anything: a publisher that has vanished is known to be gone half a minute later, and may be back long before.
    fn feed_for(&self, standing: &Standing, choice: &Option<FeedChoice>) -> Option<FeedId> {
        let any = |is_meant: &dyn Fn(&Feed) -> bool| {
            let meant = self.feeds.values().filter(|feed| is_meant(&feed.what));
            meant.min_by_key(|feed| feed.is_silent())
        };
        let programme = match &self.programme {
            Programme::Shown(shown) => Some(shown),
            Programme::Open | Programme::Dark => None,
        };
        let feed = match choice.as_ref()? {
            FeedChoice::OfProgramme(of) => match of.programme {
                ProgrammePart::Feed => any(&|feed| programme.is_some_and(|shown| is_meant(&shown.feed, feed))),
                ProgrammePart::Speaker if programme.is_some_and(|shown| shown.with_speaker) => {
                    any(&|feed| feed.kind == FeedKind::Face && Some(feed.member) == self.last_speaker)
                }
                ProgrammePart::Speaker => None,
            },
            choice => any(&|feed| is_meant(choice, feed)),
        }?;
        self.may_see(standing, &feed.what).then_some(feed.what.id)
    }

    /// Puts what a slot's choice means into it.
    fn fill_slot(&mut self, now: Instant, client: ClientId, index: usize, out: &mut Outbox) {
        let Some(viewer) = self.clients.get(&client) else { return };
        let Some(slot) = viewer.receiving.as_ref().and_then(|receiving| receiving.slots.get(index)) else { return };
        let (sink, choice) = (slot.sink, slot.choice.clone());
        let feed = self.feed_for(&self.members[&viewer.member].standing, &choice);
        let track = feed.map(|feed| self.feeds[&feed].track);
        let shown = self.router.watch(now, sink, track, &mut out.departures, &mut self.news);
        let (feed, vacant) = match (feed, shown, choice) {
            (Some(_), Err(_), _) => (None, Some(VacantReason::NoCommonCodec)),
            (Some(feed), Ok(()), _) => (Some(feed), None),
            (None, _, None) => (None, Some(VacantReason::Chosen)),
            (None, _, Some(_)) => (None, Some(VacantReason::NoFeed)),
        };
        let viewer = self.clients.get_mut(&client).expect("was just found");
        let slot = &mut viewer.receiving.as_mut().expect("was just found").slots[index];
        (slot.feed, slot.vacant, slot.shown) = (feed, vacant, None);
    }

    /// After feeds came or went: every slot whose choice now means another feed gets it, and its viewer is told.
    pub(crate) fn find_feeds(&mut self, now: Instant, out: &mut Outbox) {
        for client in self.clients.keys().copied().collect::<Vec<_>>() {
            self.find_feeds_of(now, client, out);
        }
    }

    /// Its viewer stands otherwise than before: what it may see no more is shown no more.
    pub(crate) fn refill_slots(&mut self, now: Instant, client: ClientId, out: &mut Outbox) {
        if self.clients.contains_key(&client) {
            self.find_feeds_of(now, client, out);
            self.assign_voices_of(now, client, out);
        }
    }

    /// The same for one viewer.
    fn find_feeds_of(&mut self, now: Instant, id: ClientId, out: &mut Outbox) {
        let client = &self.clients[&id];
        let standing = &self.members[&client.member].standing;
        let slots = client.receiving.iter().flat_map(|receiving| receiving.slots.iter().enumerate());
        let is_stale = |slot: &SlotState| {
            slot.choice.is_some()
                && slot.vacant != Some(VacantReason::NoCommonCodec)
                && (self.feed_for(standing, &slot.choice) != slot.feed || !self.is_shown(slot))
        };
        let stale: Vec<usize> = slots.filter(|(_, slot)| is_stale(slot)).map(|(index, _)| index).collect();
        for index in stale {
            self.fill_slot(now, id, index, out);
            let receiving = self.clients[&id].receiving.as_ref().expect("it has a slot");
            out.say(id, receiving.slots[index].watched(index, None));
        }
    }

    /// True if the slot's sink takes from its feed's present track: a feed that was offered anew has another.
    fn is_shown(&self, slot: &SlotState) -> bool {
        let track = slot.feed.and_then(|feed| self.feeds.get(&feed)).map(|feed| feed.track);
        track == self.router.watched(slot.sink)
    }

    /// A slot's picture stands because the server has no capacity for it, or goes on.
    pub(crate) fn slot_waits(&mut self, sink: SinkId, wait: Option<Wait>, out: &mut Outbox) {
        let Some((client, index, slot)) = self.slot_of(sink) else { return };
        if slot.feed.is_some() {
            slot.vacant = wait.map(|wait| match wait {
                Wait::Capacity => VacantReason::Capacity,
                Wait::Line => VacantReason::Line,
            });
            out.say(client, slot.watched(index, None));
        }
    }

    /// The viewer takes none of the codecs that a feed has turned out to have.
    pub(crate) fn no_common_codec(&mut self, sink: SinkId, out: &mut Outbox) {
        let Some((client, index, slot)) = self.slot_of(sink) else { return };
        if slot.vacant != Some(VacantReason::NoCommonCodec) {
            (slot.feed, slot.vacant) = (None, Some(VacantReason::NoCommonCodec));
            out.say(client, slot.watched(index, None));
        }
    }

    /// The slot that a sink is, whose it is, and its number.
    fn slot_of(&mut self, sink: SinkId) -> Option<(ClientId, usize, &mut SlotState)> {
        let id = *self.sessions.get(&sink.session())?;
        let slots = &mut self.clients.get_mut(&id)?.receiving.as_mut()?.slots;
        slots.iter_mut().enumerate().find(|(_, slot)| slot.sink == sink).map(|(index, slot)| (id, index, slot))
    }
}

fn unknown_slot(slot: Slot) -> Refusal {
    Refusal::new(RefusalCode::UnknownSlot, format!("This downlink has no slot {slot}."))
}

fn check_lines(outline: &Outline, slots: &[String], voices: &[String]) -> Answered {
    if slots.len() > limit::SLOTS_PER_VIEWER || voices.len() > limit::VOICES_PER_VIEWER {
        let sentence = format!(
            "A downlink has at most {} slots and {} voices.",
            limit::SLOTS_PER_VIEWER,
            limit::VOICES_PER_VIEWER
        );
        return Err(Refusal::new(RefusalCode::TooManySlots, sentence));
    }
    let mut named: Vec<&String> = slots.iter().chain(voices).collect();
    named.sort();
    if named.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Refusal::new(RefusalCode::BadMessage, "An m-line is named twice."));
    }
    let has = |mid: &String, is_video: bool| {
        outline
            .lines
            .iter()
            .any(|line| line.mid == *mid && line.receives && (if is_video { line.is_video } else { line.is_audio }))
    };
    let lacks = slots.iter().find(|mid| !has(mid, true)).or_else(|| voices.iter().find(|mid| !has(mid, false)));
    match lacks {
        Some(mid) => {
            let sentence = format!("The offer has no receiving m-line with mid {mid} of the right kind.");
            Err(Refusal::new(RefusalCode::NoMedia, sentence))
        }
        None if named.is_empty() => Err(Refusal::new(RefusalCode::NoMedia, "The offer names nothing to receive.")),
        None => Ok(()),
    }
}
