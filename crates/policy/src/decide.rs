//! The built-in rules, in the one order in which they are asked.
//!
//! First who (enabled, dates, network), then how (grant), then what (scopes): a client that may not come in learns
//! nothing about grants and scopes. The first rule that says no decides.

use ambient::Timestamp;
use oauth::{RequestedGrant, ScopeSet};

use crate::{AccessRequest, ClientFacts, Decision, DenyReason, Rules, network};

/// May the client that `facts` describe have what `request` asks, at the moment `now`?
pub fn decide(request: &AccessRequest, facts: &ClientFacts, now: Timestamp) -> Decision {
    match judge(request, facts, now) {
        Ok((scopes, rules)) => Decision::Allow { scopes, rules },
        Err(reason) => Decision::Deny { rules: reason.rules(), reason },
    }
}

fn judge(
    request: &AccessRequest,
    facts: &ClientFacts,
    now: Timestamp,
) -> Result<(ScopeSet, Rules), DenyReason> {
    enabled(facts)?;
    dates(facts, now)?;
    source(request, facts)?;
    grant(request, facts)?;
    scopes(request, facts)
}

fn enabled(facts: &ClientFacts) -> Result<(), DenyReason> {
    if facts.enabled { Ok(()) } else { Err(DenyReason::ClientDisabled) }
}

/// Both ends belong to the client's time.
fn dates(facts: &ClientFacts, now: Timestamp) -> Result<(), DenyReason> {
    if facts.not_before.is_some_and(|first| now < first) {
        return Err(DenyReason::ClientNotYetValid);
    }
    if facts.not_after.is_some_and(|last| now > last) {
        return Err(DenyReason::ClientExpired);
    }
    Ok(())
}

fn source(request: &AccessRequest, facts: &ClientFacts) -> Result<(), DenyReason> {
    if facts.allow_from.is_empty() || network::any_contains(&facts.allow_from, request.source_ip) {
        Ok(())
    } else {
        Err(DenyReason::SourceNotAllowed)
    }
}

fn grant(request: &AccessRequest, facts: &ClientFacts) -> Result<(), DenyReason> {
    match &request.grant {
        RequestedGrant::Unknown(name) => Err(DenyReason::GrantUnsupported(name.clone())),
        RequestedGrant::Known(grant) if facts.grants.contains(grant) => Ok(()),
        RequestedGrant::Known(_) => Err(DenyReason::GrantNotAllowed),
    }
}

fn scopes(request: &AccessRequest, facts: &ClientFacts) -> Result<(ScopeSet, Rules), DenyReason> {
    let asked = request.scopes.as_ref().filter(|asked| !asked.is_empty());
    let Some(asked) = asked else { return default_scopes(facts) };
    match asked.first_outside(&facts.scopes) {
        None => Ok((asked.clone(), Rules::ALLOW_ASKED)),
        Some(scope) => Err(DenyReason::ScopeNotAllowed(scope)),
    }
}

/// Default scopes are a convenience, not a second list of what is allowed: they pass the same rule, and when they fail
/// it, the client is not told which of them did.
fn default_scopes(facts: &ClientFacts) -> Result<(ScopeSet, Rules), DenyReason> {
    if facts.default_scopes.is_empty() {
        return Err(DenyReason::NoDefaultScopes);
    }
    if !facts.default_scopes.is_subset(&facts.scopes) {
        return Err(DenyReason::DefaultScopesNotAllowed);
    }
    Ok((facts.default_scopes.clone(), Rules::ALLOW_DEFAULT))
}

#[cfg(test)]
mod tests;
