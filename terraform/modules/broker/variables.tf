# What is put into the module: the package, how much of it may run, what it is bound to, what it may log.
#
# There is no input for environment variables: the broker refuses those it does not know, and a secret has no place there.
#
# Every validation begins with the name of the run in tests/ that makes it fail.

variable "name" {
  description = "Name of the function, and what the names of its role, log group and bindings begin with."
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
# Package
################################################################################

variable "package_file" {
  description = "The zip that `token-broker package` wrote: `bootstrap` and the definition. A relative path begins where Terraform runs."
  type        = string
  nullable    = false

  validation {
    # refuses_package_that_is_not_there
    condition     = endswith(var.package_file, ".zip") && fileexists(var.package_file)
    error_message = "package_file is no zip that is there. Build it, and write its path."
  }
}

variable "package_sha256" {
  description = "The SHA-256 that the package must have, in Base64 as `token-broker package` and Lambda show it. By default any."
  type        = string
  default     = null

  validation {
    # refuses_package_that_is_another_one
    condition     = var.package_sha256 == null ? true : var.package_sha256 == try(filebase64sha256(var.package_file), "")
    error_message = "package_file does not have the SHA-256 package_sha256: it is not the package that was meant. Hand over the one that was, or its SHA-256."
  }
}

variable "definition_path" {
  description = "Where the packaged definition lies on Lambda: `/var/task/` is the root of the zip."
  type        = string
  default     = "/var/task/token-broker.yaml"
  nullable    = false

  validation {
    # refuses_definition_outside_the_package
    condition     = can(regex("^/(var/task|opt)/[A-Za-z0-9._/-]+\\.ya?ml$", var.definition_path)) && !strcontains(var.definition_path, "..")
    error_message = "definition_path is no YAML file below /var/task/, the package, or /opt/, its layers. Write /var/task/token-broker.yaml."
  }
}

variable "definition_sha256" {
  description = "The SHA-256 that the packaged definition must have, in lower-case hexadecimal: `filesha256(…)` of the file that the other modules read. The function refuses to start with another one. By default any."
  type        = string
  default     = null

  validation {
    # refuses_definition_hash_that_is_none
    condition     = var.definition_sha256 == null ? true : can(regex("^[0-9a-f]{64}$", var.definition_sha256))
    error_message = "definition_sha256 is not 64 hexadecimal digits in lower case. Write filesha256(…) of the definition; filebase64sha256(…) is for packages."
  }
}

variable "architecture" {
  description = "What the package was built for: arm64 or x86_64."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    # refuses_unknown_architecture
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture is neither arm64 nor x86_64. Write what the package was built for."
  }
}

variable "extension_layer_arn" {
  description = "The AWS Parameters and Secrets Lambda Extension for the region and the architecture, with its version. AWS's documentation lists the ARNs: https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-integration-lambda-extensions.html"
  type        = string
  nullable    = false

  validation {
    # refuses_layer_that_is_another_one
    condition     = can(regex("^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:layer:AWS-Parameters-and-Secrets-Lambda-Extension(-Arm64)?:[0-9]+$", var.extension_layer_arn))
    error_message = "extension_layer_arn is not the AWS Parameters and Secrets Lambda Extension with a version; another layer would see every secret that the broker reads. Write the ARN that AWS's documentation has for your region."
  }

  validation {
    # refuses_layer_of_somebody_else
    condition     = try(split(":", var.extension_layer_arn)[4], "") == coalesce(var.extension_layer_account, lookup(local.extension_accounts, try(split(":", var.extension_layer_arn)[3], ""), "none"))
    error_message = "extension_layer_arn is of an account that is not known to be AWS's in this region: anybody can give a layer that name, and it would see every secret that the broker reads. Write the ARN that AWS's documentation has for your region; for a region that is not in extension.tf, its account as extension_layer_account as well."
  }

  validation {
    # refuses_layer_for_another_architecture
    condition     = strcontains(var.extension_layer_arn, "-Arm64:") == (var.architecture == "arm64")
    error_message = "extension_layer_arn is for another architecture than the function, which could not start. Write the layer with -Arm64 for arm64, the one without for x86_64."
  }
}

variable "extension_layer_account" {
  description = "Whose the extension is: 12 digits. Only for a region that `extension.tf` does not have, or for a copy in an account of your own: its code sees every secret. By default AWS's account for the region."
  type        = string
  default     = null

  validation {
    # refuses_account_that_is_none
    condition     = var.extension_layer_account == null ? true : can(regex("^[0-9]{12}$", var.extension_layer_account))
    error_message = "extension_layer_account is not 12 digits. Write the account that stands in the ARN of AWS's documentation, in quotes, or remove it."
  }
}

variable "code_signing_config_arn" {
  description = "A code signing configuration, so that Lambda takes signed packages alone. None by default."
  type        = string
  default     = null

  validation {
    # refuses_code_signing_that_is_none
    condition     = var.code_signing_config_arn == null ? true : can(regex("^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:code-signing-config:csc-[a-z0-9]{17}$", var.code_signing_config_arn))
    error_message = "code_signing_config_arn is no code signing configuration's ARN. Write arn:aws:lambda:REGION:ACCOUNT:code-signing-config:csc-…, or remove it."
  }
}

################################################################################
# How much of it runs
################################################################################

variable "memory_mb" {
  description = "Memory of the function and the extension together, 128 to 10240. More memory is more CPU, and so a quicker start."
  type        = number
  default     = 256
  nullable    = false

  validation {
    # refuses_memory_that_lambda_does_not_take
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240 && floor(var.memory_mb) == var.memory_mb
    error_message = "memory_mb is no whole number from 128 to 10240. Write 256 unless it was measured otherwise."
  }
}

variable "timeout_seconds" {
  description = "How long an invocation may take, 1 to 28: the front door gives up after 29. Longer than `broker.upstream.total_timeout` of the definition."
  type        = number
  default     = 20
  nullable    = false

  validation {
    # refuses_timeout_beyond_the_front_doors
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 28 && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "timeout_seconds is no whole number from 1 to 28. API Gateway gives up after 29 seconds, and the caller would get its 504 instead of the broker's answer. Write 20."
  }
}

variable "reserved_concurrency" {
  description = "How many instances there may be at once, -1 for as many as the account has: each asks Cognito for its own tokens. 0 shuts the broker. An account's first 100 cannot be reserved."
  type        = number
  default     = 10
  nullable    = false

  validation {
    # refuses_concurrency_that_is_no_number_of_instances
    condition     = var.reserved_concurrency >= -1 && floor(var.reserved_concurrency) == var.reserved_concurrency
    error_message = "reserved_concurrency is no whole number from -1. Write how many instances there may be at once, or -1 for as many as the account has."
  }
}

variable "provisioned_concurrency" {
  description = "How many instances are kept ready, which costs by the hour. 0 for none."
  type        = number
  default     = 0
  nullable    = false

  validation {
    # refuses_more_instances_ready_than_there_may_be
    condition     = var.provisioned_concurrency >= 0 && floor(var.provisioned_concurrency) == var.provisioned_concurrency && (var.reserved_concurrency == -1 || var.provisioned_concurrency <= var.reserved_concurrency)
    error_message = "provisioned_concurrency is no whole number from 0 to reserved_concurrency. Write 0 unless cold starts hurt, and no more than may run."
  }
}

################################################################################
# Bindings
################################################################################

variable "bindings" {
  description = "What exists only after an apply: `keys` (API key id => client, of rest-api's output `bindings`), `upstream` and `app_clients` (user-pool's outputs). Secrets by reference: `secretsmanager:ARN` or `ssm:/NAME`. The function may read what is named here and nothing else."
  type = object({
    keys = map(string)
    upstream = object({
      token_endpoint = optional(string)
      cognito_idp    = optional(string)
      header         = optional(object({ name = string, value = string }))
    })
    app_clients = map(object({ client_id = string, secret = string }))
  })
  nullable = false

  validation {
    # refuses_key_that_is_no_id
    condition     = alltrue([for id, client in var.bindings.keys : can(regex("^[a-z0-9]{10}$", id)) && can(regex("^[a-z0-9][a-z0-9_-]{0,63}$", client))])
    error_message = "bindings.keys is not API key id => client; an id has ten lowercase letters and digits, a key's value does not belong here. Hand over `keys` of rest-api's output bindings."
  }

  validation {
    # refuses_upstream_that_is_both_or_none
    condition     = (var.bindings.upstream.token_endpoint == null) != (var.bindings.upstream.cognito_idp == null)
    error_message = "bindings.upstream has a token_endpoint and a cognito_idp, or neither of them. Write the domain's token endpoint, or the Cognito API's for GetClientToken."
  }

  validation {
    # refuses_upstream_without_tls
    condition     = can(regex("^https://[a-z0-9.-]+(/[A-Za-z0-9._/-]*)?$", coalesce(var.bindings.upstream.token_endpoint, var.bindings.upstream.cognito_idp, "none")))
    error_message = "bindings.upstream is no https URL, or has a user, a port or a query in it. Secrets go there: write https://HOST/oauth2/token."
  }

  validation {
    # refuses_header_of_an_upstream_that_reads_none
    condition     = var.bindings.upstream.header == null ? true : var.bindings.upstream.cognito_idp == null && can(regex("^[A-Za-z0-9-]+$", var.bindings.upstream.header.name))
    error_message = "bindings.upstream.header stands beside cognito_idp, or its name is none. Only the token endpoint is asked with a header; write its name in letters, digits and -."
  }

  validation {
    # refuses_broker_without_an_app_client
    condition     = length(var.bindings.app_clients) > 0
    error_message = "bindings.app_clients is empty, so that every caller would be told to come back later. Hand over user-pool's output app_clients."
  }

  validation {
    # refuses_secret_that_is_no_reference
    condition = alltrue([
      for reference in concat(values(var.bindings.app_clients)[*].secret, var.bindings.upstream.header[*].value) :
      can(regex("^(secretsmanager:arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}|ssm:/[A-Za-z0-9._/-]+)$", reference))
    ])
    error_message = "A secret of bindings is no reference to one entry, or has a wildcard in it; the secret itself stands in no variable. Write secretsmanager: and the whole ARN with its six last characters, or ssm: and a name that begins with /."
  }
}

variable "bindings_store" {
  description = "Where the bindings are written: ssm (a parameter, up to 4 KB, about 80 keys, free) or secretsmanager (up to 64 KB)."
  type        = string
  default     = "ssm"
  nullable    = false

  validation {
    # refuses_unknown_store_of_bindings
    condition     = contains(["ssm", "secretsmanager"], var.bindings_store)
    error_message = "bindings_store is neither ssm nor secretsmanager. Write one of them."
  }
}

variable "secrets_kms_key_arn" {
  description = "The KMS key that encrypts what the bindings refer to, if it is not AWS's own. The function may decrypt with it through Secrets Manager and SSM alone."
  type        = string
  default     = null

  validation {
    # refuses_kms_key_of_secrets_that_is_none
    condition     = var.secrets_kms_key_arn == null ? true : can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.secrets_kms_key_arn))
    error_message = "secrets_kms_key_arn is no key's ARN: a permission to decrypt goes by one key, and no alias. Write arn:aws:kms:REGION:ACCOUNT:key/ID, or remove it."
  }
}

################################################################################
# Logs, metrics, traces
################################################################################

variable "log" {
  description = "How much the function logs (`level`: off, error, warn, info, debug or trace), how long CloudWatch keeps it, and the KMS key that encrypts it (CloudWatch's own if null). Audit lines are written at every level."
  type = object({
    level          = optional(string, "info")
    retention_days = optional(number, 365)
    kms_key_arn    = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    # refuses_unknown_log_level
    condition     = contains(["off", "error", "warn", "info", "debug", "trace"], var.log.level)
    error_message = "log.level is none of off, error, warn, info, debug and trace. Write info unless a fault is looked for."
  }

  validation {
    # refuses_retention_that_cloudwatch_does_not_take
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log.retention_days)
    error_message = "log.retention_days is none that CloudWatch takes, or 0, which is for ever. Write 30, 90, 365, 731 or another of its values."
  }

  validation {
    # refuses_kms_key_of_logs_that_is_none
    condition     = var.log.kms_key_arn == null ? true : can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.log.kms_key_arn))
    error_message = "log.kms_key_arn is no key's ARN; CloudWatch takes no alias. Write arn:aws:kms:REGION:ACCOUNT:key/ID, or remove it."
  }
}

variable "metrics_namespace" {
  description = "CloudWatch namespace of the broker's metrics, which it writes into its log (EMF)."
  type        = string
  default     = "token-broker"
  nullable    = false

  validation {
    # refuses_namespace_that_is_none
    condition     = can(regex("^[A-Za-z0-9._/#-]{1,255}$", var.metrics_namespace))
    error_message = "metrics_namespace is not 1 to 255 letters, digits and ._-/#. Write a name such as token-broker."
  }
}

variable "xray_tracing_enabled" {
  description = "Whether X-Ray traces invocations. Its two actions know no resources, so that the role then has one statement for all."
  type        = bool
  default     = false
  nullable    = false
}

variable "tags" {
  description = "Tags for everything that can have them."
  type        = map(string)
  default     = {}
  nullable    = false
}
