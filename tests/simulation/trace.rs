//! What was decided, in words that hold nothing of what cryptography has named.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// For each subject (a slot, a camera, a client) what happened to it, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Trace(BTreeMap<String, Vec<(Duration, String)>>);

impl Trace {
    pub(crate) fn note(&mut self, subject: String, when: Duration, what: String) {
        self.0.entry(subject).or_default().push((when, what));
    }

    pub(crate) fn lines(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Fails with the first decision that differs, of all subjects.
    pub(crate) fn assert_same(&self, other: &Self) {
        let subjects: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        let of = |trace: &'_ Self, subject: &String| trace.0.get(subject).cloned().unwrap_or_default();
        let differing = subjects.into_iter().filter_map(|subject| {
            let (here, there) = (of(self, subject), of(other, subject));
            let longest = here.len().max(there.len());
            let at = (0..longest).find(|at| here.get(*at) != there.get(*at))?;
            let when = [here.get(at), there.get(at)].into_iter().flatten().map(|(when, _)| *when).min();
            Some((when, subject, here.get(at).cloned(), there.get(at).cloned()))
        });
        let first = differing.min();
        assert!(first.is_none(), "the same seed decided otherwise: {first:?}");
    }
}
