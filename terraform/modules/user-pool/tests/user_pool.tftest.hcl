# The user pool as token-broker.yaml usually describes it. Nothing is called: the provider is a mock, and what only an
# apply could know is given here.

mock_provider "aws" {
  override_during = plan

  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }

  mock_data "aws_ssm_parameter" {
    defaults = { value = "never-shown-header" }
  }

  mock_resource "aws_cognito_user_pool" {
    defaults = {
      id       = "eu-central-1_AbCdEfGhI"
      arn      = "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_AbCdEfGhI"
      endpoint = "cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI"
    }
  }

  mock_resource "aws_cognito_user_pool_domain" {
    defaults = {
      cloudfront_distribution         = "d111111abcdef8.cloudfront.net"
      cloudfront_distribution_zone_id = "Z2FDTNDATAQYW2"
    }
  }

  mock_resource "aws_wafv2_web_acl" {
    defaults = { arn = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/token-broker-user-pool/1" }
  }

  override_resource {
    target = aws_cognito_user_pool_client.this["m2m"]
    values = { id = "clientm2m", client_secret = "never-shown-m2m" }
  }

  override_resource {
    target = aws_cognito_user_pool_client.this["partner"]
    values = { id = "clientpartner", client_secret = "never-shown-partner" }
  }

  override_resource {
    target = aws_secretsmanager_secret.app_client["m2m"]
    values = { arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:m2m-AbCdEf" }
  }

  override_resource {
    target = aws_secretsmanager_secret.origin[0]
    values = { arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:origin-AbCdEf" }
  }
}

variables {
  domain = { prefix = "example-tokens" }

  clients = {
    billing = { scopes = ["orders/write", "orders/read"] }
    reports = { scopes = ["orders/read", "https://api.example.com/v1/invoices.read"] }
    partner = { scopes = ["orders/read"], app_client = "partner" }
  }

  app_clients = {
    m2m     = { token_validity = "1h30m" }
    partner = { token_validity = "15m" }
  }
}

run "pool_has_no_users_and_cannot_be_deleted" {
  command = plan

  assert {
    condition     = aws_cognito_user_pool.this.admin_create_user_config[0].allow_admin_create_user_only && one(aws_cognito_user_pool.this.account_recovery_setting[0].recovery_mechanism).name == "admin_only"
    error_message = "somebody can sign up, or get in by recovering an account"
  }

  assert {
    condition     = aws_cognito_user_pool.this.deletion_protection == "ACTIVE"
    error_message = "the pool can be deleted"
  }

  assert {
    condition     = length(aws_wafv2_web_acl.origin) + length(aws_wafv2_web_acl_association.origin) + length(aws_ssm_parameter.app_client) + length(aws_ssm_parameter.origin) + length(aws_secretsmanager_secret.origin) == 0
    error_message = "there is something that was not asked for"
  }
}

run "pool_can_be_deleted_if_that_is_asked_for" {
  command = plan

  variables {
    deletion_protection = false
  }

  assert {
    condition     = aws_cognito_user_pool.this.deletion_protection == "INACTIVE"
    error_message = "the pool cannot be deleted"
  }
}

run "resource_servers_have_the_scopes_that_somebody_may_have" {
  command = plan

  assert {
    condition     = keys(aws_cognito_resource_server.this) == ["https://api.example.com/v1", "orders"]
    error_message = "there are other resource servers"
  }

  assert {
    condition     = toset(aws_cognito_resource_server.this["orders"].scope[*].scope_name) == toset(["read", "write"]) && aws_cognito_resource_server.this["orders"].identifier == "orders"
    error_message = "orders has other scopes"
  }

  assert {
    condition     = toset(aws_cognito_resource_server.this["https://api.example.com/v1"].scope[*].scope_name) == toset(["invoices.read"])
    error_message = "the scope of a URL is not what stands behind its last slash"
  }
}

run "app_clients_get_tokens_for_themselves_and_in_no_other_way" {
  command = plan

  assert {
    condition     = keys(aws_cognito_user_pool_client.this) == ["m2m", "partner"]
    error_message = "there are other app clients"
  }

  assert {
    condition     = alltrue([for client in aws_cognito_user_pool_client.this : client.allowed_oauth_flows == toset(["client_credentials"]) && client.allowed_oauth_flows_user_pool_client && client.generate_secret])
    error_message = "an app client has another flow, none, or no secret"
  }

  assert {
    condition     = alltrue([for client in aws_cognito_user_pool_client.this : client.explicit_auth_flows == toset(["ALLOW_REFRESH_TOKEN_AUTH"]) && client.prevent_user_existence_errors == "ENABLED" && client.enable_token_revocation])
    error_message = "somebody can sign in by an app client"
  }

  assert {
    condition     = aws_cognito_user_pool_client.this["m2m"].allowed_oauth_scopes == toset(["https://api.example.com/v1/invoices.read", "orders/read", "orders/write"]) && aws_cognito_user_pool_client.this["partner"].allowed_oauth_scopes == toset(["orders/read"])
    error_message = "an app client has not the scopes of its clients together"
  }

  assert {
    condition     = aws_cognito_user_pool_client.this["m2m"].access_token_validity == 5400 && aws_cognito_user_pool_client.this["partner"].access_token_validity == 900 && alltrue([for client in aws_cognito_user_pool_client.this : client.token_validity_units[0].access_token == "seconds"])
    error_message = "access tokens live for another time"
  }
}

run "tokens_live_an_hour_unless_something_else_is_said" {
  command = plan

  variables {
    app_clients = {}
  }

  assert {
    condition     = aws_cognito_user_pool_client.this["m2m"].access_token_validity == 3600
    error_message = "access tokens live for another time"
  }
}

run "token_endpoint_is_at_the_prefix" {
  command = plan

  assert {
    condition     = output.token_endpoint == "https://example-tokens.auth.eu-central-1.amazoncognito.com/oauth2/token" && output.domain_target == null
    error_message = "the token endpoint is elsewhere"
  }

  assert {
    condition     = output.issuer == "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI"
    error_message = "tokens have another issuer"
  }
}

run "token_endpoint_is_at_a_name_of_ones_own" {
  command = plan

  variables {
    domain = {
      name            = "auth.example.com"
      certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
    }
  }

  assert {
    condition     = output.token_endpoint == "https://auth.example.com/oauth2/token" && aws_cognito_user_pool_domain.this.certificate_arn == var.domain.certificate_arn
    error_message = "the token endpoint is elsewhere, or has another certificate"
  }

  assert {
    condition     = output.domain_target == { name = "d111111abcdef8.cloudfront.net", zone_id = "Z2FDTNDATAQYW2" }
    error_message = "nobody learns where the DNS alias points to"
  }
}

run "secrets_lie_in_secrets_manager_and_outputs_say_where" {
  command = plan

  assert {
    condition     = aws_secretsmanager_secret.app_client["m2m"].name == "token-broker/eu-central-1_AbCdEfGhI/m2m" && aws_secretsmanager_secret.app_client["m2m"].recovery_window_in_days == 30 && aws_secretsmanager_secret.app_client["m2m"].kms_key_id == null
    error_message = "the secret lies elsewhere"
  }

  assert {
    condition     = output.app_clients["m2m"] == { client_id = "clientm2m", secret = "secretsmanager:arn:aws:secretsmanager:eu-central-1:123456789012:secret:m2m-AbCdEf" }
    error_message = "the bindings name another app client, or another place"
  }

  assert {
    condition     = output.upstream.token_endpoint == output.token_endpoint && output.upstream.header == null
    error_message = "the bindings name another upstream"
  }

  # Kept by Terraform neither in the plan nor in the state: it is not there to look at.
  assert {
    condition     = aws_secretsmanager_secret_version.app_client["m2m"].secret_string == null && aws_secretsmanager_secret_version.app_client["m2m"].secret_string_wo == null
    error_message = "Terraform keeps the secret a second time"
  }

  assert {
    condition     = aws_secretsmanager_secret_version.app_client["m2m"].secret_string_wo_version == parseint(substr(sha1("clientm2m"), 0, 8), 16) && aws_secretsmanager_secret_version.app_client["m2m"].secret_string_wo_version != aws_secretsmanager_secret_version.app_client["partner"].secret_string_wo_version
    error_message = "another app client would not be another secret"
  }

  assert {
    condition     = !strcontains(jsonencode([output.user_pool_id, output.user_pool_arn, output.issuer, output.token_endpoint, output.upstream, output.app_clients, output.web_acl_arn]), "never-shown")
    error_message = "an output has a secret in it"
  }
}

run "secrets_lie_in_ssm_if_that_is_asked_for" {
  command = plan

  variables {
    store         = { kind = "ssm", kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555" }
    origin_header = {}
  }

  assert {
    condition     = aws_ssm_parameter.app_client["m2m"].name == "/token-broker/eu-central-1_AbCdEfGhI/m2m" && aws_ssm_parameter.app_client["m2m"].type == "SecureString" && aws_ssm_parameter.app_client["m2m"].key_id == var.store.kms_key_arn
    error_message = "the secret lies elsewhere, or in clear text"
  }

  assert {
    condition     = aws_ssm_parameter.app_client["m2m"].value_wo == null && aws_ssm_parameter.app_client["m2m"].value_wo_version == parseint(substr(sha1("clientm2m"), 0, 8), 16)
    error_message = "Terraform keeps the secret a second time, or another app client would not be another secret"
  }

  assert {
    condition     = aws_ssm_parameter.origin[0].type == "SecureString" && aws_ssm_parameter.origin[0].key_id == var.store.kms_key_arn
    error_message = "the header lies elsewhere, or in clear text"
  }

  assert {
    condition     = output.app_clients["m2m"].secret == "ssm:/token-broker/eu-central-1_AbCdEfGhI/m2m" && output.upstream.header == { name = "x-token-broker-origin", value = "ssm:/token-broker/eu-central-1_AbCdEfGhI/origin-header" }
    error_message = "the bindings name another place"
  }

  assert {
    condition     = length(aws_secretsmanager_secret.app_client) + length(aws_secretsmanager_secret.origin) + length(aws_secretsmanager_secret_version.origin) == 0
    error_message = "there is something in Secrets Manager"
  }
}

run "own_key_encrypts_what_lies_in_secrets_manager" {
  command = plan

  variables {
    store         = { kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555", recovery_window_days = 0 }
    origin_header = {}
  }

  assert {
    condition     = alltrue([for secret in concat(values(aws_secretsmanager_secret.app_client), aws_secretsmanager_secret.origin) : secret.kms_key_id == var.store.kms_key_arn && secret.recovery_window_in_days == 0])
    error_message = "a secret has another key or is kept for another time"
  }

  assert {
    condition     = aws_ssm_parameter.origin_value["1"].key_id == var.store.kms_key_arn && output.secrets_kms_key_arn == var.store.kms_key_arn
    error_message = "the header's value has another key, or the broker is told another one"
  }
}

run "pool_is_reached_by_everybody_until_the_header_is_enforced" {
  command = plan

  variables {
    origin_header = { enforce = false }
  }

  assert {
    condition     = length(aws_wafv2_web_acl.origin[0].default_action[0].allow) == 1 && length(aws_wafv2_web_acl.origin[0].default_action[0].block) == 0
    error_message = "the broker, which does not know the header yet, is shut out"
  }

  assert {
    condition     = length(aws_wafv2_web_acl_association.origin) == 1 && output.upstream.header.name == "x-token-broker-origin"
    error_message = "nothing is counted, or the broker is not told"
  }
}

run "pool_is_reached_by_who_knows_the_header_alone" {
  command = plan

  variables {
    origin_header = {}
  }

  assert {
    condition     = length(aws_wafv2_web_acl.origin[0].default_action[0].block) == 1 && length(aws_wafv2_web_acl.origin[0].default_action[0].allow) == 0
    error_message = "requests without the header reach the pool"
  }

  assert {
    condition     = aws_wafv2_web_acl.origin[0].scope == "REGIONAL" && aws_wafv2_web_acl_association.origin[0].resource_arn == output.user_pool_arn && aws_wafv2_web_acl_association.origin[0].web_acl_arn == output.web_acl_arn
    error_message = "the web ACL is not before the pool"
  }

  assert {
    condition     = toset([for rule in aws_wafv2_web_acl.origin[0].rule : nonsensitive(rule.name)]) == toset(["header-1", "published"])
    error_message = "other requests are let in"
  }

  assert {
    condition = nonsensitive([for rule in aws_wafv2_web_acl.origin[0].rule : [
      rule.statement[0].byte_match_statement[0].positional_constraint,
      rule.statement[0].byte_match_statement[0].field_to_match[0].single_header[0].name,
    ] if rule.name == "header-1"]) == [["EXACTLY", "x-token-broker-origin"]]
    error_message = "another header lets in"
  }

  # Both of a method and a path; of what they match, tests against a server say more.
  assert {
    condition = nonsensitive([for rule in aws_wafv2_web_acl.origin[0].rule : [
      one(flatten(rule.statement[0].and_statement[0].statement[*].byte_match_statement[*].search_string)),
      one(flatten(rule.statement[0].and_statement[0].statement[*].regex_match_statement[*].regex_string)),
    ] if rule.name == "published"]) == [["GET", local.published]]
    error_message = "nobody can verify tokens, or more than that is let in"
  }

  assert {
    condition     = !anytrue(concat([for rule in aws_wafv2_web_acl.origin[0].rule : nonsensitive(rule.visibility_config[0].sampled_requests_enabled)], aws_wafv2_web_acl.origin[0].visibility_config[*].sampled_requests_enabled))
    error_message = "samples of requests show the header"
  }

  assert {
    condition     = output.upstream.header == { name = "x-token-broker-origin", value = "secretsmanager:arn:aws:secretsmanager:eu-central-1:123456789012:secret:origin-AbCdEf" }
    error_message = "the broker is told another header"
  }

  assert {
    condition     = aws_ssm_parameter.origin_value["1"].type == "SecureString" && aws_ssm_parameter.origin_value["1"].value_wo == null && aws_secretsmanager_secret_version.origin[0].secret_string_wo == null
    error_message = "Terraform keeps the value a second time, or in clear text"
  }

  assert {
    condition     = issensitive(local.origin_header.value) && issensitive(local.origin_header.version) && !issensitive(output.upstream)
    error_message = "the header's value is shown"
  }
}
