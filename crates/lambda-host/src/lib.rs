//! Functions as processes of this machine, over the Lambda Runtime API.
//!
//! [`Host`] is a [`lambda::Function`]: the front door hands it a proxy event, a process of the function asks for it
//! (`GET …/runtime/invocation/next`), answers it (`POST …/response` or `…/error`), and asks for the next one. Whatever
//! runs on Lambda as a custom runtime runs here unchanged: a `bootstrap`, a script, AWS's runtime interface clients.
//!
//! The way of an invocation: [`Host`] makes a job of it → [`pool`](self) decides which process is to run it, or that one
//! is to be started, or that it is refused → the process takes it through its own Runtime API → the answer goes straight
//! back to whoever invoked. One lock guards the decision, and it is never held across a wait.
//!
//! Promised: one invocation at a time per process, never more processes than the function's concurrency, no process
//! that outlives its timeout, its memory or the host; an invocation that nobody waits for any longer ends like any
//! other, and its process is used again. Neither event nor reply is ever logged.
//!
//! Not done: extensions, response streaming (a streamed reply is taken whole), freezing between invocations, and any
//! isolation. A process runs as the same user as the host and sees the same files. The Runtime API of each process is a
//! port of its own on 127.0.0.1; on Linux only that user is served there, elsewhere every user of the machine.

mod api;
mod dispatch;
mod ending;
mod environment;
mod host;
mod job;
mod lines;
mod log;
mod memory;
mod peer;
mod pipes;
mod pool;
mod process;
mod serve;
mod spec;
mod stats;
#[cfg(test)]
mod tests;

pub use host::{Host, Surroundings};
pub use log::{FunctionLog, LogLine, NoRoom, Stream, TracingLog};
pub use spec::{FunctionSpec, SpecError};
pub use stats::{Errors, Stats};
