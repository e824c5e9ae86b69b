//! A session's place among those of its subject, and how one that is silent lends its own to a newcomer: nobody enters a room
//! without a place, and nobody loses one to a newcomer that is refused there.

use std::future::pending;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::limit::ANSWER_TIMEOUT;
use crate::quota::Share;

/// What a session has.
#[derive(Debug)]
pub(super) enum Place {
    /// Its share.
    Own(Share),
    /// Nothing, until the newcomer that has it gives it back.
    Lent(oneshot::Receiver<Return>),
}

/// What a newcomer has until it is in: a share that was free, or one that is lent, which goes back when this is dropped.
#[derive(Debug)]
pub(super) struct Loan {
    /// None once it is settled whose it is.
    share: Option<Share>,
    lender: Option<oneshot::Sender<Return>>,
}

/// A share that comes back to who has lent it.
#[derive(Debug)]
pub(super) struct Return {
    /// It.
    pub(super) share: Share,
    /// Where it is to go if its owner is silent still: the newcomer is in.
    pub(super) keeper: Option<oneshot::Sender<Share>>,
}

impl Place {
    /// Lends it; none if somebody has it already.
    pub(super) fn lend(&mut self) -> Option<Loan> {
        let (back, returned) = oneshot::channel();
        match std::mem::replace(self, Self::Lent(returned)) {
            Self::Own(share) => Some(Loan { share: Some(share), lender: Some(back) }),
            lent @ Self::Lent(_) => {
                *self = lent;
                None
            }
        }
    }

    /// Ready when what was lent comes back.
    pub(super) async fn returned(&mut self) -> Return {
        if let Self::Lent(returned) = self
            && let Ok(returned) = returned.await
        {
            return returned;
        }
        pending().await
    }
}

impl Loan {
    /// Of a share that is nobody's.
    pub(super) fn free(share: Share) -> Self {
        Self { share: Some(share), lender: None }
    }

    /// Takes it for good. None if its lender has been heard of since, or does not say so in time.
    pub(super) async fn keep(mut self) -> Option<Share> {
        let share = self.share.take()?;
        let Some(lender) = self.lender.take() else { return Some(share) };
        let (keeper, kept) = oneshot::channel();
        match lender.send(Return { share, keeper: Some(keeper) }) {
            Ok(()) => timeout(ANSWER_TIMEOUT, kept).await.ok()?.ok(),
            // It has gone by itself meanwhile.
            Err(Return { share, .. }) => Some(share),
        }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let (Some(share), Some(lender)) = (self.share.take(), self.lender.take()) {
            // When the lender is gone, the share is free.
            let _gone: Result<(), Return> = lender.send(Return { share, keeper: None });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use room::{Grants, Identity};
    use signaling::{Private, Role};

    use super::*;
    use crate::quota::{Account, Quota};

    /// A subject that has all its places but one, and the last.
    fn last() -> (Account, Vec<Share>, Place) {
        let name = || Private::new("Dr. Example One".to_owned());
        let identity =
            Identity { subject: name(), name: name(), role: Role::Display, site: None, grants: Grants::default() };
        let account = Quota::default().account(Instant::now(), &identity);
        let mut shares: Vec<_> = std::iter::from_fn(|| account.share()).take(1000).collect();
        let last = shares.pop().expect("it has some");
        (account, shares, Place::Own(last))
    }

    #[tokio::test]
    async fn what_is_lent_comes_back_from_who_was_not_let_in() {
        let (account, _others, mut place) = last();
        let loan = place.lend().expect("it is there");
        assert!(place.lend().is_none(), "nobody else is promised it");
        drop(loan);
        let Return { share, keeper } = place.returned().await;
        assert!(keeper.is_none() && account.share().is_none(), "it was never free");
        place = Place::Own(share);
        assert!(place.lend().is_some());
    }

    #[tokio::test]
    async fn who_is_in_keeps_it_if_the_lender_lets_it() {
        for is_silent in [true, false] {
            let (account, _others, mut place) = last();
            let loan = place.lend().expect("it is there");
            let lender = async {
                let Return { share, keeper } = place.returned().await;
                let keeper = keeper.filter(|_| is_silent);
                keeper.map_or_else(|| true, |keeper| keeper.send(share).is_err())
            };
            let (kept, _) = tokio::join!(loan.keep(), lender);
            assert_eq!(kept.is_some(), is_silent);
            drop(kept);
            assert!(account.share().is_some(), "it is free when nobody has it");
        }
    }

    #[tokio::test]
    async fn when_the_lender_goes_the_share_is_the_newcomers() {
        let (account, _others, mut place) = last();
        let loan = place.lend().expect("it is there");
        drop(place);
        assert!(account.share().is_none(), "it has still been taken");
        let kept = loan.keep().await;
        assert!(kept.is_some() && account.share().is_none());
    }
}
