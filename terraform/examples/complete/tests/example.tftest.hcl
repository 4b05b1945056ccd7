# The example as it stands, and with the definition that `token-broker up` writes. The provider is a mock.

mock_provider "aws" {
  override_during = plan

  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_resource "aws_api_gateway_rest_api" {
    defaults = { execution_arn = "arn:aws:execute-api:eu-central-1:123456789012:abcde12345" }
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

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/token-broker" }
  }

  mock_resource "aws_lambda_alias" {
    defaults = { arn = "arn:aws:lambda:eu-central-1:123456789012:function:token-broker:live" }
  }

  mock_resource "aws_cognito_user_pool" {
    defaults = {
      id  = "eu-central-1_AbCdEfGhI"
      arn = "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_AbCdEfGhI"
    }
  }

  mock_resource "aws_cognito_user_pool_client" {
    defaults = { id = "client1", client_secret = "never-shown" }
  }

  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:token-broker/pool/m2m-AbCdEf" }
  }

  mock_resource "aws_wafv2_web_acl" {
    defaults = { arn = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/token-broker-user-pool/1" }
  }

  override_resource {
    target = module.rest_api.aws_api_gateway_api_key.client["billing"]
    values = { id = "keyofbill1" }
  }

  override_resource {
    target = module.rest_api.aws_api_gateway_api_key.client["partner"]
    values = { id = "keyofpart1" }
  }

  override_resource {
    target = module.rest_api.aws_api_gateway_api_key.client["reports"]
    values = { id = "keyofrepo1" }
  }

  override_resource {
    target = module.rest_api.aws_api_gateway_api_key.client["billing.2"]
    values = { id = "keyofbill2" }
  }

  override_resource {
    target = module.broker.aws_ssm_parameter.bindings[0]
    values = { arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/token-broker/bindings" }
  }
}

variables {
  package_file        = "tests/package.zip"
  extension_layer_arn = "arn:aws:lambda:eu-central-1:187925254637:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:12"
  domain_prefix       = "example-tokens"
}

run "front_door_broker_and_user_pool_come_out_of_one_definition" {
  command = plan

  assert {
    condition     = output.invoke_url == "https://abcde12345.execute-api.eu-central-1.amazonaws.com/prod/oauth2/token" && output.stage_name == "prod"
    error_message = "the front door is elsewhere"
  }

  assert {
    condition     = keys(output.api_key_ids) == ["billing", "partner", "reports"] && issensitive(output.api_key_values)
    error_message = "the clients have other keys, or their values can be read"
  }

  assert {
    condition     = keys(module.user_pool.app_clients) == ["m2m", "partner"] && module.user_pool.token_endpoint == "https://example-tokens.auth.eu-central-1.amazoncognito.com/oauth2/token"
    error_message = "the user pool has other app clients, or is elsewhere"
  }

  assert {
    condition     = output.package_sha256 == filebase64sha256("tests/package.zip") && output.function_name == "token-broker"
    error_message = "the broker is another package"
  }

  assert {
    condition     = length(aws_api_gateway_account.logging) + length(aws_iam_role.logging) + length(aws_iam_role_policy_attachment.logging) == 0 && module.user_pool.web_acl_arn == null
    error_message = "there is something that was not asked for"
  }
}

run "broker_is_told_which_definition_it_must_find_and_decrypts_by_the_pools_key" {
  command = plan

  variables {
    secrets_kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  }

  assert {
    condition     = module.user_pool.secrets_kms_key_arn == var.secrets_kms_key_arn && module.broker.secrets_kms_key_arn == var.secrets_kms_key_arn
    error_message = "secrets are encrypted by one key and decrypted by another"
  }

  assert {
    condition     = module.broker.definition_sha256 == filesha256("token-broker.yaml")
    error_message = "a package with another definition would run"
  }
}

run "definition_that_up_writes_becomes_the_same" {
  command = plan

  variables {
    definition_file = "../../../crates/config/src/default.yaml"
    keys            = { billing = { billing = {}, "billing.2" = {} } }
    origin_header   = {}
  }

  assert {
    condition     = keys(output.api_key_ids) == ["billing", "billing.2", "partner", "reports"] && keys(module.user_pool.app_clients) == ["m2m", "partner"]
    error_message = "the clients have other keys or app clients"
  }

  assert {
    condition     = module.user_pool.upstream.header.name == "x-token-broker-origin" && module.user_pool.web_acl_arn != null
    error_message = "everybody reaches the user pool"
  }
}

run "account_may_write_logs_if_that_is_asked_for" {
  command = plan

  variables {
    manage_account_logging = true
  }

  assert {
    condition     = aws_api_gateway_account.logging[0].cloudwatch_role_arn == "arn:aws:iam::123456789012:role/token-broker" && jsondecode(aws_iam_role.logging[0].assume_role_policy).Statement[0].Principal.Service == "apigateway.amazonaws.com"
    error_message = "API Gateway has no role to write logs by"
  }
}

run "refuses_definition_that_is_none__but_hcl" {
  command = plan

  variables {
    definition_file = "versions.tf"
  }

  expect_failures = [var.definition_file]
}

run "refuses_definition_that_is_none__because_it_is_not_there" {
  command = plan

  variables {
    definition_file = "nowhere.yaml"
  }

  expect_failures = [var.definition_file]
}

run "refuses_definition_without_an_aws_home" {
  command = plan

  variables {
    definition_file = "tests/local-only.yaml"
  }

  expect_failures = [var.definition_file]
}
