use super::{Change, Meaning, diff};
use crate::{DEFAULT_FILE, Definition};

fn meaning(text: &str) -> Meaning {
    Meaning::from(&Definition::parse(text, "token-broker.yaml").unwrap_or_else(|error| panic!("{error}")))
}

/// What changes in the default file when a part of it is replaced.
fn replaced(parts: &[(&str, &str)]) -> Vec<Change> {
    let text = parts.iter().fold(DEFAULT_FILE.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    });
    diff(&meaning(DEFAULT_FILE), &meaning(&text))
}

fn lines(changes: &[Change]) -> Vec<String> {
    changes.iter().map(ToString::to_string).collect()
}

#[test]
fn definition_that_says_the_same_otherwise_is_the_same() {
    let short = "api: { throttle: { rate: 1, burst: 1 } }\nplans: { a: {} }\nclients:\n  b: { plan: a, scopes: [x/y, x/z] }\n";
    let long = "# a comment\nclients:\n  b:\n    scopes: [x/z, x/y]\n    plan: a\n    app_client: m2m\n    grants: [client_credentials]\n    enabled: true\n\
                plans: { a: {} }\napi:\n  throttle: { rate: 1.000, burst: 1 }\n  name: token-broker-api\n  token_endpoint: { identity: api_key }\n\
                broker: { min_token_life: 1m }\nhomes: { local: { stage: dev, limits: { lease: 5000ms } } }\napp_clients: { m2m: { token_validity: 60m } }\n";
    assert_eq!(lines(&diff(&meaning(short), &meaning(long))), [""; 0]);
}

#[test]
fn changes_are_told_in_the_words_of_the_file() {
    let changes = replaced(&[
        ("rate: 10\n      burst: 20", "rate: 20.5\n      burst: 20"),
        (
            "    quota:                        # requests per key and period, whatever their answer\n      limit: 10000\n      period: day                 # day, week or month (UTC)\n",
            "",
        ),
        ("default_scopes: [orders/read]", "default_scopes: [orders/write]"),
        ("min_token_life: 60s", "min_token_life: 1m30s"),
        ("not_after: 2036-01-01T00:00:00Z", "not_after: 2037-01-01T00:00:00Z"),
        ("token_validity: 1h ", "token_validity: 90m "),
        ("  reports:\n", "  other: { plan: standard, scopes: [a/b] }\n  reports:\n"),
    ]);
    assert_eq!(
        lines(&changes),
        [
            "app_clients.m2m.token_validity: 1h → 1h30m",
            "broker.min_token_life: 1m → 1m30s",
            "clients.billing.default_scopes: [orders/read] → [orders/write]",
            "+ clients.other",
            "clients.partner.not_after: 2036-01-01T00:00:00Z → 2037-01-01T00:00:00Z",
            "- plans.standard.quota",
            "plans.standard.throttle.rate: 10 → 20.5",
        ]
    );
    assert!(changes.iter().all(|change| !change.needs_restart));
}

#[test]
fn another_certificate_is_taken_over_and_tls_itself_only_by_a_restart() {
    let with = |tls: &str| meaning(&format!("homes: {{ local: {{ {tls} }} }}"));
    let plain = with("");
    let first = with("tls: { certificate: a.pem, key: a.key }");
    let second = with(
        "tls: { certificate: b.pem, key: a.key, client_auth: optional, client_ca: ca.pem, min_version: '1.3' }",
    );
    let changes = diff(&first, &second);
    assert_eq!(
        lines(&changes),
        [
            "homes.local.tls.certificate: a.pem → b.pem",
            "homes.local.tls.client_auth: none → optional",
            "+ homes.local.tls.client_ca: ca.pem",
            "homes.local.tls.min_version: 1.2 → 1.3",
        ]
    );
    assert!(changes.iter().all(|change| !change.needs_restart));
    for (from, to, said) in [
        (&plain, &first, "+ homes.local.tls  (needs a restart)"),
        (&first, &plain, "- homes.local.tls  (needs a restart)"),
    ] {
        assert_eq!(lines(&diff(from, to)), [said]);
    }
}

#[test]
fn other_proxies_are_trusted_only_after_a_restart() {
    let with = |proxies: &str| meaning(&format!("homes: {{ local: {{ {proxies} }} }}"));
    let (plain, first) = (with(""), with("trusted_proxies: [10.0.0.0/8], client_address: forwarded"));
    let second = with(
        "trusted_proxies: [10.0.0.0/8, 192.0.2.0/24], client_address: x_forwarded_for, proxy_protocol: required",
    );
    for (from, to, said) in [
        (
            &plain,
            &first,
            &[
                "+ homes.local.client_address: forwarded  (needs a restart)",
                "+ homes.local.trusted_proxies: [10.0.0.0/8]  (needs a restart)",
            ][..],
        ),
        (
            &first,
            &second,
            &[
                "homes.local.client_address: forwarded → x_forwarded_for  (needs a restart)",
                "homes.local.proxy_protocol: off → required  (needs a restart)",
                "homes.local.trusted_proxies: [10.0.0.0/8] → [10.0.0.0/8, 192.0.2.0/24]  (needs a restart)",
            ],
        ),
    ] {
        assert_eq!(lines(&diff(from, to)), said);
    }
}

#[test]
fn what_a_running_server_cannot_take_over_is_marked() {
    for (from, to, path) in [
        ("name: token-broker-api", "name: another-api", "api.name"),
        ("stage: dev", "stage: test", "homes.local.stage"),
        ("region: us-east-1", "region: eu-west-1", "homes.local.region"),
        ("\"000000000000\"", "\"000000000001\"", "homes.local.account_id"),
        ("front_door: 127.0.0.1:8080", "front_door: 127.0.0.1:8090", "homes.local.front_door"),
        ("admin: 127.0.0.1:8081", "admin: 127.0.0.1:8091", "homes.local.admin"),
        (
            "user_pool_listen: 127.0.0.1:8082",
            "user_pool_listen: 127.0.0.1:8092",
            "homes.local.user_pool_listen",
        ),
        ("lease: 5s", "lease: 6s", "homes.local.limits.lease"),
        ("function: in_process", "function: { command: [run] }", "homes.local.function"),
        ("function: in_process", "function: { command: [run], timeout: 2s }", "homes.local.function"),
    ] {
        let changes = replaced(&[(from, to)]);
        let [change] = changes.as_slice() else { panic!("{path}: {changes:?}") };
        assert_eq!((change.path.as_str(), change.needs_restart), (path, true));
        assert!(change.to_string().ends_with("  (needs a restart)"), "{change}");
    }
}

#[test]
fn processes_are_run_otherwise_without_a_restart_and_a_deployed_function_is_not() {
    let with = |function: &str| {
        meaning(&DEFAULT_FILE.replace("function: in_process", &format!("function: {function}")))
    };
    let marks = |from: &str, to: &str| -> Vec<(String, bool)> {
        diff(&with(from), &with(to)).into_iter().map(|change| (change.path, change.needs_restart)).collect()
    };
    let path = |name: &str| format!("homes.local.function.{name}");
    assert_eq!(
        marks("{ command: [run, a] }", "{ command: [run, b], memory: 256, timeout: 3s }"),
        [(path("command"), false), (path("memory"), false), (path("timeout"), false)]
    );
    let deployed = |more: &str| {
        let text = DEFAULT_FILE.replace("    user_pool: embedded ", "    # ");
        let text = text.replace("    user_pool_listen: 127.0.0.1:8082\n", "");
        let arn = "arn:aws:lambda:eu-central-1:000000000000:function:broker";
        meaning(&text.replace("function: in_process", &format!("function: {{ aws: \"{arn}\"{more} }}")))
    };
    let changes = diff(&deployed(""), &deployed(", timeout: 5s"));
    assert_eq!(lines(&changes), ["+ homes.local.function.timeout: 5s  (needs a restart)"]);
}

#[test]
fn existing_pool_is_asked_as_others_without_a_restart_and_another_one_is_not() {
    let with = |endpoint: &str, id: &str| {
        let pool = format!(
            "user_pool: {{ token_endpoint: \"{endpoint}\", app_clients: {{ m2m: {{ client_id: {id}, secret_file: s }}, partner: {{ client_id: p, secret_file: s }} }} }} #"
        );
        let text = DEFAULT_FILE.replace("user_pool: embedded ", &pool);
        meaning(&text.replace("    user_pool_listen: 127.0.0.1:8082\n", ""))
    };
    let (here, there) = ("https://here.example/oauth2/token", "https://there.example/oauth2/token");
    assert_eq!(
        lines(&diff(&with(here, "a"), &with(here, "b"))),
        ["homes.local.user_pool.app_clients.m2m.client_id: a → b"]
    );
    let other = diff(&with(here, "a"), &with(there, "a"));
    assert_eq!(other.iter().map(|change| change.needs_restart).collect::<Vec<_>>(), [true]);
    let embedded = diff(&with(here, "a"), &meaning(DEFAULT_FILE));
    assert!(embedded.iter().all(|change| change.needs_restart), "{embedded:?}");
}

#[test]
fn waivers_are_known_by_what_they_are_for() {
    let waived = |waivers: &str| meaning(&format!("{DEFAULT_FILE}\nwaivers: [{waivers}]\n"));
    let until = |place: &str, day: &str| {
        format!(
            "{{ guardrail: TB018, at: usagePlans/{place}, reason: until it is split off, expires: {day} }}"
        )
    };
    let before = waived(&format!("{}, {}", until("a", "2027-01-31"), until("b", "2027-01-31")));
    let after = waived(&format!("{}, {}", until("b", "2027-02-28"), until("c", "2027-01-31")));
    assert_eq!(
        lines(&diff(&before, &after)),
        [
            "- waivers.TB018 at usagePlans/a",
            "waivers.TB018 at usagePlans/b.expires: 2027-01-31 → 2027-02-28",
            "+ waivers.TB018 at usagePlans/c",
        ]
    );
}

#[test]
fn meaning_is_the_same_after_a_way_through_json() {
    let here = meaning(DEFAULT_FILE);
    let there: Meaning = serde_json::from_str(&serde_json::to_string(&here).unwrap()).unwrap();
    assert_eq!(here, there);
    let changes = replaced(&[("rate: 0.5 ", "rate: 0.7 "), ("enabled: true", "enabled: false")]);
    insta::assert_snapshot!(serde_json::to_string(&changes).unwrap(), @r#"[{"path":"clients.partner.enabled","from":true,"to":false,"needs_restart":false},{"path":"plans.partner.throttle.rate","from":0.5,"to":0.7,"needs_restart":false}]"#);
}

#[test]
fn every_field_of_the_default_file_is_in_the_meaning() {
    insta::assert_json_snapshot!("meaning_of_the_default_file", meaning(DEFAULT_FILE));
}
