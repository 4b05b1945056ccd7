//! Keys that are added or revoked while the server runs take effect without a restart.
//!
//! `token-broker keys` replaces the register of keys whole, so a change shows as another file: its inode, length or time
//! differ. Looking once a second costs one system call and needs no channel that could be spoken to from outside.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use config::Definition;
use listen::DrainSignal;

use crate::chain::Chain;
use crate::state::{ApiKeys, State};

const EVERY: Duration = Duration::from_millis(500);

/// Takes over changed keys until the drain begins.
pub(crate) async fn keys(
    state: State,
    definition: Arc<Definition>,
    chain: Arc<Chain>,
    mut drain: DrainSignal,
) {
    let register = state.path("api-keys.json");
    let mut seen = fingerprint(&register);
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            _grace = drain.begun() => return,
            _tick = ticks.tick() => {}
        }
        let now = fingerprint(&register);
        if now == seen {
            continue;
        }
        seen = now;
        match take_over(&state, &definition, &chain) {
            Ok(keys) => tracing::info!(keys, "API keys changed; the new ones are in force"),
            // The keys in force stay so: half a change admits nobody it should not have admitted before.
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "changed API keys cannot be taken over");
            }
        }
    }
}

fn take_over(state: &State, definition: &Definition, chain: &Chain) -> anyhow::Result<usize> {
    let records = ApiKeys::read(state)?.records(|client| definition.clients.contains_key(client))?;
    let count = records.len();
    chain.take_over(&crate::definition::compile(definition, records)?)?;
    Ok(count)
}

fn fingerprint(path: &PathBuf) -> Option<(u64, u64, i64, i64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec()))
}
