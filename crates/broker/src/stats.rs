//! Counters, for a metrics page.

mod upstream;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use crate::CacheOutcome;

pub(crate) use upstream::Called;
pub use upstream::UpstreamCounts;

/// What the broker has counted since it started.
#[derive(Debug, Default)]
pub struct BrokerStats {
    allowed: AtomicU64,
    // Reasons are words of this program, so there are few. The lock is only ever written for a word's first time.
    refused: RwLock<BTreeMap<&'static str, AtomicU64>>,
    hits: AtomicU64,
    refreshes: AtomicU64,
    stale: AtomicU64,
    misses: AtomicU64,
    joined: AtomicU64,
    upstream_calls: AtomicU64,
    upstream_failures: AtomicU64,
    // Once a call, and calls are few.
    upstream: Mutex<UpstreamCounts>,
    audit_lost: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BrokerCounts {
    /// Requests that policy allowed.
    pub allowed: u64,
    /// Requests that got no token, by reason: denied ones, and allowed ones that failed.
    pub refused: BTreeMap<&'static str, u64>,
    /// Tokens served from the cache.
    pub hits: u64,
    /// Tokens served from the cache by requests that started a renewal.
    pub refreshes: u64,
    /// Tokens served from the cache after a renewal had failed.
    pub stale: u64,
    /// Requests that started a call upstream and waited for it.
    pub misses: u64,
    /// Requests that waited for the call of another.
    pub joined: u64,
    /// Calls upstream that have ended.
    pub upstream_calls: u64,
    /// Those that brought no token.
    pub upstream_failures: u64,
    /// Audit records that were not accepted.
    pub audit_lost: u64,
}

impl BrokerStats {
    /// The counters now. Each is exact; they are not read in one instant.
    pub fn counts(&self) -> BrokerCounts {
        BrokerCounts {
            allowed: read(&self.allowed),
            refused: self.refused.read().iter().map(|(reason, count)| (*reason, read(count))).collect(),
            hits: read(&self.hits),
            refreshes: read(&self.refreshes),
            stale: read(&self.stale),
            misses: read(&self.misses),
            joined: read(&self.joined),
            upstream_calls: read(&self.upstream_calls),
            upstream_failures: read(&self.upstream_failures),
            audit_lost: read(&self.audit_lost),
        }
    }

    pub(crate) fn allowed(&self) {
        add(&self.allowed);
    }

    pub(crate) fn refused(&self, reason: &'static str) {
        if let Some(count) = self.refused.read().get(reason) {
            return add(count);
        }
        add(self.refused.write().entry(reason).or_default());
    }

    pub(crate) fn fetched(&self, outcome: CacheOutcome) {
        match outcome {
            CacheOutcome::None => {}
            CacheOutcome::Hit => add(&self.hits),
            CacheOutcome::Refresh => add(&self.refreshes),
            CacheOutcome::Stale => add(&self.stale),
            CacheOutcome::Miss => add(&self.misses),
            CacheOutcome::Joined => add(&self.joined),
        }
    }

    /// What calls upstream took and came to.
    pub fn upstream(&self) -> UpstreamCounts {
        self.upstream.lock().clone()
    }

    pub(crate) fn called_upstream(&self, called: Called) {
        self.upstream.lock().add(called);
        if called.error.is_some() {
            add(&self.upstream_failures);
        }
        // Last: whoever sees the call counted sees all of it.
        add(&self.upstream_calls);
    }

    pub(crate) fn audit_lost(&self) {
        add(&self.audit_lost);
    }
}

fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

fn read(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}
