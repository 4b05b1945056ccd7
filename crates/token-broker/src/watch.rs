//! Keys that are added or revoked while the server runs take effect without a restart.
//!
//! `token-broker keys` replaces the register of keys whole, so a change shows as another file: its inode, length or time
//! differ. Looking twice a second costs one system call and needs no channel that could be spoken to from outside.
//!
//! A revocation must get through. A change that cannot be taken over whole is tried again at every look; meanwhile the
//! keys that the register no longer has are taken out of what is in force. Until a change is taken over, the server says
//! that it is not ready.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ambient::Timestamp;
use config::Definition;
use listen::DrainSignal;

use crate::chain::Chain;
use crate::presence::Fingerprint;
use crate::state::{ApiKeys, State};

const EVERY: Duration = Duration::from_millis(500);

/// What the watch works on.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    pub(crate) state: State,
    pub(crate) definition: Arc<Definition>,
    /// When the server started. Waivers are judged as they were then: one that has expired since stops the next start, and
    /// not a change of keys, which has nothing to do with it.
    pub(crate) started: Timestamp,
    pub(crate) chain: Arc<Chain>,
    /// Whether the keys in force are those of the register.
    pub(crate) in_step: Arc<AtomicBool>,
}

/// Takes over changed keys until the drain begins. `seen` is the register that the server started with.
pub(crate) async fn keys(watch: Watch, seen: Fingerprint, mut drain: DrainSignal) {
    // None once a change could not be taken over: from then on even the register that was in force before is a change.
    let mut in_force = Some(seen);
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            _grace = drain.begun() => return,
            _tick = ticks.tick() => {}
        }
        let now = Fingerprint::of(&watch.state);
        if in_force == Some(now) {
            continue;
        }
        // Files are read and written and keys are hashed: not on a thread that answers requests.
        let work = watch.clone();
        let taken_over = tokio::task::spawn_blocking(move || work.take_over(now)).await;
        match taken_over {
            Ok(Ok(keys)) => {
                in_force = Some(now);
                watch.in_step.store(true, Ordering::Release);
                tracing::info!(keys, "API keys changed; the new ones are in force");
            }
            failed => {
                in_force = None;
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
    fn take_over(&self, register: Fingerprint) -> anyhow::Result<usize> {
        let keys = ApiKeys::read(&self.state)?;
        let active: HashSet<&str> = keys.active().map(|entry| entry.id.as_str()).collect();
        let whole = keys
            .records(|client| self.definition.clients.contains_key(client))
            .and_then(|records| crate::definition::compile(&self.definition, records, self.started))
            .and_then(|checked| self.chain.take_over(&checked.compiled));
        if whole.is_err() {
            self.chain.keep_only(&active);
        }
        whole?;
        register.publish(&self.state)?;
        Ok(active.len())
    }
}
