//! How a viewer's line is spent: which layer each of its slots may have, so that all of it fits.
//!
//! The order in which things go when a line is too narrow: the small pictures get smaller, the last of them first; then
//! the large one does; then small pictures are left out, the last first; and last the large one has fewer frames, where there
//! is only a thumbnail below it. It is never left out, and voices are not asked: they are sent whatever comes.
//!
//! Given up is what does not fit as it is now, taken back what fits as full as it has been lately: so what rates vary by
//! changes nothing. What is taken back makes the whole worth more by the order above, at whosever expense: so it ends.

use std::time::{Duration, Instant};

use crate::router::TrackId;

/// What one slot could have.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Claim {
    pub(crate) place: Place,
    /// What there is, the least first, up to the best that its size on the screen is worth.
    pub(crate) levels: Vec<Level>,
    /// How many of the first of them have fewer frames than the others.
    pub(crate) slow: usize,
    /// Which of them it has been given; none where it is left out.
    pub(crate) has: Option<usize>,
}

/// A slot, what it shows, and how large that is on the screen, in pixels; 0 where the viewer does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) slot: usize,
    pub(crate) track: TrackId,
    pub(crate) area: u32,
}

/// A quality of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Level {
    /// Now, and in the fullest second of late.
    pub(crate) bps: u64,
    pub(crate) fullest_bps: u64,
    /// In pixels.
    pub(crate) area: u32,
}

/// A change for the better must fit with so much to spare.
const SPARE: f64 = 0.9;
/// How long after giving something up nothing is taken back.
const HOLD: Duration = Duration::from_secs(3);
/// What was taken back and given up again within this was taken back too early: the next time waits for so long, and twice as
/// long each time.
const TOO_EARLY: Duration = Duration::from_secs(60);
const HOLD_LONG: Duration = Duration::from_secs(30);
const HOLD_MOST: Duration = Duration::from_secs(120);
/// Where a picture is smaller than it could be, none in a smaller place has more than so many times its pixels.
const ALIKE: f64 = 1.5;
/// Where one has no room, none that is less important has any, unless it needs so many times less.
const MUCH_LESS: u64 = 2;
/// So long it is waited whether the line carries the frames of the large picture now that the others have given way, if half as
/// much again as is known of it would do.
const FRAMES_WAIT: Duration = Duration::from_secs(2);

/// How one viewer's line has been spent.
#[derive(Debug, Default)]
pub(crate) struct Allocation {
    places: Vec<Place>,
    took_back_at: Option<Instant>,
    /// Until when nothing is taken back, and how long that was where it was too early before.
    held_until: Option<Instant>,
    hold: Duration,
    /// Since when there is too little for the frames of the large picture.
    frames_since: Option<Instant>,
}

impl Allocation {
    /// Gives each claim, the most important first, its share of `budget_bps`: a place in its levels, or none.
    pub(crate) fn spend(&mut self, now: Instant, budget_bps: u64, claims: &[Claim]) -> Vec<Option<usize>> {
        let places: Vec<_> = claims.iter().map(|claim| claim.place).collect();
        let is_new = places != self.places;
        if is_new {
            // What was too early for others is nothing to these: what the viewer wishes is done at once.
            *self = Self { places, ..Self::default() };
        }
        let has: Vec<_> = claims.iter().map(|claim| claim.has).collect();
        let kept = fill(budget_bps, |level| level.bps, claims, &has, self.keeps_frames(now, budget_bps, claims));
        if kept != has {
            self.note_given_up(now);
        }
        if !is_new && self.held_until.is_some_and(|until| now < until) {
            return kept;
        }
        let spared_bps = (budget_bps as f64 * SPARE) as u64;
        let all: Vec<_> = claims.iter().map(|claim| claim.levels.len().checked_sub(1)).collect();
        let better = fill(spared_bps, |level| level.fullest_bps, claims, &all, false);
        if worth(claims, &better) <= worth(claims, &kept) {
            return kept;
        }
        self.took_back_at = Some(now);
        better
    }

    fn note_given_up(&mut self, now: Instant) {
        if let Some(at) = self.took_back_at.take() {
            let was_too_early = now.saturating_duration_since(at) < TOO_EARLY;
            self.hold = if was_too_early { (2 * self.hold).clamp(HOLD_LONG, HOLD_MOST) } else { HOLD };
        }
        self.held_until = Some(now + self.hold.max(HOLD));
    }

    /// True while the large picture keeps its frames although there is too little for them: what is given up beside it may be
    /// enough, and until the line has shown that it is thought to be narrower than it is.
    fn keeps_frames(&mut self, now: Instant, budget_bps: u64, claims: &[Claim]) -> bool {
        let may_be_enough = |level: &Level| (budget_bps + 1..budget_bps * 3 / 2).contains(&level.bps);
        let too_little =
            |large: &&Claim| large.has >= Some(large.slow) && large.levels.get(large.slow).is_some_and(may_be_enough);
        if claims.first().filter(too_little).is_none() {
            self.frames_since = None;
            return false;
        }
        now.saturating_duration_since(*self.frames_since.get_or_insert(now)) < FRAMES_WAIT
    }
}

impl Claim {
    /// The most pixels that a picture in a smaller place may have, where this one could be larger and the other keeps it small.
    fn most_below(&self, given: Option<usize>) -> Option<u32> {
        let given = given.filter(|given| given + 1 < self.levels.len())?;
        Some((f64::from(self.levels[given].area) * ALIKE) as u32)
    }
}

/// By what one way to spend a line is better than another: first the frames of the large picture, then how many there are, then
/// how large, the most important first.
fn worth<'a>(claims: &[Claim], given: &'a [Option<usize>]) -> (bool, usize, &'a [Option<usize>]) {
    let has_frames = claims.iter().zip(given).next().is_some_and(|(large, given)| *given >= Some(large.slow));
    (has_frames, given.iter().flatten().count(), given)
}

/// Gives everybody the least that there is room for; then, in the same order, what more there is room for. Nobody gets more than
/// it may have `at_most`.
fn fill(
    budget_bps: u64,
    bps: fn(&Level) -> u64,
    claims: &[Claim],
    at_most: &[Option<usize>],
    keeps_frames: bool,
) -> Vec<Option<usize>> {
    let mut given = least(budget_bps, bps, claims, at_most, keeps_frames);
    let spent_bps = claims.iter().zip(&given).filter_map(|(claim, given)| Some(bps(&claim.levels[(*given)?])));
    let mut left_bps = budget_bps.saturating_sub(spent_bps.sum());
    for (place, (claim, at_most)) in claims.iter().zip(at_most).enumerate() {
        let Some(at) = given[place] else { continue };
        let larger = claims.iter().zip(&given).filter(|(other, _)| other.place.area > claim.place.area);
        let most_area = larger.filter_map(|(larger, given)| larger.most_below(*given)).min().unwrap_or(u32::MAX);
        let more_bps = |to: &usize| bps(&claim.levels[*to]).saturating_sub(bps(&claim.levels[at]));
        let may_be = |to: &usize| more_bps(to) <= left_bps && claim.levels[*to].area <= most_area;
        let best = (at..=at_most.unwrap_or(at)).rev().find(may_be).unwrap_or(at);
        left_bps -= more_bps(&best);
        given[place] = Some(best);
    }
    given
}

/// The least of each, from the most important on as long as there is room; of the first with all its frames if there is room
/// for those or it `keeps_frames`.
fn least(
    budget_bps: u64,
    bps: fn(&Level) -> u64,
    claims: &[Claim],
    at_most: &[Option<usize>],
    keeps_frames: bool,
) -> Vec<Option<usize>> {
    let mut left_bps = budget_bps;
    // The least that any needs that is left out.
    let mut out_bps = u64::MAX;
    let least = |(place, (claim, at_most)): (usize, (&Claim, &Option<usize>))| {
        let (is_large, bps) = (place == 0, |level: usize| bps(&claim.levels[level]));
        let with_frames = Some(claim.slow).filter(|slow| is_large && *slow < claim.levels.len());
        let with_frames =
            with_frames.filter(|slow| *at_most >= Some(*slow) && (keeps_frames || bps(*slow) <= left_bps));
        let least = with_frames.or((!claim.levels.is_empty() && (is_large || at_most.is_some())).then_some(0))?;
        let is_carried = bps(least) <= left_bps && bps(least) <= out_bps / MUCH_LESS;
        if !is_large && !is_carried {
            out_bps = out_bps.min(bps(least));
            return None;
        }
        left_bps = left_bps.saturating_sub(bps(least));
        Some(least)
    };
    claims.iter().zip(at_most).enumerate().map(least).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: u32 = 320 * 180;

    fn level(bps: u64, area: u32) -> Level {
        Level { bps, fullest_bps: bps, area }
    }

    /// What has four times the pixels of what is before it, each.
    fn levels(rates_bps: &[u64]) -> Vec<Level> {
        let areas = (0..).map(|times| SMALL << (2 * times));
        rates_bps.iter().zip(areas).map(|(bps, area)| level(*bps, area)).collect()
    }

    fn claim(slot: usize, rates_bps: &[u64], has: Option<usize>) -> Claim {
        let area = if slot == 0 { SMALL << 4 } else { SMALL << 2 };
        Claim { place: Place { slot, track: TrackId(0), area }, levels: levels(rates_bps), slow: 0, has }
    }

    /// Browsers' feeds, the first of them large.
    fn claims(count: usize, has: Option<usize>) -> Vec<Claim> {
        let rates = |slot| if slot == 0 { &[120_000, 600_000, 2_500_000][..] } else { &[120_000, 600_000] };
        let has = |slot| has.map(|has| has.min(rates(slot).len() - 1));
        (0..count).map(|slot| claim(slot, rates(slot), has(slot))).collect()
    }

    /// A line and what is on it.
    struct Played {
        allocation: Allocation,
        start: Instant,
        claims: Vec<Claim>,
    }

    impl Played {
        fn new(claims: Vec<Claim>) -> Self {
            Self { allocation: Allocation::default(), start: Instant::now(), claims }
        }

        fn at(&mut self, ms: u64, mbps: f64) -> String {
            let now = self.start + Duration::from_millis(ms);
            let given = self.allocation.spend(now, (mbps * 1e6) as u64, &self.claims);
            self.claims.iter_mut().zip(&given).for_each(|(claim, given)| claim.has = *given);
            given.iter().map(|given| given.map_or('-', |at| ['s', 'm', 'l'][at])).collect()
        }
    }

    #[test]
    fn twelve_slots_get_what_the_order_prescribes() {
        let spend = |mbps: f64| Played::new(claims(12, Some(2))).at(0, mbps);
        assert_eq!(spend(20.0), "lmmmmmmmmmmm");
        assert_eq!(spend(8.0), "lmmmmmmmmsss");
        assert_eq!(spend(4.0), "lsssssssssss");
        assert_eq!(spend(2.0), "msssssssssss");
        assert_eq!(spend(1.0), "ssssssss----");
        assert_eq!(spend(0.05), "s-----------", "the large one is never left out");
    }

    #[test]
    fn a_small_place_has_no_larger_picture_than_a_large_one() {
        // A card's, of a rate that is less than that of the best of the large one.
        let mut card = claim(1, &[120_000, 0], Some(1));
        card.levels[1] = level(1_500_000, SMALL << 4);
        let mut played = Played::new(vec![claim(0, &[150_000, 600_000, 2_500_000], Some(1)), card]);
        assert_eq!(played.at(0, 2.6), "ms");
        assert_eq!(played.at(HOLD.as_millis() as u64, 3.0), "ls", "what was given up is of use to the large one");
    }

    #[test]
    fn the_less_important_gives_way() {
        let mut played = Played::new(claims(4, Some(0)));
        assert_eq!(played.at(0, 2.6), "mmms");
        assert_eq!(played.at(100, 3.3), "lsss", "at the expense of the others");
        for level in played.claims.iter_mut().flat_map(|claim| &mut claim.levels) {
            (level.bps, level.fullest_bps) = (level.bps * 3 / 2, level.fullest_bps * 3 / 2);
        }
        assert_eq!(played.at(200, 4.4), "lsss", "what fits is kept, however full it is");
    }

    #[test]
    fn who_comes_first_comes_back_first() {
        let mut played = Played::new(claims(4, None));
        let mut at = |ms, mbps, second_bps| {
            played.claims[1].levels[0] = level(second_bps, SMALL);
            played.at(ms, mbps)
        };
        assert_eq!(at(0, 0.29, 150_000), "s---", "although one more of the others would fit");
        assert_eq!(at(3000, 0.31, 150_000), "ss--");
        assert_eq!(at(3100, 0.5, 500_000), "s---");
        assert_eq!(at(33_100, 0.5, 500_000), "s-ss", "what needs far more keeps nobody away");
    }

    #[test]
    fn what_the_viewer_wishes_waits_for_nothing() {
        let mut played = Played::new(claims(3, Some(1)));
        assert_eq!([played.at(0, 0.9), played.at(100, 2.0)], ["mss", "mss"], "something was just given up");
        played.claims[0].place.area = SMALL << 1;
        played.claims.rotate_left(1);
        assert_eq!(played.at(200, 1.0), "mss");
    }

    /// A capture card's feed of one layer with its thumbnail, large, and six small ones.
    fn of_one_layer() -> Vec<Claim> {
        let rates = |slot| if slot == 0 { &[120_000, 2_500_000][..] } else { &[150_000] };
        (0..7).map(|slot| Claim { slow: 1, ..claim(slot, rates(slot), Some(rates(slot).len() - 1)) }).collect()
    }

    #[test]
    fn the_frames_of_the_large_one_go_last() {
        let mut played = Played::new(of_one_layer());
        let mut at = |ms, mbps| played.at(ms, mbps).replace('m', "l");
        assert_eq!(at(0, 3.4), "lssssss");
        assert_eq!(at(100, 2.8), "lss----");
        assert_eq!([at(200, 2.0), at(2100, 2.0)], ["l------"; 2], "it may be more when the others have given way");
        assert_eq!(at(2200, 2.6), "l------", "as it is");
        assert_eq!([at(2300, 2.0), at(4200, 2.0), at(4300, 2.0)], ["l------", "l------", "s------"]);
        assert_eq!([at(7200, 2.0), at(7300, 2.0)], ["s------", "sssssss"], "when it was held for long enough");
    }

    #[test]
    fn what_was_given_up_is_taken_back_carefully() {
        let mut played = Played::new(claims(1, Some(2)));
        let (mut changes, mut last) = (Vec::new(), 'l');
        for ms in (0..600_000).step_by(100) {
            // The line is too narrow, and looks wide enough whenever less is sent.
            let mbps = if last == 'l' && ms % 5000 == 0 { 2.0 } else { 3.0 };
            let given = played.at(ms, mbps).remove(0);
            if std::mem::replace(&mut last, given) != given {
                changes.push(ms);
            }
        }
        let holds: Vec<_> = changes.chunks(2).filter(|two| two.len() == 2).map(|two| two[1] - two[0]).collect();
        assert_eq!(holds, [3000, 30_000, 60_000, 120_000, 120_000, 120_000]);
    }

    #[test]
    fn what_is_still_for_a_moment_is_thought_to_move_again() {
        let mut played = Played::new(claims(1, Some(1)));
        played.claims[0].levels[2].bps = 1_500_000;
        assert_eq!([2.5, 3.0].map(|mbps| played.at(0, mbps)), ["m", "l"]);
        assert_eq!([1.6, 1.4].map(|mbps| played.at(0, mbps)), ["l", "m"]);
    }

    #[test]
    fn a_little_more_or_less_changes_nothing() {
        let mut played = Played::new(claims(1, Some(1)));
        assert_eq!([2.5, 2.6, 2.7].map(|mbps| played.at(0, mbps)), ["m", "m", "m"]);
        assert_eq!([3.0, 2.5, 2.4].map(|mbps| played.at(0, mbps)), ["l", "l", "m"]);
    }
}
