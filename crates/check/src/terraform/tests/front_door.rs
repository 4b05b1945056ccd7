//! What the front door must not do, planned: each is found, at the resource that does it.

use serde_json::json;

use super::plan::Plan;

const API: &str = "aws_api_gateway_rest_api.this";
const TOKEN: &str = "aws_api_gateway_resource.token";
const METHOD: &str = "aws_api_gateway_method.post_token";
const INTEGRATION: &str = "aws_api_gateway_integration.function";
const PERMISSION: &str = "aws_lambda_permission.front_door";
const STAGE: &str = "aws_api_gateway_stage.this";
const EVERY: &str = "aws_api_gateway_method_settings.every_method";
const POST: &str = "aws_api_gateway_method_settings.post_token[0]";
const STANDARD: &str = "aws_api_gateway_usage_plan.plan[\"standard\"]";

fn example() -> Plan {
    Plan::of_example()
}

/// The plan breaks exactly this, at exactly this address.
#[track_caller]
fn breaks(plan: &Plan, found: &[&str]) {
    assert_eq!(plan.found(), found);
}

#[test]
fn another_path() {
    let plan = example().add_like(TOKEN, "introspect").set(
        "aws_api_gateway_resource.introspect",
        "path_part",
        json!("introspect"),
    );
    breaks(&plan, &["TB003 aws_api_gateway_resource.introspect"]);
    assert_eq!(plan.details("TB003"), ["the resource is none of /, /oauth2 and /oauth2/token"]);
}

#[test]
fn another_method() {
    let get = "aws_api_gateway_method.get_token";
    let plan = example().add_like(METHOD, "get_token").set(get, "http_method", json!("GET"));
    breaks(&plan, &[&format!("TB004 {get}"), &format!("TB005 {get}")]);
}

#[test]
fn integration_with_cognito() {
    let uri = "https://broker.auth.eu-central-1.amazoncognito.com/oauth2/token";
    let plan = example().set(INTEGRATION, "type", json!("HTTP_PROXY")).set(INTEGRATION, "uri", json!(uri));
    let found = plan.found();
    assert!(
        found.contains(&format!("TB002 {INTEGRATION}")) && found.contains(&format!("TB005 {INTEGRATION}")),
        "{found:?}"
    );
}

#[test]
fn integration_that_is_no_function() {
    let plan = example().set(INTEGRATION, "uri", json!("https://example.com/token"));
    assert!(plan.found().contains(&format!("TB005 {INTEGRATION}")), "{:?}", plan.found());
    let mock = example().set(INTEGRATION, "type", json!("MOCK"));
    breaks(&mock, &[&format!("TB005 {INTEGRATION}")]);
}

#[test]
fn integration_with_a_function_that_each_stage_may_change() {
    let uri = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/\
               arn:aws:lambda:eu-central-1:123456789012:function:${stageVariables.f}/invocations";
    let plan = example().set(INTEGRATION, "uri", json!(uri));
    assert!(plan.found().contains(&format!("TB005 {INTEGRATION}")), "{:?}", plan.found());
}

#[test]
fn caller_without_an_identity() {
    let plan = example().set(METHOD, "api_key_required", json!(false));
    breaks(&plan, &[&format!("TB006 {METHOD}")]);
}

#[test]
fn mapping_of_the_payload() {
    let plan = example().set(INTEGRATION, "request_templates", json!({ "application/json": "{}" }));
    breaks(&plan, &[&format!("TB007 {INTEGRATION}")]);
}

#[test]
fn mapping_that_only_apply_will_show() {
    let mut plan = example().set(INTEGRATION, "request_templates", json!({}));
    let changes = plan.0["resource_changes"].as_array_mut().unwrap();
    let change = changes
        .iter_mut()
        .find(|change| change["address"] == format!("module.rest_api.{INTEGRATION}"))
        .unwrap();
    change["change"]["after_unknown"]["request_templates"] = json!({ "application/json": true });
    breaks(&plan, &[&format!("TB007 {INTEGRATION}")]);
}

#[test]
fn permission_without_a_source() {
    let mut plan = example().set(PERMISSION, "source_arn", json!(null));
    plan.values(PERMISSION).remove("statement_id_prefix");
    breaks(&plan, &[&format!("TB008 {PERMISSION}")]);
}

#[test]
fn permission_with_a_wildcard() {
    let plan =
        example().set(PERMISSION, "source_arn", json!("arn:aws:execute-api:eu-central-1:123456789012:*/*"));
    breaks(&plan, &[&format!("TB008 {PERMISSION}")]);
}

#[test]
fn permission_of_which_a_first_plan_does_not_show_every_part() {
    let parts = [
        "aws_api_gateway_rest_api.this.execution_arn",
        "aws_api_gateway_stage.this.stage_name",
        "aws_api_gateway_method.post_token.http_method",
        "aws_api_gateway_resource.token.path",
    ];
    breaks(&example().hide(PERMISSION, "source_arn", &parts), &[]);
    let missing = [
        "this API's `execution_arn`",
        "a stage's `stage_name`",
        "a method's `http_method`",
        "a resource's `path`",
    ];
    for (left_out, missing) in parts.iter().zip(missing) {
        let rest: Vec<_> = parts.into_iter().filter(|part| part != left_out).collect();
        let plan = example().hide(PERMISSION, "source_arn", &rest);
        breaks(&plan, &[&format!("TB008 {PERMISSION}")]);
        let detail = format!("the source ARN is known only after apply, and it is not made of {missing}");
        assert_eq!(plan.details("TB008"), [detail]);
    }
    let opaque = example().hide(PERMISSION, "source_arn", &["local.source_arn"]);
    breaks(&opaque, &[&format!("TB008 {PERMISSION}")]);
    let other = [parts[0], parts[1], parts[2], "aws_api_gateway_resource.oauth2.path"];
    breaks(&example().hide(PERMISSION, "source_arn", &other), &[&format!("TB008 {PERMISSION}")]);
}

/// The parts of the one call.
const PARTS: [&str; 4] = [
    "aws_api_gateway_rest_api.this.execution_arn",
    "aws_api_gateway_stage.this.stage_name",
    "aws_api_gateway_method.post_token.http_method",
    "aws_api_gateway_resource.token.path",
];

#[test]
fn permission_in_which_something_stands_beside_the_parts_of_the_call() {
    let beside = [
        "var.suffix",
        "local.suffix",
        "data.aws_caller_identity.this.account_id",
        "each.value",
        "each.key",
        "count.index",
        "path.module",
        "terraform.workspace",
        "aws_api_gateway_stage.this.description",
        "aws_api_gateway_deployment.this.id",
        "terraform_data.suffix.output",
    ];
    let mut example = example();
    let call = &mut example.0["configuration"]["root_module"]["module_calls"]["rest_api"]["expressions"];
    call["suffix"] = json!({ "constant_value": "/*" });
    example.0["variables"]["suffix"] = json!({ "value": "/*" });
    for other in beside {
        let references = [PARTS.as_slice(), &[other]].concat();
        let plan = example.clone().hide(PERMISSION, "source_arn", &references);
        breaks(&plan, &[&format!("TB008 {PERMISSION}")]);
        let [detail] = plan.details("TB008").try_into().unwrap();
        let shown = format!("beside the parts of one call there is `{other}` in it");
        let is_resource = other.starts_with("aws_") || other.starts_with("terraform_");
        assert!(is_resource || detail.ends_with(&shown), "{detail}");
    }
    let again = [PARTS.as_slice(), &PARTS[2..3]].concat();
    let plan = example.clone().hide(PERMISSION, "source_arn", &again);
    breaks(&plan, &[&format!("TB008 {PERMISSION}")]);
    let from_outside =
        example.hide(PERMISSION, "source_arn", &[PARTS.as_slice(), &["var.elsewhere"]].concat());
    breaks(&from_outside, &[&format!("TB008 {PERMISSION}")]);
}

#[test]
fn permission_with_two_resources_for_one_part() {
    let other = "aws_api_gateway_stage.other";
    let plan = example()
        .add_like(STAGE, "other")
        .set(other, "stage_name", json!("other"))
        .add_like(EVERY, "other")
        .hide(
            "aws_api_gateway_method_settings.other",
            "stage_name",
            &["aws_api_gateway_stage.other.stage_name"],
        );
    breaks(&plan, &[]);
    let two = [PARTS.as_slice(), &["aws_api_gateway_stage.other.stage_name"]].concat();
    let plan = plan.hide(PERMISSION, "source_arn", &two);
    breaks(&plan, &[&format!("TB008 {PERMISSION}")]);
    // A stage's execution ARN is the API's with the stage after it.
    let by_stage = ["aws_api_gateway_stage.this.execution_arn", PARTS[2], PARTS[3]];
    breaks(&example().hide(PERMISSION, "source_arn", &by_stage), &[]);
    for more in [PARTS[0], PARTS[1]] {
        let references = [by_stage.as_slice(), &[more]].concat();
        breaks(&example().hide(PERMISSION, "source_arn", &references), &[&format!("TB008 {PERMISSION}")]);
    }
}

#[test]
fn permission_by_the_stage_of_another_api() {
    let other = "aws_api_gateway_stage.other";
    let plan = example()
        .add_like(API, "other")
        .set("aws_api_gateway_rest_api.other", "name", json!("other"))
        .add_like(STAGE, "other")
        .hide(other, "rest_api_id", &["aws_api_gateway_rest_api.other.id"])
        .hide(PERMISSION, "source_arn", &["aws_api_gateway_stage.other.execution_arn", PARTS[2], PARTS[3]]);
    let findings = crate::judge::terraform(&plan.document(), "plan.json", Some("token-broker-api"), None);
    let found: Vec<_> = findings.iter().map(super::plan::shown).collect();
    assert_eq!(found, [format!("TB008 {PERMISSION}")]);
}

#[test]
fn key_that_picks_the_instance_is_no_part_of_the_arn() {
    let (permission, method) = ("aws_lambda_permission.each", "aws_api_gateway_method.each");
    let by_key = |references: &[&str], key: &str| {
        let mut plan = example().add_like(METHOD, "each").add_like(PERMISSION, "each");
        let resources = plan.0.pointer_mut("/planned_values/root_module/child_modules/0/resources").unwrap();
        for (address, index) in [(method, "POST"), (permission, key)] {
            let of_it = |resource: &&mut serde_json::Value| {
                resource["address"] == format!("module.rest_api.{address}")
            };
            resources.as_array_mut().unwrap().iter_mut().find(of_it).unwrap()["index"] = json!(index);
        }
        plan.hide(permission, "source_arn", references).remove(PERMISSION).remove(METHOD)
    };
    let whole = "aws_api_gateway_method.each";
    let rest = [PARTS[0], PARTS[1], PARTS[3]];
    let with = |more: &[&'static str]| [rest.as_slice(), more].concat();
    breaks(&by_key(&with(&[whole, "each.key"]), "POST"), &[]);
    // No such instance, no key, and a key that stands there by itself.
    let wrong = &[format!("TB008 {permission}")];
    let wrong: Vec<_> = wrong.iter().map(String::as_str).collect();
    breaks(&by_key(&with(&[whole, "each.key"]), "other"), &wrong);
    breaks(&by_key(&with(&[whole, "each.key", "each.key"]), "POST"), &wrong);
    breaks(&by_key(&with(&[whole, "each.key", "local.x"]), "POST"), &wrong);
}

#[test]
fn permission_for_somebody_else() {
    let plan = example().set(PERMISSION, "principal", json!("*"));
    breaks(&plan, &[&format!("TB009 {PERMISSION}")]);
    let unseen = plan.hide(PERMISSION, "source_arn", &["local.x"]);
    breaks(&unseen, &[&format!("TB008 {PERMISSION}"), &format!("TB009 {PERMISSION}")]);
}

#[test]
fn permission_of_another_function_is_nobodys_business() {
    let other = "aws_lambda_permission.other";
    let plan = example().add_like(PERMISSION, "other").set(other, "function_name", json!("thumbnails"));
    breaks(&plan.clone().set(other, "source_arn", json!(null)), &[]);
    let own = "arn:aws:lambda:eu-central-1:123456789012:function:token-broker:live";
    breaks(
        &plan.set(other, "function_name", json!(own)).set(other, "source_arn", json!(null)),
        &[&format!("TB008 {other}")],
    );
}

#[test]
fn role_that_invokes_past_the_permission() {
    let plan =
        example().hide(INTEGRATION, "credentials", &["aws_iam_role.invoke.arn", "aws_iam_role.invoke"]);
    breaks(&plan, &[&format!("TB010 {INTEGRATION}")]);
}

#[test]
fn other_ways_to_invoke_the_function() {
    for kind in ["aws_lambda_function_url", "aws_lambda_event_source_mapping"] {
        let with = |name: &str| example().add(kind, "direct", json!({ "function_name": name }), json!({}));
        breaks(&with("token-broker"), &[&format!("TB010 {kind}.direct")]);
        breaks(
            &with("arn:aws:lambda:eu-central-1:123456789012:function:token-broker:live"),
            &[&format!("TB010 {kind}.direct")],
        );
        breaks(&with("thumbnails"), &[]);
    }
}

#[test]
fn other_api_that_invokes_the_function_under_a_role() {
    let role = "arn:aws:iam::123456789012:role/invoke";
    let arn = |name: &str| format!("arn:aws:lambda:eu-central-1:123456789012:function:{name}");
    let uri = |name: &str| {
        format!("arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/{}/invocations", arn(name))
    };
    for (kind, target, credentials) in [
        ("aws_api_gateway_integration", "uri", "credentials"),
        ("aws_api_gateway_authorizer", "authorizer_uri", "authorizer_credentials"),
        ("aws_apigatewayv2_integration", "integration_uri", "credentials_arn"),
        ("aws_apigatewayv2_authorizer", "authorizer_uri", "authorizer_credentials_arn"),
        ("aws_apigatewayv2_api", "target", "credentials_arn"),
    ] {
        let with = |to: serde_json::Value, role: serde_json::Value, expressions: serde_json::Value| {
            let values = json!({ "rest_api_id": "abcdefghij", target: to, credentials: role });
            let mut values = values;
            if values[target].is_null() {
                values.as_object_mut().unwrap().remove(target);
            }
            example().add(kind, "other", values, expressions)
        };
        let found = &[format!("TB010 {kind}.other")];
        let found: Vec<_> = found.iter().map(String::as_str).collect();
        breaks(&with(json!(arn("token-broker:live")), json!(role), json!({})), &found);
        breaks(&with(json!(uri("token-broker")), json!(role), json!({})), &found);
        breaks(&with(json!(uri("${stageVariables.f}")), json!(role), json!({})), &found);
        breaks(&with(json!(uri("thumbnails")), json!(role), json!({})), &[]);
        breaks(&with(json!("arn:aws:apigateway:eu-central-1:sqs:path/1/q"), json!(role), json!({})), &[]);
        breaks(&with(json!(uri("token-broker")), json!(null), json!({})), &[]);
        let made_of = |reference: &str| {
            with(json!(null), json!(role), json!({ target: { "references": [reference] } }))
        };
        breaks(&made_of("local.uri"), &found);
        breaks(&made_of("data.aws_lambda_function.f.invoke_arn"), &found);
        breaks(&made_of("aws_api_gateway_stage.this.invoke_url"), &[]);
    }
}

#[test]
fn bodies_in_the_log() {
    let plan = example().set(EVERY, "settings/0/data_trace_enabled", json!(true));
    breaks(&plan, &[&format!("TB011 {EVERY}")]);
}

#[test]
fn credentials_in_the_access_log_and_no_id() {
    let plan = example().set(STAGE, "access_log_settings/0/format", json!("$context.identity.apiKey"));
    breaks(&plan, &[&format!("TB012 {STAGE}"), &format!("TB013 {STAGE}")]);
}

#[test]
fn cache() {
    let plan = example().set(STAGE, "cache_cluster_enabled", json!(true)).set(
        POST,
        "settings/0/caching_enabled",
        json!(true),
    );
    breaks(&plan, &[&format!("TB014 {POST}"), &format!("TB014 {STAGE}")]);
}

#[test]
fn stage_without_a_throttle() {
    breaks(&example().remove(EVERY), &[&format!("TB015 {STAGE}")]);
    let unlimited = example().set(EVERY, "settings/0/throttling_rate_limit", json!(-1)).set(
        EVERY,
        "settings/0/throttling_burst_limit",
        json!(-1),
    );
    breaks(&unlimited, &[&format!("TB015 {EVERY}")]);
}

#[test]
fn token_endpoint_looser_than_its_stage() {
    let plan = example().set(POST, "settings/0/throttling_burst_limit", json!(401));
    breaks(&plan, &[&format!("TB016 {POST}")]);
}

#[test]
fn plan_without_a_throttle_or_with_too_loose_a_one() {
    breaks(&example().set(STANDARD, "throttle_settings", json!([])), &[&format!("TB017 {STANDARD}")]);
    let loose = example().set(STANDARD, "throttle_settings/0/burst_limit", json!(200)).set(
        STANDARD,
        "api_stages/0/throttle",
        json!([]),
    );
    breaks(&loose, &[&format!("TB018 {STANDARD}")]);
}

#[test]
fn keys_that_are_shared_or_nobodys() {
    let billing = "aws_api_gateway_api_key.client[\"billing\"]";
    let nobodys = example().set(billing, "customer_id", json!(null));
    breaks(&nobodys, &[&format!("TB021 {billing}")]);
    let on_two_plans = example()
        .add_like("aws_api_gateway_usage_plan_key.client[\"billing\"]", "second")
        .hide(
            "aws_api_gateway_usage_plan_key.second",
            "key_id",
            &["aws_api_gateway_api_key.client[\"billing\"].id"],
        )
        .hide(
            "aws_api_gateway_usage_plan_key.second",
            "usage_plan_id",
            &["aws_api_gateway_usage_plan.plan[\"partner\"].id"],
        );
    breaks(&on_two_plans, &[&format!("TB019 {billing}")]);
    let reports = "aws_api_gateway_api_key.client[\"reports\"]";
    let mut one_value = Plan::state_of_example();
    let value = one_value.values(billing)["value"].clone();
    breaks(&one_value.set(reports, "value", value), &[&format!("TB020 {reports}")]);
}

#[test]
fn stock_refusals_beside_oauth_ones() {
    let plan = example()
        .remove("aws_api_gateway_gateway_response.oauth[\"THROTTLED\"]")
        .remove("aws_api_gateway_gateway_response.oauth[\"DEFAULT_4XX\"]");
    breaks(&plan, &[&format!("TB022 {API}")]);
    breaks(&example().remove("aws_api_gateway_gateway_response"), &[]);
}

#[test]
fn plan_that_no_key_is_on() {
    let partner = "aws_api_gateway_usage_plan.plan[\"partner\"]";
    let plan = example().remove("aws_api_gateway_usage_plan_key.client[\"partner\"]");
    breaks(&plan, &[&format!("TB023 {partner}")]);
}
