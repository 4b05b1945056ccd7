//! What is found in a definition, where it is said to be, and that nothing is said twice.

use super::*;

const DEFINITION: &str = "\
api:
  throttle: { rate: 200, burst: 400 }
  token_endpoint:
    identity: api_key
    throttle: { rate: 100, burst: 200 }
plans:
  standard: { throttle: { rate: 10, burst: 20 } }
clients:
  billing: { plan: standard, scopes: [orders/read], app_client: m2m }
homes:
  local: { stage: dev, user_pool: embedded }
  aws: { stage: prod, region: eu-central-1 }
";

fn found(text: &str) -> Vec<(&'static str, Option<u64>, String)> {
    let read = Definition::parse(text, "x.yaml").unwrap();
    let findings = definition(&read, "x.yaml").unwrap();
    findings
        .into_iter()
        .map(|finding| (finding.rule.id, finding.origin.line, finding.origin.address))
        .collect()
}

#[test]
fn default_definition_breaks_nothing() {
    assert_eq!(found(config::DEFAULT_FILE), []);
    assert_eq!(found(DEFINITION), []);
}

#[test]
fn broken_guardrail_is_found_once_for_both_homes_with_its_line() {
    let no_stage_throttle = DEFINITION.replace("  throttle: { rate: 200, burst: 400 }\n", "");
    let both = found(&no_stage_throttle);
    assert!(both.iter().any(|(id, line, _)| *id == "TB015" && line.is_some()), "{both:?}");
    let one = found(&no_stage_throttle.replace("  aws: { stage: prod, region: eu-central-1 }\n", ""));
    assert_eq!(both, one);
    let plan = found(&DEFINITION.replace("standard: { throttle: { rate: 10, burst: 20 } }", "standard: {}"));
    assert_eq!(plan, [("TB017", Some(7), "plans.standard.throttle".to_owned())]);
}

#[test]
fn each_object_that_breaks_a_guardrail_is_a_finding() {
    let plans = "standard: {}\n  partner: {}\n";
    let found = found(&DEFINITION.replace("standard: { throttle: { rate: 10, burst: 20 } }\n", plans));
    let addresses: Vec<_> =
        found.iter().filter(|(id, ..)| *id == "TB017").map(|(_, _, address)| address.as_str()).collect();
    assert_eq!(addresses, ["plans.partner.throttle", "plans.standard.throttle"]);
    // Nobody is on the other plan.
    assert!(found.iter().any(|(id, line, _)| (*id, *line) == ("TB023", Some(8))), "{found:?}");
}

#[test]
fn finding_carries_the_place_that_a_waiver_can_name() {
    let read =
        Definition::parse(&DEFINITION.replace("rate: 10, burst: 20", "rate: 500, burst: 900"), "x.yaml")
            .unwrap();
    let findings = definition(&read, "x.yaml").unwrap();
    assert!(
        findings.iter().all(|finding| finding.origin.place.starts_with("usagePlans/standard")),
        "{findings:?}"
    );
    assert!(!findings.is_empty());
}
