//! What the store has done, in numbers for metrics.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ambient::Timestamp;

/// What a store has done since it was opened, and how it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stats {
    /// Transactions that are on disk.
    pub commits: u64,
    /// Transactions that could not be written.
    pub failures: u64,
    /// Spends that found nothing set aside.
    pub unready: u64,
    /// Rows written.
    pub rows: u64,
    /// Nothing is admitted at a later effective time, unless a kind of limit is open.
    pub alive_until: Timestamp,
    /// Subjects with state in memory.
    pub subjects: u64,
    /// Whether the file could be written when that was last tried.
    pub writable: bool,
}

/// Counters that any thread may look at.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    commits: AtomicU64,
    failures: AtomicU64,
    unready: AtomicU64,
    rows: AtomicU64,
    alive_until: AtomicU64,
    lost: AtomicBool,
}

impl Counters {
    pub(crate) fn committed(&self, rows: usize, alive_until: Timestamp) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.rows.fetch_add(u64::try_from(rows).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.alive_until.store(alive_until.as_micros(), Ordering::Relaxed);
    }

    /// A run has begun.
    pub(crate) fn began(&self, alive_until: Timestamp) {
        self.alive_until.store(alive_until.as_micros(), Ordering::Relaxed);
    }

    pub(crate) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Sets whether the file counts as one that cannot be written.
    pub(crate) fn lose(&self, lost: bool) {
        self.lost.store(lost, Ordering::Relaxed);
    }

    pub(crate) fn unready(&self) {
        self.unready.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    pub(crate) fn stats(&self, subjects: usize) -> Stats {
        Stats {
            commits: self.commits.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            unready: self.unready.load(Ordering::Relaxed),
            rows: self.rows.load(Ordering::Relaxed),
            alive_until: Timestamp::from_micros(self.alive_until.load(Ordering::Relaxed)),
            subjects: u64::try_from(subjects).unwrap_or(u64::MAX),
            writable: !self.is_lost(),
        }
    }
}
