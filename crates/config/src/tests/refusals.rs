//! Broken definitions, and what is said about each.

use crate::Definition;

/// A name for the snapshot, and what is broken.
const BROKEN: &[(&str, &str)] = &[
    ("empty_file", ""),
    ("only_comments", "# nothing yet\n"),
    ("empty_section", "api:\nplans:\n"),
    ("not_a_mapping", "just text\n"),
    ("unclosed_bracket", "api: { name: x\n"),
    ("two_documents", "---\napi: {}\n---\napi: {}\n"),
    ("unknown_field", "plans:\n  standard:\n    throttle: { rate: 1, brust: 2 }\n"),
    ("unknown_section", "client:\n  billing: {}\n"),
    (
        "secret_in_the_file",
        "clients:\n  billing: { plan: standard, api_key: hunter2hunter2hunter2, scopes: [a/b] }\n",
    ),
    ("secret_behind_another_error", "api: { nam: x, client_secret: hunter2 }\n"),
    ("field_twice", "api:\n  name: a\n  description: b\n  name: c\n"),
    (
        "client_twice",
        "clients:\n  billing: { plan: p, scopes: [a/b] }\n  billing: { plan: p, scopes: [a/b] }\n",
    ),
    ("missing_field", "plans:\n  standard:\n    throttle: { rate: 1 }\n"),
    ("empty_field", "clients:\n  billing:\n    plan: standard\n    scopes: [orders/read]\n    allow_from:\n"),
    ("text_for_a_number", "api:\n  throttle: { rate: fast, burst: 1 }\n"),
    ("negative_number", "api:\n  throttle: { rate: 1, burst: -1 }\n"),
    ("fraction_for_a_count", "api:\n  throttle: { rate: 1, burst: 1.5 }\n"),
    ("yes_for_true", "clients:\n  billing: { plan: p, scopes: [a/b], enabled: yes }\n"),
    ("text_for_a_list", "clients:\n  billing: { plan: p, scopes: a/b }\n"),
    ("merge_key", "plans:\n  a: &a { throttle: { rate: 1, burst: 1 } }\n  b: { <<: *a }\n"),
    ("rate_with_four_decimals", "api:\n  throttle: { rate: 0.0005, burst: 1 }\n"),
    (
        "rates_and_bursts",
        "api:\n  throttle: { rate: 0, burst: 0 }\nplans:\n  a:\n    throttle: { rate: -1, burst: 9007200 }\n    token_endpoint: { rate: .inf, burst: 99999999999 }\n",
    ),
    ("access_log_names", "api:\n  access_log: combined\n  logging_level: debug\n"),
    ("access_log_without_an_id", "api:\n  access_log:\n    format: '$context.status'\n"),
    (
        "access_log_with_a_slip",
        "api:\n  access_log:\n    format: '$context.requestId $context.identity.sourceIP'\n",
    ),
    (
        "access_log_on_two_lines",
        "api:\n  access_log:\n    format: \"$context.requestId\\n$context.status\"\n",
    ),
    ("access_log_of_another_shape", "api:\n  access_log: { fields: [status] }\n"),
    (
        "access_log_that_aws_does_not_know",
        "api:\n  access_log: { format: '$context.requestId $context.limit' }\nhomes:\n  aws: { stage: prod, region: eu-central-1 }\n",
    ),
    (
        "api_texts",
        "api:\n  name: ''\n  description: \"a\\nb\"\n  gateway_responses: json\n  token_endpoint: { identity: iam }\n",
    ),
    ("unknown_identity", "api:\n  token_endpoint: { identity: apikey }\n"),
    (
        "quotas",
        "plans:\n  a: { quota: { limit: 0, period: day } }\n  b: { quota: { limit: 1, period: year } }\n  c: { quota: { limit: 1, period: day, offset: 1 } }\n  d: { quota: { limit: 1, period: week, offset: 7 } }\n  e: { quota: { limit: 1, period: month, offset: 500 } }\n",
    ),
    (
        "names",
        "plans:\n  Standard: {}\nclients:\n  a b: { plan: Standard, scopes: [x/y] }\napp_clients:\n  '': {}\n",
    ),
    (
        "unknown_plan",
        "plans:\n  standard: {}\nclients:\n  billing: { plan: standrad, scopes: [a/b] }\n  reports: { plan: gold, scopes: [a/b] }\n",
    ),
    (
        "plan_that_is_wrong_is_not_missing",
        "plans:\n  standard: { quota: { limit: 0, period: day } }\nclients:\n  billing: { plan: standard, scopes: [a/b] }\n",
    ),
    (
        "scopes",
        "plans: { p: {} }\nclients:\n  a: { plan: p, scopes: [] }\n  b: { plan: p, scopes: [openid, 'a b/c', /x, x/] }\n  c: { plan: p, scopes: [a/b, a/b] }\n",
    ),
    (
        "default_scopes",
        "plans: { p: {} }\nclients:\n  a: { plan: p, scopes: [a/b], default_scopes: [a/c] }\n  b: { plan: p, scopes: [a/b], default_scopes: [] }\n",
    ),
    (
        "networks",
        "plans: { p: {} }\nclients:\n  a: { plan: p, scopes: [a/b], allow_from: [] }\n  b: { plan: p, scopes: [a/b], allow_from: [10.0.0.1, 10.0.0.5/8, 10.0.0.0/33, anywhere] }\n",
    ),
    (
        "grants",
        "plans: { p: {} }\nclients:\n  a: { plan: p, scopes: [a/b], grants: [] }\n  b: { plan: p, scopes: [a/b], grants: [password, client_credentials] }\n",
    ),
    (
        "dates",
        "plans: { p: {} }\nclients:\n  a: { plan: p, scopes: [a/b], not_before: 2027-01-01, not_after: tomorrow }\n  b: { plan: p, scopes: [a/b], not_before: 2027-01-01T00:00:00Z, not_after: 2026-01-01T00:00:00Z }\n  c: { plan: p, scopes: [a/b], not_before: 1969-12-31T00:00:00Z }\n",
    ),
    (
        "budget",
        "plans: { p: {} }\nclients:\n  a:\n    plan: p\n    scopes: [a/b]\n    budget: { per_hour: 60, per_day: 500, mode: enforce }\n",
    ),
    (
        "app_clients",
        "plans: { p: {} }\nclients:\n  a: { plan: p, scopes: [a/b] }\napp_clients:\n  m2m: { token_validity: 4m }\n",
    ),
    (
        "validities",
        "app_clients:\n  a: { token_validity: 3600 }\n  b: { token_validity: 25h }\n  c: { token_validity: 300.5s }\n  d: { token_validity: -1h }\n",
    ),
    ("unused_app_client", "app_clients:\n  m2m: {}\n"),
    (
        "broker",
        "plans: { p: {} }\nclients:\n  a: { plan: p, scopes: [a/b] }\napp_clients:\n  m2m: { token_validity: 5m }\nbroker:\n  min_token_life: 5m\n  refresh_at_percent: 0\n  upstream: { connect_timeout: 1ms, attempt_timeout: 29s, total_timeout: soon, attempts: 11 }\n",
    ),
    ("part_longer_than_the_whole", "broker:\n  upstream: { total_timeout: 1s }\n"),
    (
        "listeners",
        "homes:\n  local:\n    stage: de/v\n    region: europe\n    account_id: 12345\n    front_door: localhost:8080\n    admin: 0.0.0.0:8081\n    user_pool_listen: 0.0.0.0:8081\n",
    ),
    (
        "proxies",
        "homes:\n  local:\n    trusted_proxies: [10.0.0.5, 10.0.0.1/8, anywhere]\n    client_address: x_real_ip\n    proxy_protocol: optional\n",
    ),
    (
        "proxies_that_are_everybody",
        "homes:\n  local:\n    trusted_proxies: [10.0.0.0/8, 0.0.0.0/0]\n    client_address: x_forwarded_for\n",
    ),
    (
        "proxies_that_are_everybody_of_ipv6",
        "homes:\n  local:\n    trusted_proxies: [\"::/1\", \"8000::/1\"]\n    client_address: forwarded\n",
    ),
    (
        "proxies_that_say_nothing",
        "homes:\n  local:\n    trusted_proxies: [10.0.0.0/8]\n    proxy_protocol: off\n",
    ),
    ("proxies_of_which_none_is_trusted", "homes:\n  local: { client_address: x_forwarded_for }\n"),
    ("proxy_protocol_of_nobody", "homes:\n  local: { proxy_protocol: required }\n"),
    ("no_proxies", "homes:\n  local: { trusted_proxies: [], client_address: forwarded }\n"),
    (
        "tls",
        "homes:\n  local:\n    tls: { certificate: '', key: key.pem, min_version: \"1.1\", client_auth: always, client_ca: ' ' }\n",
    ),
    ("tls_without_a_key", "homes:\n  local:\n    tls: { certificate: certificate.pem }\n"),
    (
        "tls_with_clients_that_nobody_vouches_for",
        "homes:\n  local:\n    tls: { certificate: c.pem, key: k.pem, client_auth: required, client_crl: r.pem }\n",
    ),
    (
        "tls_with_authorities_that_are_not_asked",
        "homes:\n  local:\n    tls: { certificate: c.pem, key: k.pem, client_ca: ca.pem, client_crl: r.pem }\n",
    ),
    (
        "limits",
        "homes:\n  local:\n    limits:\n      store: redis\n      quota_batch: 0\n      lease: 500ms\n      when_lost: { throttle: ajar, quota: shut }\n",
    ),
    (
        "metrics_and_traces",
        "homes:\n  local:\n    metrics: { per_client: 5000 }\n    traces:\n      endpoint: http://user:hunter2@127.0.0.1:4318\n      ca: ' '\n      headers_file: ''\n      one_in: 0\n      parents: obey\n",
    ),
    ("traces_with_headers_in_clear", "homes:\n  local:\n    traces: { headers_file: secrets/collector }\n"),
    ("traces_over_http", "homes:\n  local:\n    traces: { endpoint: 'http://collector.example.com:4318' }\n"),
    ("limits_beyond_their_bounds", "homes:\n  local:\n    limits: { quota_batch: 1000001, lease: 61s }\n"),
    (
        "limits_in_memory_with_what_a_file_needs",
        "homes:\n  local:\n    limits:\n      store: memory\n      quota_batch: 10\n      lease: 5s\n      when_lost: { quota: open }\n",
    ),
    (
        "function",
        "homes:\n  local:\n    function:\n      command: []\n      concurrency: 0\n      memory: 64\n      timeout: 16m\n",
    ),
    ("function_word", "homes:\n  local: { function: lambda }\n"),
    ("function_nowhere", "homes:\n  local: { function: { memory: 128 } }\n"),
    (
        "function_in_two_places",
        "homes:\n  local:\n    function:\n      command: [./bootstrap]\n      aws: arn:aws:lambda:eu-central-1:123456789012:function:token-broker\n",
    ),
    (
        "function_on_aws",
        "homes:\n  local:\n    user_pool: embedded\n    user_pool_listen: 127.0.0.1:1\n    function:\n      aws: arn:aws:lambda:eu-central-1:123456789012:layer:token-broker\n      endpoint: http://emulator:4566\n      concurrency: 10\n      memory: 128\n      timeout: 29s\n",
    ),
    (
        "function_at_an_endpoint_with_password",
        "homes:\n  local:\n    function: { endpoint: 'https://me:sesame@example.com', aws: arn:aws:lambda:eu-central-1:123456789012:function:b }\n",
    ),
    (
        "function_here_with_an_endpoint",
        "homes:\n  local: { function: { command: [x], endpoint: 'http://127.0.0.1:1' } }\n",
    ),
    ("user_pool_nowhere", "homes:\n  local: { user_pool: { app_clients: {} } }\n"),
    (
        "user_pool_in_two_ways",
        "homes:\n  local:\n    user_pool:\n      token_endpoint: https://pool.example.com/oauth2/token\n      cognito_idp: https://cognito-idp.eu-central-1.amazonaws.com\n      app_clients: {}\n",
    ),
    ("user_pool_word", "homes:\n  local: { user_pool: cognito }\n"),
    (
        "user_pool_over_http",
        "homes:\n  local:\n    user_pool_listen: 127.0.0.1:1\n    user_pool:\n      token_endpoint: http://pool.example.com/oauth2/token\n      app_clients: {}\n",
    ),
    (
        "user_pool_with_password",
        "homes:\n  local:\n    user_pool: { token_endpoint: 'https://a:hunter2@pool.example.com/', app_clients: {} }\n",
    ),
    (
        "user_pool_app_clients",
        "plans: { p: {} }\nclients:\n  a: { plan: p, scopes: [a/b] }\nhomes:\n  local:\n    user_pool:\n      token_endpoint: https://pool.example.com/oauth2/token\n      app_clients:\n        m2n: { client_id: a, secret_file: b }\n",
    ),
    (
        "user_pool_ids",
        "plans: { p: {} }\nclients:\n  a: { plan: p, scopes: [a/b] }\nhomes:\n  local:\n    user_pool:\n      token_endpoint: https://pool.example.com/oauth2/token\n      app_clients:\n        m2m: { client_id: 'a b', secret_file: '' }\n",
    ),
    (
        "user_pool_unknown_field",
        "homes:\n  local:\n    user_pool:\n      token_endpoint: https://pool.example.com/\n      app_client: {}\n",
    ),
    ("aws", "homes:\n  aws: { stage: 'a b', region: frankfurt }\n"),
    ("aws_without_region", "homes:\n  aws: { stage: prod }\n"),
    (
        "waivers",
        "waivers:\n  - { guardrail: TB1, at: '', reason: later, expires: soon }\n  - { guardrail: TB000, at: 'a/', reason: '. . . . . . . . .', expires: 2027-02-29 }\n  - { guardrail: tb018, at: \"a\\tb\", reason: \"no bell\\u0007 is a reason\", expires: 2027-01-31T00:00:00Z }\n",
    ),
    (
        "waiver_twice",
        "waivers:\n  - { guardrail: TB018, at: usagePlans/a, reason: until it is split, expires: 2027-01-31 }\n  - { guardrail: TB018, at: usagePlans/b, reason: until it is split, expires: 2027-01-31 }\n  - guardrail: TB018\n    at: usagePlans/a\n    reason: until it is split\n    expires: 2027-02-28\n",
    ),
    (
        "waiver_without_an_end",
        "waivers:\n  - guardrail: TB018\n    at: usagePlans/a\n    reason: until it is split\n",
    ),
    (
        "waiver_with_an_empty_end",
        "waivers:\n  - { guardrail: TB018, at: a, reason: until it is split, expires: }\n",
    ),
    (
        "waivers_of_everything",
        "waivers:\n  - { guardrail: TB018, at: usagePlans, reason: until it is split, expires: 2027-01-31 }\n  - { guardrail: TB008, at: aws_lambda_permission, reason: until it is split, expires: 2027-01-31 }\n",
    ),
    ("waivers_by_name", "waivers:\n  TB018: { at: usagePlans/a }\n"),
];

fn refusal(text: &str) -> String {
    Definition::parse(text, "token-broker.yaml").unwrap_err().to_string()
}

#[test]
fn each_refusal_says_where_what_and_how_to_mend() {
    for (name, text) in BROKEN {
        let shown = format!("{text}\n{}\n{}", "-".repeat(80), refusal(text));
        insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(*name, shown) });
    }
}

#[test]
fn no_refusal_repeats_a_secret() {
    for (name, text) in BROKEN {
        assert!(!refusal(text).contains("hunter2"), "{name}: {}", refusal(text));
    }
}

#[test]
fn name_cannot_end_a_line_or_speak_to_the_terminal() {
    let text = refusal("clients: { \"a\\nx.yaml:1:1: \\e[31mfine\": { plan: none, scopes: [a/b] } }");
    assert!(text.contains("clients.a x.yaml:1:1:  [31mfine: "), "{text}");
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
}

#[test]
fn too_many_scopes_for_one_app_client_are_refused() {
    let scopes = |prefix: &str| (0..26).map(|n| format!("{prefix}/{n}")).collect::<Vec<_>>().join(", ");
    let text = format!(
        "plans: {{ p: {{}} }}\nclients:\n  a: {{ plan: p, scopes: [{}] }}\n  b: {{ plan: p, scopes: [{}] }}\n",
        scopes("a"),
        scopes("b"),
    );
    let refusal = refusal(&text);
    assert!(refusal.contains("52 scopes together: more than 50 scopes"), "{refusal}");
    let apart = text.replace("  b: { plan: p,", "  b: { plan: p, app_client: other,");
    assert!(Definition::parse(&apart, "token-broker.yaml").is_ok());
}

#[test]
fn several_errors_come_in_the_order_of_the_file() {
    let text =
        "api:\n  throttle: { rate: 0.0005, burst: 0 }\nplans:\n  a: { quota: { limit: 0, period: day } }\n";
    let errors = Definition::parse(text, "token-broker.yaml").unwrap_err();
    let paths = errors.iter().map(|error| error.path.as_str()).collect::<Vec<_>>();
    assert_eq!(paths, ["api.throttle.rate", "api.throttle.burst", "plans.a.quota.limit"]);
}

#[test]
fn address_of_the_embedded_pool_is_free_when_the_pool_is_elsewhere() {
    let external = "{ token_endpoint: 'https://pool.example.com/', app_clients: {} }";
    let text = |pool| format!("homes:\n  local: {{ front_door: 127.0.0.1:8082, user_pool: {pool} }}\n");
    assert!(Definition::parse(&text(external), "token-broker.yaml").is_ok());
    assert!(refusal(&text("embedded")).contains("also the address of `front_door`"));
}

#[test]
fn deep_nesting_and_many_aliases_are_refused() {
    refusal(&"[".repeat(100_000));
    let laughs = (0..20).fold("a0: &a0 [x, x]\n".to_owned(), |text, n| {
        format!("{text}a{}: &a{} [*a{n}, *a{n}, *a{n}, *a{n}]\n", n + 1, n + 1)
    });
    refusal(&laughs);
}
