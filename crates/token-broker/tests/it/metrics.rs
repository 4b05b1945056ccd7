//! What running programs show at `/metrics` is what the documents, the dashboard and the alert rules are about.

mod exposition;
mod promql;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::harness::{DEFINITION, Place, exchange, get, metered};
use exposition::{Exposition, Family};

const GRANT: &str = "grant_type=client_credentials";
const DOCUMENT: &str = include_str!("../../../../docs/metrics.md");
const DASHBOARD: &str = include_str!("../../../../deploy/grafana/dashboard.json");
const ALERTS: &str = include_str!("../../../../deploy/grafana/alerts.yaml");

/// What is counted or sent only where a definition asks for it.
const OBSERVED: &str = if cfg!(feature = "otlp") {
    "homes:\n  local: { metrics: { per_client: 1 }, traces: { endpoint: \"http://127.0.0.1:1\" }, "
} else {
    "homes:\n  local: { metrics: { per_client: 1 }, "
};

/// Every metric of programs that between them have every part, and of which each part has something to tell.
fn shown() -> Exposition {
    let mut shown = Exposition::default();
    let pool = "user_pool: { token_endpoint: \"http://127.0.0.1:1/oauth2/token\", \
                app_clients: { m2m: { client_id: abcdefghijklmnopqrstuvwxyz, secret_file: secret } } } }";
    let plan = "wide: { throttle: { rate: 500, burst: 500 }, token_endpoint: { rate: 500, burst: 500 }, \
                quota: { limit: 100, period: day } }";
    let unreachable = DEFINITION
        .replace("user_pool: embedded, user_pool_listen: \"127.0.0.1:0\" }", pool)
        .replace("wide: { throttle: { rate: 500, burst: 500 } }", plan)
        .replace("homes:\n  local: { ", OBSERVED);
    let function = "homes:\n  local: { function: { command: [\"false\"], memory: 128, timeout: 3s }, ";
    for definition in [unreachable, DEFINITION.replace("homes:\n  local: { ", function)] {
        let place = Place::with(&definition);
        std::fs::write(place.path("secret"), "0".repeat(51)).unwrap();
        let server = place.up(&[]);
        let key = place.read(".token-broker/keys/billing");
        for scope in ["orders/read", "nonsense"] {
            let (status, body) = server.token(&key, &format!("{GRANT}&scope={scope}"));
            assert_ne!(status, 200, "{body}");
        }
        let (status, text) = get(&format!("{}/metrics", server.url("admin")));
        assert_eq!(status, 200);
        shown.read(&text);
    }
    let place = Place::new();
    let encrypted = place.up(&["--tls"]);
    shown.read(&get(&format!("{}/metrics", encrypted.url("admin"))).1);
    shown
}

/// The tables of the document: a metric's type and labels by its name.
fn documented() -> BTreeMap<String, Family> {
    let rows = DOCUMENT.lines().filter_map(|line| line.strip_prefix("| `token_broker_"));
    let family = |row: &str| {
        let mut cells =
            format!("`token_broker_{row}").split('|').map(ToOwned::to_owned).collect::<Vec<_>>().into_iter();
        let mut cell = || cells.next().unwrap().trim().replace('`', "");
        let (name, kind, labels) = (cell(), cell(), cell());
        let labels = labels.split(", ").filter(|label| !label.is_empty()).map(ToOwned::to_owned).collect();
        (name, Family { kind, labels })
    };
    // A build that sends no spans has none to count.
    let is_built = |row: &&str| cfg!(feature = "otlp") || !row.starts_with("spans_");
    let all: Vec<_> = rows.filter(is_built).map(family).collect();
    let count = all.len();
    let by_name: BTreeMap<_, _> = all.into_iter().collect();
    assert_eq!(by_name.len(), count, "a metric is documented twice");
    by_name
}

#[test]
fn what_is_shown_is_documented_and_what_is_documented_is_shown() {
    assert_eq!(shown().families, documented());
}

/// Everything that Prometheus is asked in a dashboard's panels and variables.
fn queries(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if ["expr", "query"].contains(&name.as_str()) => {
                        into.push(text.clone());
                    }
                    member => queries(member, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| queries(item, into)),
        _ => {}
    }
}

#[test]
fn dashboard_asks_for_what_is_shown_and_shows_what_there_is() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut asked = Vec::new();
    queries(&dashboard, &mut asked);
    let shown = shown();
    let mut seen = BTreeSet::new();
    // Spans are counted only by a build that can send them.
    let built = |query: &&String| cfg!(feature = "otlp") || !query.contains("token_broker_spans_");
    for query in asked.iter().filter(|query| *query != "prometheus").filter(built) {
        seen.extend(
            promql::check(query, &shown.samples).unwrap_or_else(|wrong| panic!("{wrong} in {query}")),
        );
    }
    assert!(asked.len() > 40, "{}", asked.len());
    for of_each_part in ["throttled_total", "plan_quota_left_ratio", "cache_hits_total", "upstream_breaker"]
        .into_iter()
        .chain(["function_errors_total", "audit_lost_total", "api_latency_seconds_bucket"])
    {
        assert!(seen.contains(&format!("token_broker_{of_each_part}")), "{of_each_part}");
    }
    let mut ids = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "two panels have the same id: {panel}");
    }
}

#[test]
fn alert_rules_are_about_what_is_shown() {
    let rules: Value = serde_saphyr::from_str(ALERTS).unwrap();
    let shown = shown();
    let mut names = BTreeSet::new();
    for rule in rules["groups"][0]["rules"].as_array().unwrap() {
        let (name, query) = (rule["alert"].as_str().unwrap(), rule["expr"].as_str().unwrap());
        let seen = promql::check(query, &shown.samples).unwrap_or_else(|wrong| panic!("{wrong} in {name}"));
        assert!(!seen.is_empty(), "{name} asks for nothing");
        assert!(names.insert(name), "{name} stands twice");
        for text in ["summary", "description"] {
            assert!(rule["annotations"][text].is_string(), "{name} has no {text}");
        }
        assert!(
            ["critical", "warning", "info"].contains(&rule["labels"]["severity"].as_str().unwrap()),
            "{name}"
        );
    }
    assert!(names.len() >= 12, "{names:?}");
}

#[test]
fn reader_of_queries_finds_what_is_wrong() {
    let samples = |labels: &[&str]| labels.iter().map(|label| (*label).to_owned()).collect();
    let shown = BTreeMap::from([
        ("token_broker_a_total".to_owned(), samples(&["limit"])),
        ("token_broker_b_bucket".to_owned(), samples(&["stage", "le"])),
    ]);
    for good in [
        "sum by (limit, instance) (rate(token_broker_a_total{limit=~\"plan|quota\"}[5m])) > 0",
        "histogram_quantile(0.99, sum by (le) (rate(token_broker_b_bucket[5m])))",
        "label_values(token_broker_a_total, instance)",
    ] {
        assert_eq!(promql::check(good, &shown).map(|seen| seen.len()), Ok(1), "{good}");
    }
    for wrong in [
        "token_broker_gone_total",
        "rate(token_broker_a[5m])",
        "token_broker_a_total{stage=\"dev\"}",
        "sum by (stage) (token_broker_a_total)",
        "sum by (limit) (token_broker_a_total",
        "sum by (limit) (token_broker_a_total))",
        "token_broker_a_total{limit=\"plan}",
    ] {
        assert!(promql::check(wrong, &shown).is_err(), "{wrong}");
    }
}

#[test]
fn trace_of_the_caller_is_in_the_answer_and_in_the_audit_line() {
    let place = Place::new();
    let server = place.up(&[]);
    let head = format!(
        "x-api-key: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n",
        place.read(".token-broker/keys/billing")
    );
    let (status, head, _) = exchange("POST", &server.url("invoke_url"), &head, GRANT);
    assert_eq!(status, 200);
    let whole = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1";
    assert!(
        head.to_ascii_lowercase().contains(&format!("x-amzn-trace-id: {}", whole.to_ascii_lowercase())),
        "{head}"
    );
    assert_eq!(server.stop("-TERM").0, Some(0));
    let line: Value = serde_json::from_str(place.read(".token-broker/logs/audit.log").trim_end()).unwrap();
    assert_eq!(line["trace"], "1-4bf92f35-77b34da6a3ce929d0e0e4736");
}

#[test]
fn quota_left_of_a_client_is_the_least_that_any_of_its_keys_has() {
    let per_client = "homes:\n  local: { metrics: { per_client: 2 }, ";
    let place = Place::with(&metered().replace("homes:\n  local: { ", per_client));
    let mut server = place.up(&[]);
    let left = |server: &crate::harness::Server| -> BTreeMap<String, f64> {
        let (_, page) = get(&format!("{}/metrics", server.url("admin")));
        let lines = page
            .lines()
            .filter_map(|line| line.strip_prefix("token_broker_client_quota_left_ratio{client=\""));
        lines
            .map(|line| line.split_once("\"} ").unwrap())
            .map(|(client, left)| (client.to_owned(), left.parse().unwrap()))
            .collect()
    };
    let first = place.read(".token-broker/keys/partner");
    assert_eq!(server.token(&first, GRANT).0, 200);
    // By name `billing` and `partner` are the first two; the plan of `billing` has no quota.
    assert_eq!(left(&server), BTreeMap::from([("partner".to_owned(), 2.0 / 3.0)]));

    place.run(&["keys", "add", "partner"]).ok();
    server.wait_for_log("API keys changed");
    let second = place.read(".token-broker/keys/partner.2");
    for _ in 0..3 {
        assert_eq!(server.token(second.trim_end(), GRANT).0, 200);
    }
    assert_eq!(left(&server), BTreeMap::from([("partner".to_owned(), 0.0)]));
}
