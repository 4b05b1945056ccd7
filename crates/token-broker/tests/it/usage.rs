//! Quotas of a running server, as an operator reads and extends them.
//!
//! A test that met midnight UTC between its requests would see two days; each runs for a second or less.

use serde_json::{Value, json};

use crate::harness::{Place, Server, metered};

const GRANT: &str = "grant_type=client_credentials";

fn statuses(place: &Place, server: &Server, client: &str, count: usize) -> Vec<u16> {
    let key = place.read(&format!(".token-broker/keys/{client}"));
    (0..count).map(|_| server.token(&key, GRANT).0).collect()
}

fn usage(place: &Place, client: &str) -> Value {
    let said: Value = serde_json::from_str(&place.run(&["usage", client, "--json"]).ok()).unwrap();
    said["standings"][0].clone()
}

#[test]
fn usage_adds_up_and_an_extension_really_admits_more() {
    let place = Place::with(&metered());
    let server = place.up(&[]);
    assert_eq!(statuses(&place, &server, "partner", 5), [200, 200, 200, 429, 429]);
    let before = usage(&place, "partner");
    assert_eq!((&before["quota"]["used"], &before["quota"]["left"]), (&json!(3), &json!(0)));

    let said = place.run(&["quota", "extend", "partner", "2"]).ok();
    assert!(
        said.contains("may make 2 requests more until") && said.contains("3 of 5 used, 2 left"),
        "{said}"
    );
    assert_eq!(statuses(&place, &server, "partner", 3), [200, 200, 429]);
    let after = usage(&place, "partner");
    let quota = &after["quota"];
    assert_eq!((&quota["used"], &quota["left"], &quota["extra"]), (&json!(5), &json!(0), &json!(2)));
    assert_eq!(usage(&place, "reports")["quota"]["left"], 3, "nobody else has more");
    let (_, log) = server.stop("-TERM");
    assert!(log.contains("a quota was extended"), "{log}");
}

#[test]
fn table_shows_every_client_and_no_bars_where_nobody_looks() {
    let place = Place::with(&metered());
    let server = place.up(&[]);
    statuses(&place, &server, "partner", 2);
    let said = place.run(&["usage"]).ok();
    let row = |client: &str| {
        let line = said.lines().find(|line| line.starts_with(client)).unwrap();
        line.split_whitespace().take(8).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("partner"), "partner partner 3 a day 2 0 1");
    assert_eq!(row("billing"), "billing billing none - - - -");
    assert!(!said.contains(['█', '\u{1b}']), "{said}");
    let clients: Vec<_> = said.lines().skip(1).filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(clients, ["billing", "partner", "reports", "slow"]);
}

#[test]
fn days_are_told_one_by_one() {
    let place = Place::with(&metered());
    let server = place.up(&[]);
    statuses(&place, &server, "partner", 2);
    let said = place.run(&["usage", "partner", "--days", "3"]).ok();
    let days: Vec<_> = said.lines().filter(|line| line.starts_with("  20")).collect();
    assert_eq!(days.len(), 3, "{said}");
    assert!(days[2].ends_with("     2     1") && days[1].ends_with("     0     3"), "{said}");

    let said: Value =
        serde_json::from_str(&place.run(&["usage", "partner", "--days", "3", "--json"]).ok()).unwrap();
    let values: Vec<_> = said["values"].as_object().unwrap().values().cloned().collect();
    assert_eq!(values, [json!([[0, 3], [0, 3], [2, 1]])]);
    for wrong in ["0", "91", "many"] {
        assert_eq!(place.run(&["usage", "--days", wrong]).code, Some(2), "{wrong}");
    }
}

#[test]
fn client_with_several_keys_has_to_name_one() {
    let place = Place::with(&metered());
    let server = place.up(&[]);
    place.run(&["keys", "add", "partner"]).ok();
    let refused = place.run(&["quota", "extend", "partner", "2"]).failed();
    assert!(refused.contains("`partner`, `partner.2`") && refused.contains("--key"), "{refused}");
    let refused = place.run(&["quota", "extend", "partner", "2", "--key", "reports"]).failed();
    assert!(refused.contains("no API key `reports`"), "{refused}");
    let said = place.run(&["quota", "extend", "partner", "2", "--key", "partner.2", "--json"]).ok();
    let standing: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&standing["key"], &standing["quota"]["left"]), (&json!("partner.2"), &json!(5)));
    assert_eq!(statuses(&place, &server, "partner", 4), [200, 200, 200, 429], "each key has its own");
    assert_eq!(statuses(&place, &server, "partner.2", 6), [200, 200, 200, 200, 200, 429]);
    let by_id = standing["keyId"].as_str().unwrap();
    place.run(&["quota", "extend", "partner", "1", "--key", by_id]).ok();
    assert_eq!(statuses(&place, &server, "partner.2", 2), [200, 429]);
    // The one that is left needs no name.
    place.run(&["keys", "revoke", "partner"]).ok();
    place.run(&["quota", "extend", "partner", "1"]).ok();
}

#[test]
fn what_cannot_be_shown_or_extended_is_refused_with_a_reason() {
    let place = Place::with(&metered());
    let _server = place.up(&[]);
    for arguments in [&["usage", "nobody"][..], &["quota", "extend", "nobody", "1"]] {
        let said = place.run(arguments).failed();
        assert!(said.contains("no API key of `nobody`") && said.contains("keys list"), "{said}");
    }
    let said = place.run(&["quota", "extend", "billing", "1"]).failed();
    assert!(said.contains("the plan `wide` of `billing` has no quota"), "{said}");
    let said = place.run(&["quota", "extend", "partner", "18446744073709551615"]).failed();
    assert!(said.contains("the server refuses") && said.contains("18446744073709551615"), "{said}");
    for wrong in ["0", "-1", "1.5", "18446744073709551616"] {
        assert_eq!(place.run(&["quota", "extend", "partner", "--", wrong]).code, Some(2), "{wrong}");
    }
}

#[test]
fn without_a_server_commands_say_how_to_start_one() {
    let place = Place::with(&metered());
    for prepare in [&["clients"][..], &["init"]] {
        place.run(prepare).ok();
        for arguments in [&["usage"][..], &["usage", "--json"], &["quota", "extend", "partner", "1"]] {
            assert!(place.run(arguments).failed().contains("`token-broker up`"));
        }
    }
}

#[test]
fn every_new_command_has_examples_and_is_completed() {
    let place = Place::empty();
    for arguments in [&["usage", "--help"][..], &["quota", "extend", "--help"]] {
        assert!(place.run(arguments).ok().contains("Examples:\n  token-broker "));
    }
    let script = place.run(&["completions", "bash"]).ok();
    assert!(script.contains("usage)") && script.contains("extend)"));
}
