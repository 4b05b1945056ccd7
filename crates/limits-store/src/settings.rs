//! What can be chosen about a store: how far ahead it records, and what happens while it cannot.

use std::time::Duration;

use limits::{Batch, Gate};

/// How a store works.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Settings {
    /// How much of a quota is set aside at a time: as much as a crash can lose of it.
    pub batch: Batch,
    /// How far ahead of the clock spends are admitted without asking the disk: as long as everybody waits after a crash
    /// before buckets refill. Less than [`Settings::SHORTEST_LEASE`] counts as that.
    pub lease: Duration,
    /// What happens while the file cannot be written.
    pub when_lost: WhenLost,
}

impl Settings {
    /// Shorter ones would leave a disk no time.
    pub const SHORTEST_LEASE: Duration = Duration::from_millis(100);
}

impl Default for Settings {
    /// Batches of at most 1,000, a lease of 5 seconds, and both kinds closed when the store is lost.
    fn default() -> Self {
        Self { batch: Batch::default(), lease: Duration::from_secs(5), when_lost: WhenLost::default() }
    }
}

/// What happens to each kind of limit while the file cannot be written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct WhenLost {
    /// Token buckets.
    pub buckets: Lost,
    /// Quotas.
    pub quotas: Lost,
}

/// What happens to a kind of limit while the file cannot be written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Lost {
    /// What is recorded ahead is handed out, and then nothing. The law holds.
    #[default]
    Closed,
    /// Memory alone decides. What it admits is forgotten if the process dies: the law is suspended.
    Open,
}

impl From<WhenLost> for Gate {
    fn from(when: WhenLost) -> Self {
        Self { buckets: when.buckets == Lost::Open, quotas: when.quotas == Lost::Open }
    }
}
