//! What a process takes from the world around it: time and randomness.
//!
//! Logic never asks the operating system for either. It takes a [`Timestamp`] or an [`Entropy`] as an argument, so that
//! a test can say what time it is and which bytes come next. The two real sources, [`SystemClock`] and
//! [`SystemEntropy`], live here and nowhere else; `clippy.toml` forbids the calls they wrap everywhere in the workspace.
//!
//! This crate does not do timers: waiting and deadlines belong to the runtime (`tokio::time`).

mod clock;
mod entropy;
mod uuid;

pub use clock::{Clock, Moment, SystemClock, Timestamp, whole_seconds};
pub use entropy::{Entropy, SystemEntropy, alphanumeric, jitter};
pub use uuid::Uuid;
