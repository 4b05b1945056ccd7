//! Log files are moved away under a running server, and logs go to stdout.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::harness::{DEFINITION, Place, Server};

const GRANT: &str = "grant_type=client_credentials";
const LOGS: [&str; 3] = ["access.log", "audit.log", "execution.log"];

/// A server that says every step.
fn place() -> Place {
    Place::with(&DEFINITION.replace("\napi:\n", "\napi:\n  logging_level: info\n"))
}

/// Asks for `count` tokens, each of which is granted.
fn tokens(place: &Place, server: &Server, count: usize) {
    let key = place.read(".token-broker/keys/billing");
    for _ in 0..count {
        assert_eq!(server.token(key.trim(), GRANT).0, 200);
    }
}

/// The request ids of the lines that `id` finds one in; every line has one.
fn ids(text: &str, id: impl Fn(&str) -> String) -> Vec<String> {
    assert!(text.is_empty() || text.ends_with('\n'), "a line is torn: {text}");
    text.lines().map(id).collect()
}

fn member(name: &str) -> impl Fn(&str) -> String {
    move |line| serde_json::from_str::<Value>(line).unwrap()[name].as_str().unwrap().to_owned()
}

/// `…Z (id) …`.
fn in_brackets(line: &str) -> String {
    line.split_once(" (").unwrap().1.split_once(") ").unwrap().0.to_owned()
}

#[test]
fn files_that_are_moved_away_are_opened_anew_by_a_hangup_and_no_line_is_lost() {
    let place = place();
    let mut server = place.up(&[]);
    for rotation in 0..3 {
        tokens(&place, &server, 5);
        for log in LOGS {
            let path = place.path(&format!(".token-broker/logs/{log}"));
            fs::rename(&path, place.path(&format!(".token-broker/logs/{log}.{rotation}"))).unwrap();
        }
        server.signal("-HUP");
        server.wait_for_log("log files are opened anew");
        for log in LOGS {
            // It is made without any further line.
            while !place.path(&format!(".token-broker/logs/{log}")).exists() {
                std::thread::yield_now();
            }
        }
    }
    tokens(&place, &server, 5);
    assert_eq!(server.stop("-TERM").0, Some(0));
    let all = |log: &str| {
        let names = ["", ".0", ".1", ".2"].map(|suffix| format!(".token-broker/logs/{log}{suffix}"));
        names.map(|name| place.read(&name)).into_iter()
    };
    let access: Vec<String> = all("access.log").flat_map(|text| ids(&text, member("requestId"))).collect();
    let audit: Vec<String> = all("audit.log").flat_map(|text| ids(&text, member("request_id"))).collect();
    let executed: BTreeSet<String> = all("execution.log").flat_map(|text| ids(&text, in_brackets)).collect();
    let whole: BTreeSet<String> = access.iter().cloned().collect();
    assert_eq!((access.len(), whole.len()), (20, 20));
    assert_eq!(audit.iter().cloned().collect::<BTreeSet<_>>(), whole);
    assert_eq!(audit.len(), 20);
    assert_eq!(executed, whole);
}

#[test]
fn logs_that_go_to_stdout_have_whole_lines_there_and_no_files() {
    let place = place();
    let server = place.up(&["--access-log", "-", "--audit-log", "-", "--execution-log", "-"]);
    tokens(&place, &server, 5);
    server.signal("-HUP");
    tokens(&place, &server, 5);
    let (code, said) = server.stop("-TERM");
    assert_eq!(code, Some(0));
    for log in LOGS {
        assert!(!place.path(&format!(".token-broker/logs/{log}")).exists(), "{log}");
    }
    let count = |mark: &str| said.lines().filter(|line| line.contains(mark)).count();
    let executed = said.lines().filter(|line| line.ends_with(") Method completed with status: 200")).count();
    assert_eq!(
        (count("\"extendedRequestId\":"), count("\"decision\":\"allow\""), executed),
        (10, 10, 10),
        "{said}"
    );
    for line in said.lines().filter(|line| line.starts_with('{')) {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
}

#[test]
fn access_log_has_the_format_of_the_definition_and_follows_a_reload() {
    let custom = "access_log: { format: '$context.requestId \"$context.path\" $context.status' }";
    let place = Place::with(&DEFINITION.replace("\napi:\n", &format!("\napi:\n  {custom}\n")));
    let server = place.up(&[]);
    tokens(&place, &server, 1);
    let definition = DEFINITION.replace("\napi:\n", "\napi:\n  access_log: csv\n");
    fs::write(place.path("token-broker.yaml"), definition).unwrap();
    place.run(&["reload"]).ok();
    tokens(&place, &server, 1);
    assert_eq!(server.stop("-TERM").0, Some(0));
    let log = place.read(".token-broker/logs/access.log");
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert!(lines[0].ends_with(" \"/dev/oauth2/token\" 200"), "{log}");
    assert_eq!(lines[1].split(',').count(), 11, "{log}");
}
