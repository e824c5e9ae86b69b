//! What one slot of a viewer lets be seen: packets in, decodable frames out, and every hole accounted for.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::body::{Body, is_sets, vp8_picture};

/// A hole is filled within this time, or a keyframe has come that makes it irrelevant.
const FILLED_WITHIN: Duration = Duration::from_secs(3);

/// One packet as the viewer opened it.
#[derive(Debug, Clone)]
struct Seen {
    /// None for parameter sets that the server put in.
    body: Option<Body>,
    rtp_ticks: u32,
    picture: Option<u16>,
}

/// One stream from its first packet on.
#[derive(Debug, Default)]
pub(crate) struct Sight {
    /// Who sees it, for what is said when something is wrong.
    pub(crate) name: String,
    newest: Option<u64>,
    missing: BTreeMap<u64, Instant>,
    /// What waits for something before it.
    held: BTreeMap<u64, Seen>,
    /// The number after the last packet that was decoded.
    next: Option<u64>,
    last: Option<Seen>,
    /// The server has just put parameter sets in.
    has_sets: bool,
    pub(crate) decoded: u64,
    pub(crate) decoded_at: Option<Instant>,
    pub(crate) filled: u64,
    /// Holes that a keyframe had to make irrelevant.
    pub(crate) overcome: u64,
    /// What came before and after frames of one source that the server left out, without a hole.
    pub(crate) skips: Vec<(Body, Body)>,
}

impl Sight {
    pub(crate) fn of(name: String) -> Self {
        Self { name, ..Self::default() }
    }

    /// Takes a packet; gives the frames that it completed, all decodable.
    pub(crate) fn take(&mut self, now: Instant, sequence: u64, rtp_ticks: u32, payload: &[u8]) -> Vec<Body> {
        let body = Body::read(payload);
        assert!(body.is_some() || is_sets(payload), "{}: packet {sequence} is nobody's: {payload:?}", self.name);
        match self.newest {
            Some(newest) if sequence <= newest => {
                if self.missing.remove(&sequence).is_some() {
                    self.filled += 1;
                }
            }
            newest => {
                let from = newest.map_or(sequence, |newest| newest + 1);
                self.missing.extend((from..sequence).map(|hole| (hole, now)));
                self.newest = Some(sequence);
            }
        }
        if self.next.is_none_or(|next| sequence >= next) {
            self.held.insert(sequence, Seen { body, rtp_ticks, picture: vp8_picture(payload) });
        }
        let mut frames = Vec::new();
        loop {
            let seen = self.next.and_then(|next| self.held.remove(&next));
            if let Some(seen) = seen {
                frames.extend(self.decode(seen));
            } else if let Some(keyframe) = self.whole_keyframe() {
                self.held.retain(|sequence, _| *sequence >= keyframe);
                (self.next, self.last, self.has_sets) = (Some(keyframe), None, false);
            } else {
                break;
            }
        }
        if !frames.is_empty() {
            self.decoded += frames.len() as u64;
            self.decoded_at = Some(now);
        }
        frames
    }

    /// The packet follows the last one without a hole: then its frame must, too, or begin anew.
    fn decode(&mut self, seen: Seen) -> Option<Body> {
        let sequence = self.next.expect("it follows a number");
        self.next = Some(sequence + 1);
        let has_sets = std::mem::replace(&mut self.has_sets, seen.body.is_none());
        let body = seen.body?;
        let name = &self.name;
        let begins = body.is_keyframe && (body.part == 0 || has_sets && body.part == 1);
        match self.last.as_ref().map(|last| (last, last.body.expect("only packets with a body are kept"))) {
            None => assert!(begins, "{name}: packet {sequence} is no beginning: {body:?}"),
            Some((last, before)) => {
                let goes_on = before.source == body.source
                    && if before.part + 1 < before.parts {
                        (before.frame, before.part + 1) == (body.frame, body.part)
                    } else {
                        (before.frame + 1, 0) == (body.frame, body.part)
                    };
                assert!(
                    begins || goes_on,
                    "{name}: packet {sequence} hides a hole that nobody can fill: {body:?} after {before:?}"
                );
                if before.source == body.source && before.frame + 1 < body.frame {
                    self.skips.push((before, body));
                }
                if body.part == 0 {
                    let ahead = seen.rtp_ticks.wrapping_sub(last.rtp_ticks) as i32;
                    assert!(ahead > 0, "{name}: packet {sequence} is {ahead} ticks later: {body:?} after {before:?}");
                    if let (Some(last), Some(picture)) = (last.picture, seen.picture) {
                        assert_eq!(
                            picture,
                            (last + 1) & 0x7fff,
                            "{name}: packet {sequence} has the wrong picture number"
                        );
                    }
                }
            }
        }
        self.last = Some(seen);
        (body.part + 1 == body.parts).then_some(body)
    }

    /// Where the first keyframe begins that is all there: with its own parameter sets, or with those that were put in.
    fn whole_keyframe(&self) -> Option<u64> {
        self.held.iter().find(|(at, seen)| self.is_whole_keyframe(**at, seen)).map(|(at, _)| *at)
    }

    fn is_whole_keyframe(&self, at: u64, begin: &Seen) -> bool {
        let (first, after) = if begin.body.is_some() { (0, at) } else { (1, at + 1) };
        let bodies = (after..).map_while(|at| self.held.get(&at)).filter_map(|seen| seen.body);
        let mut bodies = bodies.peekable();
        let Some(begin) = bodies.peek().copied().filter(|body| body.is_keyframe) else { return false };
        let is_part = |body: &Body| (body.source, body.frame) == (begin.source, begin.frame);
        (first..begin.parts).all(|part| bodies.next().is_some_and(|body| is_part(&body) && body.part == part))
    }

    /// Something that is missing for a second, and that no keyframe has made irrelevant.
    pub(crate) fn hole(&self, now: Instant) -> Option<u64> {
        let stands = |(hole, noticed): &(&u64, &Instant)| {
            now.duration_since(**noticed) > Duration::from_secs(1) && self.next.is_none_or(|next| next <= **hole)
        };
        self.missing.iter().find(stands).map(|(hole, _)| *hole)
    }

    /// Fails if a hole has stood for too long, in a slot that shows what it shows since then.
    pub(crate) fn look(&mut self, now: Instant, since: Instant) {
        let old = |noticed: &Instant| now.duration_since(since.max(*noticed)) > FILLED_WITHIN;
        while let Some((hole, _)) = self.missing.first_key_value().filter(|(_, noticed)| old(noticed)) {
            let hole = *hole;
            assert!(
                self.next.is_some_and(|next| next > hole),
                "{}: packet {hole} never came, and no keyframe after it: it waits for {:?}",
                self.name,
                self.next
            );
            self.missing.remove(&hole);
            self.overcome += 1;
        }
    }
}
