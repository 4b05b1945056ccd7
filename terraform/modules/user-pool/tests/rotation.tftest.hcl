# The origin header from one value to the next. It is applied, to a mock: which value is the broker's hangs on ids that no
# plan knows.

mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }

  override_data {
    target = data.aws_ssm_parameter.origin_value["1"]
    values = { value = "first" }
  }

  override_data {
    target = data.aws_ssm_parameter.origin_value["2"]
    values = { value = "second" }
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
    condition     = nonsensitive(local.origin_header.value) == "first"
    error_message = "the broker is told another value"
  }

  assert {
    condition     = nonsensitive({ for rule in aws_wafv2_web_acl.origin[0].rule : rule.name => rule.statement[0].byte_match_statement[0].search_string if rule.name != "published" }) == { header-1 = "first" }
    error_message = "another value is let in"
  }

  assert {
    condition     = nonsensitive(one([for rule in aws_wafv2_web_acl.origin[0].rule : rule.priority if rule.name == "header-1"])) == 10 + parseint("356a19", 16)
    error_message = "the rule stands elsewhere than its name says"
  }
}

run "both_values_are_let_in_and_the_last_one_is_the_brokers" {
  variables {
    origin_header = { name = "x-edge", values = ["1", "2"] }
  }

  assert {
    condition     = nonsensitive({ for rule in aws_wafv2_web_acl.origin[0].rule : rule.name => rule.statement[0].byte_match_statement[0].search_string if rule.name != "published" }) == { header-1 = "first", header-2 = "second" }
    error_message = "one of the two values is refused"
  }

  assert {
    condition     = nonsensitive(local.origin_header.value) == "second"
    error_message = "the broker is not told the last value"
  }

  # The value itself is in nothing that can be looked at; its version says that it is another one.
  assert {
    condition     = nonsensitive(aws_secretsmanager_secret_version.origin[0].secret_string_wo_version) == nonsensitive(local.origin_header.version) && nonsensitive(local.origin_header.version) == parseint(substr(sha1(jsonencode(["second", null, "x-edge"])), 0, 8), 16)
    error_message = "the entry is not written again"
  }

  assert {
    condition     = output.upstream.header.name == "x-edge" && output.upstream.header.value == "secretsmanager:${aws_secretsmanager_secret.origin[0].arn}"
    error_message = "the broker is told another header"
  }

  assert {
    condition     = nonsensitive(one([for rule in aws_wafv2_web_acl.origin[0].rule : rule.priority if rule.name == "header-1"])) == 10 + parseint("356a19", 16)
    error_message = "the rule of the first value has moved"
  }
}

run "first_value_is_refused_once_it_is_gone" {
  variables {
    origin_header = { name = "x-edge", values = ["2"] }
  }

  assert {
    condition     = keys(aws_ssm_parameter.origin_value) == ["2"] && nonsensitive({ for rule in aws_wafv2_web_acl.origin[0].rule : rule.name => rule.statement[0].byte_match_statement[0].search_string if rule.name != "published" }) == { header-2 = "second" }
    error_message = "the old value is let in"
  }
}
