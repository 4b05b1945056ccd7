# The broker as it usually runs. Nothing is called: the provider is a mock, and what only an apply could know is given here.

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

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/token-broker-eu-central-1" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/token-broker" }
  }

  mock_resource "aws_lambda_function" {
    defaults = { version = "7" }
  }

  mock_resource "aws_lambda_alias" {
    defaults = {
      arn        = "arn:aws:lambda:eu-central-1:123456789012:function:token-broker:live"
      invoke_arn = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:123456789012:function:token-broker:live/invocations"
    }
  }

  mock_resource "aws_ssm_parameter" {
    defaults = { arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/token-broker/bindings" }
  }

  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:token-broker/bindings-1-AbCdEf" }
  }
}

variables {
  package_file        = "tests/package.zip"
  extension_layer_arn = "arn:aws:lambda:eu-central-1:187925254637:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:12"

  bindings = {
    keys     = { a1b2c3d4e5 = "billing", b1b2c3d4e5 = "partner" }
    upstream = { token_endpoint = "https://example-tokens.auth.eu-central-1.amazoncognito.com/oauth2/token" }
    app_clients = {
      m2m     = { client_id = "clientm2m", secret = "secretsmanager:arn:aws:secretsmanager:eu-central-1:123456789012:secret:token-broker/pool/m2m-AbCdEf" }
      partner = { client_id = "clientpartner", secret = "secretsmanager:arn:aws:secretsmanager:eu-central-1:123456789012:secret:token-broker/pool/partner-AbCdEf" }
    }
  }
}

run "function_is_the_package_on_the_bare_runtime" {
  command = plan

  assert {
    condition     = aws_lambda_function.this.runtime == "provided.al2023" && aws_lambda_function.this.handler == "bootstrap" && aws_lambda_function.this.architectures == tolist(["arm64"])
    error_message = "the function runs on something else"
  }

  assert {
    condition     = aws_lambda_function.this.filename == "tests/package.zip" && output.package_sha256 == filebase64sha256("tests/package.zip")
    error_message = "the function is another package"
  }

  assert {
    condition     = aws_lambda_function.this.layers == tolist([var.extension_layer_arn]) && aws_lambda_function.this.code_signing_config_arn == null
    error_message = "the function has other layers"
  }

  assert {
    condition     = aws_lambda_function.this.memory_size == 256 && aws_lambda_function.this.timeout == 20 && aws_lambda_function.this.reserved_concurrent_executions == 10
    error_message = "the function may use more, or less"
  }

  assert {
    condition     = aws_lambda_function.this.tracing_config[0].mode == "PassThrough" && length(aws_lambda_provisioned_concurrency_config.live) + length(aws_secretsmanager_secret.bindings) == 0
    error_message = "there is something that was not asked for"
  }
}

run "environment_has_places_and_no_secret" {
  command = plan

  # All of it: whatever is added here is shown in the console to everybody who may look at functions.
  assert {
    condition = aws_lambda_function.this.environment[0].variables == tomap({
      TOKEN_BROKER_DEFINITION                    = "/var/task/token-broker.yaml"
      TOKEN_BROKER_BINDINGS                      = "ssm:/token-broker/bindings"
      TOKEN_BROKER_LOG                           = "info"
      TOKEN_BROKER_METRICS_NAMESPACE             = "token-broker"
      PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED = "false"
      PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL     = "warn"
    })
    error_message = "the environment is another one"
  }
}

run "function_is_told_which_definition_it_must_find" {
  command = plan

  variables {
    definition_sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
  }

  assert {
    condition     = aws_lambda_function.this.environment[0].variables.TOKEN_BROKER_DEFINITION_SHA256 == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" && length(aws_lambda_function.this.environment[0].variables) == 7
    error_message = "the function takes any definition"
  }
}

run "extension_may_be_a_copy_if_its_account_is_named" {
  command = plan

  variables {
    extension_layer_account = "123456789012"
    extension_layer_arn     = "arn:aws:lambda:eu-central-1:123456789012:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:12"
  }

  assert {
    condition     = aws_lambda_function.this.layers == tolist([var.extension_layer_arn])
    error_message = "the function has other layers"
  }
}

run "front_door_reaches_a_published_version_by_its_alias" {
  command = plan

  assert {
    condition     = aws_lambda_function.this.publish && aws_lambda_alias.live.name == "live" && aws_lambda_alias.live.function_version == "7" && aws_lambda_alias.live.function_name == "token-broker"
    error_message = "the alias is not the published version"
  }

  assert {
    condition     = output.function_arn == "arn:aws:lambda:eu-central-1:123456789012:function:token-broker:live" && endswith(output.invoke_arn, ":live/invocations") && output.function_version == "7"
    error_message = "the front door would reach something else"
  }
}

run "instances_are_kept_ready_for_the_alias" {
  command = plan

  variables {
    provisioned_concurrency = 2
  }

  assert {
    condition     = aws_lambda_provisioned_concurrency_config.live[0].qualifier == "live" && aws_lambda_provisioned_concurrency_config.live[0].provisioned_concurrent_executions == 2
    error_message = "others are kept ready, or another number"
  }
}

run "log_is_its_own_and_ends" {
  command = plan

  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/lambda/token-broker" && aws_cloudwatch_log_group.this.retention_in_days == 365 && aws_cloudwatch_log_group.this.kms_key_id == null
    error_message = "the log is another one, or kept for another time"
  }

  assert {
    condition     = aws_lambda_function.this.logging_config[0].log_group == output.log_group_name && aws_lambda_function.this.logging_config[0].log_format == "Text"
    error_message = "the function logs elsewhere, or puts its lines into others"
  }
}

run "role_may_write_its_log_and_read_what_the_bindings_name" {
  command = plan

  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement == [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }] && aws_iam_role.this.name == "token-broker-eu-central-1"
    error_message = "somebody else may be the function"
  }

  # All of it: nothing else is allowed.
  assert {
    condition = jsondecode(aws_iam_role_policy.this.policy).Statement == [
      {
        Sid      = "WriteItsLog"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/token-broker:*"]
      },
      {
        Sid    = "ReadSecretsThatTheBindingsName"
        Effect = "Allow"
        Action = ["secretsmanager:GetSecretValue"]
        Resource = [
          "arn:aws:secretsmanager:eu-central-1:123456789012:secret:token-broker/pool/m2m-AbCdEf",
          "arn:aws:secretsmanager:eu-central-1:123456789012:secret:token-broker/pool/partner-AbCdEf",
        ]
      },
      {
        Sid      = "ReadParametersThatTheBindingsName"
        Effect   = "Allow"
        Action   = ["ssm:GetParameter"]
        Resource = ["arn:aws:ssm:eu-central-1:123456789012:parameter/token-broker/bindings"]
      },
    ]
    error_message = "the role may do something else"
  }
}

run "role_reads_parameters_and_decrypts_by_one_key_through_two_services" {
  command = plan

  variables {
    secrets_kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"

    bindings = {
      keys = {}
      upstream = {
        token_endpoint = "https://auth.example.com/oauth2/token"
        header         = { name = "x-token-broker-origin", value = "ssm:/token-broker/pool/origin-header" }
      }
      app_clients = { m2m = { client_id = "clientm2m", secret = "ssm:/token-broker/pool/m2m" } }
    }
  }

  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : [statement.Action, statement.Resource] if statement.Sid != "WriteItsLog"] == [
      [["ssm:GetParameter"], [
        "arn:aws:ssm:eu-central-1:123456789012:parameter/token-broker/pool/m2m",
        "arn:aws:ssm:eu-central-1:123456789012:parameter/token-broker/pool/origin-header",
        "arn:aws:ssm:eu-central-1:123456789012:parameter/token-broker/bindings",
      ]],
      [["kms:Decrypt"], ["arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"]],
    ]
    error_message = "the role may read something else, or not that"
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Condition.StringEquals["kms:ViaService"] if statement.Sid == "DecryptThemByTheirKey"] == [["secretsmanager.eu-central-1.amazonaws.com", "ssm.eu-central-1.amazonaws.com"]]
    error_message = "the role may decrypt past the services"
  }
}

run "every_resource_is_allowed_only_for_traces_if_they_are_asked_for" {
  command = plan

  variables {
    xray_tracing_enabled = true
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Action if contains(statement.Resource, "*")] == [["xray:PutTraceSegments", "xray:PutTelemetryRecords"]]
    error_message = "something else is allowed for every resource"
  }

  assert {
    condition     = aws_lambda_function.this.tracing_config[0].mode == "Active"
    error_message = "nothing is traced"
  }
}

run "bindings_are_a_parameter_as_the_broker_reads_it" {
  command = plan

  assert {
    condition     = aws_ssm_parameter.bindings[0].name == "/token-broker/bindings" && aws_ssm_parameter.bindings[0].type == "String" && output.bindings_reference == "ssm:/token-broker/bindings"
    error_message = "the bindings lie elsewhere"
  }

  # The broker refuses a member that it does not know, and null.
  assert {
    condition = aws_ssm_parameter.bindings[0].insecure_value == jsonencode({
      version     = 1
      keys        = { a1b2c3d4e5 = "billing", b1b2c3d4e5 = "partner" }
      upstream    = { token_endpoint = "https://example-tokens.auth.eu-central-1.amazoncognito.com/oauth2/token" }
      app_clients = var.bindings.app_clients
    })
    error_message = "the bindings say something else"
  }
}

run "bindings_are_a_secret_if_they_are_long" {
  command = plan

  variables {
    bindings_store = "secretsmanager"
  }

  assert {
    condition     = length(aws_ssm_parameter.bindings) == 0 && aws_lambda_function.this.environment[0].variables.TOKEN_BROKER_BINDINGS == "secretsmanager:arn:aws:secretsmanager:eu-central-1:123456789012:secret:token-broker/bindings-1-AbCdEf"
    error_message = "the bindings lie elsewhere"
  }

  assert {
    condition     = contains(jsondecode(aws_iam_role_policy.this.policy).Statement[1].Resource, "arn:aws:secretsmanager:eu-central-1:123456789012:secret:token-broker/bindings-1-AbCdEf") && length(jsondecode(aws_iam_role_policy.this.policy).Statement) == 2
    error_message = "the role may not read the bindings, or parameters as well"
  }

  assert {
    condition     = jsondecode(aws_secretsmanager_secret_version.bindings[0].secret_string).version == 1
    error_message = "the bindings say something else"
  }
}

run "upstream_may_be_the_cognito_api" {
  command = plan

  variables {
    bindings = {
      keys        = {}
      upstream    = { cognito_idp = "https://cognito-idp.eu-central-1.amazonaws.com/" }
      app_clients = { m2m = { client_id = "clientm2m", secret = "ssm:/token-broker/pool/m2m" } }
    }
  }

  assert {
    condition     = jsondecode(aws_ssm_parameter.bindings[0].insecure_value).upstream == { cognito_idp = "https://cognito-idp.eu-central-1.amazonaws.com/" }
    error_message = "the bindings name another upstream"
  }
}

run "choices_reach_the_function" {
  command = plan

  variables {
    name                    = "tokens"
    architecture            = "x86_64"
    extension_layer_arn     = "arn:aws:lambda:eu-central-1:187925254637:layer:AWS-Parameters-and-Secrets-Lambda-Extension:12"
    package_sha256          = filebase64sha256("tests/package.zip")
    code_signing_config_arn = "arn:aws:lambda:eu-central-1:123456789012:code-signing-config:csc-0f6c334abcdea4d8b"
    definition_path         = "/opt/definitions/prod.yaml"
    memory_mb               = 512
    timeout_seconds         = 28
    reserved_concurrency    = -1
    metrics_namespace       = "acme/tokens"
    log                     = { level = "debug", retention_days = 30, kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1" }
    tags                    = { team = "platform" }
  }

  assert {
    condition     = aws_lambda_function.this.function_name == "tokens" && aws_lambda_function.this.architectures == tolist(["x86_64"]) && aws_lambda_function.this.code_signing_config_arn == var.code_signing_config_arn
    error_message = "the function has another name, architecture or signature"
  }

  assert {
    condition     = aws_lambda_function.this.memory_size == 512 && aws_lambda_function.this.timeout == 28 && aws_lambda_function.this.reserved_concurrent_executions == -1
    error_message = "the function may use something else"
  }

  assert {
    condition     = aws_lambda_function.this.environment[0].variables.TOKEN_BROKER_DEFINITION == "/opt/definitions/prod.yaml" && aws_lambda_function.this.environment[0].variables.TOKEN_BROKER_LOG == "debug" && aws_lambda_function.this.environment[0].variables.TOKEN_BROKER_METRICS_NAMESPACE == "acme/tokens"
    error_message = "the environment says something else"
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.retention_in_days == 30 && aws_cloudwatch_log_group.this.kms_key_id == "arn:aws:kms:eu-central-1:123456789012:key/1" && aws_cloudwatch_log_group.this.name == "/aws/lambda/tokens"
    error_message = "the log is another one"
  }

  assert {
    condition     = alltrue([for tags in [aws_lambda_function.this.tags, aws_iam_role.this.tags, aws_cloudwatch_log_group.this.tags, aws_ssm_parameter.bindings[0].tags] : tags == tomap({ team = "platform" })])
    error_message = "something has no tags"
  }
}

run "broker_can_be_shut" {
  command = plan

  variables {
    reserved_concurrency = 0
  }

  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == 0
    error_message = "the broker still runs"
  }
}
