//! Why there is no token.

use std::time::Duration;

use oauth::ErrorCode;
use thiserror::Error;

/// Why the upstream gave no token. It holds no text from upstream and no secret. What is called the token endpoint here
/// is whichever of the two is asked.
///
/// A caller must handle every case, because each means something else to the client: come back later, or call the
/// operator.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum UpstreamError {
    /// The app client's secrets could not be read, or not again when the known ones were refused.
    #[error("the app client's secrets could not be read")]
    SecretsUnreadable,
    /// No connection could be made.
    #[error("no connection to the token endpoint could be made")]
    NotConnected,
    /// No whole answer came in time. A token may have been minted.
    #[error("the token endpoint did not answer in time")]
    Timeout,
    /// The upstream answered that it is broken, or broke off.
    #[error("the token endpoint is not available")]
    Unavailable {
        /// When it asks to be tried again, if it says so.
        retry_after: Option<Duration>,
    },
    /// The upstream answered that there are too many requests.
    #[error("the token endpoint refuses further requests for now")]
    Throttled {
        /// When it asks to be tried again, if it says so.
        retry_after: Option<Duration>,
    },
    /// The upstream failed often enough that it is left alone for now; nothing was sent.
    #[error("the token endpoint failed repeatedly and is left alone for now")]
    CircuitOpen {
        /// When the next attempt will be made.
        retry_after: Duration,
    },
    /// The answer is not that of a token endpoint.
    #[error("the token endpoint's answer is malformed")]
    Malformed,
    /// The token is no JWT, dead on arrival, or another's. Not tried again: each further one would cost as much.
    #[error("the token endpoint issued a token that cannot be used")]
    Unusable,
    /// The answer is a redirect, which is never followed: the secret would go along.
    #[error("the token endpoint answers with a redirect, which is not followed")]
    Redirected,
    /// Every secret of the app client was refused: an operator's matter, never the client's.
    #[error("the token endpoint refused the app client's credentials")]
    RefusedClient,
    /// The app client may not have these scopes; or none was named, which is never sent.
    #[error("the token endpoint refused the scopes")]
    RefusedScope,
    /// Any other OAuth error: the app client is not set up for client credentials, most often.
    #[error("the token endpoint refused the request")]
    Refused(oauth::UpstreamError),
    /// The token carries other scopes than those that were asked for.
    #[error("the token carries other scopes than those that were asked for")]
    ScopeMismatch,
}

impl UpstreamError {
    /// Whether the same request may well succeed a moment later. These failures are tried again, and open the breaker.
    pub const fn is_transient(self) -> bool {
        match self {
            Self::NotConnected
            | Self::Timeout
            | Self::Unavailable { .. }
            | Self::Throttled { .. }
            | Self::Malformed => true,
            Self::SecretsUnreadable
            | Self::CircuitOpen { .. }
            | Self::Unusable
            | Self::Redirected
            | Self::RefusedClient
            | Self::RefusedScope
            | Self::Refused(_)
            | Self::ScopeMismatch => false,
        }
    }

    /// Whether only a client that showed a good secret is told this.
    pub(crate) const fn proves_recognition(self) -> bool {
        match self {
            // A malformed request is refused before anybody looks who sent it.
            Self::Refused(oauth::UpstreamError::Known(ErrorCode::InvalidRequest)) => false,
            Self::RefusedScope | Self::Refused(_) | Self::ScopeMismatch | Self::Unusable => true,
            _ => false,
        }
    }

    /// How long to wait before trying again, where that is known.
    pub const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Unavailable { retry_after } | Self::Throttled { retry_after } => retry_after,
            Self::CircuitOpen { retry_after } => Some(retry_after),
            _ => None,
        }
    }

    /// A word for logs and metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::SecretsUnreadable => "secrets_unreadable",
            Self::NotConnected => "upstream_not_connected",
            Self::Timeout => "upstream_timeout",
            Self::Unavailable { .. } => "upstream_unavailable",
            Self::Throttled { .. } => "upstream_throttled",
            Self::CircuitOpen { .. } => "upstream_circuit_open",
            Self::Malformed => "upstream_malformed",
            Self::Unusable => "upstream_token_unusable",
            Self::Redirected => "upstream_redirected",
            Self::RefusedClient => "upstream_refused_client",
            Self::RefusedScope => "upstream_refused_scope",
            Self::Refused(_) => "upstream_refused",
            Self::ScopeMismatch => "upstream_scope_mismatch",
        }
    }
}
