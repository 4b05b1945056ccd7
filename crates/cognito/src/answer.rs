//! What an answer means, in either way of asking.
//!
//! Cognito answers errors with 400 and says which; reading that is the [`Way`]'s. Everything else that is no token (429,
//! 5xx, any page of a proxy on the way) says that the upstream cannot answer properly now, whatever its text says.

use std::time::Duration;

use ambient::Moment;
use http::StatusCode;
use http::header::RETRY_AFTER;
use oauth::{AccessToken, ClaimsError, ScopeSet, UnverifiedClaims};

use crate::endpoint::Way;
use crate::error::UpstreamError;
use crate::transport::Reply;

/// A token that carries exactly the scopes that were asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IssuedToken {
    /// The token.
    pub token: AccessToken,
    /// When the request for it was *sent*: its life counts from then, so that a slow answer does not make it look
    /// younger than it is.
    pub asked: Moment,
    /// How long it lives from then on at the least: to the earlier of its `exp` claim and the end of its `expires_in`.
    pub lifetime: Duration,
}

/// What was asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// By which app client.
    pub(crate) client_id: &'a str,
    /// For which scopes.
    pub(crate) scopes: &'a ScopeSet,
    /// When the request was sent.
    pub(crate) at: Moment,
}

/// Reads `reply` as the answer to `asked`, which was asked by `way`.
pub(crate) fn read(way: &dyn Way, reply: &Reply, asked: Asked<'_>) -> Result<IssuedToken, UpstreamError> {
    let status = reply.status();
    let unavailable = || UpstreamError::Unavailable { retry_after: retry_after(reply) };
    if status == StatusCode::TOO_MANY_REQUESTS {
        Err(UpstreamError::Throttled { retry_after: retry_after(reply) })
    } else if status.is_success() {
        token(way, reply.body(), asked)
    } else if status.is_redirection() {
        Err(UpstreamError::Redirected)
    } else if status.is_client_error() {
        // What no user pool said, a load balancer said, a firewall, or whoever serves a wrong path.
        Err(way.refusal(reply).unwrap_or_else(unavailable))
    } else {
        Err(unavailable())
    }
}

fn token(way: &dyn Way, body: &[u8], asked: Asked<'_>) -> Result<IssuedToken, UpstreamError> {
    let reply = way.token(body).ok_or(UpstreamError::Malformed)?;
    let claims = UnverifiedClaims::decode(&reply.access_token).map_err(|error| match error {
        ClaimsError::Scope(_) => UpstreamError::ScopeMismatch,
        ClaimsError::NotJwt | ClaimsError::Malformed => UpstreamError::Unusable,
    })?;
    if !claims.carry_exactly(asked.scopes) {
        return Err(UpstreamError::ScopeMismatch);
    }
    // Both are absent or right in a token of Cognito; anything else was minted for somebody else or for another use.
    let is = |claim: &Option<String>, expected: &str| claim.as_ref().is_none_or(|claim| claim == expected);
    if !is(&claims.client_id, asked.client_id) || !is(&claims.token_use, "access") {
        return Err(UpstreamError::Unusable);
    }
    let by_claim = claims.expires_at.map_or(Duration::MAX, |end| end.since(asked.at.time));
    let lifetime = reply.expires_in.min(by_claim);
    if lifetime.is_zero() || reply.expires_in > MAX_LIFE {
        return Err(UpstreamError::Unusable);
    }
    Ok(IssuedToken { token: reply.access_token, asked: asked.at, lifetime })
}

/// `Retry-After` in seconds (RFC 9110 §10.2.3); its form as a date is not worth a second clock.
pub(crate) fn retry_after(reply: &Reply) -> Option<Duration> {
    let seconds: u32 = reply.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds.into()).min(MAX_RETRY_AFTER))
}

/// Cognito's access tokens live for a day at most.
const MAX_LIFE: Duration = Duration::from_hours(24);
/// Nobody is sent away for longer because an upstream said so.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);
