//! A Terraform state as `terraform show -json` prints it, with what the check looks at and little else, and the definition
//! that it is of.

use serde_json::{Value, json};

/// The definition: nothing to be found in it, nor in the state.
pub(super) const DEFINITION: &str = "\
api:
  name: door
  throttle: { rate: 200, burst: 400 }
  token_endpoint: { identity: api_key, throttle: { rate: 100, burst: 200 } }
  gateway_responses: aws
plans:
  standard: { throttle: { rate: 10, burst: 20 } }
clients:
  billing: { plan: standard, scopes: [orders/read] }
homes:
  aws: { stage: prod, region: eu-central-1 }
";

/// A key's value, which must never be seen.
pub(super) const KEY_VALUE: &str = "k0uJ5cW3rQ8zX1vB7nM2aS6dF9gH4tYpLqEwRiOx";
/// A secret of a user pool, which must not be seen either.
pub(super) const SECRET: &str = "1kq7s0pn3v5m2c8x4z6b9d1f3g5h7j2l4n6p8r0t2v4x6z8b0";

/// The state of that definition on AWS.
pub(super) fn state() -> Value {
    let resources = [door(), stage(), plan()].concat();
    json!({
        "format_version": "1.0",
        "terraform_version": "1.11.4",
        "values": {
            "outputs": { "key": { "sensitive": true, "value": KEY_VALUE, "type": "string" } },
            "root_module": { "resources": resources },
        },
    })
}

/// The values of the resource of `kind` that is called `name`.
pub(super) fn values<'a>(state: &'a mut Value, kind: &str, name: &str) -> &'a mut Value {
    let resources = state["values"]["root_module"]["resources"].as_array_mut().unwrap();
    &mut resources.iter_mut().find(|resource| resource["type"] == kind && resource["name"] == name).unwrap()["values"]
}

fn resource(kind: &str, name: &str, values: &Value) -> Value {
    json!({ "address": format!("{kind}.{name}"), "mode": "managed", "type": kind, "name": name, "values": values })
}

/// The API with its one method, and who may invoke the function.
fn door() -> Vec<Value> {
    let function = "arn:aws:lambda:eu-central-1:123456789012:function:token-broker";
    let uri =
        format!("arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/{function}/invocations");
    vec![
        resource(
            "aws_api_gateway_rest_api",
            "door",
            &json!({
                "id": "a1b2c3d4e5", "name": "door", "root_resource_id": "rootrootro", "api_key_source": "HEADER", "body": null,
                "arn": "arn:aws:apigateway:eu-central-1::/restapis/a1b2c3d4e5", "description": null, "policy": null,
                "execution_arn": "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5",
                "disable_execute_api_endpoint": false, "endpoint_configuration": [{ "types": ["REGIONAL"] }],
                "binary_media_types": [], "minimum_compression_size": "",
            }),
        ),
        resource(
            "aws_api_gateway_resource",
            "oauth2",
            &json!({
                "id": "oauth2", "rest_api_id": "a1b2c3d4e5", "parent_id": "rootrootro", "path_part": "oauth2", "path": "/oauth2",
            }),
        ),
        resource(
            "aws_api_gateway_resource",
            "token",
            &json!({
                "id": "token1", "rest_api_id": "a1b2c3d4e5", "parent_id": "oauth2", "path_part": "token", "path": "/oauth2/token",
            }),
        ),
        resource(
            "aws_api_gateway_method",
            "post",
            &json!({
                "rest_api_id": "a1b2c3d4e5", "resource_id": "token1", "http_method": "POST", "authorization": "NONE",
                "authorizer_id": null, "authorization_scopes": null, "api_key_required": true, "operation_name": null,
                "request_models": null, "request_parameters": null, "request_validator_id": null,
            }),
        ),
        resource(
            "aws_api_gateway_integration",
            "post",
            &json!({
                "rest_api_id": "a1b2c3d4e5", "resource_id": "token1", "http_method": "POST", "type": "AWS_PROXY", "uri": uri,
                "integration_http_method": "POST", "timeout_milliseconds": 29_000, "credentials": null,
                "connection_type": "INTERNET", "connection_id": null, "passthrough_behavior": "WHEN_NO_MATCH",
                "cache_key_parameters": [], "cache_namespace": "token1", "content_handling": null, "request_parameters": null,
                "request_templates": null, "tls_config": [],
            }),
        ),
        resource(
            "aws_lambda_permission",
            "front_door",
            &json!({
                "statement_id": "front-door", "action": "lambda:InvokeFunction", "function_name": "token-broker",
                "principal": "apigateway.amazonaws.com", "qualifier": null, "source_account": null,
                "source_arn": "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/prod/POST/oauth2/token",
            }),
        ),
    ]
}

fn stage() -> Vec<Value> {
    let settings = |method_path: &str, rate: u32, burst: u32| {
        json!({
            "rest_api_id": "a1b2c3d4e5", "stage_name": "prod", "method_path": method_path,
            "settings": [{
                "throttling_rate_limit": rate, "throttling_burst_limit": burst, "metrics_enabled": true,
                "logging_level": "ERROR", "data_trace_enabled": false, "caching_enabled": false,
                "cache_data_encrypted": true, "cache_ttl_in_seconds": 300, "require_authorization_for_cache_control": true,
                "unauthorized_cache_control_header_strategy": "SUCCEED_WITH_RESPONSE_HEADER",
            }],
        })
    };
    vec![
        resource(
            "aws_api_gateway_deployment",
            "door",
            &json!({ "id": "deploy", "rest_api_id": "a1b2c3d4e5" }),
        ),
        resource(
            "aws_api_gateway_stage",
            "door",
            &json!({
                "rest_api_id": "a1b2c3d4e5", "deployment_id": "deploy", "stage_name": "prod", "variables": null,
                "cache_cluster_enabled": false, "xray_tracing_enabled": false, "canary_settings": [],
                "access_log_settings": [{
                    "destination_arn": "arn:aws:logs:eu-central-1:123456789012:log-group:door",
                    "format": restapi::AccessLogSettings::AWS_FORMAT,
                }],
            }),
        ),
        resource("aws_api_gateway_method_settings", "every", &settings("*/*", 200, 400)),
        resource("aws_api_gateway_method_settings", "token", &settings("oauth2/token/POST", 100, 200)),
    ]
}

/// The plan, and the client's key on it.
fn plan() -> Vec<Value> {
    vec![
        resource(
            "aws_api_gateway_usage_plan",
            "standard",
            &json!({
                "id": "plan01", "name": "standard", "description": null, "product_code": null, "quota_settings": [],
                "api_stages": [{ "api_id": "a1b2c3d4e5", "stage": "prod", "throttle": [] }],
                "throttle_settings": [{ "rate_limit": 10, "burst_limit": 20 }],
            }),
        ),
        resource(
            "aws_api_gateway_api_key",
            "billing",
            &json!({
                "id": "abcdefghij", "name": "billing", "customer_id": "billing", "enabled": true, "value": KEY_VALUE,
                "description": null,
            }),
        ),
        resource(
            "aws_api_gateway_usage_plan_key",
            "billing",
            &json!({
                "key_id": "abcdefghij", "key_type": "API_KEY", "usage_plan_id": "plan01", "name": "billing", "value": KEY_VALUE,
            }),
        ),
    ]
}
