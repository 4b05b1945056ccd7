//! `token-broker check`: what it looks at, what it says, and how it ends.

mod state;

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use self::state::{DEFINITION, KEY_VALUE, SECRET, state, values};
use crate::harness::{Place, Run, unread};

const FORMATS: [&str; 4] = ["text", "json", "sarif", "github"];

/// A directory with the definition and a state that is its own.
fn place() -> Place {
    with(DEFINITION, &state())
}

fn with(definition: &str, state: &Value) -> Place {
    let place = Place::with(definition);
    std::fs::write(place.path("state.json"), state.to_string()).unwrap();
    place
}

/// A state in which the permission is open to every path of the stage.
fn wide_open() -> Value {
    let mut state = state();
    values(&mut state, "aws_lambda_permission", "front_door")["source_arn"] =
        "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/prod/*".into();
    state
}

/// Runs a check whose stdin is `input`.
fn piped(place: &Place, arguments: &[&str], input: &[u8]) -> Run {
    let mut command = place.command(arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    Run::from(child.wait_with_output().unwrap())
}

/// The error of a check that could not be made: it prints nothing that could be taken for a report.
fn not_checked(run: Run) -> String {
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{}", run.stderr);
    run.stderr
}

/// The ids in a report as JSON.
fn ids(report: &Value, list: &str) -> Vec<String> {
    report[list]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_breaks_nothing_ends_with_0() {
    let place = place();
    assert_eq!(place.run(&["check"]).ok(), "no findings\n");
    assert_eq!(place.run(&["check", "state.json"]).ok(), "no findings\n");
    let empty = Place::empty();
    empty.run(&["init"]).ok();
    assert_eq!(empty.run(&["check"]).ok(), "no findings\n");
}

#[test]
fn finding_in_the_definition_ends_with_1_and_has_its_line() {
    let place = Place::with(&DEFINITION.replace("{ throttle: { rate: 10, burst: 20 } }", "{}"));
    let run = place.run(&["check"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""));
    let line = run.stdout.lines().next().unwrap();
    assert!(line.starts_with("token-broker.yaml:7: TB017 plans.standard.throttle: "), "{line}");
    assert!(line.contains("; why: ") && line.contains("; mend: "), "{line}");
    assert_eq!(run.stdout.lines().last(), Some("1 finding"));
}

#[test]
fn finding_in_a_state_ends_with_1_and_has_its_address() {
    let place = with(DEFINITION, &wide_open());
    let run = place.run(&["check", "state.json", "--no-compare"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stdout.starts_with("state.json: TB008 aws_lambda_permission.front_door: "), "{}", run.stdout);
    assert!(run.stdout.ends_with("\n1 finding\n"), "{}", run.stdout);
    let compared: Value =
        serde_json::from_str(&place.run(&["check", "state.json", "--format", "json"]).stdout).unwrap();
    assert_eq!(ids(&compared, "findings"), ["TB008", "TB024"]);
}

#[test]
fn state_that_differs_from_the_definition_is_found_unless_told_not_to_compare() {
    let place = with(&DEFINITION.replace("rate: 10, burst: 20", "rate: 11, burst: 20"), &state());
    let run = place.run(&["check", "state.json"]);
    assert_eq!(run.code, Some(1));
    assert!(
        run.stdout.starts_with("state.json: TB024 aws_api_gateway_usage_plan.standard: "),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("rateLimit"), "{}", run.stdout);
    place.run(&["check", "state.json", "--no-compare"]).ok();
}

#[test]
fn stdin_is_read_for_a_dash() {
    let place = place();
    piped(&place, &["check", "-"], state().to_string().as_bytes()).ok();
    let run = piped(&place, &["check", "-", "--no-compare"], wide_open().to_string().as_bytes());
    assert_eq!(run.code, Some(1));
    assert!(run.stdout.starts_with("stdin: TB008 "), "{}", run.stdout);
}

#[test]
fn every_file_is_checked() {
    let place = with(DEFINITION, &wide_open());
    std::fs::write(place.path("other.json"), state().to_string()).unwrap();
    assert_eq!(place.run(&["check", "other.json", "state.json", "--no-compare"]).code, Some(1));
    assert!(
        not_checked(place.run(&["check", "state.json", "none.json"])).contains("`none.json` cannot be read")
    );
}

#[test]
fn what_is_no_state_is_not_checked() {
    let place = place();
    for (name, text) in [
        ("words", &b"no json"[..]),
        ("other", br#"{"a": 1}"#),
        ("log", br#"{"@level":"info","type":"version"}"#),
        ("plan", b"PK\x03\x04\xff\xfe\x00"),
        ("empty", b""),
    ] {
        std::fs::write(place.path(name), text).unwrap();
        for said in
            [not_checked(place.run(&["check", name])), not_checked(piped(&place, &["check", "-"], text))]
        {
            assert!(said.contains("terraform show -json"), "{name}: {said}");
        }
    }
    assert!(not_checked(place.run(&["check", "none.json"])).contains("`none.json` cannot be read"));
}

#[test]
fn state_without_the_api_is_a_finding() {
    let place = place();
    let run = place.run(&["check", "state.json", "--api", "another"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stdout.contains("TB027") && run.stdout.contains("`another`"), "{}", run.stdout);
    let nothing = json!({ "format_version": "1.0", "values": { "root_module": {} } });
    let run = piped(&place, &["check", "-"], nothing.to_string().as_bytes());
    assert_eq!(run.code, Some(1));
    assert!(run.stdout.contains("stdin: TB027: there is no REST API in it"), "{}", run.stdout);
    place.run(&["check", "state.json", "--api", "door"]).ok();
}

#[test]
fn definition_says_which_api_is_meant_even_if_nothing_is_compared() {
    let place = place();
    let mut state = state();
    let resources = state["values"]["root_module"]["resources"].as_array_mut().unwrap();
    let mut other = resources.iter().find(|one| one["type"] == "aws_api_gateway_rest_api").unwrap().clone();
    other["address"] = "aws_api_gateway_rest_api.other".into();
    other["name"] = "other".into();
    other["values"]["id"] = "zzzzzzzzzz".into();
    other["values"]["name"] = "other".into();
    resources.push(other);
    std::fs::write(place.path("two.json"), state.to_string()).unwrap();
    place.run(&["check", "two.json", "--no-compare"]).ok();
}

#[test]
fn definition_that_was_named_must_be_there() {
    let place = Place::empty();
    std::fs::write(place.path("state.json"), state().to_string()).unwrap();
    let said = place.run(&["check", "state.json"]).ok();
    assert!(said.contains("token-broker.yaml: note: there is no such file"), "{said}");
    // The default name is a name like any other.
    for named in ["other.yaml", "token-broker.yaml"] {
        for arguments in
            [["check", "state.json", "--config", named], ["--config", named, "check", "state.json"]]
        {
            assert!(not_checked(place.run(&arguments)).contains(&format!("no definition `{named}`")));
        }
        let mut command = place.command(&["check", "state.json"]);
        assert_eq!(command.env("TOKEN_BROKER_CONFIG", named).output().unwrap().status.code(), Some(2));
    }
    assert!(not_checked(place.run(&["check"])).contains("no definition `token-broker.yaml`"));
}

#[test]
fn definition_that_makes_no_sense_is_not_checked() {
    let place = with(&DEFINITION.replace("plan: standard", "plan: standrad"), &state());
    for arguments in [&["check"][..], &["check", "state.json"], &["check", "state.json", "--no-compare"]] {
        assert!(not_checked(place.run(arguments)).contains("token-broker.yaml:9:"));
    }
}

#[test]
fn options_of_files_need_a_file() {
    let place = place();
    for option in [&["--api", "door"][..], &["--no-compare"]] {
        assert!(not_checked(place.run(&[&["check"], option].concat())).contains("<FILE>"));
    }
}

#[test]
fn definition_without_aws_is_told_and_not_compared_with() {
    let home = "homes:\n  aws: { stage: prod, region: eu-central-1 }\n";
    let place = with(&DEFINITION.replace(home, ""), &state());
    let said = place.run(&["check", "state.json"]).ok();
    assert!(said.contains("token-broker.yaml: note: homes.aws is not defined"), "{said}");
    assert!(!place.run(&["check", "state.json", "--no-compare"]).ok().contains("note"));
}

/// The definition with a waiver.
fn waived(id: &str, at: &str, expires: &str) -> String {
    let waiver =
        format!("{{ guardrail: {id}, at: {at}, reason: until the partner moves, expires: {expires} }}");
    format!("{DEFINITION}waivers:\n  - {waiver}\n")
}

#[test]
fn waiver_takes_a_finding_out_of_the_exit_code_and_not_out_of_the_report() {
    for at in ["aws_lambda_permission.front_door", "functions/token-broker/policy"] {
        let place = with(&waived("TB008", at, "9998-12-31"), &wide_open());
        let said = place.run(&["check", "state.json", "--no-compare"]).ok();
        assert!(
            said.contains("waived until 9998-12-31 by token-broker.yaml:13: until the partner moves"),
            "{said}"
        );
        assert!(said.ends_with("\nno findings (1 waived)\n"), "{said}");
        let json: Value = serde_json::from_str(
            &place.run(&["check", "state.json", "--no-compare", "--format", "json"]).ok(),
        )
        .unwrap();
        assert_eq!((ids(&json, "findings").len(), ids(&json, "waived")), (0, vec!["TB008".to_owned()]));
        let sarif: Value = serde_json::from_str(
            &place.run(&["check", "state.json", "--no-compare", "--format", "sarif"]).ok(),
        )
        .unwrap();
        assert_eq!(sarif["runs"][0]["results"][0]["suppressions"][0]["status"], "accepted");
    }
}

#[test]
fn ended_waiver_waives_nothing_and_is_named() {
    let place = with(&waived("TB008", "aws_lambda_permission.front_door", "2001-01-31"), &wide_open());
    let run = place.run(&["check", "state.json", "--no-compare"]);
    assert_eq!(run.code, Some(1));
    assert!(
        run.stdout.contains("(its waiver at token-broker.yaml:13 ended on 2001-01-31)"),
        "{}",
        run.stdout
    );
}

#[test]
fn waiver_of_a_rule_that_is_not_there_is_an_error() {
    let place = with(&waived("TB099", "plans.standard", "9998-12-31"), &state());
    for arguments in [&["check"][..], &["check", "state.json"]] {
        let said = not_checked(place.run(arguments));
        assert!(said.contains("token-broker.yaml:13: waivers: there is no rule `TB099`"), "{said}");
    }
}

#[test]
fn formats_are_what_they_say() {
    let place = with(DEFINITION, &wide_open());
    let printed =
        |format: &str| place.run(&["check", "state.json", "--no-compare", "--format", format]).stdout;
    let json: Value = serde_json::from_str(&printed("json")).unwrap();
    assert_eq!((&json["version"], ids(&json, "findings")), (&json!(1), vec!["TB008".to_owned()]));
    let sarif: Value = serde_json::from_str(&printed("sarif")).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "TB008");
    let github = printed("github");
    assert!(
        github.starts_with("::error file=state.json,title=TB008 aws_lambda_permission.front_door::"),
        "{github}"
    );
    let mut command = place.command(&["check", "state.json", "--no-compare"]);
    let in_a_workflow = Run::from(command.env("GITHUB_ACTIONS", "true").output().unwrap());
    assert_eq!(in_a_workflow.stdout, printed("text"));
}

#[test]
fn nothing_secret_is_printed() {
    let mut leaky = wide_open();
    // Every rule that sees a secret, and the comparison, have something to say here.
    leaky["values"]["outputs"] = json!({
        "key": { "sensitive": false, "value": KEY_VALUE, "type": "string" },
        "all": { "sensitive": false, "value": { "pool": { "client_secret": SECRET } }, "type": "dynamic" },
    });
    leaky["variables"] = json!({ "client_secret": { "value": SECRET } });
    values(&mut leaky, "aws_api_gateway_rest_api", "door")["description"] =
        format!("client_secret={SECRET}").into();
    values(&mut leaky, "aws_api_gateway_stage", "door")["variables"] =
        json!({ "client_secret": SECRET, "key": KEY_VALUE });
    values(&mut leaky, "aws_api_gateway_usage_plan", "standard")["description"] =
        format!("client_secret: {SECRET}").into();
    let place = with(DEFINITION, &leaky);
    for format in FORMATS {
        let run = place.run(&["check", "state.json", "--format", format]);
        assert_eq!(run.code, Some(1));
        let said = run.stdout + &run.stderr;
        assert!(said.contains("TB001") && said.contains("TB025"), "{said}");
        assert!(!said.contains(KEY_VALUE) && !said.contains(SECRET), "{said}");
    }
}

#[test]
fn broken_document_is_not_repeated() {
    let place = place();
    let mut text = state().to_string();
    text.truncate(text.len() - 1);
    let said = not_checked(piped(&place, &["check", "-"], text.as_bytes()));
    assert!(!said.contains(KEY_VALUE), "{said}");
    let said = not_checked(piped(&place, &["check", "-"], format!("\"{KEY_VALUE}\"").as_bytes()));
    assert!(!said.contains(KEY_VALUE), "{said}");
}

#[test]
fn report_that_nobody_reads_keeps_its_exit_code_and_one_that_cannot_be_written_is_none() {
    let place = with(DEFINITION, &wide_open());
    for (arguments, code) in [(&["check"][..], 0), (&["check", "state.json"], 1)] {
        let run = Run::from(place.command(arguments).stdout(unread()).output().unwrap());
        assert_eq!((run.code, run.stderr.as_str()), (Some(code), ""));
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let said = not_checked(Run::from(place.command(arguments).stdout(full).output().unwrap()));
        assert!(said.contains("stdout cannot be written"), "{said}");
    }
}

#[test]
fn list_names_every_rule_and_needs_no_definition() {
    let place = Place::empty();
    let listed = place.run(&["check", "--list"]).ok();
    for rule in check::rules() {
        assert!(listed.contains(&format!("## {}: {}", rule.id, rule.title)), "{}", rule.id);
    }
}
