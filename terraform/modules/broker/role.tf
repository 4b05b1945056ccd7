# Who the function runs as: it may write its own log and read what its bindings name. It needs no permission for Cognito,
# whose token endpoint asks for the app client's secret and not for a signature.

resource "aws_iam_role" "this" {
  # A role is there for all regions, the function for one.
  name        = "${var.name}-${data.aws_region.current.name}"
  description = "Runs the function ${var.name}"
  tags        = var.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

locals {
  references = concat(values(var.bindings.app_clients)[*].secret, var.bindings.upstream.header[*].value)

  secret_arns = distinct(concat(
    [for reference in local.references : trimprefix(reference, "secretsmanager:") if startswith(reference, "secretsmanager:")],
    aws_secretsmanager_secret.bindings[*].arn,
  ))
  parameter_arns = distinct(concat(
    [for reference in local.references : "${local.parameters}${trimprefix(reference, "ssm:")}" if startswith(reference, "ssm:")],
    aws_ssm_parameter.bindings[*].arn,
  ))
  parameters = "arn:${data.aws_partition.current.partition}:ssm:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:parameter"
}

resource "aws_iam_role_policy" "this" {
  #checkov:skip=CKV_AWS_355:Only X-Ray's two actions, if it is asked for, have no resources that could be named.
  #checkov:skip=CKV_AWS_290:Only X-Ray's two actions, if it is asked for, have no resources that could be named.
  name = "broker"
  role = aws_iam_role.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for statement in [
      {
        Sid    = "WriteItsLog"
        Effect = "Allow"
        Action = ["logs:CreateLogStream", "logs:PutLogEvents"]
        # What follows the group are its streams.
        Resource = ["${aws_cloudwatch_log_group.this.arn}:*"]
      },
      {
        Sid      = "ReadSecretsThatTheBindingsName"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = local.secret_arns
      },
      {
        Sid      = "ReadParametersThatTheBindingsName"
        Effect   = "Allow"
        Action   = ["ssm:GetParameter"]
        Resource = local.parameter_arns
      },
      {
        Sid      = "DecryptThemByTheirKey"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = var.secrets_kms_key_arn[*]
        Condition = {
          StringEquals = {
            "kms:ViaService" = [for service in ["secretsmanager", "ssm"] : "${service}.${data.aws_region.current.name}.amazonaws.com"]
          }
        }
      },
      {
        Sid      = "WriteTraces"
        Effect   = "Allow"
        Action   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
        Resource = var.xray_tracing_enabled ? ["*"] : []
      },
    ] : statement if length(statement.Resource) > 0]
  })
}
