//! Client of a user pool: a real one of Cognito, or the embedded one.
//!
//! The broker asks here for a token that its cache does not have. Which pool answers is configuration alone, and so is
//! which of two ways it is asked in: the token endpoint of its domain, or `GetClientToken` of the Cognito API.
//!
//! It promises, in both ways:
//! - scopes are always named, and a token that carries other scopes than those is never returned;
//! - time is bounded: per connection, per attempt and for everything together; so is the size of an answer;
//! - a transient failure is tried again a few times with full jitter; any other refusal is believed at once;
//! - an upstream that keeps failing is left alone for a while (a circuit breaker, one probe at a time);
//! - an app client may have two secrets, and the one that works is found and remembered; secrets that are kept elsewhere
//!   are read when they are needed first, and once more before a refusal of all of them is believed;
//! - no error holds text from upstream or a secret; redirects are never followed.
//!
//! It does not cache, does not count money (it reports the [`Effort`] so that others can) and does not decide who may
//! have what.

mod answer;
mod breaker;
mod credentials;
mod effort;
mod endpoint;
mod error;
mod http_transport;
mod settings;
mod transport;
mod upstream;

pub use answer::IssuedToken;
pub use breaker::Circuit;
pub use credentials::{
    AppClientCredentials, AppClientSecrets, CredentialsError, SecretSource, SecretsUnreadable,
};
pub use effort::Effort;
pub use endpoint::{Endpoint, ExtraHeaders, HeaderError, IdpEndpoint, TokenEndpoint};
pub use error::UpstreamError;
pub use http_transport::HttpTransport;
pub use settings::{BreakerSettings, Settings};
pub use transport::{Reply, TokenCall, Transport, TransportError};
pub use upstream::{Exchange, Upstream};

#[cfg(test)]
mod socket_tests;
#[cfg(test)]
mod tests;
