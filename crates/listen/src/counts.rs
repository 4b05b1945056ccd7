//! What became of a listener's connections, in numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts of one listener. Reading them costs nothing; they are written once or twice a connection.
#[derive(Debug, Default)]
pub struct Counts {
    open: AtomicU64,
    refused: AtomicU64,
    cut: AtomicU64,
    displaced: AtomicU64,
}

impl Counts {
    /// Connections open now.
    pub fn open(&self) -> u64 {
        self.open.load(Relaxed)
    }

    /// Connections closed at once since the start, because their address had as many as it may.
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// Connections cut since the start: the peer did not take its answer in time, stayed past the last one, or made work for
    /// nothing. A connection that is closed because it is idle or its head is slow does not count.
    pub fn cut(&self) -> u64 {
        self.cut.load(Relaxed)
    }

    /// Connections closed since the start to make room for others, while they waited for their peer.
    pub fn displaced(&self) -> u64 {
        self.displaced.load(Relaxed)
    }

    pub(crate) fn displace(&self) {
        self.displaced.fetch_add(1, Relaxed);
    }

    pub(crate) fn refuse(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    pub(crate) fn cut_off(&self) {
        self.cut.fetch_add(1, Relaxed);
    }

    pub(crate) fn enter(self: &Arc<Self>) -> Open {
        self.open.fetch_add(1, Relaxed);
        Open(Arc::clone(self))
    }
}

/// One open connection; counted until dropped.
#[derive(Debug)]
pub(crate) struct Open(Arc<Counts>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}
