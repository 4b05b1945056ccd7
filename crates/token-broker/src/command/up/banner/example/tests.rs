use ambient::{Clock as _, Timestamp};
use config::{Definition, KeyRecord};
use restapi::{ApiKeyId, ApiKeyValue};
use testkit::ManualClock;

use super::*;

const DOOR: Door<'_> =
    Door { url: "http://127.0.0.1:8080/dev/oauth2/token", for_development: false, wants_certificates: false };

/// A definition with these clients, one a line.
fn compiled(clients: &str, with_keys: bool) -> Compiled {
    let definition = format!(
        "api:\n  throttle: {{ rate: 9, burst: 9 }}\n  token_endpoint:\n    throttle: {{ rate: 9, burst: 9 }}\n\
         plans:\n  p: {{ throttle: {{ rate: 1, burst: 1 }} }}\nclients:{clients}\n\
         homes:\n  local: {{ user_pool: embedded }}\n"
    );
    let definition = Definition::parse(&definition, "test.yaml").unwrap_or_else(|errors| panic!("{errors}"));
    let key = |client: &policy::ClientId| KeyRecord {
        id: ApiKeyId::derived(&[client.as_str()]),
        client: client.clone(),
        value: ApiKeyValue::new("v".repeat(40) + client.as_str()).unwrap(),
        enabled: true,
        name: client.to_string(),
    };
    let keys = if with_keys { definition.clients.keys().map(key).collect() } else { Vec::new() };
    config::compile(&definition, keys).unwrap()
}

fn place(state: &str) -> Place {
    Place { config: "broker.yaml".into(), state: state.into() }
}

fn at(clients: &str, now: Timestamp) -> String {
    text(&place(".token-broker"), &compiled(clients, true), DOOR, now)
}

fn said(clients: &str) -> String {
    at(clients, ManualClock::default().now())
}

/// What a shell makes of the command that is printed: the words that curl gets.
fn words(command: &str) -> Vec<String> {
    let (_, command) = command.split_once("\n\n").unwrap();
    // `$(cat FILE)` gives the name of the file.
    let script = format!("curl() {{ printf '%s\\n' \"$@\"; }}; cat() {{ printf '<%s>' \"$1\"; }}; {command}");
    let said = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(said.status.success() && said.stderr.is_empty(), "{script}");
    String::from_utf8(said.stdout).unwrap().lines().map(ToOwned::to_owned).collect()
}

#[test]
fn plain_names_are_left_as_they_are() {
    assert_eq!(
        said("\n  billing: { plan: p, scopes: [orders/read] }"),
        "Get a token:\n\n  curl -s http://127.0.0.1:8080/dev/oauth2/token \\\n    \
         -H \"x-api-key: $(cat .token-broker/keys/billing)\" \\\n    \
         -d grant_type=client_credentials -d scope=orders/read\n"
    );
}

#[test]
fn certificate_that_the_client_needs_is_asked_for() {
    let compiled = compiled("\n  billing: { plan: p, scopes: [orders/read] }", true);
    let door = Door { wants_certificates: true, ..DOOR };
    let command = text(&place(".token-broker"), &compiled, door, Timestamp::from_secs(0));
    assert!(
        command.starts_with("Get a token, with a certificate")
            && command.contains("`--cert FILE --key FILE`")
    );
}

#[test]
fn shell_reads_every_state_directory_as_it_is_called() {
    let compiled = compiled("\n  billing: { plan: p, scopes: [orders/read] }", true);
    for state in ["my dir/s", "it's", "$HOME", "`id`", "a\"b", "a;b&c", "*", "~"] {
        let command = text(&place(state), &compiled, DOOR, Timestamp::from_secs(0));
        assert_eq!(words(&command)[3], format!("x-api-key: <{state}/keys/billing>"), "{command}");
    }
    let option = text(&place("-n"), &compiled, DOOR, Timestamp::from_secs(0));
    assert_eq!(words(&option)[3], "x-api-key: <./-n/keys/billing>");
}

#[test]
fn scope_that_a_form_would_read_otherwise_is_encoded() {
    for scope in ["a/b&scope=c", "a/$HOME", "a/b;c", "a/b+c", "a/b%20c", "a/it's", "a/(b)", "a/#b", "a/b=c"] {
        let escaped = scope.replace('\'', "''");
        let command = said(&format!("\n  billing: {{ plan: p, scopes: ['{escaped}'] }}"));
        let words = words(&command);
        assert_eq!(words[6..], ["--data-urlencode".to_owned(), format!("scope={scope}")], "{command}");
    }
}

#[test]
fn client_that_policy_refuses_is_passed_over() {
    let now = Timestamp::from_secs(1_800_000_000);
    for hindrance in [
        "enabled: false",
        "not_after: 2020-01-01T00:00:00Z",
        "not_before: 2100-01-01T00:00:00Z",
        "allow_from: [10.0.0.0/8]",
    ] {
        let refused = format!("\n  a: {{ plan: p, scopes: [o/r], default_scopes: [o/r], {hindrance} }}");
        let command = at(&format!("{refused}\n  b: {{ plan: p, scopes: [o/r] }}"), now);
        assert!(command.contains("keys/b)"), "{hindrance}: {command}");
        let nobody = at(&refused, now);
        assert!(nobody.starts_with("No client with an API key may ask from this machine now"), "{nobody}");
    }
}

#[test]
fn client_with_default_scopes_is_preferred_and_asks_for_one_of_them() {
    let clients =
        "\n  a: { plan: p, scopes: [o/r] }\n  b: { plan: p, scopes: [o/a, o/r], default_scopes: [o/r] }";
    let command = said(clients);
    assert!(command.contains("keys/b)") && command.contains("scope=o/r"), "{command}");
}

#[test]
fn what_is_missing_first_is_named() {
    let (place, now) = (place("s"), Timestamp::from_secs(0));
    let none = text(&place, &compiled(" {}", true), DOOR, now);
    assert!(none.contains("no clients in broker.yaml yet") && none.contains("`clients:`"), "{none}");
    let no_key = text(&place, &compiled("\n  a: { plan: p, scopes: [o/r] }", false), DOOR, now);
    assert!(no_key.contains("token-broker keys add CLIENT"), "{no_key}");
}

#[test]
fn own_requests_come_from_the_address_that_is_asked_or_from_loopback() {
    for (address, from) in [
        ("127.0.0.1:1", "127.0.0.1"),
        ("0.0.0.0:1", "127.0.0.1"),
        ("10.1.2.3:1", "10.1.2.3"),
        ("[::]:1", "::1"),
        ("[::1]:1", "::1"),
        ("[fd00::1]:1", "fd00::1"),
    ] {
        assert_eq!(source(&format!("http://{address}/dev/oauth2/token")).to_string(), from);
    }
}
