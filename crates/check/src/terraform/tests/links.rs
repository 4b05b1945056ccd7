//! Links between resources: by id, by reference, by being the only one; and what is said where none of them leads.

use serde_json::json;

use super::plan::Plan;

const METHOD: &str = "aws_api_gateway_method.post_token";
const INTEGRATION: &str = "aws_api_gateway_integration.function";
const STAGE: &str = "aws_api_gateway_stage.this";
const ON_PLAN: &str = "aws_api_gateway_usage_plan_key.client[\"billing\"]";

const REPORTS: &str = "aws_api_gateway_usage_plan_key.client[\"reports\"]";
const STANDARD_IS_EMPTY: &str = "TB023 aws_api_gateway_usage_plan.plan[\"standard\"]";

fn example() -> Plan {
    Plan::of_example()
}

#[track_caller]
fn breaks(plan: &Plan, found: &[&str]) {
    assert_eq!(plan.found(), found);
}

#[test]
fn opaque_link_leads_to_the_only_one_there_is() {
    breaks(&example().hide(METHOD, "rest_api_id", &["local.api_id"]), &[]);
    breaks(&example().hide(STAGE, "deployment_id", &["local.deployment_id"]), &[]);
}

#[test]
fn opaque_link_with_several_candidates_is_not_guessed() {
    let plan = example().hide(METHOD, "resource_id", &["local.resource_id"]);
    breaks(&plan, &[&format!("TB027 {INTEGRATION}"), &format!("TB027 {METHOD}")]);
    let key = example().hide(ON_PLAN, "usage_plan_id", &["local.plan_id"]);
    let unseen = ["billing", "partner", "reports"]
        .map(|name| format!("TB027 aws_api_gateway_usage_plan_key.client[\"{name}\"]"));
    assert_eq!(key.found(), unseen);
}

#[test]
fn key_of_the_plan_is_told_by_data_that_the_plan_shows() {
    let by_local = example().hide(
        ON_PLAN,
        "usage_plan_id",
        &["aws_api_gateway_usage_plan.plan", "local.keys", "each.key"],
    );
    let found = by_local.found();
    assert!(found.contains(&format!("TB027 {ON_PLAN}")), "{found:?}");
    let moved = example().set("terraform_data.plan_of_key[\"partner\"]", "input", json!("standard"));
    breaks(&moved, &["TB023 aws_api_gateway_usage_plan.plan[\"partner\"]"]);
}

#[test]
fn plan_that_happens_to_have_the_name_of_the_client_is_not_guessed() {
    let partner = "aws_api_gateway_usage_plan_key.client[\"partner\"]";
    let by_key = ["aws_api_gateway_usage_plan.plan", "each.key"];
    breaks(
        &example().hide(partner, "usage_plan_id", &by_key).remove(ON_PLAN).remove(REPORTS),
        &[STANDARD_IS_EMPTY],
    );
    for chooser in ["each.value", "local.plans", "var.plans"] {
        let plan = example().hide(partner, "usage_plan_id", &[by_key.as_slice(), &[chooser]].concat());
        assert!(plan.found().contains(&format!("TB027 {partner}")), "{chooser}: {:?}", plan.found());
    }
}

#[test]
fn function_that_is_made_in_the_same_plan_is_followed() {
    let uri = ["var.invoke_arn"];
    let mut plan = example().hide(INTEGRATION, "uri", &uri);
    breaks(&plan, &["TB005 aws_api_gateway_integration.function", &format!("TB027 {INTEGRATION}")]);
    let call = &mut plan.0["configuration"]["root_module"]["module_calls"]["rest_api"];
    call["expressions"]["invoke_arn"] =
        json!({ "references": ["module.broker.invoke_arn", "module.broker"] });
    let root = &mut plan.0["configuration"]["root_module"]["module_calls"];
    let written = ["aws_lambda_function.f", "aws_iam_role.nothing", "aws_cloudwatch_log_group.f"]
        .map(|address| json!({ "address": address, "expressions": {} }));
    root["broker"] = json!({ "module": {
        "outputs": { "invoke_arn": { "expression": { "references": ["aws_lambda_function.f.invoke_arn", "aws_lambda_function.f"] } } },
        "resources": written,
    } });
    let function = json!({ "address": "module.broker.aws_lambda_function.f", "mode": "managed", "type": "aws_lambda_function",
        "name": "f", "values": { "function_name": "token-broker", "role": "arn:aws:iam::123456789012:role/nothing" } });
    let trust =
        json!({ "Statement": { "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" } } })
            .to_string();
    let role = json!({ "address": "module.broker.aws_iam_role.nothing", "mode": "managed", "type": "aws_iam_role",
        "name": "nothing", "values": { "name": "nothing", "assume_role_policy": trust } });
    let log = json!({ "address": "module.broker.aws_cloudwatch_log_group.f", "mode": "managed", "type": "aws_cloudwatch_log_group",
        "name": "f", "values": { "name": "/aws/lambda/token-broker", "retention_in_days": 30 } });
    let modules =
        plan.0.pointer_mut("/planned_values/root_module/child_modules").unwrap().as_array_mut().unwrap();
    modules.push(json!({ "address": "module.broker", "resources": [function, role, log] }));
    breaks(&plan, &[]);
}

/// The example with a function and an alias of it in the same module.
fn with_function() -> Plan {
    example().add_function("f", json!({}), json!({})).add(
        "aws_lambda_alias",
        "live",
        json!({ "name": "live" }),
        json!({ "function_name": { "references": ["aws_lambda_function.f.function_name", "aws_lambda_function.f"] } }),
    )
}

#[test]
fn uri_that_is_made_of_one_function_is_that_of_the_function() {
    for references in [
        &["aws_lambda_function.f.invoke_arn", "aws_lambda_function.f"][..],
        &["aws_lambda_function.f.qualified_invoke_arn"],
        &["aws_lambda_alias.live.invoke_arn", "aws_lambda_alias.live"],
        &["aws_lambda_function.f.arn"],
        &["data.aws_partition.this.partition", "data.aws_region.this.name", "aws_lambda_alias.live.arn"],
        &[
            "local.function[1]",
            "local.function",
            "local.function[3]",
            "local.function",
            "aws_lambda_function.f.arn",
        ],
    ] {
        breaks(&with_function().hide(INTEGRATION, "uri", references), &[]);
    }
}

#[test]
fn uri_in_which_something_stands_beside_the_function_is_not_believed() {
    let invoke = "aws_lambda_function.f.invoke_arn";
    let arn = "aws_lambda_function.f.arn";
    for (references, other) in [
        (&[invoke, "local.other"][..], "`local.other`"),
        (&[invoke, "local.function[1]"], "`local.function[1]`"),
        (&[invoke, "data.aws_region.this.name"], "`data.aws_region.this.name`"),
        (&[invoke, "each.value"], "`each.value`"),
        (&[invoke, "var.other"], "`var.other`"),
        (&[arn, "local.function[6]"], "`local.function[6]`"),
        (&[arn, "local.function"], "`local.function`"),
        (&[arn, "local.a[1]", "local.b[3]"], "`local.a` and `local.b`"),
        (&[arn, "data.aws_caller_identity.this.account_id"], "`data.aws_caller_identity.this.account_id`"),
        (
            &[arn, "aws_lambda_alias.live.invoke_arn"],
            "`module.rest_api.aws_lambda_alias.live.invoke_arn` and `module.rest_api.aws_lambda_function.f.arn`",
        ),
        (&["aws_lambda_function.f.version"], "`module.rest_api.aws_lambda_function.f.version`"),
    ] {
        let plan = with_function().hide(INTEGRATION, "uri", references);
        assert!(plan.found().contains(&format!("TB027 {INTEGRATION}")), "{references:?}: {:?}", plan.found());
        let detail = format!("which function it leads to (`uri`) cannot be seen: there is {other} in it");
        assert_eq!(plan.details("TB027"), [detail]);
    }
}

#[test]
fn references_in_a_circle_come_to_an_end() {
    let mut plan = example().hide(INTEGRATION, "uri", &["module.a.x", "module.a.y", "module.b.x"]);
    let output =
        json!({ "expression": { "references": ["module.a.x", "module.b.x", "module.a.y", "var.v"] } });
    let call = &mut plan.0["configuration"]["root_module"]["module_calls"]["rest_api"]["module"];
    call["module_calls"] = json!({
        "a": { "module": { "outputs": { "x": output, "y": output } }, "expressions": { "v": { "references": ["module.a.x"] } } },
        "b": { "module": { "outputs": { "x": { "expression": { "references": ["var.v"] } } } },
               "expressions": { "v": { "references": ["module.a.x", "module.b.x", "module.a.y"] } } },
    });
    assert!(plan.found().contains(&format!("TB027 {INTEGRATION}")));
}

#[test]
fn link_that_another_resource_hands_on() {
    let plan = example()
        .hide(INTEGRATION, "rest_api_id", &["aws_api_gateway_method.post_token.rest_api_id"])
        .hide(INTEGRATION, "resource_id", &["aws_api_gateway_method.post_token.resource_id"])
        .add_like("aws_api_gateway_resource.token", "other")
        .set("aws_api_gateway_resource.other", "path_part", json!("other"));
    breaks(&plan, &["TB003 aws_api_gateway_resource.other"]);
    let in_a_circle = plan.hide(METHOD, "resource_id", &["aws_api_gateway_integration.function.resource_id"]);
    assert!(in_a_circle.found().contains(&format!("TB027 {METHOD}")), "{:?}", in_a_circle.found());
}

#[test]
fn instance_that_is_named_and_not_there_is_none_of_the_others() {
    let gone = ["aws_api_gateway_deployment.this[\"gone\"].id"];
    breaks(&example().hide(STAGE, "deployment_id", &gone), &["TB027 aws_api_gateway_stage.this"]);
}

#[test]
fn one_of_several_apis_is_picked_by_name() {
    let plan = example().add_like("aws_api_gateway_rest_api.this", "other").set(
        "aws_api_gateway_rest_api.other",
        "name",
        json!("other"),
    );
    breaks(&plan, &["TB027 aws_api_gateway_rest_api.this"]);
    let named = crate::judge::terraform(&plan.document(), "plan.json", Some("token-broker-api"), None);
    assert!(named.is_empty(), "{named:?}");
    let other = crate::terraform::read(&plan.document(), "plan.json", Some("other")).account.unwrap();
    assert!(other.usage_plans.is_empty() && other.api_keys.is_empty() && other.permissions.is_empty());
}

#[test]
fn data_source_that_may_look_up_this_api_is_not_another_one() {
    let stray = "aws_api_gateway_method.stray";
    let reference = "data.aws_api_gateway_rest_api.seen.id";
    let plan = |name: Option<&str>| {
        let plan = example().add_like(METHOD, "stray").set(stray, "http_method", json!("GET"));
        let values = name.map_or_else(|| json!({}), |name| json!({ "name": name }));
        let mut plan = plan.hide(stray, "rest_api_id", &[reference]).add(
            "aws_api_gateway_rest_api",
            "seen",
            values,
            json!({}),
        );
        let resources = plan.0.pointer_mut("/planned_values/root_module/child_modules/0/resources").unwrap();
        resources.as_array_mut().unwrap().last_mut().unwrap()["mode"] = json!("data");
        plan
    };
    breaks(&plan(Some("elsewhere")), &[]);
    for own in [Some("token-broker-api"), None] {
        let found = plan(own).found();
        let wanted = [format!("TB004 {stray}"), format!("TB005 {stray}"), format!("TB027 {stray}")];
        assert_eq!(found, wanted);
    }
    // It was read already, and is no API of this plan.
    breaks(&plan(None).set(stray, "rest_api_id", json!("abcdefghij")), &[]);
}

#[test]
fn link_that_cannot_be_seen_is_told_with_a_way_to_show_it() {
    let of_plan = example().hide(ON_PLAN, "usage_plan_id", &["local.plan_id"]).details("TB027");
    assert!(
        of_plan.iter().any(|detail| detail.contains("`each.key`") && detail.contains("`terraform_data`")),
        "{of_plan:?}"
    );
    let of_key = example().hide(ON_PLAN, "key_id", &["local.key_id"]).details("TB027");
    assert!(of_key.iter().any(|detail| detail.contains("`each.key`")), "{of_key:?}");
}

#[test]
fn two_resources_that_set_one_thing_are_both_named() {
    let (first, second) =
        ("aws_api_gateway_method_settings.post_token[0]", "aws_api_gateway_method_settings.again");
    let plan = example().add_like(first, "again").set(second, "method_path", json!("oauth2/token/POST"));
    breaks(&plan, &[&format!("TB027 {second}")]);
    let detail =
        format!("module.rest_api.{first} sets this, too, and which of the two holds depends on their order");
    assert_eq!(plan.details("TB027"), [detail]);
}

#[test]
fn two_buckets_of_a_plan_for_one_method() {
    let plan = "aws_api_gateway_usage_plan.plan[\"standard\"]";
    let bucket = |path: &str| json!({ "path": path, "rate_limit": 5, "burst_limit": 10 });
    let both = json!([bucket("/oauth2/token/POST"), bucket("~1oauth2~1token/POST")]);
    breaks(&example().set(plan, "api_stages/0/throttle", both), &[&format!("TB027 {plan}")]);
    breaks(&example().set(plan, "api_stages/0/throttle", json!([bucket("/oauth2/token/POST")])), &[]);
}

#[test]
fn deleted_resources_are_gone() {
    let mut plan = example();
    let deleted = json!({ "address": "module.rest_api.aws_api_gateway_resource.old", "type": "aws_api_gateway_resource",
        "change": { "actions": ["delete"], "after_unknown": {} } });
    plan.0["resource_changes"].as_array_mut().unwrap().push(deleted);
    breaks(&plan, &[]);
}

#[test]
fn data_sources_are_not_things_that_get_made() {
    let mut plan = example().add(
        "aws_lambda_function_url",
        "seen",
        json!({ "function_name": "token-broker" }),
        json!({}),
    );
    let resources = plan.0.pointer_mut("/planned_values/root_module/child_modules/0/resources").unwrap();
    resources.as_array_mut().unwrap().last_mut().unwrap()["mode"] = json!("data");
    breaks(&plan, &[]);
}
