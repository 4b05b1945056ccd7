//! Step 3: may this client have it, now, from there.
//!
//! Asked for every request, whatever the cache holds: a valid key says who somebody claims to be, and keys leak.

use std::net::IpAddr;

use ambient::Timestamp;
use lambda::RequestContext;
use oauth::{ScopeSet, TokenRequest};
use policy::{AccessRequest, ClientFacts, Decision, Rules};

use crate::reply::Refusal;

/// The scopes that policy allows for `request` by the client that `facts` describe, and the rules that were asked.
pub(crate) fn decide(
    request: TokenRequest,
    context: &RequestContext<'_>,
    facts: &ClientFacts,
    now: Timestamp,
) -> Result<(ScopeSet, Rules), Refusal> {
    // An address that cannot be read is in no network. Guessing one would be worse than refusing.
    let source_ip: IpAddr = context.identity.source_ip.parse().map_err(|_| Refusal::SourceUnknown)?;
    match policy::decide(&AccessRequest::new(request, source_ip), facts, now) {
        Decision::Allow { scopes, rules } => Ok((scopes, rules)),
        Decision::Deny { reason, rules } => Err(Refusal::Denied { reason, rules }),
    }
}
