//! A plan that makes the function together with the front door: no ARN in it is known, and so no region.

use serde_json::{Value, json};

use super::differences;
use crate::terraform::tests::plan::Plan;

const API: &str = "aws_api_gateway_rest_api.this";

fn one_plan() -> Plan {
    let function = ["aws_lambda_function.f.invoke_arn", "aws_lambda_function.f"];
    let name = ["aws_lambda_function.f.function_name", "aws_lambda_function.f"];
    Plan::of_example()
        .add_function("f", json!({}), json!({}))
        .hide("aws_api_gateway_integration.function", "uri", &function)
        .hide("aws_lambda_permission.front_door", "function_name", &name)
}

/// The plan with data sources that say where it is applied.
fn looked_up(regions: &[&str]) -> Plan {
    let mut plan = one_plan();
    let data = |region: &&str| {
        json!({ "address": format!("data.aws_region.{region}"), "mode": "data", "type": "aws_region", "name": region,
            "values": { "name": region, "id": region } })
    };
    let resources: Vec<_> = regions.iter().map(data).collect();
    plan.0["prior_state"] = json!({ "values": { "root_module": { "resources": resources } } });
    plan
}

/// The plan with a provider whose region is written so.
fn told(region: &Value) -> Plan {
    let mut plan = one_plan();
    plan.0["configuration"]["provider_config"] =
        json!({ "aws": { "name": "aws", "expressions": { "region": region } } });
    plan.0["variables"]["home"] = json!({ "value": "us-west-2" });
    let written =
        plan.0.pointer_mut("/configuration/root_module/module_calls/rest_api/module/resources").unwrap();
    let api = written.as_array_mut().unwrap().iter_mut().find(|resource| resource["address"] == API).unwrap();
    api["provider_config_key"] = json!("aws");
    plan
}

/// Whether the region differs, and with it the ARN of the permission.
fn differs(plan: &Plan) -> bool {
    let found = differences(plan);
    let has = |start: &str| {
        found.iter().any(|(_, detail)| detail.starts_with(start) && detail.contains("us-west-2"))
    };
    let (region, arn) = (has("region: here "), has("functions/token-broker/policy/"));
    assert!(region == arn && region != found.is_empty(), "{found:?}");
    region
}

#[test]
fn region_that_nothing_shows_is_the_definitions() {
    assert_eq!(differences(&one_plan()), []);
    assert_eq!(one_plan().found(), [""; 0]);
}

#[test]
fn region_that_is_looked_up_is_compared() {
    assert!(!differs(&looked_up(&["eu-central-1"])));
    assert!(differs(&looked_up(&["us-west-2"])));
    // Of two nobody knows which is meant.
    assert!(!differs(&looked_up(&["us-west-2", "eu-central-1"])));
}

#[test]
fn region_that_the_provider_is_told_is_compared() {
    assert!(!differs(&told(&json!({ "constant_value": "eu-central-1" }))));
    assert!(differs(&told(&json!({ "constant_value": "us-west-2" }))));
    assert!(differs(&told(&json!({ "references": ["var.home"] }))));
    assert!(!differs(&told(&json!({ "references": ["local.home.region", "local.home"] }))));
}
