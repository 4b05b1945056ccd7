//! Snapshots of all four formats, and what each must not let through.

mod sarif_schema;

use serde_json::Value;

use super::*;
use crate::rule::{NO_SECRET_IN_OUTPUT, SAME_AS_DEFINED};
use crate::{Origin, Rule, rules};

fn rule(id: &str) -> Rule {
    rules().into_iter().find(|rule| rule.id == id).unwrap()
}

fn finding(rule: Rule, (file, line): (&str, Option<u64>), address: &str, detail: &str) -> Finding {
    let origin = Origin { file: file.into(), line, address: address.into(), place: String::new() };
    Finding { rule, origin, detail: detail.into() }
}

fn report() -> Report {
    let plan = ("plan.json", None);
    let mut warning =
        finding(rule("TB023"), ("token-broker.yaml", Some(20)), "plans.partner", "no key is on it");
    warning.origin.place = "usagePlans/partner".into();
    Report {
        findings: vec![
            finding(
                rule("TB008"),
                plan,
                "module.rest_api.aws_lambda_permission.front_door[\"a\"]",
                "the source ARN `arn:aws:execute-api:eu-central-1:1:a/*` has a wildcard",
            ),
            warning,
            finding(NO_SECRET_IN_OUTPUT, plan, "output.keys", "it shows the value of 2 API keys"),
        ],
        waived: vec![Waived {
            finding: finding(
                SAME_AS_DEFINED,
                plan,
                "module.rest_api.aws_api_gateway_stage.this",
                "rate: 5 here, 6 there",
            ),
            reason: "until the stage is moved, 100% sure.".into(),
            expires: "2027-01-31".into(),
            file: "token-broker.yaml".into(),
            line: 40,
        }],
        notes: vec![Note {
            file: "token-broker.yaml".into(),
            line: Some(44),
            text: "the waiver of TB018 at `usagePlans/standard` covers nothing".into(),
        }],
    }
}

fn rendered(report: &Report, format: Format) -> String {
    let text = report.render(format);
    anstyle_free(&text)
}

/// The text as it is where there are no colours.
fn anstyle_free(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| plain + part.split_once('m').unwrap().1)
}

/// A report whose texts have everything in them that a format could trip over.
fn hostile() -> Report {
    let evil = "a\r\n::error::b\u{1b}[31m%0A,:\"\\\u{202e}\u{2028}end";
    let mut report = report();
    report.findings.push(finding(rule("TB001"), (evil, Some(3)), evil, evil));
    report.waived[0].reason = evil.into();
    report.waived[0].finding.origin.address = evil.into();
    report.notes[0].text = evil.into();
    report
}

#[test]
fn text_is_one_line_each_and_a_count() {
    insta::assert_snapshot!(rendered(&report(), Format::Text));
    assert_eq!(rendered(&Report::default(), Format::Text), "no findings\n");
}

#[test]
fn json_has_everything_by_name() {
    insta::assert_snapshot!(rendered(&report(), Format::Json));
    let json: Value = serde_json::from_str(&Report::default().render(Format::Json)).unwrap();
    assert_eq!(json, serde_json::json!({ "version": 1, "findings": [], "waived": [], "notes": [] }));
}

#[test]
fn github_gets_one_command_each() {
    insta::assert_snapshot!(rendered(&report(), Format::Github));
    assert_eq!(Report::default().render(Format::Github), "");
}

#[test]
fn sarif_has_every_rule_and_result() {
    let mut sarif: Value = serde_json::from_str(&report().render(Format::Sarif)).unwrap();
    let listed = sarif["runs"][0]["tool"]["driver"]["rules"].as_array_mut().unwrap();
    assert_eq!(listed.len(), rules().len());
    // One stands for all of them, so that a new rule is no new snapshot.
    listed.retain(|rule| rule["id"] == "TB025");
    sarif["runs"][0]["tool"]["driver"]["semanticVersion"] = "VERSION".into();
    insta::assert_snapshot!(format!("{sarif:#}"));
}

#[test]
fn sarif_is_what_the_official_schema_allows() {
    for report in [report(), hostile(), Report::default()] {
        let sarif = serde_json::from_str(&report.render(Format::Sarif)).unwrap();
        assert_eq!(sarif_schema::faults(&sarif), Vec::<String>::new());
    }
}

#[test]
fn finding_of_a_whole_file_has_no_empty_address() {
    let mut report = Report::default();
    report.findings.push(finding(rule("TB027"), ("plan.json", None), "", "there is no REST API in it"));
    assert!(
        rendered(&report, Format::Text).starts_with("plan.json: TB027: there is no REST API in it; why: ")
    );
    assert!(
        rendered(&report, Format::Github).starts_with("::error file=plan.json,title=TB027::there is no ")
    );
    let sarif: Value = serde_json::from_str(&report.render(Format::Sarif)).unwrap();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["locations"][0]["logicalLocations"], serde_json::json!([]));
    assert!(result["message"]["text"].as_str().unwrap().starts_with("there is no REST API in it; why: "));
    assert_eq!(sarif_schema::faults(&sarif), Vec::<String>::new());
}

#[test]
fn result_points_at_its_rule() {
    let sarif: Value = serde_json::from_str(&report().render(Format::Sarif)).unwrap();
    let run = &sarif["runs"][0];
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
    }
}

#[test]
fn fingerprint_stays_when_details_change_and_differs_between_findings() {
    let prints = |report: &Report| -> Vec<String> {
        let sarif: Value = serde_json::from_str(&report.render(Format::Sarif)).unwrap();
        let results = sarif["runs"][0]["results"].as_array().unwrap();
        results.iter().map(|result| result["partialFingerprints"].to_string()).collect()
    };
    let before = report();
    let mut after = report();
    after.findings[0].detail = "the source ARN `arn:other` has a wildcard".into();
    after.findings[0].origin.file = "other.json".into();
    assert_eq!(prints(&before), prints(&after));
    let mut twice = report();
    twice.findings.push(twice.findings[0].clone());
    let mut distinct = prints(&twice);
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 5);
}

#[test]
fn hostile_names_stay_on_their_line() {
    let (plain, evil) = (report(), hostile());
    for format in [Format::Text, Format::Github] {
        let (lines, text) = (plain.render(format).lines().count(), rendered(&evil, format));
        assert_eq!(text.lines().count(), lines + 1, "{text}");
        assert!(!text.contains(['\r', '\u{1b}', '\u{202e}', '\u{2028}']), "{text}");
        assert!(text.lines().all(|line| !line.starts_with("::error::b")), "{text}");
    }
    let github = rendered(&evil, Format::Github);
    let command = github.lines().find(|line| line.contains("TB001")).unwrap();
    assert!(command.starts_with("::error file=a%0D%0A%3A%3Aerror%3A%3Ab"), "{command}");
    assert!(command.contains("%250A%2C%3A"), "{command}");
    assert!(command.contains(",line=3,title=TB001 "), "{command}");
}

#[test]
fn paths_become_uri_references() {
    for (path, uri) in [
        ("plan.json", "plan.json"),
        ("a b/pl%n:1.json", "a%20b/pl%25n%3A1.json"),
        ("/tmp/plan.json", "file:///tmp/plan.json"),
        ("ä.json", "%C3%A4.json"),
    ] {
        let mut report = report();
        report.findings[0].origin.file = path.into();
        let sarif: Value = serde_json::from_str(&report.render(Format::Sarif)).unwrap();
        let location = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(location["artifactLocation"]["uri"], uri);
    }
}
