# What the module refuses. Each `validation` and `precondition` begins with the name of the run here that makes it fail; where
# it takes several to show it, two underscores and the case follow the name. Everything but what a run writes is right.

mock_provider "aws" {
  override_during = plan

  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }
}

variables {
  domain  = { prefix = "example-tokens" }
  clients = { billing = { scopes = ["orders/read"] } }
}

run "accepts_what_the_runs_below_change" {
  command = plan

  assert {
    condition     = keys(aws_cognito_user_pool_client.this) == ["m2m"]
    error_message = "there is another app client"
  }
}

run "refuses_wrong_name" {
  command = plan

  variables {
    name = "Token_Broker"
  }

  expect_failures = [var.name]
}

run "refuses_wrong_name__that_aws_keeps_for_itself" {
  command = plan

  variables {
    name = "ssm-tokens"
  }

  expect_failures = [var.name]
}

################################################################################
# App clients
################################################################################

run "refuses_pool_without_a_client" {
  command = plan

  variables {
    clients = {}
  }

  expect_failures = [var.clients]
}

run "refuses_client_without_a_scope" {
  command = plan

  variables {
    clients = { billing = { scopes = [] } }
  }

  expect_failures = [var.clients]
}

run "refuses_scope_of_no_resource_server" {
  command = plan

  variables {
    clients = { billing = { scopes = ["openid"] } }
  }

  expect_failures = [var.clients]
}

run "refuses_scope_of_no_resource_server__with_a_space" {
  command = plan

  variables {
    clients = { billing = { scopes = ["orders/read orders/write"] } }
  }

  expect_failures = [var.clients]
}

run "refuses_scope_of_no_resource_server__without_a_name" {
  command = plan

  variables {
    clients = { billing = { scopes = ["orders/"] } }
  }

  expect_failures = [var.clients]
}

run "refuses_grant_other_than_client_credentials" {
  command = plan

  variables {
    clients = { billing = { scopes = ["orders/read"], grants = ["client_credentials", "refresh_token"] } }
  }

  expect_failures = [var.clients]
}

run "refuses_app_client_with_a_wrong_name" {
  command = plan

  variables {
    clients = { billing = { scopes = ["orders/read"], app_client = "two words" } }
  }

  expect_failures = [var.clients]
}

run "refuses_app_client_with_too_many_scopes" {
  command = plan

  variables {
    clients = {
      billing = { scopes = [for number in range(30) : "orders/${number}"] }
      reports = { scopes = [for number in range(21) : "invoices/${number}"] }
    }
  }

  expect_failures = [var.clients]
}

run "refuses_resource_server_with_too_many_scopes" {
  command = plan

  variables {
    clients = {
      first  = { scopes = [for number in range(50) : "orders/${number}"] }
      second = { scopes = [for number in range(50) : "orders/${number + 50}"], app_client = "second" }
      third  = { scopes = ["orders/100"], app_client = "third" }
    }
  }

  expect_failures = [var.clients]
}

run "refuses_validity_that_is_no_duration" {
  command = plan

  variables {
    app_clients = { m2m = { token_validity = "an hour" } }
  }

  expect_failures = [var.app_clients]
}

run "refuses_validity_that_is_no_duration__but_nothing" {
  command = plan

  variables {
    app_clients = { m2m = { token_validity = "" } }
  }

  expect_failures = [var.app_clients]
}

run "refuses_validity_that_cognito_does_not_take__too_short" {
  command = plan

  variables {
    app_clients = { m2m = { token_validity = "4m59s" } }
  }

  expect_failures = [aws_cognito_user_pool_client.this["m2m"]]
}

run "refuses_validity_that_cognito_does_not_take__too_long" {
  command = plan

  variables {
    app_clients = { m2m = { token_validity = "24h1s" } }
  }

  expect_failures = [aws_cognito_user_pool_client.this["m2m"]]
}

run "refuses_app_client_that_no_client_uses" {
  command = plan

  variables {
    app_clients = { m2m = {}, partner = {} }
  }

  expect_failures = [var.app_clients]
}

################################################################################
# Domain
################################################################################

run "refuses_domain_that_is_both_or_none" {
  command = plan

  variables {
    domain = {}
  }

  expect_failures = [var.domain]
}

run "refuses_domain_that_is_both_or_none__but_both" {
  command = plan

  variables {
    domain = {
      prefix          = "example-tokens"
      name            = "auth.example.com"
      certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1"
    }
  }

  expect_failures = [var.domain]
}

run "refuses_prefix_that_cognito_does_not_take" {
  command = plan

  variables {
    domain = { prefix = "Example.Tokens" }
  }

  expect_failures = [var.domain]
}

run "refuses_prefix_that_cognito_does_not_take__with_a_word_of_its_own" {
  command = plan

  variables {
    domain = { prefix = "my-cognito-tokens" }
  }

  expect_failures = [var.domain]
}

run "refuses_name_that_is_no_host" {
  command = plan

  variables {
    domain = {
      name            = "https://auth.example.com"
      certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1"
    }
  }

  expect_failures = [var.domain]
}

run "refuses_name_without_its_certificate" {
  command = plan

  variables {
    domain = { name = "auth.example.com" }
  }

  expect_failures = [var.domain]
}

run "refuses_name_without_its_certificate__but_one_of_another_region" {
  command = plan

  variables {
    domain = {
      name            = "auth.example.com"
      certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1"
    }
  }

  expect_failures = [var.domain]
}

run "refuses_name_without_its_certificate__and_certificate_without_a_name" {
  command = plan

  variables {
    domain = { prefix = "example-tokens", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1" }
  }

  expect_failures = [var.domain]
}

################################################################################
# Secrets
################################################################################

run "refuses_store_that_keeps_no_secrets" {
  command = plan

  variables {
    store = { kind = "environment" }
  }

  expect_failures = [var.store]
}

run "refuses_kms_key_that_is_none" {
  command = plan

  variables {
    store = { kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:alias/secrets" }
  }

  expect_failures = [var.store]
}

run "refuses_recovery_window_that_secrets_manager_does_not_take" {
  command = plan

  variables {
    store = { recovery_window_days = 3 }
  }

  expect_failures = [var.store]
}

run "refuses_recovery_window_that_secrets_manager_does_not_take__but_half_a_day_more" {
  command = plan

  variables {
    store = { recovery_window_days = 7.5 }
  }

  expect_failures = [var.store]
}

################################################################################
# Who reaches the pool
################################################################################

run "refuses_origin_header_with_a_wrong_name" {
  command = plan

  variables {
    origin_header = { name = "Authorization" }
  }

  expect_failures = [var.origin_header]
}

run "refuses_origin_header_without_one_or_two_values" {
  command = plan

  variables {
    origin_header = { values = [] }
  }

  expect_failures = [var.origin_header]
}

run "refuses_origin_header_without_one_or_two_values__but_three" {
  command = plan

  variables {
    origin_header = { values = ["1", "2", "3"] }
  }

  expect_failures = [var.origin_header]
}

run "refuses_origin_header_without_one_or_two_values__but_one_twice" {
  command = plan

  variables {
    origin_header = { values = ["1", "1"] }
  }

  expect_failures = [var.origin_header]
}

run "refuses_origin_header_without_one_or_two_values__but_the_value_itself" {
  command = plan

  variables {
    origin_header = { values = ["0123456789abcdefghij0123456789ab"] }
  }

  expect_failures = [var.origin_header]
}
