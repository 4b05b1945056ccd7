//! Differences between a definition and what was read: each is one finding, at the resource that makes it.

mod same_plan;

use serde_json::json;

use crate::terraform::tests::plan::{Plan, shown};
use crate::{Format, Report, judge};

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

/// No format of the report shows `secret`, and what holds it differs.
#[track_caller]
fn keeps_back(plan: &Plan, secret: &str) {
    let findings = judge::terraform(&plan.document(), "plan.json", None, Some(&Plan::definition()));
    assert!(findings.iter().any(|finding| finding.rule.id == "TB024"), "{findings:?}");
    let report = Report { findings, waived: Vec::new(), notes: Vec::new() };
    for format in [Format::Text, Format::Json, Format::Sarif, Format::Github] {
        let text = report.render(format);
        assert!(!text.contains(secret), "{format:?}: {text}");
        assert!(text.contains("not shown"), "{format:?}: {text}");
    }
}

#[test]
fn what_terraform_marks_sensitive_is_not_shown() {
    let (stage, standard) = ("aws_api_gateway_stage.this", "aws_api_gateway_usage_plan.plan[\"standard\"]");
    for (address, name, value, marks) in [
        (stage, "description", json!("wet-cat"), json!({ "description": true })),
        (stage, "description", json!("of two\n\"lines\" and more"), json!({ "description": true })),
        (standard, "description", json!("wet-cat"), json!({ "description": true })),
        (
            standard,
            "quota_settings/0/limit",
            json!(918_273),
            json!({ "quota_settings": [{ "limit": true }] }),
        ),
        (
            "aws_api_gateway_api_key.client[\"billing\"]",
            "customer_id",
            json!("wet-cat"),
            json!({ "customer_id": true }),
        ),
        (
            "aws_api_gateway_gateway_response.oauth[\"THROTTLED\"]",
            "response_templates",
            json!({ "application/json": "{\"error\":\"wet-cat\"}" }),
            json!({ "response_templates": { "application/json": true } }),
        ),
    ] {
        let secret =
            value.as_str().map_or_else(|| value.to_string(), |text| text.lines().last().unwrap().to_owned());
        let secret = if value.is_object() { "wet-cat".to_owned() } else { secret.replace('"', "") };
        let plan = Plan::of_example().set(address, name, value).mark(address, marks);
        keeps_back(&plan, &secret);
    }
}

#[test]
fn known_secret_is_not_shown_wherever_it_stands() {
    let secret = "correct-horse-battery-staple";
    let plan = Plan::of_example().add("random_password", "p", json!({ "result": secret }), json!({}));
    let stage = "aws_api_gateway_stage.this";
    keeps_back(&plan.clone().set(stage, "description", json!(format!("ask with {secret}"))), secret);
    // A place is made of names.
    let standard = "aws_api_gateway_usage_plan.plan[\"standard\"]";
    keeps_back(&plan.clone().set(standard, "name", json!(secret)), secret);
    // What is too much is shown as a whole.
    let mut longer =
        plan.add_like(standard, "more").set("aws_api_gateway_usage_plan.more", "name", json!("more"));
    longer = longer.set("aws_api_gateway_usage_plan.more", "description", json!(secret));
    keeps_back(&longer, secret);
}

#[test]
fn name_that_also_stands_in_something_sensitive_is_shown() {
    let values = json!({ "environment": [{ "variables": { "API_NAME": "token-broker-api" } }] });
    let plan = Plan::of_example()
        .add("aws_lambda_function", "other", values, json!({}))
        .mark("aws_lambda_function.other", json!({ "environment": [{ "variables": true }] }))
        .set("aws_api_gateway_rest_api.this", "api_key_source", json!("AUTHORIZER"));
    differs(
        &plan,
        "aws_api_gateway_rest_api.this",
        "restApis/token-broker-api/apiKeySource: here `\"AUTHORIZER\"`, in the definition `\"HEADER\"`",
    );
}

#[test]
fn variables_templates_and_parameters_are_never_shown() {
    let text = "innocent-looking";
    let (stage, integration) = ("aws_api_gateway_stage.this", "aws_api_gateway_integration.function");
    let throttled = "aws_api_gateway_gateway_response.oauth[\"THROTTLED\"]";
    for (address, name, value) in [
        (stage, "variables", json!({ "cfg": text })),
        (integration, "request_templates", json!({ "application/json": text })),
        (integration, "request_parameters", json!({ "integration.request.header.x": format!("'{text}'") })),
        (throttled, "response_parameters", json!({ "gatewayresponse.header.x-hint": format!("'{text}'") })),
        (
            throttled,
            "response_templates",
            json!({ "application/json": format!("{{\"password\":\"{text}\"}}") }),
        ),
    ] {
        keeps_back(&Plan::of_example().set(address, name, value), text);
    }
    let whole = Plan::of_example().add_like(stage, "more").set(
        "aws_api_gateway_stage.more",
        "stage_name",
        json!("more"),
    );
    let whole = whole.set("aws_api_gateway_stage.more", "access_log_settings", json!([]));
    keeps_back(&whole.set("aws_api_gateway_stage.more", "variables", json!({ "cfg": text })), text);
}

#[test]
fn headers_that_hold_no_secret_are_shown() {
    let throttled = "aws_api_gateway_gateway_response.oauth[\"THROTTLED\"]";
    let headers = json!({ "gatewayresponse.header.Retry-After": "'7'", "gatewayresponse.header.Cache-Control": "'no-store'" });
    let found = differences(&Plan::of_example().set(throttled, "response_parameters", headers));
    assert!(
        found.iter().any(|(_, detail)| detail.contains("here `\"'7'\"`, in the definition `\"'1'\"`")),
        "{found:?}"
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
