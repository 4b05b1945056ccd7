//! The store from outside: put through what every limiter must do, and killed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod conformance;
mod processes;
