//! The thread that writes.
//!
//! It holds the store only while it writes, so that a store that everybody else has dropped is closed, by whoever was
//! last.

use std::io;
use std::sync::{Arc, Weak};
use std::thread::{self, Thread};
use std::time::Duration;

use ambient::{Clock, Timestamp};

use crate::store::Sqlite;

/// A turn, and some of the memory let go of.
fn round(store: &Sqlite, now: Timestamp) -> Option<Duration> {
    let wait = store.turn(now)?;
    store.memory().tidy(now);
    Some(wait)
}

/// The thread, and the clock it goes by.
#[derive(Debug)]
pub(crate) struct Writer {
    thread: Thread,
    clock: Arc<dyn Clock>,
}

impl Writer {
    pub(crate) fn spawn(store: Weak<Sqlite>, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let of_thread = Arc::clone(&clock);
        let spawned = thread::Builder::new().name("limit-store".into()).spawn(move || {
            // Woken in the middle of a turn, it does not park: nothing that was noted waits for the next second.
            while let Some(wait) = store.upgrade().and_then(|store| round(&store, of_thread.now())) {
                thread::park_timeout(wait);
            }
        })?;
        Ok(Self { thread: spawned.thread().clone(), clock })
    }

    pub(crate) fn wake(&self) {
        self.thread.unpark();
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
