# A front door of plain resources, as somebody might write it by hand, that is right but for the one thing that
# var.wrong names. `token-broker check` has to find that thing in the plan, and nothing when nothing is wrong.
# What stands behind the front door is in broker.tf and pool.tf.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 6.0"
    }
  }
}

# A plan of new resources asks AWS nothing.
provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variable "wrong" {
  description = "What is wrong in this plan."
  type        = string
  default     = "nothing"
}

variable "client_secret" {
  description = "Nothing but what a test gives it; a plain variable."
  type        = string
  default     = ""
}

variable "shared_value" {
  description = "The value of keys where a test gives one."
  type        = string
  default     = null
  sensitive   = true
}

locals {
  function     = "arn:aws:lambda:eu-central-1:123456789012:function:token-broker"
  invoke       = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/${local.function}/invocations"
  hosted       = "https://tokens.auth.eu-central-1.amazoncognito.com/oauth2/token"
  elsewhere    = { http_integration = "https://tokens.example.com/", cognito_integration = local.hosted, cognito_service = "arn:aws:apigateway:eu-central-1:cognito-idp:action/InitiateAuth" }
  kinds        = { http_integration = "HTTP_PROXY", cognito_integration = "HTTP_PROXY", cognito_service = "AWS" }
  oauth_answer = jsonencode({ error = "invalid_request", error_description = "the request cannot be served" })
  stock_answer = "{\"message\":$context.error.messageString}"
  log_formats = {
    key_in_log  = "$context.requestId $context.identity.apiKey"
    body_in_log = "$context.requestId $input.body"
  }
}

resource "aws_api_gateway_rest_api" "tokens" {
  name = "tokens"
  body = var.wrong == "openapi_body" ? jsonencode({ openapi = "3.0.1", info = { title = "tokens", version = "1" }, paths = {} }) : null
}

resource "aws_api_gateway_resource" "oauth2" {
  rest_api_id = aws_api_gateway_rest_api.tokens.id
  parent_id   = aws_api_gateway_rest_api.tokens.root_resource_id
  path_part   = "oauth2"
}

resource "aws_api_gateway_resource" "token" {
  rest_api_id = aws_api_gateway_rest_api.tokens.id
  parent_id   = aws_api_gateway_resource.oauth2.id
  path_part   = "token"
}

resource "aws_api_gateway_resource" "other" {
  count       = var.wrong == "other_path" ? 1 : 0
  rest_api_id = aws_api_gateway_rest_api.tokens.id
  parent_id   = aws_api_gateway_resource.oauth2.id
  path_part   = "introspect"
}

resource "aws_api_gateway_method" "token" {
  for_each         = toset(var.wrong == "other_method" ? ["POST", "GET"] : ["POST"])
  rest_api_id      = aws_api_gateway_rest_api.tokens.id
  resource_id      = aws_api_gateway_resource.token.id
  http_method      = each.key
  authorization    = "NONE"
  api_key_required = var.wrong != "no_identity"
}

resource "aws_api_gateway_integration" "token" {
  for_each                = aws_api_gateway_method.token
  rest_api_id             = aws_api_gateway_rest_api.tokens.id
  resource_id             = aws_api_gateway_resource.token.id
  http_method             = each.value.http_method
  integration_http_method = "POST"
  type                    = lookup(local.kinds, var.wrong, "AWS_PROXY")
  uri                     = lookup(local.elsewhere, var.wrong, local.invoke)
  credentials             = var.wrong == "role" ? "arn:aws:iam::123456789012:role/invoke" : null
  request_templates       = var.wrong == "mapping" ? { "application/json" = "$input.json('$')" } : null
}

resource "aws_api_gateway_gateway_response" "oauth" {
  for_each           = toset(var.wrong == "stock_refusals" ? ["DEFAULT_5XX"] : ["DEFAULT_4XX", "DEFAULT_5XX"])
  rest_api_id        = aws_api_gateway_rest_api.tokens.id
  response_type      = each.key
  response_templates = { "application/json" = local.oauth_answer }
}

resource "aws_api_gateway_gateway_response" "stock" {
  count              = var.wrong == "stock_throttled" ? 1 : 0
  rest_api_id        = aws_api_gateway_rest_api.tokens.id
  response_type      = "THROTTLED"
  response_templates = { "application/json" = local.stock_answer }
}

resource "aws_api_gateway_deployment" "tokens" {
  depends_on  = [aws_api_gateway_integration.token, aws_api_gateway_gateway_response.oauth]
  rest_api_id = aws_api_gateway_rest_api.tokens.id
}

resource "aws_api_gateway_stage" "prod" {
  rest_api_id           = aws_api_gateway_rest_api.tokens.id
  deployment_id         = aws_api_gateway_deployment.tokens.id
  stage_name            = "prod"
  cache_cluster_enabled = var.wrong == "cache_cluster"
  cache_cluster_size    = var.wrong == "cache_cluster" ? "0.5" : null

  access_log_settings {
    destination_arn = "arn:aws:logs:eu-central-1:123456789012:log-group:tokens"
    format          = lookup(local.log_formats, var.wrong, "$context.requestId $context.status")
  }
}

resource "aws_api_gateway_method_settings" "every" {
  count       = var.wrong == "no_stage_throttle" ? 0 : 1
  rest_api_id = aws_api_gateway_rest_api.tokens.id
  stage_name  = aws_api_gateway_stage.prod.stage_name
  method_path = "*/*"

  settings {
    # Without them the provider writes -1: no throttle.
    throttling_rate_limit  = var.wrong == "settings_without_throttle" ? null : 100
    throttling_burst_limit = var.wrong == "settings_without_throttle" ? null : 200
    data_trace_enabled     = var.wrong == "data_trace"
    caching_enabled        = var.wrong == "caching"
  }
}

resource "aws_api_gateway_method_settings" "token" {
  rest_api_id = aws_api_gateway_rest_api.tokens.id
  stage_name  = aws_api_gateway_stage.prod.stage_name
  method_path = "~1oauth2~1token/POST"

  settings {
    throttling_rate_limit  = var.wrong == "looser_endpoint" ? 150 : 50
    throttling_burst_limit = 100
  }
}

resource "aws_lambda_permission" "front_door" {
  count         = startswith(var.wrong, "permission_for_the_") || var.wrong == "permission_for_everybody" ? 0 : 1
  statement_id  = "front-door"
  action        = "lambda:InvokeFunction"
  function_name = "token-broker"
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.tokens.execution_arn}/${aws_api_gateway_stage.prod.stage_name}/${aws_api_gateway_method.token["POST"].http_method}${aws_api_gateway_resource.token.path}"
}

resource "aws_lambda_permission" "everybody" {
  count         = var.wrong == "permission_for_everybody" ? 1 : 0
  statement_id  = "everybody"
  action        = "lambda:InvokeFunction"
  function_name = "token-broker"
  principal     = "apigateway.amazonaws.com"
}

resource "aws_lambda_permission" "account_wide" {
  count         = var.wrong == "permission_for_the_account" ? 1 : 0
  statement_id  = "account-wide"
  action        = "lambda:InvokeFunction"
  function_name = "token-broker"
  principal     = "apigateway.amazonaws.com"
  source_arn    = "arn:aws:execute-api:eu-central-1:123456789012:*"
}

# What is in the string is not known before apply: only what it refers to.
resource "aws_lambda_permission" "api_wide" {
  count         = var.wrong == "permission_for_the_api" ? 1 : 0
  statement_id  = "api-wide"
  action        = "lambda:InvokeFunction"
  function_name = "token-broker"
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.tokens.execution_arn}/*/*"
}

variable "suffix" {
  description = "What comes after the path; a wildcard that no reference shows."
  type        = string
  default     = "/*"
}

resource "aws_lambda_permission" "longer" {
  count         = var.wrong == "permission_for_the_suffix" ? 1 : 0
  statement_id  = "longer"
  action        = "lambda:InvokeFunction"
  function_name = "token-broker"
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.tokens.execution_arn}/${aws_api_gateway_stage.prod.stage_name}/${aws_api_gateway_method.token["POST"].http_method}${aws_api_gateway_resource.token.path}${var.suffix}"
}

resource "aws_lambda_permission" "other_service" {
  count         = var.wrong == "permission_for_another_service" ? 1 : 0
  statement_id  = "events"
  action        = "lambda:InvokeFunction"
  function_name = "token-broker"
  principal     = "events.amazonaws.com"
}

resource "aws_lambda_function_url" "side_door" {
  count              = var.wrong == "function_url" ? 1 : 0
  function_name      = "token-broker"
  authorization_type = "NONE"
}

resource "aws_api_gateway_usage_plan" "standard" {
  name = "standard"

  api_stages {
    api_id = aws_api_gateway_rest_api.tokens.id
    stage  = aws_api_gateway_stage.prod.stage_name
  }

  dynamic "throttle_settings" {
    for_each = var.wrong == "no_plan_throttle" ? [] : [1]
    content {
      rate_limit  = var.wrong == "key_takes_all" ? 50 : 10
      burst_limit = 20
    }
  }
}

resource "aws_api_gateway_usage_plan" "idle" {
  count = var.wrong == "plan_without_keys" ? 1 : 0
  name  = "idle"

  api_stages {
    api_id = aws_api_gateway_rest_api.tokens.id
    stage  = aws_api_gateway_stage.prod.stage_name
  }

  throttle_settings {
    rate_limit  = 10
    burst_limit = 20
  }
}

resource "aws_api_gateway_api_key" "client" {
  for_each    = toset(["billing", "reports"])
  name        = each.key
  customer_id = var.wrong == "key_of_nobody" && each.key == "reports" ? null : each.key
  value       = var.shared_value
}

resource "aws_api_gateway_usage_plan_key" "client" {
  for_each      = aws_api_gateway_api_key.client
  key_id        = each.value.id
  key_type      = "API_KEY"
  usage_plan_id = aws_api_gateway_usage_plan.standard.id
}
