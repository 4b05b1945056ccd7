# Who reaches the pool at all, if `origin_header` asks for it: whoever knows a secret header, which is the broker. A stolen
# app-client secret alone is of no use then. The documents by which tokens are verified stay open to everybody.
#
# The header's values stand in the state and in the web ACL, where `wafv2:GetWebACL` shows them: see README.md. Terraform
# prints them at no step: they come from an attribute that the provider's schema calls sensitive, and out of nothing else.

locals {
  origin_values = var.origin_header == null ? [] : var.origin_header.values
}

################################################################################
# The header's values
################################################################################

# Each is made by the apply that makes its parameter, and handed over by an argument that Terraform does not keep. `uuid()`
# gives another one at every apply (128 bits of the system's randomness each), of which only the first is ever written. A
# parameter, whatever `store` says: it costs nothing, and the broker reads another place.
resource "aws_ssm_parameter" "origin_value" {
  #checkov:skip=CKV_AWS_337:A key of one's own is an input; AWS's own key keeps the secret in this account all the same.
  for_each = toset(local.origin_values)

  name             = "/${local.path}/origin-header/${each.key}"
  description      = "A value of the header by which the web ACL knows the broker"
  type             = "SecureString"
  key_id           = var.store.kms_key_arn
  value_wo         = replace("${uuid()}${uuid()}", "-", "")
  value_wo_version = 1
  tags             = var.tags

  lifecycle {
    # The provider would update it with an empty value, and SSM refuses that. The next value has the new key.
    ignore_changes = [key_id]
  }
}

# By the id, which is known when the parameter is there; the name is known before.
data "aws_ssm_parameter" "origin_value" {
  for_each = aws_ssm_parameter.origin_value

  name = each.value.id
}

################################################################################
# Where the broker reads it
################################################################################

locals {
  # One place, whichever value lies there: a rotation changes neither the bindings nor what the broker may read.
  origin_header = one([
    for name in slice(local.origin_values, max(length(local.origin_values) - 1, 0), length(local.origin_values)) : {
      value = data.aws_ssm_parameter.origin_value[name].value
      # Another value is another number, which is sensitive as the value is. So are another key and another header's name:
      # SSM takes those together with a value only.
      version = parseint(substr(sha1(jsonencode([data.aws_ssm_parameter.origin_value[name].value, var.store.kms_key_arn, var.origin_header.name])), 0, 8), 16)
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

  name        = "${local.path}/origin-header"
  description = "Value of the header ${var.origin_header.name}, which the broker sends to the user pool"
  kms_key_id  = var.store.kms_key_arn
  # A deleted entry keeps its name for as long as it can be brought back, and `origin_header` could not be asked for again.
  recovery_window_in_days = 0
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
  # /POOL/.well-known/… and nothing before or behind it.
  published = "^/[a-z0-9-]+_[A-Za-z0-9]+/[.]well-known/(jwks[.]json|openid-configuration)$"

  # A rule stays where it is when another one comes or goes, so that a plan shows it only if it changes itself.
  origin_priorities = { for name in local.origin_values : name => 10 + parseint(substr(sha1(name), 0, 6), 16) }
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
    dynamic "block" {
      for_each = var.origin_header.enforce ? [1] : []
      content {}
    }

    dynamic "allow" {
      for_each = var.origin_header.enforce ? [] : [1]
      content {}
    }
  }

  dynamic "rule" {
    for_each = local.origin_values

    content {
      name     = "header-${rule.value}"
      priority = local.origin_priorities[rule.value]

      action {
        allow {}
      }

      statement {
        byte_match_statement {
          positional_constraint = "EXACTLY"
          search_string         = data.aws_ssm_parameter.origin_value[rule.value].value

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

  rule {
    name     = "published"
    priority = 1

    action {
      allow {}
    }

    statement {
      and_statement {
        statement {
          byte_match_statement {
            positional_constraint = "EXACTLY"
            search_string         = "GET"

            field_to_match {
              method {}
            }

            text_transformation {
              priority = 0
              type     = "NONE"
            }
          }
        }

        statement {
          regex_match_statement {
            regex_string = local.published

            field_to_match {
              uri_path {}
            }

            text_transformation {
              priority = 0
              type     = "NONE"
            }
          }
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-published"
      sampled_requests_enabled   = false
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
