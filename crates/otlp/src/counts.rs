//! How many spans have got how far.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters, read when somebody asks.
#[derive(Debug, Default)]
pub struct Counts {
    exported: AtomicU64,
    dropped: [AtomicU64; Dropped::ALL.len()],
}

/// Why a span was dropped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dropped {
    /// There was no room in the queue.
    QueueFull,
    /// The collector would not have it.
    Refused,
    /// The collector could not be reached, or took nothing, for too long.
    Unreachable,
    /// The program stopped before it was sent.
    Stopped,
}

impl Dropped {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::QueueFull, Self::Refused, Self::Unreachable, Self::Stopped];

    /// The word in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Stopped => "stopped",
        }
    }

    const fn place(self) -> usize {
        match self {
            Self::QueueFull => 0,
            Self::Refused => 1,
            Self::Unreachable => 2,
            Self::Stopped => 3,
        }
    }
}

impl Counts {
    /// Spans that the collector has taken.
    pub fn exported(&self) -> u64 {
        self.exported.load(Relaxed)
    }

    /// Spans that were dropped, by reason.
    pub fn dropped(&self) -> [(Dropped, u64); Dropped::ALL.len()] {
        Dropped::ALL.map(|why| (why, self.dropped.get(why.place()).map_or(0, |count| count.load(Relaxed))))
    }

    pub(crate) fn export(&self, spans: u64) {
        self.exported.fetch_add(spans, Relaxed);
    }

    pub(crate) fn lose(&self, why: Dropped, spans: u64) {
        if let Some(count) = self.dropped.get(why.place()) {
            count.fetch_add(spans, Relaxed);
        }
    }
}
