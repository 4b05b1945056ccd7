//! How many handshakes there were, and what became of them.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::failure::FailureClass;

/// How many handshakes there were, and what became of them.
#[derive(Debug, Default)]
pub struct Counts {
    completed: [AtomicU64; 2],
    failed: [AtomicU64; FailureClass::ALL.len()],
}

impl Counts {
    /// How many were completed, by TLS 1.2 and by TLS 1.3.
    pub fn completed(&self) -> [u64; 2] {
        self.completed.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    /// How many failed, by why.
    pub fn failed(&self) -> impl Iterator<Item = (FailureClass, u64)> {
        let counts = self.failed.iter().map(|count| count.load(Ordering::Relaxed));
        FailureClass::ALL.into_iter().zip(counts)
    }

    pub(crate) fn complete(&self, is_tls13: bool) {
        let [tls12, tls13] = &self.completed;
        if is_tls13 { tls13 } else { tls12 }.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn fail(&self, class: FailureClass) {
        for (other, count) in FailureClass::ALL.iter().zip(&self.failed) {
            if *other == class {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}
