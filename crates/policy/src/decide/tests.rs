//! A snapshot of every denial, and random requests against a reference that shares no code with the rules.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use oauth::{GrantType, Scope};
use proptest::prelude::*;

use super::*;
use crate::RuleId;

fn set(text: &str) -> ScopeSet {
    text.parse().unwrap()
}

fn billing() -> ClientFacts {
    ClientFacts {
        default_scopes: set("orders/read"),
        allow_from: vec!["10.0.0.0/8".parse().unwrap()],
        not_before: Some(Timestamp::from_secs(100)),
        not_after: Some(Timestamp::from_secs(200)),
        ..ClientFacts::new("billing".parse().unwrap(), set("orders/read orders/write"))
    }
}

fn request(scopes: Option<&str>) -> AccessRequest {
    AccessRequest {
        grant: GrantType::ClientCredentials.into(),
        scopes: scopes.map(set),
        source_ip: "10.1.2.3".parse().unwrap(),
    }
}

fn ids(decision: &Decision) -> Vec<&'static str> {
    decision.rules().iter().map(RuleId::as_str).collect()
}

const NOW: Timestamp = Timestamp::from_secs(150);

#[test]
fn an_allowed_request_gets_exactly_what_it_asked_for_and_names_every_rule() {
    let decision = decide(&request(Some("orders/write orders/read")), &billing(), NOW);
    assert!(
        matches!(&decision, Decision::Allow { scopes, .. } if *scopes == set("orders/read orders/write"))
    );
    let expected = [
        "builtin:client-enabled",
        "builtin:not-before",
        "builtin:not-after",
        "builtin:allow-from",
        "builtin:grant-supported",
        "builtin:grant-allowed",
        "builtin:scopes-allowed",
    ];
    assert_eq!(ids(&decision), expected);
}

#[test]
fn who_asks_for_no_scope_gets_the_default_ones_by_name() {
    for asked in [None, Some(ScopeSet::default())] {
        let request = AccessRequest { scopes: asked, ..request(None) };
        let decision = decide(&request, &billing(), NOW);
        assert!(matches!(&decision, Decision::Allow { scopes, .. } if *scopes == set("orders/read")));
        assert!(ids(&decision).contains(&"builtin:default-scopes"));
    }
}

#[test]
fn both_ends_of_the_dates_belong_to_the_client() {
    let at = |micros| match decide(&request(None), &billing(), Timestamp::from_micros(micros)) {
        Decision::Allow { .. } => "allow",
        Decision::Deny { reason, .. } => reason.name(),
    };
    assert_eq!(at(99_999_999), "client_not_yet_valid");
    assert_eq!(at(100_000_000), "allow");
    assert_eq!(at(200_000_000), "allow");
    assert_eq!(at(200_000_001), "client_expired");
}

#[test]
fn a_mapped_address_passes_as_the_ipv4_address_it_is() {
    let request = AccessRequest { source_ip: "::ffff:10.1.2.3".parse().unwrap(), ..request(None) };
    assert!(matches!(decide(&request, &billing(), NOW), Decision::Allow { .. }));
}

/// A client and a request for every reason there is.
fn denials() -> Vec<(AccessRequest, ClientFacts)> {
    let unknown = |name| AccessRequest { grant: RequestedGrant::named(name), ..request(None) };
    let date = |secs| Some(Timestamp::from_secs(secs));
    vec![
        (request(None), ClientFacts { enabled: false, ..billing() }),
        (request(None), ClientFacts { not_before: date(151), ..billing() }),
        (request(None), ClientFacts { not_after: date(149), ..billing() }),
        (AccessRequest { source_ip: "192.0.2.1".parse().unwrap(), ..request(None) }, billing()),
        (unknown("password"), billing()),
        (unknown("Client_Credentials "), billing()),
        (unknown("x\"\\\r\n`é"), billing()),
        (unknown(&"x".repeat(10_000)), billing()),
        (request(None), ClientFacts { grants: Vec::new(), ..billing() }),
        (request(None), ClientFacts { default_scopes: ScopeSet::default(), ..billing() }),
        (request(None), ClientFacts { default_scopes: set("orders/admin orders/read"), ..billing() }),
        (request(Some("orders/read payments/write")), billing()),
        (request(Some(&format!("z`{}", "x".repeat(100)))), billing()),
    ]
}

#[test]
fn every_denial_has_its_code_rules_and_description() {
    let mut table = String::new();
    let mut seen = BTreeSet::new();
    for (request, facts) in denials() {
        let Decision::Deny { reason, rules } = decide(&request, &facts, NOW) else {
            panic!("{request:?} is allowed")
        };
        let ids: Vec<_> = rules.iter().map(RuleId::as_str).collect();
        writeln!(table, "{} by {}\n    {}", reason.name(), ids.join(" "), reason.reply().to_json()).unwrap();
        seen.insert(place(&reason));
    }
    assert_eq!(seen, (0..9).collect(), "a reason lacks its row");
    insta::assert_snapshot!("denials", table);
}

/// A new reason does not compile until it has a number here, and so a row in the table above.
fn place(reason: &DenyReason) -> usize {
    match reason {
        DenyReason::ClientDisabled => 0,
        DenyReason::ClientNotYetValid => 1,
        DenyReason::ClientExpired => 2,
        DenyReason::SourceNotAllowed => 3,
        DenyReason::GrantUnsupported(_) => 4,
        DenyReason::GrantNotAllowed => 5,
        DenyReason::NoDefaultScopes => 6,
        DenyReason::DefaultScopesNotAllowed => 7,
        DenyReason::ScopeNotAllowed(_) => 8,
    }
}

#[test]
fn who_may_not_come_in_learns_nothing_of_what_is_inside() {
    let wrong_everywhere =
        AccessRequest { grant: RequestedGrant::named("password"), ..request(Some("payments/write")) };
    let facts = ClientFacts { enabled: false, grants: Vec::new(), ..billing() };
    let Decision::Deny { reason, .. } = decide(&wrong_everywhere, &facts, NOW) else { panic!("allowed") };
    assert_eq!(reason, DenyReason::ClientDisabled);
}

/// One case in plain numbers and sets: what the reference decides about.
#[derive(Clone, Debug)]
struct Case {
    enabled: bool,
    dates: (Option<u64>, Option<u64>),
    networks: Vec<(u32, u8)>,
    grant_allowed: bool,
    allowed: BTreeSet<char>,
    defaults: BTreeSet<char>,
    now: u64,
    source: u32,
    mapped: bool,
    grant: &'static str,
    asked: Option<BTreeSet<char>>,
}

/// The reference: the scopes that are granted, or the name of the reason.
fn reference(case: &Case) -> Result<BTreeSet<char>, &'static str> {
    let inside =
        |(network, length): &(u32, u8)| (0..*length).all(|bit| (network ^ case.source) << bit >> 31 == 0);
    let wanted = case.asked.as_ref().unwrap_or(&case.defaults);
    let rows = [
        (!case.enabled, "client_disabled"),
        (case.dates.0.unwrap_or(0) > case.now, "client_not_yet_valid"),
        (case.dates.1.unwrap_or(u64::MAX) < case.now, "client_expired"),
        (!case.networks.is_empty() && !case.networks.iter().any(inside), "source_not_allowed"),
        (case.grant != "client_credentials", "grant_unsupported"),
        (!case.grant_allowed, "grant_not_allowed"),
        (wanted.is_empty(), "no_default_scopes"),
        (case.asked.is_none() && !wanted.is_subset(&case.allowed), "default_scopes_not_allowed"),
        (!wanted.is_subset(&case.allowed), "scope_not_allowed"),
    ];
    match rows.iter().find(|(denied, _)| *denied) {
        Some((_, reason)) => Err(reason),
        None => Ok(wanted.clone()),
    }
}

impl Case {
    fn decide(&self) -> Decision {
        let scopes = |of: &BTreeSet<char>| {
            let scopes: Vec<Scope> =
                of.iter().rev().map(|scope| scope.to_string().parse().unwrap()).collect();
            ScopeSet::from_scopes(&scopes).unwrap()
        };
        let network = |(address, length): &(u32, u8)| {
            format!("{}/{length}", Ipv4Addr::from_bits(*address)).parse().unwrap()
        };
        let source = Ipv4Addr::from_bits(self.source);
        let facts = ClientFacts {
            enabled: self.enabled,
            grants: if self.grant_allowed { vec![GrantType::ClientCredentials] } else { vec![] },
            default_scopes: scopes(&self.defaults),
            allow_from: self.networks.iter().map(network).collect(),
            not_before: self.dates.0.map(Timestamp::from_micros),
            not_after: self.dates.1.map(Timestamp::from_micros),
            ..ClientFacts::new("a".parse().unwrap(), scopes(&self.allowed))
        };
        let request = AccessRequest {
            grant: RequestedGrant::named(self.grant),
            scopes: self.asked.as_ref().map(scopes),
            source_ip: if self.mapped { IpAddr::V6(source.to_ipv6_mapped()) } else { IpAddr::V4(source) },
        };
        decide(&request, &facts, Timestamp::from_micros(self.now))
    }

    fn outcome(&self) -> Result<BTreeSet<char>, &'static str> {
        match self.decide() {
            Decision::Allow { scopes, .. } => Ok(scopes.iter().flat_map(str::chars).collect()),
            Decision::Deny { reason, .. } => Err(reason.name()),
        }
    }
}

prop_compose! {
    /// Mostly harmless, so that the later rules are reached as often as the first.
    fn client()(
        enabled in prop::bool::weighted(0.9),
        dates in (prop::option::weighted(0.4, 0..12_u64), prop::option::weighted(0.4, 8..20_u64)),
        networks in prop::collection::vec((address(), 0..=32_u8), 0..3),
        grant_allowed in prop::bool::weighted(0.9),
        allowed in prop::collection::btree_set(prop::char::range('a', 'e'), 0..6),
        defaults in prop::collection::btree_set(prop::char::range('a', 'e'), 0..3),
    ) -> Case {
        Case {
            enabled, dates, networks, grant_allowed, allowed, defaults,
            now: 0, source: 0, mapped: false, grant: "", asked: None,
        }
    }
}

prop_compose! {
    fn case()(
        client in client(),
        now in 5..15_u64,
        source in address(),
        mapped in any::<bool>(),
        grant in prop_oneof![9 => Just("client_credentials"), 1 => Just("password")],
        asked in prop::option::of(prop::collection::btree_set(prop::char::range('a', 'f'), 1..4)),
    ) -> Case {
        Case { now, source, mapped, grant, asked, ..client }
    }
}

/// Addresses that share prefixes of many lengths.
fn address() -> impl Strategy<Value = u32> {
    (0..32_u32, any::<bool>()).prop_map(|(bit, flip)| 0x0a01_0203 ^ if flip { 1 << bit } else { 0 })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_rules_decide_as_the_reference_does(case in case()) {
        prop_assert_eq!(case.outcome(), reference(&case));
    }

    #[test]
    fn what_is_granted_was_asked_for_and_is_allowed(case in case()) {
        if let Ok(granted) = case.outcome() {
            prop_assert!(!granted.is_empty() && granted.is_subset(&case.allowed));
            prop_assert_eq!(&granted, case.asked.as_ref().unwrap_or(&case.defaults));
        }
    }

    #[test]
    fn taking_a_scope_away_never_opens_a_door(case in case(), index in any::<prop::sample::Index>()) {
        let mut poorer = case.clone();
        if let Some(scope) = case.allowed.iter().nth(index.index(6)) {
            poorer.allowed.remove(scope);
        }
        prop_assert!(poorer.outcome().is_err() || poorer.outcome() == case.outcome());
    }

    #[test]
    fn every_decision_names_its_rules_and_every_denial_stays_silent_about_other_scopes(case in case()) {
        let decision = case.decide();
        prop_assert!(decision.rules().iter().next().is_some());
        if let Decision::Deny { reason, .. } = decision {
            let text = reason.description().to_string();
            let named: BTreeSet<char> = text.split('`').nth(1).filter(|_| text.contains("scope")).into_iter()
                .flat_map(str::chars).collect();
            prop_assert!(named.is_subset(&case.asked.clone().unwrap_or_default()), "{}", text);
        }
    }
}
