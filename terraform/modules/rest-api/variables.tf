# What is put into the module, in the order in which a request meets it.
#
# `api`, `plans` and `clients` have the shape of token-broker.yaml, so that a root module hands over what `yamldecode`
# gives. Terraform drops attributes that a type does not name: a misspelt one is not an error here.
# `token-broker config check` reads the same file and refuses it.
#
# Every validation begins with the name of the run in tests/ that makes it fail.

################################################################################
# REST API
################################################################################

variable "api" {
  description = "The part `api` of token-broker.yaml: name, throttles (requests per second and burst) and the kind of refusals."
  type = object({
    name        = optional(string, "token-broker-api")
    description = optional(string)
    throttle    = optional(object({ rate = number, burst = number }))
    token_endpoint = optional(object({
      identity = optional(string, "api_key")
      throttle = optional(object({ rate = number, burst = number }))
    }), {})
    gateway_responses = optional(string, "oauth")
    # A name, or an object with a format: what is neither is refused below.
    access_log    = optional(any, "json")
    logging_level = optional(string, "error")
  })
  nullable = false

  validation {
    # refuses_access_log_format_that_is_none
    condition     = contains(["json", "clf", "csv", "xml"], try(tostring(var.api.access_log), "")) || can(regex("^[^[:cntrl:]]+$", trimspace(var.api.access_log.format)))
    error_message = "api.access_log is none of json, clf, csv and xml, and no mapping with a format on one line. Write one of the names, or { format: '…' }."
  }

  validation {
    # refuses_access_log_format_without_a_request_id
    condition     = can(var.api.access_log.format) ? can(regex("\\$context\\.(requestId|extendedRequestId)([^A-Za-z0-9_]|$)", var.api.access_log.format)) : true
    error_message = "TB013: api.access_log.format has neither $context.requestId nor $context.extendedRequestId; API Gateway refuses it, too. Put one of them in."
  }

  validation {
    # refuses_access_log_format_with_a_credential
    condition     = can(var.api.access_log.format) ? !can(regex("\\$(input|util)|\\$context\\.(identity\\.apiKey([^A-Za-z0-9_]|$)|requestOverride|error\\.(message|messageString|validationErrorString)([^A-Za-z0-9_]|$)|authorizer(\\.claims)?([^A-Za-z0-9_.]|$)|authorizer\\.[A-Za-z0-9_.]*([Tt]oken|[Ss]ecret|[Pp]assword|[Aa]pi_?[Kk]ey|[Aa]uthorization))", var.api.access_log.format)) : true
    error_message = "TB012: api.access_log.format has a variable that shows a credential, readable for everybody who may read logs. Take it out; $context.identity.apiKeyId and $context.error.responseType say as much without it."
  }

  validation {
    # refuses_unknown_logging_level
    condition     = contains(["off", "error", "info"], var.api.logging_level)
    error_message = "api.logging_level is none of off, error and info. Write error unless a fault is looked for."
  }

  validation {
    # refuses_api_without_a_short_name
    condition     = can(regex("^[^[:cntrl:]]{1,128}$", var.api.name)) && trimspace(var.api.name) != ""
    error_message = "api.name is empty, too long or has a line break. Write a short name on one line, up to 128 characters."
  }

  validation {
    # refuses_api_with_a_long_description
    condition     = var.api.description == null ? true : can(regex("^[^[:cntrl:]]+$", var.api.description)) && length(var.api.description) <= 1024
    error_message = "api.description is empty, too long or has a line break. Write one or two sentences on one line, or remove it."
  }

  validation {
    # refuses_stage_without_a_throttle
    condition     = var.api.throttle != null
    error_message = "TB015: the stage default has no throttle, so that one flood would use up the allowance of every API in the account. Set api.throttle with a rate and a burst."
  }

  validation {
    # refuses_rate_that_is_no_rate
    condition = alltrue([
      for throttle in [var.api.throttle, var.api.token_endpoint.throttle] :
      throttle == null ? true : throttle.rate > 0 && throttle.rate <= 1000000 && can(regex("^[0-9]+(\\.[0-9]{1,3})?$", tostring(throttle.rate)))
    ])
    error_message = "A rate under api is not above 0, above 1000000, or has more than three decimals. Write requests per second, such as 10 or 0.5."
  }

  validation {
    # refuses_burst_that_is_no_burst
    condition = alltrue([
      for throttle in [var.api.throttle, var.api.token_endpoint.throttle] :
      throttle == null ? true : throttle.burst >= 1 && throttle.burst <= 9007199 && floor(throttle.burst) == throttle.burst
    ])
    error_message = "A burst under api is no whole number from 1 to 9007199. Write how many requests the full bucket holds."
  }

  validation {
    # refuses_throttle_no_less_than_the_account_default
    condition = alltrue([
      for throttle in [var.api.throttle, var.api.token_endpoint.throttle] :
      throttle == null ? true : throttle.rate < 10000 || throttle.burst < 5000
    ])
    error_message = "TB015: a throttle under api is no less than an account's default (10000 a second, burst 5000), which all APIs of the account share. Lower its rate or its burst."
  }

  validation {
    # refuses_method_looser_than_its_stage
    condition = var.api.throttle == null || var.api.token_endpoint.throttle == null ? true : (
      var.api.token_endpoint.throttle.rate <= var.api.throttle.rate &&
      var.api.token_endpoint.throttle.burst <= var.api.throttle.burst
    )
    error_message = "TB016: api.token_endpoint.throttle is looser than api.throttle, which it replaces for POST /oauth2/token, so that the safety net is gone. Lower its rate and burst, or raise api.throttle."
  }

  validation {
    # refuses_identity_that_nothing_shows
    condition = lookup({
      api_key       = var.api_key_required
      client_secret = var.api_key_source == "AUTHORIZER"
      iam           = var.authorization.type == "AWS_IAM"
      jwt           = var.authorization.type == "COGNITO_USER_POOLS"
      custom        = var.authorization.type == "CUSTOM"
    }, var.api.token_endpoint.identity, false)
    error_message = "api.token_endpoint.identity names no identity that requests bring. Write api_key with api_key_required = true, iam with authorization AWS_IAM, jwt with COGNITO_USER_POOLS, custom with CUSTOM, or client_secret with api_key_source AUTHORIZER."
  }

  validation {
    # refuses_unknown_kind_of_gateway_responses
    condition     = contains(["oauth", "aws"], var.api.gateway_responses)
    error_message = "api.gateway_responses is neither oauth nor aws. Write oauth for refusals that OAuth clients can read, aws for API Gateway's stock answers."
  }
}

variable "endpoint_type" {
  description = "REGIONAL (from the internet) or PRIVATE (from VPC endpoints only, which needs `resource_policy`)."
  type        = string
  default     = "REGIONAL"
  nullable    = false

  validation {
    # refuses_edge_endpoint
    condition     = contains(["REGIONAL", "PRIVATE"], var.endpoint_type)
    error_message = "endpoint_type is neither REGIONAL nor PRIVATE. EDGE puts a distribution in front that this module cannot configure, and ends TLS outside the region; machines gain nothing by it. Write REGIONAL."
  }
}

variable "vpc_endpoint_ids" {
  description = "VPC endpoints that get DNS names for a PRIVATE API."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    # refuses_vpc_endpoints_of_a_regional_api
    condition     = length(var.vpc_endpoint_ids) == 0 || var.endpoint_type == "PRIVATE"
    error_message = "vpc_endpoint_ids has no meaning for a REGIONAL API. Remove it, or set endpoint_type to PRIVATE."
  }
}

variable "resource_policy" {
  description = "Resource policy of the API as JSON, such as `{ json = data.aws_iam_policy_document.this.json }`. `execute-api:/…` stands for this API. An object, so that a plan knows that there is one before it knows what it says."
  type        = object({ json = string })
  default     = null

  validation {
    # refuses_resource_policy_that_is_no_json
    condition     = var.resource_policy == null ? true : can(jsondecode(var.resource_policy.json).Statement)
    error_message = "resource_policy.json is no JSON object with a Statement. Write it with jsonencode or aws_iam_policy_document."
  }

  validation {
    # refuses_private_api_without_a_resource_policy
    condition     = var.endpoint_type != "PRIVATE" || var.resource_policy != null
    error_message = "A PRIVATE API admits nobody and cannot be deployed without a resource policy. Set resource_policy, with the VPC endpoints that may call."
  }
}

################################################################################
# Method
################################################################################

variable "authorization" {
  description = "Who may call besides the API key: type NONE, AWS_IAM, COGNITO_USER_POOLS (user_pool_arns, scopes) or CUSTOM (function_arn, kind TOKEN or REQUEST, identity_source, ttl_seconds)."
  type = object({
    type            = optional(string, "NONE")
    user_pool_arns  = optional(list(string), [])
    scopes          = optional(list(string), [])
    function_arn    = optional(string)
    kind            = optional(string, "TOKEN")
    identity_source = optional(string, "method.request.header.Authorization")
    ttl_seconds     = optional(number, 300)
  })
  default  = {}
  nullable = false

  validation {
    # refuses_unknown_authorization
    condition     = contains(["NONE", "AWS_IAM", "COGNITO_USER_POOLS", "CUSTOM"], var.authorization.type)
    error_message = "authorization.type is none of NONE, AWS_IAM, COGNITO_USER_POOLS and CUSTOM. Write one of them."
  }

  validation {
    # refuses_cognito_without_a_user_pool
    condition = var.authorization.type != "COGNITO_USER_POOLS" || (
      length(var.authorization.user_pool_arns) > 0 &&
      alltrue([for arn in var.authorization.user_pool_arns : can(regex("^arn:aws[a-z-]*:cognito-idp:[a-z0-9-]+:[0-9]{12}:userpool/[A-Za-z0-9_-]+$", arn))])
    )
    error_message = "COGNITO_USER_POOLS needs authorization.user_pool_arns. Write the ARNs of the user pools whose tokens are accepted."
  }

  validation {
    # refuses_cognito_without_a_scope
    condition     = var.authorization.type != "COGNITO_USER_POOLS" || length(var.authorization.scopes) > 0
    error_message = "COGNITO_USER_POOLS without scopes accepts ID tokens only, and no machine has one. Set authorization.scopes to the scopes of which an access token must have one."
  }

  validation {
    # refuses_custom_without_a_function
    condition     = var.authorization.type != "CUSTOM" || can(regex("^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9_-]{1,128})?$", var.authorization.function_arn))
    error_message = "CUSTOM needs authorization.function_arn. Write the ARN of the authorizer's Lambda function, with an alias if it has one."
  }

  validation {
    # refuses_unknown_kind_of_authorizer
    condition     = contains(["TOKEN", "REQUEST"], var.authorization.kind)
    error_message = "authorization.kind is neither TOKEN nor REQUEST. Write TOKEN for one header, REQUEST for the whole request."
  }

  validation {
    # refuses_identity_source_that_is_none
    condition = alltrue([
      for source in split(",", var.authorization.identity_source) :
      can(regex("^(method\\.request\\.(header|querystring)|context|stageVariables)\\.[A-Za-z0-9._-]+$", trimspace(source)))
      ]) && (var.authorization.kind == "REQUEST" || (
      startswith(var.authorization.identity_source, "method.request.header.") && !strcontains(var.authorization.identity_source, ",")
    ))
    error_message = "authorization.identity_source names no part of a request. Write method.request.header.NAME; for the kind REQUEST also several of method.request.header, method.request.querystring, context and stageVariables, with commas between."
  }

  validation {
    # refuses_identity_source_that_is_the_api_key
    condition     = !can(regex("header\\.x-api-key|identity\\.apikey($|[^a-z])", lower(var.authorization.identity_source)))
    error_message = "authorization.identity_source is the API key, which would show the authorizer, and what it logs, the key itself. Use another header, or leave the key to API Gateway."
  }

  validation {
    # refuses_authorizer_that_is_cached_too_long
    condition     = var.authorization.ttl_seconds >= 0 && var.authorization.ttl_seconds <= 3600 && floor(var.authorization.ttl_seconds) == var.authorization.ttl_seconds
    error_message = "authorization.ttl_seconds is no whole number from 0 (never cached) to 3600. Write how long an authorizer's answer may be used again."
  }

  validation {
    # refuses_authorizer_inputs_that_nothing_reads
    condition = (
      (var.authorization.type == "CUSTOM" || var.authorization.function_arn == null) &&
      (var.authorization.type == "COGNITO_USER_POOLS" || length(concat(var.authorization.user_pool_arns, var.authorization.scopes)) == 0)
    )
    error_message = "authorization has inputs that its type does not read, so that callers would be let in whom they seem to keep out. Remove function_arn unless the type is CUSTOM, user_pool_arns and scopes unless it is COGNITO_USER_POOLS."
  }
}

variable "api_key_required" {
  description = "Whether a request needs an API key that is on a plan of the stage. Without one an authorizer must identify the caller."
  type        = bool
  default     = true
  nullable    = false

  validation {
    # refuses_caller_without_an_identity
    condition     = var.api_key_required || var.authorization.type != "NONE"
    error_message = "TB006: without an API key and without an authorizer only the body could say who calls, and everybody can write any client_id into a body. Set api_key_required to true, or authorization.type."
  }
}

variable "api_key_source" {
  description = "Where the API key comes from: HEADER (`x-api-key`) or AUTHORIZER (the `usageIdentifierKey` of a CUSTOM authorizer's answer)."
  type        = string
  default     = "HEADER"
  nullable    = false

  validation {
    # refuses_unknown_api_key_source
    condition     = contains(["HEADER", "AUTHORIZER"], var.api_key_source)
    error_message = "api_key_source is neither HEADER nor AUTHORIZER. Write HEADER unless a custom authorizer names the key."
  }

  validation {
    # refuses_key_from_an_authorizer_that_is_not_there
    condition     = var.api_key_source != "AUTHORIZER" || var.authorization.type == "CUSTOM"
    error_message = "api_key_source AUTHORIZER lets nobody in without a custom authorizer, which alone can name the key. Set authorization.type to CUSTOM, or api_key_source to HEADER."
  }
}

################################################################################
# Integration and permission
################################################################################

variable "function_arn" {
  description = "ARN of the Lambda function behind POST /oauth2/token, with an alias if it has one."
  type        = string
  nullable    = false

  validation {
    # refuses_integration_that_is_no_function
    condition     = can(regex("^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9_-]{1,128})?$", var.function_arn))
    error_message = "TB005: function_arn is no Lambda function's ARN; an URL, Cognito, a service's ARN, a stage variable and $LATEST are refused, because only the broker function decides. Write arn:aws:lambda:REGION:ACCOUNT:function:NAME, or that with :ALIAS."
  }
}

variable "integration_timeout_milliseconds" {
  description = "How long the function may take, 50 to 29000."
  type        = number
  default     = 29000
  nullable    = false

  validation {
    # refuses_timeout_that_api_gateway_does_not_take
    condition     = var.integration_timeout_milliseconds >= 50 && var.integration_timeout_milliseconds <= 29000 && floor(var.integration_timeout_milliseconds) == var.integration_timeout_milliseconds
    error_message = "integration_timeout_milliseconds is no whole number from 50 to 29000. Write 29000 unless callers give up earlier."
  }
}

################################################################################
# Deployment and stage
################################################################################

variable "stage_name" {
  description = "Name of the stage, the first segment of the URL; `homes.aws.stage` of token-broker.yaml."
  type        = string
  nullable    = false

  validation {
    # refuses_stage_with_a_wrong_name
    condition     = can(regex("^[A-Za-z0-9_-]{1,128}$", var.stage_name))
    error_message = "stage_name is not 1 to 128 letters, digits, - and _. Write a name such as prod."
  }
}

variable "access_log" {
  description = "How long CloudWatch keeps the access log and the execution log, and the KMS key that encrypts them (CloudWatch's own if null)."
  type = object({
    retention_days = optional(number, 365)
    kms_key_arn    = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    # refuses_retention_that_cloudwatch_does_not_take
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.access_log.retention_days)
    error_message = "access_log.retention_days is none that CloudWatch takes, or 0, which is for ever. Write 30, 90, 365, 731 or another of its values."
  }

  validation {
    # refuses_kms_key_that_is_none
    condition     = var.access_log.kms_key_arn == null ? true : can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.access_log.kms_key_arn))
    error_message = "access_log.kms_key_arn is no key's ARN; CloudWatch takes no alias. Write arn:aws:kms:REGION:ACCOUNT:key/ID, or remove it."
  }
}

variable "execution_log_level" {
  description = "OFF, ERROR or INFO in place of api.logging_level, while a fault is looked for. Bodies are never logged, whatever is written here."
  type        = string
  default     = null

  validation {
    # refuses_unknown_log_level
    condition     = var.execution_log_level == null ? true : contains(["OFF", "ERROR", "INFO"], var.execution_log_level)
    error_message = "execution_log_level is none of OFF, ERROR and INFO. Write ERROR unless a fault is looked for."
  }
}

variable "metrics_enabled" {
  description = "Whether CloudWatch gets metrics per method; they cost extra."
  type        = bool
  default     = true
  nullable    = false
}

variable "xray_tracing_enabled" {
  description = "Whether X-Ray traces requests."
  type        = bool
  default     = false
  nullable    = false
}

################################################################################
# Usage plans and API keys
################################################################################

variable "plans" {
  description = "The part `plans` of token-broker.yaml: what each API key may use, for itself."
  type = map(object({
    throttle       = optional(object({ rate = number, burst = number }))
    token_endpoint = optional(object({ rate = number, burst = number }))
    quota          = optional(object({ limit = number, period = string, offset = optional(number, 0) }))
  }))
  default  = {}
  nullable = false

  validation {
    # refuses_plan_with_a_wrong_name
    condition     = alltrue([for name, plan in var.plans : can(regex("^[a-z0-9][a-z0-9_-]{0,63}$", name))])
    error_message = "A plan's name is not 1 to 64 lowercase letters, digits, - and _, with a letter or digit first. Write a name such as standard."
  }

  validation {
    # refuses_plan_without_a_throttle
    condition     = alltrue([for plan in values(var.plans) : plan.throttle != null])
    error_message = "TB017: a plan has no throttle, so that a single key may take everything that the stage admits. Set the plan's throttle with a rate and a burst."
  }

  validation {
    # refuses_plan_with_a_rate_that_is_no_rate
    condition = alltrue([
      for throttle in flatten([for plan in values(var.plans) : [plan.throttle, plan.token_endpoint]]) :
      throttle == null ? true : throttle.rate > 0 && throttle.rate <= 1000000 && can(regex("^[0-9]+(\\.[0-9]{1,3})?$", tostring(throttle.rate)))
    ])
    error_message = "A plan's rate is not above 0, above 1000000, or has more than three decimals. Write requests per second, such as 10 or 0.5."
  }

  validation {
    # refuses_plan_with_a_burst_that_is_no_burst
    condition = alltrue([
      for throttle in flatten([for plan in values(var.plans) : [plan.throttle, plan.token_endpoint]]) :
      throttle == null ? true : throttle.burst >= 1 && throttle.burst <= 9007199 && floor(throttle.burst) == throttle.burst
    ])
    error_message = "A plan's burst is no whole number from 1 to 9007199. Write how many requests the full bucket holds."
  }

  validation {
    # refuses_plan_whose_key_takes_all
    condition = alltrue([
      for plan in values(var.plans) : local.method_throttle == null || plan.throttle == null ? true : alltrue([
        for limit in ["rate", "burst"] :
        min([for throttle in [plan.throttle, plan.token_endpoint] : throttle[limit] if throttle != null]...) < local.method_throttle[limit]
      ])
    ])
    error_message = "TB018: a key on one of the plans could use up what all callers of POST /oauth2/token share. Make the rate and the burst of the plan's throttle, or of its token_endpoint, smaller than those of api.token_endpoint.throttle (or of api.throttle, where that is not set)."
  }

  validation {
    # refuses_quota_that_lets_nobody_in
    condition     = alltrue([for plan in values(var.plans) : plan.quota == null ? true : plan.quota.limit >= 1 && plan.quota.limit <= 2147483647 && floor(plan.quota.limit) == plan.quota.limit])
    error_message = "A quota's limit is no whole number from 1 to 2147483647. Write how many requests a key may make in the period."
  }

  validation {
    # refuses_quota_with_an_unknown_period
    condition     = alltrue([for plan in values(var.plans) : plan.quota == null ? true : contains(["day", "week", "month"], plan.quota.period)])
    error_message = "A quota's period is none of day, week and month. Write one of them, in lower case."
  }

  validation {
    # refuses_quota_that_starts_outside_its_period
    condition = alltrue([
      for plan in values(var.plans) : plan.quota == null ? true :
      plan.quota.offset >= 0 && plan.quota.offset <= lookup({ day = 0, week = 6 }, plan.quota.period, 27) && floor(plan.quota.offset) == plan.quota.offset
    ])
    error_message = "A quota's offset lies outside its period. Write 0 for day, 0 to 6 for week, 0 to 27 for month."
  }
}

variable "clients" {
  description = "The part `clients` of token-broker.yaml. Only `plan` is read here; scopes, networks and dates are the broker's, and Terraform drops them."
  type        = map(object({ plan = string }))
  default     = {}
  nullable    = false

  validation {
    # refuses_client_with_a_wrong_name
    condition     = alltrue([for name, client in var.clients : can(regex("^[a-z0-9][a-z0-9_-]{0,63}$", name))])
    error_message = "A client's name is not 1 to 64 lowercase letters, digits, - and _, with a letter or digit first. Write a name such as billing."
  }

  validation {
    # refuses_client_on_an_unknown_plan
    condition     = alltrue([for client in values(var.clients) : contains(keys(var.plans), client.plan)])
    error_message = "A client is on a plan that is not in plans, so that its key would be refused. Write the name of a plan, or add the plan."
  }

  validation {
    # refuses_plan_that_no_client_is_on
    condition     = alltrue([for name, plan in var.plans : contains([for client in values(var.clients) : client.plan], name)])
    error_message = "TB023: a plan has no client and so no key; it admits nobody, and hides that a client may have been meant for it. Put a client on it, or remove it."
  }
}

variable "keys" {
  description = "API keys of clients that need others than the one that is named like them: client => key name => { enabled }. To rotate, give `billing = { billing = {}, \"billing.2\" = {} }`."
  type        = map(map(object({ enabled = optional(bool, true) })))
  default     = {}
  nullable    = false

  validation {
    # refuses_keys_of_an_unknown_client
    condition     = alltrue([for client in keys(var.keys) : contains(keys(var.clients), client)])
    error_message = "TB021: keys names a client that is not in clients, so that its keys would be nobody's. Write a client's name, or remove the entry."
  }

  validation {
    # refuses_client_without_any_key
    condition     = alltrue([for names in values(var.keys) : length(names) > 0])
    error_message = "keys gives a client no key at all, so that it could never call. Name at least one, or remove the entry: then the client has one key that is named like it."
  }

  validation {
    # refuses_client_with_too_many_keys
    condition     = alltrue([for names in values(var.keys) : length(names) <= 10])
    error_message = "keys gives a client more than 10 keys, and every one has a bucket and a quota of its own. Remove those that are no longer used; rotation needs two."
  }

  validation {
    # refuses_key_with_a_wrong_name
    condition     = alltrue(flatten([for names in values(var.keys) : [for name in keys(names) : can(regex("^[a-z0-9][a-z0-9._-]{0,127}$", name))]]))
    error_message = "A key's name is not 1 to 128 lowercase letters, digits, ., - and _, with a letter or digit first. Write a name such as billing.2."
  }

  validation {
    # refuses_key_that_two_clients_share
    condition = alltrue(flatten([
      for client, names in var.keys : [
        for name in keys(names) : [
          for other in keys(var.clients) :
          client == other || !contains(contains(keys(var.keys), other) ? keys(var.keys[other]) : [other], name)
        ]
      ]
    ]))
    error_message = "TB021: one key name stands under two clients (a client that keys does not name has a key named like itself). A key is one client's: limits, policy and audit go by it. Name each client's keys differently, such as billing and billing.2."
  }
}

################################################################################
# Custom domain and WAF
################################################################################

variable "domain" {
  description = "A custom domain: name, regional ACM certificate, base path, and mutual TLS with the trust store at an s3:// URI. TLS 1.2 is the least it speaks."
  type = object({
    name            = string
    certificate_arn = string
    base_path       = optional(string)
    mutual_tls = optional(object({
      truststore_uri     = string
      truststore_version = optional(string)
    }))
  })
  default = null

  validation {
    # refuses_domain_with_a_wrong_name
    condition     = var.domain == null ? true : length(var.domain.name) <= 253 && can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", var.domain.name))
    error_message = "domain.name is no host name in lower case. Write a name such as token.example.com, without https:// and path; wildcards are refused, because they would take other hosts along."
  }

  validation {
    # refuses_certificate_that_is_none
    condition     = var.domain == null ? true : can(regex("^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+$", var.domain.certificate_arn))
    error_message = "domain.certificate_arn is no ACM certificate's ARN. Write that of a certificate in the API's region."
  }

  validation {
    # refuses_base_path_with_a_slash
    condition     = var.domain == null ? true : var.domain.base_path == null ? true : can(regex("^[A-Za-z0-9$_.+!*'-]+$", var.domain.base_path))
    error_message = "domain.base_path is empty or has a character that a single path segment cannot have. Write a segment without slashes, or remove it to have the API at the root."
  }

  validation {
    # refuses_truststore_that_is_not_in_s3
    condition     = var.domain == null ? true : var.domain.mutual_tls == null ? true : can(regex("^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+$", var.domain.mutual_tls.truststore_uri))
    error_message = "domain.mutual_tls.truststore_uri is no s3:// URI. Write s3://BUCKET/KEY of a PEM file with the certificates of the authorities."
  }

  validation {
    # refuses_domain_of_a_private_api
    condition     = var.domain == null || var.endpoint_type == "REGIONAL"
    error_message = "domain needs a REGIONAL API: private custom domains are another kind of object, which this module does not make. Remove domain, or set endpoint_type to REGIONAL."
  }
}

variable "disable_execute_api_endpoint" {
  description = "Whether the API can be reached by its custom domain only. By default it is so if there is a domain."
  type        = bool
  default     = null

  validation {
    # refuses_way_around_mutual_tls
    condition     = var.domain == null ? true : var.domain.mutual_tls == null || var.disable_execute_api_endpoint != false
    error_message = "With mutual TLS the execute-api endpoint must be disabled: it asks for no certificate and would be a way around. Remove disable_execute_api_endpoint."
  }

  validation {
    # refuses_api_that_nobody_can_reach
    condition     = var.disable_execute_api_endpoint != true || var.domain != null
    error_message = "Without a domain the execute-api endpoint is the only way in. Remove disable_execute_api_endpoint, or set domain."
  }
}

variable "web_acl" {
  description = "A WAF web ACL for the stage: `{ arn = aws_wafv2_web_acl.this.arn }`. An object, so that a plan knows that there is one before it knows its ARN."
  type        = object({ arn = string })
  default     = null

  validation {
    # refuses_web_acl_that_is_not_regional
    condition     = var.web_acl == null ? true : can(regex("^arn:aws[a-z-]*:wafv2:[a-z0-9-]+:[0-9]{12}:regional/webacl/.+$", var.web_acl.arn))
    error_message = "web_acl.arn is no regional WAFv2 web ACL's ARN. Write that of one with the scope REGIONAL in the API's region."
  }
}

################################################################################
# Everywhere
################################################################################

variable "tags" {
  description = "Tags for everything that can have them."
  type        = map(string)
  default     = {}
  nullable    = false
}
