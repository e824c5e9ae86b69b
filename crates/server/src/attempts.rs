//! How often something that can be guessed may be tried: by one address, and by one login name.
//!
//! What was right gives its try back, so that only wrong ones count: thirty people of one hospital, who come by one
//! address, log in at eight in the morning. And from where a name was right once its tries are counted apart, so that
//! nobody elsewhere keeps its owner out by guessing.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::header::RETRY_AFTER;
use signaling::{Private, RefusalCode};

use crate::limit::Bucket;
use crate::problem::Problem;

/// Wrong ones of one address at once, and then one in so long.
const OF_ADDRESS: (u32, Duration) = (30, Duration::from_secs(3));
/// Wrong ones of one login name at once, and then one in so long.
const OF_NAME: (u32, Duration) = (10, Duration::from_secs(10));
/// So many addresses or names are known at a time. Of more none is let in until some are forgotten, which takes
/// [`OF_NAME`]'s 100 s at most: that many can only be known to whoever owns ten thousand addresses.
const KNOWN: usize = 10_000;

/// What was tried lately.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    addresses: Mutex<HashMap<IpAddr, Bucket>>,
    names: Mutex<HashMap<Private<String>, Bucket>>,
    /// Of names that were right from there.
    at_home: Mutex<HashMap<(Private<String>, IpAddr), Bucket>>,
}

impl Attempts {
    /// Counts a try before anything is done for it.
    ///
    /// # Errors
    /// `too_many`.
    pub(crate) fn begin(&self, now: Instant, address: IpAddr, name: Option<&Private<String>>) -> Result<(), Problem> {
        let network = network(address);
        let may = take(&mut hold(&self.addresses), &network, OF_ADDRESS, now)
            && name.is_none_or(|name| match hold(&self.at_home).get_mut(&(name.clone(), network)) {
                Some(bucket) => bucket.take(now),
                None => take(&mut hold(&self.names), name, OF_NAME, now),
            });
        let refused = || Problem::new(RefusalCode::TooMany, "Too many tries; wait a little.").with(RETRY_AFTER, "10");
        may.then_some(()).ok_or_else(refused)
    }

    /// It was right: it does not count.
    pub(crate) fn forgive(&self, now: Instant, address: IpAddr, name: Option<&Private<String>>) {
        let network = network(address);
        if let Some(bucket) = hold(&self.addresses).get_mut(&network) {
            bucket.give_back();
        }
        let Some(name) = name else { return };
        let mut at_home = hold(&self.at_home);
        let home = (name.clone(), network);
        if let Some(bucket) = at_home.get_mut(&home) {
            bucket.give_back();
            return;
        }
        if let Some(bucket) = hold(&self.names).get_mut(name) {
            bucket.give_back();
        }
        // more than that are forgotten all at once: they are counted with all others until they are right again
        if at_home.len() >= KNOWN {
            at_home.clear();
        }
        at_home.insert(home, Bucket::one_every(now, OF_NAME.1, OF_NAME.0));
    }
}

/// Whoever has an address of IPv6 has all of its network.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

fn hold<K>(known: &Mutex<HashMap<K, Bucket>>) -> MutexGuard<'_, HashMap<K, Bucket>> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

fn take<K: Hash + Eq + Clone>(
    known: &mut HashMap<K, Bucket>,
    key: &K,
    (at_once, every): (u32, Duration),
    now: Instant,
) -> bool {
    if let Some(bucket) = known.get_mut(key) {
        return bucket.take(now);
    }
    if known.len() >= KNOWN {
        known.retain(|_, bucket| !bucket.is_full(now));
    }
    if known.len() >= KNOWN {
        return false;
    }
    known.entry(key.clone()).or_insert_with(|| Bucket::one_every(now, every, at_once)).take(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn tries(attempts: &Attempts, now: Instant, from: &str, name: &str) -> usize {
        let name = Private::new(name.to_owned());
        (0..1000).filter(|_| attempts.begin(now, address(from), Some(&name)).is_ok()).count()
    }

    #[test]
    fn who_guesses_is_slowed_down_by_name_and_by_address() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        assert_eq!(tries(&attempts, now, "192.0.2.1", "one"), 10, "by name");
        assert_eq!(tries(&attempts, now, "192.0.2.2", "one"), 0, "from wherever");
        let name = |number: usize| Private::new(format!("n{number}"));
        let of_many =
            (0..1000).filter(|number| attempts.begin(now, address("192.0.2.3"), Some(&name(*number))).is_ok());
        assert_eq!(of_many.count(), 30, "by address");
        assert_eq!(tries(&attempts, now + Duration::from_secs(60), "192.0.2.4", "one"), 6, "one in ten seconds");
    }

    #[test]
    fn what_was_right_does_not_count() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        for number in 0..1000 {
            let name = Private::new(format!("n{}", number % 5));
            attempts.begin(now, address("192.0.2.1"), Some(&name)).expect("all are right");
            attempts.forgive(now, address("192.0.2.1"), Some(&name));
        }
    }

    #[test]
    fn nobody_elsewhere_keeps_a_person_out() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        let (name, home) = (Private::new("one".to_owned()), address("192.0.2.1"));
        attempts.begin(now, home, Some(&name)).expect("the first");
        attempts.forgive(now, home, Some(&name));
        assert_eq!(tries(&attempts, now, "203.0.113.1", "one"), 10);
        assert_eq!(tries(&attempts, now, "203.0.113.2", "one"), 0);
        let at_home = (0..15).filter(|_| attempts.begin(now, home, Some(&name)).is_ok()).count();
        assert_eq!(at_home, 10, "as many as there are, and then it is enough");
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        let host = |number: usize| address(&format!("2001:db8::{number:x}"));
        let of_one = (0..100).filter(|number| attempts.begin(now, host(*number), None).is_ok()).count();
        assert_eq!(of_one, 30);
        assert_eq!(network(address("::ffff:192.0.2.1")), address("192.0.2.1"));
    }

    #[test]
    fn what_is_known_of_a_crowd_is_bounded() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        let crowd = |now| {
            let addresses = (0..2 * KNOWN as u32).map(|host| IpAddr::from((0x0a00_0000 + host).to_be_bytes()));
            addresses.filter(|address| attempts.begin(now, *address, None).is_ok()).count()
        };
        assert_eq!(crowd(now), KNOWN);
        assert_eq!(crowd(now + Duration::from_secs(200)), KNOWN, "they are forgotten");
    }
}
