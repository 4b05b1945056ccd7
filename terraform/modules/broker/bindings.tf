# What only an apply can say, written where the function reads it: API key ids, ids of app clients, where secrets lie. There
# is no secret in it. The function reads it at its first invocation and again every few minutes; a key that was just added
# is found at its first request.

locals {
  # As crates/bindings reads it: what is not there is left out, not null.
  document = jsonencode({
    version     = 1
    keys        = var.bindings.keys
    upstream    = { for name, value in var.bindings.upstream : name => value if value != null }
    app_clients = var.bindings.app_clients
  })

  bindings_name      = "${var.name}/bindings"
  bindings_reference = var.bindings_store == "ssm" ? "ssm:${aws_ssm_parameter.bindings[0].name}" : "secretsmanager:${aws_secretsmanager_secret.bindings[0].arn}"
}

resource "aws_ssm_parameter" "bindings" {
  #checkov:skip=CKV2_AWS_34:There is no secret in it, and a plan shall show what changes.
  count = var.bindings_store == "ssm" ? 1 : 0

  name           = "/${local.bindings_name}"
  description    = "What the function ${var.name} must know and its package cannot"
  type           = "String"
  insecure_value = local.document
  tags           = var.tags

  lifecycle {
    precondition {
      # refuses_bindings_that_a_parameter_does_not_hold
      condition     = length(local.document) <= 4096
      error_message = "The bindings are longer than a parameter may be (4096 characters). Set bindings_store to secretsmanager."
    }
  }
}

resource "aws_secretsmanager_secret" "bindings" {
  #checkov:skip=CKV_AWS_149:There is no secret in it: it lies here because a parameter would be too small.
  #checkov:skip=CKV2_AWS_57:There is no secret in it, so nothing to rotate.
  count = var.bindings_store == "secretsmanager" ? 1 : 0

  # A name is taken for as long as what was deleted can be brought back; with an ending of its own none is ever taken.
  name_prefix = "${local.bindings_name}-"
  description = "What the function ${var.name} must know and its package cannot"
  # Terraform writes it again from what there is.
  recovery_window_in_days = 0
  tags                    = var.tags
}

resource "aws_secretsmanager_secret_version" "bindings" {
  count = var.bindings_store == "secretsmanager" ? 1 : 0

  secret_id     = aws_secretsmanager_secret.bindings[0].id
  secret_string = local.document

  lifecycle {
    precondition {
      # refuses_bindings_that_a_secret_does_not_hold
      condition     = length(local.document) <= 65536
      error_message = "The bindings are longer than a secret may be (65536 characters). Divide the front door: one has too many keys."
    }
  }
}
