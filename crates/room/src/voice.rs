//! Voices: who is heard by whom, and who speaks.

use std::time::{Duration, Instant};

use signaling::{FeedChoice, MemberId, Refusal, RefusalCode, RequestId, ServerMessage, VoiceId};

use crate::annex::Dispatch;
use crate::entitlement::Standing;
use crate::room::Answered;
use crate::{ClientId, Door, Outbox, Room};

/// How often it is listened who speaks.
const LISTEN_EVERY: Duration = Duration::from_millis(250);
/// From this level on a voice speaks: -50 dBov is quiet speech, an operating room's noise lies below.
const SPEAKING_LEVEL: i8 = -50;

impl Room {
    pub(crate) fn mute_voice(
        &mut self,
        client: ClientId,
        re: Option<RequestId>,
        muted: bool,
        out: &mut Outbox,
    ) -> Answered {
        let own = self.clients[&client].publishing.as_ref().and_then(|own| own.voice.as_ref());
        let Some(id) = own.map(|(_, voice)| *voice) else {
            return Err(Refusal::new(RefusalCode::NoMedia, "This client publishes no voice."));
        };
        self.set_voice_muted(id, muted, Some((client, re)), out);
        Ok(())
    }

    /// Silences a voice, or lets it be heard again; `asked` is the client that wanted it so.
    pub(crate) fn set_voice_muted(
        &mut self,
        id: VoiceId,
        muted: bool,
        asked: Option<(ClientId, Option<RequestId>)>,
        out: &mut Outbox,
    ) {
        let Some(voice) = self.voices.get_mut(&id) else { return };
        voice.what.muted = muted;
        let voice = voice.what.clone();
        self.settle_voices();
        self.tell_answering(
            asked,
            |standing| self.may_know_voice(standing, &voice),
            |re| ServerMessage::VoiceMuted { re, voice: id, muted },
            out,
        );
    }

    /// Holds back every voice that is muted, or whose member is silenced or may not speak, and lets all others through.
    pub(crate) fn settle_voices(&mut self) {
        for voice in self.voices.values() {
            let is_silenced = self.members.get(&voice.what.member).is_some_and(|present| present.member.silenced);
            // An annex gets nothing of those.
            let is_held = is_silenced || !self.is_annex() && !self.may_speak(voice.what.member);
            self.router.mute_track(voice.track, voice.what.muted || is_held);
        }
    }

    /// May be heard now, as far as that is its own.
    pub(crate) fn may_speak(&self, member: MemberId) -> bool {
        let present = self.members.get(&member);
        present.is_some_and(|present| present.standing.may_speak(&self.policy, present.member.floor.is_some()))
    }

    /// Gives every listener the voices that it may hear, as far as its downlink has places; who speaks comes first.
    pub(crate) fn assign_voices(&mut self, now: Instant, out: &mut Outbox) {
        if !self.voices.is_empty() && self.annex.is_none() {
            self.listen_at.get_or_insert(now + LISTEN_EVERY);
        }
        for client in self.clients.keys().copied().collect::<Vec<_>>() {
            self.assign_voices_of(now, client, out);
        }
    }

    /// The same for one listener.
    pub(crate) fn assign_voices_of(&mut self, now: Instant, client: ClientId, out: &mut Outbox) {
        for (place, voice) in self.changed_places(client) {
            let receiving = self.clients.get_mut(&client).and_then(|client| client.receiving.as_mut());
            let place = &mut receiving.expect("it has a place for a voice").voices[place];
            place.voice = voice;
            let sink = place.sink;
            let track = voice.map(|voice| self.voices[&voice].track);
            // Every downlink was answered with Opus, the only audio encoding there is.
            self.router.watch(now, sink, track, &mut out.departures, &mut self.news).ok();
        }
    }

    /// The places of one listener that must take another voice, or none.
    fn changed_places(&self, client: ClientId) -> Vec<(usize, Option<VoiceId>)> {
        let listener = &self.clients[&client];
        let Some(receiving) = &listener.receiving else { return Vec::new() };
        let standing = &self.members[&listener.member].standing;
        // A WHEP session plays one site's feed, and that site's voice.
        let played = receiving.slots.iter().find_map(|slot| match &slot.choice {
            Some(FeedChoice::OfSite(of)) if listener.door == Door::Whep => Some(&of.site),
            _ => None,
        });
        let mut wanted: Vec<VoiceId> = self
            .voices
            .values()
            .filter(|voice| voice.what.member != listener.member && self.may_hear(standing, &voice.what))
            .filter(|voice| played.is_none_or(|site| voice.what.site.as_ref() == Some(site)))
            .map(|voice| voice.what.id)
            .collect();
        let rank = |voice: &VoiceId| {
            let speaks = self.speaking.contains(voice);
            let placed = receiving.voices.iter().any(|place| place.voice == Some(*voice));
            (!speaks, !placed, *voice)
        };
        wanted.sort_by_key(rank);
        wanted.truncate(receiving.voices.len());
        let is_right = |place: &crate::client::VoicePlace| match place.voice {
            Some(voice) => {
                wanted.contains(&voice)
                    && self.router.watched(place.sink) == self.voices.get(&voice).map(|voice| voice.track)
            }
            None => false,
        };
        let missing = wanted
            .iter()
            .filter(|voice| !receiving.voices.iter().any(|place| is_right(place) && place.voice == Some(**voice)));
        let mut missing = missing.copied();
        let mut changed = Vec::new();
        for (index, place) in receiving.voices.iter().enumerate().filter(|(_, place)| !is_right(place)) {
            let voice = missing.next();
            if voice.is_some() || place.voice.is_some() {
                changed.push((index, voice));
            }
        }
        changed
    }

    /// Finds out who speaks and tells it when it has changed.
    pub(crate) fn listen(&mut self, now: Instant, out: &mut Outbox) {
        if self.listen_at.is_none_or(|at| at > now) {
            return;
        }
        self.listen_at = (!self.voices.is_empty()).then_some(now + LISTEN_EVERY);
        let mut loud: Vec<(i8, VoiceId)> = self
            .voices
            .values()
            .map(|voice| (self.router.loudness(voice.track), voice.what.id))
            .filter(|(level, _)| *level >= SPEAKING_LEVEL)
            .collect();
        loud.sort_by_key(|(level, voice)| (-level, *voice));
        let speaking: Vec<VoiceId> = loud.into_iter().map(|(_, voice)| voice).collect();
        let mut is_changed = speaking.len() != self.speaking.len();
        is_changed |= speaking.iter().any(|voice| !self.speaking.contains(voice));
        if !is_changed {
            return;
        }
        self.set_speaking(now, speaking, out);
    }

    pub(crate) fn set_speaking(&mut self, now: Instant, speaking: Vec<VoiceId>, out: &mut Outbox) {
        self.speaking = speaking;
        for client in self.hearers(|_| true) {
            self.tell_speaking(client, out);
        }
        let voices = self.heard_by(&Standing::audience());
        self.dispatch(|| Dispatch::Said(Box::new(ServerMessage::Speaking { voices: voices.clone() })), out);
        self.assign_voices(now, out);
        if self.note_speaker() {
            self.find_feeds(now, out);
        }
    }

    /// Tells one client who speaks now, as far as it may hear them.
    pub(crate) fn tell_speaking(&self, client: ClientId, out: &mut Outbox) {
        let present = &self.members[&self.clients[&client].member];
        let own = |voice: &&VoiceId| self.voices.get(voice).is_some_and(|voice| voice.what.member == present.member.id);
        let mut voices = self.heard_by(&present.standing);
        voices
            .extend(self.speaking.iter().filter(own).filter(|own| !voices.contains(own)).copied().collect::<Vec<_>>());
        out.say(client, ServerMessage::Speaking { voices });
    }

    /// Who speaks, as far as those may know who stand so.
    pub(crate) fn heard_by(&self, standing: &Standing) -> Vec<VoiceId> {
        let is_known = |id: &&VoiceId| {
            let voice = self.voices.get(id);
            voice.is_some_and(|voice| self.may_know_voice(standing, &voice.what))
        };
        self.speaking.iter().filter(is_known).copied().collect()
    }
}
