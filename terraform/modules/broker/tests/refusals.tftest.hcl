# What the module refuses. Each `validation` and `precondition` begins with the name of the run here that makes it fail; where
# it takes several to show it, two underscores and the case follow the name. Everything but what a run writes is right.

mock_provider "aws" {
  override_during = plan

  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/token-broker-eu-central-1" }
  }
}

variables {
  package_file        = "tests/package.zip"
  extension_layer_arn = "arn:aws:lambda:eu-central-1:187925254637:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:12"

  bindings = {
    keys        = { a1b2c3d4e5 = "billing" }
    upstream    = { token_endpoint = "https://example-tokens.auth.eu-central-1.amazoncognito.com/oauth2/token" }
    app_clients = { m2m = { client_id = "clientm2m", secret = "ssm:/token-broker/pool/m2m" } }
  }
}

run "accepts_what_the_runs_below_change" {
  command = plan

  assert {
    condition     = aws_lambda_function.this.function_name == "token-broker"
    error_message = "the function has another name"
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
    name = "aws-tokens"
  }

  expect_failures = [var.name]
}

################################################################################
# Package
################################################################################

run "refuses_package_that_is_not_there" {
  command = plan

  variables {
    package_file = "tests/nowhere.zip"
  }

  expect_failures = [var.package_file]
}

run "refuses_package_that_is_not_there__but_a_file_that_is_no_zip" {
  command = plan

  variables {
    package_file = "main.tf"
  }

  expect_failures = [var.package_file]
}

run "refuses_package_that_is_another_one" {
  command = plan

  variables {
    package_sha256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
  }

  expect_failures = [var.package_sha256]
}

run "refuses_definition_outside_the_package" {
  command = plan

  variables {
    definition_path = "/tmp/token-broker.yaml"
  }

  expect_failures = [var.definition_path]
}

run "refuses_definition_outside_the_package__by_two_dots" {
  command = plan

  variables {
    definition_path = "/var/task/../../tmp/token-broker.yaml"
  }

  expect_failures = [var.definition_path]
}

run "refuses_unknown_architecture" {
  command = plan

  variables {
    architecture        = "riscv64"
    extension_layer_arn = "arn:aws:lambda:eu-central-1:187925254637:layer:AWS-Parameters-and-Secrets-Lambda-Extension:12"
  }

  expect_failures = [var.architecture]
}

run "refuses_layer_that_is_another_one" {
  command = plan

  variables {
    extension_layer_arn = "arn:aws:lambda:eu-central-1:187925254637:layer:my-layer-Arm64:12"
  }

  expect_failures = [var.extension_layer_arn]
}

run "refuses_layer_that_is_another_one__because_it_has_no_version" {
  command = plan

  variables {
    extension_layer_arn = "arn:aws:lambda:eu-central-1:187925254637:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:"
  }

  expect_failures = [var.extension_layer_arn]
}

run "refuses_layer_of_somebody_else" {
  command = plan

  variables {
    extension_layer_arn = "arn:aws:lambda:eu-central-1:123456789012:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:12"
  }

  expect_failures = [var.extension_layer_arn]
}

run "refuses_layer_of_somebody_else__though_the_account_is_awss_elsewhere" {
  command = plan

  variables {
    extension_layer_arn = "arn:aws:lambda:eu-central-1:177933569100:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:12"
  }

  expect_failures = [var.extension_layer_arn]
}

run "refuses_layer_of_somebody_else__in_a_region_that_is_not_known" {
  command = plan

  variables {
    extension_layer_arn = "arn:aws:lambda:eu-nowhere-1:187925254637:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:12"
  }

  expect_failures = [var.extension_layer_arn]
}

run "refuses_layer_of_somebody_else__than_who_was_named" {
  command = plan

  variables {
    extension_layer_account = "123456789012"
  }

  expect_failures = [var.extension_layer_arn]
}

run "refuses_account_that_is_none" {
  command = plan

  variables {
    extension_layer_account = "187925254637:layer"
  }

  expect_failures = [var.extension_layer_account]
}

run "refuses_definition_hash_that_is_none" {
  command = plan

  variables {
    definition_sha256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
  }

  expect_failures = [var.definition_sha256]
}

run "refuses_definition_hash_that_is_none__because_of_capitals" {
  command = plan

  variables {
    definition_sha256 = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"
  }

  expect_failures = [var.definition_sha256]
}

run "refuses_layer_for_another_architecture" {
  command = plan

  variables {
    architecture = "x86_64"
  }

  expect_failures = [var.extension_layer_arn]
}

run "refuses_layer_for_another_architecture__the_other_way_round" {
  command = plan

  variables {
    extension_layer_arn = "arn:aws:lambda:eu-central-1:187925254637:layer:AWS-Parameters-and-Secrets-Lambda-Extension:12"
  }

  expect_failures = [var.extension_layer_arn]
}

run "refuses_layer_of_another_region" {
  command = plan

  variables {
    extension_layer_arn = "arn:aws:lambda:us-east-1:177933569100:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:12"
  }

  expect_failures = [aws_lambda_function.this]
}

run "refuses_code_signing_that_is_none" {
  command = plan

  variables {
    code_signing_config_arn = "csc-0f6c334abcdea4d8b"
  }

  expect_failures = [var.code_signing_config_arn]
}

################################################################################
# How much of it runs
################################################################################

run "refuses_memory_that_lambda_does_not_take" {
  command = plan

  variables {
    memory_mb = 127
  }

  expect_failures = [var.memory_mb]
}

run "refuses_memory_that_lambda_does_not_take__more_than_there_is" {
  command = plan

  variables {
    memory_mb = 10241
  }

  expect_failures = [var.memory_mb]
}

run "refuses_timeout_beyond_the_front_doors" {
  command = plan

  variables {
    timeout_seconds = 29
  }

  expect_failures = [var.timeout_seconds]
}

run "refuses_timeout_beyond_the_front_doors__or_none" {
  command = plan

  variables {
    timeout_seconds = 0
  }

  expect_failures = [var.timeout_seconds]
}

run "refuses_concurrency_that_is_no_number_of_instances" {
  command = plan

  variables {
    reserved_concurrency = -2
  }

  expect_failures = [var.reserved_concurrency]
}

run "refuses_concurrency_that_is_no_number_of_instances__but_a_half" {
  command = plan

  variables {
    reserved_concurrency = 0.5
  }

  expect_failures = [var.reserved_concurrency]
}

run "refuses_more_instances_ready_than_there_may_be" {
  command = plan

  variables {
    provisioned_concurrency = 11
  }

  expect_failures = [var.provisioned_concurrency]
}

run "refuses_more_instances_ready_than_there_may_be__or_less_than_none" {
  command = plan

  variables {
    provisioned_concurrency = -1
  }

  expect_failures = [var.provisioned_concurrency]
}

################################################################################
# Bindings
################################################################################

run "refuses_key_that_is_no_id" {
  command = plan

  variables {
    bindings = {
      keys        = { "0123456789abcdefghij" = "billing" }
      upstream    = { token_endpoint = "https://auth.example.com/oauth2/token" }
      app_clients = { m2m = { client_id = "clientm2m", secret = "ssm:/token-broker/pool/m2m" } }
    }
  }

  expect_failures = [var.bindings]
}

run "refuses_key_that_is_no_id__or_has_no_client" {
  command = plan

  variables {
    bindings = {
      keys        = { a1b2c3d4e5 = "two words" }
      upstream    = { token_endpoint = "https://auth.example.com/oauth2/token" }
      app_clients = { m2m = { client_id = "clientm2m", secret = "ssm:/token-broker/pool/m2m" } }
    }
  }

  expect_failures = [var.bindings]
}

run "refuses_upstream_that_is_both_or_none" {
  command = plan

  variables {
    bindings = {
      keys        = { a1b2c3d4e5 = "billing" }
      upstream    = { token_endpoint = "https://auth.example.com/oauth2/token", cognito_idp = "https://cognito-idp.eu-central-1.amazonaws.com/" }
      app_clients = { m2m = { client_id = "clientm2m", secret = "ssm:/token-broker/pool/m2m" } }
    }
  }

  expect_failures = [var.bindings]
}

run "refuses_upstream_that_is_both_or_none__but_none" {
  command = plan

  variables {
    bindings = {
      keys        = { a1b2c3d4e5 = "billing" }
      upstream    = {}
      app_clients = { m2m = { client_id = "clientm2m", secret = "ssm:/token-broker/pool/m2m" } }
    }
  }

  expect_failures = [var.bindings]
}

run "refuses_upstream_without_tls" {
  command = plan

  variables {
    bindings = {
      keys        = { a1b2c3d4e5 = "billing" }
      upstream    = { token_endpoint = "http://auth.example.com/oauth2/token" }
      app_clients = { m2m = { client_id = "clientm2m", secret = "ssm:/token-broker/pool/m2m" } }
    }
  }

  expect_failures = [var.bindings]
}

run "refuses_upstream_without_tls__or_with_a_user" {
  command = plan

  variables {
    bindings = {
      keys        = { a1b2c3d4e5 = "billing" }
      upstream    = { token_endpoint = "https://user:secret@auth.example.com/oauth2/token" }
      app_clients = { m2m = { client_id = "clientm2m", secret = "ssm:/token-broker/pool/m2m" } }
    }
  }

  expect_failures = [var.bindings]
}

run "refuses_header_of_an_upstream_that_reads_none" {
  command = plan

  variables {
    bindings = {
      keys        = { a1b2c3d4e5 = "billing" }
      upstream    = { cognito_idp = "https://cognito-idp.eu-central-1.amazonaws.com/", header = { name = "x-edge", value = "ssm:/edge" } }
      app_clients = { m2m = { client_id = "clientm2m", secret = "ssm:/token-broker/pool/m2m" } }
    }
  }

  expect_failures = [var.bindings]
}

run "refuses_header_of_an_upstream_that_reads_none__or_has_no_name" {
  command = plan

  variables {
    bindings = {
      keys        = { a1b2c3d4e5 = "billing" }
      upstream    = { token_endpoint = "https://auth.example.com/oauth2/token", header = { name = "two words", value = "ssm:/edge" } }
      app_clients = { m2m = { client_id = "clientm2m", secret = "ssm:/token-broker/pool/m2m" } }
    }
  }

  expect_failures = [var.bindings]
}

run "refuses_broker_without_an_app_client" {
  command = plan

  variables {
    bindings = {
      keys        = { a1b2c3d4e5 = "billing" }
      upstream    = { token_endpoint = "https://auth.example.com/oauth2/token" }
      app_clients = {}
    }
  }

  expect_failures = [var.bindings]
}

run "refuses_secret_that_is_no_reference" {
  command = plan

  variables {
    bindings = {
      keys        = { a1b2c3d4e5 = "billing" }
      upstream    = { token_endpoint = "https://auth.example.com/oauth2/token" }
      app_clients = { m2m = { client_id = "clientm2m", secret = "51vd2p4k9bqj6t0r8wz3yxnm7ha1cf5e" } }
    }
  }

  expect_failures = [var.bindings]
}

run "refuses_secret_that_is_no_reference__but_every_secret" {
  command = plan

  variables {
    bindings = {
      keys        = { a1b2c3d4e5 = "billing" }
      upstream    = { token_endpoint = "https://auth.example.com/oauth2/token" }
      app_clients = { m2m = { client_id = "clientm2m", secret = "secretsmanager:arn:aws:secretsmanager:eu-central-1:123456789012:secret:*" } }
    }
  }

  expect_failures = [var.bindings]
}

run "refuses_secret_that_is_no_reference__but_every_secret_of_a_name" {
  command = plan

  variables {
    bindings = {
      keys        = { a1b2c3d4e5 = "billing" }
      upstream    = { token_endpoint = "https://auth.example.com/oauth2/token" }
      app_clients = { m2m = { client_id = "clientm2m", secret = "secretsmanager:arn:aws:secretsmanager:eu-central-1:123456789012:secret:token-broker/m2m-??????" } }
    }
  }

  expect_failures = [var.bindings]
}

run "refuses_secret_that_is_no_reference__but_a_name" {
  command = plan

  variables {
    bindings = {
      keys        = { a1b2c3d4e5 = "billing" }
      upstream    = { token_endpoint = "https://auth.example.com/oauth2/token" }
      app_clients = { m2m = { client_id = "clientm2m", secret = "secretsmanager:token-broker/m2m" } }
    }
  }

  expect_failures = [var.bindings]
}

run "refuses_secret_that_is_no_reference__but_every_parameter" {
  command = plan

  variables {
    bindings = {
      keys        = { a1b2c3d4e5 = "billing" }
      upstream    = { token_endpoint = "https://auth.example.com/oauth2/token" }
      app_clients = { m2m = { client_id = "clientm2m", secret = "ssm:/token-broker/*" } }
    }
  }

  expect_failures = [var.bindings]
}

run "refuses_secret_that_is_no_reference__but_a_file" {
  command = plan

  variables {
    bindings = {
      keys        = { a1b2c3d4e5 = "billing" }
      upstream    = { token_endpoint = "https://auth.example.com/oauth2/token" }
      app_clients = { m2m = { client_id = "clientm2m", secret = "file:/var/task/secret" } }
    }
  }

  expect_failures = [var.bindings]
}

run "refuses_secret_that_is_no_reference__but_the_headers_value" {
  command = plan

  variables {
    bindings = {
      keys        = { a1b2c3d4e5 = "billing" }
      upstream    = { token_endpoint = "https://auth.example.com/oauth2/token", header = { name = "x-edge", value = "51vd2p4k9bqj6t0r8wz3yxnm7ha1cf5e" } }
      app_clients = { m2m = { client_id = "clientm2m", secret = "ssm:/token-broker/pool/m2m" } }
    }
  }

  expect_failures = [var.bindings]
}

run "refuses_unknown_store_of_bindings" {
  command = plan

  variables {
    bindings_store = "s3"
  }

  expect_failures = [var.bindings_store]
}

run "refuses_bindings_that_a_parameter_does_not_hold" {
  command = plan

  variables {
    bindings = {
      keys        = { for number in range(200) : format("k%09d", number) => "billing" }
      upstream    = { token_endpoint = "https://auth.example.com/oauth2/token" }
      app_clients = { m2m = { client_id = "clientm2m", secret = "ssm:/token-broker/pool/m2m" } }
    }
  }

  expect_failures = [aws_ssm_parameter.bindings[0]]
}

run "refuses_bindings_that_a_secret_does_not_hold" {
  command = plan

  variables {
    bindings_store = "secretsmanager"
    bindings = {
      keys        = { for number in range(1000) : format("k%09d", number) => format("c%063d", number) }
      upstream    = { token_endpoint = "https://auth.example.com/oauth2/token" }
      app_clients = { m2m = { client_id = "clientm2m", secret = "ssm:/token-broker/pool/m2m" } }
    }
  }

  expect_failures = [aws_secretsmanager_secret_version.bindings[0]]
}

run "refuses_kms_key_of_secrets_that_is_none" {
  command = plan

  variables {
    secrets_kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/*"
  }

  expect_failures = [var.secrets_kms_key_arn]
}

################################################################################
# Logs, metrics, traces
################################################################################

run "refuses_unknown_log_level" {
  command = plan

  variables {
    log = { level = "verbose" }
  }

  expect_failures = [var.log]
}

run "refuses_retention_that_cloudwatch_does_not_take" {
  command = plan

  variables {
    log = { retention_days = 100 }
  }

  expect_failures = [var.log]
}

run "refuses_retention_that_cloudwatch_does_not_take__which_is_for_ever" {
  command = plan

  variables {
    log = { retention_days = 0 }
  }

  expect_failures = [var.log]
}

run "refuses_kms_key_of_logs_that_is_none" {
  command = plan

  variables {
    log = { kms_key_arn = "alias/logs" }
  }

  expect_failures = [var.log]
}

run "refuses_namespace_that_is_none" {
  command = plan

  variables {
    metrics_namespace = "AWS:Lambda"
  }

  expect_failures = [var.metrics_namespace]
}
