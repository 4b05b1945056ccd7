//! `token-broker check`: the guardrails over the definition and over what `terraform show -json` prints.
//!
//! Terraform's objects are read into the same [`restapi::Account`] that the configuration compiles to, so that one set
//! of guardrails judges both, and so that the two can be compared field by field. What only Terraform can get wrong
//! (a secret in an output, a part that a plan does not show) has rules of its own here.
//!
//! Promises: what cannot be seen is a finding, never a pass; no secret that a plan holds stands in a finding. It reads
//! no file, environment or clock: the texts and the time are given to it.

pub mod compare;
mod finding;
mod handbook;
pub mod judge;
mod report;
mod rule;
pub mod terraform;
mod waiver;

pub use finding::{Finding, Origin};
pub use handbook::handbook;
pub use report::{Format, Note, Report, Waived};
pub use rule::{Rule, rules};
pub use waiver::{Subject, UnknownRule, Waivers};
