//! How many WHIP and WHEP sessions one subject has, so that one token cannot take every place of the server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use signaling::Private;

use crate::limit::SESSIONS_PER_SUBJECT;

/// Sessions by the subject of their token.
#[derive(Debug, Clone, Default)]
pub(crate) struct Quota(Arc<Mutex<HashMap<Private<String>, usize>>>);

/// One session's part of its subject's quota, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    quota: Quota,
    subject: Private<String>,
}

impl Quota {
    /// Counts one more session of the subject; none when it has as many as it may.
    pub(crate) fn take(&self, subject: &Private<String>) -> Option<Share> {
        let mut sessions = self.sessions();
        let count = sessions.entry(subject.clone()).or_default();
        if *count >= SESSIONS_PER_SUBJECT {
            return None;
        }
        *count += 1;
        Some(Share { quota: self.clone(), subject: subject.clone() })
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<Private<String>, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut sessions = self.quota.sessions();
        if let Some(count) = sessions.get_mut(&self.subject) {
            *count -= 1;
            if *count == 0 {
                sessions.remove(&self.subject);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_has_its_share_and_gives_it_back() {
        let quota = Quota::default();
        let (one, other) = (Private::new("one".to_owned()), Private::new("other".to_owned()));
        let mut shares: Vec<_> = (0..SESSIONS_PER_SUBJECT).map(|_| quota.take(&one).expect("has its share")).collect();
        assert!(quota.take(&one).is_none());
        assert!(quota.take(&other).is_some(), "each has its own");
        shares.pop();
        assert!(quota.take(&one).is_some());
        drop(shares);
        assert!(quota.sessions().is_empty(), "nothing is left");
    }
}
