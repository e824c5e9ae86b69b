//! How a viewer's line is spent: which layer each of its slots may have, so that all of it fits.
//!
//! The order in which things go when a line is too narrow: the small pictures get smaller, the last of them first; then
//! the large one does; then small pictures are left out, the last first. The large one is never left out, and voices
//! are not asked: they are sent whatever comes.

use std::time::{Duration, Instant};

/// What one slot could have.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Claim {
    /// The rates of what there is, the smallest first, up to the best that its size on the screen is worth.
    pub(crate) rates_bps: Vec<u64>,
    /// Which of them it has now; none where it is left out.
    pub(crate) has: Option<usize>,
}

/// A change for the better must fit with so much to spare.
const SPARE: f64 = 0.85;
/// How long after giving something up nothing is taken back; doubles each time that this was too early.
const HOLD: Duration = Duration::from_secs(3);
const HOLD_MOST: Duration = Duration::from_secs(30);
/// What was taken back and given up again within this was taken back too early.
const TOO_EARLY: Duration = Duration::from_secs(30);

/// How one viewer's line has been spent.
#[derive(Debug, Default)]
pub(crate) struct Allocation {
    gave_up_at: Option<Instant>,
    took_back_at: Option<Instant>,
    doublings: u32,
}

impl Allocation {
    /// Gives each claim, the most important first, its share of `budget_bps`: a place in its rates, or none.
    pub(crate) fn spend(&mut self, now: Instant, budget_bps: u64, claims: &[Claim]) -> Vec<Option<usize>> {
        let least = fill(budget_bps, claims);
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
        let better = fill((budget_bps as f64 * SPARE) as u64, claims);
        let spent: Vec<_> = better.into_iter().zip(&has).map(|(may, has)| may.max(*has)).collect();
        if spent == has || cost_bps(claims, &spent) > budget_bps {
            return has;
        }
        if self.took_back_at.replace(now).is_some_and(|at| now.saturating_duration_since(at) > 2 * TOO_EARLY) {
            self.doublings = 0;
        }
        spent
    }
}

/// Everybody the least, from the most important on; then, in the same order, what more there is room for.
fn fill(budget_bps: u64, claims: &[Claim]) -> Vec<Option<usize>> {
    let mut left_bps = budget_bps;
    let mut given: Vec<Option<usize>> = Vec::new();
    for (place, claim) in claims.iter().enumerate() {
        let least = claim.rates_bps.first().filter(|rate| place == 0 || **rate <= left_bps);
        left_bps -= least.map_or(0, |rate| *rate).min(left_bps);
        given.push(least.map(|_| 0));
    }
    for (claim, given) in claims.iter().zip(&mut given) {
        let Some(at) = *given else { continue };
        let more_bps = |to: &usize| claim.rates_bps[*to] - claim.rates_bps[at].min(claim.rates_bps[*to]);
        if let Some(best) = (at..claim.rates_bps.len()).rev().find(|to| more_bps(to) <= left_bps) {
            left_bps -= more_bps(&best);
            *given = Some(best);
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
        let mut claims = vec![Claim { rates_bps: vec![120_000, 600_000, 2_500_000], has }];
        claims.resize(count, Claim { rates_bps: vec![120_000, 600_000], has: has.map(|has| has.min(1)) });
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
