//! The data plane: a request comes in, and an answer goes out, by API Gateway's rules.
//!
//! `pipeline` is the only place where order exists; each step has a file of its own and consumes what the step before
//! it returned, so that no step can be skipped by mistake:
//!
//! `accept` → `route` → `authorize` → `identify` → `admit` → `invoke` → `respond` → `access_log`
//!
//! The data plane knows `restapi` objects, compiled into a [`Live`] view, and [`lambda::Function`]s by their ARN. It does
//! not know the broker, the configuration or where limits are kept.

mod accept;
mod access_log;
mod admit;
mod authorize;
mod call;
mod define;
mod door;
mod event;
mod execution_log;
mod host;
mod identify;
mod ids;
mod in_force;
mod invoke;
mod key_index;
mod live;
mod log_line;
mod metrics;
mod peer;
mod pipeline;
mod refusal;
mod respond;
mod response_table;
mod route;
mod route_table;
mod sparing;
mod template;
#[cfg(test)]
mod tests;
mod trace;

pub use authorize::{Authorizer, Authorizing, Verdict};
pub use call::{Authorized, Principal, Received, Routed};
pub use define::quota_name;
pub use door::{Door, DoorParts, RequestBounds};
pub use in_force::{ClientQuota, InForce, Whose};
pub use live::{BuildError, Functions, Live};
pub use metrics::Metrics;
pub use peer::{Peer, Transport};
pub use refusal::{Mistake, Refusal};
pub use sparing::Sparing;
