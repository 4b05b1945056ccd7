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

/// A state with REST APIs of these names and nothing in them.
fn state(names: &[&str]) -> Document {
    let api = |name: &&str| {
        serde_json::json!({
            "address": format!("aws_api_gateway_rest_api.{name}"), "mode": "managed", "name": name,
            "type": "aws_api_gateway_rest_api",
            "values": { "id": format!("{name:a<10}"), "name": name, "description": "client_secret=Zk3v9Qm1Lr7Tn5Xw8Hd2Pb6" },
        })
    };
    let resources: Vec<_> = names.iter().map(api).collect();
    let values = serde_json::json!({ "root_module": { "resources": resources } });
    Document::parse(&serde_json::json!({ "format_version": "1.0", "values": values }).to_string()).unwrap()
}

fn told(names: &[&str], api: Option<&str>, definition: Option<&Definition>) -> Vec<(&'static str, String)> {
    let findings = terraform(&state(names), "state.json", api, definition);
    findings.into_iter().map(|finding| (finding.rule.id, finding.origin.address)).collect()
}

fn named(name: &str) -> Definition {
    let text = DEFINITION
        .replace("api:\n", &format!("api:\n  name: {name}\n"))
        .replace("  aws: { stage: prod, region: eu-central-1 }\n", "");
    Definition::parse(&text, "x.yaml").unwrap()
}

#[test]
fn finding_in_a_state_has_the_address_of_the_resource() {
    let secret = ("TB001", "aws_api_gateway_rest_api.door".to_owned());
    assert!(told(&["door"], None, None).contains(&secret));
}

#[test]
fn api_is_the_named_one_or_the_only_one_or_that_of_the_definition() {
    let looked_at = |api: Option<&str>, definition: Option<&Definition>| {
        let told = told(&["door", "gate"], api, definition);
        told.into_iter().find(|(id, _)| *id == "TB001").map(|(_, address)| address)
    };
    let gate = Some("aws_api_gateway_rest_api.gate".to_owned());
    assert_eq!(looked_at(Some("gate"), None), gate);
    assert_eq!(looked_at(None, Some(&named("gate"))), gate);
    assert_eq!(looked_at(Some("gate"), Some(&named("door"))), gate);
    assert_eq!(looked_at(None, None), None);
    assert_eq!(looked_at(None, Some(&named("none"))), None);
}

#[test]
fn missing_api_is_one_finding_and_never_a_pass() {
    let nothing = ("TB027", String::new());
    assert_eq!(told(&[], None, None), std::slice::from_ref(&nothing));
    assert_eq!(told(&["door"], Some("gate"), None), [nothing]);
    let several = told(&["door", "gate"], None, None);
    assert_eq!(several.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ["TB027"]);
}
