# What callers meet: a deployment freezes the API's objects, the stage shows it under a URL, and the settings of the stage
# are live.

################################################################################
# Deployment
################################################################################

resource "aws_api_gateway_deployment" "this" {
  rest_api_id = aws_api_gateway_rest_api.this.id

  # Chosen attributes, and everything that a deployment freezes. Whole resource objects would not do: a refresh turns
  # their nulls into empty lists, and the second plan would deploy again. Ids are here so that an object which was made
  # anew is deployed anew. Plans, keys and stage settings are not here: they are live.
  triggers = {
    frozen = sha1(jsonencode({
      api = {
        api_key_source               = var.api_key_source
        disable_execute_api_endpoint = local.is_execute_api_disabled
        endpoint_type                = var.endpoint_type
        resource_policy              = try(var.resource_policy.json, null)
        vpc_endpoint_ids             = var.vpc_endpoint_ids
      }
      resources = [aws_api_gateway_resource.oauth2.id, aws_api_gateway_resource.token.id]
      method = {
        id               = aws_api_gateway_method.post_token.id
        authorization    = var.authorization
        authorizer       = one(aws_api_gateway_authorizer.this[*].id)
        api_key_required = var.api_key_required
      }
      integration = {
        uri     = aws_api_gateway_integration.function.uri
        timeout = var.integration_timeout_milliseconds
      }
      gateway_responses = local.gateway_responses
    }))
  }

  # Ids come back as soon as an object is made; a deployment must also wait for those that no id above waits for.
  depends_on = [
    aws_api_gateway_integration.function,
    aws_api_gateway_gateway_response.oauth,
    aws_api_gateway_rest_api_policy.this,
    aws_lambda_permission.authorizer,
  ]

  lifecycle {
    # The stage shows the old deployment until the new one is there.
    create_before_destroy = true
  }
}

################################################################################
# Stage
################################################################################

resource "aws_api_gateway_stage" "this" {
  #checkov:skip=CKV_AWS_120:A cached response is a token: the next caller would be given another's.
  #checkov:skip=CKV_AWS_73:X-Ray is the caller's choice, by xray_tracing_enabled.
  #checkov:skip=CKV2_AWS_29:A web ACL is the caller's choice, by web_acl.
  #checkov:skip=CKV2_AWS_77:What a web ACL filters is its owner's choice; nothing behind this API is Java.
  #checkov:skip=CKV2_AWS_51:Client certificates are for HTTP backends; a Lambda function is reached by its permission.

  rest_api_id           = aws_api_gateway_rest_api.this.id
  deployment_id         = aws_api_gateway_deployment.this.id
  stage_name            = var.stage_name
  cache_cluster_enabled = false
  xray_tracing_enabled  = var.xray_tracing_enabled
  tags                  = var.tags

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format          = local.access_log_format
  }

  # API Gateway makes the execution log's group by itself if it finds none, and such a group is kept for ever.
  depends_on = [aws_cloudwatch_log_group.execution]

  lifecycle {
    # A stage with another name is there before plans and permission move to it, and the old one goes last.
    create_before_destroy = true
  }
}

################################################################################
# Settings of the stage
################################################################################

locals {
  token_throttle = var.api.token_endpoint.throttle
  # What POST /oauth2/token is throttled by: its own settings, else the stage's.
  method_throttle = local.token_throttle != null ? local.token_throttle : var.api.throttle
}

# A) every method that has no settings of its own.
resource "aws_api_gateway_method_settings" "every_method" {
  #checkov:skip=CKV_AWS_225:A cached response is a token: the next caller would be given another's.

  rest_api_id = aws_api_gateway_rest_api.this.id
  stage_name  = aws_api_gateway_stage.this.stage_name
  method_path = "*/*"

  settings {
    throttling_rate_limit  = var.api.throttle.rate
    throttling_burst_limit = var.api.throttle.burst
    metrics_enabled        = var.metrics_enabled
    logging_level          = local.execution_log_level
    # Bodies hold credentials and tokens: never logged, and no input can change that.
    data_trace_enabled = false
    # A cached response is a token.
    caching_enabled = false
  }

  lifecycle {
    # The old stage keeps its throttle for as long as it is there.
    create_before_destroy = true
  }
}

# B) POST /oauth2/token. The slashes of its path are written ~1: that is what API Gateway calls it.
resource "aws_api_gateway_method_settings" "post_token" {
  #checkov:skip=CKV_AWS_225:A cached response is a token: the next caller would be given another's.

  count = local.token_throttle == null ? 0 : 1

  rest_api_id = aws_api_gateway_rest_api.this.id
  stage_name  = aws_api_gateway_stage.this.stage_name
  method_path = "~1oauth2~1token/POST"

  settings {
    throttling_rate_limit  = local.token_throttle.rate
    throttling_burst_limit = local.token_throttle.burst
    metrics_enabled        = var.metrics_enabled
    logging_level          = local.execution_log_level
    data_trace_enabled     = false
    caching_enabled        = false
  }

  # A new entry starts from what */* is at that moment; and two changes of one stage at once get in each other's way.
  depends_on = [aws_api_gateway_method_settings.every_method]

  lifecycle {
    # The old stage keeps its throttle for as long as it is there.
    create_before_destroy = true
  }
}

################################################################################
# Logs
################################################################################

# Who called, when, and what became of it: no credential, no body, no query string. Keys stand in it by id.
resource "aws_cloudwatch_log_group" "access" {
  #checkov:skip=CKV_AWS_158:CloudWatch encrypts with a key of its own; access_log.kms_key_arn names another.

  name              = "/token-broker/${aws_api_gateway_rest_api.this.id}/${var.stage_name}/access"
  retention_in_days = var.access_log.retention_days
  kms_key_id        = var.access_log.kms_key_arn
  tags              = var.tags
}

# API Gateway chooses this name. Made here, it has a retention and a key like the access log.
resource "aws_cloudwatch_log_group" "execution" {
  #checkov:skip=CKV_AWS_158:CloudWatch encrypts with a key of its own; access_log.kms_key_arn names another.

  count = local.execution_log_level == "OFF" ? 0 : 1

  name              = "API-Gateway-Execution-Logs_${aws_api_gateway_rest_api.this.id}/${var.stage_name}"
  retention_in_days = var.access_log.retention_days
  kms_key_id        = var.access_log.kms_key_arn
  tags              = var.tags
}

locals {
  execution_log_level = var.execution_log_level == null ? upper(var.api.logging_level) : var.execution_log_level

  # API Gateway's samples, by their names; json is below. Nothing that a caller chooses freely stands in them.
  access_log_formats = {
    json = local.access_log_json
    clf  = "$context.identity.sourceIp $context.identity.caller $context.identity.user [$context.requestTime] \"$context.httpMethod $context.resourcePath $context.protocol\" $context.status $context.responseLength $context.requestId $context.extendedRequestId"
    csv  = "$context.identity.sourceIp,$context.identity.caller,$context.identity.user,$context.requestTime,$context.httpMethod,$context.resourcePath,$context.protocol,$context.status,$context.responseLength,$context.requestId,$context.extendedRequestId"
    xml  = "<request id=\"$context.requestId\"> <extendedRequestId>$context.extendedRequestId</extendedRequestId> <ip>$context.identity.sourceIp</ip> <caller>$context.identity.caller</caller> <user>$context.identity.user</user> <requestTime>$context.requestTime</requestTime> <httpMethod>$context.httpMethod</httpMethod> <resourcePath>$context.resourcePath</resourcePath> <status>$context.status</status> <protocol>$context.protocol</protocol> <responseLength>$context.responseLength</responseLength> </request>"
  }
  access_log_format = try(trimspace(var.api.access_log.format), local.access_log_formats[var.api.access_log])

  # One line of JSON. Variables are put in as they are, without escaping, so that only those stand here that no caller can
  # write a quotation mark into (a custom authorizer must not hand on a caller's text as its principal); and none that
  # shows a credential.
  access_log_json = join("", ["{", join(",", [
    for entry in [
      ["requestId", "requestId"],
      ["extendedRequestId", "extendedRequestId"],
      ["requestTimeEpoch", "requestTimeEpoch"],
      ["apiId", "apiId"],
      ["deploymentId", "deploymentId"],
      ["stage", "stage"],
      ["httpMethod", "httpMethod"],
      ["resourcePath", "resourcePath"],
      ["protocol", "protocol"],
      ["sourceIp", "identity.sourceIp"],
      ["apiKeyId", "identity.apiKeyId"],
      ["status", "status"],
      ["responseType", "error.responseType"],
      ["responseLength", "responseLength"],
      ["responseLatency", "responseLatency"],
      ["integrationStatus", "integration.status"],
      ["integrationLatency", "integration.latency"],
      ["authorizePrincipal", "authorizer.principalId"],
    ] : "\"${entry[0]}\":\"$context.${entry[1]}\""
  ]), "}"])
}
