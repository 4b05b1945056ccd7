//! Secrets in outputs, variables, environments and keys: found, and never repeated.

#![expect(clippy::needless_pass_by_value, reason = "`json!` is written where it is passed")]

use serde_json::{Value, json};

use super::plan::Plan;

const SECRET: &str = "correct-horse-battery-staple";

fn with_output(mut plan: Plan, name: &str, output: Value, references: &[&str]) -> Plan {
    let values = if plan.0.get("values").is_some() { "values" } else { "planned_values" };
    plan.0[values]["outputs"][name] = output;
    if plan.0.get("configuration").is_some() {
        plan.0["configuration"]["root_module"]["outputs"][name] =
            json!({ "expression": { "references": references } });
    }
    plan
}

fn with_variable(name: &str, variable: Value, value: Value) -> Plan {
    let mut plan = Plan::of_example();
    plan.0["configuration"]["root_module"]["variables"][name] = variable;
    plan.0["variables"][name] = json!({ "value": value });
    plan
}

/// What is found has this id and address, and does not repeat the secret.
#[track_caller]
fn breaks(plan: &Plan, found: &[&str]) {
    assert_eq!(plan.found(), found);
    for finding in plan.findings() {
        assert!(!format!("{finding:?}").contains(SECRET), "{finding:?}");
    }
}

#[test]
fn value_of_a_key_in_a_plain_output() {
    let mut state = Plan::state_of_example();
    state.values("aws_api_gateway_api_key.client[\"billing\"]")["value"] = json!(SECRET);
    let shown = json!({ "sensitive": false, "value": { "billing": ["key", SECRET] } });
    breaks(&with_output(state.clone(), "keys", shown.clone(), &[]), &["TB025 output.keys"]);
    let mut sensitive = shown;
    sensitive["sensitive"] = json!(true);
    breaks(&with_output(state, "keys", sensitive, &[]), &[]);
}

#[test]
fn output_that_will_be_a_secret() {
    let output = json!({ "sensitive": false });
    let plan = Plan::of_example().add("random_password", "p", json!({}), json!({}));
    let plan = with_output(plan, "x", output.clone(), &["module.rest_api.secret", "module.rest_api"]);
    let mut leaks = plan.clone();
    leaks.0["configuration"]["root_module"]["module_calls"]["rest_api"]["module"]["outputs"]["secret"] =
        json!({ "expression": { "references": ["random_password.p.result", "random_password.p"] } });
    breaks(&leaks, &["TB025 output.x"]);
    assert_eq!(leaks.details("TB025"), ["the output holds `result` of module.rest_api.random_password.p"]);
    breaks(&plan, &[]);
}

#[test]
fn output_of_a_secret_that_is_looked_up() {
    let references = ["data.aws_secretsmanager_secret_version.m2m.secret_string"];
    let output = |value: Value| json!({ "sensitive": false, "value": value });
    breaks(
        &with_output(Plan::of_example(), "x", output(json!("whatever")), &references),
        &["TB025 output.x"],
    );
    breaks(&with_output(Plan::of_example(), "x", output(json!(true)), &references), &[]);
}

#[test]
fn output_that_looks_like_a_secret() {
    let output = json!({ "sensitive": false, "value": { "client_secret": SECRET } });
    breaks(&with_output(Plan::of_example(), "x", output, &[]), &["TB025 output.x"]);
}

#[test]
fn secret_in_a_plain_variable() {
    breaks(&with_variable("client_secret", json!({}), json!(SECRET)), &["TB026 var.client_secret"]);
    breaks(
        &with_variable("db_password", json!({ "default": SECRET }), json!(null)),
        &["TB026 var.db_password"],
    );
    breaks(
        &with_variable("pool", json!({}), json!({ "clients": [{ "secret": SECRET }] })),
        &["TB026 var.pool"],
    );
    breaks(&with_variable("api_keys", json!({}), json!({ "billing": SECRET })), &["TB026 var.api_keys"]);
    let url = format!("https://user:{SECRET}@example.com");
    breaks(&with_variable("upstream", json!({}), json!(url)), &["TB026 var.upstream"]);
}

#[test]
fn variable_that_only_says_where_a_secret_is() {
    breaks(&with_variable("client_secret", json!({ "sensitive": true }), json!(SECRET)), &[]);
    breaks(&with_variable("client_secret", json!({}), json!("")), &[]);
    breaks(
        &with_variable("client_secret", json!({}), json!("arn:aws:secretsmanager:eu-central-1:1:secret:m2m")),
        &[],
    );
    breaks(&with_variable("secret_name", json!({}), json!("m2m")), &[]);
    breaks(&with_variable("token_endpoint", json!({}), json!("https://example.com/oauth2/token")), &[]);
    breaks(&with_variable("authorization", json!({}), json!("AWS_IAM")), &[]);
    breaks(&with_variable("api_key_required", json!({}), json!(true)), &[]);
}

#[test]
fn secret_in_the_environment_of_the_function() {
    let values = |variables: Value| json!({ "function_name": "token-broker", "environment": [{ "variables": variables }] });
    let plan =
        |variables| Plan::of_example().add("aws_lambda_function", "broker", values(variables), json!({}));
    breaks(&plan(json!({ "CLIENT_SECRET": SECRET })), &["TB001 aws_lambda_function.broker"]);
    breaks(&plan(json!({ "CLIENT_SECRET_ARN": "arn:aws:secretsmanager:eu-central-1:1:secret:m2m" })), &[]);
    let expressions =
        json!({ "environment": [{ "variables": { "references": ["random_password.p.result"] } }] });
    let unknown = Plan::of_example().add("random_password", "p", json!({}), json!({})).add(
        "aws_lambda_function",
        "broker",
        values(json!({})),
        expressions,
    );
    breaks(&unknown, &["TB001 aws_lambda_function.broker"]);
}

#[test]
fn value_of_a_key_in_the_configuration() {
    let key = "aws_api_gateway_api_key.written";
    let values = json!({ "name": "written", "customer_id": "billing", "value": SECRET });
    let expressions = json!({ "value": { "constant_value": SECRET } });
    let plan = Plan::of_example().add("aws_api_gateway_api_key", "written", values, expressions);
    breaks(&plan, &[&format!("TB001 {key}")]);
}
