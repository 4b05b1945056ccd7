//! A function in processes of its own behind the front door, in place of the broker inside the program.

use serde_json::Value;

use crate::harness::{DEFINITION, Place, get};

const GRANT: &str = "grant_type=client_credentials";

/// Says what it was given; breaks in the way that the body of the request names.
const FUNCTION: &str = r#"
import json, os, sys, threading, urllib.error, urllib.request

api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(api + "next") as invocation:
        event, request_id = json.load(invocation), invocation.headers["Lambda-Runtime-Aws-Request-Id"]
    body = event["body"] or ""
    print("asked for", event["resource"], flush=True)
    if "crash" in body:
        sys.exit(3)
    if "hang" in body:
        threading.Event().wait()
    if "hog" in body:
        hoard = bytearray(os.urandom(1)) * (400 << 20)
        threading.Event().wait()
    with open(os.environ["TOKEN_BROKER_BINDINGS"].removeprefix("file:")) as bindings:
        said = {
            "bindings": json.load(bindings),
            "definition": os.environ["TOKEN_BROKER_DEFINITION"],
            "function": os.environ["AWS_LAMBDA_FUNCTION_NAME"],
            "key": event["requestContext"]["identity"]["apiKeyId"],
            "pid": os.getpid(),
        }
    reply = json.dumps({"statusCode": 200, "body": "x" * (7 << 20) if "huge" in body else json.dumps(said)}).encode()
    try:
        urllib.request.urlopen(api + request_id + "/response", data=b"garbage" if "garbage" in body else reply).close()
    except urllib.error.HTTPError as error:
        print("refused:", error.code, flush=True)
"#;

fn place() -> Place {
    let home = "homes:\n  local: { function: { command: [python3, function.py], concurrency: 2, memory: 256, timeout: 3s }, ";
    let place = Place::with(&DEFINITION.replace("homes:\n  local: { ", home));
    std::fs::write(place.path("function.py"), FUNCTION).unwrap();
    place
}

fn is_running(pid: u64) -> bool {
    std::path::Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn front_door_calls_processes_that_know_whose_keys_and_secrets_there_are() {
    let place = place();
    let server = place.up(&[]);
    let key = place.read(".token-broker/keys/billing");
    let (status, said) = server.token(&key, GRANT);
    assert_eq!((status, &said["function"]), (200, &"token-broker".into()), "{said}");
    let definition = std::fs::read_to_string(said["definition"].as_str().unwrap()).unwrap();
    assert_eq!(definition, place.read("token-broker.yaml"));
    assert_eq!(said["bindings"]["keys"][said["key"].as_str().unwrap()], "billing");
    let app_client = &said["bindings"]["app_clients"]["m2m"];
    let secret_file = app_client["secret"].as_str().unwrap().strip_prefix("file:").unwrap();
    let secret = std::fs::read_to_string(secret_file).unwrap();
    assert_eq!(secret, place.read(".token-broker/user-pool/app-client-m2m.secret"));
    assert!(!place.read(".token-broker/function/bindings.json").contains(&secret));

    // Who is refused at the door does not reach it; and it stays warm.
    assert_eq!(server.token("0123456789012345678901234567890123456789", GRANT).0, 401);
    let (_, again) = server.token(&key, GRANT);
    assert_eq!(again["pid"], said["pid"]);
    let (_, metrics) = get(&format!("{}/metrics", server.url("admin")));
    assert!(metrics.contains("\ntoken_broker_function_invocations_total 2\n"), "{metrics}");

    let (code, _) = server.stop("-TERM");
    assert_eq!(code, Some(0));
    assert!(!is_running(said["pid"].as_u64().unwrap()), "a process is left");
    assert_eq!(place.read(".token-broker/logs/function.log"), "asked for /oauth2/token\n".repeat(2));
}

#[test]
fn processes_that_break_are_an_error_of_the_server_and_replaced() {
    let place = place();
    let server = place.up(&[]);
    let key = place.read(".token-broker/keys/billing");
    for broken in ["crash", "garbage", "huge", "hang", "hog"] {
        let (status, body) = server.token(&key, broken);
        assert_eq!((status, &body["error"]), (502, &"server_error".into()), "{broken}: {body}");
        assert_eq!(server.token(&key, GRANT).0, 200, "after {broken}");
    }
    let (_, metrics) = get(&format!("{}/metrics", server.url("admin")));
    for (kind, count) in
        [("exit", 1), ("malformed", 1), ("too_large", 1), ("timeout", 1), ("out_of_memory", 1)]
    {
        let line = format!("token_broker_function_errors_total{{kind=\"{kind}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
}

#[test]
fn key_that_is_added_is_in_the_bindings_before_the_front_door_admits_it() {
    let place = place();
    let mut server = place.up(&[]);
    place.run(&["keys", "add", "billing", "--json"]).ok();
    server.wait_for_log("API keys changed");
    let bindings: Value = serde_json::from_str(&place.read(".token-broker/function/bindings.json")).unwrap();
    let of_billing = bindings["keys"].as_object().unwrap().values().filter(|client| *client == "billing");
    assert_eq!(of_billing.count(), 2);
}

#[test]
fn program_that_is_not_there_is_an_error_of_the_server() {
    let home = "homes:\n  local: { function: { command: [./nothing-here] }, ";
    let place = Place::with(&DEFINITION.replace("homes:\n  local: { ", home));
    let server = place.up(&[]);
    let (status, body) = server.token(&place.read(".token-broker/keys/billing"), GRANT);
    assert_eq!((status, &body["error"]), (502, &"server_error".into()), "{body}");
    let (_, said) = server.stop("-TERM");
    assert!(said.contains("a process of a function could not be started"), "{said}");
}
