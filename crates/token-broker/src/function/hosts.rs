//! The hosts of a function's processes: that of the definition in force, and those whose requests still finish.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lambda_host::{Errors, Host, Stats};

use crate::chain::Generation;

/// All hosts there are, and what those that are gone have counted.
#[derive(Debug, Default)]
pub(crate) struct Hosts(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    alive: BTreeMap<Generation, Arc<Host>>,
    gone: Stats,
}

impl Hosts {
    /// Takes in the host of a generation.
    pub(crate) fn add(&self, generation: Generation, host: &Arc<Host>) {
        self.lock().alive.insert(generation, Arc::clone(host));
    }

    /// What all of them have counted, and how many processes there are.
    pub(crate) fn stats(&self) -> Stats {
        let inner = self.lock();
        inner.alive.values().map(|host| host.stats()).fold(inner.gone, plus)
    }

    /// Ends the processes of a generation that nobody calls any more.
    pub(crate) async fn retire(&self, generation: Generation) {
        let host = self.lock().alive.get(&generation).cloned();
        let Some(host) = host else { return };
        host.shutdown(IDLE).await;
        let mut inner = self.lock();
        if inner.alive.remove(&generation).is_some() {
            inner.gone = plus(inner.gone, host.stats());
        }
    }

    /// Ends all processes. Invocations under way have `grace`.
    pub(crate) async fn shutdown(&self, grace: Duration) {
        let hosts: Vec<_> = self.lock().alive.values().cloned().collect();
        for host in hosts {
            host.shutdown(grace).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn plus(a: Stats, b: Stats) -> Stats {
    Stats {
        invocations: a.invocations + b.invocations,
        throttles: a.throttles + b.throttles,
        cold_starts: a.cold_starts + b.cold_starts,
        errors: errors(a.errors, b.errors),
        duration: a.duration.saturating_add(b.duration),
        processes: a.processes + b.processes,
        idle: a.idle + b.idle,
    }
}

fn errors(a: Errors, b: Errors) -> Errors {
    Errors {
        function: a.function + b.function,
        init: a.init + b.init,
        exit: a.exit + b.exit,
        timeout: a.timeout + b.timeout,
        out_of_memory: a.out_of_memory + b.out_of_memory,
        too_large: a.too_large + b.too_large,
        malformed: a.malformed + b.malformed,
        shutdown: a.shutdown + b.shutdown,
    }
}

/// Processes that nobody has called for a while have nothing to finish.
const IDLE: Duration = Duration::from_secs(1);
