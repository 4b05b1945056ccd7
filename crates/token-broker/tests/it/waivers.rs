//! What breaks a guardrail and runs all the same: with a waiver that holds, or because it is only warned of.

use serde_json::{Value, json};

use crate::harness::{DEFINITION, Place};

/// A plan without a throttle, whose waiver ends on this day, and a plan that no client is on.
fn definition(last_day: &str) -> String {
    let text = DEFINITION.replace(
        "wide: { throttle: { rate: 500, burst: 500 } }",
        "wide: {}\n  idle: { throttle: { rate: 1, burst: 1 } }",
    );
    let waiver =
        "{ guardrail: TB017, at: usagePlans/wide, reason: measured before it is limited, expires: DAY }";
    format!("{text}waivers:\n  - {}\n", waiver.replace("DAY", last_day))
}

#[test]
fn waived_breach_and_warning_are_shown_and_stop_nothing() {
    let place = Place::with(&definition("9000-01-01"));
    let said = place.run(&["config", "check"]).ok();
    assert!(said.contains("1 warning(s), 1 waived"), "{said}");
    let waived =
        said.lines().find(|line| line.starts_with("  waived: TB017 at usagePlans/wide/throttle")).unwrap();
    assert!(waived.ends_with("; until 9000-01-01: measured before it is limited"), "{waived}");
    assert!(
        said.contains("\n  warning: TB023 at usagePlans/idle: no key is on the plan (line 9)\n"),
        "{said}"
    );

    let json: Value = serde_json::from_str(&place.run(&["config", "check", "--json"]).ok()).unwrap();
    assert_eq!((&json["ok"], &json["error"]), (&json!(true), &Value::Null));
    let [warning] = json["warnings"].as_array().unwrap().as_slice() else { panic!("{json}") };
    assert_eq!((&warning["guardrail"], &warning["severity"]), (&json!("TB023"), &json!("warning")));
    let [waived] = json["waived"].as_array().unwrap().as_slice() else { panic!("{json}") };
    assert_eq!((&waived["guardrail"], &waived["severity"]), (&json!("TB017"), &json!("error")));
    assert_eq!(waived["waiver"]["expires"], "9000-01-01");
}

#[test]
fn expired_waiver_is_named_where_the_start_is_refused() {
    let place = Place::with(&definition("2020-12-31"));
    for arguments in [&["config", "check"][..], &["up"]] {
        let said = place.run(arguments).failed();
        assert!(said.contains("breaks 1 guardrail(s)") && said.contains("TB017"), "{said}");
        assert!(said.contains("the waiver of line 17 expired on 2020-12-31"), "{said}");
    }
}

#[test]
fn every_start_logs_what_passed_and_keys_change_all_the_same() {
    let place = Place::with(&definition("9000-01-01"));
    let mut server = place.up(&[]);
    place.run(&["keys", "add", "billing"]).ok();
    server.wait_for_log("API keys changed");
    let key = place.read(".token-broker/keys/billing.2");
    assert_eq!(server.token(key.trim_end(), "grant_type=client_credentials").0, 200);
    drop(server);

    let (_code, said) = place.up(&[]).stop("-TERM");
    let line = |text: &str| said.lines().find(|line| line.contains(text)).unwrap_or_else(|| panic!("{said}"));
    let waived = line("a guardrail is broken and waived");
    assert!(waived.contains("WARN") && waived.contains("TB017") && waived.contains("9000-01-01"), "{waived}");
    let warned = line("a guardrail warns");
    assert!(
        warned.contains("WARN") && warned.contains("TB023") && warned.contains("usagePlans/idle"),
        "{warned}"
    );
}

#[test]
fn waiver_that_nothing_needs_or_that_is_of_no_rule_is_told_and_stops_nothing() {
    let text = definition("9000-01-01");
    let idle =
        "  - { guardrail: TB018, at: usagePlans/idle, reason: it was needed once, expires: 9000-01-01 }\n";
    let place = Place::with(&format!("{text}{idle}"));
    let said = place.run(&["config", "check"]).ok();
    let note =
        said.lines().find(|line| line.starts_with("  note: line 18: ")).unwrap_or_else(|| panic!("{said}"));
    assert!(note.contains("TB018 at `usagePlans/idle` covers nothing in the definition"), "{note}");
    let json: Value = serde_json::from_str(&place.run(&["config", "check", "--json"]).ok()).unwrap();
    assert!(
        json["notes"].as_array().unwrap().iter().any(|note| note.as_str().unwrap().contains("TB018")),
        "{json}"
    );
    let (_code, log) = place.up(&[]).stop("-TERM");
    let line = log
        .lines()
        .find(|line| line.contains("a waiver needs somebody's attention") && line.contains("TB018"));
    assert!(line.is_some_and(|line| line.contains("WARN")), "{log}");

    let place = Place::with(&format!("{text}{}", idle.replace("TB018", "TB999")));
    let said = place.run(&["config", "check"]).ok();
    assert!(said.contains("there is no rule `TB999`"), "{said}");
}
