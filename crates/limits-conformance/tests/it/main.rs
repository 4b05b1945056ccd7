//! The suite put to a store that is as simple as one can be and keeps every promise.

#![expect(clippy::unwrap_used, reason = "a store for tests")]

mod paper;

use limits_conformance::conformance;
use paper::Paper;

conformance!(on_paper, |_now| Paper::new(1_000), keeps: everything);
conformance!(on_paper_in_small_batches, |_now| Paper::new(2), keeps: everything);
