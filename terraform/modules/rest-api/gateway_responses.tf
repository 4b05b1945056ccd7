# Refusals that an OAuth client understands: RFC 6749 §5.2 for each of API Gateway's response types. The stock bodies are
# {"message": …}, which OAuth libraries take for a broken server, or for a token.
#
# Two types have none of their own, and DEFAULT_5XX speaks for them: API_CONFIGURATION_ERROR and INTEGRATION_FAILURE keep
# the status that they would have had (500 or 502 as the case may be), and an object of theirs would have to name one.
#
# One refusal is out of reach: a request for an unknown stage belongs to no deployment, and gets the stock 403.
#
# From `oauth` back to `aws`, Terraform deploys before it deletes these, so that the deployment still has them: README.md
# says how to deploy once more.

locals {
  # The two catch-alls stand for many, and so have no status.
  refusals = {
    ACCESS_DENIED                  = { status = "403", error = "access_denied", description = "the caller is not allowed to do this" }
    AUTHORIZER_CONFIGURATION_ERROR = { status = "500", error = "server_error", description = "internal server error" }
    AUTHORIZER_FAILURE             = { status = "500", error = "server_error", description = "internal server error" }
    BAD_REQUEST_BODY               = { status = "400", error = "invalid_request", description = "the request body is not valid" }
    BAD_REQUEST_PARAMETERS         = { status = "400", error = "invalid_request", description = "the request is malformed" }
    DEFAULT_4XX                    = { status = null, error = "invalid_request", description = "Forbidden" }
    DEFAULT_5XX                    = { status = null, error = "server_error", description = "internal server error" }
    EXPIRED_TOKEN                  = { status = "401", error = "invalid_client", description = "the credential has expired" }
    INTEGRATION_TIMEOUT            = { status = "504", error = "server_error", description = "the request took too long" }
    INVALID_API_KEY                = { status = "401", error = "invalid_client", description = "the API key is missing or not valid" }
    INVALID_SIGNATURE              = { status = "403", error = "invalid_request", description = "the request signature is not valid" }
    MISSING_AUTHENTICATION_TOKEN   = { status = "403", error = "invalid_request", description = "Missing Authentication Token" }
    QUOTA_EXCEEDED                 = { status = "429", error = "temporarily_unavailable", description = "the quota is used up" }
    REQUEST_TOO_LARGE              = { status = "413", error = "invalid_request", description = "the request is too large" }
    RESOURCE_NOT_FOUND             = { status = "404", error = "invalid_request", description = "there is no such resource" }
    THROTTLED                      = { status = "429", error = "temporarily_unavailable", description = "too many requests" }
    UNAUTHORIZED                   = { status = "401", error = "invalid_client", description = "the credential is missing or not valid" }
    UNSUPPORTED_MEDIA_TYPE         = { status = "415", error = "invalid_request", description = "the media type is not supported" }
    WAF_FILTERED                   = { status = "403", error = "access_denied", description = "the request was filtered" }
  }

  # Answers of a token endpoint are never stored, refusals neither (RFC 6749 §5.1).
  refusal_headers = {
    "gatewayresponse.header.Cache-Control" = "'no-store'"
    "gatewayresponse.header.Content-Type"  = "'application/json'"
    "gatewayresponse.header.Pragma"        = "'no-cache'"
  }

  # A bucket refills within a second; when a quota does, nothing here can know.
  throttled_headers = { "gatewayresponse.header.Retry-After" = "'1'" }

  gateway_responses = {
    for type, refusal in local.refusals : type => {
      status  = refusal.status
      headers = merge(local.refusal_headers, type == "THROTTLED" ? local.throttled_headers : {})
      body    = jsonencode({ error = refusal.error, error_description = refusal.description })
    } if var.api.gateway_responses == "oauth"
  }
}

resource "aws_api_gateway_gateway_response" "oauth" {
  for_each = local.gateway_responses

  rest_api_id         = aws_api_gateway_rest_api.this.id
  response_type       = each.key
  status_code         = each.value.status
  response_parameters = each.value.headers
  response_templates  = { "application/json" = each.value.body }
}
