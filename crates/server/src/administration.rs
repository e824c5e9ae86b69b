//! What the addresses of `/api/v1` have in common beside rooms.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use signaling::RefusalCode;

use crate::attempts::Attempts;
use crate::bootstrap::Bootstrap;
use crate::limit::{Bucket, REQUESTS_PER_SECOND};
use crate::password::Passwords;
use crate::problem::Problem;
use crate::register::Register;

/// Who may do what, and how they prove who they are.
#[derive(Debug)]
pub struct Administration {
    /// What is written of it.
    pub(crate) register: Register,
    /// Hashes them.
    pub(crate) passwords: Passwords,
    /// Makes the first administrator.
    pub(crate) bootstrap: Bootstrap,
    /// Wrong logins, and wrong bootstrap codes.
    pub(crate) logins: Attempts,
    /// Wrong codes of invites.
    pub(crate) invites: Attempts,
    /// What each account asks for.
    pub(crate) requests: Requests,
    /// Whose `X-Forwarded-For` is believed.
    pub(crate) proxies: Vec<IpAddr>,
    /// This server speaks HTTPS itself.
    pub(crate) is_tls: bool,
}

impl Administration {
    /// With nobody known yet.
    pub fn new(
        register: Register,
        passwords: Passwords,
        bootstrap: Bootstrap,
        proxies: Vec<IpAddr>,
        is_tls: bool,
    ) -> Self {
        Self {
            register,
            passwords,
            bootstrap,
            logins: Attempts::default(),
            invites: Attempts::default(),
            requests: Requests::default(),
            proxies,
            is_tls,
        }
    }
}

/// How much each account asks for, so that none keeps the register from the others.
#[derive(Debug, Default)]
pub(crate) struct Requests(Mutex<HashMap<String, Bucket>>);

/// So many accounts are remembered before those that are quiet are forgotten.
const KNOWN: usize = 1000;

impl Requests {
    /// Counts one more.
    ///
    /// # Errors
    /// `too_many`.
    pub(crate) fn count(&self, now: Instant, account: &str) -> Result<(), Problem> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() > KNOWN {
            all.retain(|_, bucket| !bucket.is_full(now));
        }
        let full = || Bucket::new(now, REQUESTS_PER_SECOND, 5 * REQUESTS_PER_SECOND);
        let may = all.entry(account.to_owned()).or_insert_with(full).take(now);
        may.then_some(()).ok_or_else(|| Problem::new(RefusalCode::TooMany, "Too many requests; slow down."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_asks_again_and_again_is_slowed_down() {
        let (requests, now) = (Requests::default(), Instant::now());
        let counted = |account: &str| (0..1000).filter(|_| requests.count(now, account).is_ok()).count();
        assert_eq!(counted("one"), 5 * REQUESTS_PER_SECOND as usize);
        assert_eq!(counted("other"), 5 * REQUESTS_PER_SECOND as usize, "each has its own");
    }
}
