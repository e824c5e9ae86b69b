//! How a viewer's line is spent: which layer each of its slots may have, so that all of it fits.
//!
//! The order in which things go when a line is too narrow: the small pictures get smaller, the last of them first; then
//! the large one does; then small pictures are left out, the last first; and last the large one has fewer frames, where there
//! is only a thumbnail below it. It is never left out, and voices are not asked: they are sent whatever comes.

use std::time::{Duration, Instant};

/// What one slot could have.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Claim {
    /// The rates of what there is, the smallest first, up to the best that its size on the screen is worth.
    pub(crate) rates_bps: Vec<u64>,
    /// How many of the first of them have fewer frames than the others.
    pub(crate) slow: usize,
    /// Which of them it has now; none where it is left out.
    pub(crate) has: Option<usize>,
}

/// A change for the better must fit with so much to spare.
const SPARE: f64 = 0.85;
/// How long after giving something up nothing is taken back; doubles each time that this was too early.
const HOLD: Duration = Duration::from_secs(3);
const HOLD_MOST: Duration = Duration::from_secs(30);
/// Where a picture is smaller than it could be, none that is less important has more than so many times its rate: it would be
/// larger, and keep the other small.
const ALIKE: f64 = 1.5;
/// So long it is waited whether the line carries the frames of the large picture now that the others have given way.
const FRAMES_WAIT: Duration = Duration::from_secs(2);
/// What was taken back and given up again within this was taken back too early.
const TOO_EARLY: Duration = Duration::from_secs(30);

/// How one viewer's line has been spent.
#[derive(Debug, Default)]
pub(crate) struct Allocation {
    gave_up_at: Option<Instant>,
    took_back_at: Option<Instant>,
    /// Since when there is too little for the frames of the large picture.
    frames_since: Option<Instant>,
    doublings: u32,
}

impl Allocation {
    /// Gives each claim, the most important first, its share of `budget_bps`: a place in its rates, or none.
    pub(crate) fn spend(&mut self, now: Instant, budget_bps: u64, claims: &[Claim]) -> Vec<Option<usize>> {
        let least = fill(budget_bps, claims, self.keeps_frames(now, budget_bps, claims));
        let has: Vec<_> = claims.iter().map(|claim| claim.has).collect();
        if least.iter().zip(&has).any(|(may, has)| may < has) {
            let since = |at: Option<Instant>| at.map(|at| now.saturating_duration_since(at));
            self.doublings = match since(self.took_back_at) {
                Some(since) if since < TOO_EARLY => (self.doublings + 1).min(8),
                _ => self.doublings,
            };
            self.gave_up_at = Some(now);
            return least.into_iter().zip(has).map(|(may, has)| may.min(has)).collect();
        }
        let hold = HOLD.saturating_mul(1 << self.doublings).min(HOLD_MOST);
        if self.gave_up_at.is_some_and(|at| now.saturating_duration_since(at) < hold) {
            return has;
        }
        let better = fill((budget_bps as f64 * SPARE) as u64, claims, false);
        let spent: Vec<_> = better.into_iter().zip(&has).map(|(may, has)| may.max(*has)).collect();
        if spent == has || cost_bps(claims, &spent) > budget_bps {
            return has;
        }
        if self.took_back_at.replace(now).is_some_and(|at| now.saturating_duration_since(at) > 2 * TOO_EARLY) {
            self.doublings = 0;
        }
        spent
    }

    /// True while the large picture keeps its frames although there is too little for them: what is given up beside it may be
    /// enough, and until the line has shown that it is thought to be narrower than it is.
    fn keeps_frames(&mut self, now: Instant, budget_bps: u64, claims: &[Claim]) -> bool {
        let too_little = |large: &&Claim| {
            large.has >= Some(large.slow) && large.rates_bps.get(large.slow).is_some_and(|rate| *rate > budget_bps)
        };
        if claims.first().filter(too_little).is_none() {
            self.frames_since = None;
            return false;
        }
        now.saturating_duration_since(*self.frames_since.get_or_insert(now)) < FRAMES_WAIT
    }
}

/// Everybody the least, from the most important on, the first of them with all its frames if there is room for those or it
/// `keeps_frames`; then, in the same order, what more there is room for.
fn fill(budget_bps: u64, claims: &[Claim], keeps_frames: bool) -> Vec<Option<usize>> {
    let mut left_bps = budget_bps;
    let mut given: Vec<Option<usize>> = Vec::new();
    for (place, claim) in claims.iter().enumerate() {
        let is_carried = |level: &usize| claim.rates_bps[*level] <= left_bps;
        let with_frames = Some(claim.slow).filter(|slow| place == 0 && *slow < claim.rates_bps.len());
        let with_frames = with_frames.filter(|slow| keeps_frames || is_carried(slow));
        let least = with_frames.or(Some(0).filter(|_| !claim.rates_bps.is_empty()));
        let least = least.filter(|least| place == 0 || is_carried(least));
        left_bps -= least.map_or(0, |least| claim.rates_bps[least]).min(left_bps);
        given.push(least);
    }
    let mut most_bps = u64::MAX;
    for (claim, given) in claims.iter().zip(&mut given) {
        let Some(at) = *given else { continue };
        let more_bps = |to: &usize| claim.rates_bps[*to] - claim.rates_bps[at].min(claim.rates_bps[*to]);
        let may_be = |to: &usize| more_bps(to) <= left_bps && claim.rates_bps[*to] <= most_bps;
        let best = (at..claim.rates_bps.len()).rev().find(may_be).unwrap_or(at);
        left_bps -= more_bps(&best);
        *given = Some(best);
        if best + 1 < claim.rates_bps.len() {
            most_bps = most_bps.min((claim.rates_bps[best] as f64 * ALIKE) as u64);
        }
    }
    given
}

fn cost_bps(claims: &[Claim], given: &[Option<usize>]) -> u64 {
    claims.iter().zip(given).filter_map(|(claim, given)| claim.rates_bps.get((*given)?)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A capture card's feed with its thumbnail.
    fn claims(count: usize, has: Option<usize>) -> Vec<Claim> {
        let mut claims = vec![Claim { rates_bps: vec![120_000, 600_000, 2_500_000], slow: 0, has }];
        claims.resize(count, Claim { rates_bps: vec![120_000, 600_000], slow: 0, has: has.map(|has| has.min(1)) });
        claims
    }

    #[test]
    fn twelve_slots_get_what_the_order_prescribes() {
        let spend = |mbps: f64| {
            let given = Allocation::default().spend(Instant::now(), (mbps * 1e6) as u64, &claims(12, Some(2)));
            given.iter().map(|given| given.map_or('-', |at| ['s', 'm', 'l'][at])).collect::<String>()
        };
        assert_eq!(spend(20.0), "lmmmmmmmmmmm");
        assert_eq!(spend(8.0), "lmmmmmmmmsss");
        assert_eq!(spend(4.0), "lsssssssssss");
        assert_eq!(spend(2.0), "msssssssssss");
        assert_eq!(spend(1.0), "ssssssss----");
        assert_eq!(spend(0.05), "s-----------", "the large one is never left out");
    }

    #[test]
    fn a_small_place_has_no_larger_picture_than_a_large_one() {
        let claim = |rates_bps, has| Claim { rates_bps, slow: 0, has: Some(has) };
        // One layer, which has just become a little less than the best of the large one.
        let claims = [claim(vec![150_000, 600_000, 2_500_000], 1), claim(vec![120_000, 2_300_000], 1)];
        let given = Allocation::default().spend(Instant::now(), 2_600_000, &claims);
        assert_eq!(given, [Some(1), Some(0)]);
    }

    /// A capture card's feed of one layer with its thumbnail, large, and six small ones.
    fn of_one_layer(has: [Option<usize>; 7]) -> Vec<Claim> {
        let rates = |place| if place == 0 { vec![120_000, 2_500_000] } else { vec![150_000] };
        (0..).zip(has).map(|(place, has)| Claim { rates_bps: rates(place), slow: 1, has }).collect()
    }

    #[test]
    fn the_frames_of_the_large_one_go_last() {
        let mut allocation = Allocation::default();
        let start = Instant::now();
        let mut has = [Some(1), Some(0), Some(0), Some(0), Some(0), Some(0), Some(0)];
        let mut at = |ms: u64, mbps: f64| {
            let given = allocation.spend(start + Duration::from_millis(ms), (mbps * 1e6) as u64, &of_one_layer(has));
            has = given.as_slice().try_into().expect("as many as there were");
            given.iter().map(|given| given.map_or('-', |at| ['s', 'l'][at])).collect::<String>()
        };
        assert_eq!(at(0, 3.4), "lssssss");
        assert_eq!(at(100, 2.8), "lss----");
        assert_eq!([at(200, 2.0), at(2100, 2.0)], ["l------"; 2], "it may be more when the others have given way");
        assert_eq!(at(2200, 2.6), "l------", "as it is");
        assert_eq!([at(2300, 2.0), at(4200, 2.0), at(4300, 2.0)], ["l------", "l------", "s------"]);
        assert_eq!([at(7200, 2.0), at(7300, 2.0)], ["s------", "sssssss"], "when it was held for long enough");
    }

    #[test]
    fn what_was_given_up_is_taken_back_carefully() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut allocation = Allocation::default();
        let mut has = Some(2);
        let mut changes = Vec::new();
        for ms in (0..120_000).step_by(100) {
            // The line is too narrow, and looks wide enough whenever less is sent.
            let budget = if has == Some(2) && ms % 5000 == 0 { 2_000_000 } else { 3_000_000 };
            let given = allocation.spend(at(ms), budget, &claims(1, has))[0];
            if given != has {
                changes.push(ms);
                has = given;
            }
        }
        let holds: Vec<_> = changes.chunks(2).filter(|two| two.len() == 2).map(|two| two[1] - two[0]).collect();
        assert_eq!(holds[..4], [3000, 6000, 12_000, 24_000]);
        assert!(holds[4..].iter().all(|hold| *hold == 30_000), "{holds:?}");
    }

    #[test]
    fn a_little_more_or_less_changes_nothing() {
        let mut allocation = Allocation::default();
        let now = Instant::now();
        for budget in [2_500_000, 2_600_000, 2_900_000] {
            assert_eq!(allocation.spend(now, budget, &claims(1, Some(1))), [Some(1)], "{budget}");
        }
        assert_eq!(allocation.spend(now, 3_000_000, &claims(1, Some(1))), [Some(2)]);
        assert_eq!(allocation.spend(now, 2_500_000, &claims(1, Some(2))), [Some(2)]);
        assert_eq!(allocation.spend(now, 2_400_000, &claims(1, Some(2))), [Some(1)]);
    }
}
