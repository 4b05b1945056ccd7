//! What a waiver takes out of the count, until when, and what is said of it.

use super::*;
use crate::Origin;

/// 2027-01-31T00:00:00Z: the last day of the waivers below begins.
const LAST_DAY: Timestamp = Timestamp::from_secs(1_801_353_600);
const DAY: u64 = 86_400;

fn definition(id: &str, at: &str) -> Definition {
    let waiver = format!(
        "{{ guardrail: {id}, at: '{at}', reason: until the partner is split off, expires: 2027-01-31 }}"
    );
    Definition::parse(&format!("{}\nwaivers:\n  - {waiver}\n", config::DEFAULT_FILE), "x.yaml").unwrap()
}

fn finding(id: &str, address: &str, place: &str) -> Finding {
    let rule = rules().into_iter().find(|rule| rule.id == id).unwrap();
    let origin =
        Origin { file: "plan.json".into(), line: None, address: address.into(), place: place.into() };
    Finding { rule, origin, detail: "something".into() }
}

fn partner() -> Finding {
    finding(
        "TB018",
        "module.front.aws_api_gateway_usage_plan.this[\"partner\"]",
        "usagePlans/partner/throttle",
    )
}

fn applied(definition: &Definition, findings: &[Finding], now: Timestamp) -> Report {
    Waivers::of(definition, "x.yaml").unwrap().apply(findings.to_vec(), Subject::Terraform, now)
}

fn long_before() -> Timestamp {
    Timestamp::from_secs(LAST_DAY.as_secs() - 100 * DAY)
}

#[test]
fn waiver_takes_what_it_covers_out_of_the_count_and_not_out_of_the_report() {
    for at in ["usagePlans/partner", "module.front", "module.front.aws_api_gateway_usage_plan.this"] {
        let report = applied(&definition("TB018", at), &[partner()], long_before());
        assert!(report.is_clean() && report.notes.is_empty(), "{report:?}");
        let [waived] = report.waived.as_slice() else { panic!("{report:?}") };
        assert_eq!((waived.finding.rule.id, waived.expires.as_str()), ("TB018", "2027-01-31"));
        assert_eq!(waived.reason, "until the partner is split off");
        assert!(waived.file == "x.yaml" && waived.line > 1);
    }
}

#[test]
fn waiver_of_another_rule_or_object_takes_nothing_out() {
    for (id, at) in [("TB017", "usagePlans/partner"), ("TB018", "usagePlans/part"), ("TB018", "module.fron")]
    {
        let report = applied(&definition(id, at), &[partner()], long_before());
        assert_eq!((report.findings.len(), report.waived.len()), (1, 0), "{id} {at}");
        assert_eq!(report.findings[0].detail, "something");
    }
}

#[test]
fn waiver_of_the_working_copy_is_one_of_what_is_deployed() {
    let deployed = finding("TB003", "x", "restApis/a/deployments/abc123/resources/~1other");
    let report = applied(&definition("TB003", "restApis/a/resources"), &[deployed], long_before());
    assert!(report.is_clean());
}

#[test]
fn ended_waiver_takes_nothing_out_and_the_finding_says_so() {
    let definition = definition("TB018", "usagePlans/partner");
    let end = Timestamp::from_secs(LAST_DAY.as_secs() + DAY);
    assert!(applied(&definition, &[partner()], Timestamp::from_micros(end.as_micros() - 1)).is_clean());
    let report = applied(&definition, &[partner()], end);
    assert!(report.waived.is_empty() && report.notes.is_empty());
    let line = definition.waivers[0].position.line;
    let said = format!("something (its waiver at x.yaml:{line} ended on 2027-01-31)");
    assert_eq!(report.findings[0].detail, said);
}

#[test]
fn end_is_told_thirty_days_ahead() {
    let definition = definition("TB018", "usagePlans/partner");
    let end = LAST_DAY.as_secs() + DAY;
    let notes = |now| applied(&definition, &[partner()], Timestamp::from_secs(now)).notes;
    assert_eq!(notes(end - 30 * DAY - 1), []);
    for now in [end - 30 * DAY, end - 1] {
        let notes = notes(now);
        assert!(notes[0].text.contains("ends on 2027-01-31") && notes[0].line.is_some(), "{notes:?}");
    }
}

#[test]
fn waiver_of_more_than_a_year_is_told() {
    let definition = definition("TB018", "usagePlans/partner");
    let end = LAST_DAY.as_secs() + DAY;
    let notes = |now| applied(&definition, &[partner()], Timestamp::from_secs(now)).notes;
    assert!(notes(end - 366 * DAY - 1)[0].text.contains("more than a year"));
    assert_eq!(notes(end - 366 * DAY), []);
}

#[test]
fn path_in_the_definition_covers_the_object_in_a_plan() {
    let throttle =
        finding("TB018", "module.front.aws_api_gateway_usage_plan.a", "usagePlans/partner/throttle");
    assert!(applied(&definition("TB018", "plans.partner.throttle"), &[throttle], long_before()).is_clean());
}

#[test]
fn waiver_that_covers_nothing_is_told_where_it_could_cover_something() {
    for (id, at, told_in) in [
        ("TB018", "usagePlans/partner", Subject::Definition),
        ("TB018", "plans.partner", Subject::Definition),
        ("TB018", "module.front", Subject::Terraform),
        ("TB025", "output.keys", Subject::Terraform),
    ] {
        let definition = definition(id, at);
        let waivers = Waivers::of(&definition, "x.yaml").unwrap();
        for subject in [Subject::Definition, Subject::Terraform] {
            let notes = waivers.apply(Vec::new(), subject, long_before()).notes;
            assert_eq!(
                notes.iter().any(|note| note.text.contains("covers nothing")),
                subject == told_in,
                "{id} {at}"
            );
        }
    }
}

#[test]
fn rules_of_terraform_alone_can_be_waived() {
    let secret = finding("TB025", "output.keys", "");
    assert!(applied(&definition("TB025", "output.keys"), &[secret], long_before()).is_clean());
}

#[test]
fn waiver_of_no_rule_is_an_error_with_its_line() {
    let definition = definition("TB099", "usagePlans/partner");
    let line = definition.waivers[0].position.line;
    let said = Waivers::of(&definition, "x.yaml").unwrap_err().to_string();
    assert_eq!(
        said,
        format!("x.yaml:{line}: waivers: there is no rule `TB099`; the rules are TB001 to TB038")
    );
}
