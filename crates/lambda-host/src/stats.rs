//! What a host counts.

use std::time::Duration;

use crate::ending::Ending;
use crate::pool::{Aftermath, Refusal};

/// What a host has counted since it was made, and what there is now.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Stats {
    /// Invocations that were taken; those that were throttled are not among them.
    pub invocations: u64,
    /// Invocations that were refused because all processes were busy.
    pub throttles: u64,
    /// Invocations for which a process had to be started first.
    pub cold_starts: u64,
    /// Invocations that failed.
    pub errors: Errors,
    /// How long the invocations that were answered have taken together, from handing over the event to the answer.
    pub duration: Duration,
    /// Processes there are now.
    pub processes: usize,
    /// Processes that wait for an invocation now.
    pub idle: usize,
}

/// Invocations that failed, by what was wrong.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Errors {
    /// The function said so itself.
    pub function: u64,
    /// No process could be started or got ready for it.
    pub init: u64,
    /// Its process exited.
    pub exit: u64,
    /// The function's timeout passed.
    pub timeout: u64,
    /// Its process had more memory than allowed.
    pub out_of_memory: u64,
    /// The reply was too large.
    pub too_large: u64,
    /// The reply was no proxy reply.
    pub malformed: u64,
    /// The host shut down.
    pub shutdown: u64,
}

impl Errors {
    /// All of them.
    pub const fn total(&self) -> u64 {
        let Self { function, init, exit, timeout, out_of_memory, too_large, malformed, shutdown } = *self;
        function + init + exit + timeout + out_of_memory + too_large + malformed + shutdown
    }

    /// Counts `invocations` that failed because their process ended.
    pub(crate) fn count(&mut self, ending: Ending, invocations: usize) {
        let counter = match ending {
            Ending::NotStarted | Ending::InitTimedOut | Ending::InitFailed | Ending::InitExited => {
                &mut self.init
            }
            Ending::Exited => &mut self.exit,
            Ending::TimedOut => &mut self.timeout,
            Ending::OutOfMemory => &mut self.out_of_memory,
            Ending::Spare | Ending::Shutdown => &mut self.shutdown,
        };
        *counter += u64::try_from(invocations).unwrap_or(u64::MAX);
    }
}

impl Stats {
    /// Counts an invocation that was not taken.
    pub(crate) fn refuse(&mut self, refusal: Refusal) {
        match refusal {
            Refusal::Throttled => self.throttles += 1,
            Refusal::Failing => {
                self.invocations += 1;
                self.errors.init += 1;
            }
            Refusal::Closed => {}
        }
    }

    /// Counts what followed for others when a process had gone.
    pub(crate) fn settle<J, P>(&mut self, aftermath: &Aftermath<J, P>) {
        self.cold_starts += u64::try_from(aftermath.start.len()).unwrap_or_default();
        for (_job, refusal) in &aftermath.refused {
            // It was taken before, and counted then.
            self.invocations = self.invocations.saturating_sub(1);
            self.refuse(*refusal);
        }
    }
}
