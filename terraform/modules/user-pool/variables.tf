# What is put into the module: who asks for which scopes, where tokens are asked for, where secrets lie.
#
# `clients` and `app_clients` have the shape of token-broker.yaml, so that a root module hands over what `yamldecode` gives.
# Terraform drops attributes that a type does not name: `token-broker config check` reads the same file and refuses them.
#
# Every validation begins with the name of the run in tests/ that makes it fail.

variable "name" {
  description = "Name of the user pool, and what the names of its secrets begin with."
  type        = string
  default     = "token-broker"
  nullable    = false

  validation {
    # refuses_wrong_name
    condition     = can(regex("^[a-z][a-z0-9-]{0,47}$", var.name)) && !can(regex("^(aws|ssm)", var.name))
    error_message = "name is not 1 to 48 lowercase letters, digits and -, with a letter first, or begins with aws or ssm, which AWS keeps for itself. Write a name such as token-broker."
  }
}

################################################################################
# App clients
################################################################################

variable "clients" {
  description = "The part `clients` of token-broker.yaml. Only `scopes`, `app_client` and `grants` are read here; the rest is the broker's and the front door's."
  type = map(object({
    scopes     = list(string)
    app_client = optional(string, "m2m")
    grants     = optional(list(string), ["client_credentials"])
  }))
  nullable = false

  validation {
    # refuses_pool_without_a_client
    condition     = length(var.clients) > 0
    error_message = "clients is empty, so that the pool would have no app client and nobody to give tokens to. Hand over the part `clients` of token-broker.yaml."
  }

  validation {
    # refuses_client_without_a_scope
    condition     = alltrue([for client in values(var.clients) : length(client.scopes) > 0])
    error_message = "A client has no scope, and Cognito gives a machine no token without one. Name at least one scope; to give the client no tokens, set `enabled: false`."
  }

  validation {
    # refuses_scope_of_no_resource_server
    condition     = alltrue(flatten([for client in values(var.clients) : [for scope in client.scopes : can(regex("^[!#-\\[\\]-~]{1,256}/[!#-.0-\\[\\]-~]{1,256}$", scope))]]))
    error_message = "A scope is not written resource-server/scope. Cognito gives machines no others: write orders/read, not openid."
  }

  validation {
    # refuses_grant_other_than_client_credentials
    condition     = alltrue(flatten([for client in values(var.clients) : [for grant in client.grants : grant == "client_credentials"]]))
    error_message = "A client has a grant other than client_credentials, and this pool has no users who could sign in by another. Remove it."
  }

  validation {
    # refuses_app_client_with_a_wrong_name
    condition     = alltrue([for client in values(var.clients) : can(regex("^[a-z0-9][a-z0-9_-]{0,63}$", client.app_client))])
    error_message = "An app client's name is not 1 to 64 lowercase letters, digits, - and _, with a letter or digit first. Write a name such as m2m."
  }

  validation {
    # refuses_app_client_with_too_many_scopes
    condition = alltrue([
      for name in distinct([for client in values(var.clients) : client.app_client]) :
      length(distinct(flatten([for client in values(var.clients) : client.scopes if client.app_client == name]))) <= 50
    ])
    error_message = "The clients of an app client have more than 50 scopes together, which is the most that Cognito takes. Give some of them another `app_client`."
  }

  validation {
    # refuses_resource_server_with_too_many_scopes
    condition = alltrue([
      for scopes in values({
        for scope in distinct(flatten([for client in values(var.clients) : client.scopes])) : try(regex("^(.+)/[^/]+$", scope)[0], "") => scope...
      }) : length(scopes) <= 100
    ])
    error_message = "A resource server has more than 100 scopes, which is the most that Cognito takes. Divide it."
  }
}

variable "app_clients" {
  description = "The part `app_clients` of token-broker.yaml: how long the access tokens of each app client live, as hours, minutes and seconds such as `1h30m`."
  type        = map(object({ token_validity = optional(string, "1h") }))
  default     = {}
  nullable    = false

  validation {
    # refuses_validity_that_is_no_duration
    condition     = alltrue([for app_client in values(var.app_clients) : can(regex("^([0-9]+h)?([0-9]+m)?([0-9]+s)?$", app_client.token_validity)) && app_client.token_validity != ""])
    error_message = "A token_validity is not hours, minutes and seconds in this order. Write 5m to 24h, such as 1h, 90m or 1h30m; longer forms of the definition are not read here."
  }

  validation {
    # refuses_app_client_that_no_client_uses
    condition     = alltrue([for name in keys(var.app_clients) : contains([for client in values(var.clients) : client.app_client], name)])
    error_message = "An app client has no client that uses it, so that it would cost money and have no scopes. Name it as a client's `app_client`, or remove it."
  }
}

################################################################################
# Domain
################################################################################

variable "domain" {
  description = "Where the token endpoint is: `{ prefix = \"example-tokens\" }` for https://PREFIX.auth.REGION.amazoncognito.com, or `{ name = \"auth.example.com\", certificate_arn = … }` for a name of your own with a certificate of us-east-1."
  type = object({
    prefix          = optional(string)
    name            = optional(string)
    certificate_arn = optional(string)
  })
  nullable = false

  validation {
    # refuses_domain_that_is_both_or_none
    condition     = (var.domain.prefix == null) != (var.domain.name == null)
    error_message = "domain has a prefix and a name, or neither of them; without one the pool has no token endpoint. Write one of them."
  }

  validation {
    # refuses_prefix_that_cognito_does_not_take
    condition     = var.domain.prefix == null ? true : can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.domain.prefix)) && !can(regex("aws|amazon|cognito", var.domain.prefix))
    error_message = "domain.prefix is not 1 to 63 lowercase letters, digits and -, or has aws, amazon or cognito in it, which Cognito refuses. Write a name that nobody else in the region has."
  }

  validation {
    # refuses_name_that_is_no_host
    condition     = var.domain.name == null ? true : can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", var.domain.name))
    error_message = "domain.name is no host name in lower case. Write a name such as auth.example.com, without https:// and path."
  }

  validation {
    # refuses_name_without_its_certificate
    condition     = (var.domain.name == null) == (var.domain.certificate_arn == null) && (var.domain.certificate_arn == null ? true : can(regex("^arn:aws[a-z-]*:acm:us-east-1:[0-9]{12}:certificate/[A-Za-z0-9-]+$", var.domain.certificate_arn)))
    error_message = "domain.certificate_arn belongs to domain.name and must be an ACM certificate of us-east-1, where Cognito's distribution reads it. Write both, or a prefix alone."
  }
}

################################################################################
# Secrets
################################################################################

variable "store" {
  description = "Where secrets are kept: `kind` secretsmanager or ssm (SecureString), the KMS key that encrypts them (AWS's own if null), and how long Secrets Manager keeps what was deleted, 7 to 30 days, or 0 not at all."
  type = object({
    kind                 = optional(string, "secretsmanager")
    kms_key_arn          = optional(string)
    recovery_window_days = optional(number, 30)
  })
  default  = {}
  nullable = false

  validation {
    # refuses_store_that_keeps_no_secrets
    condition     = contains(["secretsmanager", "ssm"], var.store.kind)
    error_message = "store.kind is neither secretsmanager nor ssm. Files, variables and outputs are no places for secrets: write one of the two."
  }

  validation {
    # refuses_kms_key_that_is_none
    condition     = var.store.kms_key_arn == null ? true : can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.store.kms_key_arn))
    error_message = "store.kms_key_arn is no key's ARN; the broker's permission to decrypt goes by the key, not by an alias. Write arn:aws:kms:REGION:ACCOUNT:key/ID, or remove it."
  }

  validation {
    # refuses_recovery_window_that_secrets_manager_does_not_take
    condition     = var.store.recovery_window_days == 0 || (var.store.recovery_window_days >= 7 && var.store.recovery_window_days <= 30 && floor(var.store.recovery_window_days) == var.store.recovery_window_days)
    error_message = "store.recovery_window_days is neither 0 nor a whole number from 7 to 30. Write 30 unless a deleted pool must be gone at once."
  }
}

################################################################################
# Who reaches the pool
################################################################################

variable "origin_header" {
  description = "A WAF web ACL that lets only requests with a secret header reach the pool, which the broker sends: `name` of the header, names for its values, and `enforce`, false to let everybody in until the broker knows the header. Every value is let in, the last one is the broker's: to rotate, write `[\"1\", \"2\"]`, wait ten minutes, then `[\"2\"]`. None if null."
  type = object({
    name    = optional(string, "x-token-broker-origin")
    values  = optional(list(string), ["1"])
    enforce = optional(bool, true)
  })
  default = null

  validation {
    # refuses_origin_header_with_a_wrong_name
    condition     = var.origin_header == null ? true : can(regex("^x-[a-z0-9-]{1,62}$", var.origin_header.name))
    error_message = "origin_header.name is not x- and up to 62 lowercase letters, digits and -: another header may mean something to Cognito. Write a name such as x-token-broker-origin."
  }

  validation {
    # refuses_origin_header_without_one_or_two_values
    condition = var.origin_header == null ? true : (
      contains([1, 2], length(var.origin_header.values)) &&
      length(distinct(var.origin_header.values)) == length(var.origin_header.values) &&
      alltrue([for value in var.origin_header.values : can(regex("^[a-z0-9-]{1,16}$", value))])
    )
    error_message = "origin_header.values does not have one name, or two different ones, of up to 16 lowercase letters, digits and -. They name generated values and are no values themselves: write [\"1\"]."
  }
}

variable "deletion_protection" {
  description = "Whether Cognito refuses to delete the pool. Tokens of a pool made again have another issuer, and app clients other ids and secrets."
  type        = bool
  default     = true
  nullable    = false
}

variable "tags" {
  description = "Tags for everything that can have them."
  type        = map(string)
  default     = {}
  nullable    = false
}
