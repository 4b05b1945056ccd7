//! What the reader cannot see of the API, and what it makes of authorizers and unusual stages.

use serde_json::{Value, json};

use super::plan::Plan;

const API: &str = "aws_api_gateway_rest_api.this";
const STAGE: &str = "aws_api_gateway_stage.this";
const DEPLOYMENT: &str = "aws_api_gateway_deployment.this";
const EVERY: &str = "aws_api_gateway_method_settings.every_method";
const METHOD: &str = "aws_api_gateway_method.post_token";

fn example() -> Plan {
    Plan::of_example()
}

#[track_caller]
fn breaks(plan: &Plan, found: &[&str]) {
    assert_eq!(plan.found(), found);
}

/// What the plan does with a resource.
fn with_action(mut plan: Plan, address: &str, action: &str) -> Plan {
    let address = format!("module.rest_api.{address}");
    let changes = plan.0["resource_changes"].as_array_mut().unwrap();
    let change = changes.iter_mut().find(|change| change["address"] == *address).unwrap();
    change["change"]["actions"] = json!([action]);
    plan
}

#[test]
fn api_that_an_openapi_document_describes() {
    breaks(&example().set(API, "body", json!("{}")), &[&format!("TB027 {API}")]);
    breaks(&example().hide(API, "body", &["local.body"]), &[&format!("TB027 {API}")]);
}

#[test]
fn plan_that_is_not_complete() {
    let mut plan = example();
    plan.0["complete"] = json!(false);
    breaks(&plan, &["TB027 "]);
}

#[test]
fn canary_that_shows_something_else() {
    let canary = json!([{ "deployment_id": "abc123", "percent_traffic": 10 }]);
    breaks(&example().set(STAGE, "canary_settings", canary), &[&format!("TB027 {STAGE}")]);
}

#[test]
fn stage_that_the_deployment_makes_by_itself() {
    let plan = example().set(DEPLOYMENT, "stage_name", json!("dev"));
    breaks(&plan, &[&format!("TB015 {DEPLOYMENT}")]);
}

#[test]
fn deployment_that_is_made_elsewhere() {
    let plan = example().set(STAGE, "deployment_id", json!("abc123"));
    assert!(plan.found().contains(&format!("TB027 {STAGE}")), "{:?}", plan.found());
}

#[test]
fn change_that_is_not_deployed() {
    let all = example().0["resource_changes"].as_array().unwrap().clone();
    let addresses =
        all.iter().map(|change| change["address"].as_str().unwrap().replace("module.rest_api.", ""));
    let unchanged = addresses.fold(example(), |plan, address| with_action(plan, &address, "no-op"));
    breaks(&unchanged, &[]);
    let changed = with_action(unchanged.clone(), METHOD, "update");
    breaks(&changed, &[&format!("TB027 {DEPLOYMENT}")]);
    let more = with_action(changed.clone(), "aws_api_gateway_integration.function", "update");
    let address = "module.rest_api.aws_api_gateway_method.post_token";
    let detail = format!(
        "the plan changes {address} and 1 more and deploys nothing, so that callers meet what was there before"
    );
    assert_eq!(more.details("TB027"), [detail]);
    breaks(&with_action(changed, DEPLOYMENT, "create"), &[]);
    let mut deleted = unchanged;
    let old = json!({ "address": "module.rest_api.aws_api_gateway_method.get", "type": "aws_api_gateway_method",
        "change": { "actions": ["delete"] } });
    deleted.0["resource_changes"].as_array_mut().unwrap().push(old);
    breaks(&deleted, &[&format!("TB027 {DEPLOYMENT}")]);
}

/// A plan that changes nothing.
fn unchanged() -> Plan {
    let mut plan = example();
    for change in plan.0["resource_changes"].as_array_mut().unwrap() {
        change["change"]["actions"] = json!(["no-op"]);
    }
    plan
}

#[test]
fn deployment_that_only_gets_another_description_deploys_nothing() {
    let plan = with_action(unchanged(), DEPLOYMENT, "update");
    breaks(&plan, &[]);
    breaks(&with_action(plan, METHOD, "update"), &[&format!("TB027 {DEPLOYMENT}")]);
}

#[test]
fn change_of_the_api_itself_that_is_not_deployed() {
    let changed = |name: &str, before: Value, after: Value, unknown: Value| {
        let mut plan = with_action(unchanged(), API, "update");
        let changes = plan.0["resource_changes"].as_array_mut().unwrap();
        let address = format!("module.rest_api.{API}");
        let change = changes.iter_mut().find(|change| change["address"] == *address).unwrap();
        let (mut old, mut new) = (json!({ "name": "x" }), json!({ "name": "x" }));
        (old[name], new[name]) = (before, after);
        change["change"] =
            json!({ "actions": ["update"], "before": old, "after": new, "after_unknown": unknown });
        plan
    };
    let none = || json!({});
    for (name, before, after) in [
        ("api_key_source", json!("HEADER"), json!("AUTHORIZER")),
        ("policy", json!("{}"), Value::Null),
        ("binary_media_types", json!([]), json!(["*/*"])),
        ("minimum_compression_size", Value::Null, json!("0")),
        ("disable_execute_api_endpoint", json!(false), json!(true)),
    ] {
        let plan = changed(name, before, after, none());
        breaks(&plan, &[&format!("TB027 {DEPLOYMENT}")]);
        assert!(
            plan.details("TB027")[0].contains("changes module.rest_api.aws_api_gateway_rest_api.this and")
        );
        breaks(&with_action(plan, DEPLOYMENT, "create"), &[]);
    }
    breaks(
        &changed("policy", json!("{}"), Value::Null, json!({ "policy": true })),
        &[&format!("TB027 {DEPLOYMENT}")],
    );
    breaks(&changed("policy", json!(""), Value::Null, none()), &[]);
    breaks(&changed("description", json!("old"), json!("new"), none()), &[]);
    breaks(&changed("tags", json!({}), json!({ "a": "b" }), none()), &[]);
}

#[test]
fn deletion_that_comes_after_the_deployment() {
    let old = json!({ "address": "module.rest_api.aws_api_gateway_gateway_response.stock",
        "type": "aws_api_gateway_gateway_response", "change": { "actions": ["delete"] } });
    let mut plan = example();
    let changes = plan.0["resource_changes"].as_array_mut().unwrap();
    let deployment =
        changes.iter_mut().find(|change| change["type"] == "aws_api_gateway_deployment").unwrap();
    deployment["change"]["actions"] = json!(["create", "delete"]);
    breaks(&plan, &[]);
    plan.0["resource_changes"].as_array_mut().unwrap().push(old);
    breaks(&plan, &[&format!("TB027 {DEPLOYMENT}")]);
    let [detail] = plan.details("TB027").try_into().unwrap();
    assert!(detail.ends_with("-replace='module.rest_api.aws_api_gateway_deployment.this'"), "{detail}");
}

#[test]
fn description_that_is_null_is_unknown_before_apply() {
    let mut plan = example();
    plan.values("aws_api_gateway_rest_api.this").remove("description");
    let described = include_str!("fixtures/token-broker.yaml");
    let line = described.lines().find(|line| line.contains("description:")).unwrap();
    let bare = config::Definition::parse(&described.replace(line, ""), "token-broker.yaml").unwrap();
    let found = crate::judge::terraform(&plan.document(), "plan.json", None, Some(&bare));
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn settings_that_only_apply_will_show() {
    for (name, found) in
        [("data_trace_enabled", 1), ("caching_enabled", 1), ("logging_level", 1), ("metrics_enabled", 0)]
    {
        let mut plan = example();
        let settings = plan.values(EVERY)["settings"][0].as_object_mut().unwrap();
        settings.remove(name);
        assert_eq!(plan.details("TB027").len(), found, "{name}");
    }
}

#[test]
fn authorizer_with_its_own_permission() {
    let authorizer = "aws_api_gateway_authorizer.jwt";
    let uri = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/\
               arn:aws:lambda:eu-central-1:123456789012:function:authorizer/invocations";
    let plan = example()
        .add(
            "aws_api_gateway_authorizer",
            "jwt",
            json!({ "name": "jwt", "type": "REQUEST", "authorizer_uri": uri }),
            json!({}),
        )
        .set(METHOD, "authorization", json!("CUSTOM"))
        .set(METHOD, "api_key_required", json!(false))
        .hide(METHOD, "authorizer_id", &["aws_api_gateway_authorizer.jwt.id"])
        .add_like("aws_lambda_permission.front_door", "ask")
        .set("aws_lambda_permission.ask", "function_name", json!("authorizer"));
    let scoped = ["aws_api_gateway_rest_api.this.execution_arn", "aws_api_gateway_authorizer.jwt.id"];
    breaks(&plan.clone().hide("aws_lambda_permission.ask", "source_arn", &scoped), &[]);
    breaks(
        &plan.clone().hide("aws_lambda_permission.ask", "source_arn", &scoped[..1]),
        &["TB008 aws_lambda_permission.ask"],
    );
    breaks(
        &plan.clone().set("aws_lambda_permission.ask", "function_name", json!("token-broker")).hide(
            "aws_lambda_permission.ask",
            "source_arn",
            &scoped,
        ),
        &["TB008 aws_lambda_permission.ask"],
    );
    let under_a_role = plan.hide("aws_lambda_permission.ask", "source_arn", &scoped).set(
        authorizer,
        "authorizer_credentials",
        json!("arn:aws:iam::123456789012:role/x"),
    );
    breaks(&under_a_role, &[&format!("TB010 {authorizer}")]);
}

#[test]
fn permission_that_does_not_show_its_function_is_for_the_one_behind_the_call() {
    let uri = |name: &str| {
        format!(
            "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/\
             arn:aws:lambda:eu-central-1:123456789012:function:{name}/invocations"
        )
    };
    let values = json!({ "name": "jwt", "type": "REQUEST", "authorizer_uri": uri("authorizer") });
    let (ask, call) = ("aws_lambda_permission.ask", "aws_lambda_permission.front_door");
    let plan = example()
        .add("aws_api_gateway_authorizer", "jwt", values, json!({}))
        .set(METHOD, "authorization", json!("CUSTOM"))
        .hide(METHOD, "authorizer_id", &["aws_api_gateway_authorizer.jwt.id"])
        .add_like(call, "ask")
        .hide(call, "function_name", &["local.function_name"])
        .hide(ask, "function_name", &["local.authorizer_name"]);
    let scoped = ["aws_api_gateway_rest_api.this.execution_arn", "aws_api_gateway_authorizer.jwt.id"];
    breaks(&plan.clone().hide(ask, "source_arn", &scoped), &[]);
    let with_more = [scoped.as_slice(), &["aws_api_gateway_stage.this.stage_name"]].concat();
    breaks(&plan.clone().hide(ask, "source_arn", &with_more), &[&format!("TB008 {ask}")]);
    breaks(&plan.clone().set(ask, "source_arn", json!(null)), &[&format!("TB008 {ask}")]);
    breaks(
        &plan.set(ask, "source_arn", json!("arn:aws:execute-api:eu-central-1:123456789012:*")),
        &[&format!("TB008 {ask}")],
    );
}

#[test]
fn account_that_the_apis_own_arn_leaves_out_is_taken_from_another() {
    let account = |plan: &Plan| {
        let account = crate::terraform::read(&plan.document(), "x", None).account.unwrap();
        format!("{} {}", account.region, account.account_id)
    };
    let without = example().set(API, "execution_arn", json!("arn:aws:execute-api:eu-west-1::abcdefghij"));
    assert_eq!(account(&without), "eu-west-1 123456789012");
    let arn = json!("arn:aws:execute-api:eu-west-1:210987654321:abcdefghij/prod/POST/oauth2/token");
    let by_permission = without
        .set("aws_api_gateway_integration.function", "uri", json!("https://example.com"))
        .set("aws_lambda_permission.front_door", "source_arn", arn);
    assert_eq!(account(&by_permission), "eu-west-1 210987654321");
}

#[test]
fn endpoint_that_is_not_said_is_an_edge_one() {
    let plan = example().set(API, "endpoint_configuration", Value::Array(Vec::new()));
    let account = crate::terraform::read(&plan.document(), "x", None).account.unwrap();
    assert_eq!(account.rest_apis.first().unwrap().endpoint_type, restapi::EndpointType::Edge);
}
