//! Differences between a definition and what was read: each is one finding, at the resource that makes it.

use serde_json::json;

use crate::judge;
use crate::terraform::tests::plan::{Plan, shown};

fn differences(plan: &Plan) -> Vec<(String, String)> {
    let findings = judge::terraform(&plan.document(), "plan.json", None, Some(&Plan::definition()));
    let differences = findings.into_iter().filter(|finding| finding.rule.id == "TB024");
    differences.map(|finding| (shown(&finding), finding.detail)).collect()
}

/// The only difference is this one.
#[track_caller]
fn differs(plan: &Plan, address: &str, detail: &str) {
    assert_eq!(differences(plan), [(format!("TB024 {address}"), detail.to_owned())]);
}

#[test]
fn plan_and_state_of_the_example_are_what_the_definition_says() {
    assert_eq!(differences(&Plan::of_example()), []);
    assert_eq!(differences(&Plan::state_of_example()), []);
}

#[test]
fn every_part_is_compared() {
    for (address, path, value, place, there) in [
        (
            "aws_api_gateway_rest_api.this",
            "api_key_source",
            json!("AUTHORIZER"),
            "apiKeySource",
            "\"HEADER\"",
        ),
        ("aws_api_gateway_rest_api.this", "binary_media_types", json!(["*/*"]), "binaryMediaTypes", "[]"),
        (
            "aws_api_gateway_method.post_token",
            "authorization",
            json!("AWS_IAM"),
            "resources/~1oauth2~1token/POST/authorizationType",
            "\"NONE\"",
        ),
        (
            "aws_api_gateway_integration.function",
            "passthrough_behavior",
            json!("NEVER"),
            "resources/~1oauth2~1token/POST/integration/passthroughBehavior",
            "\"WHEN_NO_MATCH\"",
        ),
        (
            "aws_api_gateway_gateway_response.oauth[\"THROTTLED\"]",
            "status_code",
            json!("503"),
            "gatewayResponses/THROTTLED/statusCode",
            "429",
        ),
        (
            "aws_api_gateway_method_settings.every_method",
            "settings/0/throttling_rate_limit",
            json!(150),
            "stages/prod/methodSettings/*~1*/throttlingRateLimit",
            "200.0",
        ),
        (
            "aws_api_gateway_method_settings.post_token[0]",
            "settings/0/throttling_burst_limit",
            json!(100),
            "stages/prod/methodSettings/~1oauth2~1token~1POST/throttlingBurstLimit",
            "200",
        ),
    ] {
        let found = differences(&Plan::of_example().set(address, path, value));
        let place = format!("restApis/token-broker-api/{place}: here ");
        let [(at, detail)] = found.as_slice() else { panic!("{place}: {found:?}") };
        assert_eq!(at, &format!("TB024 {address}"));
        assert!(
            detail.starts_with(&place) && detail.ends_with(&format!("in the definition `{there}`")),
            "{detail}"
        );
    }
}

#[test]
fn plan_is_compared_by_name() {
    let standard = "aws_api_gateway_usage_plan.plan[\"standard\"]";
    let plan = Plan::of_example().set(standard, "quota_settings/0/limit", json!(9));
    differs(&plan, standard, "usagePlans/standard/quota/limit: here `9`, in the definition `10000`");
    let stricter = Plan::of_example().set(standard, "api_stages/0/throttle/0/rate_limit", json!(4));
    let place = "usagePlans/standard/apiStages/prod/throttle/~1oauth2~1token~1POST/rateLimit";
    differs(&stricter, standard, &format!("{place}: here `4.0`, in the definition `5.0`"));
}

#[test]
fn what_is_missing_or_too_much_is_one_difference() {
    let found =
        differences(&Plan::of_example().remove("aws_api_gateway_gateway_response.oauth[\"THROTTLED\"]"));
    let [(at, detail)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(at, "TB024 aws_api_gateway_rest_api.this");
    assert!(
        detail.starts_with("restApis/token-broker-api/gatewayResponses/THROTTLED: missing here"),
        "{detail}"
    );
    let more = Plan::of_example().add_like("aws_api_gateway_usage_plan.plan[\"standard\"]", "more").set(
        "aws_api_gateway_usage_plan.more",
        "name",
        json!("more"),
    );
    let found = differences(&more);
    let [(at, detail)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(at, "TB024 aws_api_gateway_usage_plan.more");
    assert!(
        detail.starts_with("usagePlans/more: here ") && detail.ends_with("not in the definition"),
        "{detail}"
    );
}

#[test]
fn another_statement_on_the_function_is_a_difference() {
    let second = "aws_lambda_permission.second";
    let plan = Plan::of_example().add_like("aws_lambda_permission.front_door", "second").set(
        second,
        "statement_id",
        json!("second"),
    );
    let found = differences(&plan);
    let [(at, detail)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(at, &format!("TB024 {second}"));
    assert!(detail.starts_with("functions/token-broker/policy/second: here"), "{detail}");
}

#[test]
fn client_without_a_key_and_key_without_a_client() {
    let key = "aws_api_gateway_api_key.client[\"partner\"]";
    let plan = Plan::of_example().set(key, "customer_id", json!("nobody"));
    let found = differences(&plan);
    let [(none, missing), (at, stranger)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(none, "TB024 ");
    assert_eq!(
        missing,
        "apiKeys/partner: missing here, the client partner of the definition has no key that is enabled"
    );
    assert_eq!(at, &format!("TB024 {key}"));
    assert!(stranger.ends_with("not in the definition"), "{stranger}");
}

#[test]
fn key_on_another_plan() {
    let plan = Plan::of_example().set("terraform_data.plan_of_key[\"billing\"]", "input", json!("partner"));
    let found = differences(&plan);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found.iter().all(|(at, _)| at == "TB024 aws_api_gateway_api_key.client[\"billing\"]"),
        "{found:?}"
    );
}

#[test]
fn second_key_of_a_client_is_no_difference() {
    let plan = Plan::of_example()
        .add_like("aws_api_gateway_api_key.client[\"billing\"]", "second")
        .set("aws_api_gateway_api_key.second", "name", json!("billing.2"))
        .add_like("aws_api_gateway_usage_plan_key.client[\"billing\"]", "second")
        .hide("aws_api_gateway_usage_plan_key.second", "key_id", &["aws_api_gateway_api_key.second.id"])
        .hide(
            "aws_api_gateway_usage_plan_key.second",
            "usage_plan_id",
            &["aws_api_gateway_usage_plan.plan[\"standard\"].id"],
        );
    assert_eq!(differences(&plan), []);
}

#[test]
fn what_cannot_be_seen_is_no_difference_too() {
    let plan = Plan::of_example().hide(
        "aws_api_gateway_usage_plan_key.client[\"billing\"]",
        "usage_plan_id",
        &["local.x"],
    );
    assert_eq!(differences(&plan), []);
    assert_eq!(plan.details("TB027").len(), 1);
}

#[test]
fn value_of_a_key_is_not_shown() {
    let mut state = Plan::state_of_example();
    let value =
        state.values("aws_api_gateway_api_key.client[\"billing\"]")["value"].as_str().unwrap().to_owned();
    let leaking = state.set("aws_api_gateway_stage.this", "description", json!(format!("ask with {value}")));
    let found = differences(&leaking);
    let [(_, detail)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        detail,
        "restApis/token-broker-api/stages/prod/description: here a value that is not shown, and not in the definition"
    );
}

#[test]
fn what_is_left_out_is_there_and_has_a_reason() {
    let reading = crate::terraform::read(&Plan::of_example().document(), "x.json", None);
    let tree = super::shape::named(reading.account.as_ref().unwrap(), "api");
    for (pattern, reason) in super::shape::LEFT_OUT {
        assert!(reason.len() > 10, "{pattern}");
        let mut nodes = vec![&tree];
        for name in pattern.split('/') {
            let members = nodes.into_iter().filter_map(|node| node.as_object()).flatten();
            nodes =
                members.filter(|(member, _)| name == "*" || name == *member).map(|(_, node)| node).collect();
        }
        assert!(!nodes.is_empty(), "nothing is at {pattern}");
    }
}
