//! The file as a whole: what is read, what is refused and how that is said, and what the schema knows of it.

mod default_file;
mod refusals;
mod schema;

use std::time::Duration;

use proptest::prelude::*;

use crate::{Definition, FunctionHome, KeptLimits, LimitsSettings, UserPool, WhenLost};

/// A definition that uses every field there is.
pub(crate) const EVERY_FIELD: &str = r#"
api:
  name: front-door
  description: Gives tokens to machines
  throttle: { rate: 200, burst: 400 }
  token_endpoint:
    identity: api_key
    throttle: { rate: 100.125, burst: 200 }
  gateway_responses: aws
  access_log: { format: '$context.requestId $context.status' }
  logging_level: info
plans:
  standard:
    throttle: { rate: 10, burst: 20 }
    token_endpoint: { rate: 5, burst: 10 }
    quota: { limit: 10000, period: week, offset: 6 }
clients:
  billing:
    plan: standard
    groups: [internal, finance]
    scopes: [orders/read, "https://api.example.com/orders/write"]
    default_scopes: [orders/read]
    app_client: internal
    allow_from: [10.0.0.0/8, "2001:db8::/32"]
    grants: [client_credentials]
    enabled: false
    not_before: 2026-01-01T00:00:00Z
    not_after: 2027-01-01T00:00:00+01:00
app_clients:
  internal:
    token_validity: 90m
broker:
  min_token_life: 2m
  refresh_at_percent: 80
  upstream: { connect_timeout: 500ms, attempt_timeout: 2s, total_timeout: 8s, attempts: 2 }
homes:
  local:
    stage: test
    region: eu-central-1
    account_id: 123456789012
    front_door: 0.0.0.0:9080
    trusted_proxies: [192.0.2.0/24, "2001:db8:ffff::/48"]
    client_address: forwarded
    proxy_protocol: required
    tls:
      certificate: tls/certificate.pem
      key: tls/key.pem
      min_version: "1.3"
      client_auth: required
      client_ca: tls/clients.pem
      client_crl: tls/clients-crl.pem
    admin: 127.0.0.1:9081
    user_pool:
      token_endpoint: https://pool.auth.eu-central-1.amazoncognito.com/oauth2/token
      app_clients:
        internal: { client_id: 1example23456789, secret_file: secrets/internal }
    limits:
      store: sqlite
      quota_batch: 50
      lease: 2s
      when_lost: { throttle: open, quota: closed }
    function: { command: [./bootstrap, --verbose], concurrency: 3, memory: 256, timeout: 20s }
    metrics: { per_client: 50 }
    traces:
      endpoint: https://collector.example.com:4318/otlp
      ca: tls/collector-ca.pem
      headers_file: secrets/collector
      one_in: 100
      parents: ignore
  aws: { stage: live, region: eu-west-1 }
waivers:
  - guardrail: TB018
    at: usagePlans/standard
    reason: >
      one key on this plan
      until the new partner is split off
    expires: 2027-01-31
  - { guardrail: TB027, at: module.front_door, reason: "the policy is made elsewhere", expires: "2028-02-29" }
"#;

#[test]
fn every_field_is_read() {
    let definition = Definition::parse(EVERY_FIELD, "token-broker.yaml").unwrap();
    insta::assert_debug_snapshot!("every_field", definition);
}

#[test]
fn nothing_is_needed_but_an_api_to_say_something_about() {
    let definition = Definition::parse("api: {}", "token-broker.yaml").unwrap();
    insta::assert_debug_snapshot!("nothing", definition);
}

#[test]
fn deployed_function_has_its_own_user_pool_and_no_port_is_taken_for_one() {
    let text = "homes:\n  local:\n    front_door: 127.0.0.1:8082\n    function:\n      aws: arn:aws:lambda:eu-west-1:123456789012:function:token-broker:live\n      endpoint: http://127.0.0.1:4566\n      timeout: 5s\n";
    let local = Definition::parse(text, "token-broker.yaml").unwrap().local;
    let FunctionHome::Deployed(function) = local.function_home else { panic!("{:?}", local.function_home) };
    assert_eq!(function.arn.region().as_str(), "eu-west-1");
    assert_eq!(function.endpoint.unwrap().as_str(), "http://127.0.0.1:4566/");
    assert_eq!(function.timeout, Some(Duration::from_secs(5)));
    assert_eq!(local.user_pool, UserPool::OfTheFunction);
}

#[test]
fn moment_and_duration_are_what_they_say() {
    let definition = Definition::parse(EVERY_FIELD, "token-broker.yaml").unwrap();
    let client = definition.clients.values().next().unwrap();
    assert_eq!(client.facts.not_before.unwrap().as_secs(), 1_767_225_600);
    // One hour before midnight UTC, because the zone is one hour ahead.
    assert_eq!(client.facts.not_after.unwrap().as_secs(), 1_798_761_600 - 3_600);
    assert_eq!(definition.app_clients.values().next().unwrap().token_validity.as_secs(), 5_400);
}

#[test]
fn upstream_may_take_as_long_as_leaves_the_front_door_an_answer() {
    let total = |time| {
        let text = format!("broker:\n  upstream: {{ total_timeout: {time} }}\n");
        let definition = Definition::parse(&text, "token-broker.yaml").ok()?;
        Some(definition.broker.upstream.total_timeout)
    };
    let longest = total("27s").unwrap();
    assert!(longest + Duration::from_secs(1) < restapi::Integration::MAX_TIMEOUT);
    assert_eq!((total("27001ms"), total("28s")), (None, None));
}

#[test]
fn limits_are_kept_unless_the_definition_says_memory() {
    let limits = |said: &str| {
        let text = format!("homes: {{ local: {{ limits: {said} }} }}");
        Definition::parse(&text, "token-broker.yaml").map(|definition| definition.local.limits).unwrap()
    };
    let usual = KeptLimits::default();
    for text in ["{}", "{ store: sqlite }", "{ when_lost: {} }"] {
        assert_eq!(limits(text), LimitsSettings::Sqlite(usual), "{text}");
    }
    assert_eq!((usual.quota_batch.get(), usual.lease), (1_000, Duration::from_secs(5)));
    assert_eq!((usual.throttle_when_lost, usual.quota_when_lost), (WhenLost::Closed, WhenLost::Closed));
    assert_eq!(limits("{ store: memory }"), LimitsSettings::Memory);
    let quota_open = KeptLimits { quota_when_lost: WhenLost::Open, ..usual };
    assert_eq!(limits("{ when_lost: { quota: open } }"), LimitsSettings::Sqlite(quota_open));
    for (text, seconds) in [("{ lease: 1s }", 1), ("{ lease: 1m }", 60)] {
        let kept = KeptLimits { lease: Duration::from_secs(seconds), ..usual };
        assert_eq!(limits(text), LimitsSettings::Sqlite(kept), "{text}");
    }
}

/// Lines that look like a definition, and some that do not, in any order.
fn lines() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        prop::sample::select(EVERY_FIELD.lines().collect::<Vec<_>>()).prop_map(String::from),
        "[ ]{0,6}[a-z_]{1,12}: ?[-\\[{&*!|>'\"0-9a-z.,:/ \\]}]{0,20}",
        "\\PC{0,20}",
        Just("---".to_owned()),
        Just("\t: {[".to_owned()),
    ];
    prop::collection::vec(line, 0..40).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn no_text_makes_the_parser_panic(text in prop_oneof![lines(), any::<String>()]) {
        if let Err(errors) = Definition::parse(&text, "token-broker.yaml") {
            prop_assert!(errors.iter().count() > 0);
            let _ = errors.to_string();
        }
    }

    #[test]
    fn one_changed_character_is_read_or_refused_with_a_place(
        index in 0..EVERY_FIELD.chars().count(),
        with in any::<char>(),
    ) {
        let text: String =
            EVERY_FIELD.chars().enumerate().map(|(at, c)| if at == index { with } else { c }).collect();
        if let Err(errors) = Definition::parse(&text, "token-broker.yaml") {
            for error in errors.iter() {
                prop_assert!(error.at.line <= text.lines().count() + 1, "{errors}");
            }
        }
    }
}
