//! One function for each promise, named as it. Each panics if the store under test breaks the promise.
//!
//! [`crate::conformance`] turns them into tests; nobody has to call them by hand.

mod buckets;
mod changes;
mod clocks;
mod crashes;
mod eviction;
mod quotas;
mod restarts;
mod threads;
mod usage;

pub use buckets::*;
pub use changes::*;
pub use clocks::*;
pub use crashes::*;
pub use eviction::*;
pub use quotas::*;
pub use restarts::*;
pub use threads::*;
pub use usage::*;

pub use crate::law::every_window_obeys_the_law_across_changes;
pub use crate::law::{every_window_obeys_the_law, every_window_obeys_the_law_across_restarts};
pub use crate::model::{
    answers_are_those_of_the_reference, answers_are_those_of_the_reference_across_restarts,
};

use crate::rig::{Maker, Stop};
use crate::under_test::NOON;

/// A store that keeps nothing says so, rather than to come back empty as if it were new.
pub fn a_store_that_keeps_nothing_says_so(make: Maker<'_>) {
    for stop in [Stop::Clean, Stop::Crash] {
        assert_eq!(make(NOON).restart(stop, NOON), None, "it keeps something: say `keeps: everything`");
    }
}
