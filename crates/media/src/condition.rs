//! How a line is, in three words for people: by what goes over it, not by what is estimated of it.

use std::time::{Duration, Instant};

use crate::allocation::Claim;

/// How a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum LineCondition {
    /// It carries everything.
    #[default]
    Good,
    /// Some pictures are smaller than their places on the screen, or left out; or packets are lost.
    Reduced,
    /// It carries the large picture and the voices at most, or not even those whole.
    Poor,
}

/// How long it has to be worse, or better, until that is said.
const WORSE_AFTER: Duration = Duration::from_secs(1);
const BETTER_AFTER: Duration = Duration::from_secs(5);
/// From this part of lost packets on a line is not good any more, and poor: what is asked for again comes late, and is
/// lost again.
const REDUCED_LOSS: f64 = 0.05;
const POOR_LOSS: f64 = 0.1;
/// The same of packets that did not come although they were asked for.
const REDUCED_LOST: f64 = 0.002;
const POOR_LOST: f64 = 0.02;

impl LineCondition {
    /// Of a line on which this part of the packets is lost, 0 to 1, before they are sent again.
    pub(crate) fn of_loss(loss: f64) -> Self {
        Self::above(loss, REDUCED_LOSS, POOR_LOSS)
    }

    /// Of a line on which this part of the packets is lost for good, 0 to 1.
    pub(crate) fn of_lost(lost: f64) -> Self {
        Self::above(lost, REDUCED_LOST, POOR_LOST)
    }

    fn above(part: f64, reduced: f64, poor: f64) -> Self {
        if part >= poor {
            Self::Poor
        } else if part >= reduced {
            Self::Reduced
        } else {
            Self::Good
        }
    }

    /// Of a line that is spent so: what each slot could have, the most important first, and what it has been given.
    pub(crate) fn of_spending(claims: &[Claim], given: &[Option<usize>]) -> Self {
        let is_best = |(claim, given): (&Claim, &Option<usize>)| given.map(|at| at + 1) == Some(claim.levels.len());
        let mut all = claims.iter().zip(given);
        if all.clone().all(is_best) {
            return Self::Good;
        }
        let large = all.next();
        let is_least = large.is_some_and(|large| !is_best(large) && matches!(large.1, None | Some(0)));
        let is_alone = all.len() > 0 && all.all(|(_, given)| given.is_none());
        if is_least || is_alone { Self::Poor } else { Self::Reduced }
    }
}

/// What has been said of a line.
#[derive(Debug, Default)]
pub(crate) struct Said {
    condition: LineCondition,
    /// Since when it has been worse, or better, and the nearest to what was said in that time.
    other: Option<(Instant, LineCondition)>,
}

impl Said {
    /// Nothing goes over the line any more by which it could be judged; gives what is to be said now.
    pub(crate) fn forget(&mut self) -> Option<LineCondition> {
        (std::mem::take(self).condition != LineCondition::Good).then_some(LineCondition::Good)
    }

    /// Takes how the line is; gives what is to be said now.
    pub(crate) fn note(&mut self, now: Instant, condition: LineCondition) -> Option<LineCondition> {
        if condition == self.condition {
            self.other = None;
            return None;
        }
        let is_worse = condition > self.condition;
        let (since, nearest) = match self.other {
            Some((since, other)) if (other > self.condition) == is_worse => {
                (since, if is_worse { other.min(condition) } else { other.max(condition) })
            }
            _ => (now, condition),
        };
        self.other = Some((since, nearest));
        let after = if is_worse { WORSE_AFTER } else { BETTER_AFTER };
        if now.saturating_duration_since(since) < after {
            return None;
        }
        (self.condition, self.other) = (nearest, None);
        Some(nearest)
    }
}

#[cfg(test)]
mod tests {
    use super::LineCondition::{Good, Poor, Reduced};
    use super::*;
    use crate::allocation::{Level, Place};
    use crate::router::TrackId;

    #[test]
    fn three_words_for_what_slots_get() {
        let level = Level { bps: 100_000, fullest_bps: 100_000, area: 1 };
        let place = Place { slot: 0, track: TrackId(0), area: 1 };
        let claim = |layers: usize| Claim { place, levels: vec![level; layers], slow: 0, has: Some(0) };
        let of = |given: &[Option<usize>]| {
            let claims: Vec<_> = (0..given.len()).map(|place| claim(if place == 0 { 3 } else { 2 })).collect();
            LineCondition::of_spending(&claims, given)
        };
        assert_eq!(of(&[Some(2), Some(1), Some(1)]), Good);
        assert_eq!(of(&[Some(2)]), Good);
        assert_eq!(of(&[Some(2), Some(1), Some(0)]), Reduced, "thumbnails smaller");
        assert_eq!(of(&[Some(1), Some(0), Some(0)]), Reduced);
        assert_eq!(of(&[Some(2), Some(0), None]), Reduced);
        assert_eq!(of(&[Some(2), None, None]), Poor, "the large picture only");
        assert_eq!(of(&[Some(0), Some(0), None]), Poor);
        assert_eq!(of(&[Some(0)]), Poor);
    }

    #[test]
    fn it_does_not_flap() {
        let start = Instant::now();
        let said = |conditions: &[LineCondition]| {
            let mut said = Said::default();
            let each = (0..).zip(conditions);
            each.filter_map(|(tenth, condition)| {
                Some((tenth, said.note(start + Duration::from_millis(100 * tenth), *condition)?))
            })
            .collect::<Vec<(u64, LineCondition)>>()
        };
        assert_eq!(said(&[Good, Poor, Good, Poor, Good].repeat(20)), []);
        assert_eq!(said(&[Reduced, Poor].repeat(10)), [(10, Reduced)], "the better of the two has lasted");
        let bad_then_good = [vec![Poor; 11], [Good, Reduced].repeat(30)].concat();
        assert_eq!(said(&bad_then_good), [(10, Poor), (61, Reduced)]);
    }
}
