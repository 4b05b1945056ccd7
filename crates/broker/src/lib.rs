//! The broker: who calls, what may they have, and the token they get.
//!
//! [`Broker`] is a [`lambda::Function`]. It sees a [`lambda::ProxyEvent`] and nothing else: no HTTP server, no
//! environment, no clock but the one it is given. `broker.rs` has the order of the steps; each step has a file:
//!
//! 1. `identity`: the request context names the client, never the body;
//! 2. `request`: the form body becomes a request, strictly;
//! 3. `decide`: policy allows scopes or denies, before anyone looks into the cache;
//! 4. `fetch`: the token from `cache`, or from the upstream in one `flight` however many wait for it;
//! 5. `audit`: one line per request, accepted before the answer, or there is no answer;
//! 6. `reply`: one table from outcome to status, code and headers.
//!
//! Promises: a cached token never serves another client, another app client or other scopes; `expires_in` is the true
//! remaining life; no token with less than the minimum life is handed out; what the upstream says is never repeated to
//! a client; keys, secrets, tokens and bodies appear in no log line and no `Debug`.

mod audit;
mod broker;
mod cache;
mod decide;
mod directory;
mod fetch;
mod flight;
mod identity;
mod reply;
mod request;
mod settings;
mod source;
mod stats;
mod traced;

#[cfg(test)]
mod fixtures;

pub use audit::{AuditLost, AuditRecord, AuditSink, CacheOutcome, Verdict};
pub use broker::{Broker, KeptTokens, Succession};
pub use directory::{Client, Directory, DirectoryError};
pub use settings::{BrokerSettings, Percent};
pub use source::{AppClientName, AppClientNameError, CognitoSource, Minting, SourceError, TokenSource};
pub use stats::{BrokerCounts, BrokerStats, UpstreamCounts};
