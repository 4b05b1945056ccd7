# Where the app clients' secrets lie for the broker. Each is written once, when its app client is made, by an argument that
# Terraform neither keeps nor reads back: what an operator puts into an entry while two secrets are valid stays there.

locals {
  # The pool's id is in it: a pool made again does not meet the deleted secrets of the one before.
  path = "${var.name}/${aws_cognito_user_pool.this.id}"

  in_secrets_manager = var.store.kind == "secretsmanager" ? keys(local.app_clients) : []
  in_ssm             = var.store.kind == "ssm" ? keys(local.app_clients) : []

  # Another app client is another number, and a number that changes is what makes Terraform write again.
  written = { for name, app_client in aws_cognito_user_pool_client.this : name => parseint(substr(sha1(app_client.id), 0, 8), 16) }

  references = {
    for name in keys(local.app_clients) : name => (
      var.store.kind == "ssm" ? "ssm:${aws_ssm_parameter.app_client[name].name}" : "secretsmanager:${aws_secretsmanager_secret.app_client[name].arn}"
    )
  }
}

################################################################################
# Secrets Manager
################################################################################

resource "aws_secretsmanager_secret" "app_client" {
  #checkov:skip=CKV_AWS_149:A key of one's own is an input; AWS's own key keeps the secret in this account all the same.
  #checkov:skip=CKV2_AWS_57:Rotation by a function would need the pool's admin API; two secrets in one entry do without.
  for_each = toset(local.in_secrets_manager)

  name                    = "${local.path}/${each.key}"
  description             = "Secret of the app client ${each.key}: one, or two while they are rotated, a line each"
  kms_key_id              = var.store.kms_key_arn
  recovery_window_in_days = var.store.recovery_window_days
  tags                    = var.tags
}

resource "aws_secretsmanager_secret_version" "app_client" {
  for_each = aws_secretsmanager_secret.app_client

  secret_id                = each.value.id
  secret_string_wo         = aws_cognito_user_pool_client.this[each.key].client_secret
  secret_string_wo_version = local.written[each.key]
}

################################################################################
# SSM
################################################################################

resource "aws_ssm_parameter" "app_client" {
  #checkov:skip=CKV_AWS_337:A key of one's own is an input; AWS's own key keeps the secret in this account all the same.
  for_each = toset(local.in_ssm)

  name             = "/${local.path}/${each.key}"
  description      = "Secret of the app client ${each.key}: one, or two while they are rotated, a line each"
  type             = "SecureString"
  key_id           = var.store.kms_key_arn
  value_wo         = aws_cognito_user_pool_client.this[each.key].client_secret
  value_wo_version = local.written[each.key]
  tags             = var.tags
}
