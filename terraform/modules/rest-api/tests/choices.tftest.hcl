# What may be added to the front door: authorizers, a resource policy, a private endpoint, a custom domain, a firewall.

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
    defaults = { arn = "arn:aws:apigateway:eu-central-1::/restapis/abcde12345/stages/prod" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:access" }
  }

  mock_resource "aws_api_gateway_authorizer" {
    defaults = { id = "auth01" }
  }

  mock_resource "aws_api_gateway_domain_name" {
    defaults = {
      regional_domain_name = "d-abc.execute-api.eu-central-1.amazonaws.com"
      regional_zone_id     = "Z1U9ULNL0V5AJ3"
    }
  }
}

variables {
  function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:token-broker"
  stage_name   = "prod"
  api          = { throttle = { rate = 200, burst = 400 } }
}

################################################################################
# Authorization
################################################################################

run "iam_identifies_callers_without_a_key" {
  command = plan

  variables {
    api              = { throttle = { rate = 200, burst = 400 }, token_endpoint = { identity = "iam" } }
    api_key_required = false
    authorization    = { type = "AWS_IAM" }
  }

  assert {
    condition     = aws_api_gateway_method.post_token.authorization == "AWS_IAM" && !aws_api_gateway_method.post_token.api_key_required
    error_message = "the method does not ask for a signature alone"
  }

  assert {
    condition     = length(aws_api_gateway_authorizer.this) == 0
    error_message = "there is an authorizer that nothing needs"
  }
}

run "user_pool_identifies_callers_by_access_tokens" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, token_endpoint = { identity = "jwt" } }
    authorization = {
      type           = "COGNITO_USER_POOLS"
      user_pool_arns = ["arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_abc123"]
      scopes         = ["token-broker/ask"]
    }
  }

  assert {
    condition     = aws_api_gateway_method.post_token.authorization == "COGNITO_USER_POOLS" && aws_api_gateway_method.post_token.authorizer_id == "auth01" && aws_api_gateway_method.post_token.authorization_scopes == toset(["token-broker/ask"])
    error_message = "the method does not ask the user pool"
  }

  assert {
    condition     = aws_api_gateway_authorizer.this[0].type == "COGNITO_USER_POOLS" && one(aws_api_gateway_authorizer.this[0].provider_arns) == "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_abc123" && length(aws_lambda_permission.authorizer) == 0
    error_message = "the authorizer is not the user pool"
  }
}

run "custom_authorizer_of_one_header_may_be_invoked_by_its_own_arn" {
  command = plan

  variables {
    api            = { throttle = { rate = 200, burst = 400 }, token_endpoint = { identity = "client_secret" } }
    api_key_source = "AUTHORIZER"
    authorization = {
      type         = "CUSTOM"
      function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:basic:live"
    }
  }

  assert {
    condition     = aws_api_gateway_method.post_token.authorization == "CUSTOM" && aws_api_gateway_method.post_token.authorizer_id == "auth01" && aws_api_gateway_rest_api.this.api_key_source == "AUTHORIZER"
    error_message = "the method does not ask the authorizer"
  }

  assert {
    condition     = aws_api_gateway_authorizer.this[0].type == "TOKEN" && aws_api_gateway_authorizer.this[0].identity_source == "method.request.header.Authorization" && aws_api_gateway_authorizer.this[0].authorizer_result_ttl_in_seconds == 300
    error_message = "the authorizer reads something else"
  }

  assert {
    condition     = aws_api_gateway_authorizer.this[0].authorizer_uri == "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:123456789012:function:basic:live/invocations"
    error_message = "the authorizer is another function"
  }

  assert {
    condition     = aws_lambda_permission.authorizer[0].source_arn == "arn:aws:execute-api:eu-central-1:123456789012:abcde12345/authorizers/auth01"
    error_message = "the permission is for another call"
  }

  assert {
    condition     = aws_lambda_permission.authorizer[0].function_name == "basic" && aws_lambda_permission.authorizer[0].qualifier == "live"
    error_message = "the permission is for another function"
  }
}

run "custom_authorizer_of_the_whole_request_can_go_uncached" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, token_endpoint = { identity = "custom" } }
    authorization = {
      type            = "CUSTOM"
      kind            = "REQUEST"
      function_arn    = "arn:aws:lambda:eu-central-1:123456789012:function:basic"
      identity_source = "method.request.header.Authorization, context.identity.sourceIp"
      ttl_seconds     = 0
    }
  }

  assert {
    condition     = aws_api_gateway_authorizer.this[0].type == "REQUEST" && aws_api_gateway_authorizer.this[0].authorizer_result_ttl_in_seconds == 0 && aws_lambda_permission.authorizer[0].qualifier == null
    error_message = "the authorizer is of another kind, or cached"
  }
}

################################################################################
# Endpoint and resource policy
################################################################################

run "private_api_admits_whom_its_policy_names" {
  command = plan

  variables {
    endpoint_type    = "PRIVATE"
    vpc_endpoint_ids = ["vpce-0123456789abcdef0"]
    resource_policy = {
      json = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"execute-api:Invoke\",\"Resource\":\"execute-api:/prod/POST/oauth2/token\",\"Condition\":{\"StringEquals\":{\"aws:SourceVpce\":\"vpce-0123456789abcdef0\"}}}]}"
    }
  }

  assert {
    condition     = aws_api_gateway_rest_api.this.endpoint_configuration[0].types == tolist(["PRIVATE"]) && aws_api_gateway_rest_api.this.endpoint_configuration[0].vpc_endpoint_ids == toset(["vpce-0123456789abcdef0"])
    error_message = "the API is not private"
  }

  assert {
    condition     = jsondecode(aws_api_gateway_rest_api_policy.this[0].policy).Statement[0].Resource == "arn:aws:execute-api:eu-central-1:123456789012:abcde12345/prod/POST/oauth2/token"
    error_message = "the shorthand is not expanded, so that every plan would show a change"
  }

  assert {
    condition     = jsondecode(aws_api_gateway_rest_api_policy.this[0].policy).Statement[0].Action == "execute-api:Invoke"
    error_message = "the action is not what was written"
  }
}

run "regional_api_can_have_a_policy_too" {
  command = plan

  variables {
    resource_policy = { json = "{\"Statement\":[]}" }
  }

  assert {
    condition     = length(aws_api_gateway_rest_api_policy.this) == 1
    error_message = "the policy is not there"
  }
}

################################################################################
# Custom domain and WAF
################################################################################

run "domain_is_the_only_way_in" {
  command = plan

  variables {
    domain = {
      name            = "token.example.com"
      certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab"
      base_path       = "m2m"
      mutual_tls      = { truststore_uri = "s3://example-trust/roots.pem", truststore_version = "v1" }
    }
  }

  assert {
    condition     = aws_api_gateway_domain_name.this[0].domain_name == "token.example.com" && aws_api_gateway_domain_name.this[0].security_policy == "TLS_1_2" && aws_api_gateway_domain_name.this[0].endpoint_configuration[0].types == tolist(["REGIONAL"])
    error_message = "the domain is another, or speaks old TLS"
  }

  assert {
    condition     = one(aws_api_gateway_domain_name.this[0].mutual_tls_authentication).truststore_uri == "s3://example-trust/roots.pem" && one(aws_api_gateway_domain_name.this[0].mutual_tls_authentication).truststore_version == "v1"
    error_message = "clients need no certificate"
  }

  assert {
    condition     = aws_api_gateway_rest_api.this.disable_execute_api_endpoint
    error_message = "the execute-api endpoint is a way around"
  }

  assert {
    condition     = aws_api_gateway_base_path_mapping.this[0].base_path == "m2m" && aws_api_gateway_base_path_mapping.this[0].stage_name == "prod" && aws_api_gateway_base_path_mapping.this[0].api_id == "abcde12345"
    error_message = "the domain leads elsewhere"
  }

  assert {
    condition     = output.invoke_url == "https://token.example.com/m2m/oauth2/token" && output.domain_target == { name = "d-abc.execute-api.eu-central-1.amazonaws.com", zone_id = "Z1U9ULNL0V5AJ3" }
    error_message = "the outputs name something else"
  }
}

run "domain_without_certificates_may_stand_beside_the_old_url" {
  command = plan

  variables {
    domain = {
      name            = "token.example.com"
      certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab"
    }
    disable_execute_api_endpoint = false
  }

  assert {
    condition     = !aws_api_gateway_rest_api.this.disable_execute_api_endpoint && length(aws_api_gateway_domain_name.this[0].mutual_tls_authentication) == 0
    error_message = "the old URL is gone, or clients need certificates"
  }

  assert {
    condition     = output.invoke_url == "https://token.example.com/oauth2/token"
    error_message = "the URL is another"
  }
}

run "firewall_stands_before_the_stage" {
  command = plan

  variables {
    web_acl = { arn = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/token/12345678" }
  }

  assert {
    condition     = aws_wafv2_web_acl_association.this[0].resource_arn == "arn:aws:apigateway:eu-central-1::/restapis/abcde12345/stages/prod" && endswith(aws_wafv2_web_acl_association.this[0].web_acl_arn, "webacl/token/12345678")
    error_message = "the firewall is not before the stage"
  }
}
