//! What each subject has taken of the server, through all doors, so that one token cannot take every place, nor all of the
//! time in which offers are read and answered, nor fill a room's journal.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use media::Rank;
use room::Identity;
use room::entitlement::Standing;
use signaling::limit::{AUDIENCE_OFFERS_PER_SECOND, OFFERS_AT_ONCE, OFFERS_PER_SECOND};
use signaling::{Private, Refusal, RefusalCode};

use crate::limit::{Bucket, CLIENTS, SESSIONS_PER_SUBJECT};

/// The account of every subject, by the subject of its token.
#[derive(Debug, Default)]
pub(crate) struct Quota(Mutex<HashMap<Private<String>, Arc<Mutex<Taken>>>>);

/// What one subject has taken, as each of its clients knows it, who may be of several roles.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    taken: Arc<Mutex<Taken>>,
    rank: Rank,
}

#[derive(Debug)]
struct Taken {
    sessions: usize,
    joins: Pace,
    offers: Pace,
}

/// How fast something may be done again.
#[derive(Debug)]
struct Pace {
    own: Bucket,
    /// Of those of the audience, who may come by one link.
    audience: Bucket,
}

impl Pace {
    fn full(now: Instant) -> Self {
        let bucket = |per_second| Bucket::new(now, per_second, per_second * OFFERS_AT_ONCE);
        Self { own: bucket(OFFERS_PER_SECOND), audience: bucket(AUDIENCE_OFFERS_PER_SECOND) }
    }

    fn take(&mut self, now: Instant, rank: Rank) -> bool {
        match rank {
            Rank::Panel | Rank::Machine => self.own.take(now),
            Rank::Audience => self.audience.take(now),
        }
    }

    fn is_full(&mut self, now: Instant) -> bool {
        self.own.is_full(now) && self.audience.is_full(now)
    }
}

/// One session's place among those of its subject, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share(Arc<Mutex<Taken>>);

impl Quota {
    /// The account of whose token this is. One that nobody has known of for long enough begins anew.
    pub(crate) fn account(&self, now: Instant, identity: &Identity) -> Account {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() > CLIENTS {
            all.retain(|_, taken| Arc::strong_count(taken) > 1 || !hold(taken).is_nothing(now));
        }
        let begun = || Arc::new(Mutex::new(Taken::nothing(now)));
        let taken = all.entry(identity.subject.clone()).or_insert_with(begun).clone();
        Account { taken, rank: Standing::of(identity).rank() }
    }
}

impl Taken {
    fn nothing(now: Instant) -> Self {
        Self { sessions: 0, joins: Pace::full(now), offers: Pace::full(now) }
    }

    /// True if nobody would notice that it is forgotten.
    fn is_nothing(&mut self, now: Instant) -> bool {
        self.joins.is_full(now) && self.offers.is_full(now)
    }
}

impl Account {
    /// Counts one more WebSocket that joins: each is told to everybody, and kept in the room's journal.
    ///
    /// # Errors
    /// `too_many` when the subject's join too fast.
    pub(crate) fn join(&self, now: Instant) -> Result<(), Refusal> {
        let may = hold(&self.taken).joins.take(now, self.rank);
        may.then_some(()).ok_or_else(|| Refusal::new(RefusalCode::TooMany, "Too many join with this token; slow down."))
    }

    /// Counts one more offer.
    ///
    /// # Errors
    /// `too_many` when the subject makes them too fast.
    pub(crate) fn offer(&self, now: Instant) -> Result<(), Refusal> {
        let may = hold(&self.taken).offers.take(now, self.rank);
        may.then_some(()).ok_or_else(|| Refusal::new(RefusalCode::TooMany, "Too many offers; slow down."))
    }

    /// Counts one more session; none when the subject has as many as it may.
    pub(crate) fn share(&self) -> Option<Share> {
        let mut taken = hold(&self.taken);
        if taken.sessions >= SESSIONS_PER_SUBJECT {
            return None;
        }
        taken.sessions += 1;
        Some(Share(self.taken.clone()))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        hold(&self.0).sessions -= 1;
    }
}

fn hold(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use room::Grants;
    use signaling::Role;

    use super::*;

    fn identity(subject: &str, role: Role) -> Identity {
        let (subject, name) = (Private::new(subject.to_owned()), Private::new("Dr. Example One".to_owned()));
        Identity { subject, name, role, site: None, grants: Grants::default() }
    }

    #[test]
    fn a_subject_has_its_share_and_gives_it_back() {
        let (now, quota) = (Instant::now(), Quota::default());
        let account = |subject| quota.account(now, &identity(subject, Role::Expert));
        let mut shares: Vec<_> = std::iter::from_fn(|| account("one").share()).take(1000).collect();
        assert_eq!(shares.len(), SESSIONS_PER_SUBJECT);
        assert!(account("other").share().is_some(), "each has its own");
        shares.pop();
        assert!(account("one").share().is_some());
    }

    #[test]
    fn a_subject_that_joins_again_and_again_is_slowed_down() {
        let (start, quota) = (Instant::now(), Quota::default());
        let account = quota.account(start, &identity("one", Role::Expert));
        let joined = |at| (0..1000).filter(|_| account.join(at).is_ok()).count() as u32;
        assert_eq!(joined(start), OFFERS_PER_SECOND * OFFERS_AT_ONCE);
        assert_eq!(joined(start + Duration::from_secs(1)), OFFERS_PER_SECOND);
        assert!(account.offer(start).is_ok(), "what it may do beside is another matter");
    }

    #[test]
    fn a_subject_that_offers_again_and_again_is_slowed_down() {
        let (start, quota) = (Instant::now(), Quota::default());
        let offered = |subject, role, at| {
            // Each by a client of its own.
            (0..1000).filter(|_| quota.account(at, &identity(subject, role)).offer(at).is_ok()).count()
        };
        let later = start + Duration::from_secs(2);
        for (subject, role) in [("expert", Role::Expert), ("box", Role::Device)] {
            assert_eq!(offered(subject, role, start), (OFFERS_PER_SECOND * OFFERS_AT_ONCE) as usize);
            assert_eq!(offered(subject, role, later), 2 * OFFERS_PER_SECOND as usize);
        }
        assert_eq!(offered("hall", Role::Trainee, start), (AUDIENCE_OFFERS_PER_SECOND * OFFERS_AT_ONCE) as usize);
    }

    #[test]
    fn who_offers_in_several_roles_may_in_each_what_all_of_that_role_may() {
        let (start, quota) = (Instant::now(), Quota::default());
        let account = |role| quota.account(start, &identity("one", role));
        let offered = |role| (0..1000).filter(|_| account(role).offer(start).is_ok()).count();
        for _ in 0..OFFERS_PER_SECOND * OFFERS_AT_ONCE {
            assert!(account(Role::Trainee).offer(start).is_ok());
        }
        assert_eq!(offered(Role::Expert), (OFFERS_PER_SECOND * OFFERS_AT_ONCE) as usize);
        let left = (AUDIENCE_OFFERS_PER_SECOND - OFFERS_PER_SECOND) * OFFERS_AT_ONCE;
        assert_eq!(offered(Role::Trainee), left as usize);
        let mut shares: Vec<_> = std::iter::from_fn(|| account(Role::Trainee).share()).take(1000).collect();
        assert!(account(Role::Expert).share().is_none(), "sessions are counted for all roles together");
        shares.pop();
        assert!(account(Role::Expert).share().is_some());
    }

    #[test]
    fn subjects_that_were_here_once_are_forgotten() {
        let (start, quota) = (Instant::now(), Quota::default());
        for number in 0..=CLIENTS {
            assert!(quota.account(start, &identity(&number.to_string(), Role::Trainee)).offer(start).is_ok());
        }
        let kept = quota.account(start, &identity("7", Role::Trainee));
        let later = start + Duration::from_secs(60);
        quota.account(later, &identity("one more", Role::Trainee));
        let known = quota.0.lock().expect("nobody panicked").len();
        assert_eq!(known, 2, "and those are not that somebody has still to do with");
        assert!(kept.share().is_some());
    }
}
