//! May this caller have these scopes: the built-in rules.
//!
//! [`decide`] is a total function from what is asked ([`AccessRequest`]), what is known about the client
//! ([`ClientFacts`]) and the time to a [`Decision`]. The broker asks it for every request, before it looks into the
//! cache, because a valid API key says who somebody claims to be: keys leak and get shared.
//!
//! Promises: every decision carries the ids of the rules that made it; an allowed request names its scopes explicitly;
//! a denied one is denied whole, never narrowed; what a client is told names nothing that it did not send. It reads no
//! file, clock or network.

mod decide;
mod decision;
mod facts;
mod name;
mod network;
mod request;
mod rule;

pub use decide::decide;
pub use decision::{Decision, DenyReason};
pub use facts::ClientFacts;
pub use name::{ClientId, GroupName, NameError};
pub use request::AccessRequest;
pub use rule::{RuleId, Rules};
