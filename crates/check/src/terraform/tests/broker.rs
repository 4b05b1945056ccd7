//! The broker's function: its time, its log, its layers, its bindings, and parameters beside it.

use serde_json::{Value, json};

use super::plan::{Plan, shown};
use crate::judge;

const FUNCTION: &str = "module.broker.aws_lambda_function.this";
const POLICY: &str = "module.broker.aws_iam_role_policy.this";
const LOG: &str = "module.broker.aws_cloudwatch_log_group.this";
const BINDINGS: &str = "module.broker.aws_ssm_parameter.bindings[0]";

#[track_caller]
fn breaks(plan: &Plan, found: &[&str]) {
    assert_eq!(plan.found(), found);
}

/// Plan and state both break this and nothing else when `change` is made in them.
#[track_caller]
fn both_break(change: impl Fn(Plan) -> Plan, found: &[&str]) {
    breaks(&change(Plan::with_broker()), found);
    breaks(&change(Plan::state_with_broker()), found);
}

fn against(plan: &Plan, definition: &str) -> Vec<(String, String)> {
    let definition = config::Definition::parse(definition, "token-broker.yaml").unwrap();
    let findings = judge::terraform(&plan.document(), "plan.json", None, Some(&definition));
    findings.into_iter().map(|finding| (shown(&finding), finding.detail)).collect()
}

#[test]
fn plan_and_state_of_a_broker_and_its_pool_break_nothing() {
    breaks(&Plan::with_broker(), &[]);
    breaks(&Plan::state_with_broker(), &[]);
    assert_eq!(against(&Plan::with_broker(), &Plan::text_with_broker()), []);
    assert_eq!(against(&Plan::state_with_broker(), &Plan::text_with_broker()), []);
}

#[test]
fn function_must_answer_before_the_front_door_gives_up() {
    for (seconds, found) in [
        (28, &[][..]),
        (29, &["TB028 module.broker.aws_lambda_function.this"]),
        (900, &["TB028 module.broker.aws_lambda_function.this"]),
    ] {
        both_break(|plan| plan.set(FUNCTION, "timeout", json!(seconds)), found);
    }
    let sooner =
        |plan: Plan| plan.set("aws_api_gateway_integration.function", "timeout_milliseconds", json!(20_000));
    both_break(sooner, &["TB028 module.broker.aws_lambda_function.this"]);
    let plan = Plan::with_broker().hide(FUNCTION, "timeout", &["var.timeout_seconds"]);
    assert_eq!(plan.details("TB028"), ["how long the function may take cannot be seen"]);
}

#[test]
fn function_must_outlast_the_user_pools_time() {
    let patient = |seconds: u32| {
        format!("{}broker:\n  upstream: {{ total_timeout: {seconds}s }}\n", Plan::text_with_broker())
    };
    assert_eq!(against(&Plan::with_broker(), &patient(19)), []);
    let detail = "the function may take 20 s, and broker.upstream.total_timeout is 20 s".to_owned();
    let found = [(format!("TB028 {FUNCTION}"), detail)];
    assert_eq!(against(&Plan::with_broker(), &patient(20)), found);
    assert_eq!(against(&Plan::state_with_broker(), &patient(20)), found);
    // Nothing said is Lambda's three seconds, and the definition's own are twelve.
    let unsaid = Plan::with_broker().set(FUNCTION, "timeout", Value::Null);
    assert_eq!(against(&unsaid, &Plan::text_with_broker()).len(), 1);
    breaks(&unsaid, &[]);
}

#[test]
fn log_ends() {
    both_break(
        |plan| plan.set(LOG, "retention_in_days", json!(0)),
        &["TB031 module.broker.aws_cloudwatch_log_group.this"],
    );
    both_break(
        |plan| plan.set(LOG, "retention_in_days", Value::Null),
        &["TB031 module.broker.aws_cloudwatch_log_group.this"],
    );
    both_break(|plan| plan.remove(LOG), &["TB031 module.broker.aws_lambda_function.this"]);
    let unseen = Plan::with_broker().hide(LOG, "retention_in_days", &["var.days"]);
    assert_eq!(unseen.details("TB031"), ["how long the log is kept cannot be seen"]);
    // Without a word Lambda takes the group of the function's name.
    both_break(|plan| plan.set(FUNCTION, "logging_config", json!([])), &[]);
    let other = |plan: Plan| plan.set(FUNCTION, "logging_config", json!([{ "log_group": "another" }]));
    both_break(other, &["TB031 module.broker.aws_lambda_function.this"]);
}

#[test]
fn no_layer_but_the_extension_runs_in_the_function() {
    let found = [&*format!("TB032 {FUNCTION}")];
    let layers = |layers: Value| move |plan: Plan| plan.set(FUNCTION, "layers", layers.clone());
    let extension =
        "arn:aws:lambda:us-east-1:177933569100:layer:AWS-Parameters-and-Secrets-Lambda-Extension:12";
    both_break(layers(json!([extension])), &[]);
    both_break(layers(Value::Null), &[]);
    both_break(layers(json!([extension, extension.replace("Extension:", "Extension-2:")])), &found);
    let plan = Plan::with_broker().hide(FUNCTION, "layers", &["aws_lambda_layer_version.x.arn"]);
    assert_eq!(plan.details("TB032"), ["the function has a layer that cannot be seen"]);
}

#[test]
fn layer_with_the_extensions_name_is_somebody_elses_in_another_account() {
    let found = [&*format!("TB032 {FUNCTION}")];
    let layer = |region: &str, account: &str| {
        let arn = format!(
            "arn:aws:lambda:{region}:{account}:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:12"
        );
        move |plan: Plan| plan.set(FUNCTION, "layers", json!([arn]))
    };
    both_break(layer("eu-central-1", "187925254637"), &[]);
    both_break(layer("eu-central-1", "123456789012"), &found);
    both_break(layer("us-east-1", "187925254637"), &found);
    both_break(layer("xx-nowhere-1", "187925254637"), &found);
}

#[test]
fn secret_in_a_plain_parameter() {
    let parameter = |name: &'static str, kind: &'static str, value: &'static str| {
        move |plan: Plan| {
            plan.add(
                "aws_ssm_parameter",
                "p",
                json!({ "name": name, "type": kind, "value": value }),
                json!({}),
            )
        }
    };
    both_break(
        parameter("/app/client-secret", "String", "correct-horse-battery"),
        &["TB033 aws_ssm_parameter.p"],
    );
    both_break(parameter("/app/client-secret", "SecureString", "correct-horse-battery"), &[]);
    both_break(
        parameter("/app/settings", "String", r#"{"client_secret":"correct-horse-battery"}"#),
        &["TB033 aws_ssm_parameter.p"],
    );
    both_break(
        parameter("/app/settings", "String", r#"{"client_secret":"secretsmanager:token-broker/m2m"}"#),
        &[],
    );
    both_break(parameter("/app/color", "StringList", "red,green"), &[]);
    let made_of = json!({ "value": { "references": ["aws_cognito_user_pool_client.c.client_secret"] } });
    let plan = Plan::with_broker()
        .add("aws_cognito_user_pool_client", "c", json!({}), json!({ "name": {} }))
        .add("aws_ssm_parameter", "p", json!({ "name": "/app/x", "type": "String" }), made_of);
    assert_eq!(
        plan.details("TB033"),
        ["the parameter holds `client_secret` of module.rest_api.aws_cognito_user_pool_client.c"]
    );
    let copied = parameter("/app/x", "String", "1example2secret3of4m2m5")(Plan::state_with_broker());
    breaks(&copied, &["TB033 aws_ssm_parameter.p"]);
    assert!(!format!("{:?}", copied.findings()).contains("1example2secret3of4m2m5"));
}

/// The state with other bindings.
fn bound(change: impl Fn(&mut Value)) -> Plan {
    let mut state = Plan::state_with_broker();
    let text = state.values(BINDINGS)["insecure_value"].as_str().unwrap().to_owned();
    let mut document = serde_json::from_str(&text).unwrap();
    change(&mut document);
    state.set(BINDINGS, "insecure_value", document.to_string().into())
}

#[test]
fn bindings_are_read_as_the_broker_reads_them() {
    breaks(&bound(|_| {}), &[]);
    let found = [&*format!("TB034 {BINDINGS}")];
    breaks(&bound(|document| document["more"] = json!(1)), &found);
    breaks(&bound(|document| document["version"] = json!(2)), &found);
    breaks(&bound(|document| document["upstream"]["header"] = Value::Null), &found);
    breaks(&Plan::state_with_broker().set(BINDINGS, "insecure_value", json!("no JSON")), &found);
}

#[test]
fn bindings_know_every_key_and_whose_it_is() {
    let key = |document: &Value| document["keys"].as_object().unwrap().keys().next().unwrap().clone();
    let without = bound(|document| {
        let id = key(document);
        document["keys"].as_object_mut().unwrap().remove(&id);
    });
    breaks(&without, &[&format!("TB034 {BINDINGS}")]);
    let detail = &without.details("TB034")[0];
    assert!(detail.starts_with("the key `") && detail.ends_with("` is not in the bindings"), "{detail}");
    let of_another = bound(|document| {
        let id = key(document);
        document["keys"][id] = json!("stranger");
    });
    breaks(&of_another, &[&format!("TB034 {BINDINGS}")]);
    let more = bound(|document| document["keys"]["a1b2c3d4e5"] = json!("stranger"));
    breaks(&more, &[]);
}

#[test]
fn bindings_have_every_app_client_of_the_definition() {
    let without = bound(|document| _ = document["app_clients"].as_object_mut().unwrap().remove("partner"))
        .set(POLICY, "policy", Value::Null);
    breaks(&without, &[]);
    let detail = "the app client partner of the definition is not in the bindings".to_owned();
    assert_eq!(against(&without, &Plan::text_with_broker()), [(format!("TB034 {BINDINGS}"), detail)]);
}

#[test]
fn bindings_may_lie_in_a_secret() {
    let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:token-broker/bindings-AbCdEf";
    let moved = |text: String| {
        let mut state = Plan::state_with_broker();
        state.values(FUNCTION)["environment"][0]["variables"]["TOKEN_BROKER_BINDINGS"] =
            format!("secretsmanager:{arn}").into();
        let allowed = state.values(POLICY)["policy"].as_str().unwrap().to_owned();
        let bindings = "arn:aws:ssm:eu-central-1:123456789012:parameter/token-broker/bindings";
        state
            .set(POLICY, "policy", allowed.replace(bindings, arn).into())
            .remove(BINDINGS)
            .add("aws_secretsmanager_secret", "b", json!({ "arn": arn, "id": arn }), json!({}))
            .add(
                "aws_secretsmanager_secret_version",
                "b",
                json!({ "secret_id": arn, "secret_string": text }),
                json!({}),
            )
    };
    let text = Plan::state_with_broker().values(BINDINGS)["insecure_value"].as_str().unwrap().to_owned();
    breaks(&moved(text.clone()), &[]);
    assert_eq!(against(&moved(text), &Plan::text_with_broker()), []);
    breaks(&moved("{}".into()), &["TB034 aws_secretsmanager_secret_version.b"]);
}

#[test]
fn function_that_no_method_calls_is_no_matter_of_the_check() {
    let other = json!({ "function_name": "another", "timeout": 900, "layers": ["x"] });
    breaks(&Plan::with_broker().add("aws_lambda_function", "other", other, json!({})), &[]);
}
