//! The program as a user meets it: real processes, real sockets, a state directory of their own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that cannot go on fails"
)]

mod attack;
mod attack_h2;
mod aws_function;
mod chaos;
mod check;
mod control;
mod durable_limits;
mod external_pool;
mod function;
mod harness;
mod keys;
mod logs;
mod metrics;
mod package;
mod refusals;
mod reload;
mod restart;
mod running;
mod secrets;
mod tls;
mod traces;
mod trust;
mod usage;
mod waivers;
