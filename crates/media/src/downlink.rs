//! What one viewer is sent, and what it says of it: our own way out.
//!
//! The engine does this viewer's ICE, DTLS and SDP, and nothing of its media: it has other SRTP keys than the viewer
//! (see `dtls`), so that it can never use one of ours with a number that we have used.

mod delaying;
mod protecting;
mod replaying;
mod resending;
mod spending;
mod thinning;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::media::Mid;

use self::replaying::piece;
use self::resending::{RESENDS_IN, resends};
use crate::allocation::Allocation;
use crate::condition::LineCondition;
use crate::datagram::{Departures, Path};
use crate::layer::Layer;
use crate::packet::Packet;
use crate::playout::Playout;
use crate::rank::Rank;
use crate::report::Departure;
use crate::router::TrackId;
use crate::rtcp::{self, Feedback, SenderReport};
use crate::sink::{Progress, Sink};
use crate::srtp::{Opener, Sealer};
use crate::stream::Channel;
use crate::track::Track;
use crate::{Protocol, SessionId};

/// From a keyframe on so many have come within half a second of 2.5 Mb/s.
const FRESH_PACKETS: u64 = 128;
/// Sender reports: twice a second, so that a viewer knows a frame's capture time soon after it joined.
const REPORT_EVERY: Duration = Duration::from_millis(500);
/// Streams whose reports fit one datagram: 28 bytes of report and at most 40 of name each.
const REPORTED_AT_ONCE: usize = 12;
/// Clocks that a viewer may ask to have given back at a time: it has one for each of its receivers at most.
const REFERENCE_TIMES: usize = 32;

/// One viewer.
#[derive(Debug)]
pub(crate) struct Downlink {
    pub(crate) rank: Rank,
    pub(crate) sinks: Vec<Sink>,
    pub(crate) round_trip: Option<Duration>,
    playout: Playout,
    /// Until when its largest picture is protected by parity.
    parity_until: Option<Instant>,
    /// `now` and the time since 1970 at the same moment.
    epoch: (Instant, Duration),
    open: Option<Open>,
    cname: String,
    is_held: bool,
    /// How often a sink of it has lost its picture because there was no capacity.
    pub(crate) thinned: u64,
    allocation: Allocation,
    /// What the last of it means for the viewer.
    spending: LineCondition,
    spent_at: Option<Instant>,
    /// Frames that no other needs, left out for the same reason.
    pub(crate) frames_left_out: u64,
    /// Since when retransmissions are counted, and how many there were.
    resent: (Instant, u32),
    replay_at: Option<Instant>,
    report_at: Option<Instant>,
    /// The viewer's clocks, to be given back: who asked, what it said, when.
    reference_times: Vec<(u32, u32, Instant)>,
    scratch: Vec<u8>,
}

/// What there is once the viewer's keys are known.
#[derive(Debug)]
struct Open {
    channel: Channel,
    opener: Opener,
}

impl Downlink {
    pub(crate) fn new(rank: Rank, epoch: (Instant, Duration), playout: Playout) -> Self {
        Self {
            rank,
            sinks: Vec::new(),
            round_trip: None,
            playout,
            parity_until: None,
            epoch,
            open: None,
            cname: String::new(),
            is_held: false,
            thinned: 0,
            allocation: Allocation::default(),
            spending: LineCondition::Good,
            spent_at: None,
            frames_left_out: 0,
            resent: (epoch.0, 0),
            replay_at: None,
            report_at: None,
            reference_times: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Takes the keys of a finished handshake. A session has one handshake in its life, so that no key comes twice.
    pub(crate) fn open(
        &mut self,
        now: Instant,
        session: SessionId,
        path: Path,
        (sealer, opener): (Sealer, Opener),
        cname: &str,
    ) {
        cname.clone_into(&mut self.cname);
        self.open = Some(Open { channel: Channel::new(now, session, path, sealer), opener });
    }

    /// The viewer is to be found elsewhere from now on: another network, another NAT binding.
    pub(crate) fn move_to(&mut self, path: Path) {
        // What was full was the way that it has left.
        self.is_held = false;
        if let Some(open) = &mut self.open {
            open.channel.path = path;
        }
    }

    /// When [`Downlink::flush`] or [`Downlink::report`] is wanted.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        [self.replay_at, self.report_at].into_iter().flatten().min()
    }

    /// The ICE-TCP connection from this peer is full, or is no more. While it is, pictures wait; sound goes on. Of a
    /// connection that the viewer has left nothing follows.
    pub(crate) fn hold(&mut self, peer: SocketAddr, is_held: bool) {
        let path = self.open.as_ref().map(|open| open.channel.path);
        if path.is_some_and(|path| path.protocol == Protocol::Tcp && path.destination == peer) {
            self.is_held = is_held;
        }
    }

    /// Sends what has come for it: everything live, but for frames that no other needs where the audience `is_to_spare`
    /// them; a piece of what it is behind. Gives the number of packets.
    pub(crate) fn flush(
        &mut self,
        now: Instant,
        is_to_spare: bool,
        tracks: &BTreeMap<TrackId, Track>,
        departures: &mut Departures,
    ) -> u64 {
        self.delay(now, tracks);
        let coming_bps = self.coming_bps(tracks);
        let Some(Open { channel, .. }) = &mut self.open else { return 0 };
        channel.estimator.begin(now);
        let may_replay = !self.is_held && self.replay_at.is_none_or(|at| at <= now);
        if may_replay || self.is_held {
            self.replay_at = None;
        }
        let is_to_spare = is_to_spare && self.rank == Rank::Audience;
        let (packets, pause) = piece(&channel.estimator, coming_bps);
        let mut sent = 0;
        for sink in &mut self.sinks {
            let (Some(showing), Some(track)) = (sink.showing, sink.track.and_then(|track| tracks.get(&track))) else {
                continue;
            };
            let Some(layer) = track.layers.get(showing.layer) else { continue };
            if sink.progress == Progress::LeftOut {
                sink.taken = layer.fresh.count();
                continue;
            }
            let fresh = layer.fresh.after(sink.taken);
            if sink.is_video && self.is_held {
                // From now on it is its own line that it waits for.
                (sink.progress, sink.skipping_since) = (Progress::Behind, None);
            } else if sink.is_video && sink.taken < layer.fresh.forgotten() {
                // The panel is served whatever it takes. Of the audience, who cannot be served in time is not served
                // the same later, when there is even more to do.
                match self.rank {
                    Rank::Panel | Rank::Machine => sink.progress = Progress::Behind,
                    Rank::Audience => self.thinned += u64::from(sink.skip(now)),
                }
            }
            sink.taken = layer.fresh.count();
            let sent_before = sent;
            let best_spatial = sink.best_spatial(layer);
            let mut send = |sink: &mut Sink, packet: &Packet| {
                if sink.leaves_out(packet, best_spatial) {
                    return;
                }
                sink.next = sink.next.max(packet.sequence + 1);
                let mut place = sink.forward.place(showing.encoding, packet);
                if let Some(place) = place.as_mut().filter(|_| layer.spatial.top() > 0) {
                    place.marker |= layer.ends_picture(packet, sink.spatial);
                }
                let earlier = showing.types.red.and_then(|_| layer.history.get(packet.sequence.checked_sub(1)?));
                let place =
                    place.filter(|place| sink.stream.send(channel, departures, &showing, (packet, earlier), *place));
                sent += u64::from(place.is_some());
            };
            match sink.progress {
                Progress::Live => {
                    if let Some(first) = fresh.first().filter(|_| !sink.is_video && !sink.forward.is_flowing()) {
                        // Sound begins anywhere.
                        sink.forward.start(first.sequence, first, 1);
                    }
                    for packet in fresh {
                        let is_next = is_to_spare && sink.is_video && packet.sequence == sink.next;
                        match is_next.then(|| layer.temporal.after_spare_frame(&layer.history, packet)).flatten() {
                            Some(after) => {
                                sink.forward.leave_out(packet.sequence..after);
                                sink.next = after;
                                self.frames_left_out += 1;
                            }
                            None => send(sink, packet),
                        }
                    }
                }
                Progress::LeftOut => {}
                Progress::Skipping => {
                    if let Some(first) = layer.history.keyframe().filter(|keyframe| *keyframe >= sink.next) {
                        sink.replay(layer);
                        // One that has just come is sent at once, as to everybody: in pieces, many who go on together would
                        // be late again before they are at the present.
                        if layer.history.newest().is_some_and(|newest| newest.sequence < first + FRESH_PACKETS) {
                            layer.history.from(first).for_each(|packet| send(sink, packet));
                            sink.progress = Progress::Live;
                        } else {
                            self.replay_at = Some(now);
                        }
                    }
                }
                Progress::Behind => {
                    // What was missing when it was its turn.
                    let before = sink.next;
                    fresh.iter().filter(|packet| packet.sequence < before).for_each(|packet| send(sink, packet));
                    if !may_replay {
                        continue;
                    }
                    sink.skip_to_newest_keyframe(layer);
                    let from = sink.next;
                    layer.history.from(from).take(packets).for_each(|packet| send(sink, packet));
                    if layer.history.newest().is_none_or(|newest| newest.sequence < sink.next) {
                        sink.progress = Progress::Live;
                    } else {
                        self.replay_at = Some(now + pause);
                    }
                }
            }
            if sent > sent_before && sink.progress == Progress::Live {
                sink.departed = layer.history.newest().and_then(|newest| Departure::of(newest, now));
            }
        }
        if sent > 0 {
            self.pad(now, tracks, departures);
            // The first report at once: before it a viewer knows no capture time.
            self.report_at.get_or_insert(now);
        }
        sent
    }

    /// Sends the reports that are due.
    pub(crate) fn report(&mut self, now: Instant, departures: &mut Departures) {
        let Some(Open { channel, .. }) = &mut self.open else { return };
        if self.report_at.is_none_or(|at| at > now) {
            return;
        }
        self.report_at = Some(now + REPORT_EVERY);
        let ntp = rtcp::ntp(self.epoch.1 + now.saturating_duration_since(self.epoch.0));
        let reports: Vec<SenderReport> = self
            .sinks
            .iter()
            .filter_map(|sink| {
                let rtp_ticks = sink.forward.ticks_of(now)?;
                let stream = &sink.stream;
                let sent = stream.packets > 0;
                sent.then_some(SenderReport {
                    ssrc: stream.ssrc,
                    ntp,
                    rtp_ticks,
                    packets: stream.packets,
                    octets: stream.octets,
                })
            })
            .collect();
        for some in reports.chunks(REPORTED_AT_ONCE) {
            self.scratch.clear();
            some.iter().for_each(|report| rtcp::write_report(&mut self.scratch, report));
            rtcp::write_names(&mut self.scratch, some.iter().map(|report| report.ssrc), &self.cname);
            channel.seal_rtcp(departures, &self.scratch);
        }
        if let Some(first) = reports.first()
            && !self.reference_times.is_empty()
        {
            self.scratch.clear();
            // A compound packet begins with a report, and an empty one of a receiver is one.
            rtcp::write_empty_report(&mut self.scratch, first.ssrc);
            let answers = self.reference_times.drain(..);
            let answers = answers.map(|(from, middle, at)| (from, middle, now.saturating_duration_since(at)));
            rtcp::write_reference_answers(&mut self.scratch, first.ssrc, answers);
            channel.seal_rtcp(departures, &self.scratch);
        }
    }

    /// Takes an SRTP or SRTCP datagram of the viewer; gives the lines on which it asks for a keyframe, and how many
    /// packets it was sent again. None if the datagram is not what a viewer may send.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        datagram: &[u8],
        tracks: &BTreeMap<TrackId, Track>,
        departures: &mut Departures,
        wanted: &mut Vec<Mid>,
    ) -> Option<u64> {
        let Open { channel, opener } = self.open.as_mut()?;
        channel.estimator.begin(now);
        if now.saturating_duration_since(self.resent.0) >= RESENDS_IN {
            self.resent = (now, 0);
        }
        let (already, resends) = (self.resent.1, resends(&channel.estimator));
        let resent = &mut self.resent.1;
        let mut compound = std::mem::take(&mut self.scratch);
        let opened = opener.open_rtcp(datagram, &mut compound);
        if opened {
            let ntp = rtcp::ntp(self.epoch.1 + now.saturating_duration_since(self.epoch.0));
            let (sinks, reference_times) = (&mut self.sinks, &mut self.reference_times);
            let (round_trip, playout) = (&mut self.round_trip, &mut self.playout);
            rtcp::read(&compound, |feedback| match feedback {
                Feedback::Reception { ssrc, lost_of_256, last_report, since_last_report } => {
                    if let Some(sink) = sinks.iter_mut().find(|sink| sink.stream.ssrc == ssrc) {
                        sink.loss = Some(f32::from(lost_of_256) / 256.0);
                        if let Some(measured) = rtcp::round_trip(ntp, last_report, since_last_report) {
                            *round_trip = Some(measured);
                            playout.note_round_trip(measured);
                        }
                    }
                }
                Feedback::Nack { ssrc, first, more } => {
                    let is_it = |sink: &&mut Sink| sink.stream.ssrc == ssrc && sink.progress != Progress::LeftOut;
                    if let Some(sink) = sinks.iter_mut().find(is_it) {
                        // What is sent again stands in the queue before it comes, too.
                        let patience = round_trip.map(|round_trip| round_trip + channel.estimator.standing());
                        let rest = (0..16).filter(|bit| more & 1 << bit != 0).map(|bit| first.wrapping_add(bit + 1));
                        for sequence in std::iter::once(first).chain(rest) {
                            if *resent < resends {
                                let sent = sink.resend(now, sequence, patience, channel, tracks, departures);
                                *resent += u32::from(sent.is_some());
                                sent.into_iter().for_each(|asked| playout.note_asked(now, asked));
                            }
                        }
                    }
                }
                Feedback::KeyframeWanted { ssrc } => {
                    wanted.extend(sinks.iter().find(|sink| sink.stream.ssrc == ssrc).map(|sink| sink.mid));
                }
                Feedback::Transport(feedback) => channel.estimator.receive(now, feedback),
                Feedback::ReferenceTime { from, middle } => {
                    reference_times.retain(|(known, _, _)| *known != from);
                    if reference_times.len() < REFERENCE_TIMES {
                        reference_times.push((from, middle, now));
                    }
                }
            });
        }
        self.scratch = compound;
        opened.then_some(u64::from(self.resent.1 - already))
    }
}

impl Channel {
    fn seal_rtcp(&mut self, departures: &mut Departures, compound: &[u8]) {
        let Self { session, path, sealer, .. } = self;
        departures.write(*session, *path, |slab| sealer.seal_rtcp(slab, compound));
    }
}

impl Sink {
    /// There is no capacity for it. False if there was none before.
    fn skip(&mut self, now: Instant) -> bool {
        if self.progress == Progress::LeftOut {
            return false;
        }
        self.skipping_since.get_or_insert(now);
        std::mem::replace(&mut self.progress, Progress::Skipping) != Progress::Skipping
    }

    /// A viewer that is behind goes on where it is, or at a keyframe that came since.
    fn skip_to_newest_keyframe(&mut self, layer: &Layer) {
        let Some(keyframe) = layer.history.keyframe() else { return };
        let is_lost = layer.history.oldest().is_some_and(|oldest| oldest > self.next);
        if keyframe > self.next || is_lost {
            self.replay(layer);
        }
    }
}
