//! What a worker shows of itself, once a second, to those who ask for metrics or health.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use room::Report;

use crate::tally::Tally;
use crate::watching::Watching;

/// A worker as it last showed itself.
#[derive(Debug, Clone)]
pub struct Shown {
    /// When.
    pub at: Instant,
    /// Its sums.
    pub tally: Tally,
    /// Its rooms, and what their viewers have had since they opened.
    pub rooms: Vec<(Report, Watching)>,
}

/// Where a worker puts it and others find it.
#[derive(Debug)]
pub struct Showcase(Mutex<Shown>);

impl Showcase {
    /// Nothing yet.
    pub fn new(now: Instant) -> Self {
        Self(Mutex::new(Shown { at: now, tally: Tally::default(), rooms: Vec::new() }))
    }

    /// The worker's side.
    pub(crate) fn put(&self, at: Instant, tally: Tally, rooms: Vec<(Report, Watching)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Shown { at, tally, rooms };
    }

    /// Everybody else's side.
    pub fn look(&self) -> Shown {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
