//! What the pool says: what is to be done with invocations and processes.

use std::time::Duration;

use super::ProcessId;
use crate::ending::Ending;

/// What became of a new invocation.
#[derive(Debug)]
pub(crate) enum Submitted<P> {
    /// An idle process has it; its request is to be woken.
    Handed(P),
    /// It waits for a process that is about to be idle.
    Waits,
    /// It waits for this process, which is to be started.
    Starts(ProcessId),
}

/// Why an invocation is not even tried.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    /// There are as many processes as there may be, and all are busy.
    Throttled,
    /// The function failed to start several times, and is left alone for a while.
    Failing,
    /// The host shuts down.
    Closed,
}

/// What a process gets that asks for an invocation.
#[derive(Debug)]
pub(crate) enum Next<'a, J> {
    /// This one.
    Event(&'a mut J),
    /// Nothing yet. The token says which request waits.
    Parked(u64),
    /// Nothing ever again: it is to be told to end.
    Leaves,
    /// Nothing: the pool has given it up already.
    Gone,
}

/// Why an answer is not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NotTaken {
    /// The process is not running any invocation.
    NotRunning,
    /// It is running another one.
    OtherId,
}

/// What time says about a process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// Nothing until then, if it does not do anything itself.
    StaysUntil(Duration),
    /// It is to end; the pool no longer counts on it.
    Ends(Ending),
    /// Nothing: the pool has given it up already.
    GivenUp,
}

/// What follows for others when a process has gone or lingers.
#[derive(Debug)]
pub(crate) struct Aftermath<J, P> {
    /// Invocations that failed with the process.
    pub(crate) failed: Vec<J>,
    /// Invocations that waited for it, and that no other process can take.
    pub(crate) refused: Vec<(J, Refusal)>,
    /// Requests of idle processes that have got an invocation of it instead.
    pub(crate) wake: Vec<P>,
    /// Processes to start in its place, for those who still wait.
    pub(crate) start: Vec<ProcessId>,
}

impl<J, P> Default for Aftermath<J, P> {
    fn default() -> Self {
        Self { failed: Vec::new(), refused: Vec::new(), wake: Vec::new(), start: Vec::new() }
    }
}
