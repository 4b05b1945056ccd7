# What the module refuses. Each `validation` and `precondition` begins with the name of the run here that makes it fail; where
# it takes several to show it, two underscores and the case follow the name. Everything but what a run writes is right.

mock_provider "aws" {
  override_during = plan

  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }

  mock_resource "aws_api_gateway_rest_api" {
    defaults = { execution_arn = "arn:aws:execute-api:eu-central-1:123456789012:abcde12345" }
  }

  mock_resource "aws_api_gateway_stage" {
    defaults = { arn = "arn:aws:apigateway:eu-central-1::/restapis/abcde12345/stages/prod" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:access" }
  }
}

variables {
  function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:token-broker"
  stage_name   = "prod"

  api = {
    throttle       = { rate = 200, burst = 400 }
    token_endpoint = { throttle = { rate = 100, burst = 200 } }
  }

  plans   = { standard = { throttle = { rate = 10, burst = 20 } } }
  clients = { billing = { plan = "standard" } }
}

run "accepts_what_the_runs_below_change" {
  command = plan

  assert {
    condition     = aws_api_gateway_method.post_token.api_key_required
    error_message = "the method asks for no API key"
  }
}

################################################################################
# REST API
################################################################################

run "refuses_access_log_format_that_is_none" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, access_log = "combined" }
  }

  expect_failures = [var.api]
}

run "refuses_access_log_format_that_is_none__on_two_lines" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, access_log = { format = "$context.requestId\n$context.status" } }
  }

  expect_failures = [var.api]
}

run "refuses_access_log_format_without_a_request_id" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, access_log = { format = "$context.requestIdent" } }
  }

  expect_failures = [var.api]
}

run "refuses_access_log_format_with_a_credential" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, access_log = { format = "$context.requestId $context.identity.apiKey" } }
  }

  expect_failures = [var.api]
}

run "refuses_access_log_format_with_a_credential__of_an_authorizer" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, access_log = { format = "$context.requestId $context.authorizer.accessToken" } }
  }

  expect_failures = [var.api]
}

run "refuses_unknown_logging_level" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, logging_level = "debug" }
  }

  expect_failures = [var.api]
}

run "refuses_api_without_a_short_name" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, name = " " }
  }

  expect_failures = [var.api]
}

run "refuses_api_without_a_short_name__on_two_lines" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, name = "two\nlines" }
  }

  expect_failures = [var.api]
}

run "refuses_api_with_a_long_description" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, description = format("%1025s", "a") }
  }

  expect_failures = [var.api]
}

run "refuses_api_with_a_long_description__on_two_lines" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, description = "two\nlines" }
  }

  expect_failures = [var.api]
}

run "refuses_stage_without_a_throttle" {
  command = plan

  variables {
    api = {}
  }

  expect_failures = [var.api]
}

run "refuses_rate_that_is_no_rate__zero" {
  command = plan

  variables {
    api = { throttle = { rate = 0, burst = 400 } }
  }

  expect_failures = [var.api]
}

run "refuses_rate_that_is_no_rate__with_four_decimals" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, token_endpoint = { throttle = { rate = 0.0001, burst = 2 } } }
  }

  expect_failures = [var.api]
}

run "refuses_rate_that_is_no_rate__beyond_any" {
  command = plan

  variables {
    api = { throttle = { rate = 1000001, burst = 400 } }
  }

  expect_failures = [var.api]
}

run "refuses_burst_that_is_no_burst__zero" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 0 } }
  }

  expect_failures = [var.api]
}

run "refuses_burst_that_is_no_burst__of_a_half" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, token_endpoint = { throttle = { rate = 100, burst = 200.5 } } }
  }

  expect_failures = [var.api]
}

run "refuses_burst_that_is_no_burst__beyond_any" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 9007200 } }
  }

  expect_failures = [var.api]
}

run "refuses_throttle_no_less_than_the_account_default" {
  command = plan

  variables {
    api = { throttle = { rate = 10000, burst = 5000 } }
  }

  expect_failures = [var.api]
}

run "refuses_method_looser_than_its_stage__by_rate" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, token_endpoint = { throttle = { rate = 201, burst = 400 } } }
  }

  expect_failures = [var.api]
}

run "refuses_method_looser_than_its_stage__by_burst" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, token_endpoint = { throttle = { rate = 200, burst = 401 } } }
  }

  expect_failures = [var.api]
}

run "refuses_identity_that_nothing_shows__unknown" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, token_endpoint = { identity = "password" } }
  }

  expect_failures = [var.api]
}

run "refuses_identity_that_nothing_shows__iam_without_signatures" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, token_endpoint = { identity = "iam" } }
  }

  expect_failures = [var.api]
}

run "refuses_identity_that_nothing_shows__jwt_without_a_pool" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, token_endpoint = { identity = "jwt" } }
  }

  expect_failures = [var.api]
}

run "refuses_identity_that_nothing_shows__custom_without_an_authorizer" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, token_endpoint = { identity = "custom" } }
  }

  expect_failures = [var.api]
}

run "refuses_identity_that_nothing_shows__client_secret_from_the_header" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, token_endpoint = { identity = "client_secret" } }
  }

  expect_failures = [var.api]
}

run "refuses_identity_that_nothing_shows__api_key_that_is_not_required" {
  command = plan

  variables {
    api_key_required = false
    authorization    = { type = "AWS_IAM" }
  }

  expect_failures = [var.api]
}

run "refuses_unknown_kind_of_gateway_responses" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, gateway_responses = "html" }
  }

  expect_failures = [var.api]
}

run "refuses_edge_endpoint" {
  command = plan

  variables {
    endpoint_type = "EDGE"
  }

  expect_failures = [var.endpoint_type]
}

run "refuses_vpc_endpoints_of_a_regional_api" {
  command = plan

  variables {
    vpc_endpoint_ids = ["vpce-0123456789abcdef0"]
  }

  expect_failures = [var.vpc_endpoint_ids]
}

run "refuses_resource_policy_that_is_no_json" {
  command = plan

  variables {
    resource_policy = { json = "allow all" }
  }

  expect_failures = [var.resource_policy]
}

run "refuses_private_api_without_a_resource_policy" {
  command = plan

  variables {
    endpoint_type = "PRIVATE"
  }

  expect_failures = [var.resource_policy]
}

################################################################################
# Method
################################################################################

run "refuses_unknown_authorization" {
  command = plan

  variables {
    authorization = { type = "BASIC" }
  }

  expect_failures = [var.authorization]
}

run "refuses_cognito_without_a_user_pool" {
  command = plan

  variables {
    authorization = { type = "COGNITO_USER_POOLS", scopes = ["a/b"] }
  }

  expect_failures = [var.authorization]
}

run "refuses_cognito_without_a_user_pool__but_with_another_arn" {
  command = plan

  variables {
    authorization = { type = "COGNITO_USER_POOLS", scopes = ["a/b"], user_pool_arns = ["arn:aws:s3:::pool"] }
  }

  expect_failures = [var.authorization]
}

run "refuses_cognito_without_a_scope" {
  command = plan

  variables {
    authorization = { type = "COGNITO_USER_POOLS", user_pool_arns = ["arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_abc123"] }
  }

  expect_failures = [var.authorization]
}

run "refuses_custom_without_a_function" {
  command = plan

  variables {
    authorization = { type = "CUSTOM" }
  }

  expect_failures = [var.authorization]
}

run "refuses_unknown_kind_of_authorizer" {
  command = plan

  variables {
    authorization = { type = "CUSTOM", function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:basic", kind = "JWT" }
  }

  expect_failures = [var.authorization]
}

run "refuses_identity_source_that_is_none" {
  command = plan

  variables {
    authorization = { type = "CUSTOM", function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:basic", kind = "REQUEST", identity_source = "method.request.body" }
  }

  expect_failures = [var.authorization]
}

run "refuses_identity_source_that_is_none__of_two_headers_for_a_token" {
  command = plan

  variables {
    authorization = { type = "CUSTOM", function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:basic", identity_source = "method.request.header.A,method.request.header.B" }
  }

  expect_failures = [var.authorization]
}

run "refuses_identity_source_that_is_the_api_key" {
  command = plan

  variables {
    authorization = { type = "CUSTOM", function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:basic", identity_source = "method.request.header.X-Api-Key" }
  }

  expect_failures = [var.authorization]
}

run "refuses_identity_source_that_is_the_api_key__in_the_context" {
  command = plan

  variables {
    authorization = { type = "CUSTOM", kind = "REQUEST", function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:basic", identity_source = "method.request.header.Authorization, context.identity.apiKey" }
  }

  expect_failures = [var.authorization]
}

run "refuses_authorizer_that_is_cached_too_long" {
  command = plan

  variables {
    authorization = { type = "CUSTOM", function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:basic", ttl_seconds = 3601 }
  }

  expect_failures = [var.authorization]
}

run "refuses_authorizer_inputs_that_nothing_reads__function" {
  command = plan

  variables {
    authorization = { type = "NONE", function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:basic" }
  }

  expect_failures = [var.authorization]
}

run "refuses_authorizer_inputs_that_nothing_reads__scopes" {
  command = plan

  variables {
    authorization = { type = "AWS_IAM", scopes = ["a/b"] }
  }

  expect_failures = [var.authorization]
}

run "refuses_caller_without_an_identity" {
  command = plan

  variables {
    api              = { throttle = { rate = 200, burst = 400 } }
    api_key_required = false
  }

  expect_failures = [var.api_key_required]
}

run "refuses_unknown_api_key_source" {
  command = plan

  variables {
    api_key_source = "QUERY"
  }

  expect_failures = [var.api_key_source]
}

run "refuses_key_from_an_authorizer_that_is_not_there" {
  command = plan

  variables {
    api_key_source = "AUTHORIZER"
  }

  expect_failures = [var.api_key_source]
}

################################################################################
# Integration and permission
################################################################################

run "refuses_integration_that_is_no_function__but_an_url" {
  command = plan

  variables {
    function_arn = "https://broker.example.com/token"
  }

  expect_failures = [var.function_arn]
}

run "refuses_integration_that_is_no_function__but_cognito" {
  command = plan

  variables {
    function_arn = "https://example.auth.eu-central-1.amazoncognito.com/oauth2/token"
  }

  expect_failures = [var.function_arn]
}

run "refuses_integration_that_is_no_function__but_a_service" {
  command = plan

  variables {
    function_arn = "arn:aws:apigateway:eu-central-1:sqs:path/123456789012/queue"
  }

  expect_failures = [var.function_arn]
}

run "refuses_integration_that_is_no_function__but_a_stage_variable" {
  command = plan

  variables {
    function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:$${stageVariables.function}"
  }

  expect_failures = [var.function_arn]
}

run "refuses_integration_that_is_no_function__but_the_latest" {
  command = plan

  variables {
    function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:token-broker:$LATEST"
  }

  expect_failures = [var.function_arn]
}

run "refuses_timeout_that_api_gateway_does_not_take__too_short" {
  command = plan

  variables {
    integration_timeout_milliseconds = 49
  }

  expect_failures = [var.integration_timeout_milliseconds]
}

run "refuses_timeout_that_api_gateway_does_not_take__too_long" {
  command = plan

  variables {
    integration_timeout_milliseconds = 29001
  }

  expect_failures = [var.integration_timeout_milliseconds]
}

run "refuses_function_in_another_region" {
  command = plan

  variables {
    function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:token-broker"
  }

  expect_failures = [aws_api_gateway_integration.function]
}

run "refuses_authorizer_in_another_region" {
  command = plan

  variables {
    authorization = { type = "CUSTOM", function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:basic" }
  }

  expect_failures = [aws_api_gateway_authorizer.this]
}

run "refuses_authorizer_of_another_account" {
  command = plan

  variables {
    authorization = { type = "CUSTOM", function_arn = "arn:aws:lambda:eu-central-1:210987654321:function:basic" }
  }

  expect_failures = [aws_lambda_permission.authorizer]
}

run "refuses_function_of_another_account" {
  command = plan

  variables {
    function_arn = "arn:aws:lambda:eu-central-1:210987654321:function:token-broker"
  }

  expect_failures = [aws_lambda_permission.front_door]
}

################################################################################
# Stage
################################################################################

run "refuses_stage_with_a_wrong_name" {
  command = plan

  variables {
    stage_name = "prod/v1"
  }

  expect_failures = [var.stage_name]
}

run "refuses_retention_that_cloudwatch_does_not_take" {
  command = plan

  variables {
    access_log = { retention_days = 31 }
  }

  expect_failures = [var.access_log]
}

run "refuses_retention_that_cloudwatch_does_not_take__for_ever" {
  command = plan

  variables {
    access_log = { retention_days = 0 }
  }

  expect_failures = [var.access_log]
}

run "refuses_kms_key_that_is_none" {
  command = plan

  variables {
    access_log = { kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:alias/logs" }
  }

  expect_failures = [var.access_log]
}

run "refuses_unknown_log_level" {
  command = plan

  variables {
    execution_log_level = "DEBUG"
  }

  expect_failures = [var.execution_log_level]
}

################################################################################
# Usage plans and API keys
################################################################################

run "refuses_plan_with_a_wrong_name" {
  command = plan

  variables {
    plans   = { Standard = { throttle = { rate = 10, burst = 20 } } }
    clients = { billing = { plan = "Standard" } }
  }

  expect_failures = [var.plans]
}

run "refuses_plan_without_a_throttle" {
  command = plan

  variables {
    plans = { standard = { token_endpoint = { rate = 5, burst = 10 } } }
  }

  expect_failures = [var.plans]
}

run "refuses_plan_with_a_rate_that_is_no_rate" {
  command = plan

  variables {
    plans = { standard = { throttle = { rate = 0, burst = 20 } } }
  }

  expect_failures = [var.plans]
}

run "refuses_plan_with_a_rate_that_is_no_rate__for_the_token_endpoint" {
  command = plan

  variables {
    plans = { standard = { throttle = { rate = 10, burst = 20 }, token_endpoint = { rate = 0.0005, burst = 10 } } }
  }

  expect_failures = [var.plans]
}

run "refuses_plan_with_a_burst_that_is_no_burst" {
  command = plan

  variables {
    plans = { standard = { throttle = { rate = 10, burst = 1.5 } } }
  }

  expect_failures = [var.plans]
}

run "refuses_plan_with_a_burst_that_is_no_burst__for_the_token_endpoint" {
  command = plan

  variables {
    plans = { standard = { throttle = { rate = 10, burst = 20 }, token_endpoint = { rate = 5, burst = 0 } } }
  }

  expect_failures = [var.plans]
}

run "refuses_plan_whose_key_takes_all__by_rate" {
  command = plan

  variables {
    plans = { standard = { throttle = { rate = 100, burst = 20 } } }
  }

  expect_failures = [var.plans]
}

run "refuses_plan_whose_key_takes_all__by_burst" {
  command = plan

  variables {
    plans = { standard = { throttle = { rate = 10, burst = 200 } } }
  }

  expect_failures = [var.plans]
}

run "refuses_plan_whose_key_takes_all__of_the_stage" {
  command = plan

  variables {
    api   = { throttle = { rate = 200, burst = 400 } }
    plans = { standard = { throttle = { rate = 200, burst = 20 } } }
  }

  expect_failures = [var.plans]
}

run "refuses_quota_that_lets_nobody_in" {
  command = plan

  variables {
    plans = { standard = { throttle = { rate = 10, burst = 20 }, quota = { limit = 0, period = "day" } } }
  }

  expect_failures = [var.plans]
}

run "refuses_quota_that_lets_nobody_in__of_a_half" {
  command = plan

  variables {
    plans = { standard = { throttle = { rate = 10, burst = 20 }, quota = { limit = 0.5, period = "day" } } }
  }

  expect_failures = [var.plans]
}

run "refuses_quota_with_an_unknown_period" {
  command = plan

  variables {
    plans = { standard = { throttle = { rate = 10, burst = 20 }, quota = { limit = 1, period = "hour" } } }
  }

  expect_failures = [var.plans]
}

run "refuses_quota_with_an_unknown_period__in_upper_case" {
  command = plan

  variables {
    plans = { standard = { throttle = { rate = 10, burst = 20 }, quota = { limit = 1, period = "DAY" } } }
  }

  expect_failures = [var.plans]
}

run "refuses_quota_that_starts_outside_its_period__of_a_day" {
  command = plan

  variables {
    plans = { standard = { throttle = { rate = 10, burst = 20 }, quota = { limit = 1, period = "day", offset = 1 } } }
  }

  expect_failures = [var.plans]
}

run "refuses_quota_that_starts_outside_its_period__of_a_week" {
  command = plan

  variables {
    plans = { standard = { throttle = { rate = 10, burst = 20 }, quota = { limit = 1, period = "week", offset = 7 } } }
  }

  expect_failures = [var.plans]
}

run "refuses_quota_that_starts_outside_its_period__of_a_month" {
  command = plan

  variables {
    plans = { standard = { throttle = { rate = 10, burst = 20 }, quota = { limit = 1, period = "month", offset = 28 } } }
  }

  expect_failures = [var.plans]
}

run "refuses_client_with_a_wrong_name" {
  command = plan

  variables {
    clients = { Billing = { plan = "standard" } }
  }

  expect_failures = [var.clients]
}

run "refuses_client_on_an_unknown_plan" {
  command = plan

  variables {
    clients = { billing = { plan = "standard" }, reports = { plan = "gold" } }
  }

  expect_failures = [var.clients]
}

run "refuses_plan_that_no_client_is_on" {
  command = plan

  variables {
    plans = { standard = { throttle = { rate = 10, burst = 20 } }, gold = { throttle = { rate = 10, burst = 20 } } }
  }

  expect_failures = [var.clients]
}

run "refuses_keys_of_an_unknown_client" {
  command = plan

  variables {
    keys = { reports = { reports = {} } }
  }

  expect_failures = [var.keys]
}

run "refuses_client_without_any_key" {
  command = plan

  variables {
    keys = { billing = {} }
  }

  expect_failures = [var.keys]
}

run "refuses_client_with_too_many_keys" {
  command = plan

  variables {
    keys = { billing = { for i in range(11) : "billing.${i}" => {} } }
  }

  expect_failures = [var.keys]
}

run "refuses_key_with_a_wrong_name" {
  command = plan

  variables {
    keys = { billing = { "Billing 2" = {} } }
  }

  expect_failures = [var.keys]
}

run "refuses_key_that_two_clients_share__named" {
  command = plan

  variables {
    clients = { billing = { plan = "standard" }, reports = { plan = "standard" } }
    keys    = { billing = { shared = {} }, reports = { shared = {} } }
  }

  expect_failures = [var.keys]
}

run "refuses_key_that_two_clients_share__by_the_name_of_one" {
  command = plan

  variables {
    clients = { billing = { plan = "standard" }, reports = { plan = "standard" } }
    keys    = { billing = { billing = {}, reports = {} } }
  }

  expect_failures = [var.keys]
}

################################################################################
# Custom domain and WAF
################################################################################

run "refuses_domain_with_a_wrong_name" {
  command = plan

  variables {
    domain = { name = "https://token.example.com", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab" }
  }

  expect_failures = [var.domain]
}

run "refuses_domain_with_a_wrong_name__for_all_hosts" {
  command = plan

  variables {
    domain = { name = "*.example.com", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab" }
  }

  expect_failures = [var.domain]
}

run "refuses_certificate_that_is_none" {
  command = plan

  variables {
    domain = { name = "token.example.com", certificate_arn = "arn:aws:iam::123456789012:server-certificate/token" }
  }

  expect_failures = [var.domain]
}

run "refuses_base_path_with_a_slash" {
  command = plan

  variables {
    domain = { name = "token.example.com", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab", base_path = "m2m/v1" }
  }

  expect_failures = [var.domain]
}

run "refuses_truststore_that_is_not_in_s3" {
  command = plan

  variables {
    domain = { name = "token.example.com", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab", mutual_tls = { truststore_uri = "https://example.com/roots.pem" } }
  }

  expect_failures = [var.domain]
}

run "refuses_domain_of_a_private_api" {
  command = plan

  variables {
    endpoint_type   = "PRIVATE"
    resource_policy = { json = "{\"Statement\":[]}" }
    domain          = { name = "token.example.com", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab" }
  }

  expect_failures = [var.domain]
}

run "refuses_way_around_mutual_tls" {
  command = plan

  variables {
    disable_execute_api_endpoint = false
    domain                       = { name = "token.example.com", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab", mutual_tls = { truststore_uri = "s3://example-trust/roots.pem" } }
  }

  expect_failures = [var.disable_execute_api_endpoint]
}

run "refuses_api_that_nobody_can_reach" {
  command = plan

  variables {
    disable_execute_api_endpoint = true
  }

  expect_failures = [var.disable_execute_api_endpoint]
}

run "refuses_web_acl_that_is_not_regional" {
  command = plan

  variables {
    web_acl = { arn = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/token/12345678" }
  }

  expect_failures = [var.web_acl]
}
