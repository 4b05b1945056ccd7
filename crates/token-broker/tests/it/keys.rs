//! API keys: rotation on a running server.

use crate::harness::Place;

const GRANT: &str = "grant_type=client_credentials";

#[test]
fn key_is_rotated_without_a_restart() {
    let place = Place::new();
    let mut server = place.up(&[]);
    let old = place.read(".token-broker/keys/billing");
    assert_eq!(server.token(&old, GRANT).0, 200);

    let said = place.run(&["keys", "add", "billing"]).ok();
    let new = place.read(".token-broker/keys/billing.2");
    assert!(!said.contains(&new), "{said}");
    server.wait_for_log("API keys changed");
    assert_eq!(server.token(&old, GRANT).0, 200);
    assert_eq!(server.token(&new, GRANT).0, 200);

    place.run(&["keys", "revoke", "billing"]).ok();
    server.wait_for_log("API keys changed");
    let (status, body) = server.token(&old, GRANT);
    assert_eq!((status, &body["error"]), (401, &"invalid_client".into()));
    assert_eq!(server.token(&new, GRANT).0, 200);
    assert!(!place.path(".token-broker/keys/billing").exists());
    // `token` uses the key that is left.
    place.run(&["token", "billing"]).ok();
}

#[test]
fn change_of_keys_refills_no_bucket() {
    let place = Place::new();
    let mut server = place.up(&[]);
    let slow = place.read(".token-broker/keys/slow");
    assert_eq!(server.token(&slow, GRANT).0, 200);
    assert_eq!(server.token(&slow, GRANT).0, 429);
    place.run(&["keys", "add", "billing"]).ok();
    server.wait_for_log("API keys changed");
    assert_eq!(server.token(&slow, GRANT).0, 429);
}

#[test]
fn list_shows_keys_and_never_their_values() {
    let place = Place::new();
    place.run(&["init"]).ok();
    let value = place.read(".token-broker/keys/billing");
    place.run(&["keys", "add", "billing", "--json"]).ok();
    place.run(&["keys", "revoke", "billing.2"]).ok();
    for arguments in [&["keys", "list"][..], &["keys", "list", "--json"]] {
        let said = place.run(arguments).ok();
        assert!(said.contains("billing.2") && said.contains("revoked") && !said.contains(&value), "{said}");
    }
    assert!(place.run(&["keys", "add", "nobody"]).failed().contains("there is no client `nobody`"));
    assert!(place.run(&["keys", "revoke", "nobody"]).failed().contains("keys list"));
}

#[test]
fn programs_are_told_what_was_made_and_what_was_revoked() {
    let json = |run: crate::harness::Run| serde_json::from_str::<serde_json::Value>(&run.ok()).unwrap();
    let place = Place::empty();
    let made = json(place.run(&["init", "--json"]));
    let expected = serde_json::json!({
        "config": "token-broker.yaml", "config_written": true, "state": ".token-broker",
    });
    assert_eq!(made, expected);
    assert_eq!(json(place.run(&["init", "--json"]))["config_written"], false);
    let revoked = json(place.run(&["keys", "revoke", "billing", "--json"]));
    assert_eq!((&revoked["name"], &revoked["file"]), (&"billing".into(), &serde_json::Value::Null));
    assert!(revoked["revoked"].as_u64().unwrap() >= revoked["created"].as_u64().unwrap());
    let listed = json(place.run(&["keys", "list", "--json"]));
    assert!(listed.as_array().unwrap().contains(&revoked), "{listed}");
}

#[test]
fn keys_of_a_client_that_is_gone_admit_nobody_and_stop_nothing() {
    let place = Place::new();
    place.run(&["init"]).ok();
    let slow = place.read(".token-broker/keys/slow");
    let without = crate::harness::DEFINITION
        .lines()
        .filter(|line| !line.contains("slow:"))
        .collect::<Vec<_>>()
        .join("\n");
    std::fs::write(place.path("token-broker.yaml"), without).unwrap();
    let server = place.up(&[]);
    assert_eq!(server.token(&slow, GRANT).0, 401);
    assert_eq!(server.token(&place.read(".token-broker/keys/billing"), GRANT).0, 200);
}
