//! What is looked after ten times a second, over tracks, which are few: keyframe requests, faults, layers.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{HOUSEKEEPING, News, Router, SinkId, TrackId};
use crate::SessionId;
use crate::choice::{choose, is_alive};
use crate::condition::LineCondition;
use crate::router::ThumbnailNews;
use crate::sink::{Progress, Wait};
use crate::track::Origin;

/// A tenth of the time in which a layer that is wanted again is to be there.
const SOON: Duration = Duration::from_millis(20);
/// A viewer that has been without a picture this long for want of capacity is told so.
const SAID_TO_WAIT_AFTER: Duration = Duration::from_secs(1);

impl Router {
    /// True if packets of a track have come, and none for half a second.
    pub fn has_stopped(&self, now: Instant, id: TrackId) -> bool {
        let Some(track) = self.tracks.get(&id) else { return false };
        track.sent().next().is_some() && track.sent().all(|layer| layer.is_stalled(now))
    }

    /// Lets it be looked after in a moment, where there is anything: together with what comes until then, for many viewers may want
    /// something else at once, and each look is over all of them.
    pub(super) fn keep_house_soon(&mut self, now: Instant) {
        self.housekeeping_at = self.housekeeping_at.map(|at| at.min(now + SOON));
    }

    pub(super) fn keep_house(&mut self, now: Instant, news: &mut Vec<News>) {
        self.housekeeping_at = (!self.tracks.is_empty()).then_some(now + HOUSEKEEPING);
        let mut asks = Vec::new();
        let mut layered = Vec::new();
        let mut lines: BTreeMap<SessionId, LineCondition> = BTreeMap::new();
        for track in self.tracks.values_mut() {
            for layer in &mut track.layers {
                layer.measure(now);
                if let Origin::Session(session, _) = track.origin
                    && layer.is_sent()
                {
                    let line = lines.entry(session).or_default();
                    *line = layer.condition().max(*line);
                }
                let may_ask = !track.is_muted && track.is_video && !layer.is_resting(now);
                if let Some(whom) = may_ask.then(|| layer.asking.due(now)).flatten() {
                    layer.traffic.keyframe_requests += 1;
                    match track.origin {
                        Origin::Session(..) if !layer.is_sent() => {
                            news.push(News::Thumbnail(track.id, ThumbnailNews::Keyframe));
                        }
                        Origin::Session(session, _) => asks.push((session, layer.ssrc)),
                        Origin::Home { .. } => news.push(News::KeyframeWanted(track.id, layer.ssrc, whom)),
                    }
                }
            }
            if track.layers.len() > 1 || track.layers.iter().any(|layer| layer.spatial.top() > 0) {
                layered.push(track.id);
            }
            let fault = track.present_fault(now);
            // What is wrong with a track of the home router, its room says.
            if fault != track.fault && matches!(track.origin, Origin::Session(..)) {
                track.fault = fault;
                news.push(News::Faulted(track.id, fault));
            }
        }
        for (session, ssrc) in asks {
            if let Some(entry) = self.entry_mut(session) {
                entry.session.ask_keyframe(ssrc);
                self.counters.keyframe_requests_upstream += 1;
                self.note_written(now, session);
            }
        }
        for (session, condition) in lines {
            let said = self.entry_mut(session).and_then(|entry| entry.said.note(now, condition));
            news.extend(said.map(|condition| News::Line(session, condition)));
        }
        for track in layered {
            self.change_layers(now, track);
        }
        self.note_wanted(now, news);
        self.note_watched(now, news);
        self.note_thumbnails(now, news);
        self.note_waiting(now, news);
    }

    /// Says who waits for capacity, and who no more.
    fn note_waiting(&mut self, now: Instant, news: &mut Vec<News>) {
        let mut thinned = std::mem::take(&mut self.thinned);
        thinned.sort_unstable();
        thinned.dedup();
        thinned.retain(|session| {
            let downlink = self.entry_mut(*session).and_then(|entry| entry.downlink.as_mut());
            let mut is_to_be_seen_again = false;
            for (place, sink) in downlink.into_iter().flat_map(|downlink| downlink.sinks.iter_mut().enumerate()) {
                let waited = sink.skipping_since.map(|since| now.saturating_duration_since(since));
                let why = if sink.progress == Progress::LeftOut { Wait::Line } else { Wait::Capacity };
                let wait = waited.filter(|waited| *waited > SAID_TO_WAIT_AFTER).map(|_| why);
                // A hiccup is not worth a word.
                if wait != sink.told_to_wait && (wait.is_some() || waited.is_none()) {
                    sink.told_to_wait = wait;
                    news.push(News::Waiting(SinkId { session: *session, place: place as u8 }, wait));
                }
                is_to_be_seen_again |= waited.is_some() || sink.told_to_wait.is_some();
            }
            is_to_be_seen_again
        });
        self.thinned.append(&mut thinned);
    }

    /// Viewers of another layer than the one that is chosen for them are taken there: at once from one that brings
    /// nothing, else as soon as the other begins a keyframe, for what its cache holds is older than what they have seen. So
    /// are those who may have more spatial layers.
    fn change_layers(&mut self, now: Instant, id: TrackId) {
        let track = &self.tracks[&id];
        let (mut stalled, mut wanted) = (Vec::new(), Vec::new());
        for sink in &track.sinks {
            let shown = self.sink(*sink).filter(|sink| sink.progress != Progress::LeftOut);
            let Some((shown, from)) = shown.and_then(|sink| Some((sink, sink.showing?.layer))) else { continue };
            if track.layers.get(from).is_some_and(|layer| shown.best_spatial(layer) > shown.spatial) {
                wanted.push(from);
            }
            let wants = shown.wants;
            let Some(to) = choose(now, &track.layers, wants, Some(from)).filter(|to| *to != from) else { continue };
            if is_alive(now, &track.layers, from) {
                wanted.push(to);
            } else {
                stalled.push(*sink);
            }
        }
        let layers = &mut self.tracks.get_mut(&id).expect("was just found").layers;
        wanted.into_iter().for_each(|at| layers[at].asking.want());
        for sink in stalled {
            // A missing codec was told when the sink was given its track.
            self.begin(now, sink).ok();
        }
    }
}
