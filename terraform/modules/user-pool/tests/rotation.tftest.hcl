# The origin header from one value to the next. It is applied, to a mock: which value is the broker's hangs on ids that no
# plan knows.

mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }

  mock_data "aws_secretsmanager_random_password" {
    defaults = { random_password = "generated" }
  }

  mock_resource "aws_cognito_user_pool" {
    defaults = { arn = "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_AbCdEfGhI" }
  }

  mock_resource "aws_secretsmanager_secret" {
    defaults = { id = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:origin-AbCdEf" }
  }

  mock_resource "aws_wafv2_web_acl" {
    defaults = { arn = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/token-broker-user-pool/1" }
  }
}

variables {
  domain  = { prefix = "example-tokens" }
  clients = { billing = { scopes = ["orders/read"] } }
}

run "first_value_is_the_brokers" {
  variables {
    origin_header = { name = "x-edge" }
  }

  assert {
    condition     = aws_secretsmanager_secret_version.origin[0].secret_string_wo_version == parseint(substr(sha1(terraform_data.origin["1"].id), 0, 8), 16)
    error_message = "the broker is told another value"
  }

  assert {
    condition     = [for rule in aws_wafv2_web_acl.origin[0].rule : nonsensitive(rule.statement[0].byte_match_statement[0].search_string) if rule.name == "header-1"] == ["generated"]
    error_message = "another value is let in"
  }
}

run "both_values_are_let_in_and_the_last_one_is_the_brokers" {
  variables {
    origin_header = { name = "x-edge", values = ["1", "2"] }
  }

  assert {
    condition     = toset([for rule in aws_wafv2_web_acl.origin[0].rule : rule.name if length(rule.statement[0].byte_match_statement[0].field_to_match[0].single_header) == 1]) == toset(["header-1", "header-2"])
    error_message = "one of the two values is refused"
  }

  # The value itself is in nothing that can be looked at; its version says which it is.
  assert {
    condition     = aws_secretsmanager_secret_version.origin[0].secret_string_wo_version == parseint(substr(sha1(terraform_data.origin["2"].id), 0, 8), 16)
    error_message = "the broker is not told the last value"
  }

  assert {
    condition     = output.upstream.header.name == "x-edge"
    error_message = "the broker is told another header"
  }
}

run "first_value_is_refused_once_it_is_gone" {
  variables {
    origin_header = { name = "x-edge", values = ["2"] }
  }

  assert {
    condition     = keys(terraform_data.origin) == ["2"] && [for rule in aws_wafv2_web_acl.origin[0].rule : rule.name if startswith(rule.name, "header-")] == ["header-2"]
    error_message = "the old value is let in"
  }
}
