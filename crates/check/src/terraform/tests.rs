//! Whole documents: text in, findings out.
//!
//! Most begin with the plan of the example (`terraform/examples/rest-api-only`), in which nothing is found, and change
//! one thing in it.

mod api;
mod broker;
mod front_door;
mod links;
mod pool;
mod role;
mod secrets;
mod upstream;
mod whatever;

pub(crate) mod plan;

use super::*;
use plan::Plan;

#[test]
fn plan_and_state_of_the_example_break_nothing() {
    assert_eq!(Plan::of_example().found(), [""; 0]);
    assert_eq!(Plan::state_of_example().found(), [""; 0]);
}

#[test]
fn what_is_not_a_plan_is_told_apart() {
    let refused = |text: &str| Document::parse(text).unwrap_err();
    assert_eq!(refused("PK\u{3}\u{4}tfplan"), DocumentError::BinaryPlan);
    assert_eq!(refused("{\"@level\":\"info\"}\n{\"@level\":\"info\"}"), DocumentError::LogLines);
    assert_eq!(refused("{\"@level\":\"info\"}"), DocumentError::LogLines);
    assert_eq!(refused("{\"version\":4,\"lineage\":\"x\"}"), DocumentError::StoredState);
    assert_eq!(refused("resource \"aws\" {}"), DocumentError::NotJson { line: 1, column: 1 });
    assert_eq!(refused(""), DocumentError::NotJson { line: 1, column: 0 });
    assert_eq!(refused("[]"), DocumentError::NotTerraform);
    assert_eq!(refused("{}"), DocumentError::NotTerraform);
    assert_eq!(refused("{\"format_version\":\"2.0\"}"), DocumentError::UnknownVersion("2.0".into()));
    assert_eq!(refused("{\"format_version\":\"1.2\",\"errored\":true}"), DocumentError::Errored);
}

#[test]
fn refusals_say_what_to_give_instead() {
    let errors = ["{}", "PK\u{3}\u{4}", "x", "{\"@level\":1}", "{\"lineage\":1}"].map(|text| {
        let error = Document::parse(text).unwrap_err().to_string();
        assert!(error.contains("terraform show -json"), "{error}");
        error
    });
    assert!(errors.iter().all(|error| !error.ends_with('.')));
}

#[test]
fn document_shows_nothing_of_its_values() {
    let document = Plan::state_of_example().document();
    assert_eq!(format!("{document:?}"), "Document(42 resources)");
    assert_eq!(format!("{:?}", read(&document, "x.json", None)), "Reading(an API, 0 findings)");
}

#[test]
fn document_without_an_api_has_no_account() {
    let empty = Document::parse("{\"format_version\":\"1.0\"}").unwrap();
    let reading = read(&empty, "x.json", None);
    assert!(reading.account.is_none() && reading.findings.is_empty());
    let named = read(&empty, "x.json", Some("token-broker-api"));
    assert_eq!(
        named.findings.first().unwrap().detail,
        "there is no REST API with the name `token-broker-api`"
    );
}

#[test]
fn plan_without_resources_says_what_it_is_for() {
    let detail = |text: &str| {
        let document = Document::parse(text).unwrap();
        let [finding] = crate::judge::terraform(&document, "x.json", None, None).try_into().unwrap();
        assert_eq!(finding.rule.id, "TB027");
        finding.detail
    };
    let deleted = r#"{ "format_version": "1.2", "planned_values": { "root_module": {} }, "resource_changes": [
        { "address": "aws_api_gateway_rest_api.x", "type": "aws_api_gateway_rest_api", "change": { "actions": ["delete"] } }] }"#;
    assert_eq!(detail(deleted), "the plan takes everything away, so that there is no REST API in it");
    let refreshed = r#"{ "format_version": "1.2", "planned_values": {}, "resource_drift": [], "prior_state": { "values": {
        "root_module": { "resources": [{ "address": "a.b", "mode": "managed", "type": "a", "name": "b" }] } } } }"#;
    assert!(detail(refreshed).starts_with("the plan only refreshes the state"), "{}", detail(refreshed));
    let empty = r#"{ "format_version": "1.2", "planned_values": {} }"#;
    assert_eq!(detail(empty), "there is no REST API in it");
}

#[test]
fn address_is_that_of_the_nearest_object_deployed_or_not() {
    let reading = read(&Plan::of_example().document(), "x.json", None);
    let address = |place: &str| reading.origins.address_of(place).map(str::to_owned);
    let method = Some("module.rest_api.aws_api_gateway_method.post_token".to_owned());
    assert_eq!(address("restApis/token-broker-api/resources/~1oauth2~1token/POST/apiKeyRequired"), method);
    let deployment =
        reading.account.as_ref().unwrap().rest_apis.first().unwrap().deployments.first().unwrap();
    let deployed = format!("restApis/token-broker-api/deployments/{}", deployment.id);
    assert_eq!(address(&format!("{deployed}/resources/~1oauth2~1token/POST")), method);
    assert_eq!(address(&deployed), Some("module.rest_api.aws_api_gateway_deployment.this".into()));
    assert_eq!(
        address("usagePlans/standard/quota"),
        Some("module.rest_api.aws_api_gateway_usage_plan.plan[\"standard\"]".into())
    );
    assert_eq!(address("usagePlans/none"), None);
}
