variable "definition_file" {
  description = "The definition; a relative path begins where this file stands."
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

variable "function_arn" {
  description = "ARN of the broker function, which exists already; with an alias if it has one. In the region of `homes.aws`."
  type        = string
  nullable    = false
}

variable "keys" {
  description = "API keys of clients that need others than the one that is named like them, for rotation: see the module's input `keys`."
  type        = map(map(object({ enabled = optional(bool, true) })))
  default     = {}
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
