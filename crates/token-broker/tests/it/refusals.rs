//! What goes wrong, and what the user is told.

use serde_json::Value;

use crate::harness::{DEFINITION, Place, Run, unread};

#[test]
fn wrong_definition_is_refused_with_file_line_and_mend() {
    let place = Place::with(&DEFINITION.replace("plan: narrow", "plan: narow"));
    for arguments in [&["config", "check"][..], &["up"], &["clients"]] {
        let said = place.run(arguments).failed();
        assert!(
            said.contains("token-broker.yaml:12:") && said.contains("narow") && said.contains("narrow"),
            "{said}"
        );
    }
    let json: Value = serde_json::from_str(&place.run(&["config", "check", "--json"]).stdout).unwrap();
    assert_eq!(json["ok"], false);
}

#[test]
fn broken_guardrail_stops_the_start_and_is_named() {
    let place = Place::with(&DEFINITION.replace("wide: { throttle: { rate: 500, burst: 500 } }", "wide: {}"));
    for arguments in [&["config", "check"][..], &["up"]] {
        let said = place.run(arguments).failed();
        assert!(said.contains("TB0") && said.contains("wide"), "{said}");
    }
}

#[test]
fn refused_token_is_an_error_with_code_and_wait() {
    let place = Place::new();
    let _server = place.up(&[]);
    let said = place.run(&["token", "billing", "--scope", "orders/delete"]).failed();
    assert!(said.contains("400 invalid_scope"), "{said}");
    place.run(&["token", "slow"]).ok();
    let said = place.run(&["token", "slow"]).failed();
    assert!(said.contains("429 temporarily_unavailable") && said.contains("try again in"), "{said}");
    let json = place.run(&["token", "slow", "--json"]);
    assert_eq!(json.code, Some(1));
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["error"], "temporarily_unavailable");
}

#[test]
fn token_without_a_server_says_how_to_start_one() {
    let place = Place::new();
    assert!(place.run(&["token", "billing"]).failed().contains("token-broker up"));
    place.run(&["init"]).ok();
    assert!(place.run(&["token", "billing"]).failed().contains("token-broker up"));
}

#[test]
fn state_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    place.run(&["init"]).ok();
    std::fs::set_permissions(place.path(".token-broker"), std::fs::Permissions::from_mode(0o750)).unwrap();
    assert!(place.run(&["up"]).failed().contains("chmod 700"));
}

#[test]
fn state_that_is_a_link_or_of_another_user_is_refused() {
    use std::os::unix::fs::{chown, symlink};
    let place = Place::new();
    place.run(&["init"]).ok();
    symlink(place.path(".token-broker"), place.path("link")).unwrap();
    for arguments in [&["init"][..], &["up"], &["keys", "list"], &["keys", "add", "billing"]] {
        let said = place.run(&[arguments, &["--state", "link"]].concat()).failed();
        assert!(said.contains("`link` is a link") && said.contains("--state"), "{said}");
    }
    // Only root may give a directory away.
    if chown(place.path(".token-broker"), Some(65_534), None).is_ok() {
        for arguments in [&["init"][..], &["up"], &["keys", "list"], &["keys", "add", "billing"]] {
            let said = place.run(arguments).failed();
            assert!(said.contains("belongs to another user (uid 65534)"), "{said}");
        }
    }
}

#[test]
fn check_reads_the_secrets_that_a_start_would_read() {
    let external = "{ token_endpoint: 'https://pool.example.com/oauth2/token', \
                    app_clients: { m2m: { client_id: id, secret_file: the-secret } } }";
    let definition = DEFINITION
        .replace("user_pool: embedded", &format!("user_pool: {external}"))
        .replace(", user_pool_listen: \"127.0.0.1:0\"", "");
    let place = Place::with(&definition);
    for arguments in [&["config", "check"][..], &["up"]] {
        let said = place.run(arguments).failed();
        assert!(said.contains("app client `m2m` cannot be read from `the-secret`"), "{said}");
    }
    std::fs::write(place.path("the-secret"), "one\ntwo\nthree\n").unwrap();
    for arguments in [&["config", "check"][..], &["up"]] {
        let said = place.run(arguments).failed();
        assert!(
            said.contains("there must be one app client secret, or two") && !said.contains("three"),
            "{said}"
        );
    }
    std::fs::write(place.path("the-secret"), "one\n").unwrap();
    place.run(&["config", "check"]).ok();
}

#[test]
fn reader_that_stops_reading_is_no_error() {
    let place = Place::new();
    place.run(&["init"]).ok();
    for arguments in [
        &["config", "schema"][..],
        &["config", "check"],
        &["config", "check", "--json"],
        &["completions", "bash"],
        &["clients"],
        &["clients", "--json"],
        &["keys", "list"],
        &["keys", "list", "--json"],
        &["keys", "add", "billing"],
        &["keys", "revoke", "billing.2"],
        &["init"],
        &["init", "--json"],
        &["--help"],
    ] {
        let run = Run::from(place.command(arguments).stdout(unread()).output().unwrap());
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    }
    let run = Run::from(place.command(&["keys", "revoke", "nobody"]).stderr(unread()).output().unwrap());
    assert_eq!(run.code, Some(1));
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let place = Place::new();
    for arguments in [&["config", "schema"][..], &["config", "check"], &["clients"], &["completions", "fish"]]
    {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let said = Run::from(place.command(arguments).stdout(full).output().unwrap()).failed();
        assert!(said.contains("stdout cannot be written"), "{said}");
    }
}

#[test]
fn address_in_use_is_named_with_its_field() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let place = Place::with(&DEFINITION.replacen("127.0.0.1:0", &address, 1));
    let said = place.run(&["up"]).failed();
    assert!(said.contains("homes.local.front_door") && said.contains(&address), "{said}");
}

#[test]
fn damaged_key_file_stops_the_start_without_being_repeated() {
    let place = Place::new();
    place.run(&["init"]).ok();
    std::fs::write(place.path(".token-broker/keys/billing"), "half a key").unwrap();
    let said = place.run(&["up"]).failed();
    assert!(said.contains("keys/billing") && !said.contains("half a key"), "{said}");
}

#[test]
fn schema_is_json_and_completions_are_there() {
    let place = Place::new();
    let schema: Value = serde_json::from_str(&place.run(&["config", "schema"]).ok()).unwrap();
    assert!(schema["properties"]["clients"].is_object());
    for shell in ["bash", "zsh", "fish"] {
        assert!(place.run(&["completions", shell]).ok().contains("token-broker"));
    }
    assert!(place.run(&["--help"]).ok().contains("Examples:"));
}
