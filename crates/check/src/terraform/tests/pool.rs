//! The broker's user pool: who signs up, what its app clients are for, what is before it; and its differences from the
//! definition.

use serde_json::{Value, json};

use super::plan::{Plan, shown};
use crate::judge;

const POOL: &str = "module.user_pool.aws_cognito_user_pool.this";
const M2M: &str = "module.user_pool.aws_cognito_user_pool_client.this[\"m2m\"]";
const PARTNER: &str = "module.user_pool.aws_cognito_user_pool_client.this[\"partner\"]";
const ACL: &str = "module.user_pool.aws_wafv2_web_acl.origin[0]";

#[track_caller]
fn both_break(change: impl Fn(Plan) -> Plan, found: &[&str]) {
    assert_eq!(change(Plan::with_broker()).found(), found);
    assert_eq!(change(Plan::state_with_broker()).found(), found);
}

/// What differs from the definition, in plan and state alike.
#[track_caller]
fn both_differ(change: impl Fn(Plan) -> Plan, address: &str, detail: &str) {
    for plan in [Plan::with_broker(), Plan::state_with_broker()] {
        let definition = Plan::definition_with_broker();
        let findings = judge::terraform(&change(plan).document(), "plan.json", None, Some(&definition));
        let found: Vec<_> = findings.into_iter().map(|finding| (shown(&finding), finding.detail)).collect();
        assert_eq!(found, [(format!("TB024 {address}"), detail.to_owned())]);
    }
}

#[test]
fn app_client_is_for_machines_alone() {
    let found = [&*format!("TB035 {M2M}")];
    let with = |name: &'static str, value: Value| move |plan: Plan| plan.set(M2M, name, value.clone());
    for flows in [json!(["client_credentials", "code"]), json!(["implicit"]), json!([]), Value::Null] {
        both_break(with("allowed_oauth_flows", flows), &found);
    }
    for sign_in in [
        json!(["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_PASSWORD_AUTH"]),
        json!(["ALLOW_USER_SRP_AUTH"]),
        json!([]),
        Value::Null,
    ] {
        both_break(with("explicit_auth_flows", sign_in), &found);
    }
    both_break(with("prevent_user_existence_errors", json!("LEGACY")), &found);
    both_break(with("prevent_user_existence_errors", Value::Null), &found);
}

#[test]
fn app_client_has_a_secret() {
    let without =
        |plan: Plan| plan.set(M2M, "generate_secret", json!(false)).set(M2M, "client_secret", json!(""));
    both_break(without, &[&format!("TB035 {M2M}")]);
    // One that was imported does not say that it was made with one.
    assert_eq!(Plan::state_with_broker().set(M2M, "generate_secret", Value::Null).found(), [""; 0]);
}

#[test]
fn app_client_that_cannot_be_seen_is_found() {
    for (name, detail) in [
        ("allowed_oauth_flows", "which flows the app client allows cannot be seen"),
        ("allowed_oauth_scopes", "which scopes the app client may ask for cannot be seen"),
        ("generate_secret", "whether the app client has a secret cannot be seen"),
        ("explicit_auth_flows", "how people may sign in by the app client cannot be seen"),
        ("access_token_validity", "how long the app client's tokens live cannot be seen"),
        (
            "prevent_user_existence_errors",
            "whether the app client tells which users there are cannot be seen",
        ),
    ] {
        let plan = Plan::with_broker().hide(M2M, name, &["local.x"]);
        assert_eq!(plan.details("TB035"), [detail]);
    }
}

#[test]
fn another_app_client_of_the_same_pool_gives_the_same_tokens() {
    let people = json!({ "name": "people", "allowed_oauth_flows": ["code"], "generate_secret": true,
        "explicit_auth_flows": ["ALLOW_REFRESH_TOKEN_AUTH"], "prevent_user_existence_errors": "ENABLED" });
    let own_pool = json!({ "user_pool_id": { "references": ["aws_cognito_user_pool.this.id", "aws_cognito_user_pool.this"] },
        "name": {} });
    let kind = "aws_cognito_user_pool_client";
    let plan = Plan::with_broker().add_to("module.user_pool", kind, "people", people.clone(), own_pool);
    assert_eq!(plan.found(), ["TB035 module.user_pool.aws_cognito_user_pool_client.people"]);
    let elsewhere = Plan::with_broker()
        .add("aws_cognito_user_pool", "people", json!({ "name": "people" }), json!({ "name": {} }))
        .add(
            kind,
            "people",
            people,
            json!({ "user_pool_id": { "references": ["aws_cognito_user_pool.people.id"] }, "name": {} }),
        );
    assert_eq!(elsewhere.found(), [""; 0]);
}

#[test]
fn nobody_signs_up_to_the_pool() {
    let found = [&*format!("TB036 {POOL}")];
    let config = |config: Value| move |plan: Plan| plan.set(POOL, "admin_create_user_config", config.clone());
    both_break(config(json!([{ "allow_admin_create_user_only": false }])), &found);
    both_break(config(json!([{}])), &found);
    both_break(config(json!([])), &found);
    let unseen = Plan::with_broker().hide(POOL, "admin_create_user_config", &["var.x"]);
    assert_eq!(unseen.details("TB036"), ["whether people may sign up to the pool cannot be seen"]);
}

#[test]
fn pool_is_protected_from_deletion() {
    let found = [&*format!("TB037 {POOL}")];
    both_break(|plan| plan.set(POOL, "deletion_protection", json!("INACTIVE")), &found);
    both_break(|plan| plan.set(POOL, "deletion_protection", Value::Null), &found);
    let unseen = Plan::with_broker().hide(POOL, "deletion_protection", &["var.x"]);
    assert_eq!(unseen.details("TB037"), ["whether the pool is protected from deletion cannot be seen"]);
}

#[test]
fn pool_without_app_clients_for_machines_is_the_brokers_if_it_is_the_only_one() {
    let no_clients = |plan: Plan| plan.remove("module.user_pool.aws_cognito_user_pool_client.this");
    let open = move |plan: Plan| no_clients(plan).set(POOL, "deletion_protection", json!("INACTIVE"));
    both_break(open, &[&format!("TB037 {POOL}")]);
    both_break(
        move |plan| open(plan).add("aws_cognito_user_pool", "more", json!({}), json!({ "name": {} })),
        &[],
    );
}

#[test]
fn web_acl_blocks_and_keeps_its_header() {
    let found = [&*format!("TB038 {ACL}")];
    both_break(|plan| plan.set(ACL, "default_action", json!([{ "allow": [{}], "block": [] }])), &found);
    both_break(|plan| plan.set(ACL, "visibility_config/0/sampled_requests_enabled", json!(true)), &found);
    both_break(
        |plan| plan.set(ACL, "rule/0/visibility_config/0/sampled_requests_enabled", json!(true)),
        &found,
    );
    let logging = |redacted: Value| {
        move |plan: Plan| {
            let arn = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/x";
            let kind = "aws_wafv2_web_acl_logging_configuration";
            let values = json!({ "resource_arn": arn, "redacted_fields": redacted });
            plan.set(ACL, "arn", json!(arn))
                .set("module.user_pool.aws_wafv2_web_acl_association.origin[0]", "web_acl_arn", json!(arn))
                .add(kind, "log", values, json!({}))
        }
    };
    both_break(logging(json!([])), &["TB038 aws_wafv2_web_acl_logging_configuration.log"]);
    both_break(logging(json!([{ "single_header": [{ "name": "x-token-broker-origin" }] }])), &[]);
}

/// A rule that lets in what `statement` says.
fn letting_in(statement: Value) -> impl Fn(Plan) -> Plan {
    move |plan: Plan| {
        let mut plan = plan;
        let rules = plan.values(ACL)["rule"].as_array_mut().unwrap();
        let mut more = rules[1].clone();
        more["name"] = json!("more");
        more["statement"] = json!([statement]);
        rules.push(more);
        plan
    }
}

fn path_is(path: &str) -> Value {
    json!({ "byte_match_statement": [{ "field_to_match": [{ "uri_path": [{}] }], "positional_constraint": "EXACTLY",
        "search_string": path, "text_transformation": [{ "priority": 0, "type": "NONE" }] }] })
}

#[test]
fn rule_that_lets_in_asks_for_the_header_or_for_what_verifies_tokens() {
    let found = [&*format!("TB038 {ACL}")];
    let plan = letting_in(path_is("/oauth2/token"))(Plan::with_broker());
    let detail =
        "the rule `more` lets in without the secret header, and more than a GET of what verifies tokens";
    assert_eq!(plan.details("TB038"), [detail]);
    both_break(letting_in(path_is("/oauth2/token")), &found);
    both_break(letting_in(json!({ "ip_set_reference_statement": [{ "arn": "x" }] })), &found);
    // Whoever posts there speaks with Cognito's API.
    both_break(letting_in(path_is("/x/.well-known/jwks.json")), &found);
    let header = |name: &str| {
        json!({ "byte_match_statement": [{ "field_to_match": [{ "single_header": [{ "name": name }] }],
            "positional_constraint": "EXACTLY", "search_string": "1example2secret3of4the5header6" }] })
    };
    both_break(letting_in(header("x-token-broker-origin")), &[]);
    both_break(letting_in(header("content-type")), &found);
    // What the broker sends, the bindings say.
    let other = letting_in(header("x-other"));
    assert_eq!(other(Plan::with_broker()).found(), [""; 0]);
    assert_eq!(other(Plan::state_with_broker()).found(), found);
    let blocks = |plan: Plan| {
        letting_in(path_is("/oauth2/token"))(plan).set(
            ACL,
            "rule/2/action",
            json!([{ "allow": [], "block": [{}] }]),
        )
    };
    both_break(blocks, &[]);
}

#[test]
fn group_of_rules_may_let_in_whom_it_likes() {
    let found = [&*format!("TB038 {ACL}")];
    let group = |statement: Value, action: &'static str| {
        move |plan: Plan| {
            letting_in(statement.clone())(plan).set(ACL, "rule/2/action", json!([])).set(
                ACL,
                "rule/2/override_action",
                json!([{ action: [{}] }]),
            )
        }
    };
    let own = json!({ "rule_group_reference_statement": [{ "arn": "arn:aws:wafv2:eu-central-1:123456789012:regional/rulegroup/x/1" }] });
    both_break(group(own.clone(), "none"), &found);
    both_break(group(own, "count"), &[]);
    let managed = |vendor: &str, overrides: Value| json!({ "managed_rule_group_statement": [{ "name": "x", "vendor_name": vendor, "rule_action_override": overrides }] });
    both_break(group(managed("AWS", json!([])), "none"), &[]);
    both_break(group(managed("Somebody", json!([])), "none"), &found);
    let allow = |action: &str| json!([{ "name": "y", "action_to_use": [{ action: [{}] }] }]);
    both_break(group(managed("AWS", allow("allow")), "none"), &found);
    both_break(group(managed("AWS", allow("count")), "none"), &[]);
}

#[test]
fn web_acl_that_asks_for_no_header_is_no_matter_of_the_check() {
    let rate = json!([{ "name": "rate", "statement": [{ "rate_based_statement": [{ "limit": 100 }] }] }]);
    let open = json!([{ "allow": [{}], "block": [] }]);
    both_break(|plan| plan.set(ACL, "rule", rate.clone()).set(ACL, "default_action", open.clone()), &[]);
    let unseen = Plan::with_broker().hide(ACL, "rule", &["var.rules"]);
    assert_eq!(unseen.details("TB038"), ["the rules of the web ACL cannot be seen"]);
    let written = |plan: Plan| plan.set(ACL, "rule", json!([])).set(ACL, "rule_json", json!("[]"));
    both_break(written, &[&format!("TB038 {ACL}")]);
}

#[test]
fn scopes_and_validity_are_the_definitions() {
    both_differ(
        |plan| plan.set(M2M, "allowed_oauth_scopes", json!(["orders/read", "orders/write"])),
        M2M,
        "appClients/m2m/scopes: here `orders/read orders/write`, in the definition `invoices/read orders/read orders/write`",
    );
    both_differ(
        |plan| plan.set(PARTNER, "access_token_validity", json!(3600)),
        PARTNER,
        "appClients/partner/token_validity: here 3600 s, in the definition 900 s",
    );
    both_differ(
        |plan| plan.set(M2M, "token_validity_units/0/access_token", json!("minutes")),
        M2M,
        "appClients/m2m/token_validity: here 216000 s, in the definition 3600 s",
    );
}

#[test]
fn app_client_that_is_missing_or_too_much_is_a_difference() {
    both_differ(|plan| plan.remove(PARTNER), "", "appClients/partner: missing here, and in the definition");
    let more = |plan: Plan| {
        let name = "module.user_pool.aws_cognito_user_pool_client.this[\"m2m\"]";
        let mut values = plan.clone().values(name).clone();
        values.insert("name".into(), json!("stranger"));
        plan.add("aws_cognito_user_pool_client", "stranger", values.into(), json!({ "name": {} }))
    };
    both_differ(
        more,
        "aws_cognito_user_pool_client.stranger",
        "appClients/stranger: here, and not in the definition",
    );
}

#[test]
fn app_client_is_known_by_the_end_of_its_name() {
    let by_name = |name: &'static str| {
        move |plan: Plan| {
            let mut values = plan.clone().values(M2M).clone();
            values.insert("name".into(), json!(name));
            plan.remove(M2M).add("aws_cognito_user_pool_client", "hand", values.into(), json!({ "name": {} }))
        }
    };
    for plan in [Plan::with_broker(), Plan::state_with_broker()] {
        let definition = Plan::definition_with_broker();
        let plan = by_name("tokens-m2m")(plan);
        assert!(judge::terraform(&plan.document(), "plan.json", None, Some(&definition)).is_empty());
    }
}
