//! How many WHIP and WHEP sessions one subject has and begins, so that one token cannot take every place of the server,
//! nor all of its time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use signaling::Private;

use crate::limit::{Bucket, CLIENTS, SESSIONS_BEGUN_PER_SECOND, SESSIONS_PER_SUBJECT};

/// What every subject has taken, by the subject of its token.
#[derive(Debug, Clone, Default)]
pub(crate) struct Quota(Arc<Mutex<HashMap<Private<String>, Taken>>>);

#[derive(Debug)]
struct Taken {
    sessions: usize,
    beginnings: Bucket,
}

/// One session's part of its subject's quota, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    quota: Quota,
    subject: Private<String>,
}

/// Why a subject may not begin a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QuotaError {
    /// It has as many as it may.
    #[error("One subject has at most {SESSIONS_PER_SUBJECT} sessions at a time; end one first")]
    TooMany,
    /// It begins them too fast.
    #[error("One subject may begin {SESSIONS_BEGUN_PER_SECOND} sessions a second; slow down")]
    TooFast,
}

impl Quota {
    /// Counts one more session of the subject.
    ///
    /// # Errors
    /// When it has as many as it may, or begins them too fast.
    pub(crate) fn take(&self, now: Instant, subject: &Private<String>) -> Result<Share, QuotaError> {
        let mut all = self.all();
        if all.len() > CLIENTS {
            all.retain(|_, taken| taken.sessions > 0 || !taken.beginnings.is_full(now));
        }
        let burst = SESSIONS_PER_SUBJECT as u32;
        let taken = all
            .entry(subject.clone())
            .or_insert_with(|| Taken { sessions: 0, beginnings: Bucket::new(now, SESSIONS_BEGUN_PER_SECOND, burst) });
        if !taken.beginnings.take(now) {
            return Err(QuotaError::TooFast);
        }
        if taken.sessions >= SESSIONS_PER_SUBJECT {
            return Err(QuotaError::TooMany);
        }
        taken.sessions += 1;
        Ok(Share { quota: self.clone(), subject: subject.clone() })
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Private<String>, Taken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Some(taken) = self.quota.all().get_mut(&self.subject) {
            taken.sessions -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_subject_has_its_share_and_gives_it_back() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let quota = Quota::default();
        let (one, other) = (Private::new("one".to_owned()), Private::new("other".to_owned()));
        let take = |second, subject| quota.take(at(second), subject);
        let mut shares: Vec<_> = (0..SESSIONS_PER_SUBJECT).map(|_| take(0, &one).expect("has its share")).collect();
        assert_eq!(take(60, &one).map(drop), Err(QuotaError::TooMany));
        assert!(take(60, &other).is_ok(), "each has its own");
        shares.pop();
        assert!(take(60, &one).is_ok());
    }

    #[test]
    fn a_subject_that_begins_again_and_again_is_slowed_down() {
        let start = Instant::now();
        let quota = Quota::default();
        let subject = Private::new("one".to_owned());
        let begun = |at| (0..1000).filter(|_| quota.take(at, &subject).is_ok()).count();
        assert_eq!(begun(start), SESSIONS_PER_SUBJECT);
        assert_eq!(quota.take(start, &subject).map(drop), Err(QuotaError::TooFast));
        assert_eq!(begun(start + Duration::from_secs(2)), 2 * SESSIONS_BEGUN_PER_SECOND as usize);
    }

    #[test]
    fn subjects_that_were_here_once_are_forgotten() {
        let start = Instant::now();
        let quota = Quota::default();
        for number in 0..=CLIENTS {
            assert!(quota.take(start, &Private::new(number.to_string())).is_ok());
        }
        let later = start + Duration::from_secs(60);
        let share = quota.take(later, &Private::new("one more".to_owned()));
        assert!(share.is_ok() && quota.all().len() == 1);
    }
}
