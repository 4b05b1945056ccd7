# Who reaches the pool at all, if `origin_header` asks for it: whoever knows a secret header, which is the broker. A stolen
# app-client secret alone is of no use then. The documents by which tokens are verified stay open to everybody.
#
# The header's values stand in the state and in the web ACL, where `wafv2:GetWebACL` shows them: see README.md.

locals {
  origin_values = var.origin_header == null ? [] : var.origin_header.values
}

################################################################################
# The header's values
################################################################################

# It gives another value at every plan; the first that is seen is the one that is kept.
data "aws_secretsmanager_random_password" "origin" {
  for_each = toset(local.origin_values)

  password_length            = 64
  exclude_punctuation        = true
  require_each_included_type = true
}

resource "terraform_data" "origin" {
  for_each = toset(local.origin_values)

  input = sensitive(data.aws_secretsmanager_random_password.origin[each.key].random_password)

  lifecycle {
    ignore_changes = [input]
  }
}

################################################################################
# Where the broker reads it
################################################################################

locals {
  origin_header = one([
    for name in slice(local.origin_values, max(length(local.origin_values) - 1, 0), length(local.origin_values)) : {
      value   = terraform_data.origin[name].output
      version = parseint(substr(sha1(terraform_data.origin[name].id), 0, 8), 16)
    }
  ])
  origin_in_secrets_manager = var.origin_header != null && var.store.kind == "secretsmanager"
  origin_in_ssm             = var.origin_header != null && var.store.kind == "ssm"
  origin_reference = var.origin_header == null ? null : (
    var.store.kind == "ssm" ? "ssm:${aws_ssm_parameter.origin[0].name}" : "secretsmanager:${aws_secretsmanager_secret.origin[0].arn}"
  )
}

resource "aws_secretsmanager_secret" "origin" {
  #checkov:skip=CKV_AWS_149:A key of one's own is an input; AWS's own key keeps the secret in this account all the same.
  #checkov:skip=CKV2_AWS_57:The web ACL must learn of a new value before the broker does: `origin_header.values` rotates both.
  count = local.origin_in_secrets_manager ? 1 : 0

  name                    = "${local.path}/origin-header"
  description             = "Value of the header ${var.origin_header.name}, which the broker sends to the user pool"
  kms_key_id              = var.store.kms_key_arn
  recovery_window_in_days = var.store.recovery_window_days
  tags                    = var.tags
}

resource "aws_secretsmanager_secret_version" "origin" {
  count = local.origin_in_secrets_manager ? 1 : 0

  secret_id                = aws_secretsmanager_secret.origin[0].id
  secret_string_wo         = local.origin_header.value
  secret_string_wo_version = local.origin_header.version

  # The broker must not send what is not let in yet.
  depends_on = [aws_wafv2_web_acl.origin]
}

resource "aws_ssm_parameter" "origin" {
  #checkov:skip=CKV_AWS_337:A key of one's own is an input; AWS's own key keeps the secret in this account all the same.
  count = local.origin_in_ssm ? 1 : 0

  name             = "/${local.path}/origin-header"
  description      = "Value of the header ${var.origin_header.name}, which the broker sends to the user pool"
  type             = "SecureString"
  key_id           = var.store.kms_key_arn
  value_wo         = local.origin_header.value
  value_wo_version = local.origin_header.version
  tags             = var.tags

  depends_on = [aws_wafv2_web_acl.origin]
}

################################################################################
# Web ACL
################################################################################

locals {
  published = ["/.well-known/jwks.json", "/.well-known/openid-configuration"]
}

resource "aws_wafv2_web_acl" "origin" {
  #checkov:skip=CKV_AWS_192:Managed rules look for attacks on applications; here nothing is let in that has no secret.
  #checkov:skip=CKV2_AWS_31:A log of requests would hold the secret header; what is let in and refused is counted as metrics.
  count = var.origin_header == null ? 0 : 1

  name        = "${var.name}-user-pool"
  description = "Lets requests with the header ${var.origin_header.name} reach the user pool"
  scope       = "REGIONAL"
  tags        = var.tags

  # Not by path: whatever else Cognito answers, GetClientToken of its API included, gives tokens as well.
  default_action {
    block {}
  }

  dynamic "rule" {
    for_each = local.origin_values

    content {
      name     = "header-${rule.value}"
      priority = 1 + rule.key

      action {
        allow {}
      }

      statement {
        byte_match_statement {
          positional_constraint = "EXACTLY"
          search_string         = terraform_data.origin[rule.value].output

          field_to_match {
            single_header {
              name = var.origin_header.name
            }
          }

          text_transformation {
            priority = 0
            type     = "NONE"
          }
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = "${var.name}-header-${rule.value}"
        # A sample shows headers, and this one is a secret.
        sampled_requests_enabled = false
      }
    }
  }

  dynamic "rule" {
    for_each = local.published

    content {
      name     = trimsuffix(basename(rule.value), ".json")
      priority = 10 + rule.key

      action {
        allow {}
      }

      statement {
        byte_match_statement {
          positional_constraint = "ENDS_WITH"
          search_string         = rule.value

          field_to_match {
            uri_path {}
          }

          text_transformation {
            priority = 0
            type     = "NONE"
          }
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = "${var.name}-${trimsuffix(basename(rule.value), ".json")}"
        sampled_requests_enabled   = false
      }
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = "${var.name}-user-pool"
    sampled_requests_enabled   = false
  }
}

resource "aws_wafv2_web_acl_association" "origin" {
  count = var.origin_header == null ? 0 : 1

  resource_arn = aws_cognito_user_pool.this.arn
  web_acl_arn  = aws_wafv2_web_acl.origin[0].arn
}
