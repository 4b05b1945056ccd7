//! The chain running: tokens, health, stopping, starting again.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::harness::{Place, exchange, get};

const GRANT: &str = "grant_type=client_credentials";

#[test]
fn first_start_writes_a_definition_and_private_state() {
    let place = Place::empty();
    // The default definition has fixed ports, which another program on this machine may have: `init` does the same
    // without listening.
    let said = place.run(&["init"]).ok();
    assert!(said.contains("written"), "{said}");
    assert!(place.read("token-broker.yaml").starts_with("# token-broker.yaml"));
    place.run(&["config", "check"]).ok();
    for (name, mode) in
        [(".token-broker", 0o700), (".token-broker/keys", 0o700), (".token-broker/keys/billing", 0o600)]
    {
        let found = std::fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{name}");
    }
    let key = place.read(".token-broker/keys/billing");
    assert!(place.run(&["init"]).ok().contains("kept as it was"));
    assert_eq!(place.read(".token-broker/keys/billing"), key);
}

#[test]
fn token_comes_through_the_front_door_and_verifies_against_the_issuer() {
    let place = Place::new();
    let server = place.up(&[]);
    let key = place.read(".token-broker/keys/billing");
    let (status, body) = server.token(&key, &format!("{GRANT}&scope=orders/write"));
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["token_type"], "Bearer");
    let (status, jwks) = get(&server.url("jwks_uri"));
    assert_eq!(status, 200);
    let jwks: Value = serde_json::from_str(&jwks).unwrap();
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 2);
    let claims: Value =
        serde_json::from_str(&place.run(&["token", "billing", "--scope", "orders/write", "--json"]).ok())
            .unwrap();
    assert_eq!(claims["claims"]["scope"], "orders/write");
    assert_eq!(claims["claims"]["iss"], server.endpoints["issuer"]);
    assert!(claims["expires_in"].as_u64().unwrap() > 3500);
}

#[test]
fn both_shapes_of_the_url_lead_to_the_token_endpoint_and_nothing_else_does() {
    let place = Place::new();
    let server = place.up(&[]);
    let url = server.url("invoke_url");
    let base = url.strip_suffix("/dev/oauth2/token").unwrap();
    let key = format!(
        "x-api-key: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n",
        place.read(".token-broker/keys/billing")
    );
    assert_eq!(exchange("POST", &url, &key, GRANT).0, 200);
    for (method, path) in [
        ("GET", "/dev/oauth2/token"),
        ("POST", "/dev/oauth2"),
        ("POST", "/dev"),
        ("POST", "/oauth2/token"),
        ("POST", "/prod/oauth2/token"),
        ("POST", "/dev/oauth2/token/more"),
        ("POST", "/healthz"),
        ("POST", "/metrics"),
    ] {
        let (status, _, body) = exchange(method, &format!("{base}{path}"), &key, GRANT);
        assert_eq!(status, 403, "{method} {path}");
        assert!(body.contains("\"error\":\"invalid_request\""), "{body}");
    }
}

#[test]
fn token_is_printed_by_raw_alone() {
    let place = Place::new();
    let server = place.up(&[]);
    let raw = place.run(&["token", "billing", "--raw"]).ok();
    assert_eq!(raw.trim_end().split('.').count(), 3);
    let signature = raw.trim_end().rsplit('.').next().unwrap();
    for arguments in [&["token", "billing"][..], &["token", "billing", "--json"]] {
        let said = place.run(arguments).ok();
        assert!(said.contains("orders/read") && !said.contains(signature), "{said}");
    }
    let (code, said) = server.stop("-TERM");
    assert_eq!(code, Some(0));
    assert!(!said.contains(signature));
    assert!(!place.read(".token-broker/logs/access.log").contains(signature));
    assert!(!place.read(".token-broker/logs/audit.log").contains(signature));
}

#[test]
fn both_signals_drain_and_exit_with_success() {
    let place = Place::new();
    for signal in ["-INT", "-TERM"] {
        let server = place.up(&[]);
        let (code, said) = server.stop(signal);
        assert_eq!(code, Some(0), "{said}");
        assert!(!place.path(".token-broker/endpoints.json").exists());
    }
}

#[test]
fn state_outlives_a_restart() {
    let place = Place::new();
    let server = place.up(&[]);
    let key = place.read(".token-broker/keys/billing");
    let kids = |jwks: &str| {
        let jwks: Value = serde_json::from_str(jwks).unwrap();
        jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect::<Vec<_>>()
    };
    let before = kids(&get(&server.url("jwks_uri")).1);
    server.stop("-TERM");
    let server = place.up(&[]);
    assert_eq!(kids(&get(&server.url("jwks_uri")).1), before);
    assert_eq!(server.token(&key, GRANT).0, 200);
}

#[test]
fn second_server_on_the_same_state_is_refused() {
    let place = Place::new();
    let _first = place.up(&[]);
    let said = place.run(&["up"]).failed();
    assert!(said.contains("another token-broker runs"), "{said}");
    assert!(place.path(".token-broker/endpoints.json").exists(), "the first one is still found");
}

#[test]
fn admin_tells_health_and_counts() {
    let place = Place::new();
    let server = place.up(&[]);
    let admin = server.url("admin");
    assert_eq!(get(&format!("{admin}/healthz")), (200, "alive\n".to_owned()));
    assert_eq!(get(&format!("{admin}/readyz")), (200, "ready\n".to_owned()));
    assert_eq!(get(&format!("{admin}/dev/oauth2/token")).0, 404);
    let key = place.read(".token-broker/keys/slow");
    assert_eq!(server.token(&key, GRANT).0, 200);
    assert_eq!(server.token(&key, GRANT).0, 429);
    let metrics = get(&format!("{admin}/metrics")).1;
    for line in [
        "token_broker_requests_total{status=\"200\"} 1",
        "token_broker_requests_total{status=\"429\"} 1",
        "token_broker_throttled_total{limit=\"plan\"} 1",
        "token_broker_upstream_calls_total 1",
        // How many depends on when idle ones were last dropped.
        "token_broker_limit_subjects ",
        "token_broker_limit_subjects_dropped_total ",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

#[test]
fn without_an_audit_line_there_is_no_token() {
    let place = Place::new();
    let mut server = place.up(&["--audit-log", "/dev/full"]);
    let key = place.read(".token-broker/keys/billing");
    // The first line is accepted, and its writing fails; from then on none is accepted.
    server.token(&key, GRANT);
    let ready = format!("{}/readyz", server.url("admin"));
    while get(&ready).0 != 503 {
        std::thread::yield_now();
    }
    let (status, body) = server.token(&key, GRANT);
    assert_eq!(status, 503, "{body}");
    assert_eq!(body["error"], "temporarily_unavailable");
    assert!(body.get("access_token").is_none());
    server.wait_for_log("\"journal\":\"audit\"");
}

#[test]
fn killed_server_leaves_nothing_that_a_key_is_sent_to() {
    let place = Place::new();
    let server = place.up(&[]);
    let address = server.url("invoke_url").split('/').nth(2).unwrap().to_owned();
    assert_eq!(server.stop("-KILL").0, None);
    assert!(place.path(".token-broker/endpoints.json").exists(), "it had no time to remove it");
    let other = std::net::TcpListener::bind(address).unwrap();
    other.set_nonblocking(true).unwrap();
    // Several at once: one that looks must not be taken for the server by another.
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert!(place.run(&["token", "billing"]).failed().contains("no server runs")));
        }
    });
    assert!(other.accept().is_err(), "nobody was asked");
}

#[test]
fn log_that_nobody_reads_stops_neither_keys_nor_the_end() {
    let place = Place::new();
    let mut server = place.up(&[]);
    server.close_log();
    let old = place.read(".token-broker/keys/billing");
    place.run(&["keys", "add", "billing"]).ok();
    place.run(&["keys", "revoke", "billing"]).ok();
    assert_eq!(server.token(&old, GRANT).0, 401);
    assert_eq!(server.token(&place.read(".token-broker/keys/billing.2"), GRANT).0, 200);
    assert_eq!(server.stop("-TERM").0, Some(0));
    assert_eq!(place.read(".token-broker/logs/audit.log").lines().count(), 1);
}

#[test]
fn log_that_is_not_read_holds_nobody_up() {
    let place = Place::new();
    let server = place.up(&["--log", "debug"]);
    let url = server.url("invoke_url");
    // Far more than a pipe takes: each of these is logged.
    for _ in 0..500 {
        assert_eq!(exchange("POST", &url, "Host: twice\r\n", GRANT).0, 400);
    }
    assert_eq!(server.token(&place.read(".token-broker/keys/billing"), GRANT).0, 200);
}

#[test]
fn revocation_gets_through_although_another_key_is_damaged() {
    let place = Place::new();
    let mut server = place.up(&[]);
    let billing = place.read(".token-broker/keys/billing");
    std::fs::remove_file(place.path(".token-broker/keys/slow")).unwrap();
    place.run(&["keys", "revoke", "billing"]);
    server.wait_for_log("cannot be taken over");
    assert_eq!(server.token(&billing, GRANT).0, 401);
    let ready = format!("{}/readyz", server.url("admin"));
    assert!(get(&ready).1.contains("API keys"));
    // Mended, the change is taken over without another one.
    std::fs::write(place.path(".token-broker/keys/slow"), "0123456789012345678901234567890123456789")
        .unwrap();
    server.wait_for_log("in force");
    assert_eq!(get(&ready).0, 200);
}

#[test]
fn register_that_is_damaged_and_put_back_is_in_force_again() {
    let place = Place::new();
    let mut server = place.up(&[]);
    let (register, aside) = (place.path(".token-broker/api-keys.json"), place.path("aside"));
    std::fs::rename(&register, &aside).unwrap();
    std::fs::write(&register, "no register").unwrap();
    server.wait_for_log("cannot be taken over");
    let ready = format!("{}/readyz", server.url("admin"));
    assert_eq!(get(&ready).0, 503);
    assert_eq!(server.token(&place.read(".token-broker/keys/billing"), GRANT).0, 200, "nothing was revoked");
    std::fs::rename(&aside, &register).unwrap();
    server.wait_for_log("in force");
    assert_eq!(get(&ready).0, 200);
}
