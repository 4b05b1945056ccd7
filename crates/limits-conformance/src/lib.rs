//! What every limiter must do, as tests that any store can be put through.
//!
//! The promises of the `limits` crate do not depend on where the levels are kept. Each is a function in [`promises`], and
//! [`conformance!`] makes one test of each for a store that is given as a [`Rig`]: a way to make it, to let it do its
//! background work, and to end and restart it.
//!
//! ```
//! use ambient::Timestamp;
//! use limits::{Limiter, Memory, Meter};
//! use limits_conformance::{Restarted, Rig, Stop, conformance};
//!
//! #[derive(Debug)]
//! struct InMemory(Memory);
//!
//! impl Rig for InMemory {
//!     fn limiter(&self) -> &dyn Limiter {
//!         &self.0
//!     }
//!     fn meter(&self) -> &dyn Meter {
//!         &self.0
//!     }
//!     fn settle(&self, _: Timestamp) {}
//!     fn tidy(&self, now: Timestamp) {
//!         self.0.tidy_all(now);
//!     }
//!     fn restart(&mut self, _: Stop, _: Timestamp) -> Option<Restarted> {
//!         None
//!     }
//! }
//!
//! conformance!(memory, |_now| InMemory(Memory::new()), keeps: nothing);
//! # fn main() {}
//! ```
//!
//! A store that outlives its process says `keeps: everything` and has to keep the promises about restarts too. One that
//! says `keeps: nothing` gets a list of what was left out, `ABSENT`, in its module.
//!
//! Two of the promises are checked in bulk: random programs against a small reference limiter, and the law over every
//! window of what several threads were admitted. The others are stories.
//!
//! This crate is for tests only: what is found broken panics. It does not check how fast a store is, nor what it does
//! while it cannot be reached; that differs by store and is tested beside it.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "it runs in tests only, where a panic is the answer"
)]

mod law;
mod model;
mod program;
pub mod promises;
mod reference;
mod rig;
mod suite;
mod under_test;

pub use rig::{Maker, Restarted, Rig, Stop};
