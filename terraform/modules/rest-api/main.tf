# The front door itself: REST API, resources, method, integration, permission. Nothing else listens, and what stands
# behind is one Lambda function.
#
#   REST API ── / ── /oauth2 ── /oauth2/token ── POST ── AWS_PROXY ──▶ function
#                                                          permission ─┘

data "aws_region" "current" {}

locals {
  function      = split(":", var.function_arn)
  function_name = local.function[6]
  alias         = try(local.function[7], null)
}

################################################################################
# REST API
################################################################################

resource "aws_api_gateway_rest_api" "this" {
  name                         = var.api.name
  description                  = var.api.description
  api_key_source               = var.api_key_source
  disable_execute_api_endpoint = local.is_execute_api_disabled
  tags                         = var.tags

  endpoint_configuration {
    types            = [var.endpoint_type]
    vpc_endpoint_ids = length(var.vpc_endpoint_ids) > 0 ? var.vpc_endpoint_ids : null
  }

  lifecycle {
    # The deployment's order holds for all that it freezes anyway: here it stands where it is read.
    create_before_destroy = true
  }
}

resource "aws_api_gateway_rest_api_policy" "this" {
  count = var.resource_policy == null ? 0 : 1

  rest_api_id = aws_api_gateway_rest_api.this.id
  policy      = local.resource_policy
}

locals {
  # API Gateway gives the shorthand back expanded. Expanded here, the next plan shows no change. (An ARN cannot stand in
  # the API's own `policy`, which is made before there is one.)
  resource_policy = var.resource_policy == null ? null : replace(
    var.resource_policy.json, "\"execute-api:/", "\"${aws_api_gateway_rest_api.this.execution_arn}/"
  )
}

################################################################################
# Resources
################################################################################

resource "aws_api_gateway_resource" "oauth2" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_rest_api.this.root_resource_id
  path_part   = "oauth2"
}

resource "aws_api_gateway_resource" "token" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_resource.oauth2.id
  path_part   = "token"
}

################################################################################
# Method
################################################################################

resource "aws_api_gateway_method" "post_token" {
  #checkov:skip=CKV2_AWS_53:The body is OAuth's, a form that API Gateway's JSON models cannot judge; the broker does.

  rest_api_id          = aws_api_gateway_rest_api.this.id
  resource_id          = aws_api_gateway_resource.token.id
  http_method          = "POST"
  authorization        = var.authorization.type
  authorizer_id        = local.has_authorizer ? aws_api_gateway_authorizer.this[0].id : null
  authorization_scopes = var.authorization.type == "COGNITO_USER_POOLS" ? var.authorization.scopes : null
  api_key_required     = var.api_key_required
}

locals {
  has_authorizer = contains(["COGNITO_USER_POOLS", "CUSTOM"], var.authorization.type)
  is_custom      = var.authorization.type == "CUSTOM"
  authorizer     = local.is_custom ? split(":", var.authorization.function_arn) : []
}

resource "aws_api_gateway_authorizer" "this" {
  count = local.has_authorizer ? 1 : 0

  rest_api_id = aws_api_gateway_rest_api.this.id
  # Another type is another authorizer, which is made before the old one goes: names are unique in an API.
  name            = "token-endpoint-${lower(replace(var.authorization.type, "_", "-"))}"
  type            = local.is_custom ? var.authorization.kind : "COGNITO_USER_POOLS"
  provider_arns   = local.is_custom ? null : var.authorization.user_pool_arns
  identity_source = var.authorization.identity_source
  # No function, no parts of its ARN, no URI.
  authorizer_uri                   = try("arn:${local.authorizer[1]}:apigateway:${local.authorizer[3]}:lambda:path/2015-03-31/functions/${var.authorization.function_arn}/invocations", null)
  authorizer_result_ttl_in_seconds = var.authorization.ttl_seconds

  lifecycle {
    precondition {
      # refuses_authorizer_in_another_region
      condition     = !local.is_custom || try(local.authorizer[3], "") == data.aws_region.current.name
      error_message = "authorization.function_arn is in another region than the provider, which makes the permission to invoke it. Name a function in the provider's region."
    }
  }
}

# An authorizer has a permission of its own, for its own ARN: that of the method would let the method in, not the authorizer.
resource "aws_lambda_permission" "authorizer" {
  count = local.is_custom ? 1 : 0

  statement_id  = "front-door-${aws_api_gateway_rest_api.this.id}-authorizer-${aws_api_gateway_authorizer.this[0].id}"
  action        = "lambda:InvokeFunction"
  principal     = "apigateway.amazonaws.com"
  function_name = local.authorizer[6]
  qualifier     = try(local.authorizer[7], null)
  source_arn    = "${aws_api_gateway_rest_api.this.execution_arn}/authorizers/${aws_api_gateway_authorizer.this[0].id}"

  lifecycle {
    create_before_destroy = true

    precondition {
      # refuses_authorizer_of_another_account
      condition     = local.authorizer[4] == split(":", aws_api_gateway_rest_api.this.execution_arn)[4]
      error_message = "authorization.function_arn is another account's, where this module cannot give a permission; one of the same name in this account would get it. Name a function in the API's account."
    }
  }
}

################################################################################
# Integration
################################################################################

resource "aws_api_gateway_integration" "function" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  resource_id = aws_api_gateway_resource.token.id
  http_method = aws_api_gateway_method.post_token.http_method
  # The whole request goes in and the function's answer comes back; nothing is mapped on the way. A function is always
  # invoked by POST.
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = "arn:${local.function[1]}:apigateway:${local.function[3]}:lambda:path/2015-03-31/functions/${var.function_arn}/invocations"
  timeout_milliseconds    = var.integration_timeout_milliseconds

  lifecycle {
    precondition {
      # refuses_function_in_another_region
      condition     = local.function[3] == data.aws_region.current.name
      error_message = "function_arn is in another region than the provider, which makes the permission to invoke it. Name a function in the provider's region, or give the module a provider for the function's."
    }
  }
}

################################################################################
# Permission
################################################################################

# The one statement that lets the front door invoke: this API, this stage, this method, this path. The ARN is put together
# out of references, so that a plan shows what it is made of before the API has an id.
resource "aws_lambda_permission" "front_door" {
  # A function may stand behind several front doors, and a stage that gets another name has two for a moment.
  statement_id  = "front-door-${aws_api_gateway_rest_api.this.id}-${substr(sha1(var.stage_name), 0, 8)}"
  action        = "lambda:InvokeFunction"
  principal     = "apigateway.amazonaws.com"
  function_name = local.function_name
  qualifier     = local.alias
  source_arn    = "${aws_api_gateway_rest_api.this.execution_arn}/${aws_api_gateway_stage.this.stage_name}/${aws_api_gateway_method.post_token.http_method}${aws_api_gateway_resource.token.path}"

  lifecycle {
    # Another function or stage is let in before the old one is shut out: in between, every request would be a 500.
    create_before_destroy = true

    precondition {
      # refuses_function_of_another_account
      condition     = local.function[4] == split(":", aws_api_gateway_rest_api.this.execution_arn)[4]
      error_message = "function_arn is another account's, where this module cannot give a permission; one of the same name in this account would get it. Name a function in the API's account."
    }
  }
}
