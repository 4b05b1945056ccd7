# The example as it stands, and with the definition that `token-broker up` writes. The provider is a mock.

mock_provider "aws" {
  override_during = plan

  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
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
    defaults = { arn = "arn:aws:iam::123456789012:role/token-broker-api-gateway-logging" }
  }
}

variables {
  function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:token-broker"
}

run "definition_beside_it_becomes_a_front_door" {
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
    condition     = length(aws_api_gateway_account.logging) + length(aws_iam_role.logging) + length(aws_iam_role_policy_attachment.logging) == 0
    error_message = "the account is changed without being asked for"
  }
}

run "definition_that_up_writes_becomes_one_too" {
  command = plan

  variables {
    definition_file = "../../../crates/config/src/default.yaml"
    keys            = { billing = { billing = {}, "billing.2" = {} } }
  }

  assert {
    condition     = keys(output.api_key_ids) == ["billing", "billing.2", "partner", "reports"] && output.stage_name == "prod"
    error_message = "the clients have other keys, or the stage another name"
  }
}

run "account_may_write_logs_if_that_is_asked_for" {
  command = plan

  variables {
    manage_account_logging = true
  }

  assert {
    condition     = aws_api_gateway_account.logging[0].cloudwatch_role_arn == "arn:aws:iam::123456789012:role/token-broker-api-gateway-logging" && jsondecode(aws_iam_role.logging[0].assume_role_policy).Statement[0].Principal.Service == "apigateway.amazonaws.com"
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
