//! The secrets of app clients cannot be read: from files in either home, and through the extension in processes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use super::peer::{CANARY, Peer, Play, Request, Script};
use super::pool::{Pool, SECRET, Way};
use super::program::{Home, Program, SESSION_TOKEN, Setup, let_pass};
use super::table::endpoint;

/// Each the name of a client, of its app client, and of what is wrong with that one's secret in a file.
const FILES: [&str; 6] = ["gone", "directory", "empty", "three-lines", "spaces", "binary"];
/// The same with an entry that the extension is asked for.
const ENTRIES: [&str; 7] = ["closed", "stall", "reset", "not-ready", "broken", "garbage", "no-secret"];

#[test]
fn secret_file_that_breaks_after_the_start_is_no_matter_to_who_has_read_it() {
    let pool = Pool::start(Vec::new());
    let program = setup(Home::InProcess, &pool, &FILES).up();
    spoil_all(&program);
    for name in FILES {
        program.ask(name, "orders/read").token();
    }
    program.stop();
}

#[test]
fn secret_file_that_breaks_is_waited_for_by_who_reads_it_later() {
    let pool = Pool::start(Vec::new());
    let mut program = setup(Home::Processes(1), &pool, &FILES).up();
    spoil_all(&program);
    refused_without_a_call(&mut program, &pool, &FILES);
    for name in FILES {
        let path = program.place.path(&format!("secret-{name}"));
        let _not_there_or_a_file = fs::remove_dir(&path);
        fs::write(path, SECRET).unwrap();
    }
    granted_after_a_while(&program, &FILES);
    // Who has the secrets in hand does not look again.
    spoil_all(&program);
    for name in FILES {
        program.ask(name, "orders/write").token();
    }
    program.stop();
}

#[test]
fn extension_that_fails_is_waited_for() {
    let pool = Pool::start(Vec::new());
    let mut extension = Peer::start("localhost", Extension::default());
    let mut setup = setup(Home::Processes(1), &pool, &ENTRIES);
    setup.variables = vec![
        ("TOKEN_BROKER_BINDINGS", "ssm:/chaos/bindings".to_owned()),
        ("AWS_SESSION_TOKEN", SESSION_TOKEN.to_owned()),
        ("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", extension.address.port().to_string()),
    ];
    let mut program = setup.up();
    let written: Value =
        serde_json::from_str(&program.place.read(".token-broker/function/bindings.json")).unwrap();
    extension.script.keep_bindings(written);

    // Before the bindings are read nobody is known.
    let answer = program.ask("stall", "orders/read");
    assert_eq!((answer.status, answer.retry_after()), (503, Some(2)));
    let refused = program.wait_for_line(|line| line["decision"] == "deny");
    assert_eq!(refused["reason"], "bindings_unavailable");
    extension.script.mend("bindings");
    let_pass(Duration::from_secs(2));

    refused_without_a_call(&mut program, &pool, &ENTRIES[1..]);
    extension.close();
    refused_without_a_call(&mut program, &pool, &ENTRIES[..1]);
    extension.open();
    for name in ENTRIES {
        extension.script.mend(name);
    }
    granted_after_a_while(&program, &ENTRIES);
    program.stop();
}

fn setup(home: Home, pool: &Peer<Pool>, names: &[&str]) -> Setup {
    let scopes = ["orders/read", "orders/write"].map(str::to_owned);
    let clients = names.iter().map(|name| ((*name).to_owned(), scopes.to_vec())).collect();
    Setup { clients, timeout: "700ms", ..Setup::new(home, endpoint(Way::TokenEndpoint, pool), &[]) }
}

fn refused_without_a_call(program: &mut Program, pool: &Peer<Pool>, names: &[&str]) {
    for name in names {
        let answer = program.ask(name, "orders/read");
        assert_eq!((answer.status, answer.retry_after()), (503, Some(2)), "{name}");
        let audit = program.audited(name, "orders/read", 503);
        assert_eq!(
            (&audit["reason"], &audit["upstream_attempts"]),
            (&"secrets_unreadable".into(), &0.into()),
            "{name}"
        );
    }
    assert_eq!(pool.script.all_calls(), 0);
}

/// After as long as was said.
fn granted_after_a_while(program: &Program, names: &[&str]) {
    let_pass(Duration::from_secs(2));
    for name in names {
        program.ask(name, "orders/read").token();
    }
}

fn spoil_all(program: &Program) {
    for name in FILES {
        spoil(program, name);
    }
}

fn spoil(program: &Program, name: &str) {
    let path = program.place.path(&format!("secret-{name}"));
    fs::remove_file(&path).unwrap();
    match name {
        "gone" => Ok(()),
        "directory" => fs::create_dir(path),
        "empty" => fs::write(path, "\n"),
        "three-lines" => fs::write(path, format!("{SECRET}\n{SECRET}\n{CANARY}\n")),
        "spaces" => fs::write(path, format!("{SECRET} {CANARY}\n")),
        _ => fs::write(path, [SECRET.as_bytes(), &[0xff]].concat()),
    }
    .unwrap();
}

/// The extension that fails at each entry in the way of its name, until it is mended.
#[derive(Default)]
struct Extension {
    bindings: Mutex<String>,
    mended: Mutex<BTreeSet<String>>,
}

impl Extension {
    /// Keeps bindings in which each secret lies in the entry that is named as its app client.
    fn keep_bindings(&self, mut bindings: Value) {
        for (name, app_client) in bindings["app_clients"].as_object_mut().unwrap() {
            app_client["secret"] = format!("secretsmanager:{name}").into();
        }
        *self.bindings.lock().unwrap() = bindings.to_string();
    }

    fn mend(&self, name: &str) {
        self.mended.lock().unwrap().insert(name.to_owned());
    }

    fn value(&self, name: &str) -> Play {
        let bindings = self.bindings.lock().unwrap();
        let value = match name {
            "bindings" => json!({ "Parameter": { "Type": "SecureString", "Value": *bindings } }),
            _ => json!({ "ARN": CANARY, "SecretString": SECRET, "ResultMetadata": {} }),
        };
        Play::http("200 OK", "", &value.to_string())
    }
}

impl Script for Extension {
    fn play(&self, request: &Request) -> Play {
        assert!(request.head.contains(&format!("x-aws-parameters-secrets-token: {SESSION_TOKEN}\r\n")));
        let (path, query) = request.target.split_once('?').unwrap();
        let query: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let name = match path {
            "/secretsmanager/get" => query["secretId"].as_str(),
            _ => query["name"].strip_prefix("/chaos/").unwrap(),
        };
        if self.mended.lock().unwrap().contains(name) {
            return self.value(name);
        }
        let said = format!("not ready to serve traffic, please wait: {CANARY} {SECRET}");
        match name {
            "stall" => Play::Stall(Vec::new()),
            "reset" => Play::Reset(Vec::new()),
            "broken" => Play::http("500 Internal Server Error", "", &said),
            "garbage" => Play::http("200 OK", "", &said),
            "no-secret" => Play::http("200 OK", "", &json!({ "SecretString": said }).to_string()),
            _ => Play::http("400 Bad Request", "", &said),
        }
    }
}
