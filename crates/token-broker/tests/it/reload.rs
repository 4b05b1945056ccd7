//! The definition of a running server changes: by the command, by SIGHUP, by a change of the file; under load as well.

use std::collections::HashSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use serde_json::Value;

use crate::harness::{DEFINITION, Place, Server, control, get};

const GRANT: &str = "grant_type=client_credentials";
const SOCKET: &str = ".token-broker/control.sock";

fn write(place: &Place, definition: &str) {
    // Whole, as editors do it: nobody reads half of it.
    fs::write(place.path("new.yaml"), definition).unwrap();
    fs::rename(place.path("new.yaml"), place.path("token-broker.yaml")).unwrap();
}

fn with(parts: &[(&str, &str)]) -> String {
    parts.iter().fold(DEFINITION.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}

fn status(place: &Place) -> Value {
    let (status, said) = control(&place.path(SOCKET), "GET", "/definition", "");
    assert_eq!(status, 200, "{said}");
    said
}

fn metric(server: &Server, name: &str) -> String {
    let (_, text) = get(&format!("{}/metrics", server.url("admin")));
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).to_owned()
}

fn token(place: &Place, server: &Server, client: &str, scope: &str) -> (u16, Value) {
    let key = place.read(&format!(".token-broker/keys/{client}"));
    server.token(key.trim(), &format!("{GRANT}&scope={scope}"))
}

#[test]
fn reload_takes_over_clients_scopes_and_validity_and_says_what_changed() {
    let place = Place::new();
    let server = place.up(&[]);
    assert_eq!(token(&place, &server, "billing", "orders/read").0, 200);
    assert_eq!(token(&place, &server, "billing", "invoices/read").0, 400);
    write(
        &place,
        &with(&[
            ("scopes: [orders/read, orders/write], default", "scopes: [orders/read, invoices/read], default"),
            ("  slow: {", "  fresh: { plan: wide, scopes: [stock/read], app_client: other }\n  slow: {"),
            ("homes:\n", "app_clients: { m2m: { token_validity: 10m } }\nhomes:\n"),
        ]),
    );
    let said: Value = serde_json::from_str(&place.run(&["reload", "--json"]).ok()).unwrap();
    assert_eq!(said["generation"], 2);
    let paths: Vec<_> = said["changes"].as_array().unwrap().iter().map(|change| &change["path"]).collect();
    // That the file has changed may have been seen before: then there was nothing left to do.
    if !paths.is_empty() {
        assert_eq!(
            paths,
            [
                "app_clients.m2m.token_validity",
                "app_clients.other",
                "clients.billing.scopes",
                "clients.fresh"
            ]
        );
    }
    let (status, new) = token(&place, &server, "billing", "invoices/read");
    assert_eq!((status, new["expires_in"].as_u64().unwrap() <= 600), (200, true), "{new}");
    assert_eq!(token(&place, &server, "billing", "orders/write").0, 400);
    assert_eq!(token(&place, &server, "fresh", "stock/read").0, 200);
    let (_, said) = server.stop("-TERM");
    assert!(said.contains("is in force") && said.contains("clients.fresh"), "{said}");
}

#[test]
fn client_that_is_gone_is_refused_and_its_key_is_a_stranger() {
    let place = Place::new();
    let server = place.up(&[]);
    let key = place.read(".token-broker/keys/slow");
    assert_eq!(server.token(&key, GRANT).0, 200);
    write(
        &place,
        &with(&[("  slow: { plan: narrow, scopes: [orders/read], default_scopes: [orders/read] }\n", "")]),
    );
    place.run(&["reload"]).ok();
    let (status, said) = server.token(&key, GRANT);
    assert_eq!((status, &said["error"]), (401, &"invalid_client".into()), "{said}");
}

#[test]
fn new_deployment_is_in_the_access_log_and_refusals_have_its_shape() {
    let place = Place::with(&with(&[("api:\n", "api:\n  gateway_responses: oauth\n")]));
    let server = place.up(&[]);
    assert!(server.token("no-such-key-no-such-key", GRANT).1["error"].is_string());
    write(&place, &with(&[("api:\n", "api:\n  gateway_responses: aws\n")]));
    place.run(&["reload"]).ok();
    let (status, said) = server.token("no-such-key-no-such-key", GRANT);
    assert_eq!((status, &said), (403, &serde_json::json!({ "message": "Forbidden" })));
}

#[test]
fn bad_file_changes_nothing_and_is_told_as_config_check_tells_it() {
    let place = Place::new();
    let mut server = place.up(&[]);
    for (bad, line) in [
        (with(&[("rate: 500", "rate: 0")]), "token-broker.yaml:8"),
        (with(&[("plan: wide", "plan: widest")]), "did you mean `wide`?"),
        (with(&[("rate: 500, burst: 500", "rate: 5000, burst: 5000")]), "TB018"),
        ("]".to_owned(), "token-broker.yaml:1:1"),
    ] {
        let before = metric(&server, "token_broker_definition_generation");
        write(&place, &bad);
        let checked = place.run(&["config", "check"]).failed();
        let refused = place.run(&["reload"]).failed();
        assert_eq!(refused, checked);
        assert!(refused.contains(line), "{line}: {refused}");
        server.wait_for_log("is not taken over");
        assert_eq!(metric(&server, "token_broker_definition_generation"), before);
        assert_eq!(metric(&server, "token_broker_last_reload_refused"), "1");
        assert_eq!(token(&place, &server, "billing", "orders/read").0, 200);
    }
    assert_eq!(get(&format!("{}/readyz", server.url("admin"))).0, 200, "it is as ready as it was");
    write(&place, DEFINITION);
    place.run(&["reload"]).ok();
    assert_eq!(metric(&server, "token_broker_last_reload_refused"), "0");
}

#[test]
fn what_needs_a_restart_is_listed_and_nothing_is_half_applied() {
    let place = Place::new();
    let server = place.up(&[]);
    write(
        &place,
        &with(&[
            ("user_pool: embedded", "stage: test, limits: { lease: 9s }, user_pool: embedded"),
            ("rate: 0.001, burst: 1", "rate: 1, burst: 9"),
        ]),
    );
    let said = place.run(&["reload"]).failed();
    assert!(said.contains("homes.local.stage: dev → test  (needs a restart)"), "{said}");
    assert!(said.contains("homes.local.limits.lease: 5s → 9s"), "{said}");
    assert!(!said.contains("plans.narrow"), "{said}");
    // The throttle is as it was.
    let answers = [(); 3].map(|()| token(&place, &server, "slow", "orders/read").0);
    assert_eq!(answers, [200, 429, 429]);
    let diff = place.run(&["config", "diff"]);
    assert_eq!(diff.code, Some(1), "{}", diff.stderr);
    assert!(diff.stdout.contains("plans.narrow.throttle.burst: 1 → 9\n"), "{}", diff.stdout);
    assert!(diff.stdout.ends_with("neither is the rest.\n"), "{}", diff.stdout);
}

#[test]
fn levels_of_buckets_and_quotas_are_kept_and_larger_numbers_refill_nothing() {
    let quota = "narrow: { throttle: { rate: 0.001, burst: 1 } }\n  counted: { throttle: { rate: 500, burst: 500 }, quota: { limit: 2, period: day } }\n";
    let client = "  daily: { plan: counted, scopes: [orders/read] }\n  slow: {";
    let text = with(&[
        ("narrow: { throttle: { rate: 0.001, burst: 1 } }\n", quota),
        ("  slow: {", client),
        // A file would first set aside what the larger quota admits, and answer 503 until it has.
        ("local: {", "local: { limits: { store: memory },"),
    ]);
    let place = Place::with(&text);
    let server = place.up(&[]);
    let ask = |client| token(&place, &server, client, "orders/read").0;
    assert_eq!((ask("slow"), ask("slow")), (200, 429));
    assert_eq!((ask("daily"), ask("daily"), ask("daily")), (200, 200, 429));
    write(&place, &text.replace("burst: 1 }", "burst: 400 }").replace("limit: 2,", "limit: 3,"));
    place.run(&["reload"]).ok();
    assert_eq!(ask("slow"), 429, "the larger bucket is as empty as it was");
    assert_eq!((ask("daily"), ask("daily")), (200, 429), "one more a day");
}

#[test]
fn changed_file_and_hangup_are_followed() {
    let place = Place::new();
    // As Kubernetes mounts a ConfigMap: the file is a link into a directory that a link leads to.
    for (directory, rate) in [
        ("one", "rate: 0.001, burst: 1"),
        ("two", "rate: 0.001, burst: 2"),
        ("three", "rate: 0.001, burst: 3"),
    ] {
        fs::create_dir(place.path(directory)).unwrap();
        let text = with(&[("rate: 0.001, burst: 1", rate)]);
        fs::write(place.path(directory).join("token-broker.yaml"), text).unwrap();
    }
    let lead_to = |directory: &str| {
        symlink(directory, place.path("new")).unwrap();
        fs::rename(place.path("new"), place.path("data")).unwrap();
    };
    lead_to("one");
    fs::remove_file(place.path("token-broker.yaml")).unwrap();
    symlink("data/token-broker.yaml", place.path("token-broker.yaml")).unwrap();
    let mut server = place.up(&[]);
    lead_to("two");
    server.wait_for_log("\"by\":\"a change of the file\"");
    assert_eq!(status(&place)["definition"]["plans"]["narrow"]["throttle"]["burst"], 2);
    server.signal("-HUP");
    server.wait_for_log("\"by\":\"SIGHUP\"");
    let said = status(&place);
    assert_eq!((&said["generation"], &said["lastReload"]["refused"]), (&3.into(), &Value::Null), "{said}");
    // A file that is written in place, and cannot be read.
    fs::write(place.path("two/token-broker.yaml"), "plans: 7").unwrap();
    server.wait_for_log("is not taken over");
    let said = status(&place);
    assert_eq!(said["definition"]["plans"]["narrow"]["throttle"]["burst"], 2);
    assert!(said["lastReload"]["refused"].as_str().unwrap().contains("token-broker.yaml:1:8"), "{said}");
    lead_to("three");
    server.wait_for_log("and is in force");
    assert_eq!(status(&place)["definition"]["plans"]["narrow"]["throttle"]["burst"], 3);
}

#[test]
fn diff_says_nothing_when_nothing_differs_and_what_is_in_force_otherwise() {
    let place = Place::new();
    let alone = place.run(&["config", "diff"]);
    assert_eq!(alone.code, Some(2));
    assert!(alone.stderr.contains("there is no state directory"), "{}", alone.stderr);
    place.run(&["init"]).ok();
    let alone = place.run(&["config", "diff"]);
    assert_eq!(alone.code, Some(2));
    assert!(
        alone.stderr.contains("no server runs") && alone.stderr.contains("nothing in force"),
        "{}",
        alone.stderr
    );
    let _server = place.up(&[]);
    let same = place.run(&["config", "diff"]);
    assert_eq!((same.code, same.stdout.as_str()), (Some(0), ""), "{}", same.stderr);
    let other = with(&[("rate: 0.001, burst: 1", "rate: 2.5, burst: 1"), ("  slow: {", "  faster: {")]);
    fs::write(place.path("next.yaml"), other).unwrap();
    let differs = place.run(&["config", "diff", "next.yaml"]);
    assert_eq!(differs.code, Some(1));
    assert_eq!(differs.stdout, "+ clients.faster\n- clients.slow\nplans.narrow.throttle.rate: 0.001 → 2.5\n");
    let json = place.run(&["config", "diff", "next.yaml", "--format", "json"]);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["changes"][2]["to"], 2.5);
    fs::write(place.path("next.yaml"), "clients: 3").unwrap();
    let wrong = place.run(&["config", "diff", "next.yaml"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("next.yaml:1:10"), "{}", wrong.stderr);
}

#[test]
fn reload_without_a_server_fails_and_says_so() {
    let place = Place::new();
    place.run(&["init"]).ok();
    assert!(place.run(&["reload"]).failed().contains("no server runs"));
}

#[test]
fn function_processes_follow_the_definition_and_those_before_are_gone() {
    let program = r#"
import json, os, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
with open(os.environ["TOKEN_BROKER_DEFINITION"]) as definition:
    text = definition.read()
while True:
    with urllib.request.urlopen(api + "next") as invocation:
        request_id = invocation.headers["Lambda-Runtime-Aws-Request-Id"]
    said = {"pid": os.getpid(), "fresh": "fresh:" in text, "argument": os.sys.argv[1]}
    reply = json.dumps({"statusCode": 200, "body": json.dumps(said)}).encode()
    urllib.request.urlopen(api + request_id + "/response", data=reply).close()
"#;
    let home = |argument| {
        format!("local: {{ function: {{ command: [python3, function.py, {argument}], memory: 256 }}, ")
    };
    let place = Place::with(&DEFINITION.replace("local: { ", &home("one")));
    fs::write(place.path("function.py"), program).unwrap();
    let server = place.up(&[]);
    let (_, before) = token(&place, &server, "billing", "orders/read");
    assert_eq!((&before["fresh"], &before["argument"]), (&false.into(), &"one".into()), "{before}");
    // A bad file is nothing that a process could come to read.
    write(&place, "]");
    place.run(&["reload"]).failed();
    let fresh = with(&[("  slow: {", "  fresh: { plan: wide, scopes: [a/b] }\n  slow: {")]);
    write(&place, &fresh.replace("local: { ", &home("two")));
    place.run(&["reload"]).ok();
    let (_, after) = token(&place, &server, "fresh", "a/b");
    assert_eq!((&after["fresh"], &after["argument"]), (&true.into(), &"two".into()), "{after}");
    // Its end is waited for: nothing says when, but the metric that counts processes.
    let gone = format!("/proc/{}", before["pid"]);
    while fs::exists(&gone).unwrap() || metric(&server, "token_broker_function_processes") != "1" {
        thread::yield_now();
    }
    assert_eq!(metric(&server, "token_broker_function_invocations_total"), "2");
    let kept: Vec<_> = fs::read_dir(place.path(".token-broker/function"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("definition."))
        .collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    let bindings: Value = serde_json::from_str(&place.read(".token-broker/function/bindings.json")).unwrap();
    let clients: HashSet<_> =
        bindings["keys"].as_object().unwrap().values().map(ToString::to_string).collect();
    assert!(clients.contains("\"fresh\""), "{bindings}");
}

/// Asks over one connection again and again until told to stop, and counts; anything but a token fails the test.
fn load(url: &str, key: &str, scope: &str, stop: &AtomicBool, answered: &AtomicU64) {
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let form = format!("{GRANT}&scope={scope}");
    let length = form.len();
    let request = format!(
        "POST /{path} HTTP/1.1\r\nHost: {address}\r\nx-api-key: {key}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{form}"
    );
    while !stop.load(Ordering::Relaxed) {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        answered.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn no_request_fails_while_definitions_and_keys_change_and_every_one_is_audited() {
    let wide = DEFINITION.replace("rate: 1000, burst: 1000", "rate: 9990, burst: 4990");
    let wide = wide.replace("rate: 500, burst: 500", "rate: 9900, burst: 4900");
    let place = Place::with(&wide);
    let server = place.up(&[]);
    let url = server.url("invoke_url");
    let key = place.read(".token-broker/keys/billing");
    let (stop, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for scopes in ["orders/read", "orders/write"] {
            let (url, key, stop, answered) = (&url, key.trim(), &stop, &answered);
            scope.spawn(move || load(url, key, scopes, stop, answered));
        }
        let reached = |count: u64| {
            let goal = answered.load(Ordering::Relaxed) + count;
            while answered.load(Ordering::Relaxed) < goal {
                thread::yield_now();
            }
        };
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for round in 0..8 {
                reached(40);
                // Other app clients and tokens, other clients, other limits, another deployment.
                let style = if round % 2 == 0 { "aws" } else { "oauth" };
                let text = wide
                    .replace("api:\n", &format!("api:\n  gateway_responses: {style}\n"))
                    .replace("  billing: {", &format!("  new{round}: {{ plan: wide, scopes: [a/b], app_client: x{round} }}\n  billing: {{ app_client: m{round}, "))
                    .replace("burst: 4900", &format!("burst: 490{round}"));
                write(&place, &text);
                let refusal = place.run(&["reload"]);
                assert_eq!(refusal.code, Some(0), "{}", refusal.stderr);
                if round == 4 {
                    place.run(&["keys", "add", "billing"]).ok();
                }
                assert_eq!(token(&place, &server, &format!("new{round}"), "a/b").0, 200);
            }
            reached(40);
        }));
        stop.store(true, Ordering::Relaxed);
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
    });
    assert_eq!(server.stop("-TERM").0, Some(0));
    let audited = place.read(".token-broker/logs/audit.log");
    assert_eq!(audited.lines().count() as u64, answered.into_inner() + 8);
    let ids: HashSet<Value> = audited
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["request_id"].clone())
        .collect();
    assert_eq!(ids.len(), audited.lines().count(), "each request once");
}

#[test]
fn series_of_clients_come_and_go_with_the_definition() {
    let counted = |number: u32| format!("homes:\n  local: {{ metrics: {{ per_client: {number} }}, ");
    let one = with(&[("homes:\n  local: { ", &counted(1))]);
    let place = Place::with(&one);
    let server = place.up(&[]);
    let series = |client: &str| {
        let (_, page) = get(&format!("{}/metrics", server.url("admin")));
        let name = format!("token_broker_client_requests_total{{client=\"{client}\",outcome=\"answered\"}} ");
        page.lines().find_map(|line| line.strip_prefix(&name)).map(|count| count.parse::<u32>().unwrap())
    };
    assert_eq!(token(&place, &server, "billing", "orders/read").0, 200);
    assert_eq!(token(&place, &server, "slow", "orders/read").0, 200);
    assert_eq!(["billing", "slow", "(other)"].map(series), [Some(1), None, Some(1)]);
    assert_eq!(metric(&server, "token_broker_clients_without_series"), "1");

    // Another comes first by name; the one that had series is one of the others from now on.
    let added = "  accounts: { plan: wide, scopes: [orders/read], default_scopes: [orders/read] }\n  slow: {";
    write(&place, &one.replace("  slow: {", added));
    place.run(&["reload"]).ok();
    assert_eq!(token(&place, &server, "accounts", "orders/read").0, 200);
    assert_eq!(token(&place, &server, "billing", "orders/read").0, 200);
    assert_eq!(["accounts", "billing", "(other)"].map(series), [Some(1), None, Some(2)]);

    write(&place, DEFINITION);
    place.run(&["reload"]).ok();
    assert_eq!(["accounts", "billing", "(other)"].map(series), [None; 3]);
}
