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
    breaks(&with_variable("pin_secret", json!({}), json!(123_456)), &["TB026 var.pin_secret"]);
    let base64 = "/K7MDENG/bPxRfiCYEXAMPLEKEYwJalrXUtnFEMI";
    breaks(&with_variable("secret_key", json!({}), json!(base64)), &["TB026 var.secret_key"]);
    // {"client_secret":"hunter2"}
    let json = "eyJjbGllbnRfc2VjcmV0IjoiaHVudGVyMiJ9";
    breaks(&with_variable("cfg", json!({}), json!(json)), &["TB026 var.cfg"]);
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
    breaks(&with_variable("use_token", json!({}), json!("yes")), &[]);
    breaks(&with_variable("api_key", json!({}), json!({ "name": "billing" })), &[]);
    breaks(&with_variable("credentials", json!({}), json!({ "username": "bob" })), &[]);
    breaks(&with_variable("client_secret", json!({}), json!("/prod/token-broker/secret")), &[]);
}

#[test]
fn secret_in_the_environment_of_the_function() {
    let values = |variables: Value| json!({ "environment": [{ "variables": variables }] });
    let plan = |variables| Plan::of_example().add_function("broker", values(variables), json!({}));
    breaks(&plan(json!({ "CLIENT_SECRET": SECRET })), &["TB001 aws_lambda_function.broker"]);
    breaks(&plan(json!({ "CLIENT_SECRET_ARN": "arn:aws:secretsmanager:eu-central-1:1:secret:m2m" })), &[]);
    let expressions =
        json!({ "environment": [{ "variables": { "references": ["random_password.p.result"] } }] });
    let unknown = Plan::of_example().add("random_password", "p", json!({}), json!({})).add_function(
        "broker",
        values(json!({})),
        expressions,
    );
    breaks(&unknown, &["TB001 aws_lambda_function.broker"]);
}

#[test]
fn variable_of_the_environment_is_found_once() {
    let variables = json!({ "CLIENT_SECRET": SECRET });
    let values = json!({ "environment": [{ "variables": variables }] });
    let expressions =
        json!({ "environment": [{ "variables": { "references": ["random_password.p.result"] } }] });
    let plan = Plan::of_example()
        .add("random_password", "p", json!({ "result": SECRET }), json!({}))
        .add_function("broker", values, expressions)
        .mark(
            "aws_lambda_function.broker",
            json!({ "environment": [{ "variables": { "CLIENT_SECRET": true } }] }),
        );
    assert_eq!(
        plan.details("TB001"),
        [
            "the variable `CLIENT_SECRET` of the function's environment holds `result` of module.rest_api.random_password.p"
        ]
    );
}

#[test]
fn names_of_secrets_are_the_same_in_the_environment_and_in_variables() {
    for name in ["CLIENT_KEY", "PASSPHRASE", "DB_PWD", "client_secret_value"] {
        let environment = json!([{ "variables": { name: SECRET } }]);
        let values = json!({ "environment": environment });
        breaks(
            &Plan::of_example().add_function("broker", values, json!({})),
            &["TB001 aws_lambda_function.broker"],
        );
        breaks(&with_variable(name, json!({}), json!(SECRET)), &[&format!("TB026 var.{name}")]);
    }
}

#[test]
fn environment_that_terraform_marks_sensitive() {
    let function = "aws_lambda_function.broker";
    let plan = |variables: Value, marks: Value| {
        let values = json!({ "environment": [{ "variables": variables }] });
        let marks = json!({ "environment": [{ "variables": marks }] });
        Plan::of_example().add_function("broker", values, json!({})).mark(function, marks)
    };
    for (value, marks) in
        [(SECRET, json!({ "CFG": true })), ("short", json!({ "CFG": true })), (SECRET, json!(true))]
    {
        let marked = plan(json!({ "CFG": value, "TABLE_NAME": "tokens" }), marks);
        breaks(&marked, &[&format!("TB001 {function}")]);
        assert_eq!(
            marked.details("TB001"),
            ["the variable `CFG` of the function's environment holds a value that Terraform marks sensitive"]
        );
    }
    breaks(&plan(json!({ "CFG": "innocent", "TABLE_NAME": "tokens" }), json!({ "OTHER": true })), &[]);
    breaks(
        &plan(json!({ "CFG": "arn:aws:secretsmanager:eu-central-1:1:secret:m2m" }), json!({ "CFG": true })),
        &[],
    );
}

#[test]
fn mark_may_stand_with_the_change_only() {
    let values = json!({ "environment": [{ "variables": { "CFG": SECRET } }] });
    let mut plan = Plan::of_example().add_function("broker", values, json!({}));
    plan.0["resource_changes"].as_array_mut().unwrap().push(json!({
        "address": "module.rest_api.aws_lambda_function.broker",
        "type": "aws_lambda_function",
        "change": { "actions": ["create"], "after_sensitive": { "environment": [{ "variables": { "CFG": true } }] } },
    }));
    breaks(&plan, &["TB001 aws_lambda_function.broker"]);
}

#[test]
fn texts_of_the_api_that_terraform_marks_sensitive() {
    for (address, name, value, marks) in [
        ("aws_api_gateway_stage.this", "variables", json!({ "cfg": SECRET }), json!({ "cfg": true })),
        ("aws_api_gateway_stage.this", "description", json!(SECRET), json!(true)),
        ("aws_api_gateway_rest_api.this", "description", json!("short"), json!(true)),
        ("aws_api_gateway_deployment.this", "description", json!(SECRET), json!(true)),
        ("aws_api_gateway_usage_plan.plan[\"standard\"]", "description", json!(SECRET), json!(true)),
        ("aws_api_gateway_api_key.client[\"billing\"]", "description", json!(SECRET), json!(true)),
        (
            "aws_api_gateway_gateway_response.oauth[\"THROTTLED\"]",
            "response_parameters",
            json!({ "gatewayresponse.header.x-hint": "'correct-horse'" }),
            json!({ "gatewayresponse.header.x-hint": true }),
        ),
    ] {
        let plan = Plan::of_example().set(address, name, value).mark(address, json!({ name: marks }));
        breaks(&plan, &[&format!("TB001 {address}")]);
        assert!(plan.details("TB001")[0].ends_with("holds a value that Terraform marks sensitive"), "{name}");
    }
}

#[test]
fn template_with_a_secret_of_another_resource() {
    let integration = "aws_api_gateway_integration.function";
    let template = json!({ "application/json": format!("send {SECRET}") });
    let plan = Plan::of_example().add("random_password", "p", json!({ "result": SECRET }), json!({})).set(
        integration,
        "request_templates",
        template,
    );
    breaks(&plan, &[&format!("TB001 {integration}"), &format!("TB007 {integration}")]);
    assert_eq!(
        plan.details("TB001"),
        ["`request_templates.application/json` holds `result` of module.rest_api.random_password.p"]
    );
}

#[test]
fn what_the_guardrails_find_is_not_found_twice() {
    let stage = "aws_api_gateway_stage.this";
    let plan = Plan::of_example()
        .set(stage, "variables", json!({ "client_secret": SECRET }))
        .mark(stage, json!({ "variables": { "client_secret": true } }));
    assert_eq!(plan.findings().len(), 1, "{:?}", plan.findings());
}

#[test]
fn plain_output_of_what_terraform_marks_sensitive() {
    let output = |value: &str| json!({ "sensitive": false, "value": { "url": value } });
    let state = Plan::state_of_example()
        .add("aws_db_instance", "db", json!({ "password": SECRET, "port": 5432 }), json!({}))
        .mark("aws_db_instance.db", json!({ "password": true }));
    for text in [
        SECRET,
        "postgres/correct-horse-battery-staple@db",
        // As it is, without padding, and behind `x:`.
        "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZQ==",
        "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZQ",
        "Basic eDpjb3JyZWN0LWhvcnNlLWJhdHRlcnktc3RhcGxl",
    ] {
        let leaks = with_output(state.clone(), "x", output(text), &[]);
        breaks(&leaks, &["TB025 output.x"]);
        assert_eq!(
            leaks.details("TB025"),
            ["the output holds `password` of module.rest_api.aws_db_instance.db"]
        );
    }
    breaks(&with_output(state, "x", output("correct-horse-battery"), &[]), &[]);
}

#[test]
fn base64_for_urls_is_base64() {
    let (secret, shown) = ("~~~???>>>ooo", json!({ "sensitive": false, "value": "fn5-Pz8_Pj4-b29v" }));
    let state = Plan::state_of_example().add("random_password", "p", json!({ "result": secret }), json!({}));
    assert_eq!(with_output(state, "x", shown, &[]).found(), ["TB025 output.x"]);
}

#[test]
fn plain_output_of_a_sensitive_variable_or_of_what_is_read_or_was_there() {
    let output = json!({ "sensitive": false, "value": SECRET });
    let mut variable = with_variable("cfg", json!({ "sensitive": true }), json!({ "x": [SECRET] }));
    variable = with_output(variable, "x", output.clone(), &[]);
    breaks(&variable, &["TB025 output.x"]);
    assert_eq!(variable.details("TB025"), ["the output holds the value of var.cfg, which is sensitive"]);

    let mut read = with_output(Plan::of_example(), "x", output, &["local.x"]);
    read.0["prior_state"] = json!({ "values": { "root_module": { "resources": [{
        "address": "data.aws_secretsmanager_secret_version.m2m", "mode": "data",
        "type": "aws_secretsmanager_secret_version", "name": "m2m",
        "values": { "secret_string": json!({ "username": "token-broker", "x": SECRET }).to_string() },
    }] } } });
    breaks(&read, &["TB025 output.x"]);
    read.0["planned_values"]["outputs"]["x"]["value"] = json!("token-broker");
    breaks(&read, &[]);
}

#[test]
fn parameter_that_is_no_secure_string_is_no_secret() {
    let output = json!({ "sensitive": false, "value": "https://tokens.example.com" });
    for (kind, found) in [("String", vec![]), ("SecureString", vec!["TB025 output.x"])] {
        let values = json!({ "type": kind, "value": "https://tokens.example.com" });
        let state = Plan::state_of_example()
            .add("aws_ssm_parameter", "url", values, json!({}))
            .mark("aws_ssm_parameter.url", json!({ "value": true }));
        breaks(&with_output(state, "x", output.clone(), &[]), &found);
    }
}

#[test]
fn plain_output_that_will_be_what_terraform_marks_sensitive() {
    let output = json!({ "sensitive": false });
    let plan = Plan::of_example()
        .add("aws_db_instance", "db", json!({}), json!({}))
        .mark("aws_db_instance.db", json!({ "password": true }));
    let mut plan = with_output(plan, "x", output, &["module.rest_api.out", "module.rest_api"]);
    let module = "/configuration/root_module/module_calls/rest_api/module/outputs";
    for (attribute, found) in [("password", vec!["TB025 output.x"]), ("port", vec![])] {
        plan.0.pointer_mut(module).unwrap()["out"] = json!({ "expression": { "references": [format!("aws_db_instance.db.{attribute}"), "aws_db_instance.db"] } });
        breaks(&plan, &found);
    }
}

#[test]
fn output_of_ids_of_what_has_secrets_is_none() {
    // As Terraform writes `{ for name, key in aws_api_gateway_api_key.client : name => key.id }`.
    let mut plan =
        with_output(Plan::of_example(), "ids", json!({ "sensitive": false }), &["module.rest_api.ids"]);
    plan.0.pointer_mut("/configuration/root_module/module_calls/rest_api/module/outputs").unwrap()["ids"] =
        json!({ "expression": { "references": ["aws_api_gateway_api_key.client"] } });
    breaks(&plan, &[]);
}

#[test]
fn default_of_a_sensitive_variable_is_written_for_everybody() {
    for default in [json!(SECRET), json!({ "username": "bob", "x": SECRET }), json!([SECRET]), json!(123_456)]
    {
        let plan = with_variable("cfg", json!({ "sensitive": true, "default": default }), json!("other"));
        breaks(&plan, &["TB026 var.cfg"]);
    }
    for default in
        [json!(""), json!(null), json!({}), json!([]), json!({ "username": "bob", "x": "" }), json!(true)]
    {
        breaks(&with_variable("cfg", json!({ "sensitive": true, "default": default }), json!("other")), &[]);
    }
}

#[test]
fn secret_that_a_module_is_given_literally() {
    let call = |name: &str, expression: Value| {
        let mut plan = Plan::of_example();
        let inner = json!({ "expressions": { name: expression }, "module": {
            "variables": { "db_password": { "default": SECRET }, "password": { "default": "" } },
        } });
        plan.0["configuration"]["root_module"]["module_calls"]["outer"] =
            json!({ "module": { "module_calls": { "inner": inner } } });
        plan
    };
    let default = "TB026 module.outer.module.inner.var.db_password";
    let given = "TB026 module.outer.module.inner";
    breaks(&call("client_secret", json!({ "constant_value": SECRET })), &[given, default]);
    breaks(
        &call("clients", json!({ "constant_value": { "billing": { "secret": SECRET } } })),
        &[given, default],
    );
    breaks(&call("url", json!({ "constant_value": format!("https://x:{SECRET}@h") })), &[given, default]);
    breaks(&call("client_secret", json!({ "references": ["var.client_secret"] })), &[default]);
    breaks(&call("secret_name", json!({ "constant_value": "m2m" })), &[default]);
}

#[test]
fn value_of_a_key_in_the_configuration() {
    let key = "aws_api_gateway_api_key.written";
    let values = json!({ "name": "written", "customer_id": "billing", "value": SECRET });
    let expressions = json!({ "value": { "constant_value": SECRET } });
    let plan = Plan::of_example().add("aws_api_gateway_api_key", "written", values, expressions);
    breaks(&plan, &[&format!("TB001 {key}")]);
}
