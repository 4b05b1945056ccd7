//! The handle: spends go to memory, everything else to the ledger.
//!
//! A spend takes no lock of the store's and never waits for the disk. It notes what runs low and wakes the writer, which
//! takes the ledger and writes. Whoever defines, reads or extends takes the ledger too, and may wait for the disk.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ambient::{Clock, Timestamp};
use limits::{
    Charge, Charges, Decision, DefineError, Limit, LimitId, LimitName, Limiter, Memory, Spending, Spent,
    StoreError,
};
use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};

use crate::ledger::{Desk, Ledger};
use crate::refusal::OpenError;
use crate::settings::Settings;
use crate::stats::{Counters, Stats};
use crate::writer::Writer;

/// Limits kept in one `SQLite` file. See the crate's documentation.
pub struct Sqlite {
    path: PathBuf,
    crash: Option<Timestamp>,
    memory: Memory,
    counters: Counters,
    /// Quotas that run low, for the next turn. Held for a push or a swap only.
    noted: Mutex<Vec<Charge>>,
    /// `None` once it is closed.
    ledger: Mutex<Option<Ledger>>,
    writer: OnceLock<Writer>,
}

impl Sqlite {
    /// Opens the file at `path`, or makes it, and takes it for this process. Its directory must be there.
    ///
    /// After an unclean stop what the last process may have handed out counts as used.
    pub fn open(path: &Path, settings: Settings, now: Timestamp) -> Result<Self, OpenError> {
        let settings = Settings { lease: settings.lease.max(Settings::SHORTEST_LEASE), ..settings };
        let memory = Memory::backed(settings.batch);
        let (path, ledger) = Ledger::open(path, settings, &memory, now)?;
        let counters = Counters::default();
        counters.began(ledger.run.alive_until);
        Ok(Self {
            path,
            crash: ledger.crash,
            memory,
            counters,
            noted: Mutex::default(),
            ledger: Mutex::new(Some(ledger)),
            writer: OnceLock::new(),
        })
    }

    /// Starts the thread that writes, until the store is closed or dropped. A store has one; to start it again does
    /// nothing.
    pub fn start(self: &Arc<Self>, clock: Arc<dyn Clock>) -> io::Result<()> {
        if self.writer.get().is_none() {
            let writer = Writer::spawn(Arc::downgrade(self), clock)?;
            // Of two that start it at a time one is too many, and does no harm: the ledger has one owner at a time.
            let _first_stays = self.writer.set(writer);
        }
        Ok(())
    }

    /// Writes what there is to write: what the thread does, once. Says after how long there may be more, or `None` once
    /// the store is closed.
    pub fn turn(&self, now: Timestamp) -> Option<Duration> {
        let mut ledger = self.ledger().ok()?;
        ledger.low.append(&mut self.noted.lock());
        Some(ledger.turn(self.desk(), now))
    }

    /// Spends every charge or none, and says so at once.
    pub fn spend_now(&self, now: Timestamp, charges: &Charges) -> Decision {
        let Spent { decision, low } = self.memory.spend_noting(now, charges);
        let unready = matches!(decision, Decision::Unready { .. });
        if unready {
            self.counters.unready();
        }
        if !low.as_slice().is_empty() {
            self.noted.lock().extend_from_slice(low.as_slice());
        }
        // A lost store is tried again in its own time.
        if (unready && !self.counters.is_lost()) || !low.as_slice().is_empty() {
            self.wake();
        }
        decision
    }

    /// Stops: what was spent is written exactly, and the next run begins as if this one had not stopped. Nothing is
    /// admitted from here on.
    ///
    /// If it cannot be written the next run takes this one for one that has died. Closing again does nothing.
    pub fn close(&self, now: Timestamp) -> Result<(), StoreError> {
        let Some(ledger) = self.ledger.lock().take() else { return Ok(()) };
        self.memory.shut();
        self.wake();
        ledger.close(self.desk(), now).map_err(|error| {
            self.counters.failed();
            StoreError::Unavailable(error.into())
        })
    }

    /// Lets go of the file without a word, as if the process had died. For tests of what happens then.
    pub fn abandon(&self) {
        self.memory.shut();
        drop(self.ledger.lock().take());
        self.wake();
    }

    /// Until when the process before this one may have admitted requests, if it died: every bucket is empty until then,
    /// and of each quota up to a batch counts as used. `None` after a clean stop, and for a new file.
    pub fn crash(&self) -> Option<Timestamp> {
        self.crash
    }

    /// What it has done, and how it is.
    pub fn stats(&self) -> Stats {
        self.counters.stats(self.memory.subjects())
    }

    /// The limiter in front of the file: to look at, since what it is told here is not recorded.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn ledger(&self) -> Result<MappedMutexGuard<'_, Ledger>, StoreError> {
        let closed = |_| StoreError::Unavailable("the limit store is closed".into());
        MutexGuard::try_map(self.ledger.lock(), Option::as_mut).map_err(closed)
    }

    pub(crate) fn desk(&self) -> Desk<'_> {
        Desk { memory: &self.memory, counters: &self.counters, path: &self.path }
    }

    fn wake(&self) {
        if let Some(writer) = self.writer.get() {
            writer.wake();
        }
    }
}

impl Limiter for Sqlite {
    fn define(&self, name: LimitName, limit: Limit, now: Timestamp) -> Result<LimitId, DefineError> {
        match self.ledger() {
            Ok(mut ledger) => ledger.define(self.desk(), name, limit, now),
            Err(error) => Err(DefineError::Store { name, source: error.into() }),
        }
    }

    fn spend<'a>(&'a self, now: Timestamp, charges: &'a Charges) -> Spending<'a> {
        Spending::ready(Ok(self.spend_now(now, charges)))
    }
}

impl Drop for Sqlite {
    /// Closes the store, at the time that its clock shows or that it was last told.
    fn drop(&mut self) {
        let seen = self.ledger.get_mut().as_ref().map(|ledger| ledger.seen);
        let Some(seen) = seen else { return };
        let now = self.writer.get().map_or(seen, Writer::now);
        if let Err(error) = self.close(now) {
            tracing::error!(path = %self.path.display(), error = %crate::chain(&error), "limits are not written exactly");
        }
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
