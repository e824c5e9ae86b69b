//! What a viewer's line carries, and what is sent beside its pictures to find out.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Downlink, Open};
use crate::allocation::{Claim, Level, Place};
use crate::choice::{Wants, choose_spatial, is_available, prefer, size_of};
use crate::condition::LineCondition;
use crate::datagram::Departures;
use crate::layer::Layer;
use crate::router::TrackId;
use crate::sink::{Progress, Sink};
use crate::size::Size;
use crate::stream::Channel;
use crate::track::Track;

/// What is sent again at a time so that a line is seen to carry more: a frame of 6 Mb/s.
const PADDING_PACKETS: usize = 24;
const PADDING_BYTES: usize = 1100;
/// What is kept for each voice, with its redundancy.
const VOICE_BPS: u64 = 80_000;
/// What a thumbnail will need that is not made yet.
const THUMBNAIL_BPS: u64 = 150_000;
const SPENT_AGAIN: Duration = Duration::from_millis(100);

impl Downlink {
    /// What its line carries, in bits per second of RTP. None if it has not said anything that shows it.
    pub(crate) fn estimate_bps(&self) -> Option<u64> {
        let Open { channel, .. } = self.open.as_ref()?;
        channel.estimator.is_known().then(|| channel.estimator.bitrate_bps())
    }

    /// Gives each slot what the line has for it, at most ten times a second. Gives the slots that are shown again, and true
    /// if any is left out.
    pub(crate) fn spend(&mut self, now: Instant, tracks: &BTreeMap<TrackId, Track>) -> (Vec<usize>, bool) {
        let Some(estimate_bps) = self.estimate_bps() else { return (Vec::new(), false) };
        let estimator = self.open.as_ref().map(|open| &open.channel.estimator);
        let is_full = estimator.is_some_and(|estimator| estimator.is_full());
        // What is behind on a narrow line is sent no faster than that carries, so that it is never full again by what is too much.
        let is_behind = || self.sinks.iter().any(|sink| sink.is_video && sink.progress == Progress::Behind);
        let is_full = is_full || estimator.is_some_and(|estimator| estimator.is_narrow()) && is_behind();
        if self.spent_at.is_some_and(|at| now.saturating_duration_since(at) < SPENT_AGAIN) {
            return (Vec::new(), false);
        }
        self.spent_at = Some(now);
        let voices = self.sinks.iter().filter(|sink| !sink.is_video && sink.track.is_some()).count() as u64;
        let best = |sink: &Sink| best_bps(now, sink, tracks.get(&sink.track?)?);
        let parity_bps = self.parity_bps(|sink| best(sink).unwrap_or(0));
        let budget_bps = for_pictures_bps(estimate_bps.saturating_sub(parity_bps), voices);
        let is_limited = |sink: &Sink| sink.progress == Progress::LeftOut || sink.wants.most_bps.is_some();
        // What goes through is not given up on a guess.
        if !self.sinks.iter().any(is_limited) && (!is_full || self.best_bps(now, tracks) <= budget_bps) {
            self.spending = LineCondition::Good;
            return (Vec::new(), false);
        }
        let claims = self.claims(now, tracks);
        let spent = self.allocation.spend(now, budget_bps, &claims);
        self.spending = LineCondition::of_spending(&claims, &spent);
        let (mut again, mut is_any_left_out) = (Vec::new(), false);
        for (claim, given) in claims.into_iter().zip(spent) {
            let slot = claim.place.slot;
            let sink = &mut self.sinks[slot];
            // What is left out wants a thumbnail all the same, so that there is one when it comes back.
            sink.wants.most_bps = given.map_or(Some(0), |given| {
                let (bps, above_bps) = (claim.levels[given].bps, claim.levels.get(given + 1)?.bps);
                // Between the two, for rates vary.
                Some((bps as f64 * above_bps as f64).sqrt() as u64)
            });
            match (given, sink.progress) {
                (None, Progress::LeftOut) => {}
                (None, _) => {
                    sink.progress = Progress::LeftOut;
                    sink.skipping_since.get_or_insert(now);
                    is_any_left_out = true;
                }
                (Some(_), Progress::LeftOut) => again.push(slot),
                (Some(_), _) => {}
            }
        }
        (again, is_any_left_out)
    }

    /// How its line is.
    pub(crate) fn condition(&self) -> LineCondition {
        let Some(Open { channel, .. }) = &self.open else { return LineCondition::Good };
        let held = if self.is_held { LineCondition::Poor } else { LineCondition::Good };
        LineCondition::of_loss(channel.estimator.loss()).max(self.spending).max(held)
    }

    /// What each slot that shows something could have, the largest on the screen first.
    fn claims(&self, now: Instant, tracks: &BTreeMap<TrackId, Track>) -> Vec<Claim> {
        let claim = |(slot, sink): (usize, &Sink)| {
            let (id, _) = sink.track.zip(sink.showing).filter(|_| sink.is_video)?;
            let track = tracks.get(&id)?;
            let layers = &track.layers;
            let best_bps = best_bps(now, sink, track)?;
            let available: Vec<_> = (0..layers.len()).filter(|at| is_available(now, layers, *at)).collect();
            let each = available.iter().flat_map(|at| (0..=layers[*at].spatial.top()).map(|spatial| (*at, spatial)));
            let each = each.map(|(at, spatial)| level(layers, at, spatial));
            let mut levels: Vec<_> = each.filter(|level| level.bps <= best_bps).collect();
            let thumbnail = track.thumbnail_of();
            if let Some((_, size)) = thumbnail.filter(|_| available.iter().all(|at| layers[*at].is_sent())) {
                let bps = THUMBNAIL_BPS.min(best_bps);
                levels.push(Level { bps, fullest_bps: bps, area: size.area() });
            }
            levels.sort_unstable();
            let within = |most: u64| levels.partition_point(|level| level.bps <= most);
            let has = sink.wants.most_bps.map_or(levels.len(), within).saturating_sub(1);
            let has = (sink.progress != Progress::LeftOut).then_some(has);
            let slow = usize::from(thumbnail.is_some() && levels.len() > 1);
            let place = Place { slot, track: id, area: sink.wants.size.map_or(0, Size::area) };
            Some(Claim { place, levels, slow, has })
        };
        let mut claims: Vec<_> = self.sinks.iter().enumerate().filter_map(claim).collect();
        claims.sort_by_key(|claim| (Reverse(claim.place.area), claim.place.slot));
        claims
    }

    /// Lets the line show whether it carries the best of everything that is watched.
    pub(crate) fn want(&mut self, now: Instant, tracks: &BTreeMap<TrackId, Track>) {
        let best_bps = self.best_bps(now, tracks);
        if let Some(Open { channel, .. }) = &mut self.open {
            channel.estimator.want(now, best_bps * 5 / 4);
        }
    }

    /// The rate of the best of everything that is watched.
    fn best_bps(&self, now: Instant, tracks: &BTreeMap<TrackId, Track>) -> u64 {
        self.sinks.iter().filter_map(|sink| best_bps(now, sink, tracks.get(&sink.track?)?)).sum()
    }

    /// Sends, behind a frame, what makes it the longer train that a probe is: packets that the viewer has had already.
    pub(super) fn pad(&mut self, now: Instant, tracks: &BTreeMap<TrackId, Track>, departures: &mut Departures) {
        let Some(Open { channel, .. }) = &mut self.open else { return };
        let packets = channel.estimator.padding(now).div_ceil(PADDING_BYTES).min(PADDING_PACKETS);
        let is_live = |sink: &&mut Sink| sink.is_video && sink.progress == Progress::Live;
        if packets > 0
            && let Some(sink) = self.sinks.iter_mut().find(is_live)
        {
            channel.estimator.disturb(now);
            sink.pad(packets, channel, tracks, departures);
        }
    }
}

/// What a line has for pictures beside so many voices, which are not asked whether there is room for them.
fn for_pictures_bps(line_bps: u64, voices: u64) -> u64 {
    line_bps.saturating_sub(voices * VOICE_BPS)
}

/// The rate of the best that a sink could show of a track, whatever its line carries.
fn best_bps(now: Instant, sink: &Sink, track: &Track) -> Option<u64> {
    let wants = Wants { most_bps: None, ..sink.wants };
    let best = &track.layers[prefer(now, &track.layers, wants)?];
    Some(best.rate_up_to(choose_spatial(best, wants)).bps)
}

/// A layer up to one of its spatial layers.
fn level(layers: &[Layer], at: usize, spatial: u8) -> Level {
    let (rate, whole) = (layers[at].rate_up_to(spatial), size_of(layers, at));
    let size = if spatial < layers[at].spatial.top() { layers[at].spatial.size(spatial, whole) } else { whole };
    Level { bps: rate.bps, fullest_bps: rate.fullest_bps(), area: size.area() }
}

impl Sink {
    /// Sends its latest packets again.
    fn pad(
        &mut self,
        packets: usize,
        channel: &mut Channel,
        tracks: &BTreeMap<TrackId, Track>,
        departures: &mut Departures,
    ) {
        for back in 0..packets as u64 {
            let sent = self.stream.sent.back(back, |number| self.sources.newest(number, tracks));
            if sent.and_then(|sent| self.send_again(sent, channel, tracks, departures)).is_none() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_voices_need_is_not_spent_on_pictures() {
        // Opus at 32 kb/s, a packet every 20 ms, each with the one before and some 40 bytes of header, extensions and tag.
        let voice_bps = (2 * 32_000 / 50 + 40 * 8) * 50;
        assert_eq!(for_pictures_bps(1_000_000, 0), 1_000_000);
        let kept_bps = 1_000_000 - for_pictures_bps(1_000_000, 4);
        assert!((4 * voice_bps..5 * voice_bps).contains(&kept_bps), "{kept_bps} for four voices of {voice_bps}");
        assert_eq!(for_pictures_bps(100_000, 8), 0, "on a line for voices only");
    }
}
