//! The control socket of a running server, as a script meets it.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Place, Run, control, metered};

const GRANT: &str = "grant_type=client_credentials";
const SOCKET: &str = ".token-broker/control.sock";

/// The plan's and the key's id of a client.
fn ids(place: &Place, client: &str) -> (String, String) {
    let (status, said) = control(&place.path(SOCKET), "GET", &format!("/standings?client={client}"), "");
    assert_eq!(status, 200, "{said}");
    let item = &said["items"][0];
    (item["usagePlanId"].as_str().unwrap().to_owned(), item["keyId"].as_str().unwrap().to_owned())
}

#[test]
fn socket_is_the_owners_alone_and_goes_with_the_server() {
    let place = Place::with(&metered());
    // Whatever the umask lets through.
    let script = format!("umask 000; exec {} up --json", env!("CARGO_BIN_EXE_token-broker"));
    let mut command = Command::new("sh");
    command.args(["-c", &script]);
    let server = place.up_by(command);
    let found = std::fs::symlink_metadata(place.path(SOCKET)).unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    assert!(!place.path(".token-broker/control.sock.new").exists());
    assert_eq!(server.stop("-TERM").0, Some(0));
    assert!(!place.path(SOCKET).exists());
}

#[test]
fn socket_of_a_killed_server_is_replaced() {
    let place = Place::with(&metered());
    let server = place.up(&[]);
    assert_eq!(server.stop("-KILL").0, None);
    assert!(place.path(SOCKET).exists(), "it had no time to remove it");
    let said = place.run(&["usage"]).failed();
    assert!(said.contains("no server runs"), "{said}");
    let _server = place.up(&[]);
    place.run(&["usage"]).ok();
}

#[test]
fn second_server_leaves_the_socket_of_the_first_alone() {
    let place = Place::with(&metered());
    let _first = place.up(&[]);
    place.run(&["up"]).failed();
    place.run(&["usage"]).ok();
}

#[test]
fn socket_of_somebody_else_is_not_asked_while_no_server_runs() {
    let place = Place::with(&metered());
    place.run(&["init"]).ok();
    let other = UnixListener::bind(place.path(SOCKET)).unwrap();
    other.set_nonblocking(true).unwrap();
    assert!(place.run(&["usage"]).failed().contains("no server runs"));
    assert!(other.accept().is_err(), "nobody was asked");
}

#[test]
fn usage_is_read_and_extended_in_api_gateways_shapes() {
    let place = Place::with(&metered());
    let server = place.up(&[]);
    let key = place.read(".token-broker/keys/partner");
    let spend = |count: usize| (0..count).map(|_| server.token(&key, GRANT).0).collect::<Vec<_>>();
    assert_eq!(spend(4), [200, 200, 200, 429]);
    let (plan, id) = ids(&place, "partner");
    let said: Value = serde_json::from_str(&place.run(&["usage", "partner", "--json"]).ok()).unwrap();
    let today = said["endDate"].as_str().unwrap();
    let target = format!("/usageplans/{plan}/usage?startDate={today}&endDate={today}&keyId={id}");
    let expected = json!({
        "usagePlanId": plan, "startDate": today, "endDate": today, "values": { id.as_str(): [[3, 0]] },
    });
    assert_eq!(control(&place.path(SOCKET), "GET", &target, ""), (200, expected));

    let update = format!("/usageplans/{plan}/keys/{id}/usage");
    let body = |op: &str, value: &str| {
        json!({ "patchOperations": [{ "op": op, "path": "/remaining", "value": value }] }).to_string()
    };
    let (status, usage) = control(&place.path(SOCKET), "PATCH", &update, &body("replace", "2"));
    assert_eq!((status, &usage["values"][&id]), (200, &json!([[3, 2]])));
    let (status, usage) = control(&place.path(SOCKET), "PATCH", &update, &body("add", "1"));
    assert_eq!((status, &usage["values"][&id]), (200, &json!([[3, 3]])));
    let (status, refused) = control(&place.path(SOCKET), "PATCH", &update, &body("replace", "1"));
    assert!(status == 400 && refused["message"].as_str().unwrap().contains("not cut"), "{refused}");
    assert_eq!(spend(4), [200, 200, 200, 429]);
}

#[test]
fn curl_reaches_it() {
    let place = Place::with(&metered());
    let _server = place.up(&[]);
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--fail", "--unix-socket", SOCKET, "http://localhost/standings?client=partner"]);
    let said = Run::from(curl.current_dir(place.root()).output().unwrap()).ok();
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["items"][0]["client"], "partner");
}

#[test]
fn wrong_input_is_refused_and_harms_nothing() {
    let place = Place::with(&metered());
    let _server = place.up(&[]);
    let socket = place.path(SOCKET);
    let (plan, id) = ids(&place, "partner");
    let update = format!("/usageplans/{plan}/keys/{id}/usage");
    let large = "x".repeat(8 * 1024 + 1);
    for (method, target, body, status) in [
        ("GET", "/", "", 404),
        ("GET", "/metrics", "", 404),
        ("DELETE", "/standings", "", 405),
        ("PATCH", "/usageplans/ghost1/keys/ghost/usage", "{}", 400),
        ("PATCH", &update, "no json", 400),
        ("PATCH", &update, &large, 413),
        ("GET", &format!("/usageplans/{plan}/usage"), "", 400),
        ("GET", "/usageplans/ghost1/usage?startDate=2026-01-01&endDate=2026-01-01", "", 404),
    ] {
        let (found, said) = control(&socket, method, target, body);
        assert_eq!(found, status, "{method} {target}: {said}");
        assert!(!said["message"].as_str().unwrap().is_empty());
    }
    let mut stream = UnixStream::connect(&socket).unwrap();
    stream.write_all(b"\x16\x03\x01 no HTTP\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(control(&socket, "GET", "/standings", "").0, 200);
}

#[test]
fn state_directory_may_be_deeper_than_a_sockets_address() {
    let place = Place::with(&metered());
    let deep = format!("{}/state", "d".repeat(150));
    let server = place.up(&["--state", &deep]);
    place.run(&["usage", "--state", &deep]).ok();
    let said = place.run(&["quota", "extend", "partner", "2", "--state", &deep]).ok();
    assert!(said.contains("5 left"), "{said}");
    assert_eq!(server.stop("-TERM").0, Some(0));
    assert!(!place.path(&deep).join("control.sock").exists());
}
