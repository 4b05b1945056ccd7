//! Step 6: from outcome to answer, in one table.
//!
//! Every way to fail has one row: its status, its code, what the client is told, and when to come back. The text is this
//! program's own; nothing that the upstream said is in it. Every answer forbids caching (RFC 6749 §5.1).
//!
//! What is the operator's to mend (a secret that is refused, scopes that the app client does not have) is 500
//! `server_error` without a `Retry-After`: coming back does not help, and programs that see 503 would come back for ever.

use std::borrow::Cow;
use std::time::Duration;

use ambient::whole_seconds;
use cognito::UpstreamError;
use lambda::ProxyReply;
use oauth::{ErrorCode, ErrorReply, TokenReply};
use policy::{DenyReason, Rules};
use thiserror::Error;

use crate::SourceError;
use crate::flight::FetchError;
use crate::request::BadRequest;

/// Why a request gets no token.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub(crate) enum Refusal {
    #[error("the front door names no client that is known")]
    UnknownIdentity,
    #[error(transparent)]
    Request(#[from] BadRequest),
    #[error("the front door names no source address")]
    SourceUnknown,
    #[error("policy denies it")]
    Denied { reason: DenyReason, rules: Rules },
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("the audit log takes no more records")]
    AuditLost,
}

impl Refusal {
    /// A word for logs and metrics, never a text that the client chose.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::UnknownIdentity => "unknown_identity",
            Self::Request(request) => request.name(),
            Self::SourceUnknown => "source_unknown",
            Self::Denied { reason, .. } => reason.name(),
            Self::AuditLost => "audit_lost",
            Self::Fetch(error) => error.name(),
        }
    }

    /// The rules that denied it, if policy did.
    pub(crate) const fn rules(&self) -> Option<Rules> {
        match self {
            Self::Denied { rules, .. } => Some(*rules),
            _ => None,
        }
    }

    fn row(&self) -> Row {
        match self {
            Self::UnknownIdentity => {
                Row::new(401, ErrorReply::new(ErrorCode::InvalidClient, "the client is not known"))
            }
            Self::Request(request) => Row::new(request.status(), request.reply()),
            // The same answer as for a known address outside the client's networks.
            Self::SourceUnknown => Row::new(400, DenyReason::SourceNotAllowed.reply()),
            Self::Denied { reason, .. } => Row::new(400, reason.reply()),
            Self::Fetch(error) => error.row(),
            Self::AuditLost => Row::later(None),
        }
    }
}

impl FetchError {
    /// A word for logs and metrics.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::TimedOut => "upstream_call_too_long",
            Self::ShortLived => "token_short_lived",
            Self::Lost => "upstream_call_lost",
            Self::Crowded => "too_many_tokens",
            Self::Source(SourceError::UnknownAppClient) => "unknown_app_client",
            Self::Source(SourceError::Upstream(error)) => error.label(),
        }
    }

    fn row(&self) -> Row {
        match self {
            Self::TimedOut => Row::later(None),
            Self::Crowded => Row::new(
                503,
                ErrorReply::new(
                    ErrorCode::TemporarilyUnavailable,
                    "too many different tokens are being requested",
                ),
            )
            .retry(None),
            Self::ShortLived | Self::Source(SourceError::UnknownAppClient) => Row::misconfigured(),
            Self::Lost => {
                Row::new(500, ErrorReply::new(ErrorCode::ServerError, "the token could not be fetched"))
            }
            Self::Source(SourceError::Upstream(error)) => match error {
                UpstreamError::SecretsUnreadable
                | UpstreamError::NotConnected
                | UpstreamError::Timeout
                | UpstreamError::Unavailable { .. }
                | UpstreamError::Throttled { .. }
                | UpstreamError::CircuitOpen { .. }
                | UpstreamError::Malformed => Row::later(error.retry_after()),
                UpstreamError::Unusable
                | UpstreamError::Redirected
                | UpstreamError::RefusedClient
                | UpstreamError::RefusedScope
                | UpstreamError::Refused(_)
                | UpstreamError::ScopeMismatch => Row::misconfigured(),
            },
        }
    }
}

/// The answer to a request: the token, or why there is none.
pub(crate) fn render(outcome: &Result<TokenReply, Refusal>) -> ProxyReply {
    match outcome {
        Ok(token) => reply(200, token.to_json(), None),
        Err(refusal) => {
            let row = refusal.row();
            reply(row.status, row.body.to_json(), row.retry_after)
        }
    }
}

struct Row {
    status: u16,
    body: ErrorReply,
    retry_after: Option<Duration>,
}

impl Row {
    const fn new(status: u16, body: ErrorReply) -> Self {
        Self { status, body, retry_after: None }
    }

    fn later(retry_after: Option<Duration>) -> Self {
        let body = ErrorReply::new(ErrorCode::TemporarilyUnavailable, "no token can be issued at the moment");
        Self::new(503, body).retry(retry_after)
    }

    fn misconfigured() -> Self {
        Self::new(
            500,
            ErrorReply::new(ErrorCode::ServerError, "the token service is not configured correctly"),
        )
    }

    fn retry(mut self, after: Option<Duration>) -> Self {
        self.retry_after = Some(after.unwrap_or(RETRY_AFTER));
        self
    }
}

fn reply(status: u16, body: String, retry_after: Option<Duration>) -> ProxyReply {
    let mut headers: Vec<(Cow<'static, str>, Cow<'static, str>)> = Vec::with_capacity(4);
    headers.extend(HEADERS.map(|(name, value)| (name.into(), value.into())));
    if let Some(after) = retry_after {
        headers.push(("Retry-After".into(), whole_seconds(after).to_string().into()));
    }
    ProxyReply { status, headers, body: body.into(), ..ProxyReply::default() }
}

const HEADERS: [(&str, &str); 3] = [
    ("Content-Type", "application/json;charset=UTF-8"),
    ("Cache-Control", "no-store"),
    ("Pragma", "no-cache"),
];

/// When to come back, if the upstream does not say.
const RETRY_AFTER: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
