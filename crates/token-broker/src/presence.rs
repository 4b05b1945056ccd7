//! Whether a server runs on a state directory, and which register of keys it goes by.
//!
//! A server holds a lock for as long as it lives, so that there is one, and so that a file it left behind when it was
//! killed is not believed. It writes down which register is in force, so that a command that changes keys can wait until
//! the server has followed.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::bail;

use crate::state::State;

/// What tells one state of a file from another, of the register of keys most often. None if there is no such file, or none
/// that may be looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Fingerprint(Option<Seen>);

/// What a file's system says of it. Times are in seconds and nanoseconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Seen {
    inode: u64,
    size: u64,
    written: (i64, i64),
    /// When anything about it changed last, such as who may read it: a file that was refused for that can be good without
    /// having been written.
    changed: (i64, i64),
}

impl Fingerprint {
    /// The register as it is now.
    pub(crate) fn of(state: &State) -> Self {
        Self::of_file(&state.path("api-keys.json"))
    }

    /// Any file as it is now, wherever links lead.
    pub(crate) fn of_file(path: &Path) -> Self {
        let metadata = std::fs::metadata(path).ok();
        Self(metadata.map(|file| Seen {
            inode: file.ino(),
            size: file.size(),
            written: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        }))
    }

    /// Says in the state directory that this register is in force.
    pub(crate) fn publish(self, state: &State) -> anyhow::Result<()> {
        state.write(IN_FORCE, format!("{self:?}").as_bytes())
    }

    /// Takes back what was published: the server has stopped.
    pub(crate) fn unpublish(state: &State) -> anyhow::Result<()> {
        state.remove(IN_FORCE)
    }

    /// Whether the running server says that this register is in force.
    fn is_in_force(self, state: &State) -> bool {
        let said = state.read(IN_FORCE).ok().flatten();
        said.is_some_and(|said| said.as_slice() == format!("{self:?}").as_bytes())
    }
}

/// Whether a change of keys has reached the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reached {
    /// No server runs; the next one starts with the change.
    NoServer,
    /// It is in force.
    InForce,
    /// A server runs and has not taken it over.
    NotYet,
}

impl Reached {
    /// What a person is told. A change that did not arrive is an error: who revokes a key must not believe it dead.
    pub(crate) fn told(self) -> anyhow::Result<&'static str> {
        match self {
            Self::NoServer => Ok("no server runs; the next one starts with it"),
            Self::InForce => Ok("in force on the running server"),
            Self::NotYet => bail!(
                "the register is changed, but the running server has not taken it over within 3 s; \
                 see its log and `/readyz`"
            ),
        }
    }
}

/// Waits until the server that runs on this state directory, if one does, has taken the register over.
pub(crate) fn reached(state: &State) -> Reached {
    let changed = Fingerprint::of(state);
    for _ in 0..LOOKS {
        match server_runs(state) {
            Ok(false) => return Reached::NoServer,
            Ok(true) if changed.is_in_force(state) => return Reached::InForce,
            // Not yet, or nobody can tell at the moment.
            _ => std::thread::park_timeout(BETWEEN_LOOKS),
        }
    }
    Reached::NotYet
}

/// Whether a server runs on this state directory: it has said so, and holds its lock.
///
/// To see whether a lock is held is to share it for a moment. A server that starts just then would find it taken, so it is
/// only tried where one has said that it runs; and `up` tries more than once.
pub(crate) fn server_runs(state: &State) -> anyhow::Result<bool> {
    Ok(state.path(IN_FORCE).exists() && state.is_locked(LOCK)?)
}

/// Takes the lock of the one server on this state directory, or says that another has it and keeps it for as long as
/// `patience`. `waits` is called once if it has to be waited for.
pub(crate) fn hold(state: &State, patience: Duration, waits: impl FnOnce()) -> anyhow::Result<Option<File>> {
    let mut waits = Some(waits);
    let tries = patience.as_millis() / BETWEEN_LOOKS.as_millis();
    for number in 0..=tries {
        if let Some(held) = state.try_lock(LOCK)? {
            return Ok(Some(held));
        }
        // At first it may only be somebody who asks whether it is held.
        if number >= ASKS
            && let Some(waits) = waits.take()
        {
            waits();
        }
        std::thread::park_timeout(BETWEEN_LOOKS);
    }
    Ok(None)
}

/// How long whoever only asks may be in the way.
pub(crate) const AT_ONCE: Duration = Duration::from_millis(200);

/// The file that says which register is in force.
const IN_FORCE: &str = "keys-in-force";

/// The lock that a running server holds.
const LOCK: &str = "lock";
const ASKS: u128 = 4;

/// How often, and with what pause, a change is looked for: six times as long as the server takes at most.
const LOOKS: u32 = 60;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
