//! The broker's function: its time, its role, its log, its layers, its bindings, and parameters beside it.

use serde_json::{Value, json};

use super::plan::{Plan, shown};
use crate::judge;

const FUNCTION: &str = "module.broker.aws_lambda_function.this";
const ROLE: &str = "module.broker.aws_iam_role.this";
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

fn policy(action: &str, resource: &str) -> Value {
    let statement = json!({ "Effect": "Allow", "Action": [action], "Resource": resource });
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string().into()
}

#[test]
fn role_may_read_what_is_named_and_no_more() {
    let secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:token-broker/m2m-AbCdEf";
    let allow = |action, resource| move |plan: Plan| plan.set(POLICY, "policy", policy(action, resource));
    both_break(allow("secretsmanager:GetSecretValue", secret), &[]);
    both_break(
        allow("secretsmanager:GetSecretValue", "*"),
        &["TB029 module.broker.aws_iam_role_policy.this"],
    );
    both_break(allow("secretsmanager:*", secret), &["TB029 module.broker.aws_iam_role_policy.this"]);
    let plan = Plan::with_broker().set(POLICY, "policy", policy("kms:Decrypt", "*"));
    assert_eq!(plan.details("TB029"), ["a policy of the function's role allows `kms:Decrypt` on `*`"]);
    breaks(&Plan::with_broker().set(POLICY, "policy", json!("no policy")), &[&format!("TB029 {POLICY}")]);
}

#[test]
fn policy_that_only_apply_will_show_is_believed_if_it_is_made_of_what_is_made_here() {
    breaks(&Plan::with_broker().hide(POLICY, "policy", &["aws_cloudwatch_log_group.this.arn"]), &[]);
    breaks(
        &Plan::with_broker().hide(POLICY, "policy", &["data.external.x.result"]),
        &[&format!("TB029 {POLICY}")],
    );
}

#[test]
fn policy_document_shows_what_is_known_of_it() {
    let with_document = |statement: Value| {
        let mut plan =
            Plan::with_broker().hide(POLICY, "policy", &["data.aws_iam_policy_document.broker.json"]);
        let document = json!({ "address": "module.broker.data.aws_iam_policy_document.broker", "mode": "data",
            "type": "aws_iam_policy_document", "name": "broker", "values": { "statement": [statement] } });
        let modules =
            plan.0.pointer_mut("/planned_values/root_module/child_modules").unwrap().as_array_mut().unwrap();
        let broker = modules.iter_mut().find(|module| module["address"] == "module.broker").unwrap();
        broker["resources"].as_array_mut().unwrap().push(document);
        plan
    };
    let read = |resources: Value| json!({ "effect": null, "actions": ["secretsmanager:GetSecretValue"], "resources": resources });
    breaks(&with_document(read(json!([null]))), &[]);
    breaks(&with_document(read(json!([null, "*"]))), &[&format!("TB029 {POLICY}")]);
    let all_but = json!({ "effect": "Allow", "not_actions": ["iam:*"], "resources": ["*"] });
    breaks(&with_document(all_but), &[&format!("TB029 {POLICY}")]);
}

#[test]
fn policies_reach_the_role_in_many_ways() {
    let role = "token-broker-eu-central-1";
    let attach = |kind: &'static str, arn: &'static str| {
        move |plan: Plan| {
            let roles = if kind == "aws_iam_policy_attachment" { "roles" } else { "role" };
            let name = if roles == "roles" { json!([role]) } else { json!(role) };
            plan.add(kind, "more", json!({ roles: name, "policy_arn": arn }), json!({}))
        }
    };
    let admin = "arn:aws:iam::aws:policy/AdministratorAccess";
    both_break(
        attach("aws_iam_role_policy_attachment", admin),
        &["TB029 aws_iam_role_policy_attachment.more"],
    );
    both_break(attach("aws_iam_policy_attachment", admin), &["TB029 aws_iam_policy_attachment.more"]);
    let basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
    both_break(attach("aws_iam_role_policy_attachment", basic), &[]);
    let lookalike = "arn:aws:iam::123456789012:policy/service-role/AWSLambdaBasicExecutionRole";
    both_break(
        attach("aws_iam_role_policy_attachment", lookalike),
        &["TB029 aws_iam_role_policy_attachment.more"],
    );
    both_break(
        |plan| plan.set(ROLE, "managed_policy_arns", json!([admin])),
        &["TB029 module.broker.aws_iam_role.this"],
    );
    let inline = json!([{ "name": "more", "policy": policy("ssm:GetParameter", "*") }]);
    both_break(
        |plan| plan.set(ROLE, "inline_policy", inline.clone()),
        &["TB029 module.broker.aws_iam_role.this"],
    );
    let other = |plan: Plan| {
        plan.add(
            "aws_iam_role_policy",
            "more",
            json!({ "role": "another", "policy": policy("*", "*") }),
            json!({}),
        )
    };
    both_break(other, &[]);
}

#[test]
fn policy_with_an_arn_is_looked_at_where_it_is_made() {
    let arn = "arn:aws:iam::123456789012:policy/broker";
    let with = |resource: &'static str| {
        move |plan: Plan| {
            plan.add(
                "aws_iam_policy",
                "broker",
                json!({ "arn": arn, "policy": policy("ssm:GetParameter", resource) }),
                json!({}),
            )
            .add(
                "aws_iam_role_policy_attachment",
                "broker",
                json!({ "role": "token-broker-eu-central-1", "policy_arn": arn }),
                json!({}),
            )
        }
    };
    both_break(with("arn:aws:ssm:eu-central-1:123456789012:parameter/token-broker/bindings"), &[]);
    both_break(with("arn:aws:ssm:eu-central-1:123456789012:parameter/*"), &["TB029 aws_iam_policy.broker"]);
}

#[test]
fn another_policy_is_not_taken_for_the_one_that_is_attached() {
    let harmless =
        policy("ssm:GetParameter", "arn:aws:ssm:eu-central-1:123456789012:parameter/token-broker/bindings");
    let wide = policy("*", "*");
    let beside = |text: &Value| {
        let values = json!({ "arn": "arn:aws:iam::123456789012:policy/beside", "policy": text });
        move |plan: Plan| plan.add("aws_iam_policy", "beside", values.clone(), json!({}))
    };
    both_break(
        |plan| {
            let admin = json!(["arn:aws:iam::aws:policy/AdministratorAccess"]);
            beside(&harmless)(plan).set(ROLE, "managed_policy_arns", admin)
        },
        &["TB029 module.broker.aws_iam_role.this"],
    );
    both_break(
        |plan| {
            let values =
                json!({ "roles": ["another"], "policy_arn": "arn:aws:iam::123456789012:policy/beside" });
            beside(&wide)(plan).add("aws_iam_policy_attachment", "another", values, json!({}))
        },
        &[],
    );
}

#[test]
fn what_a_state_repeats_in_the_role_is_told_once() {
    let wide = policy("ssm:GetParameter", "*");
    let inline = json!([{ "name": "broker", "policy": wide }]);
    let state = Plan::state_with_broker().set(POLICY, "policy", wide).set(ROLE, "inline_policy", inline);
    breaks(&state, &[&format!("TB029 {POLICY}")]);
}

#[test]
fn role_that_is_made_elsewhere_cannot_be_seen() {
    let elsewhere =
        |plan: Plan| plan.set(FUNCTION, "role", json!("arn:aws:iam::123456789012:role/elsewhere"));
    both_break(elsewhere, &["TB029 module.broker.aws_lambda_function.this"]);
}

#[test]
fn nobody_but_lambda_takes_on_the_role() {
    let trust = |principal: Value| {
        move |plan: Plan| {
            let statement = json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal });
            plan.set(ROLE, "assume_role_policy", json!({ "Statement": [statement] }).to_string().into())
        }
    };
    both_break(trust(json!({ "Service": ["lambda.amazonaws.com"] })), &[]);
    for principal in [
        json!({ "Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"] }),
        json!({ "Service": "lambda.amazonaws.com", "AWS": "arn:aws:iam::123456789012:root" }),
        json!({ "AWS": "lambda.amazonaws.com" }),
        json!("*"),
    ] {
        both_break(trust(principal), &["TB030 module.broker.aws_iam_role.this"]);
    }
    let plan = Plan::with_broker().hide(ROLE, "assume_role_policy", &["local.trust"]);
    assert_eq!(plan.details("TB030"), ["who may take on the role cannot be seen"]);
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
    let layers = |layers: Value| move |plan: Plan| plan.set(FUNCTION, "layers", layers.clone());
    let extension =
        "arn:aws:lambda:us-east-1:177933569100:layer:AWS-Parameters-and-Secrets-Lambda-Extension:12";
    both_break(layers(json!([extension])), &[]);
    both_break(layers(Value::Null), &[]);
    let other =
        "arn:aws:lambda:us-east-1:177933569100:layer:AWS-Parameters-and-Secrets-Lambda-Extension-2:12";
    both_break(layers(json!([extension, other])), &["TB032 module.broker.aws_lambda_function.this"]);
    let plan = Plan::with_broker().hide(FUNCTION, "layers", &["aws_lambda_layer_version.x.arn"]);
    assert_eq!(plan.details("TB032"), ["the function has a layer that cannot be seen"]);
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
    let without = bound(|document| _ = document["app_clients"].as_object_mut().unwrap().remove("partner"));
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
        state
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
