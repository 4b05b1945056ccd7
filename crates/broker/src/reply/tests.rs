use std::fmt::Write as _;
use std::net::IpAddr;

use ambient::Timestamp;
use oauth::{AccessToken, FormError, GrantType, RequestError, RequestedGrant, ScopeError, ScopeSet};
use policy::{AccessRequest, ClientFacts, Decision};

use super::*;
use crate::fixtures::{name, scopes};

/// One line for a reply: name, status, headers that not every reply has, body.
fn line(refusal: &Refusal) -> String {
    let reply = render(&Err(refusal.clone()));
    let always = HEADERS.map(|(name, value)| (name.into(), value.into()));
    assert_eq!(reply.headers[..3], always);
    let mut line = format!("{} {}", refusal.name(), reply.status);
    for (name, value) in reply.headers.iter().skip(3) {
        write!(line, " {name}: {value}").unwrap();
    }
    write!(line, "\n    {}", reply.body).unwrap();
    line
}

fn table(refusals: &[Refusal]) -> String {
    let names: std::collections::BTreeSet<_> = refusals.iter().map(Refusal::name).collect();
    assert_eq!(names.len(), refusals.len(), "a name stands for two refusals");
    refusals.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn refusals_before_policy() {
    use BadRequest::{Body, ContentTypeRepeated, Form, InUrl};
    let requests = [
        InUrl,
        ContentTypeRepeated,
        Body,
        Form(RequestError::Form(FormError::MediaType)),
        Form(RequestError::Form(FormError::TooLarge)),
        Form(RequestError::Form(FormError::Repeated)),
        Form(RequestError::GrantMissing),
        Form(RequestError::Scope(ScopeError::Spacing)),
        Form(RequestError::ClientMetadata),
        Form(RequestError::Resource),
    ];
    let mut refusals = vec![Refusal::UnknownIdentity, Refusal::SourceUnknown];
    refusals.extend(requests.map(Refusal::Request));
    insta::assert_snapshot!("before_policy", table(&refusals));
}

#[test]
fn refusals_by_policy() {
    let (now, open) = (Timestamp::from_secs(1_000), ClientFacts::new(name("billing"), scopes("a")));
    let closed = [
        ClientFacts { enabled: false, ..open.clone() },
        ClientFacts { not_before: Some(Timestamp::from_secs(1_001)), ..open.clone() },
        ClientFacts { not_after: Some(Timestamp::from_secs(999)), ..open.clone() },
        ClientFacts { allow_from: vec!["192.0.2.0/24".parse().unwrap()], ..open.clone() },
        ClientFacts { grants: Vec::new(), ..open.clone() },
    ];
    let client_credentials = || RequestedGrant::Known(GrantType::ClientCredentials);
    let mut refusals: Vec<Refusal> =
        closed.iter().map(|facts| denied(facts, client_credentials(), Some(scopes("a")), now)).collect();
    refusals.push(denied(&open, RequestedGrant::named("password"), None, now));
    refusals.push(denied(&open, client_credentials(), None, now));
    let wrong_default = ClientFacts { default_scopes: scopes("b"), ..open.clone() };
    refusals.push(denied(&wrong_default, client_credentials(), None, now));
    refusals.push(denied(&open, client_credentials(), Some(scopes("a b")), now));
    insta::assert_snapshot!("by_policy", table(&refusals));
}

fn denied(facts: &ClientFacts, grant: RequestedGrant, scopes: Option<ScopeSet>, now: Timestamp) -> Refusal {
    let source_ip: IpAddr = "10.1.2.3".parse().unwrap();
    match policy::decide(&AccessRequest { grant, scopes, source_ip }, facts, now) {
        Decision::Deny { reason, rules } => Refusal::Denied { reason, rules },
        Decision::Allow { .. } => panic!("policy allows it"),
    }
}

#[test]
fn refusals_after_policy() {
    let nearly = |seconds: u64| Some(Duration::from_millis(seconds * 1_000 - 1));
    let upstream = [
        UpstreamError::SecretsUnreadable,
        UpstreamError::NotConnected,
        UpstreamError::Timeout,
        UpstreamError::Unavailable { retry_after: None },
        UpstreamError::Throttled { retry_after: nearly(9) },
        UpstreamError::CircuitOpen { retry_after: Duration::ZERO },
        UpstreamError::Malformed,
        UpstreamError::Unusable,
        UpstreamError::Redirected,
        UpstreamError::RefusedClient,
        UpstreamError::RefusedScope,
        UpstreamError::Refused(oauth::UpstreamError::Unknown),
        UpstreamError::ScopeMismatch,
    ];
    let mut errors: Vec<FetchError> =
        upstream.map(|error| FetchError::Source(SourceError::Upstream(error))).into();
    errors.extend([
        FetchError::Source(SourceError::UnknownAppClient),
        FetchError::TimedOut,
        FetchError::ShortLived,
        FetchError::Lost,
        FetchError::Crowded,
    ]);
    let mut refusals: Vec<Refusal> = errors.into_iter().map(Refusal::Fetch).collect();
    refusals.push(Refusal::AuditLost);
    insta::assert_snapshot!("after_policy", table(&refusals));
}

#[test]
fn token_is_answered_with_its_life_and_is_not_to_be_kept() {
    let access_token = AccessToken::new("eyJra").unwrap();
    let reply = render(&Ok(TokenReply { access_token, expires_in: Duration::from_millis(3_599_999) }));
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers, HEADERS.map(|(name, value)| (name.into(), value.into())));
    assert_eq!(reply.body, r#"{"access_token":"eyJra","expires_in":3599,"token_type":"Bearer"}"#);
}
