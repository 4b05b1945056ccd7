//! Who the broker's function runs as: what its role may do, and who may take it on.

use serde_json::{Value, json};

use super::plan::Plan;

const FUNCTION: &str = "module.broker.aws_lambda_function.this";
const ROLE: &str = "module.broker.aws_iam_role.this";
const POLICY: &str = "module.broker.aws_iam_role_policy.this";
const BINDINGS: &str = "module.broker.aws_ssm_parameter.bindings[0]";

// Both are what the bindings of the state name.
const SECRET: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:token-broker/eu-central-1_39618324c07b4737bf60f3b06a3b4fd6/m2m-HcFmgB";
const PARAMETER: &str = "arn:aws:ssm:eu-central-1:123456789012:parameter/token-broker/bindings";

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

fn policy(action: &str, resource: &str) -> Value {
    let statement = json!({ "Effect": "Allow", "Action": [action], "Resource": resource });
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string().into()
}

#[test]
fn role_may_read_what_is_named_and_no_more() {
    let allow = |action, resource| move |plan: Plan| plan.set(POLICY, "policy", policy(action, resource));
    both_break(allow("secretsmanager:GetSecretValue", SECRET), &[]);
    both_break(
        allow("secretsmanager:GetSecretValue", "*"),
        &["TB029 module.broker.aws_iam_role_policy.this"],
    );
    both_break(allow("secretsmanager:*", SECRET), &["TB029 module.broker.aws_iam_role_policy.this"]);
    let plan = Plan::with_broker().set(POLICY, "policy", policy("kms:Decrypt", "*"));
    assert_eq!(plan.details("TB029"), ["a policy of the function's role allows `kms:Decrypt` on `*`"]);
    breaks(&Plan::with_broker().set(POLICY, "policy", json!("no policy")), &[&format!("TB029 {POLICY}")]);
}

#[test]
fn role_may_do_nothing_that_a_broker_does_not_do() {
    let allow = |action: &'static str, resource: &'static str| {
        move |plan: Plan| {
            let values = json!({ "role": "token-broker-eu-central-1", "policy": policy(action, resource) });
            plan.add("aws_iam_role_policy", "more", values, json!({}))
        }
    };
    let found = ["TB029 aws_iam_role_policy.more"];
    let function = "arn:aws:lambda:eu-central-1:123456789012:function:token-broker";
    both_break(allow("lambda:UpdateFunctionCode", function), &found);
    both_break(
        allow("iam:PutRolePolicy", "arn:aws:iam::123456789012:role/token-broker-eu-central-1"),
        &found,
    );
    both_break(allow("secretsmanager:PutSecretValue", SECRET), &found);
    both_break(allow("ssm:PutParameter", PARAMETER), &found);
    both_break(allow("xray:PutTraceSegments", "*"), &[]);
    both_break(allow("kms:Decrypt", "arn:aws:kms:eu-central-1:123456789012:key/0a1b"), &[]);
}

#[test]
fn role_may_read_no_entry_that_the_bindings_do_not_name() {
    let another = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:payments/database-AbCdEf";
    let found = [&*format!("TB029 {POLICY}")];
    let state =
        Plan::state_with_broker().set(POLICY, "policy", policy("secretsmanager:GetSecretValue", another));
    breaks(&state, &found);
    let detail = format!(
        "a policy of the function's role allows `secretsmanager:GetSecretValue` on `{another}`, which the bindings do not name"
    );
    assert_eq!(state.details("TB029"), [detail]);
    let parameter = "arn:aws:ssm:eu-central-1:123456789012:parameter/payments/database";
    breaks(&Plan::state_with_broker().set(POLICY, "policy", policy("ssm:GetParameter", parameter)), &found);
    breaks(&Plan::state_with_broker().set(POLICY, "policy", policy("ssm:GetParameter", PARAMETER)), &[]);
    // Until apply nobody knows what the bindings name.
    breaks(&Plan::with_broker().set(POLICY, "policy", policy("secretsmanager:GetSecretValue", another)), &[]);
}

#[test]
fn role_may_not_go_on_reading_what_the_bindings_named_once() {
    let mut state = Plan::state_with_broker();
    let text = state.values(BINDINGS)["insecure_value"].as_str().unwrap().to_owned();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    document["upstream"].as_object_mut().unwrap().remove("header");
    let state = state.set(BINDINGS, "insecure_value", document.to_string().into());
    breaks(&state, &[&format!("TB029 {POLICY}")]);
    assert!(state.details("TB029")[0].contains("/origin-header-"), "{:?}", state.details("TB029"));
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
fn policy_that_only_apply_will_show_names_nothing_but_entries_keys_and_logs() {
    let made_of = |reference: &str| {
        let with_log = ["aws_cloudwatch_log_group.this.arn", reference];
        Plan::with_broker().hide(POLICY, "policy", &with_log).details("TB029")
    };
    let names = |what: &str| {
        vec![format!("a policy of the function's role, which is known only after apply, names {what}")]
    };
    assert_eq!(made_of("aws_lambda_function.this.arn"), names(&format!("{FUNCTION}.arn")));
    assert_eq!(made_of("aws_iam_role.this.arn"), names(&format!("{ROLE}.arn")));
    assert_eq!(made_of("data.aws_s3_bucket.x.arn"), names("data.aws_s3_bucket.x.arn"));
    assert_eq!(made_of("aws_ssm_parameter.bindings[0].arn"), [""; 0]);
    // A name or an id may be a part of the entry's own ARN.
    assert_eq!(made_of("aws_lambda_function.this.function_name"), [""; 0]);
    assert_eq!(made_of("data.aws_caller_identity.current.account_id"), [""; 0]);
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
