//! Keys that are added or revoked while the server runs take effect without a restart.
//!
//! `token-broker keys` replaces the register of keys whole, so a change shows as another file: its inode, length or time
//! differ. Looking twice a second costs one system call and needs no channel that could be spoken to from outside.
//!
//! A revocation must get through. A change that cannot be taken over whole is tried again at every look; meanwhile the
//! keys that the register no longer has are taken out of what is in force. Until a change is taken over, the server says
//! that it is not ready.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::bail;
use config::Definition;
use listen::DrainSignal;

use crate::chain::Chain;
use crate::state::{ApiKeys, State};

const EVERY: Duration = Duration::from_millis(500);

/// The file that says which register is in force.
const IN_FORCE: &str = "keys-in-force";

/// The lock that a running server holds.
pub(crate) const LOCK: &str = "lock";

/// How often, and with what pause, a change is looked for: six times as long as the server takes at most.
const LOOKS: u32 = 60;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// What tells one state of the register from another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Fingerprint(Option<(u64, u64, i64, i64)>);

impl Fingerprint {
    /// The register as it is now.
    pub(crate) fn of(state: &State) -> Self {
        Self::of_file(&state.path("api-keys.json"))
    }

    fn of_file(path: &Path) -> Self {
        let metadata = std::fs::metadata(path).ok();
        Self(metadata.map(|file| (file.ino(), file.size(), file.mtime(), file.mtime_nsec())))
    }

    /// Says in the state directory that this register is in force.
    pub(crate) fn publish(self, state: &State) -> anyhow::Result<()> {
        state.write(IN_FORCE, format!("{self:?}").as_bytes())
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
pub(crate) fn reached(state: &State) -> anyhow::Result<Reached> {
    let changed = Fingerprint::of(state);
    for _ in 0..LOOKS {
        if state.try_lock(LOCK)?.is_some() {
            return Ok(Reached::NoServer);
        }
        if changed.is_in_force(state) {
            return Ok(Reached::InForce);
        }
        std::thread::park_timeout(BETWEEN_LOOKS);
    }
    Ok(Reached::NotYet)
}

/// What the watch works on.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    pub(crate) state: State,
    pub(crate) definition: Arc<Definition>,
    pub(crate) chain: Arc<Chain>,
    /// Whether the keys in force are those of the register.
    pub(crate) in_step: Arc<AtomicBool>,
}

/// Takes over changed keys until the drain begins. `seen` is the register that the server started with.
pub(crate) async fn keys(watch: Watch, mut seen: Fingerprint, mut drain: DrainSignal) {
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            _grace = drain.begun() => return,
            _tick = ticks.tick() => {}
        }
        let now = Fingerprint::of(&watch.state);
        if now == seen {
            continue;
        }
        // Files are read and keys are hashed: not on a thread that answers requests.
        let work = watch.clone();
        let taken_over = tokio::task::spawn_blocking(move || work.take_over()).await;
        match taken_over {
            Ok(Ok(keys)) => {
                seen = now;
                watch.in_step.store(true, Ordering::Release);
                if let Err(error) = now.publish(&watch.state) {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "nobody can be told that the keys are in force"
                    );
                }
                tracing::info!(keys, "API keys changed; the new ones are in force");
            }
            failed => {
                if watch.in_step.swap(false, Ordering::AcqRel) {
                    let error = failed.map_or_else(
                        |panic| panic.to_string(),
                        |taken_over| taken_over.err().map(|error| format!("{error:#}")).unwrap_or_default(),
                    );
                    tracing::error!(error, "changed API keys cannot be taken over; trying again");
                }
            }
        }
    }
}

impl Watch {
    fn take_over(&self) -> anyhow::Result<usize> {
        let keys = ApiKeys::read(&self.state)?;
        let active: HashSet<&str> = keys.active().map(|entry| entry.id.as_str()).collect();
        let whole = keys
            .records(|client| self.definition.clients.contains_key(client))
            .and_then(|records| crate::definition::compile(&self.definition, records))
            .and_then(|compiled| self.chain.take_over(compiled));
        if whole.is_err() {
            self.chain.keep_only(&active)?;
        }
        whole?;
        Ok(active.len())
    }
}
