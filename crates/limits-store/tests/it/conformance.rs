//! The store in `SQLite`, put through what every limiter must do.

use std::num::NonZeroU32;
use std::path::Path;

use ambient::Timestamp;
use limits::{Batch, Limiter, Meter};
use limits_conformance::{Restarted, Rig, Stop, conformance};
use limits_store::{Settings, Sqlite};
use tempfile::TempDir;

/// A store in a directory of its own, that writes when it is told to.
#[derive(Debug)]
struct InFile {
    store: Sqlite,
    settings: Settings,
    directory: TempDir,
}

impl InFile {
    fn new(settings: Settings, now: Timestamp) -> Self {
        let directory = directory();
        let store = Sqlite::open(&directory.path().join("limits.db"), settings, now).unwrap();
        Self { store, settings, directory }
    }
}

impl Rig for InFile {
    fn limiter(&self) -> &dyn Limiter {
        &self.store
    }

    fn meter(&self) -> &dyn Meter {
        &self.store
    }

    fn settle(&self, now: Timestamp) {
        self.store.turn(now);
    }

    fn tidy(&self, now: Timestamp) {
        self.settle(now);
        self.store.memory().tidy_all(now);
    }

    fn restart(&mut self, stop: Stop, now: Timestamp) -> Option<Restarted> {
        let alive_until = self.store.stats().alive_until;
        match stop {
            Stop::Clean => self.store.close(now).unwrap(),
            Stop::Crash => self.store.abandon(),
        }
        self.store = Sqlite::open(&self.directory.path().join("limits.db"), self.settings, now).unwrap();
        Some(Restarted { alive_until, batch: u64::from(self.settings.batch.most()) })
    }
}

/// In memory where the system has such a place: the suite commits many thousand times, and none of it is about disks.
fn directory() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

conformance!(with_defaults, |now| InFile::new(Settings::default(), now), keeps: everything);

/// Batches of which a few requests see the end.
fn small() -> Settings {
    Settings { batch: Batch::new(NonZeroU32::new(3).unwrap()), ..Settings::default() }
}

conformance!(with_small_batches, |now| InFile::new(small(), now), keeps: everything);
