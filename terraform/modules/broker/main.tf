# The policy brain: one Lambda function, who it runs as, where it logs, and the document that binds it to this place.
#
#   front door ── alias `live` ──▶ version of the function ── extension ──▶ bindings, secrets
#                                        └── role: its log, its bindings, the secrets they name

data "aws_region" "current" {}

data "aws_partition" "current" {}

data "aws_caller_identity" "current" {}

################################################################################
# Function
################################################################################

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:Traces are an input and off: API Gateway's id ties access log, audit line and answer together.
  #checkov:skip=CKV_AWS_116:A dead letter queue takes failed asynchronous events; API Gateway waits for every answer.
  #checkov:skip=CKV_AWS_117:Cognito's token endpoint is on the internet only, so that a VPC would add a NAT and no wall.
  #checkov:skip=CKV_AWS_173:The environment has paths and names in it and no secret; Lambda's own key encrypts it.
  #checkov:skip=CKV_AWS_272:Code signing is an input; without it the package's SHA-256 says which one runs.

  function_name                  = var.name
  description                    = "Decides who gets which access token"
  role                           = aws_iam_role.this.arn
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.architecture]
  filename                       = var.package_file
  source_code_hash               = filebase64sha256(var.package_file)
  code_signing_config_arn        = var.code_signing_config_arn
  layers                         = [var.extension_layer_arn]
  memory_size                    = var.memory_mb
  timeout                        = var.timeout_seconds
  reserved_concurrent_executions = var.reserved_concurrency
  publish                        = true
  tags                           = var.tags

  environment {
    variables = { for name, value in {
      TOKEN_BROKER_DEFINITION        = var.definition_path
      TOKEN_BROKER_DEFINITION_SHA256 = var.definition_sha256
      TOKEN_BROKER_BINDINGS          = local.bindings_reference
      TOKEN_BROKER_LOG               = var.log.level
      TOKEN_BROKER_METRICS_NAMESPACE = var.metrics_namespace
      # The broker keeps what it has read itself, and when it asks again it wants to know what is there now.
      PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED = "false"
      PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL     = "warn"
    } : name => value if value != null }
  }

  # Lines are JSON as the broker writes them. Lambda's own JSON format would put them into others, audit and metrics as well.
  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.this.name
  }

  tracing_config {
    mode = var.xray_tracing_enabled ? "Active" : "PassThrough"
  }

  # Without its permissions the first invocations would fail, and nobody would read why.
  depends_on = [aws_iam_role_policy.this]

  lifecycle {
    precondition {
      # refuses_layer_of_another_region
      condition     = split(":", var.extension_layer_arn)[3] == data.aws_region.current.name
      error_message = "extension_layer_arn is in another region than the provider, and Lambda takes layers of its own region alone. Write the ARN that AWS's documentation has for yours."
    }
  }
}

# What callers reach: a version that was published, never what is being uploaded.
resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "The version behind the front door"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version
}

resource "aws_lambda_provisioned_concurrency_config" "live" {
  count = var.provisioned_concurrency > 0 ? 1 : 0

  function_name                     = aws_lambda_function.this.function_name
  qualifier                         = aws_lambda_alias.live.name
  provisioned_concurrent_executions = var.provisioned_concurrency
}

################################################################################
# Log
################################################################################

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:A key of one's own is an input; CloudWatch encrypts without it as well.
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log.retention_days
  kms_key_id        = var.log.kms_key_arn
  tags              = var.tags
}
