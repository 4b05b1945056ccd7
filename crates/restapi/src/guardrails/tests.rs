//! Each guardrail is shown to fire by one change to an account that breaks none.

mod good;

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::{
    AccessLogSettings, ApiKey, AuthorizationType, Authorizer, AuthorizerId, AuthorizerType, DeploymentId,
    FunctionName, GatewayResponse, HttpMethod, IntegrationType, IntegrationUri, MethodKey, Permission,
    ResponseType, SourceArnPattern, ThrottleSettings, UsagePlanKey,
};
use good::*;

type Change = fn(&mut Account);
type Row = (&'static str, &'static str, String, Change);

const API: &str = "restApis/token-broker-api";
const METHOD: &str = "restApis/token-broker-api/resources/~1oauth2~1token/POST";
const STAGE: &str = "restApis/token-broker-api/stages/dev";

/// What breaks which guardrail, and where it is found.
fn table() -> Vec<Row> {
    let key_id = key("billing", VALUE).id;
    let other_id = key("reports", VALUE).id;
    vec![
        ("TB001", "credential in a stage variable", format!("{STAGE}/variables/client_secret"), |a| {
            the_stage(a).variables.insert("client_secret".into(), "hunter2".into());
        }),
        ("TB001", "key's value in a description", format!("{API}/description"), |a| {
            the_api(a).description = Some(format!("try it with {VALUE}"));
        }),
        ("TB001", "key's value as the key's name", format!("apiKeys/{key_id}/name"), |a| {
            a.api_keys.first_mut().unwrap().name = VALUE.into();
        }),
        ("TB001", "key's value as a plan's name", format!("usagePlans/{}/name", plan("standard").id), |a| {
            the_plan(a).name = VALUE.into();
        }),
        (
            "TB001",
            "token in a gateway response",
            format!("{API}/gatewayResponses/INVALID_API_KEY/application~1json"),
            |a| {
                let response = the_api(a).gateway_responses.first_mut().unwrap();
                response.response_templates.insert("application/json".into(), "AKIAIOSFODNN7EXAMPLE".into());
            },
        ),
        (
            "TB001",
            "credential in a header of a gateway response",
            format!("{API}/gatewayResponses/INVALID_API_KEY/gatewayresponse.header.x-secret"),
            |a| {
                let response = the_api(a).gateway_responses.first_mut().unwrap();
                response
                    .response_parameters
                    .insert("gatewayresponse.header.x-secret".into(), "'hunter2'".into());
            },
        ),
        (
            "TB001",
            "private key in a deployment's description",
            format!("{API}/deployments/{}/description", first()),
            |a| {
                the_api(a).deployments.first_mut().unwrap().description =
                    Some("-----BEGIN PRIVATE KEY-----".into());
            },
        ),
        ("TB002", "hosted domain as HTTP integration", format!("{METHOD}/integration/uri"), |a| {
            the_integration(a).uri = IntegrationUri::Other(
                "https://example.auth.eu-central-1.amazoncognito.com/oauth2/token".into(),
            );
        }),
        ("TB002", "service integration", format!("{METHOD}/integration/uri"), |a| {
            the_integration(a).uri = IntegrationUri::Other(
                "arn:aws:apigateway:eu-central-1:cognito-idp:action/InitiateAuth".into(),
            );
        }),
        ("TB003", "further resource", format!("{API}/resources/~1health"), |a| add_resource(a, "/health")),
        ("TB003", "greedy resource", format!("{API}/resources/~1oauth2~1{{proxy+}}"), |a| {
            add_resource(a, "/oauth2/{proxy+}");
        }),
        ("TB003", "method on the root", format!("{API}/resources/~1"), |a| {
            add_method(a, "/", HttpMethod::Post);
        }),
        ("TB004", "GET on the endpoint", format!("{API}/resources/~1oauth2~1token/GET"), |a| {
            add_method(a, "/oauth2/token", HttpMethod::Get);
        }),
        ("TB004", "ANY on the endpoint", format!("{API}/resources/~1oauth2~1token/ANY"), |a| {
            add_method(a, "/oauth2/token", HttpMethod::Any);
        }),
        ("TB005", "mock integration", format!("{METHOD}/integration"), |a| {
            the_integration(a).kind = IntegrationType::Mock;
        }),
        ("TB005", "no integration", METHOD.into(), |a| the_method(a).integration = None),
        ("TB005", "function chosen by a stage variable", format!("{METHOD}/integration/uri"), |a| {
            the_integration(a).uri = IntegrationUri::Other("${stageVariables.function}".into());
        }),
        ("TB006", "neither key nor authorizer", METHOD.into(), |a| the_method(a).api_key_required = false),
        ("TB006", "authorizer that is not there", METHOD.into(), |a| {
            let method = the_method(a);
            method.api_key_required = false;
            method.authorization_type = AuthorizationType::Custom;
            method.authorizer_id = Some(AuthorizerId::parse("abc123").unwrap());
        }),
        ("TB007", "mapping template", format!("{METHOD}/integration/requestTemplates"), |a| {
            the_integration(a).request_templates.insert("application/json".into(), "$input.json('$')".into());
        }),
        ("TB007", "mapped parameter", format!("{METHOD}/integration/requestParameters"), |a| {
            let parameters = &mut the_integration(a).request_parameters;
            parameters.insert("integration.request.header.x".into(), "method.request.header.x".into());
        }),
        ("TB008", "no source ARN", policy(), |a| the_permission(a).source_arn = None),
        ("TB008", "wildcard", policy(), |a| {
            let wide =
                format!("arn:aws:execute-api:eu-central-1:000000000000:{}/*/POST/oauth2/token", api_id());
            the_permission(a).source_arn = Some(SourceArnPattern::new(wide));
        }),
        ("TB008", "another stage", policy(), |a| {
            let other =
                format!("arn:aws:execute-api:eu-central-1:000000000000:{}/prod/POST/oauth2/token", api_id());
            the_permission(a).source_arn = Some(SourceArnPattern::new(other));
        }),
        ("TB009", "another service", policy(), |a| {
            the_permission(a).principal = "events.amazonaws.com".into();
        }),
        ("TB009", "everybody", policy(), |a| the_permission(a).principal = "*".into()),
        ("TB009", "another action", policy(), |a| the_permission(a).action = "lambda:*".into()),
        ("TB010", "role", format!("{METHOD}/integration/credentials"), |a| {
            the_integration(a).credentials = Some("arn:aws:iam::000000000000:role/gateway".into());
        }),
        ("TB011", "data trace for all", format!("{STAGE}/methodSettings/*~1*"), |a| {
            the_settings(a, &MethodKey::Every).data_trace_enabled = true;
        }),
        ("TB011", "data trace for one", format!("{STAGE}/methodSettings/~1oauth2~1token~1POST"), |a| {
            the_settings(a, &post_token()).data_trace_enabled = true;
        }),
        ("TB012", "key in the access log", format!("{STAGE}/accessLogSettings/format"), |a| {
            the_log(a).format = "$context.requestId $context.identity.apiKey".into();
        }),
        ("TB013", "no request id", format!("{STAGE}/accessLogSettings/format"), |a| {
            the_log(a).format = "$context.status".into();
        }),
        ("TB014", "caching for one", format!("{STAGE}/methodSettings/~1oauth2~1token~1POST"), |a| {
            the_settings(a, &post_token()).caching_enabled = true;
        }),
        ("TB014", "cache cluster", format!("{STAGE}/cacheClusterEnabled"), |a| {
            the_stage(a).cache_cluster_enabled = true;
        }),
        ("TB015", "no stage default", format!("{STAGE}/methodSettings/*~1*"), |a| {
            the_stage(a).method_settings.remove(&MethodKey::Every);
        }),
        ("TB015", "account's default", format!("{STAGE}/methodSettings/*~1*"), |a| {
            set_throttle(a, &MethodKey::Every, ThrottleSettings::ACCOUNT_DEFAULT);
        }),
        ("TB016", "higher rate", format!("{STAGE}/methodSettings/~1oauth2~1token~1POST"), |a| {
            set_throttle(a, &post_token(), throttle(201, 200));
        }),
        ("TB016", "higher burst", format!("{STAGE}/methodSettings/~1oauth2~1token~1POST"), |a| {
            set_throttle(a, &post_token(), throttle(100, 401));
        }),
        ("TB017", "no throttle", "usagePlans/standard/throttle".into(), |a| the_plan(a).throttle = None),
        ("TB018", "same rate", "usagePlans/standard/throttle".into(), |a| {
            set_throttle(a, &post_token(), throttle(5, 200));
        }),
        ("TB018", "same burst", "usagePlans/standard/throttle".into(), |a| {
            set_throttle(a, &post_token(), throttle(100, 10));
        }),
        ("TB019", "two plans", format!("apiKeys/{key_id}"), |a| {
            let second = plan("premium");
            let key_id = a.api_keys.first().unwrap().id.clone();
            a.usage_plan_keys.push(UsagePlanKey { usage_plan_id: second.id.clone(), key_id });
            a.usage_plans.push(second);
        }),
        ("TB020", "one value", format!("apiKeys/{other_id}"), |a| a.api_keys.push(key("reports", VALUE))),
        ("TB021", "no owner", format!("apiKeys/{key_id}/customerId"), |a| {
            a.api_keys.first_mut().unwrap().customer_id = None;
        }),
        ("TB022", "catch-all left in stock", format!("{API}/gatewayResponses"), |a| {
            the_api(a).gateway_responses.retain(|one| one.response_type != ResponseType::Default5xx);
        }),
        ("TB022", "stock body of its own", format!("{API}/gatewayResponses/THROTTLED"), |a| {
            let stock = GatewayResponse {
                response_templates: BTreeMap::from([(
                    "application/json".into(),
                    "{\"message\":$context.error.messageString}".into(),
                )]),
                ..refusal(ResponseType::Throttled, "")
            };
            the_api(a).gateway_responses.push(stock);
        }),
        ("TB022", "headers without a body", format!("{API}/gatewayResponses/THROTTLED"), |a| {
            let mut headers_only = refusal(ResponseType::Throttled, "");
            headers_only.response_templates.clear();
            the_api(a).gateway_responses.push(headers_only);
        }),
        ("TB022", "second body in stock", format!("{API}/gatewayResponses/INVALID_API_KEY"), |a| {
            let response = the_api(a).gateway_responses.first_mut().unwrap();
            response.response_templates.insert("text/plain".into(), "Forbidden".into());
        }),
        ("TB023", "plan without keys", "usagePlans/premium".into(), |a| a.usage_plans.push(plan("premium"))),
    ]
}

fn first() -> DeploymentId {
    DeploymentId::derived(&["first"])
}

fn policy() -> String {
    "functions/token-broker/policy/front-door".into()
}

#[test]
fn account_as_it_should_be_breaks_nothing() {
    let found = check(&good()).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn each_guardrail_fires_at_its_place() {
    for (id, what, place, change) in table() {
        let mut account = good();
        change(&mut account);
        let found = check(&account);
        let is_there = found.iter().any(|finding| finding.guardrail.id == id && finding.place == place);
        assert!(is_there, "{id} does not fire on {what} at {place}: {found:#?}");
    }
}

#[test]
fn each_guardrail_is_in_the_table() {
    let mut shown: Vec<&str> = table().into_iter().map(|(id, ..)| id).collect();
    shown.dedup();
    assert_eq!(shown, ALL.iter().map(|guardrail| guardrail.id).collect::<Vec<_>>());
}

#[test]
fn ids_are_dense_and_in_order() {
    for (index, guardrail) in ALL.iter().enumerate() {
        assert_eq!(guardrail.id, format!("TB{:03}", index + 1));
    }
}

#[test]
fn list_is_what_it_was() {
    let list =
        ALL.iter().map(|guardrail| format!("{}  {}", guardrail.id, guardrail.title)).collect::<Vec<_>>();
    insta::assert_snapshot!(list.join("\n"));
}

#[test]
fn finding_never_repeats_a_secret() {
    for (id, what, _, change) in table() {
        let mut account = good();
        change(&mut account);
        for finding in check(&account) {
            let text = format!("{finding} {finding:?}");
            for secret in [VALUE, "hunter2", "AKIAIOSFODNN7EXAMPLE"] {
                assert!(!text.contains(secret), "{id} on {what}: {finding}");
            }
        }
    }
}

#[test]
fn what_a_stage_shows_is_checked_though_the_working_copy_is_mended() {
    let mut account = good();
    let deployed = the_api(&mut account).deployments.first_mut().unwrap();
    let resource = deployed.snapshot.resources.last_mut().unwrap();
    resource.methods.get_mut(&HttpMethod::Post).unwrap().api_key_required = false;
    let place = format!("{API}/deployments/{}/resources/~1oauth2~1token/POST", first());
    assert_eq!(check(&account).into_iter().map(|finding| finding.place).collect::<Vec<_>>(), [place]);

    the_api(&mut account).stages.clear();
    let found = check(&account).into_iter().any(|finding| finding.guardrail.id == "TB006");
    assert!(!found, "a deployment that no stage shows is out of reach");
}

#[test]
fn authorizer_identifies_in_place_of_a_key_and_may_be_invoked_by_its_own_arn() {
    let mut account = good();
    let authorizer = Authorizer {
        id: AuthorizerId::parse("abc123").unwrap(),
        name: "basic".into(),
        kind: AuthorizerType::Request,
        authorizer_uri: Some(
            "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/\
             arn:aws:lambda:eu-central-1:000000000000:function:basic/invocations"
                .into(),
        ),
        provider_arns: Vec::new(),
        identity_source: "method.request.header.Authorization".into(),
        result_ttl: Duration::from_mins(5),
    };
    let method = the_method(&mut account);
    method.api_key_required = false;
    method.authorization_type = AuthorizationType::Custom;
    method.authorizer_id = Some(authorizer.id.clone());
    let api = the_api(&mut account);
    api.authorizers.push(authorizer);
    *api.deployments.first_mut().unwrap() = api.snapshot(first());
    let arn = format!("arn:aws:execute-api:eu-central-1:000000000000:{}/authorizers/abc123", api_id());
    account.permissions.push(Permission {
        statement_id: "authorizer".into(),
        function_name: FunctionName::parse("basic").unwrap(),
        source_arn: Some(SourceArnPattern::new(arn.clone())),
        ..permission()
    });
    assert!(check(&account).is_empty(), "{:#?}", check(&account));

    // The same ARN lets nobody invoke the broker.
    account.permissions.push(Permission { source_arn: Some(SourceArnPattern::new(arn)), ..permission() });
    assert_eq!(
        check(&account).into_iter().map(|finding| finding.guardrail.id).collect::<Vec<_>>(),
        ["TB008"]
    );
}

#[test]
fn shut_method_is_throttled_and_leaves_room_for_nobody() {
    let mut account = good();
    set_throttle(&mut account, &post_token(), throttle(0, 0));
    assert!(check(&account).is_empty(), "{:#?}", check(&account));
}

#[test]
fn plan_of_another_stage_takes_nothing_from_this_one() {
    let mut account = good();
    let mut wide = plan("wide");
    wide.throttle = Some(throttle(1_000, 1_000));
    wide.api_stages = Vec::new();
    let key = key("batch", "batch0batch1batch2batch3batch4batch5");
    account.usage_plan_keys.push(UsagePlanKey { usage_plan_id: wide.id.clone(), key_id: key.id.clone() });
    account.api_keys.push(key);
    account.usage_plans.push(wide);
    assert!(check(&account).is_empty(), "{:#?}", check(&account));
}

#[test]
fn refusals_that_are_all_stock_are_nobodys_fault() {
    let mut account = good();
    let api = the_api(&mut account);
    api.gateway_responses =
        vec![GatewayResponse { response_templates: BTreeMap::new(), ..refusal(ResponseType::Throttled, "") }];
    *api.deployments.first_mut().unwrap() = api.snapshot(first());
    assert!(check(&account).is_empty(), "{:#?}", check(&account));
    the_api(&mut account).gateway_responses.clear();
    assert!(check(&account).is_empty(), "{:#?}", check(&account));
}

#[test]
fn response_for_every_type_needs_no_catch_all_but_the_catch_alls_themselves() {
    let mut account = good();
    let api = the_api(&mut account);
    api.gateway_responses = ResponseType::ALL.into_iter().map(|kind| refusal(kind, "server_error")).collect();
    *api.deployments.first_mut().unwrap() = api.snapshot(first());
    assert!(check(&account).is_empty(), "{:#?}", check(&account));

    the_api(&mut account).gateway_responses.retain(|one| one.response_type.as_str() != "DEFAULT_4XX");
    let found: Vec<String> = check(&account).into_iter().map(|finding| finding.detail).collect();
    assert_eq!(found, ["answered in stock: DEFAULT_4XX"]);
}

#[test]
fn keys_whose_values_are_not_known_share_none_and_hide_none() {
    let mut account = good();
    account.api_keys.push(ApiKey { value: None, ..key("reports", VALUE) });
    account.api_keys.push(ApiKey { value: None, ..key("batch", VALUE) });
    assert!(check(&account).is_empty(), "{:#?}", check(&account));
}

#[test]
fn formats_of_access_logs_hold_no_credential_and_a_request_id() {
    for format in [AccessLogSettings::DEFAULT_FORMAT, AccessLogSettings::AWS_FORMAT] {
        let mut account = good();
        the_log(&mut account).format = format.into();
        assert!(check(&account).is_empty(), "{:#?}", check(&account));
    }
}

#[test]
fn only_a_plan_without_keys_may_run() {
    let warnings: Vec<&str> =
        ALL.iter().filter(|one| one.severity == Severity::Warning).map(|one| one.id).collect();
    assert_eq!(warnings, ["TB023"]);
    assert_eq!(serde_json::to_string(&Severity::Warning).unwrap(), "\"warning\"");
}
