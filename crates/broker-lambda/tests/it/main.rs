//! The program itself, started as Lambda starts it: a Runtime API, an extension and a user pool on loopback around it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod answers;
mod around;
mod ends;
mod harness;
mod starts;
