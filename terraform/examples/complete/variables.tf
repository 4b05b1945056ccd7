variable "definition_file" {
  description = "The definition; a relative path begins where this file stands. The package must have the same, byte for byte: the function refuses to start with another one."
  type        = string
  default     = "token-broker.yaml"
  nullable    = false

  validation {
    # refuses_definition_that_is_none
    condition     = can(yamldecode(file(startswith(var.definition_file, "/") ? var.definition_file : "${path.root}/${var.definition_file}")).api)
    error_message = "definition_file is no readable definition with a part `api`. Write the path of a token-broker.yaml that `token-broker config check` accepts."
  }

  validation {
    # refuses_definition_without_an_aws_home
    condition     = can(yamldecode(file(startswith(var.definition_file, "/") ? var.definition_file : "${path.root}/${var.definition_file}")).homes.aws.region)
    error_message = "The definition has no `homes.aws` with a region. Add `homes: { aws: { stage: prod, region: eu-central-1 } }` to it."
  }
}

variable "package_file" {
  description = "The zip with the broker's `bootstrap` and the definition; a relative path begins where Terraform runs."
  type        = string
  nullable    = false
}

variable "architecture" {
  description = "What the package was built for: arm64 or x86_64."
  type        = string
  default     = "arm64"
  nullable    = false
}

variable "extension_layer_arn" {
  description = "The AWS Parameters and Secrets Lambda Extension for the region of `homes.aws` and the architecture: https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-integration-lambda-extensions.html"
  type        = string
  nullable    = false
}

variable "extension_layer_account" {
  description = "Whose the extension is, for a region that the module `broker` does not know: see its input."
  type        = string
  default     = null
}

variable "domain_prefix" {
  description = "Where the user pool's token endpoint is: https://PREFIX.auth.REGION.amazoncognito.com. Nobody else in the region may have it."
  type        = string
  nullable    = false
}

variable "origin_header" {
  description = "A web ACL that lets only the broker reach the user pool, by a secret header: see user-pool's input. It costs by the month; `{}` asks for it, null leaves it out. Before a pool that is in use, `{ enforce = false }` comes first."
  type        = object({ name = optional(string), values = optional(list(string)), enforce = optional(bool) })
  default     = null
}

variable "secrets_kms_key_arn" {
  description = "The KMS key that encrypts the app clients' secrets, by which the broker may decrypt them; AWS's own if null."
  type        = string
  default     = null
}

variable "keys" {
  description = "API keys of clients that need others than the one that is named like them, for rotation: see rest-api's input `keys`."
  type        = map(map(object({ enabled = optional(bool, true) })))
  default     = {}
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether the user pool cannot be deleted, and its secrets can be brought back for 30 days."
  type        = bool
  default     = true
  nullable    = false
}

variable "reserved_concurrency" {
  description = "How many instances of the broker there may be at once, -1 for as many as the account has: see broker's input."
  type        = number
  default     = 10
  nullable    = false
}

variable "manage_account_logging" {
  description = "Whether to give API Gateway the role by which it writes logs. It is one setting for the whole account and region, so that it is off unless nothing else sets it."
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
