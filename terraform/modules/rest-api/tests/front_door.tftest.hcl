# The front door as token-broker.yaml usually describes it. Nothing is called: the provider is a mock, and what only an
# apply could know is given here.

mock_provider "aws" {
  override_during = plan

  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }

  mock_resource "aws_api_gateway_rest_api" {
    defaults = {
      id            = "abcde12345"
      execution_arn = "arn:aws:execute-api:eu-central-1:123456789012:abcde12345"
    }
  }

  mock_resource "aws_api_gateway_stage" {
    defaults = {
      arn        = "arn:aws:apigateway:eu-central-1::/restapis/abcde12345/stages/prod"
      invoke_url = "https://abcde12345.execute-api.eu-central-1.amazonaws.com/prod"
    }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:access" }
  }

  override_resource {
    target = aws_api_gateway_resource.token
    values = { id = "tok123", path = "/oauth2/token" }
  }

  override_resource {
    target = aws_api_gateway_api_key.client["billing"]
    values = { id = "keyofbill1", value = "0123456789abcdefghij" }
  }

  override_resource {
    target = aws_api_gateway_api_key.client["partner"]
    values = { id = "keyofpart1" }
  }

  override_resource {
    target = aws_api_gateway_usage_plan.plan["standard"]
    values = { id = "stan01" }
  }
}

variables {
  function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:token-broker"
  stage_name   = "prod"

  api = {
    name           = "token-broker-api"
    throttle       = { rate = 200, burst = 400 }
    token_endpoint = { throttle = { rate = 100, burst = 200 } }
  }

  plans = {
    standard = {
      throttle       = { rate = 10, burst = 20 }
      token_endpoint = { rate = 5, burst = 10 }
      quota          = { limit = 10000, period = "day" }
    }
    partner = {
      throttle = { rate = 0.5, burst = 5 }
      quota    = { limit = 20000, period = "month", offset = 27 }
    }
  }

  clients = {
    billing = { plan = "standard" }
    partner = { plan = "partner" }
  }
}

run "api_is_regional_and_holds_one_path_and_one_method" {
  command = plan

  assert {
    condition     = aws_api_gateway_rest_api.this.name == "token-broker-api" && aws_api_gateway_rest_api.this.api_key_source == "HEADER"
    error_message = "the API has another name or key source"
  }

  assert {
    condition     = aws_api_gateway_rest_api.this.endpoint_configuration[0].types == tolist(["REGIONAL"]) && !aws_api_gateway_rest_api.this.disable_execute_api_endpoint
    error_message = "the API is not regional, or cannot be reached"
  }

  assert {
    condition     = aws_api_gateway_resource.oauth2.path_part == "oauth2" && aws_api_gateway_resource.token.path_part == "token"
    error_message = "the path is not /oauth2/token"
  }

  assert {
    condition     = aws_api_gateway_method.post_token.http_method == "POST" && aws_api_gateway_method.post_token.resource_id == "tok123"
    error_message = "the method is not POST /oauth2/token"
  }

  assert {
    condition     = aws_api_gateway_method.post_token.api_key_required && aws_api_gateway_method.post_token.authorization == "NONE"
    error_message = "the method asks for no API key"
  }

  assert {
    condition     = length(aws_api_gateway_authorizer.this) + length(aws_lambda_permission.authorizer) + length(aws_api_gateway_rest_api_policy.this) == 0
    error_message = "there is something that was not asked for"
  }
}

run "integration_hands_the_request_to_the_function" {
  command = plan

  assert {
    condition     = aws_api_gateway_integration.function.type == "AWS_PROXY" && aws_api_gateway_integration.function.integration_http_method == "POST"
    error_message = "the integration is no Lambda proxy"
  }

  assert {
    condition     = aws_api_gateway_integration.function.uri == "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:123456789012:function:token-broker/invocations"
    error_message = "the integration names another function"
  }

  assert {
    condition     = aws_api_gateway_integration.function.timeout_milliseconds == 29000
    error_message = "the integration gives up at another time"
  }
}

run "permission_covers_the_one_call_and_nothing_else" {
  command = plan

  assert {
    condition     = aws_lambda_permission.front_door.source_arn == "arn:aws:execute-api:eu-central-1:123456789012:abcde12345/prod/POST/oauth2/token"
    error_message = "the permission is for another call"
  }

  assert {
    condition     = aws_lambda_permission.front_door.principal == "apigateway.amazonaws.com" && aws_lambda_permission.front_door.action == "lambda:InvokeFunction"
    error_message = "the permission is for another caller or action"
  }

  assert {
    condition     = aws_lambda_permission.front_door.function_name == "token-broker" && aws_lambda_permission.front_door.qualifier == null
    error_message = "the permission is for another function"
  }
}

run "alias_is_invoked_and_permitted_as_an_alias" {
  command = plan

  variables {
    function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:token-broker:live"
  }

  assert {
    condition     = aws_lambda_permission.front_door.function_name == "token-broker" && aws_lambda_permission.front_door.qualifier == "live"
    error_message = "the permission is not the alias's"
  }

  assert {
    condition     = endswith(aws_api_gateway_integration.function.uri, "function:token-broker:live/invocations")
    error_message = "the integration does not name the alias"
  }
}

run "function_of_another_partition_is_invoked_in_it" {
  command = plan

  variables {
    function_arn = "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:token-broker"
  }

  override_data {
    target = data.aws_region.current
    values = { name = "us-gov-west-1" }
  }

  assert {
    condition     = startswith(aws_api_gateway_integration.function.uri, "arn:aws-us-gov:apigateway:us-gov-west-1:lambda:path/")
    error_message = "the integration is in another partition or region"
  }
}

run "stage_logs_without_bodies_and_caches_nothing" {
  command = plan

  assert {
    condition     = aws_api_gateway_stage.this.stage_name == "prod" && !aws_api_gateway_stage.this.cache_cluster_enabled && !aws_api_gateway_stage.this.xray_tracing_enabled
    error_message = "the stage has another name, or a cache, or is traced"
  }

  assert {
    condition     = aws_api_gateway_stage.this.access_log_settings[0].format == "{\"requestId\":\"$context.requestId\",\"extendedRequestId\":\"$context.extendedRequestId\",\"requestTimeEpoch\":\"$context.requestTimeEpoch\",\"apiId\":\"$context.apiId\",\"deploymentId\":\"$context.deploymentId\",\"stage\":\"$context.stage\",\"httpMethod\":\"$context.httpMethod\",\"resourcePath\":\"$context.resourcePath\",\"protocol\":\"$context.protocol\",\"sourceIp\":\"$context.identity.sourceIp\",\"apiKeyId\":\"$context.identity.apiKeyId\",\"status\":\"$context.status\",\"responseType\":\"$context.error.responseType\",\"responseLength\":\"$context.responseLength\",\"responseLatency\":\"$context.responseLatency\",\"integrationStatus\":\"$context.integration.status\",\"integrationLatency\":\"$context.integration.latency\",\"authorizePrincipal\":\"$context.authorizer.principalId\"}"
    error_message = "the access log has another format"
  }

  assert {
    condition     = aws_api_gateway_stage.this.access_log_settings[0].destination_arn == aws_cloudwatch_log_group.access.arn
    error_message = "the access log goes elsewhere"
  }

  assert {
    condition     = aws_cloudwatch_log_group.access.name == "/token-broker/abcde12345/prod/access" && aws_cloudwatch_log_group.execution[0].name == "API-Gateway-Execution-Logs_abcde12345/prod"
    error_message = "a log group has another name"
  }

  assert {
    condition     = aws_cloudwatch_log_group.access.retention_in_days == 365 && aws_cloudwatch_log_group.execution[0].retention_in_days == 365
    error_message = "a log is kept for another time"
  }

  assert {
    condition = alltrue([
      for settings in [aws_api_gateway_method_settings.every_method.settings[0], aws_api_gateway_method_settings.post_token[0].settings[0]] :
      !settings.data_trace_enabled && !settings.caching_enabled && settings.metrics_enabled && settings.logging_level == "ERROR"
    ])
    error_message = "a method logs bodies, caches, or has no metrics"
  }
}

run "stage_and_method_have_throttles_of_their_own" {
  command = plan

  assert {
    condition     = aws_api_gateway_method_settings.every_method.method_path == "*/*" && aws_api_gateway_method_settings.post_token[0].method_path == "~1oauth2~1token/POST"
    error_message = "the settings are for other methods"
  }

  assert {
    condition     = aws_api_gateway_method_settings.every_method.settings[0].throttling_rate_limit == 200 && aws_api_gateway_method_settings.every_method.settings[0].throttling_burst_limit == 400
    error_message = "the stage has another throttle"
  }

  assert {
    condition     = aws_api_gateway_method_settings.post_token[0].settings[0].throttling_rate_limit == 100 && aws_api_gateway_method_settings.post_token[0].settings[0].throttling_burst_limit == 200
    error_message = "the method has another throttle"
  }
}

run "method_without_a_throttle_is_left_to_the_stage" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 } }
  }

  assert {
    condition     = length(aws_api_gateway_method_settings.post_token) == 0
    error_message = "the method has settings of its own"
  }
}

run "logs_are_as_the_definition_says" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, access_log = "csv", logging_level = "info" }
  }

  assert {
    condition     = aws_api_gateway_stage.this.access_log_settings[0].format == "$context.identity.sourceIp,$context.identity.caller,$context.identity.user,$context.requestTime,$context.httpMethod,$context.resourcePath,$context.protocol,$context.status,$context.responseLength,$context.requestId,$context.extendedRequestId"
    error_message = "the access log has another format"
  }

  assert {
    condition     = aws_api_gateway_method_settings.every_method.settings[0].logging_level == "INFO"
    error_message = "the execution log has another level"
  }
}

run "access_log_can_have_a_format_of_its_own" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, access_log = { format = "$context.requestId $context.identity.apiKeyId" }, logging_level = "off" }
  }

  assert {
    condition     = aws_api_gateway_stage.this.access_log_settings[0].format == "$context.requestId $context.identity.apiKeyId" && length(aws_cloudwatch_log_group.execution) == 0
    error_message = "the logs are not as the definition has them"
  }
}

run "settings_of_the_stage_can_be_chosen" {
  command = plan

  variables {
    execution_log_level              = "OFF"
    metrics_enabled                  = false
    xray_tracing_enabled             = true
    integration_timeout_milliseconds = 50
    access_log                       = { retention_days = 30, kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab" }
    tags                             = { team = "identity" }
  }

  assert {
    condition     = aws_api_gateway_method_settings.every_method.settings[0].logging_level == "OFF" && !aws_api_gateway_method_settings.every_method.settings[0].metrics_enabled && aws_api_gateway_stage.this.xray_tracing_enabled
    error_message = "a choice for the stage is not taken"
  }

  assert {
    condition     = length(aws_cloudwatch_log_group.execution) == 0 && output.execution_log_group_name == null
    error_message = "there is a log group for a log that is off"
  }

  assert {
    condition     = aws_cloudwatch_log_group.access.retention_in_days == 30 && endswith(aws_cloudwatch_log_group.access.kms_key_id, "key/1234abcd-12ab-34cd-56ef-1234567890ab")
    error_message = "the log is not kept as chosen"
  }

  assert {
    condition     = aws_api_gateway_integration.function.timeout_milliseconds == 50
    error_message = "the integration has another timeout"
  }

  assert {
    condition = alltrue([
      for tags in concat(
        [aws_api_gateway_rest_api.this.tags, aws_api_gateway_stage.this.tags, aws_cloudwatch_log_group.access.tags],
        values(aws_api_gateway_usage_plan.plan)[*].tags, values(aws_api_gateway_api_key.client)[*].tags
      ) : tags.team == "identity"
    ])
    error_message = "something is not tagged"
  }
}

run "every_refusal_is_oauth_and_never_stored" {
  command = plan

  assert {
    condition = { for type, response in aws_api_gateway_gateway_response.oauth : type => "${response.status_code == null ? "as is" : response.status_code} ${response.response_templates["application/json"]}" } == {
      ACCESS_DENIED                  = "403 {\"error\":\"access_denied\",\"error_description\":\"the caller is not allowed to do this\"}"
      AUTHORIZER_CONFIGURATION_ERROR = "500 {\"error\":\"server_error\",\"error_description\":\"internal server error\"}"
      AUTHORIZER_FAILURE             = "500 {\"error\":\"server_error\",\"error_description\":\"internal server error\"}"
      BAD_REQUEST_BODY               = "400 {\"error\":\"invalid_request\",\"error_description\":\"the request body is not valid\"}"
      BAD_REQUEST_PARAMETERS         = "400 {\"error\":\"invalid_request\",\"error_description\":\"the request is malformed\"}"
      DEFAULT_4XX                    = "as is {\"error\":\"invalid_request\",\"error_description\":\"Forbidden\"}"
      DEFAULT_5XX                    = "as is {\"error\":\"server_error\",\"error_description\":\"internal server error\"}"
      EXPIRED_TOKEN                  = "401 {\"error\":\"invalid_client\",\"error_description\":\"the credential has expired\"}"
      INTEGRATION_TIMEOUT            = "504 {\"error\":\"server_error\",\"error_description\":\"the request took too long\"}"
      INVALID_API_KEY                = "401 {\"error\":\"invalid_client\",\"error_description\":\"the API key is missing or not valid\"}"
      INVALID_SIGNATURE              = "403 {\"error\":\"invalid_request\",\"error_description\":\"the request signature is not valid\"}"
      MISSING_AUTHENTICATION_TOKEN   = "403 {\"error\":\"invalid_request\",\"error_description\":\"Missing Authentication Token\"}"
      QUOTA_EXCEEDED                 = "429 {\"error\":\"temporarily_unavailable\",\"error_description\":\"the quota is used up\"}"
      REQUEST_TOO_LARGE              = "413 {\"error\":\"invalid_request\",\"error_description\":\"the request is too large\"}"
      RESOURCE_NOT_FOUND             = "404 {\"error\":\"invalid_request\",\"error_description\":\"there is no such resource\"}"
      THROTTLED                      = "429 {\"error\":\"temporarily_unavailable\",\"error_description\":\"too many requests\"}"
      UNAUTHORIZED                   = "401 {\"error\":\"invalid_client\",\"error_description\":\"the credential is missing or not valid\"}"
      UNSUPPORTED_MEDIA_TYPE         = "415 {\"error\":\"invalid_request\",\"error_description\":\"the media type is not supported\"}"
      WAF_FILTERED                   = "403 {\"error\":\"access_denied\",\"error_description\":\"the request was filtered\"}"
    }
    error_message = "a refusal has another status or body"
  }

  assert {
    condition = alltrue([
      for response in aws_api_gateway_gateway_response.oauth :
      response.response_parameters["gatewayresponse.header.Cache-Control"] == "'no-store'" &&
      response.response_parameters["gatewayresponse.header.Content-Type"] == "'application/json'" &&
      response.response_parameters["gatewayresponse.header.Pragma"] == "'no-cache'"
    ])
    error_message = "a refusal may be stored"
  }

  assert {
    condition     = [for type, response in aws_api_gateway_gateway_response.oauth : type if length(response.response_parameters) != 3] == ["THROTTLED"] && aws_api_gateway_gateway_response.oauth["THROTTLED"].response_parameters["gatewayresponse.header.Retry-After"] == "'1'"
    error_message = "Retry-After stands elsewhere than in THROTTLED"
  }
}

run "stock_refusals_are_no_objects_at_all" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, gateway_responses = "aws" }
  }

  assert {
    condition     = length(aws_api_gateway_gateway_response.oauth) == 0
    error_message = "a refusal is customized"
  }
}

run "plans_have_a_bucket_and_a_quota_for_each_key" {
  command = plan

  assert {
    condition     = { for name, plan in aws_api_gateway_usage_plan.plan : name => [plan.name, one(plan.throttle_settings).rate_limit, one(plan.throttle_settings).burst_limit] } == { partner = ["partner", 0.5, 5], standard = ["standard", 10, 20] }
    error_message = "a plan has another throttle"
  }

  assert {
    condition     = { for name, plan in aws_api_gateway_usage_plan.plan : name => [one(plan.quota_settings).limit, one(plan.quota_settings).period, one(plan.quota_settings).offset] } == { partner = [20000, "MONTH", 27], standard = [10000, "DAY", 0] }
    error_message = "a plan has another quota"
  }

  assert {
    condition     = { for name, plan in aws_api_gateway_usage_plan.plan : name => [for throttle in one(plan.api_stages).throttle : [throttle.path, throttle.rate_limit, throttle.burst_limit]] } == { partner = [], standard = [["/oauth2/token/POST", 5, 10]] }
    error_message = "a plan has another bucket for the token endpoint"
  }

  assert {
    condition     = alltrue([for plan in aws_api_gateway_usage_plan.plan : one(plan.api_stages).api_id == "abcde12345" && one(plan.api_stages).stage == "prod"])
    error_message = "a plan opens another stage"
  }
}

run "client_has_one_key_that_is_named_like_it" {
  command = plan

  assert {
    condition     = { for name, key in aws_api_gateway_api_key.client : name => [key.name, key.customer_id, key.enabled] } == { billing = ["billing", "billing", true], partner = ["partner", "partner", true] }
    error_message = "there are other keys"
  }

  assert {
    condition     = { for name, plan in terraform_data.plan_of_key : name => plan.input } == { billing = "standard", partner = "partner" }
    error_message = "a key is on another plan"
  }

  assert {
    condition     = aws_api_gateway_usage_plan_key.client["billing"].key_id == "keyofbill1" && aws_api_gateway_usage_plan_key.client["billing"].usage_plan_id == "stan01"
    error_message = "the key of billing is not on the plan standard"
  }

  assert {
    condition     = output.bindings.version == 1 && output.bindings.keys == { keyofbill1 = "billing", keyofpart1 = "partner" } && output.api_key_ids["billing"] == "keyofbill1"
    error_message = "the bindings name another client"
  }

  assert {
    condition     = issensitive(output.api_key_values) && output.api_key_values["billing"] == "0123456789abcdefghij"
    error_message = "the keys' values can be read, or are none"
  }
}

run "client_can_have_several_keys_while_one_is_rotated" {
  command = plan

  variables {
    keys = { billing = { billing = { enabled = false }, "billing.2" = {} } }
  }

  assert {
    condition     = { for name, key in aws_api_gateway_api_key.client : name => [key.customer_id, key.enabled] } == { billing = ["billing", false], "billing.2" = ["billing", true], partner = ["partner", true] }
    error_message = "there are other keys"
  }

  assert {
    condition     = terraform_data.plan_of_key["billing.2"].input == "standard"
    error_message = "the second key is on another plan"
  }
}

run "definition_is_taken_as_it_is_written" {
  command = plan

  variables {
    api     = yamldecode("{throttle: {rate: 200, burst: 400}, token_endpoint: {identity: api_key, throttle: {rate: 0.333, burst: 2}}}")
    plans   = yamldecode("{a: {throttle: {rate: 10, burst: 20}, token_endpoint: {rate: 0.001, burst: 1}}, b: {throttle: {rate: 0.1, burst: 1}}}")
    clients = yamldecode("{a: {plan: a, scopes: [x/y], not_before: 2026-01-01T00:00:00Z}, b: {plan: b, scopes: [x/y], enabled: true}}")
  }

  assert {
    condition     = aws_api_gateway_method_settings.post_token[0].settings[0].throttling_rate_limit == 0.333
    error_message = "a rate with decimals is rounded"
  }

  assert {
    condition     = keys(aws_api_gateway_api_key.client) == ["a", "b"]
    error_message = "clients with more than a plan are not taken"
  }
}

run "urls_lead_to_the_token_endpoint" {
  command = plan

  assert {
    condition     = output.invoke_url == "https://abcde12345.execute-api.eu-central-1.amazonaws.com/prod/oauth2/token" && output.domain_target == null
    error_message = "the URL is another"
  }

  assert {
    condition     = output.rest_api_id == "abcde12345" && output.stage_name == "prod" && output.access_log_group_name == "/token-broker/abcde12345/prod/access"
    error_message = "an output names something else"
  }
}
