//! Scopes and grants as texts, and what policy makes of them.
//!
//! Four lines: the scopes that are asked for, those that the client may have, those that it gets by default, the grant.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use oauth::{GrantType, RequestedGrant, ScopeSet};
use policy::{AccessRequest, ClientFacts, Decision, decide};

use crate::{Broken, Kept};

/// A text is a set of scopes exactly when RFC 6749 §3.3 says so; nobody gets a scope that is not the client's, or fewer
/// than were asked for.
pub(crate) fn check(input: &[u8]) -> Kept {
    let Ok(text) = str::from_utf8(input) else { return Ok(()) };
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (asked, allowed, default, grant) = (line(), line(), line(), line());
    let (asked, allowed, default) = (set(asked)?, set(allowed)?, set(default)?);
    decided(asked.as_ref(), &allowed.unwrap_or_default(), &default.unwrap_or_default(), grant)
}

/// The set that the parser reads, held against one of the standard library.
fn set(text: &str) -> Result<Option<ScopeSet>, Broken> {
    let parsed = text.parse::<ScopeSet>();
    let words: Vec<&str> = text.split(' ').collect();
    let is_character = |c: char| ('!'..='~').contains(&c) && c != '"' && c != '\\';
    let is_scope = |word: &&str| !word.is_empty() && word.chars().all(is_character);
    let is_set = words.len() <= oauth::MAX_SCOPES && words.iter().all(is_scope) && text.len() <= 8192;
    keep!(parsed.is_ok() == is_set, "{text:?} is read as {parsed:?}");
    let Ok(set) = parsed else { return Ok(None) };
    let model: BTreeSet<&str> = words.into_iter().collect();
    let canonical = model.iter().copied().collect::<Vec<_>>().join(" ");
    keep!(set.as_str() == canonical, "{text:?} is written {set}");
    keep!(set.len() == model.len() && set.iter().eq(model.iter().copied()), "{set} has other scopes");
    keep!(canonical.parse().as_ref() == Ok(&set), "{set} is read as another set");
    Ok(Some(set))
}

fn decided(asked: Option<&ScopeSet>, allowed: &ScopeSet, default: &ScopeSet, grant: &str) -> Kept {
    let within = |some: &ScopeSet| {
        let own: BTreeSet<&str> = allowed.iter().collect();
        some.iter().all(|scope| own.contains(scope))
    };
    let wanted = asked.unwrap_or(default);
    keep!(wanted.is_subset(allowed) == within(wanted), "whether {wanted} is a part of {allowed}");
    keep!(
        wanted
            .first_outside(allowed)
            .is_none_or(|scope| wanted.contains(scope.as_str()) && !allowed.contains(scope.as_str())),
        "what of {wanted} is outside {allowed}"
    );
    let id = "billing".parse().map_err(|error| Broken::by("a client's name", error))?;
    let facts = ClientFacts { default_scopes: default.clone(), ..ClientFacts::new(id, allowed.clone()) };
    let grant_is_known = grant == GrantType::ClientCredentials.as_str();
    let grant = RequestedGrant::named(grant);
    let source_ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let request = AccessRequest { grant, scopes: asked.cloned(), source_ip };
    let may = grant_is_known && !wanted.is_empty() && within(wanted);
    match decide(&request, &facts, ambient::Timestamp::EPOCH) {
        Decision::Allow { scopes, .. } => {
            keep!(may, "{scopes} are given where {allowed} are allowed");
            keep!(scopes == *wanted, "{scopes} are given where {wanted} were asked for");
        }
        Decision::Deny { reason, .. } => {
            keep!(!may, "{wanted} are refused where {allowed} are allowed");
            let reply = reason.reply().to_json();
            let json: serde_json::Value =
                serde_json::from_str(&reply).map_err(|error| Broken::by(&reply, error))?;
            keep!(json.as_object().is_some_and(|members| members.len() == 2), "{reply}");
        }
    }
    Ok(())
}
