# The function behind the front door: who it runs as, where it logs, what it is bound to.

locals {
  # AWS's account in this region; anybody may give a layer of their own the same name.
  publisher = var.wrong == "layer_of_another" ? "123456789012" : "187925254637"
  extension = "arn:aws:lambda:eu-central-1:${local.publisher}:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:12"
  trusted   = var.wrong == "role_for_others" ? ["lambda.amazonaws.com", "ec2.amazonaws.com"] : ["lambda.amazonaws.com"]
}

resource "aws_lambda_function" "broker" {
  function_name = "token-broker"
  role          = aws_iam_role.broker.arn
  runtime       = "provided.al2023"
  handler       = "bootstrap"
  s3_bucket     = "functions"
  s3_key        = "token-broker.zip"
  layers        = concat([local.extension], var.wrong == "layer" ? ["arn:aws:lambda:eu-central-1:123456789012:layer:helper:1"] : [])
  timeout       = var.wrong == "slow_function" ? 29 : 20

  environment {
    variables = merge(
      { TOKEN_BROKER_BINDINGS = "ssm:${aws_ssm_parameter.bindings.name}" },
      var.wrong == "secret_in_environment" ? { COGNITO_CLIENT_SECRET = "51vd2p4k9bqj6t0r8wz3yxnm7ha1cf5e" } : {},
    )
  }
}

resource "aws_iam_role" "broker" {
  name = "token-broker"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = local.trusted } }]
  })
}

# Known in the plan, as far as nothing in it is yet to be made.
resource "aws_iam_role_policy" "broker" {
  name = "broker"
  role = aws_iam_role.broker.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = concat(["ssm:GetParameter"], var.wrong == "role_updates_code" ? ["lambda:UpdateFunctionCode"] : [])
      Resource = ["arn:aws:ssm:eu-central-1:123456789012:parameter${var.wrong == "role_reads_all_parameters" ? "/*" : aws_ssm_parameter.bindings.name}"]
    }]
  })
}

# Known after apply: of this one the plan shows what the data source says.
resource "aws_iam_role_policy" "secrets" {
  name   = "secrets"
  role   = aws_iam_role.broker.id
  policy = data.aws_iam_policy_document.secrets.json
}

data "aws_iam_policy_document" "secrets" {
  statement {
    actions   = ["secretsmanager:GetSecretValue"]
    resources = concat([aws_secretsmanager_secret.m2m.arn], var.wrong == "role_reads_all_secrets" ? ["*"] : [])
  }
}

# Known after apply, and made by jsonencode: of these the plan shows only what they name.
resource "aws_iam_role_policy" "log" {
  name = "log"
  role = aws_iam_role.broker.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["logs:PutLogEvents"], Resource = aws_cloudwatch_log_group.broker[*].arn }]
  })
}

resource "aws_iam_role_policy" "function" {
  count = var.wrong == "role_names_the_function" ? 1 : 0
  name  = "function"
  role  = aws_iam_role.broker.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["lambda:UpdateFunctionCode"], Resource = [aws_lambda_function.broker.arn] }]
  })
}

resource "aws_iam_role_policy_attachment" "more" {
  for_each   = toset(concat(["service-role/AWSLambdaBasicExecutionRole"], var.wrong == "role_of_an_administrator" ? ["AdministratorAccess"] : []))
  role       = aws_iam_role.broker.name
  policy_arn = "arn:aws:iam::aws:policy/${each.key}"
}

resource "aws_cloudwatch_log_group" "broker" {
  count             = var.wrong == "no_log_group" ? 0 : 1
  name              = "/aws/lambda/token-broker"
  retention_in_days = var.wrong == "log_for_ever" ? null : 30
}

resource "aws_ssm_parameter" "bindings" {
  name = "/token-broker/bindings"
  type = "String"
  insecure_value = jsonencode({
    version = 1
    keys    = contains(["bindings_with_a_mistake", "bindings_elsewhere"], var.wrong) ? {} : { for client, key in aws_api_gateway_api_key.client : key.id => client }
    upstream = merge(
      { token_endpoint = var.wrong == "bindings_elsewhere" ? "https://tokens.example.com/oauth2/token" : local.hosted },
      var.wrong == "bindings_with_a_mistake" ? { scope = "orders/read" } : {},
    )
    app_clients = contains(["bindings_with_a_mistake", "bindings_elsewhere"], var.wrong) ? {} : {
      m2m = { client_id = aws_cognito_user_pool_client.m2m.id, secret = "secretsmanager:${aws_secretsmanager_secret.m2m.arn}" }
    }
  })
}

resource "aws_ssm_parameter" "settings" {
  name           = "/token-broker/settings"
  type           = var.wrong == "secret_in_parameter" ? "String" : "SecureString"
  insecure_value = var.wrong == "secret_in_parameter" ? nonsensitive(aws_cognito_user_pool_client.m2m.client_secret) : null
  value          = var.wrong == "secret_in_parameter" ? null : aws_cognito_user_pool_client.m2m.client_secret
}

resource "aws_secretsmanager_secret" "m2m" {
  name = "token-broker/m2m"
}
